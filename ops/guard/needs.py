"""Which rights the statements of a plan need on what is there already. Only what is certain is told.

What an earlier statement of the plan has made, dropped, renamed or given away is another thing by then, so nothing is
said of it; and nothing is said from where on somebody else may be at work, or anything may have happened.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ops import commands
from ops.commands import Command
from ops.statement import Statement


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """One right on one object.

    `right` is OWNER, DROP (which the schema's owner may, too), CREATE, or a privilege as GRANT names it. `kind` is
    `relation`, `type` or `schema`. `schema` is empty where the text names none: of a relation or type, then, the one
    of that name is meant, and of a schema the first of the search path, which is `name`. `why` says what needs it.
    """

    right: str
    kind: str
    schema: str
    name: str
    why: str


_OWNER = frozenset({
    "ADD COLUMN", "DROP COLUMN", "RENAME COLUMN", "SET DEFAULT", "DROP DEFAULT", "SET NOT NULL", "DROP NOT NULL",
    "ALTER COLUMN TYPE", "SET EXPRESSION", "DROP EXPRESSION", "ADD IDENTITY", "SET IDENTITY", "DROP IDENTITY",
    "SET STATISTICS", "SET STORAGE", "SET COMPRESSION", "ADD CHECK", "ADD FOREIGN KEY", "ADD UNIQUE",
    "ADD PRIMARY KEY", "ADD EXCLUDE", "ADD NOT NULL", "VALIDATE CONSTRAINT", "ALTER CONSTRAINT", "DROP CONSTRAINT",
    "RENAME CONSTRAINT", "SET OPTIONS", "RESET OPTIONS", "SET LOGGED", "SET UNLOGGED", "REPLICA IDENTITY",
    "RENAME TABLE", "SET SCHEMA", "OWNER TO", "ATTACH PARTITION", "DETACH PARTITION", "CREATE INDEX", "CREATE POLICY",
    "ALTER SEQUENCE",
})  # fmt: skip
_OWNER_OF_TYPE = frozenset({"ALTER TYPE", "ADD VALUE", "RENAME VALUE", "ALTER DOMAIN"})
_DROPS = frozenset({"DROP TABLE", "DROP VIEW", "DROP MATERIALIZED VIEW", "DROP SEQUENCE"})
_DROPS_OF_TYPE = frozenset({"DROP TYPE", "DROP DOMAIN"})
_CREATES = frozenset({
    "CREATE TABLE", "CREATE TABLE AS", "CREATE PARTITION", "CREATE VIEW", "CREATE MATERIALIZED VIEW",
    "CREATE SEQUENCE", "CREATE TYPE", "CREATE DOMAIN",
})  # fmt: skip
_PRIVILEGES = {"INSERT": "INSERT", "UPDATE": "UPDATE", "DELETE": "DELETE", "CREATE TRIGGER": "TRIGGER"}
_MOVES = frozenset({"RENAME TABLE", "RENAME VIEW", "SET SCHEMA", "OWNER TO"})
_ANYTHING = frozenset({"?", "DO", "CALL", "GRANT", "REVOKE", "REASSIGN OWNED", "ALTER ROLE", "CREATE ROLE", "LOAD"})
_WHO = frozenset({"role", "session_authorization", "ALL"})
# Functions of the server that change nobody's rights, and that migrations call.
_HARMLESS = frozenset({
    "now", "setval", "nextval", "currval", "count", "max", "min", "sum", "avg", "coalesce", "lower", "upper", "trim",
    "btrim", "length", "substring", "concat", "md5", "gen_random_uuid", "clock_timestamp", "to_char", "to_date",
    "date_trunc", "generate_series", "row_number", "jsonb_build_object", "jsonb_set", "array_agg", "string_agg",
    "replace", "split_part", "round", "abs", "left", "right", "greatest", "least", "nullif",
})  # fmt: skip


def needs(statements: Iterable[Statement], default_schema: str | None) -> tuple[Need, ...]:
    """Return the rights that statements, in their order, need for certain, each once.

    `default_schema` is the first schema of the search path, in which they create what they name without a schema.
    """
    found: dict[tuple[str, str, str, str], Need] = {}
    touched: set[str] = set()
    for statement in statements:
        if statement.bookkeeping:
            continue
        for command in commands.parse(statement.sql):
            if _may_be_anything(command):
                return tuple(found.values())
            if command.verb == "SET" and command.name == "search_path":
                default_schema = None
            why = f"{command.verb} in {statement.revision}"
            for one in _of(command, default_schema, why):
                if one.kind == "schema" or one.name not in touched:
                    found.setdefault((one.right, one.kind, one.schema, one.name), one)
            touched.update(_touched(command))
    return tuple(found.values())


def _may_be_anything(command: Command) -> bool:
    if command.verb in _ANYTHING or (command.verb in ("SET", "RESET") and command.name in _WHO):
        return True
    return any(schema not in ("", "pg_catalog") or name not in _HARMLESS for schema, name in command.functions)


def _of(command: Command, default_schema: str | None, why: str) -> Iterator[Need]:
    verb, here = command.verb, (command.schema, command.name)
    on_table = command.kind in ("", "table", "index", "view", "sequence", "materialized view", "foreign table")
    if verb in _OWNER and on_table and command.name:
        yield _need("OWNER", here, why)
    if verb == "COMMENT" and command.kind in ("", "column"):
        yield _need("OWNER", here, why)
    if verb in _OWNER_OF_TYPE:
        yield _need("OWNER", here, why, kind="type")
    if verb == "ADD FOREIGN KEY" and command.references:
        yield _need("REFERENCES", command.references[:2], why)
    if verb in _DROPS or verb in _DROPS_OF_TYPE:
        for one in command.objects or (here,):
            yield _need("DROP", one, why, kind="type" if verb in _DROPS_OF_TYPE else "relation")
    if verb == "DROP INDEX":
        for one in command.objects or ((command.schema, command.index or command.name),):
            yield _need("DROP", one, why)
    if verb in _PRIVILEGES:
        yield _need(_PRIVILEGES[verb], here, why)
    if verb == "TRUNCATE":
        for one in command.objects:
            yield _need("TRUNCATE", one, why)
    if verb == "CREATE PARTITION" and command.parent:
        yield _need("OWNER", command.parent, why)
    # "IF NOT EXISTS" and "OR REPLACE" may find what they want, and a temporary table lies in a schema of its own
    if verb in _CREATES and not command.options & {"IF NOT EXISTS", "OR REPLACE", "TEMPORARY"}:
        if command.schema:
            yield Need(right="CREATE", kind="schema", schema="", name=command.schema, why=why)
        elif default_schema:
            yield Need(right="CREATE", kind="schema", schema="", name=default_schema, why=why)


def _need(right: str, what: tuple[str, str], why: str, *, kind: str = "relation") -> Need:
    return Need(right=right, kind=kind, schema=what[0], name=what[1], why=why)


def _touched(command: Command) -> Iterator[str]:
    """The names that mean something else, or somebody else's, behind a command."""
    if command.verb.startswith(("CREATE ", "DROP ", "RENAME ")) or command.verb in _MOVES:
        if command.verb in ("RENAME COLUMN", "DROP COLUMN", "RENAME CONSTRAINT", "DROP CONSTRAINT", "DROP NOT NULL"):
            return
        if command.verb in ("CREATE INDEX", "DROP DEFAULT", "DROP EXPRESSION", "DROP IDENTITY", "CREATE TRIGGER"):
            yield command.index
            return
        yield from (name for name in (command.name, command.index, command.new_name) if name)
        yield from (name for _, name in command.objects)
