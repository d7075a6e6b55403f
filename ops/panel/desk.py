"""What can be done with a target now, and what is missing for the rest. Pure: what is on the screen, as a value."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ops import display

if TYPE_CHECKING:
    from ops.history import History
    from ops.runbook.catalogue import Notebook
    from ops.status import Status

LOOK, JUDGE, CHANGE = "look", "judge", "change"

_LABEL = 100
"""Characters of a revision in the list."""

_ACTIONS = (
    ("Inspect", "10-inspect", LOOK),
    ("Compare", "12-compare-schema", LOOK),
    ("Health", "14-check-health", LOOK),
    ("Verify", "50-verify", LOOK),
    ("Plan", "20-plan", JUDGE),
    ("Rehearse", "30-rehearse", JUDGE),
    ("Back up", "46-backup", JUDGE),
    ("Upgrade", "40-upgrade", CHANGE),
    ("Downgrade", "42-downgrade", CHANGE),
    ("Find what to repair", "90-repair", JUDGE),
)


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
    """A plan that is on the screen: for which revision and direction, its fingerprint, and what it runs."""

    revision: str
    direction: str
    fingerprint: str
    revisions: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Desk:
    """What a person at the panel has before them.

    `revision` is the one that was chosen, `typed` what was typed as the database's name, `running` the action that is
    under way, `open_runs` whether a run never reported its end.
    """

    target: str
    database: str
    history: History = field(repr=False)
    notebooks: frozenset[str] = frozenset()
    open_runs: bool = False
    revision: str = ""
    planned: Planned | None = None
    typed: str = ""
    running: str = ""

    @classmethod
    def of(cls, status: Status, notebooks: Sequence[Notebook]) -> Desk:
        """Return the desk of a target as it is found: the newest revision is chosen where there is one."""
        heads = status.heads
        return cls(
            target=status.target,
            database=status.facts.database,
            history=status.history,
            notebooks=frozenset(one.name for one in notebooks),
            open_runs=bool(status.open_runs),
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
        if action in ("Plan", "Rehearse", "Upgrade", "Downgrade") and self.revision:
            parameters["revision"] = self.revision
        if action == "Plan":
            parameters["direction"] = self.direction or "up"
        if kind == CHANGE:
            parameters |= {"dry_run": False, "confirm": self.plan.fingerprint if self.plan else ""}
        offer = Offer(action=action, notebook=notebook, kind=kind, parameters=parameters)
        return replace(offer, why_not=self._why_not(action))

    def _why_not(self, action: str) -> str:
        if self.running:
            return f"{self.running} is under way."
        if action not in ("Plan", "Rehearse", "Upgrade", "Downgrade"):
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


def _word(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
