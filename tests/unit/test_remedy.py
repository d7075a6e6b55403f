"""Remedies as text: how things are written, and in which order. What servers say to them: tests/database."""

from __future__ import annotations

import ast
import json

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from ops.catalog import Catalog, Key, diff
from ops.remedy import remedy, script, words
from ops.remedy.alembic_types import needs_using, sqlalchemy_type
from ops.remedy.side import Side
from ops.remedy.steps import Phase, Step, ordered
from ops.remedy.views import _replaceable

TEXTS = {
    "plain": "SELECT 1",
    "a bind parameter": "SELECT :name",
    "a cast": "SELECT 'a'::text",
    "a colon after a backslash": "SELECT E'a\\:b \\\\:c'",
    "percent signs": "SELECT '100% %s %(a)s %%'",
    "quotes of all kinds": "SELECT 'it''s', \"x\", $$ '''\"\"\" $$",
    "several lines": "CREATE FUNCTION f()\n AS $$\n\tBEGIN :a\n\n  END $$",
    "signs that do not show": "SELECT '\x01\u2028\r\n\x85'",
}


@pytest.mark.parametrize("sql", TEXTS.values(), ids=TEXTS)
def test_statements_survive_python_and_sqlalchemy(sql: str) -> None:
    class Op:
        def execute(self, statement: str) -> None:
            self.seen = sa.text(statement).compile(dialect=postgresql.dialect(paramstyle="named"))

    op = Op()

    for source in (words.execute(sql), words.indented(words.execute(sql))):
        exec("if True:\n    pass\n" + (source if source[0] != " " else "if True:\n" + source), {"op": op})
        assert str(op.seen) == sql
        assert not op.seen.params


# fmt: off
CASTS = {  #                                     before                         after                        using
    "a longer text":                            ("character varying(5)",        "character varying(9)",      False),
    "anything to text":                         ("jsonb",                       "text",                      False),
    "a narrower number":                        ("bigint",                      "smallint",                  False),
    "text to a number":                         ("text",                        "integer",                   True),
    "a number to a truth":                      ("integer",                     "boolean",                   True),
    "with and without time zone":               ("timestamp without time zone", "timestamp with time zone",  False),
    "a time to a number":                       ("date",                        "integer",                   True),
    "an enum to another":                       ("app.a",                       "app.b",                     True),
    "lists as their elements":                  ("integer[]",                   "bigint[]",                  False),
    "lists of text to lists of numbers":        ("text[]",                      "integer[]",                 True),
}
# fmt: on


@pytest.mark.parametrize(("before", "after", "using"), CASTS.values(), ids=CASTS)
def test_using(before: str, after: str, using: bool) -> None:
    assert needs_using(before, after) is using


# fmt: off
TYPES = {
    "integer":                        "sa.Integer()",
    "character varying(50)":          "sa.String(length=50)",
    "numeric(10,2)":                  "sa.Numeric(precision=10, scale=2)",
    "timestamp with time zone":       "sa.DateTime(timezone=True)",
    "timestamp(3) without time zone": "postgresql.TIMESTAMP(precision=3)",
    "jsonb":                          "postgresql.JSONB()",
    "text[]":                         "postgresql.ARRAY(sa.Text())",
    "app.mood":                       'postgresql.ENUM(name="mood", schema="app", create_type=False)',
    "app.other":                      None,
    "bit(3)":                         None,
}
# fmt: on


@pytest.mark.parametrize("text", TYPES)
def test_types_are_compiled_to_what_they_were(text: str) -> None:
    side = Side(catalog({Key("enum", "app", "", "mood"): {"labels": ["a"]}}))

    found = sqlalchemy_type(text, side)

    assert found == TYPES[text]
    if found:
        names = {"sa": sa, "postgresql": postgresql}
        type_ = eval(found, names)
        spoken = type_.compile(dialect=postgresql.dialect()).lower()
        assert spoken.replace("varchar", "character varying").replace(", ", ",") == text


BASE = " SELECT id,\n    name\n   FROM public.users\n  WHERE id > 1;"
VIEWS = {
    "another condition": (BASE.replace("> 1", "> 2"), True),
    "a column more at the end": (BASE.replace("name\n", "name,\n    email\n"), True),
    "a column less": (BASE.replace(",\n    name", ""), False),
    "a column computed otherwise": (BASE.replace("name\n", "upper(name) AS name\n"), False),
    "from another table": (BASE.replace("public.users", "public.people users"), False),
    "a union": (BASE.rstrip(";") + "\nUNION\n SELECT 1, 'x';", False),
}


