"""What the steps of a walkthrough show: files, commands with what they printed, rows; and what was claimed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ops import display
from ops.errors import UsageError
from ops.values import Result, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit(Result):
    """What was written into a file of the copy."""

    path: str
    difference: str

    @property
    def verdict(self) -> Verdict:
        """OK: a file that cannot be written raises."""
        return Verdict.OK

    def __str__(self) -> str:
        return f"wrote {self.path}"

    def view(self) -> display.View:
        """Return the difference to what the file held before."""
        return display.View(title=str(self), blocks=(display.Code(text=self.difference, language="diff"),))


@dataclass(frozen=True, slots=True, kw_only=True)
class File(Result):
    """A file of the copy, as it is now."""

    path: str
    text: str

    @property
    def verdict(self) -> Verdict:
        """OK: a file that cannot be read raises."""
        return Verdict.OK

    def __str__(self) -> str:
        return self.path

    def view(self) -> display.View:
        """Return the whole text."""
        return display.View(title=str(self), blocks=(display.Code(text=self.text, language="python"),))


@dataclass(frozen=True, slots=True, kw_only=True)
class Command(Result):
    """A command that was run in the copy's folder, and what it printed."""

    line: str
    exit_code: int
    output: str

    @property
    def verdict(self) -> Verdict:
        """OK where it ended with exit code 0."""
        return Verdict.OK if self.exit_code == 0 else Verdict.FAILED

    def __str__(self) -> str:
        return f"$ {self.line}"

    def view(self) -> display.View:
        """Return the command, its exit code, and what a terminal would have shown."""
        mark = display.Mark(f"exit code {self.exit_code}", self.verdict.tone)
        text = self.output.strip() or "(it printed nothing)"
        return display.View(title=str(self), mark=mark, blocks=(display.Code(text=text, language="console"),))

    def to_dict(self) -> dict[str, Any]:
        """Return the command and its outcome."""
        return {"command": self.line, "exit_code": self.exit_code, "output": self.output}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows(Result):
    """The rows that a table has, in the order of its primary key."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]

    @property
    def verdict(self) -> Verdict:
        """OK: a table that cannot be read raises."""
        return Verdict.OK

    def __str__(self) -> str:
        return f"{self.name}: {len(self.rows)} row{'' if len(self.rows) == 1 else 's'}"

    def column(self, name: str) -> tuple[object, ...]:
        """Return the values of one column.

        Raises
        ------
        UsageError
            These rows have no such column.
        """
        if name not in self.columns:
            raise UsageError(
                f"The table {self.name} has no column {name!r} here.",
                next_step=f"Name one of {', '.join(self.columns)}.",
            )
        place = self.columns.index(name)
        return tuple(row[place] for row in self.rows)

    def table(self) -> display.Table:
        """Return the rows."""
        return display.Table(columns=self.columns, rows=self.rows, empty="no row")

    def view(self) -> display.View:
        """Return the rows under the table's name."""
        return display.View(title=str(self), blocks=(self.table(),))


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson(Result):
    """What a walkthrough claimed, and whether it really happened."""

    name: str
    claims: tuple[tuple[str, bool], ...]

    @property
    def verdict(self) -> Verdict:
        """OK when every claim holds; UNKNOWN when nothing was checked."""
        if not self.claims:
            return Verdict.UNKNOWN
        return Verdict.OK if all(holds for _, holds in self.claims) else Verdict.FAILED

    def __str__(self) -> str:
        good = sum(1 for _, holds in self.claims if holds)
        return f"{self.name}: {good} of {len(self.claims)} steps really happened"

    def table(self) -> display.Table:
        """Return one row per claim."""
        rows = tuple(
            (claim, display.Mark("yes", "ok") if holds else display.Mark("no", "bad")) for claim, holds in self.claims
        )
        return display.Table(columns=("what should have happened", "did it?"), rows=rows)

    def view(self) -> display.View:
        """Return the claims."""
        return display.View(title=str(self), mark=display.Mark(self.verdict, self.verdict.tone), blocks=(self.table(),))

    def to_dict(self) -> dict[str, Any]:
        """Return the claims as objects."""
        return {"claims": [{"claim": claim, "holds": holds} for claim, holds in self.claims]}
