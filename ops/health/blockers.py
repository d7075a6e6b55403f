"""Who stands in the way of a change, and who waits behind whom. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from ops.live import Live, Session
from ops.statement import Mode

AUTOVACUUM = "autovacuum worker"


class Why(StrEnum):
    """What of a change a session makes wait."""

    LOCK = "lock"
    SNAPSHOT = "snapshot"
    WRAPAROUND = "wraparound"


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocker:
    """A session, or a prepared transaction, for which a change would wait longer than its `lock_timeout`.

    `held_up` are the sessions that wait for it already, directly or behind others. `first`: it waits for nobody
    itself, so it is the one to begin with.
    """

    session: Session
    why: Why
    held_up: tuple[Session, ...] = ()
    first: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Others:
    """Sessions that hold locks and are no blockers: too young, of ours, or about to give way."""

    young: tuple[Session, ...] = ()
    ours: tuple[Session, ...] = ()
    giving_way: tuple[Session, ...] = ()


def blockers(live: Live, *, lock_seconds: float) -> tuple[Blocker, ...]:
    """Return who stands in the way, whoever waits for nobody first, and of those who holds up most, then the oldest.

    A change waits for as long as `lock_seconds`, the target's `lock_timeout`. So whoever has been in a transaction for
    longer than that, with a lock on a relation of users or waiting for one, is likely to outlast it.
    """
    found = []
    for one in live.sessions:
        why = _why(one, live, lock_seconds)
        if why is not None:
            behind = held_up(one, live.sessions)
            found.append(Blocker(session=one, why=why, held_up=behind, first=not one.blocked_by))
    order = {Why.LOCK: 0, Why.WRAPAROUND: 0, Why.SNAPSHOT: 1}
    return tuple(
        sorted(
            found,
            key=lambda one: (
                not one.first, order[one.why], -len(one.held_up), -(one.session.transaction_seconds or 0.0),
            ),
        )
    )  # fmt: skip


def others(live: Live, *, lock_seconds: float) -> Others:
    """Return the sessions with locks for which a change would not wait too long, as far as one can tell."""
    rest = [
        one
        for one in live.sessions
        if _has_locks(one) and one.transaction_seconds is not None and _why(one, live, lock_seconds) is None
    ]
    ours = [one for one in rest if one.ours]
    giving_way = [one for one in rest if one.kind == AUTOVACUUM]
    young = [one for one in rest if not one.ours and one.kind != AUTOVACUUM]
    return Others(young=tuple(young), ours=tuple(ours), giving_way=tuple(giving_way))


def held_up(session: Session, among: Iterable[Session]) -> tuple[Session, ...]:
    """Return the sessions that wait for this one, directly or behind others; nobody twice."""
    among = tuple(among)
    found: list[Session] = []
    queue = [session]
    while queue:
        first = queue.pop(0)
        for one in waiting_for(first, among):
            if one is not session and one not in found:
                found.append(one)
                queue.append(one)
    return tuple(found)


def waiting_for(session: Session, among: Iterable[Session]) -> tuple[Session, ...]:
    """Return the sessions that wait directly for this one.

    The server calls every prepared transaction 0: it is one that has what the waiting session wants.
    """
    return tuple(
        one
        for one in among
        if session.pid in one.blocked_by and (session.pid != 0 or not one.waits_for or _clash(session, one))
    )


def _why(one: Session, live: Live, lock_seconds: float) -> Why | None:
    if one.wraparound:
        return Why.WRAPAROUND
    if one.transaction_seconds is None or one.transaction_seconds <= lock_seconds:
        return None
    if one.kind == AUTOVACUUM and lock_seconds > live.deadlock_seconds:
        return None  # the server cancels it for whoever has waited so long
    if _only_reads_for_us(one):
        return None
    if _has_locks(one):
        return Why.LOCK
    return Why.SNAPSHOT if one.snapshot else None


def _only_reads_for_us(one: Session) -> bool:
    """Whether it is a look of ours, which ends soon; a change of ours that is under way does stand in the way."""
    return one.ours and all(mode == Mode.ACCESS_SHARE.pg_name for _, mode in (*one.holds, *one.waits_for))


def _has_locks(one: Session) -> bool:
    return bool(one.holds or one.waits_for)


def _clash(holder: Session, waiter: Session) -> bool:
    return any(
        relation == wanted and Mode.named(mode).conflicts_with(Mode.named(wanted_mode))
        for relation, mode in holder.holds
        for wanted, wanted_mode in waiter.waits_for
    )
