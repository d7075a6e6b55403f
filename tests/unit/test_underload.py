"""What reads and writes met beside a migration, and what is left of a traceback: values alone, no database."""

from __future__ import annotations

from ops.display import Bar
from ops.errors import RefusedError, UsageError
from ops.observe import Observed
from ops.rehearsal.traffic import Traffic, Wait
from ops.runbook import outside, underload
from ops.runbook.underload import Crossing
from ops.statement import Lock, Mode, Statement

EXCLUSIVE = Lock(relation="public.users", kind="table", mode=Mode.ACCESS_EXCLUSIVE)
SHARE = Lock(relation="public.users", kind="table", mode=Mode.SHARE)
HARMLESS = Lock(relation="public.users", kind="table", mode=Mode.SHARE_UPDATE_EXCLUSIVE)


def statement(number: int, transaction: int, *locks: Lock) -> Statement:
    return Statement(number=number, revision="a1", sql=f"SELECT {number}", transaction=transaction, locks=locks)


def observed(*statements: Statement) -> Observed:
    return Observed(statements=statements, periods={one.number: (one.number, one.number + 0.5) for one in statements})


def crossing(name: str, *, read: float) -> Crossing:
    work = (Bar(begin=1, end=2), Bar(begin=2, end=4))
    return Crossing(name=name, work=work, locks=(), reads=(Bar(begin=1, end=1 + read),), writes=(), answered=7)


# fmt: off
HELD = {  #                               statements                                           from, until, tone
    "to the end of its transaction":    ((statement(1, 1, EXCLUSIVE), statement(2, 1)),        [(1, 2.5, "bad")]),
    "no longer than its transaction":   ((statement(1, 1, SHARE), statement(2, 2)),            [(1, 1.5, "attention")]),
    "outside of one, for itself":       ((statement(1, 0, SHARE), statement(2, 0)),            [(1, 1.5, "attention")]),
    "the strongest, since it is taken":((statement(1, 1, SHARE), statement(2, 1, EXCLUSIVE)), [(2, 2.5, "bad")]),
    "nobody's work waits for it":       ((statement(1, 1, HARMLESS), statement(2, 1)),         []),
}
# fmt: on


def test_how_long_a_lock_is_held() -> None:
    for what, (statements, wanted) in HELD.items():
        found = [(bar.begin, bar.end, bar.tone) for bar in underload._locks(observed(*statements), 0.0)]
        assert found == wanted, what


def test_what_waited_is_told_from_what_was_only_slow() -> None:
    met = Traffic(("SELECT 1",))
    met._waits += [
        Wait(sql="SELECT 1", began=9.0, seconds=0.5),
        Wait(sql="SELECT 1", began=11.5, seconds=1.0),
        Wait(sql="SELECT 1", began=20.0, seconds=0.1),
    ]

    bars = list(underload._waits(met, 10.0, [Bar(begin=2.0, end=3.0)]))

    assert [(bar.begin, bar.tone) for bar in bars] == [(1.5, "attention"), (10.0, "plain")], "and nothing from before"


def test_both_ways_stand_on_one_clock() -> None:
    slow, quick = crossing("at once", read=3.0), crossing("in steps", read=0.2)

    view = underload.side_by_side(slow, quick)

    assert (slow.seconds, slow.longest_read, quick.longest_read) == (3.0, 3.0, 1.2 - 1)
    assert {line.end for line in view.blocks[1:]} == {4.0}
    assert view.blocks[0].rows[0] == ("at once", "3.00", "3.00", "0.00")
    assert "7 answers" in str(slow.view().blocks)


def test_a_traceback_keeps_the_lines_of_the_project() -> None:
    text = (
        "Traceback (most recent call last):\n"
        '  File "<frozen runpy>", line 198, in _run\n'
        '  File "/x/lib/python3.11/site-packages/alembic/config.py", line 4, in <module>\n'
        "    main(prog)\n"
        "    ^^^^^^^^^^\n"
        '  File "alembic/env.py", line 28, in <module>\n'
        "    from shop import vehicle\n"
        "ModuleNotFoundError: No module named 'shop'\n"
    )

    assert outside._LIBRARIES.sub("", text).splitlines() == [
        "Traceback (most recent call last):",
        '  File "alembic/env.py", line 28, in <module>',
        "    from shop import vehicle",
        "ModuleNotFoundError: No module named 'shop'",
    ]


def test_a_refusal_that_was_expected_is_shown_and_one_that_did_not_come_is_an_error() -> None:
    def refuse(*, changed: bool) -> None:
        raise RefusedError("It is protected.", next_step="Confirm it.")

    found = outside.refused(refuse, changed=False)

    assert (found.problem, found.next_step, found.changed) == ("It is protected.", "Confirm it.", False)
    assert "It is protected." in str(found.view())
    try:
        outside.refused(print)
    except UsageError as error:
        assert "was expected to be refused" in str(error)
    else:
        raise AssertionError("nothing was raised")
