"""What is going on in a live database: sizes, traffic, who holds or waits for which lock, replicas, rights."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ops.activity import queries
from ops.activity.relations import invalid_indexes, not_owned, relations, with_rates
from ops.activity.sessions import replicas, sessions
from ops.catalog.names import quoted
from ops.errors import ConnectError, first_line
from ops.live import Live, Rights, Session

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["look", "sessions_now"]

_ENCODING = "UTF8"


def look(connection: Connection, *, sample_seconds: float = 0.0) -> Live:
    """Return what a connection of ours sees of its database now, in at most seven round trips and without a wait.

    With `sample_seconds`, the traffic counters are read a second time so much later, and the relations have the rates
    in between, too. Relations of the system, TOAST, temporary ones and our own schema are left out. Queries of others
    come without their literals. The largest tables, and those that were never counted, are measured; the sizes of the
    others, and of what somebody has locked, are what the last VACUUM found, and `notes` says so.

    Raises
    ------
    ConnectError
        The server refuses, or the connection broke.
    """
    with _driver_of(connection) as driver:
        return of_driver(driver, sample_seconds=sample_seconds)


def sessions_now(connection: Connection) -> tuple[Session, ...]:
    """Return who is in a transaction, holds locks or waits for them, in two round trips and without a wait.

    Raises
    ------
    ConnectError
        The server refuses, or the connection broke.
    """
    with _driver_of(connection) as driver, _translated("Who holds or waits for locks"), driver.cursor() as cursor:
        try:
            rows = _rows(cursor, f"{queries.BEGIN}; {queries.SESSIONS}", {"own": queries.OWN_SCHEMA})
        finally:
            if not driver.closed:
                cursor.execute("ROLLBACK")
    return sessions(rows)


def of_driver(driver: Any, *, sample_seconds: float = 0.0) -> Live:
    """Return what a psycopg2 connection sees that is in no transaction: see `look`."""
    autocommit, encoding = driver.autocommit, driver.encoding
    driver.autocommit = True
    with _translated("What goes on in the database"):
        try:
            if encoding != _ENCODING:
                driver.set_client_encoding(_ENCODING)
            return _Look(driver).live(sample_seconds)
        finally:
            if not driver.closed:
                if driver.encoding != encoding:
                    driver.set_client_encoding(encoding)
                driver.autocommit = autocommit


@contextmanager
def _driver_of(connection: Connection) -> Iterator[Any]:
    """The driver's own connection; one that broke is not given back, as it would fail once more."""
    driver: Any = connection.connection.driver_connection
    try:
        yield driver
    except ConnectError:
        if driver.closed:
            connection.invalidate()
        raise


@contextmanager
def _translated(what: str) -> Iterator[None]:
    """Say what could not be read, and why."""
    import psycopg2

    try:
        yield
    except psycopg2.Error as error:
        raise ConnectError(
            f"{what} cannot be read: {first_line(error)}.",
            next_step="Check that the server is up, and what the role may read.",
            code="activity",
        ) from None
    except UnicodeDecodeError as error:
        raise ConnectError(
            f"{what} cannot be read: a name in it is not {_ENCODING}, and its database says of no encoding that it is "
            f"its own: {error.object[max(error.start - 20, 0) : error.end]!r}.",
            next_step="Rename the object, so that its name is valid in one encoding.",
            code="activity",
        ) from None


