from sqlalchemy import engine_from_config, pool
from alembic import context

from shop import Base

config = context.config
options = {
    "target_metadata": Base.metadata,
    "include_schemas": context.get_x_argument(as_dictionary=True).get("schemas") != "one",
}

if context.is_offline_mode():
    context.configure(url=config.get_main_option("sqlalchemy.url"), literal_binds=True, **options)
    with context.begin_transaction():
        context.run_migrations()
else:
    engine = engine_from_config(
        config.get_section(config.config_ini_section), prefix="sqlalchemy.", poolclass=pool.NullPool
    )
    with engine.connect() as connection:
        context.configure(connection=connection, **options)
        with context.begin_transaction():
            context.run_migrations()
