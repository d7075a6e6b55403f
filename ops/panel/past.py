"""Runs on record: what was done to a target before, how it ended, how long it took."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from ops.panel.desk import brief

SHOWN = 20
"""How many of a target's runs are read."""

COMPARING = ("12-compare-schema", "50-verify")
CHANGING = ("40-upgrade", "42-downgrade", "44-stamp", "90-repair")
START = "00-start-here"


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """One run that is on record; `seconds` is None where it never reported its end.

    `changing`: it was to change the database, and was not refused.
    """

    folder: Path
    notebook: str
    started: str
    verdict: str
    summary: str
    seconds: float | None
    changing: bool = False

    @property
    def finished(self) -> bool:
        """Whether it reported its end."""
        return self.seconds is not None

    @property
    def said(self) -> str:
        """Its summary for where its target is known."""
        return brief(self.summary, self.folder.parents[1].name)


def runs(home: Path, target: str, *, limit: int = SHOWN) -> tuple[Past, ...]:
    """Return a target's newest runs, newest first, but those of the panel's own notebook.

    A record that cannot be read is passed over.
    """
    base = home / "runs" / target
    if not base.is_dir():
        return ()
    found: list[Past] = []
    # Folders are named by date and time, so that names sort as the runs began.
    for day in sorted((one for one in base.iterdir() if one.is_dir()), reverse=True):
        for folder in sorted(day.iterdir(), reverse=True):
            one = _read(folder)
            if one is not None and one.notebook != START:
                found.append(one)
            if len(found) == limit:
                return tuple(found)
    return tuple(found)


def usual_seconds(past: Iterable[Past], notebook: str) -> float | None:
    """Return how long a notebook took in the middle, of the runs that ended well; None where there is none."""
    took = [one.seconds for one in past if one.notebook == notebook and one.seconds is not None and one.verdict == "OK"]
    return median(took) if took else None


def last_comparison(past: Sequence[Past]) -> tuple[Past | None, bool]:
    """Return the newest run that compared the schema to its end, and whether a change came after it."""
    for number, one in enumerate(past):
        if one.notebook in COMPARING and one.finished:
            return one, any(later.changing for later in past[:number])
    return None, False


def rehearsed_seconds(past: Iterable[Past], direction: str) -> dict[str, float]:
    """Return how long each revision took when it was rehearsed last, in seconds; empty where nobody did."""
    newest = next((one for one in past if one.notebook == "30-rehearse" and one.finished), None)
    found: dict[str, float] = {}
    if newest is None:
        return found
    try:
        for one in json.loads((newest.folder / "result.json").read_bytes())["data"]["statements"]:
            if one["direction"] == direction:
                found[one["revision"]] = found.get(one["revision"], 0.0) + (one["seconds"] or 0.0)
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return found


def _read(folder: Path) -> Past | None:
    try:
        content = json.loads((folder / "result.json").read_bytes())
        started = dt.datetime.fromisoformat(content["started"])
        finished = content["finished"]
        seconds = (dt.datetime.fromisoformat(finished) - started).total_seconds() if finished else None
        notebook, verdict = str(content["notebook"]), str(content["verdict"])
        meant = (content.get("parameters") or {}).get("dry_run") is False
        return Past(
            folder=folder,
            notebook=notebook,
            started=f"{started:%Y-%m-%d %H:%M}",
            verdict=verdict,
            summary=str(content["summary"] or ""),
            seconds=seconds,
            changing=notebook in CHANGING and meant and verdict != "REFUSED",
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None  # not a run's folder, or one whose record was lost: there is nothing to show of it
