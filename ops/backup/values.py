"""What a backup is, where it lies, and what was found of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ops import display
from ops.dumps import Dump
from ops.values import Result, Verdict

WORDS = {"full": "schema and rows", "schema": "schema alone", "some": "schema, and rows of some tables"}
VERIFIED = {
    "none": "not looked at again",
    "list": "its files have the hashes that were written, and pg_restore lists it",
    "restore": "restored on scratch, and compared",
}
OF_A_FILE = {
    **VERIFIED,
    "list": "it has the hash that was written, and PRAGMA integrity_check finds nothing",
    "restore": "restored into a new file, and compared",
}


@dataclass(frozen=True, kw_only=True)
class Backup(Result):
    """A backup of a target, and what was found of it.

    `file` is its folder, relative to the home folder. `checked` says what was found to be so, `differences` what was
    not, `unknown` what could not be told, `notes` what it does not hold; a sentence each. `removed` are older backups
    that made room. `files` are for the folder of a run.
    """

    target: str
    dump: Dump
    file: str
    verified: str
    seconds: float
    checked: tuple[str, ...] = ()
    differences: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)

    @property
    def verdict(self) -> Verdict:
        """ATTENTION when it is not what was dumped, UNKNOWN when nobody looked, or not everything could be told."""
        if self.differences:
            return Verdict.ATTENTION
        return Verdict.UNKNOWN if self.unknown or self.verified == "none" else Verdict.OK

    def __str__(self) -> str:
        size = display.size(self.dump.bytes)
        what = f"{WORDS[self.dump.data]}, {size}, in {display.duration(self.seconds)}"
        wrong = f", {len(self.differences)} differences" if self.differences else ""
        told = ", not everything could be verified" if self.unknown else ""
        told = ", not verified" if self.verified == "none" else told
        return f"{self.target}: backup of {self.dump.database}, {what}{wrong}{told}, {self.file}"

    def table(self) -> display.Table:
        """Return one row per table whose rows are in it."""
        rows = tuple((schema, name, display.size(size)) for schema, name, size in self.dump.tables)
        return display.Table(columns=("schema", "table", "size when it was dumped"), rows=rows, empty="no rows")

    def view(self) -> display.View:
        """Return where it is, what was found, and what it does not hold."""
        dump = self.dump
        facts = display.Facts(
            (
                ("folder", display.Name(self.file)),
                ("format", dump.format),
                ("holds", WORDS[dump.data]),
                ("size", f"{display.size(dump.bytes)} in {display.many(len(dump.files), 'file')}"),
                ("SHA-256" + (" of its manifest" if dump.format == "directory" else ""), display.Name(dump.sha256)),
                ("dumped from", dump.origin),
                ("verified", (OF_A_FILE if dump.format == "file" else VERIFIED)[self.verified]),
            )
        )
        blocks: list[Any] = [facts]
        blocks += [display.Note(one, "bad") for one in self.differences]
        blocks += [display.Note(one, "unknown") for one in self.unknown]
        blocks += [display.Note(one, "ok") for one in self.checked]
        blocks += [display.Note(one) for one in self.notes]
        blocks += [display.Note(f"Removed, as newer ones are kept: {', '.join(self.removed)}.")] if self.removed else []
        return display.View(title=str(self), mark=display.Mark(self.verdict, self.verdict.tone), blocks=tuple(blocks))

    def to_dict(self) -> dict[str, Any]:
        """Return the `data` of `46-backup`."""
        dump = self.dump
        return {
            "file": self.file,
            "format": dump.format,
            "bytes": dump.bytes,
            "sha256": dump.sha256,
            "verified": self.verified,
            "data": dump.data,
            "entries": dump.entries,
            "program": dump.program,
            "without": [".".join(one) for one in dump.without],
            "checked": list(self.checked),
            "differences": list(self.differences),
            "unknown": list(self.unknown),
            "notes": list(self.notes),
            "removed": list(self.removed),
            "seconds": round(self.seconds, 3),
        }
