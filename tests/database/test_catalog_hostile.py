"""Hostile names in every kind: read as they are, quoted as SQL wants them, and told apart."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ops import embedded
from ops.catalog import Key, diff, snapshot
from ops.catalog.names import path, routine
from ops.catalog.queries import KINDS
from tests.database import catalogs, hostile

EVERY = 3
NAMES = pytest.mark.parametrize("name", hostile.NAMES.values(), ids=hostile.NAMES)
SOME = pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.heavy if number % EVERY else (), id=about)
        for number, (about, name) in enumerate(hostile.NAMES.items())
    ],
)
REGISTERED = {
    **dict.fromkeys(("table", "view", "materialized view", "sequence", "foreign table"), "regclass"),
    **dict.fromkeys(("function", "procedure"), "regprocedure"),
    **dict.fromkeys(("enum", "domain", "composite type", "range type"), "regtype"),
}


class Undone:
    """A connection on which everything is undone in the end."""

    def __init__(self, connection) -> None:
        self.cursor = connection.cursor()

    def run(self, *statements: str) -> None:
        for statement in statements:
            self.cursor.execute("SET LOCAL search_path = public")
            self.cursor.execute(statement)

    def read(self, *statements: str):
        """Return the catalog after some statements, which are undone then."""
        self.cursor.execute("SAVEPOINT before")
        self.run(*statements)
        found = snapshot.within(self.cursor)
        self.cursor.execute("ROLLBACK TO before")
        return found


@pytest.fixture
def undone(empty: str, server: embedded.Server) -> Iterator[Undone]:
    connection = catalogs.connect(server, empty)
    yield Undone(connection)
    connection.close()


@pytest.fixture(scope="module")
def empty(server: embedded.Server) -> Iterator[str]:
    with catalogs.database(server) as name:
        yield name


@NAMES
def test_every_object_has_its_name(undone: Undone, name: str) -> None:
    undone.run(*hostile.statements(name))
    keys = [one.key for one in hostile.objects(name)]

    texts = undone.read().texts

    assert {key.kind for key in keys} >= {*KINDS} - {"extension", "not null", "default privileges"}
    assert set(keys) <= set(texts)
    assert Key("default privileges", name, "postgres", "tables") in texts
    assert Key("default privileges", "", name, "tables") in texts
    for key in texts:
        if key.kind in ("function", "procedure", "aggregate"):
            bare, arguments = routine(key.name)
            assert str(key).endswith(f"({arguments})")
            assert path(str(key).removesuffix(f"({arguments})")) == (key.schema, bare)
        else:
            assert path(str(key)) == tuple(part for part in (key.schema, key.parent, key.name) if part)


@SOME
def test_the_server_understands_the_name(undone: Undone, name: str) -> None:
    undone.run(*hostile.statements(name))
    keys = [key for key in undone.read().texts if key.kind in REGISTERED]
    undone.cursor.execute("SET LOCAL search_path = ''")

    for key in keys:
        if key.kind in ("function", "procedure"):
            undone.cursor.execute("SELECT proname::text FROM pg_proc WHERE oid = %s::regprocedure", (str(key),))
            assert undone.cursor.fetchone() == (routine(key.name)[0],)
        else:
            undone.cursor.execute(f"SELECT %s::{REGISTERED[key.kind]}::text", (str(key),))
            assert undone.cursor.fetchone() == (str(key),)


@SOME
def test_every_object_is_dropped_alone(undone: Undone, name: str) -> None:
    undone.run(*hostile.statements(name))
    before = undone.read()

    for one in hostile.objects(name):
        if one.drop:
            (found,) = diff(before, undone.read(one.drop))

            assert (found.action, found.kind, found.object) == ("removed", one.key.kind, str(one.key))


@SOME
def test_every_object_is_commented_alone(undone: Undone, name: str) -> None:
    undone.run(*hostile.statements(name))
    made = hostile.objects(name)
    comments = [f"COMMENT ON {one.spec} IS {hostile.literal(name * 2)}" for one in made]

    found = diff(undone.read(), undone.read(*comments))

    assert sorted((one.kind, one.object) for one in found) == sorted(
        ("comment", f"{one.key.kind} {one.key}") for one in made
    )


RENAMED = {
    "schema": "ALTER SCHEMA {n} RENAME TO {new}",
    "table": "ALTER TABLE {n}.{n} RENAME TO {new}",
    "column": "ALTER TABLE {n}.{n} RENAME {n} TO {new}",
    "enum": "ALTER TYPE {n}.{enum} RENAME TO {new}",
    "sequence": "ALTER SEQUENCE {n}.{sequence} RENAME TO {new}",
    "index": "ALTER INDEX {n}.{index} RENAME TO {new}",
    "view": "ALTER VIEW {n}.{view} RENAME TO {new}",
    "function": "ALTER FUNCTION {n}.{n}() RENAME TO {new}",
    "trigger": "ALTER TRIGGER {n} ON {n}.{n} RENAME TO {new}",
    "policy": "ALTER POLICY {n} ON {n}.{n} RENAME TO {new}",
    "foreign server": "ALTER SERVER {n} RENAME TO {new}",
}


@SOME
def test_every_object_is_renamed_alone(undone: Undone, name: str) -> None:
    undone.run(*hostile.statements(name))
    before = undone.read()
    quoted = {kind: hostile.quote(hostile.cut(name, ending)) for kind, ending in hostile.ENDINGS.items()}

    for kind, sql in RENAMED.items():
        new = hostile.cut(name, " new")
        after = undone.read(sql.format(n=hostile.quote(name), new=hostile.quote(new), **quoted))
        found = diff(before, after)

        assert [(one.action, one.kind, one.key.name.partition("()")[0]) for one in found] == [("renamed", kind, new)]
        assert catalogs.sorted_differences(diff(after, before)) == [found[0].mirrored()]
