"""The ledger in the target's own database: the table `alembic_ops.ledger`, to which rows are only ever added.

It is read over whatever connection asks. It is written over a connection of its own, outside of every transaction
of a migration, so that a crash leaves an intent without an outcome.
"""

from __future__ import annotations

import json
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ops import database
from ops.catalog.names import quoted
from ops.database import ServerFacts
from ops.errors import OpsError, first_line
from ops.ledger.values import Record, known
from ops.settings import TargetSettings

if TYPE_CHECKING:
    from sqlalchemy import Connection
    from sqlalchemy.exc import DBAPIError

SCHEMA = "alembic_ops"
TABLE = f"{SCHEMA}.ledger"
LAYOUT = 1
"""Which columns the table has, and what their JSON holds. A later release reads every earlier one."""

_COLUMNS = (
    "id", "layout", "kind", "run", "number", "version_table", "direction", "revision", "verdict", "seconds",
    "recorded", "written", "login", "role", "details", "statements",
)  # fmt: skip

# JSON as text: its \u escapes pass in every encoding of a database, which those of jsonb do not. Who it was comes from
# the server itself. The lock keeps two first changes apart, which IF NOT EXISTS does not.
_MAKE_SCHEMA = f"CREATE SCHEMA IF NOT EXISTS {SCHEMA};"
_MAKE = f"""
    CREATE TABLE IF NOT EXISTS {TABLE} (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        layout smallint NOT NULL DEFAULT {LAYOUT} CHECK (layout > 0),
        kind text NOT NULL CHECK (kind IN ('intent', 'part', 'revision', 'outcome')),
        run text NOT NULL CHECK (run <> ''),
        number integer NOT NULL CHECK (number >= 0 AND (number = 0) = (kind = 'intent')),
        version_table text NOT NULL,
        direction text CHECK (direction IN ('up', 'down', 'stamp')),
        revision text CHECK ((revision IS NOT NULL) = (kind IN ('part', 'revision'))),
        verdict text CHECK ((verdict IS NOT NULL) = (kind = 'outcome')),
        seconds double precision CHECK (seconds >= 0),
        recorded timestamptz NOT NULL DEFAULT clock_timestamp(),
        written timestamptz NOT NULL,
        login name NOT NULL DEFAULT session_user,
        role name NOT NULL DEFAULT current_user,
        details json NOT NULL CHECK (json_typeof(details) = 'object'),
        statements json CHECK (json_typeof(statements) = 'array'),
        CHECK (direction IS NOT NULL OR kind = 'outcome'),
        UNIQUE (run, number)
    );
    COMMENT ON TABLE {TABLE} IS
        'Alembic Ops: what was done to this database, when, by whom. One row for what a run wanted (intent), one for'
        ' each revision that ran, one for what came of it (outcome); and where a revision commits in parts, some for'
        ' how far it is (part). Rows are only ever added.';
    COMMENT ON COLUMN {TABLE}.number IS 'the place of the record in its run';
    COMMENT ON COLUMN {TABLE}.recorded IS 'by the clock of the server';
    COMMENT ON COLUMN {TABLE}.written IS 'by the clock of the machine that the run was on';
    REVOKE UPDATE, DELETE, TRUNCATE ON {TABLE} FROM CURRENT_USER;
"""
_LOCK = 0x616C656D_6F7073  # "alemops"

_STATE = f"""
    SELECT current_user AS role, current_database() AS database, n.oid IS NOT NULL AS schema, c.oid IS NOT NULL AS made,
           pg_catalog.pg_get_userbyid(coalesce(c.relowner, n.nspowner)) AS owner,
           pg_catalog.has_database_privilege(current_database(), 'CREATE') AS may_make_schema,
           coalesce(pg_catalog.has_schema_privilege(n.oid, 'CREATE'), false) AS may_make,
           coalesce(pg_catalog.has_schema_privilege(n.oid, 'USAGE'), false) AS usage,
           coalesce(pg_catalog.has_table_privilege(c.oid, 'SELECT'), false) AS may_read,
           coalesce(pg_catalog.has_table_privilege(c.oid, 'INSERT'), false) AS may_add,
           ARRAY(SELECT a.attname::text FROM pg_catalog.pg_attribute a
                 WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns
    FROM (SELECT) AS one
         LEFT JOIN pg_catalog.pg_namespace n ON n.nspname = '{SCHEMA}'
         LEFT JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = 'ledger'
"""

_PUBLISHED = "SELECT p.pubname::text FROM pg_catalog.pg_publication p WHERE p.puballtables ORDER BY 1"

_READ = f"""
    SELECT layout, kind, run, number, login, role, details::text AS details, {{statements}} AS statements,
           to_char(recorded AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"+00:00"') AS recorded,
           to_char(written AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"+00:00"') AS written
    FROM {TABLE} WHERE version_table = :version_table ORDER BY id
"""

