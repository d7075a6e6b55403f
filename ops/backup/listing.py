"""The backups that there are of a target, as what lies beside them says; nothing of them is read again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ops import display, dumps
from ops.backup import shelf
from ops.backup.values import WORDS
from ops.dumps.manifest import DumpError
from ops.values import Result, Verdict

_TONES: dict[str, display.Tone] = {one.value: one.tone for one in Verdict}


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One backup: `taken` is when its snapshot was, `verdict` what was found of it when it was made."""

    file: str
    taken: str
    database: str
    data: str
    format: str
    bytes: int
    verified: str
    verdict: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Backups(Result):
    """The backups of a target, the newest first."""

    target: str
    kept: tuple[Kept, ...]

    @property
    def verdict(self) -> Verdict:
        """OK: which there are is known, and that is all that was asked."""
        return Verdict.OK

    def __str__(self) -> str:
        count = len(self.kept)
        total = display.size(sum(one.bytes for one in self.kept))
        newest = f", {total}, the newest of {display.moment(self.kept[0].taken)}" if self.kept else ""
        return f"{self.target}: {display.many(count, 'backup')}{newest}"

    def table(self) -> display.Table:
        """Return one row per backup."""
        rows = tuple(
            (
                display.moment(one.taken),
                WORDS[one.data],
                one.format,
                display.size(one.bytes),
                display.Mark(one.verdict, _TONES.get(one.verdict, "unknown")),
                one.verified,
                display.Name(one.file),
            )
            for one in self.kept
        )
        return display.Table(columns=("of", "holds", "format", "size", "found", "verified by", "folder"), rows=rows)

    def view(self) -> display.View:
        """Return the table."""
        return display.View(title=str(self), blocks=(self.table(),))

    def to_dict(self) -> dict[str, Any]:
        """Return one object per backup."""
        return {"backups": [{name: getattr(one, name) for name in Kept.__slots__} for one in self.kept]}


def backups(home: Path, target: str) -> Backups:
    """Return the backups that there are of a target; what was never finished is none."""
    found = []
    for folder in shelf.Shelf(home, target).finished():
        said = shelf.record(folder)
        try:
            dump = dumps.find(folder)
        except DumpError:
            continue
        found.append(
            Kept(
                file=folder.relative_to(home).as_posix(),
                taken=dump.started,
                database=dump.database,
                data=dump.data,
                format=dump.format,
                bytes=dump.bytes,
                verified=str(said.get("verified", "nothing")),
                verdict=str(said.get("verdict", Verdict.UNKNOWN.value)),
            )
        )
    return Backups(target=target, kept=tuple(sorted(found, key=lambda one: one.taken, reverse=True)))
