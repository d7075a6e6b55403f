"""Benchmarks: `make bench`, or `python tests/bench/run.py import revisions` for some of them.

What a part finds is kept in `results/` beside this file as soon as it ends, with its day and its machine; `RESULTS.md`
is made of all that is kept. The exit code is 1 when a limit is missed by one of the parts that ran. Measure on a quiet
machine: everything runs in turns, but two cores are soon full.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import catalog
import clone
import drift
import estimates
import importing
import inspecting
import overhead
import peers
import plan
import rehearsal
import revisions
import waiting
from measure import Claim, Part, machine, table

from ops import embedded

PARTS = {
    "import": importing.run,
    "inspect": inspecting.run,
    "revisions": revisions.run,
    "catalog": catalog.run,
    "drift": drift.run,
    "growth": drift.growth,
    "clone": clone.run,
    "plan": plan.run,
    "estimates": estimates.run,
    "rehearsal": rehearsal.run,
    "overhead": overhead.run,
    "waiting": waiting.run,
    "peers": peers.run,
}
RESULTS = Path(__file__).with_name("RESULTS.md")
KEPT = Path(__file__).with_name("results")


@dataclass(frozen=True, kw_only=True)
class Kept:
    """What a part found, on which day, and what the figures depend on."""

    day: str
    machine: tuple[tuple[str, str], ...]
    part: Part

    def write(self, name: str) -> None:
        """Keep it, in place of what was found before."""
        KEPT.mkdir(exist_ok=True)
        text = json.dumps(asdict(self), indent=1, ensure_ascii=False)
        (KEPT / f"{name}.json").write_text(f"{text}\n", encoding="utf-8")

    @classmethod
    def read(cls, name: str) -> Kept | None:
        """Return what was found last; None where nobody has measured."""
        path = KEPT / f"{name}.json"
        if not path.exists():
            return None
        found = json.loads(path.read_text(encoding="utf-8"))
        return cls(day=found["day"], machine=tuple(map(tuple, found["machine"])), part=_part(found["part"]))


def _part(found: Mapping[str, list]) -> Part:
    claims = tuple(Claim(**one | {"values": tuple(one["values"])}) for one in found["claims"])
    return Part(
        title=str(found["title"]), claims=claims, remarks=tuple(found["remarks"]), tables=tuple(found["tables"])
    )


def main() -> int:
    """Run what was asked for; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", nargs="*", help=f"{', '.join(PARTS)}; all of them where none is named")
    wanted = parser.parse_args().part or list(PARTS)
    if unknown := set(wanted) - set(PARTS):
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}")
    found = []
    for name in wanted:
        print(f"{name} ...", file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory(prefix="ops-bench-") as folder:  # parts may name their projects alike
            part = PARTS[name](Path(folder))
            facts = machine(_postgresql(embedded.server(Path(folder))))
            Kept(day=f"{dt.datetime.now(dt.UTC):%Y-%m-%d}", machine=facts, part=part).write(name)
        found.append(part)
        for claim in part.claims:
            print("  " + "  ".join(_row(claim)), file=sys.stderr, flush=True)
    RESULTS.write_text(page([kept for name in PARTS if (kept := Kept.read(name))]), encoding="utf-8")
    return 0 if all(claim.kept for part in found for claim in part.claims) else 1


def page(parts: list[Kept]) -> str:
    """Return the page of results."""
    blocks = [
        "# Benchmarks",
        "Written by `make bench`. Figures are medians, with the smallest and the largest. Two processes that are "
        "compared ran in turns, and the ratio is that of each pair: it says more than the seconds, which are those of "
        "one machine.",
        table(
            ["what", "limit", "measured", "kept", "on"],
            [[*_row(claim), kept.day] for kept in parts for claim in kept.part.claims],
        ),
    ]
    for kept in parts:
        part = kept.part
        if part.tables or part.remarks:
            blocks += [f"## {part.title}", *part.tables, *part.remarks]
    for facts in dict.fromkeys(kept.machine for kept in parts):
        names = ", ".join(kept.part.title for kept in parts if kept.machine == facts)
        blocks.append(f"{names}: measured with " + ", ".join(f"{name} {value}" for name, value in facts) + ".")
    return "\n\n".join(blocks) + "\n"


def _row(claim: Claim) -> list[str]:
    return [claim.what, claim.allowed, claim.measured, "yes" if claim.kept else "**no**"]


def _postgresql(server: embedded.Server) -> str:
    import psycopg2

    connection = psycopg2.connect(server.url("postgres").replace("+psycopg2", ""))
    try:
        return str(connection.server_version // 10000) + f".{connection.server_version % 10000}"
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(main())
