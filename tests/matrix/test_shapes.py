"""Every shape of project through all six: inspect, plan, rehearse, upgrade, compare, downgrade."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import pytest

from ops.errors import OpsError
from ops.values import Verdict
from tests.database import conftest, test_multidb
from tests.database.conftest import Bench
from tests.matrix import life
from tests.matrix.shapes import SHAPES, STEPS

set_up, shop, template = conftest.set_up, test_multidb.shop, test_multidb.template

SOON = {"async_env", "multidb"}
"""What `make test` goes through."""


@pytest.mark.timeout(3600)
@pytest.mark.parametrize(
    "name", [name if name in SOON else pytest.param(name, marks=pytest.mark.heavy) for name in SHAPES]
)
def test_a_shape_of_project_through_all_six(name: str, request: pytest.FixtureRequest) -> None:
    bench = SHAPES[name].set_up(request)
    expect = bench.case.expect

    outcomes = through_all(bench)

    wrong = {step: said for step, said in outcomes.items() if said != life.WORKS}
    assert wrong.keys() == expect.get("otherwise", {}).keys(), wrong
    assert all(expect["otherwise"][step] in said for step, said in wrong.items()), wrong
    life.keep_or_compare(f"shape {name}", {"kind": "shape", "shape": name, "outcomes": outcomes})


def through_all(bench: Bench) -> dict[str, str]:
    """Return what each step said: that it works, or its verdict or refusal. After each we look past ours."""
    start = bench.tables
    outcomes = {}
    for name in STEPS:
        before = bench.current, bench.tables
        try:
            verdict, why = BY_NAME[name](bench)
        except OpsError as refused:
            assert (refused.changed, bench.current, bench.tables) == (False, *before)
            outcomes[name] = f"refused: {re.sub(r' [(]/.*?[)]', '', refused.problem.splitlines()[0])}"
            continue
        outcomes[name] = life.WORKS if verdict is Verdict.OK else f"`{verdict}`: {why[0]}"
        is_up = name in ("upgrade", "compare")
        assert bench.current == (list(bench.case.expect["heads"]) if is_up else [])
        assert bench.tables == (bench.case.expect["tables"] if is_up else start)
    return outcomes


Said = tuple[Verdict, Sequence[str]]
"""A verdict, and why it is not OK, a sentence each."""


def inspect(bench: Bench) -> Said:
    status, expect = bench.target.status(), bench.case.expect
    assert (status.current, status.heads) == ((), tuple(expect["heads"]))
    assert len(status.history.revisions) == expect["revisions"] == len(status.pending)
    assert not status.setup.version_table_exists
    assert status.setup.version_table == expect.get("version_table", "alembic_version")
    assert status.setup.version_table_schema == expect.get("version_table_schema", "public")
    assert len(status.setup.missing_models) == len(expect.get("unimported", ()))
    return status.verdict, status.findings


def plan(bench: Bench) -> Said:
    plan = bench.target.plan("heads")
    assert {one.revision for one in plan.statements} <= {step.revision.revision for step in plan.route.steps}
    return plan.verdict, plan.unknown


def rehearse(bench: Bench) -> Said:
    rehearsal = bench.target.rehearse(bench.case.expect.get("rehearsed_to", "heads"))
    assert all((one.up, one.up_again) == (True, True) for one in rehearsal.revisions if one.down is not False)
    return rehearsal.verdict, [said for one in rehearsal.revisions for said in one.wrong]


def upgrade(bench: Bench) -> Said:
    shown = bench.target.upgrade("heads")
    assert (shown.dry_run, shown.current, bench.current) == (True, (), [])
    done = bench.target.upgrade("heads", dry_run=False)
    assert [one.revision for one in done.applied] == [step.revision.revision for step in shown.route.steps]
    return done.verdict, ()


def compare(bench: Bench) -> Said:
    drift = bench.target.compare()
    assert [one.object for one in drift.changes] == bench.case.expect.get("unmanaged", [])
    assert (drift.counted, drift.pending) == ((), ())
    return drift.verdict, (*drift.unknown, *drift.missing_models)


def downgrade(bench: Bench) -> Said:
    """Go down and up, and down again: what a way back has left would be in the way of the second way up."""
    done = bench.target.downgrade("base", dry_run=False)
    bench.target.upgrade("heads", dry_run=False)
    bench.target.downgrade("base", dry_run=False)
    return done.verdict, ()


BY_NAME: dict[str, Callable[[Bench], Said]] = {
    one.__name__: one for one in (inspect, plan, rehearse, upgrade, compare, downgrade)
}
