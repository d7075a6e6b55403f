"""Which locks statements take by their text: for what could not be measured. Pure."""

from __future__ import annotations

from collections.abc import Callable

from ops.commands import Command
from ops.statement import Mode

_AX, _SRX, _S, _SUE = Mode.ACCESS_EXCLUSIVE, Mode.SHARE_ROW_EXCLUSIVE, Mode.SHARE, Mode.SHARE_UPDATE_EXCLUSIVE

_STRONGEST = frozenset(
    """
    DROP TABLE|TRUNCATE|RENAME TABLE|SET SCHEMA|OWNER TO|DETACH PARTITION|INHERIT|NO INHERIT
    |ADD COLUMN|DROP COLUMN|RENAME COLUMN|SET DEFAULT|DROP DEFAULT|SET NOT NULL|DROP NOT NULL|ALTER COLUMN TYPE
    |SET EXPRESSION|DROP EXPRESSION|ADD IDENTITY|SET IDENTITY|DROP IDENTITY|SET STORAGE|SET COMPRESSION
    |ADD CHECK|ADD UNIQUE|ADD PRIMARY KEY|ADD EXCLUDE|ADD NOT NULL|DROP CONSTRAINT|RENAME CONSTRAINT
    |ALTER CONSTRAINT|SET LOGGED|SET UNLOGGED|SET TABLESPACE|SET ACCESS METHOD|REPLICA IDENTITY
    |ENABLE ROW SECURITY|DISABLE ROW SECURITY|FORCE ROW SECURITY|NO FORCE ROW SECURITY|CREATE POLICY
    |DROP VIEW|DROP MATERIALIZED VIEW|DROP TRIGGER|CLUSTER
    """.replace("\n", "")
    .replace("    ", "")
    .split("|")
)
_WRITERS_WAIT = frozenset({"CREATE TRIGGER", "ENABLE TRIGGER", "DISABLE TRIGGER", "ALTER SEQUENCE", "ADD FOREIGN KEY"})
_CHANGES_WAIT = frozenset(
    {"VALIDATE CONSTRAINT", "SET STATISTICS", "SET OPTIONS", "RESET OPTIONS", "CLUSTER ON", "ATTACH PARTITION",
     "ANALYZE", "SET COLUMN OPTIONS"}
)  # fmt: skip
_LISTS = frozenset({"DROP TABLE", "TRUNCATE", "DROP VIEW", "DROP MATERIALIZED VIEW", "LOCK TABLE"})


def mode_of(command: Command) -> Mode | None:
    """Return the lock that a command takes on the relation that it names; None where it takes none, or who knows.

    Source
    ------
    https://www.postgresql.org/docs/current/sql-altertable.html#SQL-ALTERTABLE-NOTES
    """
    verb, options = command.verb, command.options
    if verb == "CREATE INDEX":
        return _SUE if "CONCURRENTLY" in options else _S
    if verb == "REINDEX":
        return _SUE if "CONCURRENTLY" in options else _S
    if verb == "REFRESH MATERIALIZED VIEW":
        return Mode.EXCLUSIVE if "CONCURRENTLY" in options else _AX
    if verb == "VACUUM":
        return _AX if "FULL" in options else _SUE
    if verb == "DETACH PARTITION" and "CONCURRENTLY" in options:
        return _SUE
    if verb == "LOCK TABLE":
        return Mode[command.value.replace(" ", "_")] if command.value else _AX
    if verb in _STRONGEST:
        return _AX
    if verb in _WRITERS_WAIT:
        return _SRX
    return _SUE if verb in _CHANGES_WAIT else None


def claimed(command: Command, named: Callable[[str, str], str]) -> list[tuple[str, Mode]]:
    """Return the relations that a command locks by its text, with the modes."""
    mode = mode_of(command)
    found: list[tuple[str, Mode]] = []
    if mode is not None:
        names = command.objects if command.verb in _LISTS and command.objects else ((command.schema, command.name),)
        found += [(named(schema, name), mode) for schema, name in names if name]
    if command.references is not None and command.verb in ("ADD FOREIGN KEY", "ADD COLUMN", "CREATE TABLE"):
        found.append((named(*command.references[:2]), _SRX))
    if command.verb == "CREATE PARTITION" and command.parent is not None:
        found.append((named(*command.parent), _AX))
    if command.verb == "ATTACH PARTITION":
        found += [(named(schema, name), _AX) for schema, name in command.objects]
    return found
