from sqlalchemy import engine_from_config, pool
from alembic import context

import kinds
from shop import Base

config = context.config


def render_item(kind, value, autogen_context):
    """Return how a type of ours is written into a version file."""
    if kind == "type" and isinstance(value, (kinds.Money, kinds.Slug)):
        autogen_context.imports.add("import kinds")
        return f"kinds.{value!r}"
    return False


def compare_type(migration_context, inspected_column, metadata_column, inspected_type, metadata_type):
    """Return False where ours is what the database has under another name."""
    return False if isinstance(metadata_type, (kinds.Money, kinds.Slug)) else None


if context.is_offline_mode():
    context.configure(
        url=config.get_main_option("sqlalchemy.url"),
        target_metadata=Base.metadata,
        literal_binds=True,
        render_item=render_item,
        compare_type=compare_type,
    )
    with context.begin_transaction():
        context.run_migrations()
else:
    engine = engine_from_config(
        config.get_section(config.config_ini_section), prefix="sqlalchemy.", poolclass=pool.NullPool
    )
    with engine.connect() as connection:
        context.configure(
            connection=connection, target_metadata=Base.metadata, render_item=render_item, compare_type=compare_type
        )
        with context.begin_transaction():
            context.run_migrations()
