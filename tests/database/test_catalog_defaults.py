"""Defaults: what is the same constant reads the same in a catalog, and nothing else does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Any

import psycopg2
import pytest

from ops import embedded
from ops.catalog import Key, properties
from tests.database import catalogs

TYPES = "CREATE DOMAIN public.price AS numeric(10, 2); CREATE DOMAIN public.word AS varchar(5)"

# Per type, groups of defaults: those of one group are the same, those of two are not.
# fmt: off
DEFAULTS: Mapping[str, Sequence[Sequence[str]]] = {
    "smallint": [
        ["0", "'0'", "0::smallint", "'0'::smallint", "0::bigint", "'0'::numeric", "(((0)))"],
        ["-1", "'-1'", "(-1)", "'-1'::bigint", "'-1'::numeric"],
        ["-1::smallint"],                                # the sign of a cast, and no cast of a sign
        ["99999", "99999::smallint"],                    # refused, either way
        ["2.5"], ["2.5::float8"],                        # rounded up, and rounded to what is even
    ],
    "integer": [
        ["0", "'0'", "00", "'0'::int", "0::bigint", "'0'::smallint", "0::numeric"],
        ["1", "'1'"],
        ["'0'::text::int"],
        ["-1", "'-1'", "'-1'::integer"],
        ["2.5", "'2.5'::numeric", "2.5::int"], ["2.5::float8"],
        ["nextval('public.numbers')"],
    ],
    "bigint": [
        ["0", "'0'", "0::int", "0::bigint", "'0'::int", "0::numeric"],
        ["9999999999", "'9999999999'", "'9999999999'::numeric"],
        ["-9999999999", "'-9999999999'"],
    ],
    "numeric": [
        ["0", "'0'", "0::numeric", "'0'::int", "0::bigint", "0::smallint", "'0'::numeric"],
        ["0.0", "'0.0'"], ["0.00", "'0.00'"], ["0::numeric(10,2)"],
        ["1000", "'1000'", "1e3", "'1e3'"],
        ["-1.5", "'-1.5'"],
        ["0.123456789", "'0.123456789'"], ["0.123456789::real"], ["'0.123456789'::real"],
        ["'NaN'"],
    ],
    "numeric(10,2)": [
        ["0", "'0'", "0::numeric", "0::numeric(10,2)", "'0'::numeric(10,2)"],
        ["0.00", "'0.00'"],                              # the same once it is stored, and written with more digits
        ["1.005", "'1.005'", "'1.005'::numeric"], ["'1.005'::real"],
        ["-1.5", "'-1.5'"],
    ],
    "real": [
        ["0", "'0'", "0::real", "0::numeric"],
        ["1.5", "'1.5'", "1.5::real", "'1.5'::numeric"],
        ["0.1", "'0.1'", "0.1::real"], ["0.1::float8"],
        ["-1.5", "'-1.5'"],
        ["'-0'"],
    ],
    "double precision": [
        ["0", "'0'", "0::float8", "0::bigint"],
        ["1.5", "'1.5'", "1.5::float8", "'1.5'::numeric"],
        ["0.1", "'0.1'"], ["0.1::real"],
        ["16777217", "'16777217'"], ["16777217::real"],
    ],
    "boolean": [["true", "'true'", "'t'", "'t'::boolean", "'1'", "'yes'"], ["false", "'f'"]],
    "text": [
        ["'x'", "'x'::text", "'x'::varchar"],
        ["'it''s'", "'it''s'::varchar"],
        [r"'a\b'", r"'a\b'::varchar"],
        ["'x '", "'x '::varchar"], ["'x '::bpchar"],
        ["'long'::varchar(2)"], ["'lo'"],
        ["'x'::text || ''"], ["('x' || 'y')::varchar"],
        ["''", "''::varchar"], ["NULL::text"],
        ["'a'' as text'", "'a'' as text'::varchar"],
    ],
    "varchar": [["'x'", "'x'::text", "'x'::varchar"], ["'x'::bpchar"], ["'x'::varchar(5)"]],
    "varchar(5)": [
        ["'x'", "'x'::text", "'x'::varchar", "'x'::varchar(5)"],
        ["'fiver'", "'fiver'::varchar(5)", "'fiver'::text"],
        ["'longer'", "'longer'::text"], ["'longer'::varchar(5)"],   # refused, and cut
        ["'x'::varchar(3)"],
    ],
    "char(3)": [
        ["'x'", "'x'::text", "'x'::varchar", "'x'::bpchar", "'x'::char(3)"],
        ["'x '", "'x '::text"],
        ["'four'"], ["'four'::char(3)"],
    ],
    "public.price": [["0", "'0'", "0::numeric", "'0'::numeric(10,2)"], ["0.00"]],
    "public.word": [["'x'", "'x'::text", "'x'::varchar(5)"], ["'longer'"], ["'longer'::varchar(5)"]],
    "date": [["'2020-01-01'", "date '2020-01-01'", "'1 Jan 2020'"], ["'2020-01-01'::timestamp"], ["CURRENT_DATE"]],
    "jsonb": [["'{}'", "'{}'::jsonb", "'{ }'"], ["'{}'::json"]],
    "text[]": [["'{}'", "'{}'::text[]"], ["ARRAY[]::text[]"]],
}
# fmt: on


Told = Mapping[str, Mapping[str, tuple[str | None, str]]]


@pytest.fixture(scope="module", params=["server", "server16", "system_server"])
def told(request: pytest.FixtureRequest) -> Told:
    """Per type, for every default: how it is read, and what the server stores."""
    server: embedded.Server = request.getfixturevalue(request.param)
    columns = {
        (f"t{i}", f"c{j}"): (type_, one)
        for i, (type_, groups) in enumerate(DEFAULTS.items())
        for j, one in enumerate(one for group in groups for one in group)
    }
    listed = {
        table: ", ".join(
            f"{name} {type_} DEFAULT {one}" for (where, name), (type_, one) in columns.items() if where == table
        )
        for table, _ in columns
    }
    tables = (f"CREATE TABLE {table} ({text})" for table, text in listed.items())
    found: dict[str, dict[str, tuple[str | None, str]]] = {type_: {} for type_ in DEFAULTS}
    with catalogs.database(server, f"CREATE SEQUENCE numbers; {TYPES}", *tables) as database:
        catalog = catalogs.read(server, database)
        with closing(catalogs.connect(server, database)) as connection:
            for (table, name), (type_, one) in columns.items():
                read = properties(catalog.texts[Key("column", "public", table, name)]).get("default")
                found[type_][one] = read, _stored(connection, f"{type_} DEFAULT {one}")
    return found


@pytest.mark.parametrize("type_", DEFAULTS)
def test_the_same_constant_reads_the_same(type_: str, told: Told) -> None:
    groups: dict[str | None, set[str]] = {}

    for default, (read, _) in told[type_].items():
        groups.setdefault(read, set()).add(default)

    assert set(map(frozenset, groups.values())) == set(map(frozenset, DEFAULTS[type_]))
    for group in groups.values():
        assert len({told[type_][one][1] for one in group}) == 1  # the server itself makes the same of them


def _stored(connection: Any, column: str) -> str:
    """What the server makes of a default when a row is inserted, or the error with which it refuses."""
    try:
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE TEMP TABLE o (v {column}); INSERT INTO o DEFAULT VALUES; SELECT v::text FROM o")
            return str(cursor.fetchone())
    except psycopg2.Error as error:
        return type(error).__name__
    finally:
        connection.rollback()
