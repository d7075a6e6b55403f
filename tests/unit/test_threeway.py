"""Whose a difference is: small catalogs, written by hand."""

from __future__ import annotations

import json

import pytest

from ops.catalog import Catalog, Key
from ops.modelled import Refused
from ops.replay import Film, Replay
from ops.threeway import Judged, judge

HAND, AHEAD = "changed-by-hand", "ahead-by-hand"
MODEL, PENDING, UNMANAGED = "model-without-migration", "pending", "unmanaged"

Texts = dict[Key, str]


def thing(kind: str, parent: str, name: str, schema: str = "public", **properties: object) -> Texts:
    return {Key(kind, schema, parent, name): json.dumps(properties, separators=(" , ", " : "))}


def table(name: str, schema: str = "public", **properties: object) -> Texts:
    return thing("table", "", name, schema, owner="app", **properties)


def column(name: str, type: str = "text", parent: str = "t", **properties: object) -> Texts:
    return thing("column", parent, name, type=type, **properties)


def index(name: str, definition: str = "btree (a)", parent: str = "t") -> Texts:
    return thing("index", parent, name, definition=definition)


def view(name: str, **properties: object) -> Texts:
    return thing("view", "", name, definition="SELECT 1", owner="app", **properties)


def catalog(*parts: Texts) -> Catalog:
    return Catalog(database="", server_version=180000, texts={key: text for one in parts for key, text in one.items()})


BASE = (table("t"), column("a"), column("b"))

