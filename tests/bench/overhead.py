"""What permission, lock, limits, ledger and verification cost: a long history with them and without.

`python tests/bench/overhead.py` prints it.
"""

from __future__ import annotations

import sys
from pathlib import Path

import revisions
from measure import Claim, Part, alone, pairs, ratios, seconds, spread, table

from ops import scratch

COUNT = 9
LIMIT = 1.3

# The same worker, the same proof of being at the target, one revision per run of env.py; nothing else of a change.
WITHOUT = f"""
import ops
from ops.project.visit import visit
with visit(ops.target("bench").settings, purpose="upgrade") as here:
    names = [step.revision.revision for step in here.resolve("up", "head").steps]
    assert len(names) == {revisions.REVISIONS}
    here.worker.request("migrate", listener=lambda event: None, read_only=False, revisions=names, direction="up")
"""


class Bench(revisions.Bench):
    """The history of `revisions`, upgraded with and without all that makes a change safe."""

    def bare_worker(self) -> float:
        """Return the seconds of one process that has the worker do it, and no more."""
        with scratch.database_on(self._server, prefix="bench") as url:
            return seconds([sys.executable, "-c", WITHOUT], env=self._env(url), cwd=self.folder)


def run(folder: Path, count: int = COUNT) -> Part:
    """Measure pairs."""
    place = folder / "overhead"
    place.mkdir()
    bench = Bench(place)
    ours, without = pairs(bench.worker, bench.bare_worker, count=count)
    rows = [
        ["`db.upgrade()`", spread(ours, unit="s")],
        ["the worker without permission, lock, limits, ledger and verification", spread(without, unit="s")],
    ]
    return Part(
        title=f"What makes a change of {revisions.REVISIONS} revisions safe",
        claims=(
            Claim(
                what=f"{revisions.REVISIONS} revisions with permission, lock, limits, ledger and verification, "
                "beside the worker without",
                values=ratios(ours, without),
                limit=LIMIT,
            ),
        ),
        tables=(table(["process", "seconds"], rows),),
    )


if __name__ == "__main__":
    alone(run, *map(int, sys.argv[1:]))