class _Look:
    """One look: what was asked, and what the role was not told."""

    def __init__(self, driver: Any) -> None:
        self._driver = driver
        self._unseen: list[str] = []
        self._notes: list[str] = []

    def live(self, sample_seconds: float) -> Live:
        began = time.monotonic()
        with self._driver.cursor() as cursor:
            try:
                [facts] = _rows(cursor, f"{queries.BEGIN}; {queries.FACTS}", {"own": queries.OWN_SCHEMA})
                related = self._relations(cursor)
                active = self._asked(cursor, queries.SESSIONS, "who holds or waits for locks")
                known = len(self._unseen)
                copies = self._asked(cursor, queries.REPLICAS, "replicas, and how far they are behind")
                told = len(self._unseen) == known and not any(one["hidden"] for one in copies)
            finally:
                if not self._driver.closed:
                    cursor.execute("ROLLBACK")
            found = relations(related, block_size=facts["block_size"])
            if sample_seconds and related:
                time.sleep(max(0.0, began + sample_seconds - time.monotonic()))
                later = _rows(cursor, f"{queries.BEGIN}; {queries.COUNTERS}", {"own": queries.OWN_SCHEMA})
                cursor.execute("ROLLBACK")
                found = with_rates(found, related, later)
        others = sessions(active)
        self._hidden(others, copies, facts)
        if any(one.estimated for one in found.values()):
            self._notes.append(
                "Some sizes are estimates, those that the last VACUUM or ANALYZE found: the relations are locked, or "
                f"they are not among the {queries.MEASURED_TABLES:,} largest tables."
            )
        return Live(
            relations=found,
            sessions=others,
            replicas=replicas(copies),
            invalid=invalid_indexes(related, lambda table: _hidden_builder(others, table)),
            rights=Rights(
                role=facts["role"],
                superuser=facts["superuser"],
                not_owned=not_owned(related),
                closed_schemas=tuple(facts["closed_schemas"]),
            ),
            counted_since=(related[0]["counted_since"] or "") if related else "",
            taken=facts["taken"],
            deadlock_seconds=facts["deadlock_seconds"],
            synchronous=facts["synchronous"] if told else "",
            unseen=tuple(self._unseen),
            notes=tuple(self._notes),
        )

    def _relations(self, cursor: Any) -> list[dict[str, Any]]:
        """The relations; none is opened where a lock is in the way that was taken since we looked for locks."""
        import psycopg2

        values = {"own": queries.OWN_SCHEMA, "measured": queries.MEASURED_TABLES}
        what = "tables, indexes and their traffic"
        try:
            return self._asked(cursor, queries.RELATIONS, what, values)
        except psycopg2.errors.LockNotAvailable:
            cursor.execute("ROLLBACK TO SAVEPOINT ops_look")
            return self._asked(cursor, queries.RELATIONS, what, {**values, "measured": 0})

    def _asked(self, cursor: Any, query: str, what: str, values: dict[str, Any] | None = None) -> list[dict[str, Any]]:
        """The rows of a query, in one round trip; none where somebody took a right away that everybody has."""
        import psycopg2

        try:
            return _rows(cursor, f"SAVEPOINT ops_look; {query}", values or {"own": queries.OWN_SCHEMA})
        except psycopg2.errors.InsufficientPrivilege as error:
            cursor.execute("ROLLBACK TO SAVEPOINT ops_look")
            said = first_line(error)
            self._unseen.append(f"The role may not see {what}: {said}.")
            return []

    def _hidden(self, others: tuple[Session, ...], copies: list[dict[str, Any]], facts: dict[str, Any]) -> None:
        """Say what a role without pg_read_all_stats is not told."""
        grant = f"GRANT pg_read_all_stats TO {quoted(facts['role'])} shows it."
        hidden = [one for one in others if not one.seen]
        if hidden:
            self._unseen.append(
                f"Since when {_counted(hidden)} in a transaction, and what it runs, is hidden from the role "
                f"{facts['role']}; so is whether CREATE INDEX CONCURRENTLY would wait for it. {grant}"
            )
        silent = [one for one in others if one.seen and one.transaction_seconds is None and one.holds]
        if silent:
            self._unseen.append(
                f"Since when {_counted(silent)} in a transaction is not known: track_activities is off there."
            )
        if any(one["hidden"] for one in copies):
            said = f"State and lag of replicas are hidden from the role {facts['role']}. {grant}"
            # only a commit that waits for one makes a change wait
            (self._unseen if facts["synchronous"] else self._notes).append(said)


def _rows(cursor: Any, query: str, values: dict[str, Any]) -> list[dict[str, Any]]:
    cursor.execute(query, values)
    names = [one.name for one in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _hidden_builder(others: tuple[Session, ...], table: str) -> int:
    """Return who may be building an index on a table where that is hidden; it holds this lock on it meanwhile."""
    builders = [one.pid for one in others if not one.seen and (table, "ShareUpdateExclusiveLock") in one.holds]
    return builders[0] if builders else 0


def _counted(found: list[Session]) -> str:
    pids = ", ".join(str(one.pid) for one in found[:5])
    if len(found) == 1:
        return f"session {pids} is"
    return f"{len(found)} sessions ({pids}{', …' if len(found) > 5 else ''}) are"