_ADD = f"""
    INSERT INTO {TABLE} (kind, run, number, version_table, direction, revision, verdict, seconds, written, details,
                         statements)
    VALUES (%(kind)s, %(run)s, %(number)s, %(version_table)s, %(direction)s, %(revision)s, %(verdict)s, %(seconds)s,
            %(written)s, %(details)s, %(statements)s)
"""

_READ_ONLY = "25006"


@dataclass(frozen=True, slots=True, kw_only=True)
class _State:
    """What there is of the ledger, and what the role may do with it."""

    role: str
    database: str
    schema: bool
    made: bool
    owner: str | None
    may_make_schema: bool
    may_make: bool
    usage: bool
    may_read: bool
    may_add: bool
    columns: list[str]

    @property
    def foreign(self) -> str:
        """Why what has the ledger's name is none; empty where it is one, or is not there."""
        if not self.made or set(_COLUMNS) <= set(self.columns):
            return ""
        return f"{TABLE} is there, belongs to {self.owner}, and is no ledger of this toolkit."

    @property
    def unreadable(self) -> str:
        """Why it cannot be read; empty where it can, or is not there."""
        if self.foreign or not self.made or (self.usage and self.may_read):
            return self.foreign
        return f"The ledger {TABLE} is there, and role {self.role} may not read it."

    @property
    def obstacle(self) -> str:
        """Why nothing can be written to it; empty where it can."""
        role, way_out = quoted(self.role), "or set `ledger = file` in the target's section"
        if self.made:
            if self.foreign:
                return f"{self.foreign} Move it away, {way_out}."
            if self.usage and self.may_read and self.may_add:
                return ""
            grant = self.grant("SELECT, INSERT")
            return f"Role {self.role} may not add to the ledger {TABLE}: have {self.owner} {grant}, {way_out}."
        if self.schema:
            if self.usage and self.may_make:
                return ""
            return (
                f"Role {self.role} may not make the ledger in schema {SCHEMA}: have {self.owner} GRANT USAGE, CREATE "
                f"ON SCHEMA {SCHEMA} TO {role}, {way_out}."
            )
        if self.may_make_schema:
            return ""
        return (
            f"Role {self.role} may not make the schema {SCHEMA}, where the ledger is kept: GRANT CREATE ON DATABASE "
            f"{quoted(self.database)} TO {role}, or CREATE SCHEMA {SCHEMA} AUTHORIZATION {role}, {way_out}."
        )

    def grant(self, rights: str) -> str:
        """What gives the role some rights on it."""
        role = quoted(self.role)
        return f"GRANT USAGE ON SCHEMA {SCHEMA} TO {role}; GRANT {rights} ON {TABLE} TO {role}"


