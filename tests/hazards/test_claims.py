"""What is generally held to be so about each statement, against what the servers were seen to do."""

from __future__ import annotations

import pytest

from ops.statement import Mode
from tests.hazards import corpus

MODES = {
    "AX": Mode.ACCESS_EXCLUSIVE,
    "X": Mode.EXCLUSIVE,
    "SRX": Mode.SHARE_ROW_EXCLUSIVE,
    "S": Mode.SHARE,
    "SUE": Mode.SHARE_UPDATE_EXCLUSIVE,
    "RX": Mode.ROW_EXCLUSIVE,
    "RS": Mode.ROW_SHARE,
    "-": None,
}

# Refused, and with which SQLSTATE.
# fmt: off
REFUSALS = {
    "34 CONCURRENTLY in a transaction":               ("34-concurrent-index/unsafe-2", 1,        "25001"),
    "35 CONCURRENTLY on a partitioned table":         ("35-partitioned-index/unsafe-2", 1,       "0A000"),
    "24 USING INDEX on a partitioned table":          ("24-primary-key-using-index/unsafe-2", 1, "0A000"),
    "20 NOT VALID on a partitioned table, before 18":  ("19-add-foreign-key/unsafe-3", 1,        "42809"),
    "30 another type of what a view reads":            ("26-type-rewrite/unsafe-7", 1,           "0A000"),
    "41 CONCURRENTLY beside a default partition":      ("41-detach-partition/unsafe-2", 1,       "55000"),
    "11 NOT NULL without a default, where a row is":  ("11-required-column/unsafe", 1,           "23502"),
    "C12 DISTINCT over json":                         ("C12-json-column/unsafe-3", 3,            "42883"),
    "C12 a number behind the last integer":           ("C12-narrow-key/unsafe-3", 4,             "2200H"),
    "54 a label in the transaction that adds it":     ("54-enum-value/unsafe", 2,                "55P04"),
    "54 also as a default":                           ("54-enum-value/unsafe-2", 2,              "55P04"),
}
# fmt: on


def claims() -> dict[str, tuple[str, int, str, str]]:
    """File, statement, locks and costs of each claim of `claims.txt`, by its sentence."""
    found = {}
    for line in (corpus.FOLDER / "claims.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            sentence, where, locks, costs = (one.strip() for one in line.split("|"))
            name, _, number = where.partition(" ")
            found[sentence] = (name, int(number), locks, costs)
    return found


CASES = {case.id: case for case in corpus.cases()}
MAJORS = (15, 16, 18)
CLAIMS = claims()


def statement(name: str, number: int, major: int) -> corpus.Observed | None:
    observed = CASES[name].expected(major)
    return observed[number - 1] if observed else None


def costs(one: corpus.Observed) -> dict[str, str]:
    """The dearest thing that was done to each table."""
    found = dict.fromkeys(one.scans, "scan")
    found |= {build.partition(" on ")[2]: "build" for build in one.index_builds}
    found |= dict.fromkeys(one.rewrites, "rewrite")
    return found | dict.fromkeys(one.emptied, "empty")


def pairs(text: str) -> dict[str, str]:
    """What `orders AX, warehouses SRX` says, by qualified name."""
    words = [one.split() for one in text.split(",") if one]
    return {f"shop.{relation}": word for relation, word in words}


@pytest.mark.parametrize("major", MAJORS)
@pytest.mark.parametrize(("name", "number", "locks", "cost"), CLAIMS.values(), ids=CLAIMS)
def test_it_is_so(name: str, number: int, locks: str, cost: str, major: int) -> None:
    one = statement(name, number, major)
    if one is None:
        assert not CASES[name].runs_on(major), "somebody has to observe it"
        return

    modes = {relation: MODES[word] for relation, word in pairs(locks).items()}
    expected = dict.fromkeys(modes, "") | pairs(cost)
    found = costs(one)

    assert {relation: one.lock_on(relation) for relation in modes} == modes
    assert {relation: found.get(relation, "") for relation in expected} == expected


@pytest.mark.parametrize("major", MAJORS)
@pytest.mark.parametrize(("name", "number", "code"), REFUSALS.values(), ids=REFUSALS)
def test_it_is_refused(name: str, number: int, code: str, major: int) -> None:
    one = statement(name, number, major)
    if one is None:
        assert not CASES[name].runs_on(major), "somebody has to observe it"
        return

    assert one.error.startswith(f"{code} ")