# fmt: off
SIDES = {  # live, current, head, models; None where it is as current (models: as head) -> cause, action, kind, object
    "all agree":
        (None, BASE, None, None, []),
    "a model's column has no revision":
        (None, BASE, None, (*BASE, column("c")), [(MODEL, "added", "column", "public.t.c")]),
    "a revision's column has no model":
        (None, (*BASE, column("c")), None, BASE, [(MODEL, "removed", "column", "public.t.c")]),
    "a model's type differs":
        (None, BASE, None, (table("t"), column("a", "integer"), column("b")),
         [(MODEL, "changed", "column", "public.t.a")]),
    "a model's table has another name":
        (None, BASE, None, (table("u"), column("a", parent="u"), column("b", parent="u")),
         [(MODEL, "renamed", "table", "public.u")]),
    "a revision is pending":
        (None, BASE, (*BASE, column("c")), None, [(PENDING, "added", "column", "public.t.c")]),
    "a column by hand":
        ((*BASE, column("c")), BASE, None, None, [(HAND, "added", "column", "public.t.c")]),
    "a column gone by hand":
        ((table("t"), column("a")), BASE, None, None, [(HAND, "removed", "column", "public.t.b")]),
    "a table by hand":
        ((*BASE, table("x"), column("y", parent="x")), BASE, None, None, [(HAND, "added", "table", "public.x")]),
    "by hand and pending, another type":
        ((*BASE, column("c")), BASE, (*BASE, column("c", "integer")), None,
         [(HAND, "added", "column", "public.t.c"), (PENDING, "added", "column", "public.t.c")]),
    "ahead of a pending revision":
        ((*BASE, column("c")), BASE, (*BASE, column("c")), None, [(AHEAD, "added", "column", "public.t.c")]),
    "one of two pending ones done":
        ((*BASE, column("c")), BASE, (*BASE, column("c"), column("d")), None,
         [(AHEAD, "added", "column", "public.t.c"), (PENDING, "added", "column", "public.t.d")]),
    "ahead of a pending drop":
        ((table("t"), column("a")), BASE, (table("t"), column("a")), None,
         [(AHEAD, "removed", "column", "public.t.b")]),
    "ahead of a pending view":
        ((*BASE, view("v")), BASE, (*BASE, view("v")), BASE, [(AHEAD, "added", "view", "public.v")]),
    "as the models have it, without a revision":
        ((*BASE, column("c")), BASE, None, (*BASE, column("c")),
         [(AHEAD, "added", "column", "public.t.c"), (MODEL, "added", "column", "public.t.c")]),
    "as the models have it, of another owner":
        ((*BASE, thing("table", "", "x", owner="dba")), BASE, None, (*BASE, table("x")),
         [(AHEAD, "added", "table", "public.x"), (MODEL, "added", "table", "public.x")]),
    "a table, not quite as the models have it":
        ((*BASE, table("x"), column("y", "text", "x")), BASE, None, (*BASE, table("x"), column("y", "integer", "x")),
         [(HAND, "added", "table", "public.x"), (MODEL, "added", "table", "public.x")]),
    "a view by hand, where no revision made one":
        ((*BASE, view("v")), BASE, None, None, [(UNMANAGED, "added", "view", "public.v")]),
    "a view by hand, where a revision made one":
        ((*BASE, view("v"), view("w")), (*BASE, view("w")), None, BASE, [(HAND, "added", "view", "public.v")]),
    "a view gone":
        (BASE, (*BASE, view("v")), None, BASE, [(HAND, "removed", "view", "public.v")]),
    "a trigger and a policy by hand":
        ((*BASE, thing("trigger", "t", "x", definition="d"), thing("policy", "t", "p", command="all")), BASE, None,
         None, [(UNMANAGED, "added", "policy", "public.t.p"), (UNMANAGED, "added", "trigger", "public.t.x")]),
    "a grant by hand":
        ((table("t", grants={"bob": ["SELECT"]}), *BASE[1:]), BASE, None, None,
         [(UNMANAGED, "added", "grant", "table public.t to bob")]),
    "a grant by hand, where a revision gave one":
        ((table("t", grants={"bob": ["SELECT"]}), *BASE[1:], view("v", grants={"eve": ["SELECT"]})),
         (*BASE, view("v", grants={"eve": ["SELECT"]})), None, BASE,
         [(HAND, "added", "grant", "table public.t to bob")]),
    "a right more than a revision gave":
        ((table("t", grants={"bob": ["INSERT", "SELECT"]}), *BASE[1:]), (table("t", grants={"bob": ["SELECT"]}),
         *BASE[1:]), None, BASE, [(HAND, "changed", "grant", "table public.t to bob")]),
    "another owner by hand":
        ((thing("table", "", "t", owner="eve"), *BASE[1:]), BASE, None, None,
         [(HAND, "changed", "owner", "table public.t")]),
    "a comment by hand, which models could say":
        ((table("t", comment="x"), *BASE[1:]), BASE, None, None, [(HAND, "added", "comment", "table public.t")]),
    "a comment by hand, which models cannot say":
        ((*BASE, view("v", comment="x")), (*BASE, view("v")), None, BASE,
         [(UNMANAGED, "added", "comment", "view public.v")]),
    "a schema by hand":
        ((*BASE, thing("schema", "", "s", "", owner="dba"), table("x", "s")), BASE, None, None,
         [(UNMANAGED, "added", "schema", "s")]),
    "two things, two causes":
        ((*BASE, view("v"), index("i")), BASE, None, None,
         [(HAND, "added", "index", "public.t.i"), (UNMANAGED, "added", "view", "public.v")]),
}

# What only the migrations have, and models cannot say.
UNSPEAKABLE = {
    "view":              view("v"),
    "function":          thing("function", "", "f()", definition="x", owner="app"),
    "trigger":           thing("trigger", "t", "x", definition="d"),
    "rule":              thing("rule", "t", "r", definition="d"),
    "policy":            thing("policy", "t", "p", command="all"),
    "statistics":        thing("statistics", "", "s", definition="d"),
    "extension":         thing("extension", "", "e", "", version="1"),
    "schema":            thing("schema", "", "s", "", owner="app"),
    "composite type":    thing("composite type", "", "c", attributes=["a text"]),
    "range type":        thing("range type", "", "r", range={}),
    "publication":       thing("publication", "", "p", "", insert=True),
    "event trigger":     thing("event trigger", "", "e", "", event="x"),
    "foreign server":    thing("foreign server", "", "s", "", wrapper="w"),
    "default privileges": thing("default privileges", "app", "tables", rights={}),
    "partition":         table("t_1", **{"partition of": "public.t", "bounds": "FOR VALUES IN (1)"}),
    "index of a view":   {**thing("materialized view", "", "m", definition="x"), **index("i", parent="m")},
}
FACETS = {  # properties of the table that models cannot say
    "grants":            {"grants": {"bob": ["SELECT"]}},
    "row security":      {"row security": "enabled"},
    "replica identity":  {"replica identity": "full"},
    "toast options":     {"toast options": ["x=1"]},
}
# fmt: on


