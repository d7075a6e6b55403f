import os

from sqlalchemy import create_engine
from sqlalchemy.engine import URL
from alembic import context

from shop import Base

url = URL.create(
    "postgresql+psycopg2",
    username=os.environ["SHOP_DB_USER"] or None,
    password=os.environ["SHOP_DB_PASSWORD"] or None,
    host=os.environ["SHOP_DB_HOST"],
    port=int(os.environ["SHOP_DB_PORT"]),
    database=os.environ["SHOP_DB_NAME"],
)
with create_engine(url).connect() as connection:
    context.configure(connection=connection, target_metadata=Base.metadata)
    with context.begin_transaction():
        context.run_migrations()
