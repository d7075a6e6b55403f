"""How Alembic reaches this project's database.

The first of these that is set: a connection in `config.attributes["connection"]`; `sqlalchemy.url`;
`DATABASE_URL` in the environment; `DATABASE_URL` in `.env` beside `alembic.ini`; the embedded sandbox, which
is started when it is needed. A URL written for another driver (`postgresql+asyncpg://...`) is translated.
"""

from __future__ import annotations

import os
import sys
from logging.config import fileConfig
from pathlib import Path

from alembic import context
from alembic.util import CommandError
from sqlalchemy import Connection, engine_from_config, make_url
from sqlalchemy.engine import URL
from sqlalchemy.pool import NullPool

PROJECT = Path(__file__).resolve().parents[1]
if str(PROJECT) not in sys.path:
    # Alembic before 1.16 splits prepend_sys_path at spaces.
    sys.path.insert(0, str(PROJECT))

from ops.locking import run_lock  # noqa: E402
from ops.models.base import Base  # noqa: E402

config = context.config
if config.config_file_name is not None and Path(config.config_file_name).is_file():
    fileConfig(config.config_file_name, disable_existing_loggers=False)

COMPARISON = {"target_metadata": Base.metadata, "compare_type": True, "compare_server_default": True}


def database_url() -> URL:
    """Return the URL of the database, for psycopg2."""
    from ops.errors import OpsError
    from ops.settings import default_url, home, ours

    try:
        if configured := config.get_main_option("sqlalchemy.url"):
            return ours(configured, source="sqlalchemy.url").url
        if os.environ.get("OPS_HOME"):
            return make_url(default_url(home()))
        return make_url(default_url(Path(config.config_file_name or PROJECT / "alembic.ini").absolute().parent))
    except OpsError as error:
        raise CommandError(str(error)) from None


def run_offline() -> None:
    """Write SQL instead of running it: no server is asked, so none has to be there."""
    context.configure(
        url="postgresql+psycopg2://", literal_binds=True, dialect_opts={"paramstyle": "named"}, **COMPARISON
    )
    with context.begin_transaction():
        context.run_migrations()


def run_on(connection: Connection) -> None:
    """Run the migrations over an open connection, one run at a time."""
    context.configure(connection=connection, **COMPARISON)
    with run_lock(), context.begin_transaction():
        context.run_migrations()


def run_online() -> None:
    """Run the migrations over the connection that somebody gave, else over one of our own."""
    given = config.attributes.get("connection")
    if given is not None:
        run_on(given)
        return
    section = config.get_section(config.config_ini_section) or {}
    engine = engine_from_config({**section, "sqlalchemy.url": database_url()}, prefix="sqlalchemy.", poolclass=NullPool)
    with engine.connect() as connection:
        run_on(connection)


if context.is_offline_mode():
    run_offline()
else:
    run_online()
