"""Is a name that a statement gives taken already. Tables, views, sequences and indexes share their names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ops.catalog.names import quoted
from ops.commands import Command
from ops.probes.place import Place
from ops.probes.values import Question

_RELATIONS = frozenset(
    {
        *("CREATE TABLE", "CREATE TABLE AS", "CREATE PARTITION", "CREATE VIEW", "CREATE MATERIALIZED VIEW"),
        *("CREATE SEQUENCE", "CREATE FOREIGN TABLE"),
    }
)
_RENAMES = frozenset(
    {"RENAME TABLE", "RENAME VIEW", "RENAME MATERIALIZED VIEW", "RENAME SEQUENCE", "RENAME INDEX"}
    | {"RENAME FOREIGN TABLE"}
)
_BY_INDEX = frozenset({"ADD UNIQUE", "ADD PRIMARY KEY", "ADD EXCLUDE"})
_ADDED = _BY_INDEX | {"ADD CHECK", "ADD FOREIGN KEY", "ADD NOT NULL"}
_FREE = frozenset({"OR REPLACE", "IF NOT EXISTS", "TEMPORARY"})

Wanted = tuple[str, str, str]
"""Kind (`relation`, `relation or type`, `type`, `schema`, `extension`), schema and name."""


def wanted(place: Place, command: Command) -> Iterator[tuple[Wanted, str]]:
    """Yield each name that a command needs to be free, and the question in words."""
    verb, options = command.verb, command.options
    if options & _FREE:
        return
    schema = place.state.full(command.schema, command.name)[0]
    own = command.schema or (place.state.path[0] if place.state.path else "")
    if verb in _RELATIONS:
        words = f"Is there a table, view, index, sequence or type {_full(own, command.name)} already?"
        yield ("relation or type", own, command.name), words
    elif verb in ("CREATE TYPE", "CREATE DOMAIN"):
        yield _type(own, command.name)
    elif verb == "CREATE INDEX" and command.index:
        yield _relation(schema, command.index)
    elif verb in _RENAMES:
        yield _relation(own if verb == "RENAME INDEX" else schema, command.new_name)
    elif verb in ("RENAME TYPE", "RENAME DOMAIN"):
        yield _type(own, command.new_name)
    elif verb == "SET SCHEMA" and command.kind in ("", "view", "sequence", "materialized view"):
        yield _relation(command.value, command.name)
    elif verb in _BY_INDEX and command.constraint and "USING INDEX" not in options:
        yield _relation(schema, command.constraint)
    elif verb == "CREATE SCHEMA":
        yield ("schema", "", command.name), f"Is there a schema {quoted(command.name)} already?"
    elif verb == "CREATE EXTENSION":
        yield ("extension", "", command.name), f"Is there an extension {quoted(command.name)} already?"


def of_table(place: Place, command: Command) -> Iterator[Question]:
    """Ask whether a table has a column or a constraint of a name that is to be new; the state knows."""
    table = place.state.of(command)
    if table is None or table.live is None:
        return
    if command.verb == "ADD COLUMN" and "IF NOT EXISTS" not in command.options:
        yield _column(place, table.sql, command.column, command.column in table.columns)
    elif command.verb == "RENAME COLUMN" and not command.kind:
        yield _column(place, table.sql, command.new_name, command.new_name in table.columns)
    elif command.verb in _ADDED or command.verb == "RENAME CONSTRAINT":
        name = command.new_name or command.constraint
        if name:
            taken = place.state.constraint(table, name) is not None
            yield place.ask(f"Has {table.sql} a constraint {quoted(name)} already?", known=int(taken))
    elif command.verb in ("CREATE TRIGGER", "CREATE POLICY") and "OR REPLACE" not in command.options:
        kind = command.verb.removeprefix("CREATE ").lower()
        there = {name for name, _ in place.known.parts(kind, table.live)}
        taken = command.value in there and (kind, *table.name, command.value) not in place.state.free
        yield place.ask(f"Has {table.sql} a {kind} {quoted(command.value)} already?", known=int(taken))


def _column(place: Place, table: str, name: str, taken: bool) -> Question:
    return place.ask(f"Has {table} a column {quoted(name)} already?", known=int(taken))


def _relation(schema: str, name: str) -> tuple[Wanted, str]:
    words = f"Is there a table, view, index or sequence {_full(schema, name)} already?"
    return ("relation", schema, name), words


def _type(schema: str, name: str) -> tuple[Wanted, str]:
    return ("type", schema, name), f"Is there a type {_full(schema, name)} already?"


def _full(schema: str, name: str) -> str:
    return ".".join(quoted(one) for one in (schema, name) if one)


def questions(place: Place, command: Command) -> Iterator[Question]:
    """Ask for each name that a command gives whether it is taken."""
    state = place.state
    for name, words in wanted(place, command):
        ways = keys(name)
        if any(one in state.taken for one in ways):
            yield place.ask(words, known=1, why="the plan has given it before")
        elif any(one in state.free for one in ways):
            yield place.ask(words, known=0)
        else:
            yield place.ask(words, name=name, gone=frozenset(state.gone), doubt=state.kept())
    yield from of_table(place, command)


# One query for all names of a plan: on live few of them exist, if any. An index or an owned sequence goes with its
# table, so that is said as well.
QUERY = """SELECT w.position::int, o.nspname::text, o.relname::text
FROM unnest(%s::text[], %s::text[], %s::text[]) WITH ORDINALITY AS w (kind, schema, name, position)
JOIN LATERAL (
    SELECT n.nspname, coalesce(t.relname, s.relname) AS relname
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_index i ON i.indexrelid = c.oid LEFT JOIN pg_class t ON t.oid = i.indrelid
    LEFT JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND c.relkind = 'S'
        AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
    LEFT JOIN pg_class s ON s.oid = d.refobjid
    WHERE w.kind LIKE 'relation%%' AND n.nspname = w.schema AND c.relname = w.name
    UNION ALL
    -- the type of an array gives way, and that of a table is the table's
    SELECT n.nspname, NULL FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
    WHERE w.kind LIKE '%%type' AND n.nspname = w.schema AND t.typname = w.name
      AND NOT EXISTS (SELECT FROM pg_type e WHERE e.typarray = t.oid)
      AND (w.kind = 'type' OR NOT EXISTS (SELECT FROM pg_class c WHERE c.reltype = t.oid AND c.relkind <> 'c'))
    UNION ALL SELECT NULL, NULL FROM pg_namespace n WHERE w.kind = 'schema' AND n.nspname = w.name
    UNION ALL SELECT NULL, NULL FROM pg_extension e WHERE w.kind = 'extension' AND e.extname = w.name) AS o ON true"""


def taken(found: Sequence[tuple[str | None, str | None]], gone: frozenset[tuple[str, ...]]) -> int:
    """Return how many objects have the name: those that were found, without what goes with a table before."""
    return sum(("relation", schema, table) not in gone for schema, table in found)


def keys(name: Wanted) -> list[tuple[str, ...]]:
    """Return a wanted name as the state knows it."""
    kind, schema, bare = name
    if kind in ("schema", "extension"):
        return [(kind, bare)]
    return [(one, schema, bare) for one in kind.split(" or ")]
