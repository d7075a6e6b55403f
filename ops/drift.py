"""What differs among models, migrations and a database, and who made each difference."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Any

from ops import display
from ops.catalog.values import words
from ops.display.cells import shown
from ops.errors import UsageError
from ops.threeway import Cause
from ops.values import Result, Verdict

_SHOWN_OFFERS = 20
_LINES = 20

_CAUSES: Mapping[Cause, tuple[str, display.Tone]] = {
    Cause.CHANGED_BY_HAND: ("changed by hand", "bad"),
    Cause.AHEAD_BY_HAND: ("done by hand before its migration", "attention"),
    Cause.MODEL_WITHOUT_MIGRATION: ("models and migrations disagree", "attention"),
    Cause.PENDING: ("pending", "plain"),
    Cause.UNMANAGED: ("not managed by migrations", "unknown"),
}

# What an action says depends on the two sides that are compared.
_ACTIONS: Mapping[Cause, Mapping[str, str]] = {
    Cause.CHANGED_BY_HAND: {"added": "only in the database", "removed": "missing in the database"},
    Cause.AHEAD_BY_HAND: {"added": "already in the database", "removed": "already gone from the database"},
    Cause.MODEL_WITHOUT_MIGRATION: {"added": "only in the models", "removed": "missing in the models"},
    Cause.PENDING: {"added": "will be added", "removed": "will be removed", "changed": "will change"},
    Cause.UNMANAGED: {"added": "only in the database"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """One way to make a difference go away: SQL to run, and the same as the body of a revision."""

    title: str
    sql: tuple[str, ...]
    alembic: str
    why_not: str = ""
    loses: str = ""
    runs_here: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return the offer as lists and text."""
        return {
            "title": self.title,
            "sql": list(self.sql),
            "alembic": self.alembic,
            "why_not": self.why_not or None,
            "loses": self.loses or None,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One difference, with its cause and the revision that last touched the object."""

    action: str
    kind: str
    object: str
    cause: Cause
    counts: bool
    details: Mapping[str, Any] = field(default_factory=dict)
    blame: Mapping[str, Any] | None = None
    consequences: tuple[tuple[str, str], ...] = ()
    offers: tuple[Offer, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the change as `result.json` has it."""
        return {
            "action": self.action,
            "kind": self.kind,
            "object": self.object,
            "cause": self.cause.value,
            "blame": dict(self.blame) if self.blame else None,
            "counts": self.counts,
            "details": dict(self.details),
            "consequences": [{"kind": kind, "object": name} for kind, name in self.consequences],
            "offers": [one.to_dict() for one in self.offers],
        }

    @property
    def what(self) -> str:
        """The action as a person says it."""
        if self.action == "renamed":
            return f"renamed from {self.details.get('from')} (probably)"
        return _ACTIONS[self.cause].get(self.action, "differs")

    @property
    def explanation(self) -> str:
        """The details in words, and what follows from it."""
        if self.action == "changed":
            parts = [f"{name}: {_side(one)} → {_side(other)}" for name, (one, other) in self.details.items()]
        elif self.action == "renamed":
            parts = []
        else:
            parts = [f"{name}: {words(value)}" for name, value in self.details.items() if (name, value) not in _USUAL]
            parts = [one for one in parts if not one.startswith("owner: ")]
        if self.consequences:
            parts.append(f"and with it {_counted(self.consequences)}")
        return "; ".join(parts)

    @property
    def blamed(self) -> str:
        """The revision that last touched the object, and its author, in words."""
        if not self.blame:
            return ""
        parts = (self.blame["revision"], self.blame.get("author"), (self.blame.get("date") or "")[:10])
        return ", ".join(str(one) for one in parts if one)


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift(Result):
    """The differences among models, migrations and database.

    `unknown` says what could not be compared, and why: with any of it, no difference does not mean none.
    """

    target: str
    changes: tuple[Change, ...] = ()
    ignored: tuple[Change, ...] = ()
    unknown: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    pending: tuple[str, ...] = ()
    expect_pending: bool = True
    model_tables: int = 0
    missing_models: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()
    fingerprints: Mapping[str, str | None] = field(default_factory=dict)

    def together_with(self, other: Result) -> Drift:
        """Return the same differences, to be judged together with what another result found."""
        found = () if other.verdict is Verdict.OK else (str(other), *getattr(other, "findings", ()))
        return replace(self, findings=(*self.findings, *found))

    @property
    def counted(self) -> tuple[Change, ...]:
        """The changes that make the verdict."""
        return tuple(one for one in self.changes if one.counts)

    @property
    def verdict(self) -> Verdict:
        """ATTENTION for any change that counts; UNKNOWN where something could not be compared."""
        if self.counted or self.findings or self.missing_models or (self.pending and not self.expect_pending):
            return Verdict.ATTENTION
        return Verdict.UNKNOWN if self.unknown else Verdict.OK

    def __str__(self) -> str:
        parts = []
        for cause in Cause:
            count = sum(1 for one in self.counted if one.cause is cause)
            if count:
                parts.append(f"{count} {_CAUSES[cause][0]}")
        if not parts:
            parts.append("no drift")
        if self.pending:
            parts.append(f"{display.many(len(self.pending), 'revision')} pending")
        rest = sum(1 for one in self.changes if not one.counts and one.cause is Cause.UNMANAGED)
        if rest:
            parts.append(f"{rest} {_CAUSES[Cause.UNMANAGED][0]}")
        if self.ignored:
            parts.append(f"{len(self.ignored)} ignored")
        if self.unknown:
            parts.append("not everything could be compared")
        if self.missing_models:
            parts.append(f"{len(self.missing_models)} mapped class(es) missed by the models' metadata")
        if self.findings:
            parts.append("the revision needs attention")
        return f"{self.target}: {', '.join(parts)}"

    @property
    def lines(self) -> tuple[str, ...]:
        """What makes the verdict, one line each: for a terminal, and for the mail of a scheduler."""
        told = [
            *(f"{_CAUSES[one.cause][0]}: {one.kind} {one.object}, {one.what}" for one in self.counted),
            *(f"not compared: {one}" for one in self.unknown),
        ]
        kept = [shown(" ".join(one.split())) for one in told[:_LINES]]
        return (*kept, f"and {len(told) - _LINES} more") if len(told) > _LINES else tuple(kept)

    def table(self) -> display.Table:
        """Return one row per change."""
        rows = tuple(
            (
                display.Mark(_CAUSES[one.cause][0], _CAUSES[one.cause][1] if one.counts else "plain"),
                one.what,
                one.kind,
                display.Name(one.object),
                one.explanation,
                one.blamed,
            )
            for one in self.changes
        )
        columns = ("whose", "what", "kind", "object", "details", "last touched by")
        return display.Table(columns=columns, rows=rows, empty="no difference")

    def view(self) -> display.View:
        """Return the changes, what could not be compared, and what would make each change go away."""
        blocks: list[Any] = [display.Note(one, "attention") for one in (*self.findings, *self.missing_models)]
        blocks += [display.Note(one, "unknown") for one in self.unknown]
        blocks += [display.Note(one) for one in self.notes]
        blocks.append(self.table())
        if self.ignored:
            names = ", ".join(f"{one.kind} {one.object}" for one in self.ignored)
            blocks.append(display.Note(f"Ignored on request: {names}."))
        offering = [one for one in self.changes if one.offers]
        for one in offering[:_SHOWN_OFFERS]:
            blocks.extend(_offers(one))
        if len(offering) > _SHOWN_OFFERS:
            blocks.append(display.Note(f"The ways out of {len(offering) - _SHOWN_OFFERS} more are in result.json."))
        facts = tuple((f"fingerprint of {side}", value or "–") for side, value in self.fingerprints.items())
        blocks.append(display.Facts(facts))
        return display.View(title=str(self), mark=display.Mark(self.verdict, self.verdict.tone), blocks=tuple(blocks))

    def to_dict(self) -> dict[str, Any]:
        """Return the `data` of `12-compare-schema` and `50-verify`."""
        return {
            "changes": [one.to_dict() for one in self.changes],
            "lines": list(self.lines),
            "ignored": [one.to_dict() for one in self.ignored],
            "unknown": list(self.unknown),
            "pending": list(self.pending),
            "missing_models": list(self.missing_models),
            "findings": list(self.findings),
            "model_tables": self.model_tables,
            "fingerprints": {side: self.fingerprints.get(side) for side in ("models", "migrations", "live")},
        }


def _offers(change: Change) -> Iterable[display.Note | display.Code]:
    for offer in change.offers:
        caption = f"{change.kind} {change.object}: {offer.title}"
        if offer.why_not:
            yield display.Note(f"{caption}: {offer.why_not}", "unknown")
        if offer.loses:
            yield display.Note(f"{caption} loses {offer.loses}.", "attention")
        # One spelling each: what runs on this database now, or what goes into a revision. Both are in result.json.
        if offer.sql and offer.runs_here:
            yield display.Code(text="".join(f"{one};\n" for one in offer.sql).rstrip(), caption=caption)
        elif offer.alembic:
            yield display.Code(text=offer.alembic, language="python", caption=caption)


_USUAL = (("persistence", "permanent"), ("access method", "heap"), ("validated", True))


def _counted(names: Iterable[tuple[str, str]]) -> str:
    """How many of each kind; the names themselves are in result.json."""
    counts: dict[str, int] = {}
    for kind, _ in names:
        counts[kind] = counts.get(kind, 0) + 1
    return ", ".join(
        f"{count} {kind if count == 1 else _PLURALS.get(kind, f'{kind}s')}" for kind, count in sorted(counts.items())
    )


_PLURALS = {
    "index": "indexes",
    "policy": "policies",
    "statistics": "statistics",
    "default privileges": "default privileges",
}


def _side(value: object) -> str:
    return "nothing" if value is None else words(value)


Rule = tuple[str, str]


def rules(ignore: str, kinds: Iterable[str]) -> tuple[Rule, ...]:
    """Return what to leave out, as (kind, pattern) pairs.

    `ignore` is a comma-separated list of kinds (`index`), patterns of objects (`public.tmp_*`), or both
    (`index:public.tmp_*`).

    Raises
    ------
    UsageError
        An entry is empty on one side of its colon.
    """
    return tuple(_rule(entry, set(kinds)) for entry in (part.strip() for part in ignore.split(",")) if entry)


def is_ignored(kind: str, name: str, among: Iterable[Rule]) -> bool:
    """Return whether one of the rules leaves an object out."""
    return any(wanted in ("*", kind) and _fits(pattern, name) for wanted, pattern in among)


def _rule(entry: str, kinds: set[str]) -> Rule:
    if entry in kinds:
        return entry, "*"
    kind, colon, pattern = entry.partition(":")
    if not colon:
        return "*", entry
    if not kind.strip() or not pattern.strip():
        raise UsageError(
            f"ignore has the entry {entry!r}, with nothing on one side of the colon.",
            next_step="Write a kind, a pattern, or kind:pattern, separated by commas.",
        )
    return kind.strip(), pattern.strip()


def _fits(pattern: str, name: str) -> bool:
    # a pattern that names a table also means what belongs to it, with or without its schema
    return any(
        fnmatchcase(name, one) for one in (pattern, f"{pattern}.*", f"*.{pattern}", f"*.{pattern}.*", f"* {pattern}")
    )
