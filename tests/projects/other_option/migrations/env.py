from sqlalchemy import create_engine
from alembic import context

from shop import Base

url = context.config.get_main_option("database_url")
application = context.config.get_section_option("shop", "application")
if not url or not application:
    raise RuntimeError("database_url in [alembic] and application in [shop] are required")

engine = create_engine(url, connect_args={"application_name": application})
with engine.connect() as connection:
    context.configure(connection=connection, target_metadata=Base.metadata)
    with context.begin_transaction():
        context.run_migrations()
