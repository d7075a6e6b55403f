"""What a ledger tells: values of its records, without the records themselves."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any

Record = Mapping[str, Any]
"""One record: `kind`, `run`, `when`, and what `FIELDS` says of its kind; later versions may know more."""

FIELDS: Mapping[str, frozenset[str]] = {
    "intent": frozenset({"run", "when", "direction", "to"}),
    "part": frozenset({"run", "when", "revision", "direction", "committed"}),
    "revision": frozenset({"run", "when", "revision", "direction", "sha256", "seconds"}),
    "outcome": frozenset({"run", "when", "verdict"}),
}
"""What a record of each kind has at least."""


def known(found: object) -> bool:
    """Return whether something is a record that this version can read."""
    if not isinstance(found, Mapping):
        return False
    fields = FIELDS.get(found.get("kind", ""))
    return fields is not None and fields <= found.keys()


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """One revision that was applied or undone through this toolkit.

    `when` is the server's clock where the ledger is in the database, `seconds` this machine's. `role` is the database
    role, empty where a record does not say.
    """

    revision: str
    direction: str
    when: str
    by: str
    sha256: str
    seconds: float
    role: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenRun:
    """A run of which nobody knows how it ended.

    It is still going on, or it died; where it `ended`, it could not read back where it left the database. `database`
    is the identity of the database that it began on: a copy has the records of the one that it was copied from.
    """

    run: str
    when: str
    by: str
    direction: str
    wanted: tuple[str, ...]
    ended: bool = False
    database: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Passed:
    """The first statements of a revision, by their number and a hash of their texts."""

    count: int
    digest: str

    @classmethod
    def of(cls, statements: Iterable[str]) -> Passed:
        """Return what these are."""
        found = NONE
        for one in statements:
            found = found.then(one)
        return found

    def then(self, statement: str) -> Passed:
        """Return these and one more."""
        text = f"{self.digest}{len(statement)}:{statement}".encode("utf-8", "surrogatepass")
        return Passed(count=self.count + 1, digest=hashlib.sha256(text).hexdigest())


NONE = Passed(count=0, digest="")
"""No statement."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What is committed of a revision that has not come to its end: so many of its statements, and `possible` at most.

    `running` is the statement that makes the difference, empty where it is the end of a transaction, or where there is
    none. `writes_rows` tells whether any of them may have written rows; run again, they would write them twice.
    """

    run: str
    revision: str
    direction: str
    committed: Passed
    possible: Passed
    running: str = ""
    writes_rows: bool = False

    @property
    def is_certain(self) -> bool:
        """Whether it is known how many are committed."""
        return self.committed == self.possible


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Between two runs the version table moved without a record: a run left it at `left`, the next found `found`."""

    left: tuple[str, ...]
    found: tuple[str, ...]
    when: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PastEstimate:
    """What a plan foretold of a statement, from `low` to `high` seconds, and what it took; waits for locks left out."""

    sql: str
    low: float
    high: float
    seconds: float

    @property
    def is_inside(self) -> bool:
        """Whether it took as long as was foretold."""
        return self.low <= self.seconds <= self.high


