"""How good past estimates were: what plans had foretold, beside what the runs took."""

from __future__ import annotations

from collections.abc import Iterable

from ops import display
from ops.ledger.values import PastEstimate, PastRun


def table(runs: Iterable[PastRun]) -> display.Table:
    """Return one row per statement of which a plan had foretold how long it would take, in the order of the runs."""
    past = [(one.when, one.revision, each) for run in runs for one in run.revisions for each in one.estimates]
    rows = tuple(
        (
            when[:16].replace("T", " "),
            display.Name(revision),
            display.Name(each.sql),
            f"{each.low:.1f} to {each.high:.1f}",
            round(each.seconds, 1),
            _judged(each),
        )
        for when, revision, each in past
    )
    inside = sum(1 for _, _, each in past if each.is_inside)
    return display.Table(
        columns=("when", "revision", "statement", "estimated, s", "took, s", "so it took"),
        rows=rows,
        caption=f"How good past estimates were: {inside} of {len(past)} took as long as was estimated",
        empty="no run on record had estimates: none was planned before, or all of it was brief",
    )


def _judged(one: PastEstimate) -> display.Mark:
    if one.is_inside:
        return display.Mark("as estimated", "ok")
    return display.Mark("less" if one.seconds < one.low else "longer", "attention")
