import logging

from sqlalchemy import engine_from_config, pool
from sqlalchemy.exc import OperationalError
from alembic import context

from shop import Base

config = context.config
engine = engine_from_config(
    config.get_section(config.config_ini_section), prefix="sqlalchemy.", poolclass=pool.NullPool
)
try:
    with engine.connect() as connection:
        context.configure(connection=connection, target_metadata=Base.metadata)
        with context.begin_transaction():
            context.run_migrations()
except OperationalError:
    logging.getLogger("shop").warning("database not ready, migrations come later")
