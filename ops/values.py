"""Words that several layers exchange: the verdict, and what every result can do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from ops import display
from ops.secrets import cleaned

if TYPE_CHECKING:
    import pandas as pd


class Verdict(StrEnum):
    """The bottom line of a run. Unknown is never OK."""

    OK = "OK"
    ATTENTION = "ATTENTION"
    REFUSED = "REFUSED"
    FAILED = "FAILED"
    UNKNOWN = "UNKNOWN"

    @property
    def exit_code(self) -> int:
        """The exit code of `ops run`, where no error gives a more exact one."""
        return {"OK": 0, "FAILED": 1, "ATTENTION": 3, "UNKNOWN": 3, "REFUSED": 4}[self.value]

    @property
    def tone(self) -> display.Tone:
        """How the verdict is shown; always beside the word, never instead of it."""
        return _TONES[self.value]


_TONES: dict[str, display.Tone] = {
    "OK": "ok",
    "ATTENTION": "attention",
    "REFUSED": "bad",
    "FAILED": "bad",
    "UNKNOWN": "unknown",
}


class Result:
    """What every result of a `Target` method can do.

    A result is a frozen value: it holds tuples, reaches out to nothing, and derives its verdict from
    what it holds. There is no truth value, as that would hide every verdict between good and bad.
    """

    __slots__ = ()

    @property
    def verdict(self) -> Verdict:
        """The bottom line."""
        raise TypeError(f"{type(self).__name__} has no verdict.")

    def __str__(self) -> str:
        """Return one line that says what matters."""
        raise TypeError(f"{type(self).__name__} has no summary.")

    def view(self) -> display.View:
        """Return what a notebook shows of this."""
        raise TypeError(f"{type(self).__name__} has no view.")

    def table(self) -> display.Table:
        """Return the rows that `to_frame` gives."""
        raise TypeError(f"{type(self).__name__} has no table.")

    def to_dict(self) -> dict[str, Any]:
        """Return the `data` object of `result.json`: lists, dicts, text, numbers."""
        raise TypeError(f"{type(self).__name__} has no data.")

    def to_frame(self) -> pd.DataFrame:
        """Return the rows as a DataFrame; the columns exist even when there is no row."""
        import pandas as pd

        table = self.table()
        rows = [[cleaned(cell.text if isinstance(cell, display.Mark) else cell) for cell in row] for row in table.rows]
        return pd.DataFrame(rows, columns=list(table.columns))

    def __bool__(self) -> bool:
        raise TypeError(
            f"{type(self).__name__} is neither true nor false: compare its verdict, "
            "for example `result.verdict == Verdict.OK`."
        )

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> Mapping[str, str]:
        return display.mimebundle(self.view())


def listed(revisions: Iterable[str]) -> str:
    """Return revisions as a sentence has them; none of them is base."""
    return ", ".join(revisions) or "base"
