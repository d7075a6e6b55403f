"""Every place of a history, and which of them a schema is: put together from one walk, on branches too."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from ops.catalog import Catalog, Key
from ops.history import History, Revision
from ops.repair.nearest import Ranking, common, ranking
from ops.replay import Film

#        a1 ── a2 ── a3      one branch
#       /            \
#   root              m      where they meet
#       \            /
#        b1 ──────── b2      the other
BELOW = {"root": (), "a1": ("root",), "a2": ("a1",), "a3": ("a2",), "b1": ("root",), "b2": ("b1",), "m": ("a3", "b2")}
WALK = ("root", "a1", "a2", "a3", "b1", "b2", "m")


def key(name: str) -> Key:
    return Key("table", "public", "", name)


def text(state: str) -> str:
    return json.dumps({"state": state})


def touched(**changes: str | None) -> Mapping[Key, str | None]:
    return {key(name): None if state is None else text(state) for name, state in changes.items()}


APART = {
    "root": touched(t="new"),
    "a1": touched(x="new"),
    "a2": touched(),  # it moves rows
    "a3": touched(x="wider"),
    "b1": touched(y="new"),
    "b2": touched(y=None, z="new"),
    "m": touched(),
}


def history() -> History:
    revisions = tuple(Revision(revision=name, down_revisions=below) for name, below in BELOW.items())
    return History(revisions=revisions, heads=("m",))


def schema(*names: str, made: Mapping[str, Mapping[Key, str | None]] = APART, **by_hand: str) -> Catalog:
    """What some revisions make, in the order of the walk, and what somebody made beside it."""
    texts: dict[Key, str] = {}
    for name in WALK:
        for one, state in made[name].items() if name in names else ():
            if state is None:
                texts.pop(one, None)
            else:
                texts[one] = state
    texts.update((key(name), text(state)) for name, state in by_hand.items())
    return Catalog(database="live", server_version=180000, texts=texts)


def ranked(live: Catalog, made: Mapping[str, Mapping[Key, str | None]] = APART) -> Ranking:
    return ranking(live, Film(base={}, touched=tuple(made[name] for name in WALK)), WALK, history())


# fmt: off
PLACES = {  # what is applied; what the schema may be
    "nothing at all":              ((),                                        {"base"}),
    "before the branches part":    (("root",),                                 {"root"}),
    "one branch, and not another": (("root", "b1"),                            {"b1"}),
    "the other, half":             (("root", "a1"),                            {"a1", "a2"}),
    "both, half":                  (("root", "a1", "b1"),                      {"a1,b1", "a2,b1"}),
    "both heads, and the merge":   (("root", "a1", "a2", "a3", "b1", "b2"),    {"a3,b2", "m"}),
}
# fmt: on


@pytest.mark.parametrize(("applied", "expected"), PLACES.values(), ids=PLACES)
def test_every_place_is_known_again(applied: tuple[str, ...], expected: set[str]) -> None:
    found = ranked(schema(*applied))

    assert {one.name for one in found.equal} == expected
    assert found.untold == 0


@pytest.mark.parametrize("applied", [one for one, _ in PLACES.values()], ids=PLACES)
def test_what_was_made_by_hand_is_all_that_differs_from_the_nearest(applied: tuple[str, ...]) -> None:
    found = ranked(schema(*applied, mine="new"))

    nearest = found.candidates[0]
    assert found.equal == () and nearest.distance == 1
    assert [(one.action, one.object) for one in nearest.differences] == [("added", "public.mine")]


def test_what_two_branches_both_touch_is_told_of_one_of_them_alone_only_where_that_was_walked() -> None:
    both = {**APART, "b1": touched(x="altered")}

    found = ranked(schema("root", "a1", "a2", "a3", made=both), both)
    alone = ranked(schema("root", "b1", made=both), both)

    assert {one.name for one in found.equal} == {"a3"}
    assert alone.untold > 0 and "b1" not in {one.name for one in alone.candidates}


def test_many_branches_end_somewhere() -> None:
    names = [f"r{number:02d}" for number in range(20)]
    revisions = tuple(Revision(revision=name) for name in names)
    film = Film(base={}, touched=tuple(touched(**{name: "new"}) for name in names))
    live = Catalog(database="live", server_version=180000, texts={key(one): text("new") for one in names})

    found = ranking(live, film, names, History(revisions=revisions, heads=tuple(names)))

    assert found.untold > 0 and found.equal[0].rows == tuple(names)


def test_what_branches_have_in_common() -> None:
    both = {**APART, "b2": touched(x="altered", z="new")}

    found = common(both, {"a3": frozenset({"a1", "a2", "a3"}), "b2": frozenset({"b1", "b2"})})

    assert {str(one): {head: sorted(names) for head, names in by.items()} for one, by in found.items()} == {
        "public.x": {"a3": ["a1", "a3"], "b2": ["b2"]}
    }
    assert common(APART, {"a3": frozenset({"a1"}), "b2": frozenset({"b1"})}) == {}
