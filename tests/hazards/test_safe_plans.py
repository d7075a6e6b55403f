"""Every safe way of the corpus through a whole plan on a filled shop: verdict OK, and nothing is allowed by name."""

from __future__ import annotations

from itertools import groupby

import pytest

from tests.database.conftest import SetUp, set_up
from tests.database.written import write
from tests.hazards import corpus
from tests.hazards.copies import Copies

__all__ = ["set_up"]  # a fixture

SAFE = [case for case in corpus.cases() if case.kind == "safe" and not any(step.fails for step in case.steps)]
SOON = ("03-", "14-", "19-", "34-")
"""Those that `make test` plans: a backfill, a proved NOT NULL, a foreign key in two steps, an invalid index."""

NOT_KNOWN = {
    # A trigger that the plan makes has a say in what its own updates write: only rows can tell.
    "26-type-rewrite/safe",
    # What reads rows may do something else where there are some.
    "C05-lock-held/safe",
    "C05-lock-held/safe-2",
}


@pytest.mark.parametrize(
    "case", [case if case.id.startswith(SOON) else pytest.param(case, marks=pytest.mark.heavy) for case in SAFE],
    ids=lambda case: case.id,
)  # fmt: skip
def test_a_safe_plan_is_ok(case: corpus.Case, shops: Copies, set_up: SetUp) -> None:
    if not case.runs_on(shops.major, shops.extensions):
        pytest.skip(f"not on PostgreSQL {shops.major}")
    with shops.copy() as name:
        bench = set_up("linear", url=shops.server.url(name))
        for step in case.setup:
            bench.ask(step.sql)
        write(bench, *(_body(tuple(steps)) for _, steps in groupby(case.steps, key=_transaction)))

        plan = bench.target.plan()

    said = "\n".join([*plan.unknown, *(f"{one.code}: {one.harm}" for one in plan.counted), *map(str, plan.broken)])
    assert plan.verdict == ("UNKNOWN" if case.id in NOT_KNOWN else "OK"), said
    assert not plan.counted and not plan.broken, said


def _transaction(step: corpus.Step) -> int:
    return step.transaction or -step.number


def _body(steps: tuple[corpus.Step, ...]) -> str:
    lines = [f"op.execute({step.sql.replace(':', chr(92) + ':')!r})" for step in steps]
    if steps[0].transaction:
        return "\n".join(lines)
    return "\n".join(["with op.get_context().autocommit_block():", *(f"    {line}" for line in lines)])
