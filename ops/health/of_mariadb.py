"""Would a change on MariaDB be blocked now: by transactions that are open, for whose end it would wait."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ops import dialects, display
from ops.mariadb import server
from ops.mariadb.server import MariaFacts
from ops.mariadb.statements import discreet
from ops.settings import TargetSettings
from ops.values import Result, Verdict

if TYPE_CHECKING:
    from sqlalchemy import Connection

KNOWN = (
    "A change of a table waits until every transaction has ended that has used it, be it only to read; whoever comes "
    "behind it waits, too, until lock_timeout. Which tables a transaction has used, the server does not say."
)
_REPLICAS = (
    "Replicas are not asked here, and a change that takes long on this server delays each of them by as much: see "
    "SHOW ALL REPLICAS STATUS there (Seconds_Behind_Master)."
)
_NO_RIGHT = "Sessions of other accounts are not seen without the right PROCESS: GRANT PROCESS ON *.* TO the account."
_QUERY = 160

_SESSIONS = """
    SELECT p.ID, CONCAT(p.USER, '@', p.HOST), COALESCE(p.STATE, ''), p.TIME_MS / 1000, COALESCE(p.INFO, '')
    FROM information_schema.PROCESSLIST p
    WHERE p.ID <> CONNECTION_ID() AND (p.DB = DATABASE() OR p.DB IS NULL) AND p.COMMAND NOT IN ('Daemon', 'Binlog Dump')
"""
# trx_started is told in the time zone of the server
_TRANSACTIONS = """
    SELECT trx_mysql_thread_id, trx_rows_modified,
           TIMESTAMPDIFF(SECOND, trx_started, CONVERT_TZ(UTC_TIMESTAMP(), '+00:00', @@global.time_zone))
    FROM information_schema.INNODB_TRX
"""
_TABLES = """
    SELECT TABLE_NAME, COALESCE(TABLE_ROWS, 0), COALESCE(DATA_LENGTH + INDEX_LENGTH, 0)
    FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_TYPE = 'BASE TABLE'
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class MariaSession:
    """A session of this database, or of none. `seconds` is for how long it has been doing what it does.

    Its `query` is without the values in it.

    `transaction_seconds` is how long its transaction has been open, None where it has none.
    """

    id: int
    account: str
    state: str
    seconds: float
    query: str
    transaction_seconds: float | None = None
    rows_written: int = 0

    @property
    def waits(self) -> bool:
        """Whether it waits for a lock."""
        return self.state.startswith("Waiting for") and "lock" in self.state

    def __str__(self) -> str:
        text = f"connection {self.id} ({self.account})"
        return f"{text}: {self.query[:_QUERY]}{'…' if len(self.query) > _QUERY else ''}" if self.query else text


