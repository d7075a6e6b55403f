"""Write a long history of small revisions, linear or in branches, for benchmarks and for the panel."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

INI = """\
[alembic]
script_location = %(here)s/migrations
prepend_sys_path = %(here)s
path_separator = os
sqlalchemy.url =
"""

ENV = """\
from sqlalchemy import MetaData, engine_from_config, pool
from alembic import context

config = context.config
engine = engine_from_config(
    config.get_section(config.config_ini_section), prefix="sqlalchemy.", poolclass=pool.NullPool
)
with engine.connect() as connection:
    context.configure(connection=connection, target_metadata=MetaData())
    with context.begin_transaction():
        context.run_migrations()
"""

REVISION = '''\
"""{message}"""

import sqlalchemy as sa
from alembic import op

revision = {revision!r}
down_revision = {down_revision!r}


def upgrade():
    {upgrade}


def downgrade():
    {downgrade}
'''

COLUMNS_PER_TABLE = 9

MODELS = """\
from sqlalchemy import Column, Integer, MetaData, String, Table

metadata = MetaData()
for number in range({revisions}):
    table, column = divmod(number, 10)
    if column == 0:
        made = Table(f"table_{{table:04d}}", metadata, Column("id", Integer, primary_key=True))
    else:
        made.append_column(Column(f"column_{{column}}", String(50)))
"""
"""What so many revisions in a row come to, as models: for who wants to compare."""

BRANCHES = 6
ROUND = 61
"""Revisions from one merge to the next: the merge itself, and ten in each branch."""


def line(number: int) -> tuple[int, ...]:
    """Return what a revision follows where each follows the one before it."""
    return (number - 1,) if number > 1 else ()


def braid(number: int) -> tuple[int, ...]:
    """Return what a revision follows where branches part and meet again and again; a history to look at, not to run."""
    place = (number - 1) % ROUND
    if place == 0:
        return tuple(range(number - BRANCHES, number)) if number > 1 else ()
    return (number - min(place, BRANCHES),)


def make(folder: Path, revisions: int, *, parents: Callable[[int], tuple[int, ...]] = line) -> None:
    """Write an Alembic project into a folder: every tenth revision creates a table, the others add a column.

    Ids are `r00001`, `r00002`, ...; env.py reads `sqlalchemy.url`.
    """
    versions = folder / "migrations" / "versions"
    versions.mkdir(parents=True)
    (folder / "alembic.ini").write_text(INI, encoding="utf-8")
    (folder / "migrations" / "env.py").write_text(ENV, encoding="utf-8")
    for number in range(1, revisions + 1):
        table, column = divmod(number - 1, COLUMNS_PER_TABLE + 1)
        name = f"table_{table:04d}"
        if column == 0:
            message = f"create {name}"
            upgrade = f'op.create_table("{name}", sa.Column("id", sa.Integer, primary_key=True))'
            downgrade = f'op.drop_table("{name}")'
        else:
            message = f"add column {column} to {name}"
            upgrade = f'op.add_column("{name}", sa.Column("column_{column}", sa.String(50)))'
            downgrade = f'op.drop_column("{name}", "column_{column}")'
        revision = f"r{number:05d}"
        down = tuple(f"r{one:05d}" for one in parents(number))
        (versions / f"{revision}.py").write_text(
            REVISION.format(
                message=message,
                revision=revision,
                down_revision=down if len(down) > 1 else next(iter(down), None),
                upgrade=upgrade,
                downgrade=downgrade,
            ),
            encoding="utf-8",
        )
