"""What differs between two catalogs, without a server: the edges that no statement makes."""

from __future__ import annotations

import json

import pytest

from ops.catalog import Catalog, Key, diff, properties
from ops.values import Verdict


def catalog(
    *objects: tuple[str, str, str, str, dict], unread: tuple[str, ...] = (), doubts: tuple[str, ...] = ()
) -> Catalog:
    texts = {Key(*one[:4]): json.dumps(one[4]) for one in objects}
    return Catalog(database="d", server_version=180000, texts=texts, unread=unread, doubts=doubts)


TABLE = ("table", "s", "", "t", {"persistence": "permanent"})
COLUMN = ("column", "s", "t", "a", {"type": "integer"})
VIEW = ("view", "s", "", "v", {"definition": "SELECT 1", "columns": ["a"]})


def test_what_one_side_could_not_read_is_no_difference() -> None:
    whole, part = catalog(TABLE, COLUMN, VIEW), catalog(TABLE, COLUMN, unread=("view",))

    assert diff(whole, part) == diff(part, whole) == ()
    assert part.verdict is Verdict.UNKNOWN
    assert whole.fingerprint != part.fingerprint
    assert part.fingerprint != catalog(TABLE, COLUMN).fingerprint


def test_doubts_make_everything_unknown_and_hide_nothing() -> None:
    sure, doubtful = catalog(TABLE), catalog(TABLE, COLUMN, doubts=("a server of tomorrow",))

    assert doubtful.verdict is Verdict.UNKNOWN
    assert [one.object for one in diff(sure, doubtful)] == ["s.t.a"]
    assert "a server of tomorrow" in str(doubtful)
    assert doubtful.without(frozenset()).doubts == doubtful.doubts
    assert doubtful.to_dict()["doubts"] == ["a server of tomorrow"]


def test_a_comment_on_a_views_column_is_no_new_column() -> None:
    before = catalog(VIEW)
    after = catalog(VIEW, ("column", "s", "v", "a", {"comment": "x"}))

    (found,) = diff(before, after)

    assert (found.action, found.kind, found.object, dict(found.details)) == (
        "added", "comment", "column s.v.a", {"comment": "x"}
    )  # fmt: skip
    assert diff(after, before) == (found.mirrored(),)


def test_two_that_could_be_the_renamed_one_are_not() -> None:
    before = catalog(("enum", "s", "", "a", {"labels": ["x"]}))
    after = catalog(("enum", "s", "", "b", {"labels": ["x"]}), ("enum", "s", "", "c", {"labels": ["x"]}))

    assert sorted(one.action for one in diff(before, after)) == ["added", "added", "removed"]


def test_what_a_person_wrote_is_never_taken_for_a_name() -> None:
    before = catalog(
        TABLE,
        ("column", "s", "t", "name", {"type": "text"}),
        ("column", "s", "t", "b", {"type": "date", "comment": "name"}),
    )
    after = catalog(
        TABLE,
        ("column", "s", "t", "title", {"type": "text"}),
        ("column", "s", "t", "b", {"type": "date", "comment": "title"}),
    )

    found = diff(before, after)

    assert sorted((one.action, one.kind) for one in found) == [("changed", "comment"), ("renamed", "column")]


@pytest.mark.parametrize("kind", ["extension", "default privileges"])
def test_what_has_no_name_of_its_own_is_never_renamed(kind: str) -> None:
    before, after = catalog((kind, "", "", "a", {"version": "1"})), catalog((kind, "", "", "b", {"version": "1"}))

    assert sorted(one.action for one in diff(before, after)) == ["added", "removed"]


def test_fingerprints_part_what_only_looks_the_same() -> None:
    prints = {
        catalog().fingerprint,
        catalog(("a", "b", "", "c", {})).fingerprint,
        catalog(("a", "", "b", "c", {})).fingerprint,
        catalog(("a", "b", "c", "", {})).fingerprint,
        catalog(("ab", "", "", "c", {})).fingerprint,
        catalog(("a", "", "", "b", {}), ("c", "", "", "d", {})).fingerprint,
        catalog(("a", "", "", "b", {"c": "d"})).fingerprint,
        catalog(unread=("a",)).fingerprint,
    }

    assert len(prints) == 8


def test_the_order_of_objects_is_no_difference() -> None:
    assert catalog(TABLE, COLUMN, VIEW).fingerprint == catalog(VIEW, COLUMN, TABLE).fingerprint


def test_a_catalog_has_no_truth_value() -> None:
    with pytest.raises(TypeError):
        bool(catalog(TABLE))


def test_properties_that_are_not_set_are_left_out() -> None:
    assert properties('{"a" : null, "b" : false}') == {"b": False}