class DatabaseStore:
    """The table in one database; `connection` is that of whoever reads."""

    place = f"{TABLE} in the database itself"

    def __init__(self, settings: TargetSettings, connection: Connection, facts: ServerFacts) -> None:
        self._settings = settings
        self._connection = connection
        self._facts = facts
        self._open = ExitStack()
        self._writer: Connection | None = None
        self._commits = ""
        self._durable = ""

    # -- reading ------------------------------------------------------------------------------------

    def is_made(self) -> bool:
        """Return whether there is a ledger in the database."""
        return _state(self._connection).made

    def read(self, version_table: str, *, statements: bool = False) -> tuple[Record, ...]:
        """Return the records of one version table, oldest first; none where the ledger is not made yet.

        Raises
        ------
        OpsError
            The role may not read it, or a later release wrote it.
        """
        from sqlalchemy import text
        from sqlalchemy.exc import DBAPIError

        state = _state(self._connection)
        if state.unreadable:
            step = "Move it away" if state.foreign else f"Have {state.owner} {state.grant('SELECT')}"
            raise OpsError(
                state.unreadable, next_step=f"{step}, or set `ledger = file` in the target's section.", code="ledger"
            )
        if not state.made:
            return ()
        query = text(_READ.format(statements="statements::text" if statements else "NULL"))
        try:
            rows = self._connection.execute(query, {"version_table": self._plain(version_table)}).all()
        except DBAPIError as error:
            if error.connection_invalidated:
                raise
            raise OpsError(
                f"The ledger {TABLE} cannot be read: {first_line(error)}.",
                next_step="Mend what the server names: the ledger says what was done to this database.",
                code="ledger",
            ) from None
        newest = max((row.layout for row in rows), default=LAYOUT)
        if newest > LAYOUT:
            raise OpsError(
                f"A later release of this toolkit wrote to the ledger {TABLE}: layout {newest}, not {LAYOUT}.",
                next_step="Bring this toolkit up to date.",
                code="ledger",
            )
        return tuple(one for one in map(self._record, rows) if known(one))

    def _record(self, row: Any) -> Record:
        details = json.loads(row.details)
        own = {"kind": row.kind, "run": row.run, "number": row.number, "when": row.recorded, "written": row.written}
        record = {**details, **own}
        if row.kind == "intent":
            record["who"] = {**details.get("who", {}), "login": row.login, "role": row.role}
            if details.get("database", self._facts.identity) != self._facts.identity:
                record["elsewhere"] = details["database"]
        if row.statements is not None:
            record["statements"] = json.loads(row.statements)
        return record

    # -- writing ------------------------------------------------------------------------------------

    def obstacles(self) -> tuple[str, ...]:
        """Return why no record could be written, a sentence each, asked before anything is changed."""
        found = _obstacle(self._connection, _state(self._connection))
        return (found,) if found else ()

    def append(self, record: dict[str, Any]) -> None:
        """Add one record; the table is made where it is not there yet.

        Raises
        ------
        OpsError
            It cannot be written.
        """
        from sqlalchemy.exc import DBAPIError

        values = self._values(record)
        try:
            self._add(record["kind"], values, again=False)
        except DBAPIError as error:
            if not error.connection_invalidated:
                raise self._refused(error) from None
            try:
                # A long migration may outlive an idle connection. Whether the lost one had written is not known.
                self.close()
                self._add(record["kind"], values, again=True)
            except DBAPIError as still:
                raise self._refused(still) from None

    def close(self) -> None:
        """Close the connection that writes, if it is open."""
        from sqlalchemy.exc import DBAPIError

        self._writer = None
        with suppress(DBAPIError):  # it may be lost already
            self._open.close()

    def _add(self, kind: str, values: dict[str, Any], *, again: bool) -> None:
        writer = self._writer or self._begin()
        # What was applied is proved by the version table, which is on the disk, and what follows takes this record
        # along. An intent and an outcome are on the disk when this returns.
        self._commit_by(writer, "off" if kind == "revision" else self._durable)
        writer.exec_driver_sql(_ADD + ("ON CONFLICT DO NOTHING" if again else ""), values)

    def _begin(self) -> Connection:
        """Open the connection that writes, and make the table where it is not there yet."""
        writer = self._open.enter_context(database.connect_for_ledger(self._settings))
        found = database.facts(writer)
        if found.identity != self._facts.identity or not found.primary:
            raise OpsError(
                f"The ledger's connection leads to another server or database: {found}.",
                next_step="Give the target's URL one host, the primary.",
                code="ledger",
            )
        usual = writer.exec_driver_sql("SELECT pg_catalog.current_setting('synchronous_commit')").scalar_one()
        self._commits = usual
        self._durable = "local" if usual == "off" else usual
        state = _state(writer)
        obstacle = _obstacle(writer, state)
        if obstacle:
            raise OpsError(
                obstacle, next_step="Do that and run this again: nothing is changed without a record.", code="ledger"
            )
        if not state.made:
            schema = "" if state.schema else _MAKE_SCHEMA
            # One message, and so one transaction.
            writer.exec_driver_sql(f"SELECT pg_catalog.pg_advisory_xact_lock({_LOCK}); {schema} {_MAKE}")
        self._writer = writer
        return writer

    def _commit_by(self, writer: Connection, wanted: str) -> None:
        from sqlalchemy import text

        if wanted != self._commits:
            query = text("SELECT pg_catalog.set_config('synchronous_commit', :wanted, false)")
            writer.execute(query, {"wanted": wanted})
            self._commits = wanted

    def _values(self, record: dict[str, Any]) -> dict[str, Any]:
        own = {"kind", "run", "number", "version_table", "when", "statements"}
        details = {name: value for name, value in record.items() if name not in own}
        statements = record.get("statements")
        revision = record.get("revision")
        return {
            "kind": record["kind"],
            "run": record["run"],
            "number": record["number"],
            "version_table": self._plain(record["version_table"]),
            "direction": record.get("direction"),
            "revision": None if revision is None else self._plain(revision),
            "verdict": record.get("verdict"),
            "seconds": record.get("seconds"),
            "written": record["when"],
            "details": json.dumps(details),
            "statements": None if statements is None else json.dumps(statements),
        }

    def _plain(self, text: str) -> str:
        """A name as any encoding has it; the record itself keeps it as it is."""
        return text if self._facts.encoding == "UTF8" else text.encode("ascii", "backslashreplace").decode()

    def _refused(self, error: DBAPIError) -> OpsError:
        state = getattr(error.orig, "pgcode", None)
        if state == _READ_ONLY:
            return _cannot(f"The server takes no writes now: {first_line(error)}.")
        return _cannot(f"The ledger {TABLE} cannot be written: {first_line(error)}.")


def _state(connection: Connection) -> _State:
    from sqlalchemy import text

    return _State(**connection.execute(text(_STATE)).one()._mapping)


def _obstacle(connection: Connection, state: _State) -> str:
    """Why nothing can be written; empty where it can."""
    published = [] if state.made else connection.exec_driver_sql(_PUBLISHED).scalars().all()
    if not published:
        return state.obstacle
    return (
        f"The ledger {TABLE} is not made yet, and publication {', '.join(published)} has every table: a subscriber "
        "that lacks this one would stop. Set `ledger = file` in the target's section."
    )


def _cannot(why: str) -> OpsError:
    return OpsError(
        why,
        next_step="Mend what is named, or set `ledger = file` in the target's section: "
        "nothing is changed without a record.",
        code="ledger",
    )
