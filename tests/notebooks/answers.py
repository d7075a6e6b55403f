"""What the fixture notebooks' evidence cells call: every way in which a run can end."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ops import display
from ops.errors import BusyError
from ops.values import Result, Verdict

PLANTED = "pl4nted&S3cret"
PLANTED_IN_URL = "pl4nted%26S3cret"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer(Result):
    """The least that a result is."""

    verdict: Verdict
    note: str = ""

    def __str__(self) -> str:
        return f"the answer is {self.verdict}"

    def view(self) -> display.View:
        """Return one line."""
        return display.View(title=str(self))

    def to_dict(self) -> dict[str, Any]:
        """Return the note, and values that JSON does not know."""
        return {"note": self.note, "tuple": (1, 2), "where": Path("a/b"), "endless": float("inf")}


def behave(mode: str, *, note: str = "", signal_file: str = "") -> Answer:
    """End a cell in the way that is asked for."""
    match mode:
        case "busy":
            raise BusyError("Another run holds the lock.", next_step="Wait, and run this again.")
        case "unexpected":
            raise RuntimeError(f"cannot connect to postgresql://me:{PLANTED_IN_URL}@host/db")
        case "die":
            os._exit(9)
        case "exit":
            sys.exit(0)
        case "wait":
            try:
                Path(signal_file).write_text(str(os.getpid()))
                time.sleep(60)
            finally:
                Path(signal_file).write_text("cleaned up")
    return Answer(verdict=Verdict(mode), note=note)
