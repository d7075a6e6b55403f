"""Another database's catalog, as SQLAlchemy's Inspector shows it."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from ops import embedded
from ops.catalog import Catalog, diff, generic
from ops.errors import ConnectError
from ops.values import Verdict
from tests.database import catalogs

BASE = """
CREATE TABLE owner (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE pet (
  id INTEGER PRIMARY KEY, owner_id INTEGER NOT NULL REFERENCES owner (id), kind TEXT DEFAULT 'cat',
  CONSTRAINT known CHECK (kind <> '')
);
CREATE INDEX pet_kind ON pet (kind);
CREATE VIEW cats AS SELECT id FROM pet WHERE kind = 'cat';
CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)
"""

# fmt: off
CHANGES = {
    "a column":                  ("ALTER TABLE pet ADD COLUMN age INTEGER",             ("added", "column", "pet.age")),
    "a column and its NOT NULL": ("ALTER TABLE pet ADD COLUMN x INT NOT NULL DEFAULT 0", ("added", "column", "pet.x")),
    "an index":                  ("DROP INDEX pet_kind",                       ("removed", "index", "pet.pet_kind")),
    "a unique index":            ("CREATE UNIQUE INDEX one ON pet (owner_id)", ("added", "index", "pet.one")),
    "a table with all it has":   ("CREATE TABLE toy (id INTEGER PRIMARY KEY)", ("added", "table", "toy")),
    "a view":                    ("DROP VIEW cats",                            ("removed", "view", "cats")),
    "rows":                      ("INSERT INTO owner (name) VALUES ('a')",     None),
    "the version":               ("INSERT INTO alembic_version VALUES ('1')",  None),
}
# fmt: on


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "pets.sqlite"
    run(file, *BASE.split(";"))
    return file


def run(path: Path, *statements: str) -> Catalog:
    """Run statements in a file, and return its catalog afterwards."""
    with sa.create_engine(f"sqlite:///{path}").begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
        return generic.read(connection)


@pytest.mark.parametrize("case", CHANGES)
def test_a_change_is_told_alone(case: str, path: Path) -> None:
    statement, expected = CHANGES[case]
    before = run(path)

    after = run(path, statement)

    told = [(one.action, one.kind, one.object) for one in diff(before, after)]
    assert told == ([expected] if expected else [])
    assert (before.fingerprint == after.fingerprint) == (expected is None)


def test_what_the_inspector_does_not_give_is_unknown(path: Path) -> None:
    catalog = run(path)

    assert catalog.verdict is Verdict.UNKNOWN
    assert {"trigger", "function", "grant"} & set(catalog.unread) == {"trigger", "function"}
    assert {key.kind for key in catalog.texts} == {
        "table", "column", "not null", "primary key", "foreign key", "unique", "check", "index", "view"
    }  # fmt: skip


def test_a_file_that_is_no_database_is_said_to_be_unreadable(tmp_path: Path) -> None:
    (tmp_path / "notes.sqlite").write_text("not a database, and long enough to be looked at as one" * 20)

    with pytest.raises(ConnectError) as raised:
        run(tmp_path / "notes.sqlite")

    assert raised.value.code == "catalog"


def test_a_hundred_tables_ask_for_no_more_statements_than_one(server: embedded.Server) -> None:
    """Where the dialect can read all tables at once, as PostgreSQL's can; SQLite's asks for each table."""
    table = "CREATE TABLE t{0} (id serial PRIMARY KEY, up integer REFERENCES t{0}, n text UNIQUE CHECK (n <> ''))"

    def statements(tables: int) -> int:
        with catalogs.database(server, *(table.format(number) for number in range(tables))) as name:
            engine = sa.create_engine(server.url(name), poolclass=sa.NullPool)
            seen: list[str] = []
            with engine.connect() as connection:
                sa.event.listen(connection, "before_cursor_execute", lambda *event: seen.append(event[2]))
                catalog = generic.read(connection)
        assert sum(key.kind == "check" for key in catalog.texts) == tables
        return len(seen)

    assert statements(100) == statements(1)
