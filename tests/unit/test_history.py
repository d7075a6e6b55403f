"""Histories as values: order, what is applied and what waits, and files that do not fit together."""

from __future__ import annotations

import pytest

from ops.history import History, Revision
from ops.values import Verdict


def history(*lines: str, current: str = "") -> History:
    """Read `b: a` as "b revises a"; `> c` adds "depends on c", `@x` the branch label x."""
    revisions = []
    for line in lines:
        name, _, rest = line.partition(":")
        words = rest.split()
        label = tuple(one[1:] for one in words if one.startswith("@"))
        plain = [one for one in words if not one.startswith("@")]
        cut = plain.index(">") if ">" in plain else len(plain)
        down, depends = tuple(plain[:cut]), tuple(plain[cut + 1 :])
        revisions.append(Revision(revision=name.strip(), down_revisions=down, depends_on=depends, branch_labels=label))
    below = {parent for one in revisions for parent in one.down_revisions}
    heads = tuple(sorted(one.revision for one in revisions if one.revision not in below))
    return History(revisions=tuple(revisions), heads=heads, current=tuple(current.split()))


LINE = ("c: b", "a:", "b: a")
DIAMOND = ("a:", "b: a", "c: a", "m: b c")
TWO = ("a: @shop", "b: a", "x: @billing", "y: x > shop", "z: y > b")
LOOP = ("a: c", "b: a", "c: b")
ORPHAN = ("b: a", "c: b")

# fmt: off
CASES = {  #                                        files    current  applied   pending      unknown
    "nothing is applied":                          (LINE,    "",      "",       "a b c",     ""),
    "in the middle":                               (LINE,    "b",     "a b",    "c",         ""),
    "at the head":                                 (LINE,    "c",     "a b c",  "",          ""),
    "a revision that no file has":                 (LINE,    "q",     "",       "a b c",     "q"),
    "one arm of a diamond":                        (DIAMOND, "b",     "a b",    "c m",       ""),
    "both arms of a diamond":                      (DIAMOND, "b c",   "a b c",  "m",         ""),
    "a dependency counts as applied":              (TWO,     "y",     "a x y",  "b z",       ""),
    "one branch of two":                           (TWO,     "b",     "a b",    "x y z",     ""),
    "a loop ends":                                 (LOOP,    "",      "",       "a b c",     ""),
    "a missing parent is left out":                (ORPHAN,  "b",     "b",      "c",         ""),
    "no file at all":                              ((),      "",      "",       "",          ""),
}
# fmt: on


@pytest.mark.parametrize(("files", "current", "applied", "pending", "unknown"), CASES.values(), ids=CASES)
def test_what_is_applied_and_what_waits(
    files: tuple[str, ...], current: str, applied: str, pending: str, unknown: str
) -> None:
    found = history(*files, current=current)

    assert " ".join(sorted(found.applied)) == applied
    assert " ".join(sorted(found.pending)) == pending
    assert " ".join(found.unknown) == unknown
    assert found.verdict == (Verdict.ATTENTION if unknown else Verdict.OK)


@pytest.mark.parametrize("files", [LINE, DIAMOND, TWO, ORPHAN], ids=["line", "diamond", "two branches", "orphan"])
def test_nothing_stands_above_what_revises_or_needs_it(files: tuple[str, ...]) -> None:
    found = history(*files)
    order = [one.revision for one in found.ordered]

    assert sorted(order) == sorted(found.by_id)
    for name in order:
        assert [order.index(parent) > order.index(name) for parent in found.parents(name)].count(False) == 0
    assert found.pending == tuple(reversed(order))


# fmt: off
OVERLAPPING = {  #                     files    rows   the ones too many
    "one row":                        (LINE,    "b",   ()),
    "one below the other":            (LINE,    "a c", ("a",)),
    "three in a row":                 (LINE,    "a b c", ("a", "b")),
    "two branches":                   (DIAMOND, "b c", ()),
    "a branch and what merged it":    (DIAMOND, "b m", ("b",)),
    "what another one depends on":    (TWO,     "b z", ()),
    "an unknown one beside":          (LINE,    "b x", ()),
    "files that go round":            (LOOP,    "a b", ("a", "b")),
}
# fmt: on


@pytest.mark.parametrize(("files", "rows", "found"), OVERLAPPING.values(), ids=OVERLAPPING)
def test_rows_of_the_version_table_that_are_too_many(files: tuple[str, ...], rows: str, found: tuple[str, ...]) -> None:
    assert history(*files, current=rows).overlapping == found


# fmt: off
HEADS = {  #                                   files                                   too many
    "one head":                               (LINE,                                   ()),
    "two of one line":                        (("a:", "b: a", "c: a"),                 ("b", "c")),
    "each with a label":                      (TWO,                                    ()),
    "one with a label, one without":          (("a: @shop", "b: a", "x:"),             ()),
    "one with a label, two without":          (("a: @shop", "b: a", "x:", "y:"),       ("x", "y")),
    "two over one label":                     (("a: @shop", "b: a", "c: a"),           ()),
    "a label on what one only depends on":    (("a: @shop", "x:", "y: x > shop", "z: x"), ()),
    "a label that stands above the fork":     (("a:", "b: a @shop", "c: a", "d: a"),   ("c", "d")),
    "files that go round":                    ((*LOOP, "x:", "y:"),                    ("x", "y")),
}
# fmt: on


@pytest.mark.parametrize(("files", "found"), HEADS.values(), ids=HEADS)
def test_heads_of_which_one_is_too_many(files: tuple[str, ...], found: tuple[str, ...]) -> None:
    assert history(*files).unexpected_heads == found


def test_a_label_among_the_dependencies_means_the_revision_that_bears_it() -> None:
    assert history(*TWO).parents("y") == ("x", "a")


def test_states_are_shown_with_unknown_ones_on_top() -> None:
    found = history(*LINE, current="b q")

    rows = found.to_frame()

    assert list(rows["revision"]) == ["q", "c", "b", "a"]
    assert list(rows["state"]) == ["unknown", "pending", "current", "applied"]
    assert [one["state"] for one in found.to_dict()["history"]] == ["pending", "current", "applied"]


def test_thousands_of_revisions_in_a_row_are_no_trouble() -> None:
    lines = ["r0000:"] + [f"r{number:04}: r{number - 1:04}" for number in range(1, 3000)]

    found = history(*lines, current="r1499")

    assert (len(found.applied), len(found.pending), found.pending[0]) == (1500, 1500, "r1500")


def test_what_is_found_of_a_long_history_looks_at_each_revision_a_few_times(monkeypatch: pytest.MonkeyPatch) -> None:
    many = 1000
    lines = ["r0000: @shop"] + [f"r{number:04}: r{number - 1:04}" for number in range(1, many)] + ["x:", "y:"]
    found = history(*lines, current="r0499")
    asked: list[str] = []
    parents = History.parents
    monkeypatch.setattr(History, "parents", lambda self, name: (asked.append(name), parents(self, name))[1])

    assert found.unexpected_heads == ("x", "y")
    assert len(found.pending) == many // 2 + 2
    assert found.to_frame().shape[0] == many + 2 and found.overlapping == ()
    assert len(asked) < 5 * many
