"""Names in SQL: quoted, told from literals and bodies, and replaced."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.catalog import names

QUOTED = {
    "plain": "plain", "with_1": "with_1", "_x": "_x", "1x": '"1x"', "Upper": '"Upper"', "a b": '"a b"', "": '""',
    'q"q': '"q""q"', "select": '"select"', "integer": '"integer"', "between": '"between"', "name": "name",
        "type": "type",
    "a$b": '"a$b"', "é": '"é"', "a.b": '"a.b"', "x\n": '"x\n"', "user": '"user"', "value": "value", "json": '"json"',
}  # fmt: skip


@pytest.mark.parametrize(("name", "wanted"), QUOTED.items(), ids=repr)
def test_quoted(name: str, wanted: str) -> None:
    assert names.quoted(name) == wanted


ANY = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=12)
HOSTILE = ANY | st.text("\"'().,$ aA\\", min_size=1, max_size=12)


@given(st.lists(HOSTILE, min_size=1, max_size=3))
def test_a_path_is_what_was_quoted(parts: list[str]) -> None:
    assert names.path(".".join(map(names.quoted, parts))) == tuple(parts)


@given(HOSTILE, st.lists(st.tuples(HOSTILE, HOSTILE), max_size=3))
def test_a_routine_is_parted_from_its_types(name: str, types: list[tuple[str, str]]) -> None:
    arguments = ", ".join(f"{names.quoted(schema)}.{names.quoted(one)}[]" for schema, one in types)

    assert names.routine(f"{name}({arguments})") == (name, arguments)


MENTIONED = {
    "a > 0": True,
    "(t.a > 0)": True,
    '("a" > 0)': True,
    "('a'::text = b)": False,
    "ab > a_b": False,
    '("A" > 0)': False,
    "CHECK ((b = 'it''s a'::text))": False,
    "nextval('a'::regclass)": True,
    "f(a)": True,
    "SELECT $$ a $$": False,
    "AS $function$ a $function$ b": False,
    "": False,
}


@pytest.mark.parametrize(("text", "wanted"), MENTIONED.items(), ids=MENTIONED)
def test_mentions(text: str, wanted: bool) -> None:
    assert names.mentions(text, "a") is wanted


ALIGNED = {
    "nothing differs": ("SELECT x", "SELECT x", True),
    "a name": ("SELECT old FROM t", "SELECT new FROM t", True),
    "one place of two": ("SELECT old, old FROM t", "SELECT old, new FROM t", True),
    "another name": ("SELECT old FROM t", "SELECT other FROM t", False),
    "in a literal": ("SELECT 'old'", "SELECT 'new'", False),
    "in a body": ("AS $$ old $$", "AS $$ new $$", False),
    "in a sequence's name": ("nextval('s.old'::regclass)", "nextval('s.new'::regclass)", False),
    "with an alias": ("SELECT t.old FROM t", "SELECT t.new AS old FROM t", True),
    "alone with an alias": ("SELECT old FROM t", "SELECT new AS old FROM t", True),
    "under another alias": ("SELECT old FROM t", "SELECT new AS other FROM t", False),
    "more text": ("SELECT old FROM t", "SELECT new FROM t WHERE x", False),
    "quoted": ('SELECT "old" FROM t', "SELECT new FROM t", True),
}


@pytest.mark.parametrize(("one", "other", "wanted"), ALIGNED.values(), ids=ALIGNED)
def test_aligned(one: str, other: str, wanted: bool) -> None:
    def same(a: names.Path, b: names.Path) -> bool:
        return (a, b) in [(("old",), ("new",)), (("t", "old"), ("t", "new"))]

    assert names.aligned(one, other, same, {("old", "new")}) is wanted


WITHOUT_CASTS = {
    "((a)::text = ANY ((ARRAY['x'::character varying, 'y'::character varying])::text[]))": "a=ANYARRAY['x','y']",
    "(a = ANY (ARRAY['x'::text, 'y'::text]))": "a=ANYARRAY['x','y']",
    "(a > (0)::numeric(10,2))": "a>0",
    "(a > '2020-01-01 00:00:00+00'::timestamp with time zone)": "a>'2020-01-01 00:00:00+00'",
    "(a > '2020-01-01'::timestamp without time zone)": "a>'2020-01-01'",
    "(a = 'x::y'::s.mood)": "a='x::y'",
}


@pytest.mark.parametrize(("text", "wanted"), WITHOUT_CASTS.items(), ids=WITHOUT_CASTS)
def test_without_casts(text: str, wanted: str) -> None:
    assert names.without_casts(text) == wanted


def test_relabelled() -> None:
    text = "((m = 'ok'::s.mood) OR (n = 'ok'::s.other) OR (o = 'ok'::text))"

    assert names.relabelled(text, ("s", "mood"), {"ok": "it's"}) == text.replace("'ok'::s.mood", "'it''s'::s.mood")