def kinds_of(*sides: Catalog) -> frozenset[str]:
    kinds = {key.kind for one in sides for key in one.texts}
    texts = [text for one in sides for text in one.texts.values()]
    return frozenset(
        kinds | {kind for kind, word in (("grant", "grants"), ("comment", "comment")) if word in str(texts)}
    )


def judged(
    live: Catalog, current: Catalog | None, head: Catalog | None, models: Catalog | None, **more: object
) -> list[tuple[str, str, str, str]]:
    kinds = kinds_of(*(one for one in (current, head) if one is not None))
    found = judge(live=live, current=current, head=head, models=models, kinds_made=lambda: kinds, **more)  # type: ignore[arg-type]
    return sorted(_row(one) for one in found)


def _row(one: Judged) -> tuple[str, str, str, str]:
    return one.cause.value, one.difference.action, one.difference.kind, one.difference.object


@pytest.mark.parametrize("case", SIDES)
def test_whose_it_is(case: str) -> None:
    live, current, head, models, expected = SIDES[case]
    at = catalog(*current)
    end = at if head is None else catalog(*head)

    found = judged(at if live is None else catalog(*live), at, end, end if models is None else catalog(*models))

    assert found == sorted(expected)


@pytest.mark.parametrize("kind", UNSPEAKABLE)
def test_what_models_cannot_say_is_no_fault_of_theirs(kind: str) -> None:
    head = catalog(*BASE, UNSPEAKABLE[kind])

    assert judged(head, head, head, catalog(*BASE)) == []


@pytest.mark.parametrize("facet", FACETS)
def test_nor_are_properties_that_models_cannot_have(facet: str) -> None:
    head = catalog(table("t", **FACETS[facet]), *BASE[1:])

    assert judged(head, head, head, catalog(*BASE)) == []


# fmt: off
UNKNOWN = {  #                   current  head   models  what is still known
    "the live revision":         (False,   True,  True,   [MODEL]),
    "what is pending":           (True,    False, True,   [HAND]),
    "the models":                (True,    True,  False,  [HAND, PENDING]),
    "everything but live":       (False,   False, False,  []),
    "nothing":                   (True,    True,  True,   [HAND, MODEL, PENDING]),
}
# fmt: on


@pytest.mark.parametrize("case", UNKNOWN)
def test_what_is_known_is_judged_where_something_is_not(case: str) -> None:
    current, head, models, causes = UNKNOWN[case]
    live = catalog(*BASE, column("by_hand"))
    at, end = catalog(*BASE), catalog(*BASE, column("coming"))
    wanted = catalog(*BASE, column("coming"), column("wanted"))

    found = judged(live, at if current else None, end if head else None, wanted if models else None)

    assert [cause for cause, *_ in found] == causes


# fmt: off
REFUSED = {  #                       what was lost                              the kinds still reported as missing
    "nothing":                       (None,                                     ["foreign key", "index", "table"]),
    "another table of that name":    (Key("table", "other", "", "x"),           ["foreign key", "index", "table"]),
    "a table":                       (Key("table", "public", "", "x"),          ["foreign key", "index"]),
    "an index":                      (Key("index", "public", "t", "i"),         ["foreign key", "table"]),
    "an index called like a table":  (Key("index", "public", "t", "x"),         ["foreign key", "index", "table"]),
    "a constraint without a name":   (Key("foreign key", "public", "t", "*"),   ["index", "table"]),
}
# fmt: on


@pytest.mark.parametrize("case", REFUSED)
def test_what_could_not_be_built_is_not_missed(case: str) -> None:
    lost, expected = REFUSED[case]
    refused = Refused(object="something", why="", keys=(lost,) if lost else ())
    end = catalog(
        *BASE, table("x"), column("y", parent="x"), index("i"), thing("foreign key", "t", "t_a_fkey", definition="d")
    )

    found = judged(end, end, end, catalog(*BASE), without=refused.covers)

    assert sorted(kind for _, _, kind, _ in found) == expected


# fmt: off
SEQUENCE = thing("sequence", "", "s", type="bigint")
MOOD = thing("enum", "", "s", labels=["a"])
OWNED = thing("sequence", "", "s", **{"type": "bigint", "owned by": "public.t.c"})
HOSTILE = "it's \"s\""