@dataclass(frozen=True, kw_only=True)
class MariaHealth(Result):
    """What goes on in a database now. `relations` are tables with rows, as the server estimates them, and bytes."""

    target: str
    facts: MariaFacts
    sessions: tuple[MariaSession, ...]
    relations: tuple[tuple[str, int, int], ...]
    lock_seconds: float
    unknown: tuple[str, ...] = ()

    @property
    def blockers(self) -> tuple[MariaSession, ...]:
        """Whose transactions are open for longer than a change would wait, the longest first."""
        found = [one for one in self.sessions if (one.transaction_seconds or 0) >= self.lock_seconds]
        return tuple(sorted(found, key=lambda one: -(one.transaction_seconds or 0)))

    @property
    def findings(self) -> tuple[str, ...]:
        """What stands in the way of a change, a sentence each."""
        found = [] if self.facts.primary else ["The server is read only: changes go to its primary."]
        for one in self.blockers:
            wrote = f", and wrote {display.many(one.rows_written, 'row')}" if one.rows_written else ""
            since = display.duration(one.transaction_seconds or 0)
            found.append(
                f"A change may wait: a transaction has been open for {since}{wrote}, of {one}. Have it end, or end it: "
                f"KILL {one.id}."
            )
        for one in self.sessions:
            if one.waits:
                found.append(f"Somebody waits now, for {display.duration(one.seconds)} ({one.state}): {one}.")
        return tuple(found)

    @property
    def verdict(self) -> Verdict:
        """ATTENTION where a change may wait; UNKNOWN where not all sessions are seen."""
        if self.findings:
            return Verdict.ATTENTION
        return Verdict.UNKNOWN if self.unknown else Verdict.OK

    def __str__(self) -> str:
        if self.findings:
            return f"{self.target}: {len(self.findings)} in the way of a change"
        return f"{self.target}: {'not known who is in the way' if self.unknown else 'nobody is in the way of a change'}"

    def view(self) -> display.View:
        """Return what stands in the way, and what is not seen."""
        blocks: list[Any] = [display.Note(one, "attention") for one in self.findings]
        blocks += [display.Note(one, "unknown") for one in self.unknown]
        blocks.append(display.Note(KNOWN))
        return display.View(title=str(self), mark=display.Mark(self.verdict, self.verdict.tone), blocks=tuple(blocks))

    def table(self) -> display.Table:
        """Return one row per session."""
        rows = tuple(
            (one.id, one.account, one.state or None, one.transaction_seconds, one.query[:_QUERY] or None)
            for one in sorted(self.sessions, key=lambda one: -(one.transaction_seconds or 0))
        )
        columns = ("connection", "account", "state", "transaction open for, seconds", "query")
        return display.Table(columns=columns, rows=rows, empty="nobody else is connected")

    @property
    def waiting(self) -> display.View:
        """Who is connected, and what they do."""
        return display.View(title="", blocks=(self.table(),))

    @property
    def tables(self) -> display.View:
        """The tables, the largest first."""
        rows = tuple((name, rows, display.size(size)) for name, rows, size in self.relations)
        return display.View(title="", blocks=(display.Table(columns=("table", "rows, about", "size"), rows=rows),))

    @property
    def surroundings(self) -> display.View:
        """The server, and that its replicas are not asked."""
        return display.View(title="", blocks=(display.Note(_REPLICAS), display.Facts(self.facts.rows)))

    def to_dict(self) -> dict[str, Any]:
        """Return the `data` of `14-check-health`."""
        return {
            "blockers": [_plain(one) for one in self.blockers],
            "sessions": [_plain(one) for one in self.sessions],
            "replicas": [],
            "invalid_indexes": [],
            "relations": [{"relation": name, "rows": rows, "bytes": size} for name, rows, size in self.relations],
            "findings": list(self.findings),
            "unknown": list(self.unknown),
            "notes": [KNOWN, _REPLICAS],
        }


def _plain(one: MariaSession) -> dict[str, Any]:
    return {
        "connection": one.id,
        "account": one.account,
        "state": one.state,
        "seconds": one.seconds,
        "transaction_seconds": one.transaction_seconds,
        "rows_written": one.rows_written,
        "query": one.query,
    }


def read(settings: TargetSettings) -> MariaHealth:
    """Return what goes on in a target's database now.

    Raises
    ------
    ConnectError
        The server cannot be reached, or refuses.
    """
    with dialects.of(settings).connect(settings, purpose="health") as connection:
        sees_all = bool(server.rights(connection, everywhere=True) & {"PROCESS", server.ALL})
        open_since = {
            number: (float(seconds), int(written))
            for number, written, seconds in (connection.exec_driver_sql(_TRANSACTIONS) if sees_all else ())
        }
        relations = sorted(connection.exec_driver_sql(_TABLES).all(), key=lambda row: -row[2])
        return MariaHealth(
            target=settings.name,
            facts=server.facts(connection),
            sessions=tuple(_sessions(connection, open_since)),
            relations=tuple((name, int(rows), int(size)) for name, rows, size in relations),
            lock_seconds=settings.limits.lock_seconds,
            unknown=() if sees_all else (_NO_RIGHT,),
        )


def _sessions(connection: Connection, open_since: dict[int, tuple[float, int]]) -> list[MariaSession]:
    found = []
    for number, account, state, seconds, query in connection.exec_driver_sql(_SESSIONS):
        transaction, written = open_since.get(number, (None, 0))
        found.append(
            MariaSession(
                id=number,
                account=account,
                state=state,
                seconds=round(float(seconds), 3),
                query=discreet(query),
                transaction_seconds=transaction,
                rows_written=written,
            )
        )
    return found
