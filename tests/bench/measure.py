"""Times of whole processes, in pairs; what a benchmark hands to the page of results."""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One promise with a limit: `values` holds a figure per repetition, `unit` is "ms", "" for a ratio."""

    what: str
    values: tuple[float, ...]
    limit: float
    unit: str = ""
    goal: float | None = None

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def kept(self) -> bool:
        return self.median <= self.limit

    @property
    def allowed(self) -> str:
        """The limit, and the goal where there is one."""
        return f"{self.limit:g}{f' {self.unit}' if self.unit else ''}{f' (goal {self.goal:g})' if self.goal else ''}"

    @property
    def measured(self) -> str:
        """Median and range."""
        digits = 0 if self.unit == "ms" else 2 if self.limit >= 0.1 else 3
        return spread(self.values, unit=self.unit, digits=digits)


@dataclass(frozen=True, kw_only=True)
class Part:
    """What one benchmark found: its claims, and whatever else helps to read them."""

    title: str
    claims: tuple[Claim, ...]
    remarks: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()


def seconds(command: Sequence[str], *, env: Mapping[str, str], cwd: Path) -> float:
    """Return how long a process took, in seconds; one that fails ends the benchmark with what it said."""
    began = time.perf_counter()
    done = subprocess.run(command, env=dict(env), cwd=cwd, capture_output=True, text=True)
    took = time.perf_counter() - began
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return took


def pairs(
    ours: Callable[[], float], theirs: Callable[[], float], *, count: int
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return the times of both, taken in turns, so that whatever else the machine does meets both alike.

    The first pair warms caches and compiled files, and is left out.
    """
    both = [(ours(), theirs()) for _ in range(count + 1)][1:]
    return tuple(a for a, _ in both), tuple(b for _, b in both)


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> tuple[float, ...]:
    """Return the ratio of each pair."""
    return tuple(a / b for a, b in zip(ours, theirs, strict=True))


def spread(values: Sequence[float], *, unit: str = "", digits: int = 2) -> str:
    """Return median and range as text."""
    suffix = f" {unit}" if unit else ""
    low, middle, high = (f"{one:.{digits}f}" for one in (min(values), statistics.median(values), max(values)))
    return f"{middle}{suffix} ({low} to {high})"


def alone(run: Callable[..., Part], *arguments: object) -> None:
    """Run one benchmark by itself, in a folder that is gone afterwards, and print what it found."""
    with tempfile.TemporaryDirectory(prefix="ops-bench-") as folder:
        part = run(Path(folder), *arguments)
        claims = "\n".join(f"{one.what}: {one.measured}, limit {one.allowed}" for one in part.claims)
        print(claims, *part.tables, *part.remarks, sep="\n\n", flush=True)


def table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a Markdown table."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def machine(postgresql: str) -> tuple[tuple[str, str], ...]:
    """Return what the figures depend on: nothing that tells whose machine it was."""
    packages = ("alembic", "sqlalchemy", "psycopg2-binary", "papermill", "ipykernel")
    return (
        ("cores", str(len(os.sched_getaffinity(0)))),
        ("system", f"{platform.system()} {platform.machine()}"),
        ("Python", platform.python_version()),
        ("PostgreSQL", f"{postgresql}, embedded"),
        *((one, version(one)) for one in packages),
    )


def environment(**more: str) -> dict[str, str]:
    """Return our own environment without what would lead a process to other databases or settings.

    Compiled files are kept, as they are where something is installed; else each start would compile all of it anew.
    """
    dropped = ("DATABASE_URL", "OPS_", "JPY_", "JUPYTER", "IPYTHON", "PYTHONDONTWRITEBYTECODE")
    return {key: value for key, value in os.environ.items() if not key.startswith(dropped)} | more
