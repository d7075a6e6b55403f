from sqlalchemy import engine_from_config, pool
from alembic import context

from shop import Base

config = context.config


def include_name(name, type_, parent_names):
    if type_ == "schema":
        return name in (None, "sales")
    if type_ == "index":
        return not name.startswith("dba_")
    return True


def include_object(thing, name, type_, reflected, compare_to):
    if type_ == "table":
        return not (thing.info.get("theirs") or name.startswith("tmp_"))
    if type_ == "unique_constraint":
        return {column.name for column in thing.columns} != {"id", "name"}
    return not (type_ == "column" and name.startswith("x_"))


options = {
    "target_metadata": Base.metadata,
    "include_schemas": True,
    "include_name": include_name,
    "include_object": include_object,
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
