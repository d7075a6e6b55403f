"""The timeline of statements and of what they lock. No database."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ops.locktimes import Passage, in_turn, timeline
from ops.rehearsal.result import Rehearsal, Waited
from ops.rehearsal.show import locked_out
from ops.statement import Lock, Mode, Statement, brief


def _passage(
    number: int, begin: float, end: float, *modes: Mode, transaction: int = 1, on: str = "public.t"
) -> Passage:
    locks = tuple(Lock(relation=on, kind="table", mode=mode) for mode in modes)
    one = Statement(number=number, revision="a1", sql=f"statement {number}", transaction=transaction, locks=locks)
    return Passage(statement=one, begin=begin, end=end)


def test_a_lock_lasts_to_the_end_of_its_transaction() -> None:
    found = timeline(
        [
            _passage(1, 0.0, 1.0, Mode.SHARE),
            _passage(2, 1.0, 3.0, Mode.ACCESS_EXCLUSIVE),
            _passage(3, 3.0, 4.0),
            _passage(4, 4.0, 9.0, Mode.SHARE, transaction=0, on="public.other"),
        ],
        caption="c",
    )

    assert found is not None
    work, *lanes = found.lanes
    assert [bar.text for bar in work.bars] == ["statement 1", "statement 2", "statement 3", "statement 4"]
    bars = {lane.name: [(bar.begin, bar.end, bar.text, bar.tone) for bar in lane.bars] for lane in lanes}
    assert bars == {
        "public.other": [(4.0, 9.0, "SHARE: writes wait", "attention")],
        "public.t": [(0.0, 4.0, "ACCESS EXCLUSIVE: reads and writes wait", "bad")],
    }


def test_what_nobody_can_tell_has_no_figure_and_the_lock_lasts_longer() -> None:
    modes = ((Mode.ACCESS_EXCLUSIVE,), (), (Mode.SHARE,))
    one, two, three = (_passage(number, 0.0, 0.0, *some).statement for number, some in enumerate(modes, 1))
    last = _passage(4, 0.0, 0.0, Mode.ACCESS_EXCLUSIVE, transaction=2, on="public.last").statement

    found = timeline(in_turn([(one, 0.0), (two, None), (three, 2.5), (last, 0.0)]), caption="c")

    assert found is not None
    assert [(row[0], row[-2], row[-1]) for row in found.table().rows] == [
        ("statements", "0.00", "less than 1"),
        ("statements", "0.00", "not known"),
        ("statements", "2.50", "2.50"),
        ("statements", "2.50", "less than 1"),
        ("public.t", "2.50", "2.50 and more"),
        ("public.last", "2.50", "less than 1"),
    ]


def test_where_nobody_waits_there_is_no_picture() -> None:
    assert timeline([_passage(1, 0.0, 9.0, Mode.SHARE_UPDATE_EXCLUSIVE)], caption="c") is None


def test_what_is_over_at_once_needs_no_picture() -> None:
    assert timeline([_passage(1, 0.0, 0.5, Mode.ACCESS_EXCLUSIVE)], caption="c") is None


def test_a_rehearsal_shows_beside_it_how_long_the_traffic_waited() -> None:
    first, second = (
        replace(_passage(number, 0.0, 0.0, *modes).statement, seconds=seconds)
        for number, seconds, modes in ((1, 1.5, ()), (2, 2.0, (Mode.ACCESS_EXCLUSIVE,)))
    )
    route: Any = None  # not a part of the picture
    waited = Waited(statement=2, sql="SELECT 1", seconds=1.8)

    found = locked_out(Rehearsal(route=route, statements=(first, second), waits=(waited,)))

    assert found is not None
    lanes = {lane.name: [(bar.begin, round(bar.end, 3)) for bar in lane.bars] for lane in found.lanes}
    assert lanes == {
        "statements": [(0.0, 1.5), (1.5, 3.5)],
        "public.t": [(1.5, 3.5)],
        "traffic waited": [(1.5, 3.3)],
    }


@pytest.mark.parametrize(("limit", "said"), {15: "SELECT a FROM t", 14: "SELECT a FROM…", 8: "SELECT …"}.items())
def test_a_statement_on_one_line(limit: int, said: str) -> None:
    assert brief("  SELECT a\n\tFROM t ", limit=limit) == said
