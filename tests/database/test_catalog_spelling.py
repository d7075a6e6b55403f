"""Expressions: one that is read again, as after a dump, reads the same in a catalog; another expression does not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from ops import embedded
from ops.catalog import Catalog, Key, properties, snapshot
from ops.catalog.spelling import as_restored
from tests.database import catalogs

TABLE = """
CREATE DOMAIN public.word AS varchar(9);
CREATE TABLE public.t (a int, b int, big bigint, s varchar(20), c char(4), word public.word, n numeric, t text,
                       "s) AND (" varchar);
"""

# fmt: off
EXPRESSIONS = {
    "one of some":                  "s IN ('a', 'b')",
    "none of some":                 "s NOT IN ('a', 'it''s ], (b)')",
    "perhaps NULL":                 "s IN ('a', NULL)",
    "of a domain":                  "word IN ('a', 'b')",
    "of a column with a hard name": "\"s) AND (\" IN ('a', 'b') AND a BETWEEN 1 AND 2 AND b > 0",
    "with a backslash":             r"s IN (E'a\\', 'b')",
    "of another type":              "big IN (1, 2) OR n IN (1, 2.5) OR c IN ('a', 'b') OR t IN ('a', 'b')",
    "between, and":                 "a BETWEEN 1 AND 5 AND b > 0",
    "and, between":                 "b > 0 AND a BETWEEN 1 AND 5",
    "not between, or":              "a NOT BETWEEN 1 AND 5 OR b > 0",
    "between and between":          "a BETWEEN 1 AND 5 AND b BETWEEN 1 AND 5 AND s IN ('a', 'b')",
    "or, in and":                   "(a = 1 OR b = 1) AND (a = 2 OR b = 2)",
    "not all":                      "NOT (a BETWEEN 1 AND 5 AND b > 0)",
    "in a CASE":                    "CASE WHEN a BETWEEN 1 AND 5 AND b > 0 THEN s IN ('a', 'b') ELSE false END",
    "like an operator":             "s = '((a AND b) AND c)' OR s = '(ARRAY[''x''::character varying])::text[]'",
}
# fmt: on

PLACES = {
    "a check": "ALTER TABLE public.t ADD CONSTRAINT x CHECK ({})",
    "an index": "CREATE INDEX x ON public.t (a) WHERE {}",
    "a view": "CREATE VIEW public.x AS SELECT a FROM public.t WHERE {}",
    "a generated column": "ALTER TABLE public.t ADD x bool GENERATED ALWAYS AS ({}) STORED",
    "a policy": "CREATE POLICY x ON public.t USING ({})",
}
DEFINITIONS = {"a generated column": ("column", "generated"), "a policy": ("policy", "using")}


@pytest.fixture(scope="module")
def connection(server: embedded.Server) -> Iterator[Any]:
    with catalogs.database(server, TABLE) as name, closing(catalogs.connect(server, name)) as made:
        yield made


def made(connection: Any, *statements: str) -> Catalog:
    """The catalog after some statements, which are undone again."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("; ".join(statements))
            return snapshot.within(cursor)
    finally:
        connection.rollback()


@pytest.mark.parametrize("expression", EXPRESSIONS.values(), ids=EXPRESSIONS)
def test_an_expression_that_is_read_again_is_the_same(connection: Any, expression: str) -> None:
    first = made(connection, PLACES["a check"].format(expression))
    key = Key("check", "public", "t", "x")
    definition = properties(first.texts[key])["definition"]

    again = made(connection, f"ALTER TABLE public.t ADD CONSTRAINT x {definition}")

    assert again.texts[key] == first.texts[key]
    other = made(connection, PLACES["a check"].format(f"NOT ({expression})"))
    assert other.texts[key] != first.texts[key]


@pytest.mark.parametrize("place", PLACES)
def test_wherever_expressions_stand(connection: Any, place: str) -> None:
    whole = "s IN ('a', 'b') AND (a BETWEEN 1 AND 5 AND b > 0)"
    kind, name = DEFINITIONS.get(place, ("", "definition"))
    first = made(connection, PLACES[place].format(whole))
    (key,) = (one for one in first.texts if one.name == "x" and kind in ("", one.kind))
    said = properties(first.texts[key])[name]

    assert "ARRAY[('a'::character varying)::text, ('b'::character varying)::text]" in said
    assert "((a >= 1) AND (a <= 5) AND (b > 0))" in said


def test_what_somebody_wrote_himself_stays() -> None:
    ours = "CHECK (((s)::text = ANY ((ARRAY['a'::character varying])::text[])))"
    said = f'{{"definition" : "{ours}", "comment" : "once \\"{ours}\\""}}'

    assert as_restored("check", said) == said.replace(
        "(ARRAY['a'::character varying])::text[]", "ARRAY[('a'::character varying)::text]", 1
    )
    assert as_restored("function", said) == said
