"""What the steps of a walkthrough show: files, commands with what they printed, rows; and what was claimed."""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass, replace
from typing import Any

from ops import display
from ops.errors import UsageError
from ops.values import Result, Verdict

WIDTH = 110
"""Longer lines of a command are folded, as a terminal does: at the far end stands what is wrong."""
_ERROR = re.compile(r"[\w.]+(Error|Exception|Violation)\b.*: ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit(Result):
    """What was written into a file of the copy, or that it was removed."""

    path: str
    difference: str
    done: str = "wrote"

    @property
    def verdict(self) -> Verdict:
        """OK: a file that cannot be written raises."""
        return Verdict.OK

    def __str__(self) -> str:
        return f"{self.done} {self.path}"

    def view(self) -> display.View:
        """Return the difference to what the file held before."""
        lines = (display.Code(text=self.difference, language="diff"),) if self.difference else ()
        return display.View(title=str(self), blocks=lines)


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

    def brief(self) -> Command:
        """Return the same without the stack that Python prints before an error: the error itself says what is wrong."""
        before, stack, after = self.output.partition("Traceback (most recent call last):")
        lines = after.splitlines()
        errors = [number for number, line in enumerate(lines) if _ERROR.match(line)]
        if not (stack and errors):
            return self
        left_out = f"(… {errors[-1]} lines of Python's stack are left out here)"
        return replace(self, output="\n".join([before.rstrip(), left_out, *lines[errors[-1] :]]))

    def view(self) -> display.View:
        """Return the command, its exit code, and what a terminal would have shown."""
        mark = display.Mark(f"exit code {self.exit_code}", self.verdict.tone)
        lines = self.output.strip("\n").rstrip().splitlines() or ["(it printed nothing)"]
        text = "\n".join(folded for line in lines for folded in _folded(line))
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
        return f"{self.name}: {display.many(len(self.rows), 'row')}"

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
class Refusal(Result):
    """What the database said to rows that were offered to a table; nothing, where it took them."""

    name: str
    said: str

    @property
    def verdict(self) -> Verdict:
        """OK where the rows were taken, else REFUSED."""
        return Verdict.REFUSED if self.said else Verdict.OK

    def __str__(self) -> str:
        return f"{self.name}: {'the database refuses' if self.said else 'the database takes them'}"

    def view(self) -> display.View:
        """Return the database's own words."""
        words = (display.Code(text=self.said, language="console"),) if self.said else ()
        return display.View(title=str(self), mark=display.Mark(self.verdict, self.verdict.tone), blocks=words)


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


def _folded(line: str) -> list[str]:
    return textwrap.wrap(line, WIDTH, subsequent_indent="    ", break_on_hyphens=False) or [""]
