"""What a version file's functions hold, read without running them; and what a review would say of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ops.hazards.files import FILE_CODES, judge_files
from ops.hazards.values import Severity
from ops.statement import Lock, Mode, Statement
from ops.versionfile import Body, VersionFile, bodies

UP = "def upgrade():\n    op.add_column('t', c)\n"

# fmt: off
DOWN = {  #                        the text of downgrade                                          what it holds
    "code":                       ("def downgrade():\n    op.drop_column('t', 'c')",              Body.CODE,    ""),
    "pass":                       ("def downgrade():\n    pass",                                  Body.EMPTY,   ""),
    "only words":                 ("def downgrade():\n    'nothing to do'",                       Body.EMPTY,   ""),
    "an ellipsis":                ("def downgrade():\n    ...",                                   Body.EMPTY,   ""),
    "a bare return":              ("def downgrade():\n    return",                                Body.EMPTY,   ""),
    "none at all":                ("",                                                            Body.MISSING, ""),
    "an error with its reason":   ("def downgrade():\n    raise RuntimeError('gone')",      Body.REFUSES, "gone"),
    "an error without a reason":  ("def downgrade():\n    raise NotImplementedError",             Body.REFUSES, ""),
    "words, then an error":       ("def downgrade():\n    'no'\n    raise ValueError('x')",       Body.REFUSES, "x"),
    "an error under a condition": ("def downgrade():\n    if x:\n        raise ValueError('x')",  Body.CODE,    ""),
    "taken from elsewhere":       ("from helpers import nothing as downgrade",                    Body.CODE,    ""),
    "given a value":              ("downgrade = upgrade",                                         Body.CODE,    ""),
    "more than can be read":      ("def downgrade():\n    op.execute('x'" + " + 'x'" * 5000 + ")", Body.CODE,    ""),
    "asynchronous code":          ("def downgrade() -> None:\n    return op.execute('x')",        Body.CODE,    ""),
}
# fmt: on


@pytest.mark.parametrize(("text", "body", "reason"), DOWN.values(), ids=DOWN)
def test_bodies(text: str, body: Body, reason: str) -> None:
    assert bodies(UP + text) == (Body.CODE, body, reason)


def test_a_text_of_another_python_is_taken_for_code() -> None:
    assert bodies("print 'x'") == (Body.CODE, Body.CODE, "")


def file(**more: object) -> VersionFile:
    return VersionFile(**{"revision": "a1", "path": "a1.py", "upgrade": Body.CODE, "downgrade": Body.CODE, **more})


# fmt: off
FILES = {  #                                the file                                                 up: codes
    "nothing to say":                (file(committed=True),                                set()),
    "no git, nothing to say":        (file(committed=None),                                set()),
    "not committed":                 (file(committed=False),                               {"not-committed"}),
    "no way back":                   (file(downgrade=Body.MISSING),                        {"no-downgrade"}),
    "a way back that does nothing":  (file(downgrade=Body.EMPTY),                          {"empty-downgrade"}),
    "no way back on purpose":        (file(downgrade=Body.REFUSES, reason="gone"),         {"irreversible"}),
    "nothing there, nothing back":   (file(upgrade=Body.EMPTY, downgrade=Body.EMPTY),      set()),
    "a merge":                       (file(downgrade=Body.EMPTY, merges=True),             set()),
    "an id of 32 characters":        (file(revision="a" * 32),                             set()),
    "an id of 33 characters":        (file(revision="a" * 33),                             {"long-id"}),
    "changed since it was applied":  (file(edited=True),                                   {"changed-since-applied"}),
}
# fmt: on


@pytest.mark.parametrize(("one", "codes"), FILES.values(), ids=FILES)
def test_files(one: VersionFile, codes: set[str]) -> None:
    found = judge_files([one], statements=(), heads=("a1",), direction="up", several_heads=False)

    assert {hazard.code for hazard in found} == codes <= FILE_CODES
    assert all(hazard.revision == one.revision and hazard.revision in hazard.harm for hazard in found)
    assert all(hazard.advice and hazard.source.startswith("https://") for hazard in found)


def test_on_the_way_down_the_way_back_is_no_question() -> None:
    one = file(downgrade=Body.EMPTY)

    assert judge_files([one], statements=(), heads=("a1",), direction="down", several_heads=False) == ()


def test_several_heads_are_named() -> None:
    (found,) = judge_files([], statements=(), heads=("a1", "b1"), direction="up", several_heads=True)

    assert (found.code, found.severity, found.statement) == ("several-heads", Severity.MEDIUM, 0)
    assert "a1, b1" in found.harm


ALTER = (Lock(relation="public.t", kind="table", mode=Mode.ACCESS_EXCLUSIVE),)

# fmt: off
MIXED = {  #                                       transaction, locks                   mixed
    "all in one transaction":                    (((1, ALTER), (1, ALTER)),             False),
    "all outside":                               (((0, ALTER), (0, ALTER)),             False),
    "before and behind":                         (((1, ALTER), (0, ALTER), (2, ALTER)), True),
    "a setting beside a build":                  (((1, ()), (0, ALTER)),                False),
}
# fmt: on


@pytest.mark.parametrize(("places", "mixed"), MIXED.values(), ids=MIXED)
def test_what_is_committed_by_itself(places: tuple[tuple[int, tuple[Lock, ...]], ...], mixed: bool) -> None:
    statements = [
        Statement(number=number, revision="a1", sql="x", transaction=transaction, locks=locks)
        for number, (transaction, locks) in enumerate(places, 1)
    ]

    found = judge_files([file()], statements=statements, heads=("a1",), direction="up", several_heads=False)

    assert ("mixed-autocommit" in {hazard.code for hazard in found}) == mixed


def test_the_statements_of_a_long_plan_are_gone_through_once() -> None:
    asked: list[int] = []

    class Counted(tuple[Statement, ...]):
        def __iter__(self) -> Iterator[Statement]:
            asked.append(len(self))
            return super().__iter__()

    files = [file(revision=f"r{number}") for number in range(50)]
    made = [
        Statement(
            number=2 * place + inside, revision=one.revision, sql="", transaction=inside, locks=ALTER, measured=True
        )
        for place, one in enumerate(files)
        for inside in (0, 1)
    ]

    found = judge_files(files, statements=Counted(made), heads=("r49",), direction="up", several_heads=False)

    assert [one.revision for one in found if one.code == "mixed-autocommit"] == [one.revision for one in files]
    assert len(asked) == 1
