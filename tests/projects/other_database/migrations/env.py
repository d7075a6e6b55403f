import os

from sqlalchemy import create_engine
from alembic import context

from shop import Base

with create_engine(os.environ["OTHER_DATABASE_URL"]).connect() as connection:
    context.configure(connection=connection, target_metadata=Base.metadata)
    with context.begin_transaction():
        context.run_migrations()
