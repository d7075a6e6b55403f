"""Statements as commands: what they do, to what, and what can be asked of them."""

from __future__ import annotations

import re
from dataclasses import fields
from typing import Any

import pytest

from ops import commands
from ops.commands import Command
from tests.unit import statements
from tests.unit.statements import a


def shown(command: Command) -> dict[str, Any]:
    """What is set in a command, its options as words in their order."""
    values = {one.name: getattr(command, one.name) for one in fields(command)}
    values["options"] = " · ".join(sorted(command.options))
    return {name: value for name, value in values.items() if value}


@pytest.mark.parametrize(("sql", "expected"), statements.ALL.values(), ids=statements.ALL)
def test_what_a_statement_does(sql: str, expected: list[dict[str, Any]]) -> None:
    found = commands.parse(sql)

    assert [shown(one) for one in found] == expected


def test_every_word_of_the_docstring_is_read_from_some_statement() -> None:
    words = (Command.__doc__ or "").partition("`verb` is one of")[2].partition("- RENAME, DROP or CREATE")[0]
    words = words.replace("ENABLE, DISABLE, FORCE and NO FORCE ROW SECURITY", "ENABLE ROW SECURITY")
    listed = {" ".join(one.split()) for one in re.split(r"[,;]|\n\s*-", words)} - {""}

    read = {one["verb"] for _, expected in statements.ALL.values() for one in expected}

    assert len(listed) > 90
    assert listed - read == set()


# fmt: off
TYPES = {
    "int4": "integer", "int": "integer", "bigint": "bigint", "float": "double precision", "real": "real",
    "decimal(5)": "numeric(5)", "numeric": "numeric", "varchar": "character varying", "text": "text",
    "varchar(5)": "character varying(5)", "char": "character(1)", "char(3)": "character(3)", '"char"': '"char"',
    "bpchar": "bpchar", "bool": "boolean", "timestamptz": "timestamp with time zone",
    "timestamp(3)": "timestamp(3) without time zone", "time with time zone": "time with time zone",
    "bit(3)": "bit(3)", "bit varying": "bit varying", "interval": "interval", "interval(3)": "interval(3)",
    "interval year to month": "interval year to month", "int[3][]": "integer[]", "int ARRAY": "integer[]",
    "date": "date", "jsonb": "jsonb", "s.mood": "s.mood", '"S"."Mood x"': '"S"."Mood x"', "citext(3)": "citext(3)",
    "pg_catalog.int8": "bigint", "pg_catalog.varchar(3)": "character varying(3)", "serial": "serial",
    "serial8": "bigserial",
}
# fmt: on


@pytest.mark.parametrize(("written", "expected"), TYPES.items(), ids=TYPES)
def test_types_are_as_the_server_writes_them(written: str, expected: str) -> None:
    (found,) = commands.parse(f"ALTER TABLE t ADD c {written}")

    assert found.type == expected


def test_a_missing_schema_is_looked_up() -> None:
    asked: list[str] = []

    def resolve(name: str) -> str:
        asked.append(name)
        return {"t": "public", "p": "shop"}.get(name, "")

    key, drop = commands.parse("ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES p; DROP TABLE q, s.t", resolve=resolve)

    assert (key.schema, key.references) == ("public", ("shop", "p", ()))
    assert drop.objects == (("", "q"), ("s", "t"))
    assert asked == ["t", "p", "q"]


# fmt: off
QUESTIONS = {  #                                                            data   reads  rows
    "a query":                 ("SELECT a, count(*) FROM t GROUP BY 1",     True,  True,  True),
    "a catalog's function":    ("SELECT pg_catalog.version()",              True,  True,  True),
    "an unknown function":     ("SELECT cleanup()",                         True,  False, True),
    "a sequence moved":        ("SELECT setval('s', 5)",                    True,  False, True),
    "another schema's count":  ("SELECT s.count(*) FROM t",                 True,  False, True),
    "rows locked":             ("SELECT FROM t FOR SHARE",                  True,  False, True),
    "a query that writes":     ("WITH x AS (DELETE FROM t) SELECT 1",       True,  False, True),
    "an insert":               ("INSERT INTO t VALUES (1)",                 True,  False, False),
    "an insert that gives":    ("INSERT INTO t VALUES (1) RETURNING a",     True,  False, True),
    "an update":               ("UPDATE t SET a = 1",                       True,  False, False),
    "copied in":               ("COPY t FROM STDIN",                        True,  False, False),
    "copied out":              ("COPY t TO STDOUT",                         True,  True,  False),
    "copied to a program":     ("COPY t TO PROGRAM 'rm x'",                 True,  False, False),
    "explained":               ("EXPLAIN DELETE FROM t",                    False, True,  True),
    "explained by doing":      ("EXPLAIN ANALYZE DELETE FROM t",            False, False, True),
    "shown":                   ("SHOW lock_timeout",                        False, True,  True),
    "a query into a table":    ("SELECT * INTO u FROM t",                   False, False, False),
    "a change":                ("ALTER TABLE t ADD a int",                  False, False, False),
    "code":                    ("DO 'BEGIN END'",                           False, False, False),
    "no SQL":                  ("fnord",                                    False, False, False),
    "nothing":                 ("",                                         False, False, False),
}
# fmt: on


@pytest.mark.parametrize(("sql", "data", "reads", "rows"), QUESTIONS.values(), ids=QUESTIONS)
def test_questions(sql: str, data: bool, reads: bool, rows: bool) -> None:
    found = commands.parse(sql)

    answers = commands.is_data_only(found), commands.reads_only(found), commands.returns_rows(found)

    assert answers == (data, reads, rows)


def test_a_command_shows_what_is_set() -> None:
    assert repr(Command(**a("ADD COLUMN", "t", columns=("c",)))) == (
        "Command(verb='ADD COLUMN', name='t', columns=('c',))"
    )