@dataclass(frozen=True, slots=True, kw_only=True)
class PastRevision:
    """One revision of a past run: how long it took, in seconds, and hashes of its file and of the SQL that it ran.

    `statements` holds `sql`, `seconds`, `rows` and, where it was watched, `lock_wait` (seconds) of each statement,
    where they were asked for. `count` is their number in any case, None where the record does not say. `estimates` are
    those of which the plan had foretold how long they would take.
    """

    revision: str
    direction: str
    when: str
    seconds: float
    sha256: str
    sql_sha256: str = ""
    count: int | None = None
    lock_wait: float | None = None
    statements: tuple[Mapping[str, Any], ...] = ()
    estimates: tuple[PastEstimate, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PastRun:
    """One run: who wanted what, and what came of it. Times are ISO 8601, in UTC.

    `when` is the server's clock where the ledger is in the database; `ahead` is by how many seconds the clock of the
    machine was ahead of it, None where the ledger is a file. `seconds` is None, and `verdict` empty, while nobody knows
    how it ended. `restored` is the backup where it was a restore. `catalogs` are the fingerprints of the schema before
    and after, empty where unknown.
    """

    run: str
    when: str
    direction: str
    came_from: tuple[str, ...] | None
    wanted: tuple[str, ...]
    by: str
    role: str = ""
    login: str = ""
    process: str = ""
    notebook: str = ""
    commit: str = ""
    tool: str = ""
    plan: str = ""
    backup: str = ""
    restored: str = ""
    revisions: tuple[PastRevision, ...] = ()
    left: tuple[str, ...] | None = None
    seconds: float | None = None
    verdict: str = ""
    error: Mapping[str, Any] | None = field(default=None, compare=False)
    catalogs: tuple[str, str] = ("", "")
    ahead: float | None = None


def person(intent: Record) -> str:
    """Return who began a run, as user@host."""
    who = intent.get("who", {})
    return f"{who.get('os_user', '?')}@{who.get('host', '?')}"


def applied(one: Record, intent: Record) -> Applied:
    """Return what a revision's record says, beside its run's intent."""
    return Applied(
        revision=one["revision"],
        direction=one["direction"],
        when=one["when"],
        by=person(intent),
        sha256=one["sha256"],
        seconds=one["seconds"],
        role=intent.get("who", {}).get("role", ""),
    )


def part(one: Record) -> Part:
    """Return what the record of a part says."""
    committed, possible = (
        Passed(count=found["count"], digest=found["digest"])
        for found in (one["committed"], one.get("possible") or one["committed"])
    )
    return Part(
        run=one["run"],
        revision=one["revision"],
        direction=one["direction"],
        committed=committed,
        possible=possible,
        running=one.get("running", ""),
        writes_rows=bool(one.get("writes_rows")),
    )


def past_revision(one: Record) -> PastRevision:
    """Return a revision's record as a value."""
    return PastRevision(
        revision=one["revision"],
        direction=one["direction"],
        when=one["when"],
        seconds=one["seconds"],
        sha256=one["sha256"],
        sql_sha256=one.get("sql_sha256", ""),
        count=one.get("count"),
        lock_wait=one.get("lock_wait"),
        statements=tuple(one.get("statements") or ()),
        estimates=tuple(_past_estimate(each) for each in one.get("estimates") or ()),
    )


def _past_estimate(one: Record) -> PastEstimate:
    """Return an estimate's record as a value; a later version may have written more of it."""
    return PastEstimate(**{each.name: one[each.name] for each in fields(PastEstimate)})


def past_run(intent: Record, revisions: tuple[PastRevision, ...], outcome: Record) -> PastRun:
    """Return a run as a value; `outcome` is empty where there is none."""
    who = intent.get("who", {})
    left, came_from = outcome.get("current"), intent.get("from")
    return PastRun(
        run=intent["run"],
        when=intent["when"],
        direction=intent["direction"],
        came_from=None if came_from is None else tuple(came_from),
        wanted=tuple(intent["to"]),
        by=person(intent),
        **{name: str(who.get(name, "")) for name in ("role", "login", "process", "notebook", "commit", "tool")},
        plan=intent.get("plan", ""),
        backup=intent.get("backup", ""),
        restored=intent.get("restore", {}).get("file", ""),
        revisions=revisions,
        left=None if left is None else tuple(left),
        seconds=outcome.get("seconds"),
        verdict=outcome.get("verdict", ""),
        error=outcome.get("error"),
        catalogs=(intent.get("catalog") or "", outcome.get("catalog") or ""),
        ahead=ahead(intent),
    )


def ahead(record: Record) -> float | None:
    """Return by how many seconds the clock of the machine was ahead of the server's; None where one is not known."""
    written = record.get("written")
    if written is None:
        return None
    return (datetime.fromisoformat(written) - datetime.fromisoformat(record["when"])).total_seconds()
