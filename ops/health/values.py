"""What goes on in a database, as a result: who is in the way, which tables are hot, what is left over."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from ops import display
from ops.database import ServerFacts
from ops.health import words
from ops.health.blockers import Blocker, Others, Why, blockers, others
from ops.live import Live, LiveRelation, Session
from ops.values import Result, Verdict

TOP = 10
"""Tables that are shown as the hottest, and as the largest."""
TOLD = 5
"""Blockers that are told in a paragraph of their own; a table has them all."""
LISTED = 5_000
"""Relations in `result.json`; of more, the largest."""
LAG_SECONDS = 60.0
LAG_BYTES = 1024**3
"""A replica that is so far behind, or a slot that keeps so much WAL, is worth attention before more WAL is made."""

_REQUIRED = re.compile(r"\s*(?:FIRST|ANY)?\s*(\d+)\s*\(", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Health(Result):
    """One look at a live database. `lock_seconds` is the target's `lock_timeout`, the time that a change waits."""

    target: str
    facts: ServerFacts
    live: Live
    lock_timeout: str = "2s"
    lock_seconds: float = 2.0

    @cached_property
    def blockers(self) -> tuple[Blocker, ...]:
        """Who stands in the way of a change; the one to begin with is first."""
        return blockers(self.live, lock_seconds=self.lock_seconds)

    @cached_property
    def _others(self) -> Others:
        return others(self.live, lock_seconds=self.lock_seconds)

    @property
    def findings(self) -> tuple[str, ...]:
        """What needs attention, in sentences; blockers first."""
        first = [one for one in self.blockers if one.first]
        found = [words.blocker(one, self.live) for one in first[:TOLD]]
        rest = len(self.blockers) - len(found)
        if rest:
            found.append(
                f"{display.many(rest, 'more session')} would hold up a change as well, by locks, a snapshot or a place "
                "in the queue: the table of sessions has them all."
            )
        if not self.facts.primary:
            found.append("This is a replica: it follows its primary and takes no change.")
        found.extend(self._commits_wait())
        found.extend(words.invalid_index(one) for one in self.live.invalid if not one.building_pid)
        for one in self.live.replicas:
            behind = (one.lag_bytes or 0) >= LAG_BYTES or (one.lag_seconds or 0.0) >= LAG_SECONDS
            if one.wal_status in ("unreserved", "lost"):
                found.append(f"{words.replica(one)}; the WAL that it needs is {one.wal_status}: it must be made anew.")
            elif behind:
                found.append(f"{words.replica(one)}: a change that writes much makes that more.")
        return tuple(found)

    def _commits_wait(self) -> tuple[str, ...]:
        """Whether every commit waits for a replica that is not there."""
        asked = self.live.synchronous.strip()
        if not asked:
            return ()
        number = _REQUIRED.match(asked)
        required = int(number[1]) if number else 1
        there = sum(1 for one in self.live.replicas if one.synchronous and one.state == "streaming")
        if there >= required:
            return ()
        return (
            f"Every commit waits: synchronous_standby_names asks for {display.many(required, 'replica')} "
            f"({words.line(asked)}), and {there} {'is' if there == 1 else 'are'} there. Next: bring a replica back, or "
            "ask the server's administrator to correct the setting.",
        )

    @property
    def unknown(self) -> tuple[str, ...]:
        """What the role may not see and the answer depends on, in sentences."""
        return self.live.unseen

    @property
    def notes(self) -> tuple[str, ...]:
        """What is worth knowing and no reason to wait, in sentences."""
        rest = self._others
        found = []
        if rest.young:
            found.append(
                f"{display.many(len(rest.young), 'session')} with locks {'has' if len(rest.young) == 1 else 'have'} "
                f"been in a transaction for less than {self.lock_timeout}, which a change would wait: ordinary work."
            )
        found.extend(
            f"{words.who(one)}: {words.doing(one)}, holds {words.holds(one, self.live)}. It gives way to a change that "
            f"has waited for {display.duration(self.live.deadlock_seconds)}."
            for one in rest.giving_way
        )
        found.extend(
            f"A session of this toolkit, {words.who(one)}, holds {words.holds(one, self.live)}." for one in rest.ours
        )
        found.extend(
            f"{words.who(one)}: {words.doing(one)}. It has no lock on a table of this database."
            for one in self.live.sessions
            if one.gid and not one.holds
        )
        found.extend(words.invalid_index(one) for one in self.live.invalid if one.building_pid)
        return (*found, *self._rights(), *self.live.notes)

    def _rights(self) -> tuple[str, ...]:
        rights = self.live.rights
        if rights is None or rights.superuser:
            return ()
        found = []
        if rights.not_owned:
            names = words.few(sorted(rights.not_owned))
            found.append(f"The role {words.line(rights.role)} may not alter what it does not own: {names}.")
        if rights.closed_schemas:
            schemas = words.few(rights.closed_schemas)
            found.append(f"The role {words.line(rights.role)} may create nothing in the schemas {schemas}.")
        return tuple(found)

    @property
    def verdict(self) -> Verdict:
        """ATTENTION for whatever stands in the way or is left over; UNKNOWN where the role may not see enough."""
        if self.findings:
            return Verdict.ATTENTION
        return Verdict.UNKNOWN if self.unknown else Verdict.OK

    def __str__(self) -> str:
        if self.blockers:
            first = self.blockers[0]
            rest = len(self.blockers) - 1
            more = f"; {f'{rest} more'} stand{'s' if rest == 1 else ''} in the way" if rest else ""
            what = "CREATE INDEX CONCURRENTLY" if first.why is Why.SNAPSHOT else "a change"
            locked = f", holds {words.holds(first.session, self.live)}" if first.session.holds else ""
            who = f"{words.who(first.session)}, {words.doing(first.session)}{locked}"
            return f"{self.target}: {what} would be blocked now: {who}{more}"
        if self.findings:
            count = len(self.findings)
            things = f"{display.many(count, 'thing')} need{'s' if count == 1 else ''}"
            return f"{self.target}: no session blocks a change now, but {things} attention"
        if self.unknown:
            return f"{self.target}: whether a change would be blocked now is not known"
        return f"{self.target}: nothing would block a change now"

    # --- what is shown ---

    def view(self) -> display.View:
        """Return the answer: who is in the way, what to do, what could not be seen."""
        blocks: list[Any] = [display.Note(one, "attention") for one in self.findings]
        blocks += [display.Note(one, "unknown") for one in self.unknown]
        text = words.last_resort([one for one in self.blockers if one.first and one.why is not Why.WRAPAROUND][:TOLD])
        if text:
            caption = (
                "To end them by force, when whoever it is agrees, or nobody answers; as that user, or with "
                "pg_signal_backend. Nothing here runs this."
            )
            blocks.append(display.Code(text=text, caption=caption))
        blocks += [display.Note(one) for one in self.notes]
        facts = (
            ("a change waits", f"{self.lock_timeout} for a lock (lock_timeout of the target)"),
            ("sessions in a transaction", len(self.live.sessions)),
            ("looked at", display.moment(self.live.taken)),
        )
        return display.View(
            title=str(self),
            mark=display.Mark(self.verdict, self.verdict.tone),
            blocks=(*blocks, display.Facts(facts)),
        )

    def table(self) -> display.Table:
        """Return one row per session or prepared transaction, blockers first."""
        standing = {(one.session.pid, one.session.gid): one for one in self.blockers}
        ordered = [one.session for one in self.blockers]
        ordered += [one for one in self.live.sessions if (one.pid, one.gid) not in standing]
        rows = tuple(
            (
                display.Mark("in the way", "attention") if (one.pid, one.gid) in standing else _harmless(one),
                words.who(one),
                words.doing(one),
                words.holds(one, self.live),
                tuple(f"pid {pid}" if pid else "a prepared transaction" for pid in one.blocked_by),
                one.query[: words.QUERY_CHARACTERS],
            )
            for one in ordered
        )
        columns = ("what", "who", "does", "holds", "behind", "query, without literals")
        return display.Table(columns=columns, rows=rows, empty="no other session is in a transaction")

    @property
    def waiting(self) -> display.View:
        """Who waits behind whom, and every session that is in a transaction."""
        tree = words.tree(self.live)
        blocks: tuple[Any, ...] = (self.table(),)
        if tree:
            blocks = (display.Code(text=tree, language="text", caption="Who waits behind whom"), *blocks)
        return display.View(title="" if tree else "Nobody waits for a lock.", blocks=blocks)

    @property
    def hottest(self) -> tuple[LiveRelation, ...]:
        """The tables with most reads and writes per second now; a partitioned table stands for its partitions."""
        moving = [one for one in self._tables if (one.reads_now or 0) + (one.writes_now or 0) > 0]
        moving.sort(key=lambda one: (-((one.reads_now or 0) + (one.writes_now or 0)), one.name))
        return tuple(moving[:TOP])

    @property
    def largest(self) -> tuple[LiveRelation, ...]:
        """The largest tables; a partitioned table stands for its partitions."""
        return tuple(sorted(self._tables, key=lambda one: (-one.total_bytes, one.name))[:TOP])

    @property
    def _tables(self) -> tuple[LiveRelation, ...]:
        return tuple(
            one
            for one in self.live.relations.values()
            if not one.parent and one.kind in ("table", "partitioned table", "materialized view")
        )

    @property
    def tables(self) -> display.View:
        """Which tables are hot, and which are large."""
        columns = (
            "table",
            "rows",
            "heap",
            "indexes",
            "total",
            "reads/s",
            "writes/s",
            "mean reads",
            "mean writes",
        )
        since = f"; the mean is since {display.moment(self.live.counted_since)}" if self.live.counted_since else ""
        hot = display.Table(
            columns=columns,
            rows=tuple(map(_row, self.hottest)),
            caption=f"Hottest now (scans begun, rows written{since})",
            empty="no table was read or written while we looked",
        )
        large = display.Table(
            columns=columns, rows=tuple(map(_row, self.largest)), caption="Largest", empty="there are no tables"
        )
        return display.View(title="", blocks=(hot, large))

    @property
    def surroundings(self) -> display.View:
        """Replicas with their lag, and invalid indexes with what makes them go away."""
        replicas = display.Table(
            columns=("replica", "client", "state", "synchronous", "behind", "lag in seconds", "slot", "logical"),
            rows=tuple(
                (
                    one.name,
                    one.client or None,
                    one.state,
                    one.synchronous,
                    None if one.lag_bytes is None else display.size(one.lag_bytes),
                    one.lag_seconds,
                    one.slot or None,
                    one.logical,
                )
                for one in self.live.replicas
            ),
            caption="Replicas and slots",
            empty="no replica is connected, and no slot waits for one",
        )
        indexes = display.Table(
            columns=("index", "table", "what it is"),
            rows=tuple(
                (display.Name(one.name), display.Name(one.table), words.invalid_index(one)) for one in self.live.invalid
            ),
            caption="Invalid indexes",
        )
        sql = words.index_sql(self.live.invalid)
        code = (display.Code(text=sql, caption="Outside of a transaction, when you have read it:"),) if sql else ()
        return display.View(title="", blocks=(replicas, indexes, *code))

    def to_dict(self) -> dict[str, Any]:
        """Return the `data` of `14-check-health`."""
        relations = sorted(self.live.relations.values(), key=lambda one: (-one.total_bytes, one.name))
        return {
            "blockers": [
                {
                    **_session(one.session),
                    "why": one.why.value,
                    "first": one.first,
                    "held_up": [each.pid for each in one.held_up],
                    "next": words.advice(one),
                    "to_end_it": words.last_resort([one]) or None,
                }
                for one in self.blockers
            ],
            "sessions": [_session(one) for one in self.live.sessions],
            "replicas": [asdict(one) for one in self.live.replicas],
            "invalid_indexes": [
                {**asdict(one), "what": words.invalid_index(one), "sql": words.index_sql([one]) or None}
                for one in self.live.invalid
            ],
            "relations": [asdict(one) for one in relations[:LISTED]],
            "relations_left_out": max(0, len(relations) - LISTED),
            "findings": list(self.findings),
            "unknown": list(self.unknown),
            "notes": list(self.notes),
            "lock_timeout": self.lock_timeout,
            "counted_since": self.live.counted_since or None,
            "taken": self.live.taken,
        }


def _harmless(one: Session) -> str | display.Mark:
    return "harmless so far" if one.transaction_seconds is not None else display.Mark("not known", "unknown")


def _row(one: LiveRelation) -> tuple[object, ...]:
    about = "≈ " if one.estimated else ""
    return (
        display.Name(one.name),
        one.rows,
        *(f"{about}{display.size(count)}" for count in (one.heap_bytes, one.index_bytes, one.total_bytes)),
        *(
            None if rate is None else round(rate, 1)
            for rate in (one.reads_now, one.writes_now, one.reads_per_second, one.writes_per_second)
        ),
    )


def _session(one: Session) -> dict[str, Any]:
    found = asdict(one)
    for name in ("holds", "waits_for"):
        found[name] = [{"relation": relation, "mode": mode} for relation, mode in found[name]]
    return {**found, "blocked_by": list(one.blocked_by)}
