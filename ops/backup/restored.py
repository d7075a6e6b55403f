"""What a restore did, or, as a dry run, would do."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from ops import display
from ops.backup.values import WORDS
from ops.dumps import Dump
from ops.errors import OpsError, RefusedError, StalePlanError
from ops.values import Result, Verdict


@dataclass(frozen=True, kw_only=True)
class Restoration(Result):
    """What a restore did, or, as a dry run, would do.

    `into` is the database that was made of the backup; `replaced` the name under which the one that had this name is
    kept, empty where there was none. `obstacles` are what a real run would be refused for. `state` is what the
    confirmation stands for, beside the backup. `same` tells whether the catalog is the one that was dumped, None where
    that could not be told.
    """

    target: str
    dump: Dump
    file: str
    into: str
    over: bool
    dry_run: bool
    protected: bool
    state: tuple[str, ...]
    obstacles: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    replaced: str = ""
    same: bool | None = None
    seconds: float = 0.0

    @property
    def verdict(self) -> Verdict:
        """ATTENTION when what came out is not what was dumped, UNKNOWN where nobody could tell. A dry run judges
        nothing.
        """
        if self.dry_run or self.same:
            return Verdict.OK
        return Verdict.UNKNOWN if self.same is None else Verdict.ATTENTION

    @property
    def fingerprint(self) -> str:
        """What a protected target wants as `confirm`, where a database is replaced."""
        inputs = [self.dump.sha256, self.into, self.over, *self.state]
        return "restore-" + hashlib.sha256(json.dumps(inputs).encode("utf-8", "surrogatepass")).hexdigest()[:16]

    @property
    def needs_confirmation(self) -> bool:
        """Whether the real run wants the fingerprint."""
        return self.over and self.protected

    def check(self, confirm: str) -> None:
        """See whether a real run may begin; `confirm` is what somebody read in a dry run.

        Raises
        ------
        RefusedError
            Something stands in the way.
        StalePlanError
            The confirmation is missing where it is needed, or stands for something else.
        """
        if self.obstacles:
            raise RefusedError(
                f"The backup cannot be restored: {' '.join(self.obstacles)}",
                next_step="Provide what is named, or restore through a target that logs in as a role that may.",
            )
        if confirm and confirm != self.fingerprint:
            raise StalePlanError(
                f"The confirmation {confirm[:40]!r} is not that of what would be done now: {self}.",
                next_step="Do the dry run again, read it, and confirm its fingerprint.",
            )
        if self.needs_confirmation and not confirm:
            raise StalePlanError(
                f"Target {self.target!r} is protected: replacing {self.into} needs confirm = the fingerprint of its "
                "dry run.",
                next_step="Do the dry run (dry_run = True), read it, and pass its fingerprint as `confirm`.",
                code="unconfirmed",
            )

    def __str__(self) -> str:
        what = f"{self.file} ({WORDS[self.dump.data]}, of {display.moment(self.dump.started)})"
        where = f"in the place of database {self.into}" if self.over else f"into the new database {self.into}"
        if self.dry_run:
            return f"{self.target}: dry run, would restore {what} {where}"
        return f"{self.target}: restored {what} {where}, in {display.duration(self.seconds)}"

    def table(self) -> display.Table:
        """Return one row per table whose rows are in it."""
        rows = tuple((schema, name, display.size(size)) for schema, name, size in self.dump.tables)
        return display.Table(columns=("schema", "table", "size when it was dumped"), rows=rows, empty="no rows")

    def view(self) -> display.View:
        """Return what comes from where to where, and what stands in the way."""
        facts = [
            ("backup", display.Name(self.file)),
            ("of", f"{self.dump.origin}, {display.moment(self.dump.started)}"),
            ("holds", WORDS[self.dump.data]),
            ("into", self.into),
        ]
        if self.replaced:
            facts.append(("what was there is kept as", self.replaced))
        blocks: list[Any] = [display.Facts(tuple(facts))]
        if self.obstacles:
            blocks.append(display.Note("A real run would be refused now:", "bad"))
        blocks += [display.Note(one, "bad") for one in self.obstacles]
        blocks += [display.Note(one, "attention") for one in self.notes]
        if self.dry_run:
            confirm = f" and confirm = {self.fingerprint!r}" if self.needs_confirmation else ""
            blocks.append(display.Note(f"Nothing was changed. To do it, pass dry_run = False{confirm}."))
        elif self.same is not None:
            told = "is the one" if self.same else "is not the one"
            blocks.append(display.Note(f"Its schema {told} that was dumped.", "ok" if self.same else "bad"))
        return display.View(title=str(self), mark=display.Mark(self.verdict, self.verdict.tone), blocks=tuple(blocks))

    def to_dict(self) -> dict[str, Any]:
        """Return all of it, JSON-ready."""
        return {
            "file": self.file,
            "into": self.into,
            "over": self.over,
            "dry_run": self.dry_run,
            "replaced": self.replaced or None,
            "same": self.same,
            "obstacles": list(self.obstacles),
            "notes": list(self.notes),
            "fingerprint": self.fingerprint,
            "seconds": round(self.seconds, 3),
        }


def unrecorded(error: OpsError, replaced: str) -> OpsError:
    """Return the error of what follows a restore that is done, as one that says so; see `Restoration.replaced`."""
    kept = f", and what was there is kept as {replaced!r}" if replaced else ""
    error.changed = True
    error.problem = f"The backup is restored{kept}; its record could not be finished: {error.problem}"
    return error
