"""Whose fault it is that something is not as it was; and what is other each time. Values in, values out."""

from __future__ import annotations

import json

import pytest

from ops.catalog import Catalog, Key
from ops.rehearsal import judge, losses
from ops.rehearsal.judge import Stop, Walk
from ops.rehearsal.values import Column, Contents, Counter, Loss, Table

PLACE = ("public", "t")


def stop(*objects: str, rows: int = 3, **columns: int) -> Stop:
    """A stop with some indexes, and one table whose columns have these checksums."""
    texts = {Key("index", "public", "t", name): json.dumps({"definition": name}) for name in objects}
    table = Table(
        name=PLACE,
        oid=1,
        rows=rows,
        columns={
            name: Column(name=name, number=number, kind="", filled=rows, checksum=checksum)
            for number, (name, checksum) in enumerate(columns.items(), 1)
        },
    )
    return Stop(
        catalog=Catalog(database="d", server_version=180000, texts=texts), contents=Contents(tables={PLACE: table})
    )


def walk(first: list[Stop], down: list[Stop], again: list[Stop]) -> Walk:
    """A walk of two revisions: its stops from place 0 on, on the way back from place 0 on, and again from 1 on."""
    return Walk(
        floor=0, top=2, lowest=0, first=dict(enumerate(first)), down=dict(enumerate(down)),
        again=dict(enumerate(again, 1)),
    )  # fmt: skip


# What is there at the places 0, 1, 2; on the way back at 0, 1; again at 1, 2; then what the first and the second
# revision lose, what their downgrades miss in the schema, and whether they have to be walked by themselves.
A, B, C = stop(a=1), stop(a=1, b=1), stop(a=1, b=2)
# fmt: off
WALKS = {
    "all comes back": ([A, B, C], [A, B], [B, C], ("", ""), (0, 0), (False, False)),
    "the second one loses, the first one does not touch that": (
        [stop(x=1, y=1), stop(x=2, y=1), stop(x=2, y=2)], [stop(x=1, y=9), stop(x=2, y=9)],
        [stop(x=2, y=9), stop(x=2, y=2)], ("", "y"), (0, 0), (False, False)),
    "the first one changes what the second one has lost": (
        [stop(x=1), stop(x=2), stop(x=3)], [stop(x=8), stop(x=9)], [stop(x=8), stop(x=3)],
        ("x", "x"), (0, 0), (True, False)),
    "the first one loses": (
        [stop(x=1), stop(x=2), stop(x=2)], [stop(x=9), stop(x=2)], [stop(x=2), stop(x=2)],
        ("x", ""), (0, 0), (False, False)),
    "the second one forgets an index, the first one another": (
        [stop("i", "j"), stop("j"), stop()], [stop(), stop()], [stop(), stop()], ("", ""), (1, 1), (False, False)),
    "what the second one forgets may have become what is missing": (
        [stop("i"), stop("j"), stop()], [stop(), stop()], [stop(), stop()], ("", ""), (1, 1), (True, False)),
}
# fmt: on


@pytest.mark.parametrize(("first", "down", "again", "lost", "missing", "doubtful"), WALKS.values(), ids=WALKS)
def test_whose_fault(
    first: list[Stop],
    down: list[Stop],
    again: list[Stop],
    lost: tuple[str, str],
    missing: tuple[int, int],
    doubtful: tuple[bool, bool],
) -> None:
    way = walk(first, down, again)

    found = [judge.returned(way, revision) for revision in (1, 2)]

    assert tuple(",".join(loss.column for loss in one.lost) for one in found) == lost
    assert tuple(len(one.differences) for one in found) == missing
    assert tuple(one.doubtful for one in found) == doubtful


def test_what_ones_own_way_back_left_wrong_counts_against_its_second_way_up() -> None:
    way = walk([stop(x=1), stop(x=10), stop(x=10)], [stop(x=10), stop(x=10)], [stop(x=100), stop(x=100)])

    first, second = (judge.repeated(way, revision, judge.returned(way, revision)) for revision in (1, 2))

    assert first.unlike == ("public.t.x has other values the second time than the first.",) and not first.same
    assert second.same


DEFAULTS = {
    "a constant": ("'x'::character varying(20)", False),
    "a number": ("'0'::numeric(8,2)", False),
    "a number in parentheses": ("(0)::bigint", False),
    "the time": ("now()", True),
    "the time without parentheses": ("CURRENT_TIMESTAMP", True),
    "a sequence": ("nextval('public.t_id_seq'::regclass)", True),
    "by lot": ("public.gen_id()", True),
}


@pytest.mark.parametrize(("default", "anew"), DEFAULTS.values(), ids=DEFAULTS)
def test_which_columns_are_other_each_time(default: str, anew: bool) -> None:
    texts = {
        Key("column", "public", "t", "id"): json.dumps({"type": "integer", "default": default}),
        Key("foreign key", "s", "child", "f"): json.dumps(
            {"definition": "FOREIGN KEY (t_id) REFERENCES public.t(id) ON DELETE CASCADE"}
        ),
    }

    found = losses.made_anew(Catalog(database="d", server_version=180000, texts=texts))

    assert found == ({(PLACE, "id"), (("s", "child"), "t_id")} if anew else set())


SEQUENCES = {
    "behind": (Counter(next=1, step=1), True),
    "ahead": (Counter(next=9, step=1), False),
    "downwards, and behind": (Counter(next=9, step=-1), True),
}


@pytest.mark.parametrize(("after", "lost"), SEQUENCES.values(), ids=SEQUENCES)
def test_sequences(after: Counter, lost: bool) -> None:
    before = Contents(counters={("public", "s"): Counter(next=5, step=after.step)})

    found = losses.compare(before, Contents(counters={("public", "s"): after})).lost

    assert [one.kind for one in found] == ["sequence"] * lost


WORDS = {
    "public.t.c": Loss(kind="values", table=PLACE, column="c", amount=1, of=1),
    "1 value of public.t.c": Loss(kind="values", table=PLACE, column="c", amount=1, of=1),
    "about 1,200 of 5,000 values": Loss(kind="values", table=PLACE, column="c", amount=1200, of=5000, about=True),
    "at least 2 of 5 rows of public.t": Loss(kind="rows", table=PLACE, amount=2, of=5, at_least=True),
    "the table public.t with 1 row": Loss(kind="table", table=PLACE, amount=1, of=1),
}


@pytest.mark.parametrize(("text", "loss"), WORDS.items(), ids=WORDS)
def test_words(text: str, loss: Loss) -> None:
    assert text in str(loss)
