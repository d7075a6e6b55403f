"""Sentences about sessions, replicas and indexes: who, what, since when, and what to do. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from ops.catalog.names import literal
from ops.display import duration, moment, size
from ops.health.blockers import AUTOVACUUM, Blocker, Why, waiting_for
from ops.live import InvalidIndex, Live, Replica, Session
from ops.statement import Mode

QUERY_CHARACTERS = 300
_NAMES = 4
_LOCAL = "a local socket"
_LEFTOVER = re.compile(r'_cc(new|old)\d*"?\Z')


def line(text: str) -> str:
    """Return a text from elsewhere on one line."""
    return " ".join(text.split())


def few(names: Iterable[str], *, of: int = _NAMES) -> str:
    """Return some names and how many more there are."""
    names = [line(one) for one in names]
    rest = len(names) - of
    if rest > 0:
        return f"{', '.join(names[:of])} and {rest} more"
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))


def who(one: Session) -> str:
    """Return whom to look for."""
    if one.kind == "prepared transaction":
        return f"prepared transaction {literal(line(one.gid))} of {line(one.user)}"
    if one.kind == AUTOVACUUM:
        return f"pid {one.pid} (autovacuum)"
    parts = [line(one.user) or "no user", line(one.application) or "no application name"]
    if one.client and one.client != _LOCAL:
        parts.append(f"from {one.client}")
    return f"pid {one.pid} ({', '.join(parts)})"


def doing(one: Session) -> str:
    """Return its state, and for how long."""
    age, state = one.transaction_seconds, one.state_seconds
    if one.kind == "prepared transaction":
        return f"prepared {duration(age or 0.0)} ago"
    if not one.seen:
        return "in a transaction, since when is hidden"
    if one.waits_for or one.blocked_by:
        wanted = locks(one.waits_for) if one.waits_for else line(one.wait).partition(": ")[2] or "a lock"
        return f"waiting{_for(state)} for {wanted}"
    if one.state.startswith("idle in transaction"):
        begun = f", begun {duration(age)} ago" if age and state is not None and age - state >= 1 else ""
        return f"{one.state}{_for(state)}{begun}"
    if one.kind == AUTOVACUUM:
        return f"running{_for(age)}{f' ({one.progress})' if one.progress else ''}"
    return f"{one.state or 'in a transaction'}, in its transaction{_for(age)}" + (
        f" ({one.progress})" if one.progress else ""
    )


def _for(seconds: float | None) -> str:
    return "" if seconds is None else f" for {duration(seconds)}"


def holds(one: Session, live: Live) -> str:
    """Return its locks, the strongest first; an index is left out where its table is there."""
    tables = {name for name, _ in one.holds}
    shown = []
    for name, mode in one.holds:
        known = live.of(name)
        if known is None or known.kind not in ("index", "partitioned index") or known.parent not in tables:
            shown.append((name, mode))
    return locks(shown)


def locks(found: Iterable[tuple[str, str]]) -> str:
    """Return locks in words, by their mode, the strongest first."""
    by_mode: dict[str, list[str]] = {}
    for name, mode in sorted(found, key=lambda one: (-Mode.named(one[1]), one[0])):
        by_mode.setdefault(mode, []).append(name)
    return "; ".join(f"{mode} on {few(names)}" for mode, names in by_mode.items())


def kept_out(one: Session) -> str:
    """Return what of a change waits for the locks of a session."""
    strongest = max((Mode.named(mode) for _, mode in (*one.holds, *one.waits_for)), default=Mode.ACCESS_SHARE)
    if strongest.conflicts_with(Mode.SHARE_UPDATE_EXCLUSIVE):
        return "Every schema change of it waits."
    if strongest.conflicts_with(Mode.SHARE):
        return "ALTER TABLE, DROP, TRUNCATE, CREATE INDEX, foreign keys and triggers wait for it."
    return "Most of ALTER TABLE, and DROP and TRUNCATE, wait for it, and then everybody else behind them."


def blocker(one: Blocker, live: Live) -> str:
    """Return all that a tired person needs to know of who is in the way, in one paragraph."""
    session = one.session
    since = f" (since {moment(session.since)})" if session.since else ""
    parts = [f"{who(session)}: {doing(session)}{since}"]
    if one.why is Why.SNAPSHOT:
        parts[0] += ", keeps an old snapshot: CREATE INDEX CONCURRENTLY waits for it, whatever table it works on."
    elif session.holds:
        parts[0] += f", holds {holds(session, live)}."
        parts.append(kept_out(session))
    else:
        parts[0] += ". " + "Whoever comes later queues behind it."
    if one.held_up:
        parts.append(f"{_sessions(len(one.held_up))} already: {few(f'pid {each.pid}' for each in one.held_up)}.")
    if session.query:
        text = session.query
        shown = text if len(text) <= QUERY_CHARACTERS else text[:QUERY_CHARACTERS] + "…"
        name = "Its query" if session.state == "active" else "Its last query"
        parts.append(f"{name}: {shown.rstrip('.;')}.")
    return " ".join([*parts, advice(one)])


def _sessions(count: int) -> str:
    return "1 session waits for it" if count == 1 else f"{count} sessions wait for it"


def advice(one: Blocker) -> str:
    """Return what to do about it: whom to ask, what not to do."""
    session = one.session
    if one.why is Why.WRAPAROUND:
        return (
            "It prevents transaction ids from running out, and gives way to nobody: let it end. "
            "Ended by force, it only begins anew."
        )
    if session.kind == AUTOVACUUM:
        return "Let it end, or raise lock_timeout above deadlock_timeout: then it gives way."
    if session.kind == "prepared transaction":
        return (
            f"Next: ask whoever coordinates transactions for {line(session.user)} whether it is to be committed or "
            "rolled back: no session ends it, and a restart of the server does not either."
        )
    if session.blocked_by:
        return "Next: look at whom it waits for itself."
    whom = " as ".join(filter(None, (line(session.application), line(session.user)))) or f"pid {session.pid}"
    where = f" at {session.client}" if session.client and session.client != _LOCAL else ""
    if session.state == "active":
        return f"Next: wait for it, or ask whoever runs {whom}{where} whether it may be cancelled."
    return f"Next: ask whoever runs {whom}{where} to commit or roll back."


def last_resort(found: Sequence[Blocker]) -> str:
    """Return SQL that ends what stands in the way; it names a transaction, so that another one is not hit."""
    parts = []
    for one in found:
        session = one.session
        if session.kind == AUTOVACUUM:
            continue
        title = f"-- {who(session)}"
        if session.kind == "prepared transaction":
            gid = literal(session.gid)
            parts.append(f"{title}\nCOMMIT PREPARED {gid};  -- or, when it must not be:\nROLLBACK PREPARED {gid};")
            continue
        same = f"pid = {session.pid} AND xact_start = {literal(session.since)}" if session.since else None
        calls = ["pg_terminate_backend"] if session.state != "active" else ["pg_cancel_backend", "pg_terminate_backend"]
        parts.append(
            "\n".join(
                [
                    title,
                    *(
                        f"SELECT {call}(pid) FROM pg_stat_activity WHERE {same};"
                        if same
                        else f"SELECT {call}({session.pid});"
                        for call in calls
                    ),
                ]
            )
        )
    return "\n\n".join(parts)


def tree(live: Live) -> str:
    """Return who waits behind whom, as indented lines; nobody who waits for nobody and for whom nobody waits."""
    lines: list[str] = []
    told: set[tuple[int, str]] = set()

    def tell(one: Session, depth: int) -> None:
        again = (one.pid, one.gid) in told
        told.add((one.pid, one.gid))
        text = f"{who(one)}: {doing(one)}"
        if not one.blocked_by and one.holds:
            text += f", holds {holds(one, live)}"
        lines.append("   " * depth + ("└─ " if depth else "") + text + (" (see above)" if again else ""))
        if not again:
            for each in waiting_for(one, live.sessions):
                tell(each, depth + 1)

    for one in live.sessions:
        if not one.blocked_by and waiting_for(one, live.sessions):
            tell(one, 0)
    for one in live.sessions:  # whoever waits in a circle, or for somebody of another database
        if one.blocked_by and (one.pid, one.gid) not in told:
            tell(one, 0)
    return "\n".join(lines)


def replica(one: Replica) -> str:
    """Return how far a replica is behind, in words."""
    behind = [size(one.lag_bytes)] if one.lag_bytes is not None else []
    if one.lag_seconds is not None:
        behind.append(duration(one.lag_seconds))
    lag = f"{', '.join(behind)} behind" if behind else "how far behind is not known"
    if one.state == "inactive":
        return f"slot {line(one.slot)}: nobody uses it, and it keeps {behind[0] if behind else 'some'} of WAL"
    return f"{line(one.name)}: {one.state}, {lag}"


def invalid_index(one: InvalidIndex) -> str:
    """Return what an invalid index is, and what to do about it."""
    if one.building_pid:
        return f"{line(one.name)} on {line(one.table)} is being built by pid {one.building_pid}."
    if one.partitioned:
        return (
            f"{line(one.name)} on {line(one.table)} is not on every partition: build the missing ones concurrently, "
            "and attach each with ALTER INDEX … ATTACH PARTITION."
        )
    leftover = _LEFTOVER.search(one.name)
    if leftover and leftover[1] == "old":
        what = "is what REINDEX CONCURRENTLY was to drop in the end: drop it"
    elif leftover:
        what = "is what an interrupted REINDEX CONCURRENTLY left: drop it, and reindex again"
    else:
        what = "is what a failed CREATE INDEX CONCURRENTLY left: drop it and build it again, or rebuild it"
    return (
        f"Invalid index {line(one.name)} on {line(one.table)} {what}. No query uses it, writes may still pay for it, "
        "and CREATE INDEX … IF NOT EXISTS skips over it."
    )


def index_sql(found: Iterable[InvalidIndex]) -> str:
    """Return SQL that makes invalid indexes go away, or good; none of what is being built."""
    parts = []
    for one in found:
        if one.building_pid or one.partitioned:
            continue
        drop, rebuild = f"DROP INDEX CONCURRENTLY {one.name};", f"REINDEX INDEX CONCURRENTLY {one.name};"
        if one.constraint:
            parts.append(f"{rebuild}  -- it stands behind a constraint, and cannot be dropped alone")
        elif _LEFTOVER.search(one.name):
            parts.append(drop)
        elif one.definition:
            again = one.definition.replace(" INDEX ", " INDEX CONCURRENTLY ", 1)
            parts.append(f"{drop}\n{again};\n-- or, in one step: {rebuild}")
        else:
            parts.append(f"{rebuild}\n-- or, when nobody needs it: {drop}")
    return "\n\n".join(parts)
