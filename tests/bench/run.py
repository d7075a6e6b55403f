"""Benchmarks: `make bench`, or `python tests/bench/run.py import revisions` for some of them.

All of them together write `RESULTS.md` beside this file; some of them are only printed. The exit code is 1
when a limit is missed. Measure on a quiet machine: everything runs in turns, but two cores are soon full.
"""

from __future__ import annotations

import argparse
import datetime as dt
import sys
import tempfile
from pathlib import Path

import catalog
import clone
import drift
import importing
import inspecting
import plan
import revisions
from measure import Claim, Part, machine, spread, table

from ops import embedded

PARTS = {
    "import": importing.run,
    "inspect": inspecting.run,
    "revisions": revisions.run,
    "catalog": catalog.run,
    "drift": drift.run,
    "clone": clone.run,
    "plan": plan.run,
}
RESULTS = Path(__file__).with_name("RESULTS.md")


def main() -> int:
    """Run what was asked for; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", nargs="*", help=f"{', '.join(PARTS)}; all of them where none is named")
    wanted = parser.parse_args().part or list(PARTS)
    if unknown := set(wanted) - set(PARTS):
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}")
    with tempfile.TemporaryDirectory(prefix="ops-bench-") as folder:
        server = embedded.server(Path(folder))
        found = []
        for name in wanted:
            print(f"{name} ...", file=sys.stderr, flush=True)
            found.append(PARTS[name](Path(folder)))
        text = page(found, machine(_postgresql(server)))
    print(text)
    if set(wanted) == set(PARTS):
        RESULTS.write_text(text, encoding="utf-8")
    return 0 if all(claim.kept for part in found for claim in part.claims) else 1


def page(parts: list[Part], facts: tuple[tuple[str, str], ...]) -> str:
    """Return the page of results."""
    claims = [claim for part in parts for claim in part.claims]
    blocks = [
        "# Benchmarks",
        f"Written by `make bench` on {dt.datetime.now(dt.UTC):%Y-%m-%d}. Figures are medians, with the smallest and "
        "the largest. Two processes that are compared ran in turns, and the ratio is that of each pair: it says more "
        "than the seconds, which are those of one machine.",
        table(["what", "limit", "measured", "kept"], [_row(claim) for claim in claims]),
        "Measured with " + ", ".join(f"{name} {value}" for name, value in facts) + ".",
    ]
    for part in parts:
        if part.tables or part.remarks:
            blocks += [f"## {part.title}", *part.tables, *part.remarks]
    return "\n\n".join(blocks) + "\n"


def _row(claim: Claim) -> list[str]:
    goal = f" (goal {claim.goal:g})" if claim.goal else ""
    unit = f" {claim.unit}" if claim.unit else ""
    digits = 0 if claim.unit == "ms" else 2
    measured = spread(claim.values, unit=claim.unit, digits=digits)
    return [claim.what, f"{claim.limit:g}{unit}{goal}", measured, "yes" if claim.kept else "**no**"]


def _postgresql(server: embedded.Server) -> str:
    import psycopg2

    connection = psycopg2.connect(server.url("postgres").replace("+psycopg2", ""))
    try:
        return str(connection.server_version // 10000) + f".{connection.server_version % 10000}"
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(main())