@pytest.mark.parametrize(("after", "replaceable"), VIEWS.values(), ids=VIEWS)
def test_views_replaced_in_place(after: str, replaceable: bool) -> None:
    assert _replaceable(BASE, after) is replaceable


def test_the_order_is_by_phase_and_then_by_who_needs_whom() -> None:
    steps = [
        Step(phase=Phase.VIEW, sql="CREATE VIEW a.one AS SELECT * FROM a.two", provides=("a.one",)),
        Step(phase=Phase.VIEW, sql="CREATE VIEW a.two AS SELECT * FROM a.three", provides=("a.two",)),
        Step(phase=Phase.TABLE, sql="CREATE TABLE a.three ()", provides=("a.three",)),
        Step(phase=Phase.DROP_TABLE, sql="DROP TABLE a.three", frees=("a.three",)),
        Step(phase=Phase.DROP_VIEW, sql="DROP VIEW a.four", frees=("a.four",), uses=frozenset({"a.five"})),
        Step(phase=Phase.DROP_VIEW, sql="DROP VIEW a.five", frees=("a.five",), uses=frozenset({"a.six"})),
    ]

    assert [step.sql.partition(" AS ")[0] for step in ordered(steps[::-1])] == [
        "DROP VIEW a.four",
        "DROP VIEW a.five",
        "DROP TABLE a.three",
        "CREATE TABLE a.three ()",
        "CREATE VIEW a.two",
        "CREATE VIEW a.one",
    ]


def test_functions_that_only_speak_of_each_other_stand_in_nobodys_way() -> None:
    body = "CREATE FUNCTION a.{}() RETURNS int LANGUAGE sql\nAS $function$ SELECT a.{}() $function$"
    steps = [
        Step(phase=Phase.ROUTINE, sql=body.format(one, other), provides=(f"a.{one}",), soft=True)
        for one, other in (("f", "g"), ("g", "f"))
    ]

    assert len(ordered(steps)) == 2


def catalog(objects: dict[Key, dict[str, object]], version: int = 180000) -> Catalog:
    texts = {key: json.dumps(own) for key, own in objects.items()}
    return Catalog(database="d", server_version=version, texts=texts)


TABLE = Key("table", "public", "", "t")
COLUMN = Key("column", "public", "t", "c")


def table(**column: object) -> dict[Key, dict[str, object]]:
    return {TABLE: {"persistence": "permanent"}, COLUMN: {"type": "integer", **column}}


def test_a_dropped_table_says_what_is_lost() -> None:
    first, second = catalog(table()), catalog({})
    (difference,) = diff(first, second)

    found = remedy(difference, first, second)

    assert found.sql == ("DROP TABLE public.t",)
    assert found.alembic == 'op.drop_table("t", schema="public")'
    assert found.complete
    assert found.loses == "the rows of public.t"


def test_a_conversion_is_said() -> None:
    first, second = catalog(table(type="text")), catalog(table())

    found = script(diff(first, second), first, second)

    assert found.sql == ("ALTER TABLE public.t ALTER COLUMN c TYPE integer USING c::integer",)
    assert "can fail" in found.why
    assert found.complete
    assert ast.parse(found.alembic)


@pytest.mark.parametrize(("version", "statements"), ((160000, 2), (170000, 1)))
def test_expressions_are_altered_where_the_server_can(version: int, statements: int) -> None:
    first = catalog(table(generated="stored (a + 1)"), version)
    second = catalog(table(generated="stored (a + 2)"), version)

    found = script(diff(first, second), first, second)

    assert len(found.sql) == statements
    assert not found.loses


def test_a_renamed_label_is_only_probable() -> None:
    enum = Key("enum", "public", "", "e")
    first, second = catalog({enum: {"labels": ["a", "b"]}}), catalog({enum: {"labels": ["a", "c"]}})

    found = script(diff(first, second), first, second)

    assert found.sql == ("ALTER TYPE public.e RENAME VALUE 'b' TO 'c'",)
    assert "likely" in found.why


def test_nothing_to_do() -> None:
    one = catalog(table())

    found = script((), one, one)

    assert (found.sql, found.alembic, found.complete) == ((), "pass", True)
