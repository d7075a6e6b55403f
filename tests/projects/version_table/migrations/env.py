from sqlalchemy import engine_from_config, inspect, pool
from alembic import context

from shop import Base

SCHEMA = "bookkeeping"

config = context.config
engine = engine_from_config(
    config.get_section(config.config_ini_section), prefix="sqlalchemy.", poolclass=pool.NullPool
)
with engine.connect() as connection:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        version_table="shop_versions",
        version_table_schema=SCHEMA,
    )
    with context.begin_transaction():
        if not inspect(connection).has_schema(SCHEMA):
            context.execute(f"CREATE SCHEMA {SCHEMA}")
        context.run_migrations()