OF_A_COLUMN = {  #                       what revisions did, one after the other                    of a column?
    "a sequence by itself":              ([SEQUENCE],                                               False),
    "a sequence that a column owns":     ([OWNED],                                                  True),
    "one that a column owned once":      ([OWNED, SEQUENCE],                                        True),
    "one of which a column takes its values":
        ([SEQUENCE, column("c", default="nextval('public.s'::regclass)")],                          True),
    "one of which a column took them":
        ([SEQUENCE, column("c", default="nextval('public.s'::regclass)"), {Key("column", "public", "t", "c"): None}],
                                                                                                    True),
    "one that a column's default only names": ([SEQUENCE, column("c", default="'public.s'::text")], False),
    "another's values":
        ([SEQUENCE, column("c", default="nextval('public.s2'::regclass)")],                         False),
    "a type by itself":                  ([MOOD, column("c")],                                      False),
    "a column's type":                   ([MOOD, column("c", "public.s")],                          True),
    "a column's type, in an array":      ([MOOD, column("c", "public.s[]")],                        True),
    "a type whose column is gone":       ([MOOD, column("c", "public.s"), column("c", "text")],     True),
    "another type of that name":         ([MOOD, column("c", "other.s")],                           False),
    "a view's column":                   ([MOOD, thing("view", "", "v", columns=["public.s"])],     False),
    "a type with a difficult name":
        ([thing("enum", "", HOSTILE, labels=[]), column("c", 'public."it\'s ""s"""')],             True),
    "a sequence with a difficult name":
        ([thing("sequence", "", HOSTILE), column("c", default="nextval('public.\"it''s \"\"s\"\"\"'::regclass)")],
                                                                                                    True),
}
# fmt: on


@pytest.mark.parametrize("case", OF_A_COLUMN)
def test_of_what_is_no_columns_models_need_not_speak(case: str) -> None:
    touched, is_of_a_column = OF_A_COLUMN[case]
    (key,) = touched[0]
    film = Film(base=catalog(*BASE).texts, touched=tuple(touched))
    replayed = Replay(server_version=180000, revisions="a" * len(touched), current=0, film=lambda: film)
    head = catalog(*BASE, touched[0])

    found = judged(head, head, head, catalog(*BASE), is_of_a_column=replayed.is_of_a_column)

    assert found == ([(MODEL, "removed", key.kind, str(key))] if is_of_a_column else [])


def test_what_models_say_of_it_counts_all_the_same() -> None:
    head, models = catalog(*BASE, SEQUENCE), catalog(*BASE, thing("sequence", "", "s", type="integer"))

    assert judged(head, head, head, models, is_of_a_column=lambda key: False) == [
        (MODEL, "changed", "sequence", "public.s")
    ]
    assert judged(catalog(*BASE), catalog(*BASE), catalog(*BASE), head, is_of_a_column=lambda key: False) == [
        (MODEL, "added", "sequence", "public.s")
    ]


def test_dropping_it_by_hand_is_by_hand_though_models_have_none() -> None:
    head = catalog(*BASE, SEQUENCE)

    assert judged(catalog(*BASE), head, head, catalog(*BASE), is_of_a_column=lambda key: False) == [
        (HAND, "removed", "sequence", "public.s")
    ]


def test_a_schema_that_the_project_does_not_look_at_is_unmanaged() -> None:
    at = catalog(*BASE, thing("schema", "", "made", "", owner="app"))
    live = catalog(*BASE, thing("schema", "", "made", "", owner="app"), table("x", "theirs"))

    assert judged(live, at, at, catalog(*BASE)) == [(HAND, "added", "table", "theirs.x")]
    assert judged(live, at, at, catalog(*BASE), is_elsewhere=lambda key: key.schema == "theirs") == [
        (UNMANAGED, "added", "table", "theirs.x")
    ]


def test_sides_that_are_equal_are_not_compared() -> None:
    at = catalog(*BASE)

    def never(first: Catalog, second: Catalog) -> tuple[()]:
        assert first is second, "asked for a difference that nobody needs"
        return ()

    assert judged(at, at, at, at, differ=never) == []
