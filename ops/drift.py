"""What differs between the models and a database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Any

from ops import display
from ops.errors import UsageError
from ops.values import Result, Verdict

_WHERE = {"added": "only in the models", "removed": "only in the database", "changed": "differs"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One difference: what the models add to, remove from, or change in the database."""

    action: str
    kind: str
    object: str
    details: Mapping[str, Any] = field(default_factory=dict)
    cause: str | None = None
    blame: Mapping[str, Any] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the change as `result.json` has it."""
        return {
            "action": self.action,
            "kind": self.kind,
            "object": self.object,
            "cause": self.cause,
            "blame": self.blame,
            "details": dict(self.details),
        }

    @property
    def explanation(self) -> str:
        """The details in words."""
        details = dict(self.details)
        if "property" in details:
            return f"{details['property']}: database {details['database']}, models {details['models']}"
        return ", ".join(f"{key}: {_words(value)}" for key, value in details.items() if value not in (None, [], ""))


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift(Result):
    """The differences between models and database, as Alembic's own comparison finds them.

    That comparison is blind to much of PostgreSQL (functions, triggers, grants, checks, …) and cannot tell
    whose doing a difference is; `cause` and `blame` are therefore empty.
    """

    target: str
    changes: tuple[Change, ...] = ()
    ignored: tuple[Change, ...] = ()
    pending: tuple[str, ...] = ()
    expect_pending: bool = True
    model_tables: int = 0
    missing_models: tuple[str, ...] = ()
    upgrade: str = ""
    findings: tuple[str, ...] = ()

    def together_with(self, other: Result) -> Drift:
        """Return the same differences, to be judged together with what another result found."""
        found = () if other.verdict is Verdict.OK else (str(other), *getattr(other, "findings", ()))
        return replace(self, findings=found)

    @property
    def verdict(self) -> Verdict:
        """ATTENTION for any change that counts; UNKNOWN where no model was loaded."""
        if self.findings or self.changes or self.missing_models or (self.pending and not self.expect_pending):
            return Verdict.ATTENTION
        return Verdict.OK if self.model_tables else Verdict.UNKNOWN

    def __str__(self) -> str:
        if not self.model_tables:
            return f"{self.target}: the models hold no table, so nothing could be compared"
        count = len(self.changes)
        parts = [f"{count} difference{'' if count == 1 else 's'}" if count else "models and database agree"]
        if self.ignored:
            parts.append(f"{len(self.ignored)} ignored")
        if self.pending:
            parts.append(f"{len(self.pending)} revision{'' if len(self.pending) == 1 else 's'} pending")
        if self.findings:
            parts.append("the revision needs attention")
        if self.missing_models:
            parts.append(f"{len(self.missing_models)} mapped class(es) missed by the models' metadata")
        return f"{self.target}: {', '.join(parts)}"

    def table(self) -> display.Table:
        """Return one row per change that counts."""
        rows = tuple(
            (
                display.Mark(_WHERE[one.action], "attention"),
                one.kind,
                one.object,
                one.explanation,
            )
            for one in self.changes
        )
        return display.Table(columns=("where", "kind", "object", "details"), rows=rows, empty="no difference")

    def view(self) -> display.View:
        """Return the changes, what was left out, and what would make them go away."""
        blocks: list[Any] = [display.Note(one, "attention") for one in (*self.findings, *self.missing_models)]
        if self.pending:
            blocks.append(
                display.Note(
                    f"Pending: {', '.join(self.pending)}. What these revisions will do shows as a difference here, "
                    "until they are applied.",
                    "attention" if not self.expect_pending else "plain",
                )
            )
        blocks.append(self.table())
        if self.ignored:
            names = ", ".join(f"{one.kind} {one.object}" for one in self.ignored)
            blocks.append(display.Note(f"Ignored on request: {names}."))
        blocks.append(
            display.Note(
                f"Compared: {self.model_tables} model table(s), by Alembic's autogenerate. It does not see checks, "
                "functions, triggers, policies, grants, enum labels, partitions and more."
            )
        )
        if self.changes and self.upgrade:
            blocks.append(
                display.Code(
                    text=self.upgrade,
                    language="python",
                    caption="What would bring the database to the models",
                )
            )
        return display.View(title=str(self), mark=display.Mark(self.verdict, self.verdict.tone), blocks=tuple(blocks))

    def to_dict(self) -> dict[str, Any]:
        """Return the `data` of `12-compare-schema` and `50-verify`."""
        return {
            "changes": [one.to_dict() for one in self.changes],
            "ignored": [one.to_dict() for one in self.ignored],
            "pending": list(self.pending),
            "missing_models": list(self.missing_models),
            "findings": list(self.findings),
            "model_tables": self.model_tables,
            "fingerprints": {"models": None, "migrations": None, "live": None},
        }


def split(changes: Iterable[Mapping[str, Any]], ignore: str) -> tuple[tuple[Change, ...], tuple[Change, ...]]:
    """Return the changes that count and those that `ignore` leaves out.

    `ignore` is a comma-separated list of kinds (`index`), patterns of objects (`public.tmp_*`), or both
    (`index:public.tmp_*`).

    Raises
    ------
    UsageError
        An entry is empty on one side of its colon.
    """
    rules = [_rule(entry) for entry in (part.strip() for part in ignore.split(",")) if entry]
    counted, ignored = [], []
    for one in changes:
        change = Change(action=one["action"], kind=one["kind"], object=one["object"], details=one.get("details") or {})
        matches = any(kind in ("*", change.kind) and _fits(pattern, change.object) for kind, pattern in rules)
        (ignored if matches else counted).append(change)
    return tuple(counted), tuple(ignored)


_KINDS = ("table", "column", "index", "constraint", "fk", "table comment")


def _rule(entry: str) -> tuple[str, str]:
    kind, colon, pattern = entry.partition(":")
    if colon:
        if not kind.strip() or not pattern.strip():
            raise UsageError(
                f"ignore has the entry {entry!r}, with nothing on one side of the colon.",
                next_step="Write a kind, a pattern, or kind:pattern, separated by commas.",
            )
        return kind.strip(), pattern.strip()
    return (entry, "*") if entry in _KINDS else ("*", entry)


def _fits(pattern: str, name: str) -> bool:
    return fnmatchcase(name, pattern) or fnmatchcase(name, f"{pattern}.*") or fnmatchcase(name, f"*.{pattern}")


def _words(value: object) -> str:
    return ", ".join(str(one) for one in value) if isinstance(value, list | tuple) else str(value)
