"""Which rows of the table of mutations Alembic's own comparison sees: the figures that the pages quote."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy.pool import NullPool

from ops import embedded
from tests.database import catalogs
from tests.database.mutations import BASE, MUTATIONS, PATH, Mutation
from tests.project import pages

pytestmark = [pytest.mark.heavy, pytest.mark.timeout(3600)]

OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "default": {},
    "every option": {"compare_type": True, "compare_server_default": True, "include_schemas": True},
}

ROWS = [one for one in MUTATIONS if one.since <= 18 <= one.until and one.needs in ("", "vector") and not one.alone]


def test_the_pages_say_how_much_alembic_check_sees(server: embedded.Server) -> None:
    with catalogs.database(server, BASE) as name:
        engine = sa.create_engine(server.url(name), poolclass=NullPool)
        base = _scene(engine)
        seen = {one.id: _seen(engine, one, base) for one in ROWS}

    changes = [one.id for one in ROWS if one.expected]
    counts = {which: sum(1 for one in changes if seen[one][which]) for which in OPTIONS}
    false_alarms = sum(1 for one in ROWS if not one.expected and any(seen[one.id].values()))
    said = re.findall(
        r"Of (\d+) changes [^.]*?; Alembic's own comparison sees (\d+) with its default options and (\d+) with every",
        pages.everything(),
    )
    assert said, f"of {len(changes)}: {counts}, {false_alarms} look-alikes reported"
    for each in said:
        assert [int(one) for one in each] == [len(changes), *counts.values()], (counts, false_alarms)


Scene = tuple[Mapping[str, sa.MetaData], Mapping[str, str]]
"""Models that say what a schema is, and what a comparison with them says already; each by its options."""


def _scene(engine: sa.Engine, setup: str = "") -> Scene:
    with _undone(engine) as connection:
        connection.exec_driver_sql(f"{PATH}; {setup}".replace("%", "%%"))
        models = {which: _models(connection, options) for which, options in OPTIONS.items()}
        return models, _said(connection, models)


def _seen(engine: sa.Engine, mutation: Mutation, base: Scene) -> dict[str, bool]:
    """Whether a comparison with the schema as it was says more after the mutation than before it."""
    models, before = _scene(engine, mutation.setup) if mutation.setup else base
    with _undone(engine) as connection:
        connection.exec_driver_sql(f"{PATH}; {mutation.setup}".replace("%", "%%"))
        connection.exec_driver_sql(mutation.sql.replace("%", "%%"))
        after = _said(connection, models)
    return {which: before[which] != after[which] for which in OPTIONS}


@contextmanager
def _undone(engine: sa.Engine) -> Iterator[sa.Connection]:
    with engine.connect() as connection:
        try:
            yield connection
        finally:
            connection.rollback()


def _models(connection: sa.Connection, options: Mapping[str, Any]) -> sa.MetaData:
    metadata = sa.MetaData()
    metadata.reflect(connection)
    for schema in ("attic", "public") if options.get("include_schemas") else ():
        metadata.reflect(connection, schema=schema)
    return metadata


def _said(connection: sa.Connection, models: Mapping[str, sa.MetaData]) -> dict[str, str]:
    return {which: _told(connection, models[which], options) for which, options in OPTIONS.items()}


def _told(connection: sa.Connection, metadata: sa.MetaData, options: Mapping[str, Any]) -> str:
    """What the comparison says; an error is something said, too."""
    context = MigrationContext.configure(connection, opts=dict(options))
    savepoint = connection.begin_nested()
    try:
        found = repr(sorted(map(_plain, compare_metadata(context, metadata))))
    except (sa.exc.SQLAlchemyError, AssertionError) as error:  # it asserts that an old default was an identity
        found = type(error).__name__
    savepoint.rollback()
    return found


def _plain(difference: Any) -> str:
    return re.sub(r" at 0x[0-9a-f]+", "", repr(difference))
