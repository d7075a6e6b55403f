"""Sessions and replicas from the rows of a query. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from ops.activity.relations import qualified
from ops.commands import normalised
from ops.live import Replica, Session

Row = Mapping[str, Any]

AUTOVACUUM = "autovacuum worker"
LONGEST = 4_000
"""Characters of a query that are read: `track_activity_query_size` may be set to any size."""

_OURS = "alembic-ops"
_MANY = re.compile(r"\?(?:\s*,\s*\?){2,}")
_ROWS = re.compile(r"(\((?:\?|\?, …)\))(?:\s*,\s*\1){2,}")


def sessions(rows: Iterable[Row]) -> tuple[Session, ...]:
    """Return who is in a transaction, waits, or is waited for; the oldest transaction first."""
    rows = [one for one in rows if not one["is_this"]]
    waited_for = {pid for one in rows for pid in one["blocked_by"] or ()}
    found = [
        _session(one)
        for one in rows
        if one["in_transaction"] or one["holds"] or one["waits"] or one["blocked_by"] or one["pid"] in waited_for
    ]
    return tuple(sorted(found, key=lambda one: (-(one.transaction_seconds or 0.0), one.pid, one.gid)))


def _session(row: Row) -> Session:
    query = bytes(row["query"] or b"").decode("utf-8", "replace")
    kind = row["kind"] or ""
    application = row["application"] or ""
    return Session(
        pid=row["pid"],
        user=row["user"] or "",
        application=application,
        client=row["client"] or "",
        state=row["state"] or "",
        transaction_seconds=row["transaction_seconds"],
        state_seconds=row["state_seconds"],
        # without the right to see it, the query is a remark of the server's
        query=shown_query(query) if kind else "",
        holds=_locks(row["holds"]),
        waits_for=_locks(row["waits"]),
        blocked_by=tuple(sorted(set(row["blocked_by"] or ()))),
        wait=row["wait"] or "",
        snapshot=bool(row["snapshot"]),
        gid=row["gid"],
        kind=kind,
        since=row["since"] or "",
        seen=bool(kind),
        ours=application == _OURS or application.startswith(f"{_OURS} "),
        wraparound=is_wraparound(kind, query),
        vacuums=qualified(row["vacuum_schema"], row["vacuum_table"]) if row["vacuum_table"] else "",
        progress=progress(row["phase"], row["total"], row["done"]),
    )


def shown_query(query: str) -> str:
    """Return a query of somebody else on one line, without literals and comments; `…` stands for many of them."""
    text = normalised(query[:LONGEST]) + (" …" if len(query) > LONGEST else "")
    return _ROWS.sub(r"\1, …", _MANY.sub("?, …", text))


def _locks(found: Iterable[tuple[str, str, str]] | None) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((qualified(schema, name), mode) for schema, name, mode in found or ()))


def is_wraparound(kind: str, query: str) -> bool:
    """Return whether a session is an autovacuum that gives way to nobody, as transaction ids would run out.

    Source
    ------
    https://www.postgresql.org/docs/current/routine-vacuuming.html#AUTOVACUUM
    """
    return kind == AUTOVACUUM and query.rstrip().endswith("(to prevent wraparound)")


def progress(phase: str | None, total: int | None, done: int | None) -> str:
    """Return how far a vacuum or an index build is, in words: its phase, and how much of the table it has read."""
    if not phase:
        return ""
    return f"{phase}, {100 * (done or 0) / total:.0f} % of the blocks" if total else phase


def replicas(rows: Iterable[Row]) -> tuple[Replica, ...]:
    """Return the standbys, subscribers and unused slots that this role may see, by name."""
    found = [
        Replica(
            name=one["name"] or "",
            client=one["client"] or "",
            state=one["state"],
            synchronous=one["sync_state"] in ("sync", "quorum"),
            lag_bytes=None if one["lag_bytes"] is None else max(one["lag_bytes"], 0),
            lag_seconds=one["lag_seconds"],
            slot=one["slot"] or "",
            logical=bool(one["logical"]),
            wal_status=one["wal_status"] or "",
        )
        for one in rows
        if not one["hidden"]
    ]
    return tuple(sorted(found, key=lambda one: (one.name, one.slot)))
