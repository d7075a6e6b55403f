"""How far a change is, from the lines that it prints. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ops import display

_BEGUN = re.compile(r"\s+(\S+)  (?:upgrade|downgrade|stamp) …$")
_DONE = re.compile(r"\s+(\S+)  done in ([\d.]+) s$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """The revisions that are done, with their seconds, and the one that is under way, with when it was first seen."""

    done: tuple[tuple[str, float], ...] = ()
    under_way: str = ""
    since: float = 0.0

    @classmethod
    def of(cls, lines: Sequence[tuple[float, str]]) -> Progress:
        """Return what lines say, each with its time."""
        done: list[tuple[str, float]] = []
        under_way, since = "", 0.0
        for when, line in lines:
            if found := _BEGUN.match(line):
                under_way, since = found[1], when
            elif found := _DONE.match(line):
                done.append((found[1], float(found[2])))
                under_way = ""
        return cls(done=tuple(done), under_way=under_way, since=since)

    def sentence(self, revisions: Sequence[str], rehearsed: Mapping[str, float], *, now: float) -> str:
        """Return which revision of how many it is at, for how long, and how long that took when it was rehearsed."""
        count = max(len(revisions), len(self.done) + bool(self.under_way))
        if not count or not (self.done or self.under_way):
            return ""
        if not self.under_way:
            return f"{len(self.done)} of {count} revisions done"
        said = f"revision {len(self.done) + 1} of {count}, {self.under_way}: {display.duration(now - self.since)}"
        usual = rehearsed.get(self.under_way)
        return said if usual is None else f"{said}, {display.duration(usual)} when it was rehearsed"
