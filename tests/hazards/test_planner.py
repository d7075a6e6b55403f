"""What the planner measures and judges, beside what the observer saw on a filled shop."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from ops import embedded
from ops.hazards import Severity
from ops.statement import Mode
from tests.hazards import corpus, planned
from tests.hazards.planned import Planned

CASES = tuple(case for case in corpus.cases() if not any(step.fails for step in case.steps))

Plans = Mapping[str, tuple[Planned, ...]]


@pytest.fixture(scope="module")
def plans(server: embedded.Server, tmp_path_factory: pytest.TempPathFactory) -> Plans:
    return _plans(server, 18, tmp_path_factory)


def _plans(server: embedded.Server, major: int, factory: pytest.TempPathFactory) -> Plans:
    cases = tuple(case for case in CASES if case.runs_on(major))
    return planned.plan(cases, server, factory.mktemp("corpus"))


@pytest.mark.parametrize("case", [case for case in CASES if case.runs_on(18)], ids=lambda case: case.id)
def test_measured_as_observed(plans: Plans, case: corpus.Case) -> None:
    _compare(plans[case.id], case.expected(18))


def _compare(found: tuple[Planned, ...], expected: tuple[corpus.Observed, ...] | None) -> None:
    assert expected is not None
    for one, seen in zip(found, expected, strict=True):
        statement = one.statement
        assert (statement.measured, statement.autocommit) == (True, seen.transaction == 0)
        ours, theirs = _strong(statement.locks), _strong(seen.locks)
        # outside of a transaction a lock may come and go too quickly for an observer who does not hold it up
        assert ours == (theirs if seen.transaction else ours | theirs), seen.sql
        if not seen.written:  # what rows a data statement reads, the planner leaves to the live database
            assert set(statement.scans) == set(seen.scans), seen.sql
        assert set(statement.rewrites) == set(seen.rewrites), seen.sql
        assert set(statement.index_builds) == set(seen.index_builds), seen.sql


def _strong(locks: tuple[object, ...]) -> dict[str, Mode]:
    found: dict[str, Mode] = {}
    for lock in locks:
        if lock.mode >= Mode.ROW_SHARE and lock.kind != "index":
            found[lock.relation] = max(lock.mode, found.get(lock.relation, lock.mode))
    return found


@pytest.mark.parametrize("case", [case for case in CASES if case.runs_on(18)], ids=lambda case: case.id)
def test_hazards_tell_the_unsafe_from_the_safe(plans: Plans, case: corpus.Case) -> None:
    found = [hazard for one in plans[case.id] for hazard in one.hazards]
    codes = {hazard.code for hazard in found}

    assert (case.code in codes) == (case.kind == "unsafe" and case.fires), sorted(codes)
    if case.kind == "safe":
        assert [hazard for hazard in found if hazard.severity >= Severity.HIGH] == []
