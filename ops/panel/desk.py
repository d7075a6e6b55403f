"""What can be done with a target now, and what is missing for the rest. Pure: what is on the screen, as a value."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ops import display

if TYPE_CHECKING:
    from ops.history import History
    from ops.runbook.catalogue import Notebook
    from ops.status import Status

LOOK, JUDGE, CHANGE = "look", "judge", "change"

_FINGERPRINT = re.compile(r", plan-[0-9a-f]{16}\Z")

_LABEL = 100
"""Characters of a revision in the list."""

_ACTIONS = (
    ("Inspect", "10-inspect", LOOK),
    ("Compare", "12-compare-schema", LOOK),
    ("Health", "14-check-health", LOOK),
    ("Verify", "50-verify", LOOK),
    ("Find what to repair", "90-repair", LOOK),
    ("Plan", "20-plan", JUDGE),
    ("Rehearse", "30-rehearse", JUDGE),
    ("Back up", "46-backup", JUDGE),
    ("Upgrade", "40-upgrade", CHANGE),
    ("Downgrade", "42-downgrade", CHANGE),
    ("Repair", "90-repair", CHANGE),
)
_NEEDS = {"Rehearse": "rehearsal", "Back up": "backup"}
"""What there may be none of on some kind of database."""

GOES = ("Plan", "Rehearse", "Upgrade", "Downgrade")
"""What leads to a revision."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """One thing that may be done: the notebook that does it, its parameters, and why it cannot be done now.

    `kind` is `look`, `judge` (on copies at most) or `change`.
    """

    action: str
    notebook: str
    kind: str
    parameters: Mapping[str, object]
    why_not: str = ""

    @property
    def command(self) -> str:
        """The same on the command line."""
        given = [f"-p {name}={shlex.quote(_word(value))}" for name, value in self.parameters.items()]
        return " ".join(["ops run", self.notebook, *given])


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A plan that is on the screen: for which revision and direction, its fingerprint, what it runs and what it found.

    `rehearsed` is the verdict of a rehearsal of it, `backed_up` whether a backup was made since.
    """

    revision: str
    direction: str
    fingerprint: str
    revisions: tuple[str, ...] = ()
    verdict: str = "OK"
    summary: str = ""
    rehearsed: str = ""
    backed_up: bool = False

    @classmethod
    def of(cls, parameters: Mapping[str, object], found: Mapping[str, Any]) -> Planned | None:
        """Return the plan that a run of `20-plan` with these parameters made; None where it made none."""
        data = found.get("data") or {}
        if not data.get("fingerprint"):
            return None
        fingerprint, summary = str(data["fingerprint"]), str(found.get("summary") or "")
        return cls(
            revision=str(parameters["revision"]),
            direction=str(parameters["direction"]),
            fingerprint=fingerprint,
            revisions=tuple(map(str, data.get("revisions") or ())),
            verdict=str(found.get("verdict")),
            summary=brief(summary, str(parameters["target"])),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Mend:
    """One repair that is offered: its case, with what was chosen of it, and what it would do.

    `fingerprint` is that of its dry run. `shown` is whether there was one of this choice alone.
    """

    case: str
    offered: str
    fingerprint: str = ""
    shown: bool = True

    @classmethod
    def all_of(cls, data: Mapping[str, Any]) -> tuple[Mend, ...]:
        """Return what a run of `90-repair` offers, from its `data`."""
        found = []
        for one in data.get("findings") or ():
            if not one.get("offered") or one.get("done"):
                continue
            fingerprint = str(one.get("fingerprint") or "")
            for choice in one.get("choices") or ("",):
                case = f"{one['case']}:{choice}" if choice else str(one["case"])
                shown = bool(fingerprint) or not choice or data.get("case") == case
                offered = str(one["offered"]) if shown else "one of several: its dry run says more"
                found.append(cls(case=case, offered=offered, fingerprint=fingerprint, shown=shown))
        return tuple(found)


@dataclass(frozen=True, kw_only=True)
class Desk:
    """What a person at the panel has before them.

    `revision` is the one that was chosen, `typed` what was typed as the database's name, `running` the action that is
    under way, `aim` another target that was chosen and is not read yet, `open_runs` whether a run never reported its
    end, or left a revision half done, `without_version` whether there are tables and no revision. `lacks` is what there
    is not on its kind of database. `mends` is what was found to repair, `case` the one that was chosen, `unproved`
    whether a change was made that nobody has verified.
    """

    target: str
    database: str
    history: History = field(repr=False)
    notebooks: frozenset[str] = frozenset()
    lacks: frozenset[str] = frozenset()
    open_runs: bool = False
    without_version: bool = False
    revision: str = ""
    planned: Planned | None = None
    mends: tuple[Mend, ...] = ()
    case: str = ""
    unproved: bool = False
    typed: str = ""
    running: str = ""
    aim: str = ""

    @classmethod
    def of(cls, status: Status, notebooks: Sequence[Notebook]) -> Desk:
        """Return the desk of a target as it is found: the newest revision is chosen where there is one."""
        heads = status.heads
        return cls(
            target=status.target,
            database=status.facts.database,
            history=status.history,
            notebooks=frozenset(one.name for one in notebooks),
            lacks=status.lacks,
            open_runs=bool(status.open_runs or status.half_done),
            without_version=bool(status.without_version),
            revision=heads[0] if len(heads) == 1 else "",
        )

    @property
    def direction(self) -> str:
        """Which way the chosen revision lies: `up`, `down`, or nothing where the database is there, or nobody knows."""
        if not self.revision:
            return ""
        if self.revision == "base":
            return "down" if self.history.current else ""
        state = self.history.state(self.revision)
        return {"pending": "up", "applied": "down"}.get(state, "")

    @property
    def plan(self) -> Planned | None:
        """The plan on the screen, where it is for what is chosen now."""
        found = self.planned
        fits = found is not None and (found.revision, found.direction) == (self.revision, self.direction)
        return found if fits else None

    @property
    def mend(self) -> Mend | None:
        """The repair that was chosen."""
        return next((one for one in self.mends if one.case == self.case), None)

    def choices(self, find: str = "") -> tuple[tuple[str, str], ...]:
        """Return the revisions to choose from, as a person reads them, each with its id, newest first; and base.

        `find`: only those whose id, state or message has these letters, and the one that is chosen.
        """
        wanted = find.strip().casefold()
        found = [
            (f"{one.revision} · {self.history.state(one.revision)} · {one.message}"[:_LABEL], one.revision)
            for one in self.history.ordered
        ]
        every = (*found, ("base · nothing applied", "base"))
        kept = [(label, name) for label, name in every if wanted in label.casefold() or name == self.revision]
        return (("choose one", ""), *kept)

    def offers(self) -> tuple[Offer, ...]:
        """Return everything that the notebooks of this installation can do, in the order in which one does it."""
        return tuple(
            self._offer(action, notebook, kind) for action, notebook, kind in _ACTIONS if notebook in self.notebooks
        )

    def _offer(self, action: str, notebook: str, kind: str) -> Offer:
        parameters: dict[str, object] = {"target": self.target}
        if action in GOES and self.revision:
            parameters["revision"] = self.revision
        if action == "Plan":
            parameters["direction"] = self.direction or "up"
        if notebook == "90-repair" and self.mend:
            parameters["case"] = self.case
        if kind == CHANGE:
            meant = self.plan if action in GOES else self.mend
            parameters |= {"dry_run": False, "confirm": meant.fingerprint if meant else ""}
        offer = Offer(action=action, notebook=notebook, kind=kind, parameters=parameters)
        return replace(offer, why_not=self._why_not(action))

    def _why_not(self, action: str) -> str:
        if self.running:
            return f"{self.running} is under way."
        if self.aim:
            return f"{self.aim} is not read yet."
        if not self.has(action):
            return "There is none on this kind of database; the plan says what to know instead."
        if action == "Repair":
            return self._why_not_repair()
        if action not in GOES:
            return ""
        if not self.revision:
            return "Choose a revision."
        if not self.direction:
            return f"The database is at {self.revision} already."
        wanted = {"Upgrade": "up", "Rehearse": "up", "Downgrade": "down"}.get(action, self.direction)
        if wanted != self.direction:
            other = "is applied: going there is a downgrade" if wanted == "up" else "is not applied yet"
            return f"{self.revision} {other}." if self.revision != "base" else "base is below: that is a downgrade."
        if action in ("Plan", "Rehearse"):
            return ""
        if self.plan is None:
            return "Make the plan of this first, and read it."
        return self._why_not_meant()

    def has(self, action: str) -> bool:
        """Return whether there is such a thing on this kind of database."""
        return _NEEDS.get(action) not in self.lacks

    def _why_not_repair(self) -> str:
        if not self.mends:
            return "Find what to repair first."
        if self.mend is None:
            return "Choose what to repair."
        if not self.mend.shown:
            return "Find what to repair once more: the dry run of this choice alone has its confirmation."
        return self._why_not_meant()

    def _why_not_meant(self) -> str:
        if self.typed.strip() != self.database:
            return f"Type the name of the database, {self.database}, to say that you mean it."
        return ""

    def table(self) -> display.Table:
        """Return one row per offer."""
        rows = tuple((one.action, display.Name(one.command), one.why_not or None) for one in self.offers())
        return display.Table(
            columns=("to do", "command", "not now, because"), rows=rows, caption="What can be done now"
        )

    def blocks(self) -> tuple[display.Table, display.Note]:
        """Return what can be done, as a table with the commands, for where there are no buttons."""
        note = "In JupyterLab (ops lab) this is a panel with buttons, progress and the runs so far."
        return self.table(), display.Note(note)


def brief(summary: str, target: str) -> str:
    """Return a run's summary where its target is known, and its fingerprint is shown elsewhere or needed by nobody."""
    return _FINGERPRINT.sub("", summary.removeprefix(f"{target}: "))


def _word(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
