"""Revisions as values, and where a database stands among them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ops import display
from ops.ledger.values import Applied
from ops.values import Result, Verdict

_STATES: dict[str, display.Tone] = {
    "current": "ok",
    "applied": "plain",
    "pending": "attention",
    "unknown": "bad",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """One version file."""

    revision: str
    down_revisions: tuple[str, ...] = ()
    depends_on: tuple[str, ...] = ()
    branch_labels: tuple[str, ...] = ()
    message: str = ""
    text: str = ""
    created: str | None = None
    path: str = ""
    sha256: str = ""
    can_upgrade: bool = True
    can_downgrade: bool = True

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Revision:
        """Return the value of one entry of the worker's `history` answer."""
        plain = {name: data[name] for name in cls.__slots__ if name in data}
        for name in ("down_revisions", "depends_on", "branch_labels"):
            plain[name] = tuple(plain.get(name) or ())
        return cls(**plain)

    @property
    def parents(self) -> tuple[str, ...]:
        """What must be applied before: what it revises, and what it depends on."""
        return (*self.down_revisions, *self.depends_on)


@dataclass(frozen=True, kw_only=True)
class History(Result):
    """All revisions that a project has, newest first, and where one database stands among them.

    `recorded` is the ledger's last record of each revision, `outside` those that were applied while nobody kept a
    record, and `edited` those whose files changed since. All are empty where no ledger was asked.
    """

    revisions: tuple[Revision, ...]
    heads: tuple[str, ...]
    current: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    recorded: Mapping[str, Applied] = field(default_factory=dict, repr=False)
    outside: frozenset[str] = frozenset()
    edited: tuple[str, ...] = ()

    @cached_property
    def by_id(self) -> Mapping[str, Revision]:
        """Every revision under its id."""
        return {one.revision: one for one in self.revisions}

    @cached_property
    def _labels(self) -> Mapping[str, str]:
        return {label: one.revision for one in self.revisions for label in one.branch_labels}

    @property
    def unknown(self) -> tuple[str, ...]:
        """Revisions that the database names and no file has."""
        return tuple(one for one in self.current if one not in self.by_id)

    @property
    def unexpected_heads(self) -> tuple[str, ...]:
        """The heads of which one is too many; none where there is one, or where each other one has a label.

        Branches that carry a label are to live side by side.
        """
        plain = tuple(head for head in self.heads if head not in self._labelled)
        return plain if len(plain) > 1 else ()

    @cached_property
    def _labelled(self) -> frozenset[str]:
        """The revisions with a branch label at or below them; each revision is looked at once."""
        above: dict[str, list[str]] = {}
        for name in self.by_id:
            for parent in self.parents(name):
                above.setdefault(parent, []).append(name)
        found: set[str] = set()
        queue = [one.revision for one in self.revisions if one.branch_labels]
        while queue:
            name = queue.pop()
            if name not in found:
                found.add(name)
                queue.extend(above.get(name, ()))
        return frozenset(found)

    @property
    def has_unexpected_heads(self) -> bool:
        """Whether there are more heads than are meant."""
        return bool(self.unexpected_heads)

    @cached_property
    def applied(self) -> frozenset[str]:
        """Every revision at or below the current ones."""
        return frozenset(self.ancestors(self.current))

    @property
    def pending(self) -> tuple[str, ...]:
        """Revisions that are not applied, in an order in which they can run."""
        waiting = [one.revision for one in reversed(self.ordered) if one.revision not in self.applied]
        return tuple(waiting)

    @cached_property
    def ordered(self) -> tuple[Revision, ...]:
        """Newest first: every revision stands above what it revises. Loops are cut where they are met."""
        done: dict[str, None] = {}
        for start in sorted(self.by_id, key=self._age):
            stack = [(start, False)]
            entered: set[str] = set()
            while stack:
                name, leaving = stack.pop()
                if leaving:
                    done.setdefault(name)
                elif name not in done and name not in entered:
                    entered.add(name)
                    stack.append((name, True))
                    stack.extend((parent, False) for parent in reversed(self.parents(name)))
        return tuple(self.by_id[name] for name in reversed(done))

    def _age(self, name: str) -> tuple[str, str]:
        return (self.by_id[name].created or "", name)

    def parents(self, name: str) -> tuple[str, ...]:
        """Return the ids below a revision; labels in `depends_on` are resolved."""
        found = (self._labels.get(one, one) for one in self.by_id[name].parents)
        return tuple(one for one in found if one in self.by_id)

    def ancestors(self, names: Iterable[str]) -> set[str]:
        """Return the known ones among some revisions, with everything below them."""
        seen: set[str] = set()
        queue = [name for name in names if name in self.by_id]
        while queue:
            name = queue.pop()
            if name not in seen:
                seen.add(name)
                queue.extend(self.parents(name))
        return seen

    @property
    def overlapping(self) -> tuple[str, ...]:
        """Rows of the version table that should not be there: another one's revision stands above theirs.

        What a revision only depends on does not count: Alembic may leave that row.
        """
        return tuple(one for one in self.current if any(one in self._below(other) for other in self.current))

    def _below(self, name: str) -> set[str]:
        """The revisions that one revises, directly or not."""
        seen: set[str] = set()
        queue = list(self.by_id[name].down_revisions) if name in self.by_id else []
        while queue:
            below = queue.pop()
            if below in self.by_id and below not in seen:
                seen.add(below)
                queue.extend(self.by_id[below].down_revisions)
        return seen

    def state(self, name: str) -> str:
        """Return `current`, `applied`, `pending`, or `unknown` where no file has it."""
        if name not in self.by_id:
            return "unknown"
        if name in self.current:
            return "current"
        return "applied" if name in self.applied else "pending"

    def application(self, name: str) -> Applied | None:
        """Return when and by whom a revision was applied; None where it is not, or nobody put that on record."""
        found = self.recorded.get(name)
        if name in self.outside or (name not in self.applied and name not in self.current):
            return None
        return found if found is not None and found.direction == "up" else None

    @property
    def verdict(self) -> Verdict:
        """ATTENTION where files do not fit together or the database names one that is missing."""
        return Verdict.ATTENTION if self.problems or self.unknown else Verdict.OK

    def __str__(self) -> str:
        count = len(self.revisions)
        return f"{display.many(count, 'revision')}, head{_s(self.heads)} {_list(self.heads)}"

    def table(self) -> display.Table:
        """Return one row per revision, newest first; unknown ones on top."""
        rows: list[tuple[object, ...]] = [
            (name, display.Mark("unknown", "bad"), "no file has this revision", *self._when(name), "", None, "")
            for name in self.unknown
        ]
        for one in self.ordered:
            state = self.state(one.revision)
            notes = [*(f"branch {label}" for label in one.branch_labels)]
            if one.revision in self.heads:
                notes.append("head")
            if not one.can_downgrade:
                notes.append("no downgrade")
            if one.revision in self.edited:
                notes.append("edited since")
            rows.append(
                (
                    one.revision,
                    display.Mark(state, _STATES[state]),
                    one.message,
                    *self._when(one.revision),
                    one.down_revisions or ("base",),
                    (one.created or "")[:16] or None,
                    ", ".join(notes),
                )
            )
        columns = ("revision", "state", "message", "applied", "by", "revises", "created", "notes")
        return display.Table(columns=columns, rows=tuple(rows), empty="no revision yet")

    def _when(self, name: str) -> tuple[str | None, str | None]:
        """When a revision was applied, to the minute in UTC, and by whom; dashes where nobody knows."""
        found = self.application(name)
        if found is not None:
            return found.when[:16].replace("T", " "), found.by
        return None, "not on record" if name in self.outside else None

    @property
    def graph(self) -> display.Graph:
        """The history as a picture: SVG, mermaid and text."""
        return self.graph_with("")

    def graph_with(self, chosen: str) -> display.Graph:
        """Return the picture with one revision marked: however long the history is, that one is drawn."""
        nodes = [
            display.Node(
                id=one.revision,
                parents=one.down_revisions,
                depends_on=tuple(self._labels.get(each, each) for each in one.depends_on),
                label=one.message,
                state=self.state(one.revision),
                tone=_STATES[self.state(one.revision)],
                note=", ".join(one.branch_labels),
            )
            for one in self.ordered
        ]
        lost = [
            display.Node(id=name, label="no file has this revision", state="unknown", tone="bad")
            for name in self.unknown
        ]
        return display.Graph(nodes=(*lost, *nodes), caption=str(self), chosen=chosen)

    def view(self) -> display.View:
        """Return the table as far as it fits beside each other, with what does not fit together above it."""
        notes = tuple(display.Note(one, "attention") for one in self.problems)
        wide = self.table()
        keep = [place for place, name in enumerate(wide.columns) if name != "created"]
        shown = display.Table(
            columns=tuple(wide.columns[place] for place in keep),
            rows=tuple(tuple(row[place] for place in keep) for row in wide.rows),
            empty=wide.empty,
        )
        return display.View(title=str(self), blocks=(*notes, shown))

    def to_dict(self) -> dict[str, Any]:
        """Return the revisions as lists and text, newest first."""
        return {
            "heads": list(self.heads),
            "history": [
                {
                    "revision": one.revision,
                    "down_revisions": list(one.down_revisions),
                    "depends_on": list(one.depends_on),
                    "branch_labels": list(one.branch_labels),
                    "message": one.message,
                    "created": one.created,
                    "state": self.state(one.revision),
                    **self._application(one.revision),
                }
                for one in self.ordered
            ],
            "problems": list(self.problems),
        }

    def _application(self, name: str) -> dict[str, Any]:
        found = self.application(name)
        return {
            "applied": found.when if found else None,
            "applied_by": found.by if found else None,
            "outside": name in self.outside,
            "edited": name in self.edited,
        }


def _s(many: tuple[object, ...]) -> str:
    return "" if len(many) == 1 else "s"


def _list(ids: tuple[str, ...]) -> str:
    return ", ".join(ids) or "none"
