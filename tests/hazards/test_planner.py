"""What the planner measures and judges, beside what the observer saw on a filled shop."""

from __future__ import annotations

import fcntl
import pickle
from collections.abc import Mapping
from pathlib import Path

import pytest

from ops import embedded
from ops.hazards import Severity
from ops.statement import Lock, Mode
from tests.hazards import corpus, planned
from tests.hazards.planned import Planned
from tests.project import pages

# the first test waits until the whole corpus has been run
pytestmark = pytest.mark.timeout(600)

CASES = tuple(case for case in corpus.cases() if not any(step.fails_empty for step in case.steps))

Plans = Mapping[str, tuple[Planned, ...]]


@pytest.fixture(scope="module")
def plans(server: embedded.Server, tmp_path_factory: pytest.TempPathFactory, home: Path) -> Plans:
    """What the planner makes of the corpus: made by one of the test workers, and read by the others."""
    kept = home / "planned.pickle"
    with open(home / "planned.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            kept.write_bytes(pickle.dumps(_plans(server, 18, tmp_path_factory)))
    found: Plans = pickle.loads(kept.read_bytes())
    return found


def _plans(server: embedded.Server, major: int, factory: pytest.TempPathFactory) -> Plans:
    offered = planned.extensions(server)
    cases = tuple(case for case in CASES if case.runs_on(major, offered))
    return planned.plan(cases, server, factory.mktemp("corpus"))


@pytest.mark.parametrize("case", [case for case in CASES if case.runs_on(18)], ids=lambda case: case.id)
def test_measured_as_observed(plans: Plans, case: corpus.Case) -> None:
    _compare(plans[case.id], case.expected(18))


def _compare(found: tuple[Planned, ...], expected: tuple[corpus.Observed, ...] | None) -> None:
    assert expected is not None
    for one, seen in zip(found, expected, strict=True):
        statement = one.statement
        if seen.error:
            continue  # refused for its rows, of which a clone has none
        assert (statement.measured, statement.autocommit) == (True, seen.transaction == 0)
        ours, theirs = _strong(statement.locks), _strong(seen.locks)
        # outside of a transaction a lock may come and go too quickly for an observer who does not hold it up
        assert ours == (theirs if seen.transaction else ours | theirs), seen.sql
        # what rows a data statement reads, the planner leaves to the live database
        if seen.sql.partition(" ")[0] not in _DATA:
            # of a foreign key both sides count as read, also where the parent is looked up by its index
            parents = {lock.relation for other in found for lock in other.statement.locks}
            assert set(seen.scans) <= set(statement.scans) <= set(seen.scans) | parents, seen.sql
        assert set(statement.rewrites) == set(seen.rewrites), seen.sql
        assert set(statement.index_builds) == set(seen.index_builds), seen.sql


_DATA = ("SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "WITH")


def _strong(locks: tuple[Lock, ...]) -> dict[str, Mode]:
    """The strongest lock on each relation; the weak ones are those of rows, which a clone has not."""
    found: dict[str, Mode] = {}
    for lock in locks:
        if lock.mode >= Mode.SHARE_UPDATE_EXCLUSIVE and lock.kind != "index":
            found[lock.relation] = max(lock.mode, found.get(lock.relation, lock.mode))
    return found


@pytest.mark.parametrize("case", [case for case in CASES if case.runs_on(18)], ids=lambda case: case.id)
def test_hazards_tell_the_unsafe_from_the_safe(plans: Plans, case: corpus.Case) -> None:
    found = [hazard for one in plans[case.id] for hazard in one.hazards]
    codes = {hazard.code for hazard in found}

    assert codes >= {case.fires} - {""}
    assert case.fires == case.code or case.code not in codes, sorted(codes)
    if case.kind == "safe":
        assert [hazard for hazard in found if hazard.severity >= Severity.HIGH] == []


@pytest.mark.parametrize(("which", "major"), [("server16", 16), ("system_server", 15)])
@pytest.mark.heavy
def test_older_servers(
    which: str, major: int, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> None:
    found = _plans(request.getfixturevalue(which), major, tmp_path_factory)

    for case in CASES:
        expected = case.expected(major)
        if case.id in found and expected is not None:
            _compare(found[case.id], expected)
            codes = {hazard.code for one in found[case.id] for hazard in one.hazards}
            assert codes >= {case.fires} - {""}, case.id
            assert case.fires == case.code or case.code not in codes, case.id


def test_no_false_calm(plans: Plans) -> None:
    """What the observer saw rewriting, scanning, building or blocking under a strong lock is never judged harmless."""
    statements, dangerous, calm = 0, 0, []
    for case in CASES:
        if not case.runs_on(18):
            continue
        expected = case.expected(18)
        assert expected is not None
        for one, seen, held in zip(plans[case.id], expected, _held(expected), strict=True):
            statements += 1
            if not _is_dangerous(seen, held):
                continue
            dangerous += 1
            earlier = [
                hazard for other in plans[case.id] for hazard in other.hazards if one.statement.number in hazard.during
            ]
            if not one.hazards and not earlier:
                calm.append(f"{case.id}: {seen.sql}")

    assert calm == [], "\n".join(calm)
    said = f"Of {statements} statements of the corpus, {dangerous} were seen"
    assert said in pages.everything(), said


def _held(expected: tuple[corpus.Observed, ...]) -> list[Mode]:
    """The strongest lock that is held behind each statement, on what was there before."""
    found: list[Mode] = []
    for place, seen in enumerate(expected):
        same = [one for one in expected[:place] if one.transaction == seen.transaction != 0]
        found.append(max(map(_own, (*same, seen))))
    return found


def _own(seen: corpus.Observed) -> Mode:
    """The strongest lock of a statement. An index that nobody may use stops all that plans with its table."""
    closed = [lock for lock in seen.locks if lock.kind == "index" and lock.mode.blocks_reads and seen.transaction]
    locks = [lock for lock in seen.locks if lock.kind != "index"]
    return max((lock.mode for lock in (*locks, *closed)), default=Mode.ACCESS_SHARE)


def _is_dangerous(seen: corpus.Observed, held: Mode) -> bool:
    works = bool(seen.rewrites or seen.scans or seen.index_builds)
    return _own(seen).blocks_writes or (works and held.blocks_writes)
