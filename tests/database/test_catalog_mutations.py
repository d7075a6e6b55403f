"""Every row of the table of mutations, on real servers: told alone, told exactly, and the same backwards."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ops import embedded
from ops.catalog import Catalog, diff
from ops.catalog.queries import KINDS
from tests.database import catalogs
from tests.database.mutations import BASE, MUTATIONS, PATH, TABLE, Mutation

# Other majors differ in a few rows only: a part of the table quickly, the whole of it with the heavy tests.
EVERY = 5
SYSTEM = max((int(path.parents[1].name) for path in Path("/usr/lib/postgresql").glob("*/bin/postgres")), default=15)


def rows(major: int, *extensions: str, every: int = 1) -> list[object]:
    """The rows for a server, each with its sentence."""
    fitting = [one for one in MUTATIONS if one.since <= major <= one.until and one.needs in ("", *extensions)]
    return [
        pytest.param(one, marks=pytest.mark.heavy if number % every else (), id=one.id)
        for number, one in enumerate(fitting)
    ]


@pytest.fixture(scope="module")
def bench(server: embedded.Server) -> Iterator[catalogs.Bench]:
    with catalogs.database(server, BASE) as name:
        yield catalogs.Bench(server, name)


@pytest.fixture(scope="module")
def bench16(server16: embedded.Server) -> Iterator[catalogs.Bench]:
    with catalogs.database(server16, BASE) as name:
        yield catalogs.Bench(server16, name)


@pytest.fixture(scope="module")
def system_bench(system_server: embedded.Server) -> Iterator[catalogs.Bench]:
    with catalogs.database(system_server, BASE) as name:
        yield catalogs.Bench(system_server, name)


@pytest.mark.parametrize("mutation", rows(18, "vector"))
def test_a_mutation_is_told_alone(bench: catalogs.Bench, mutation: Mutation) -> None:
    check(bench, mutation)


@pytest.mark.parametrize("mutation", rows(16, "vector", every=EVERY))
def test_it_is_on_an_older_server(bench16: catalogs.Bench, mutation: Mutation) -> None:
    check(bench16, mutation)


@pytest.mark.parametrize("mutation", rows(SYSTEM, "hstore", every=EVERY))
def test_it_is_on_the_systems_server(system_bench: catalogs.Bench, mutation: Mutation) -> None:
    check(system_bench, mutation)


def check(bench: catalogs.Bench, mutation: Mutation) -> None:
    before, after = _catalogs(bench, mutation)

    found = diff(before, after)

    assert catalogs.told(found) == sorted(one[:3] for one in mutation.expected)
    for action, kind, name, *details in mutation.expected:
        (told,) = [one for one in found if (one.action, one.kind, one.object) == (action, kind, name)]
        for wanted in details:
            assert {key: told.details.get(key) for key in wanted} == wanted
    backwards = catalogs.sorted_differences(diff(after, before))
    assert backwards == catalogs.sorted_differences([one.mirrored() for one in found])
    assert (before.fingerprint == after.fingerprint) == (not mutation.expected)


def _catalogs(bench: catalogs.Bench, mutation: Mutation) -> list[Catalog]:
    if mutation.alone:
        with catalogs.database(bench.server, BASE, *([f"{PATH}; {mutation.setup}"] if mutation.setup else ())) as name:
            before = catalogs.read(bench.server, name)
            for statement in mutation.sql.split(";"):
                catalogs.run(bench.server, name, statement)
            return [before, catalogs.read(bench.server, name)]
    if mutation.setup:
        return bench.catalogs(mutation.setup, mutation.sql)
    return [bench.base, *bench.catalogs(mutation.sql)]


# What the table must hold something of, and the kinds by which catalogs call it.
LISTED = {
    "schema": "schema", "table": "table", "persistence": "table", "partition": "table", "inheritance": "table",
    "storage options": "table", "access method": "table", "row security": "table", "replica identity": "table",
    "column": "column", "type": "column", "collation": "column", "nullability": "not null", "default": "column",
    "identity": "column", "generated": "column", "compression": "column", "primary key": "primary key",
    "unique": "unique", "foreign key": "foreign key", "check": "check", "exclusion": "exclusion", "index": "index",
    "index validity": "index", "sequence": "sequence", "sequence owner": "sequence", "view": "view",
    "materialized view": "materialized view", "function": "function", "procedure": "procedure",
    "aggregate": "aggregate", "trigger": "trigger", "trigger enabled": "trigger", "rule": "rule", "enum": "enum",
    "domain": "domain", "composite type": "composite type", "range type": "range type", "extension": "extension",
    "policy": "policy", "grant": "grant", "default privileges": "default privileges", "owner": "owner",
    "comment": "comment", "statistics": "statistics", "event trigger": "event trigger", "publication": "publication",
    "foreign data wrapper": "foreign data wrapper", "foreign server": "foreign server",
    "foreign table": "foreign table",
}  # fmt: skip


@pytest.mark.parametrize("kind", LISTED)
def test_the_table_has_at_least_three_mutations_and_a_look_alike_of(kind: str) -> None:
    rows = [one for one in MUTATIONS if one.kind == kind]

    assert sum(bool(one.expected) for one in rows) >= 3
    assert any(not one.expected for one in rows)
    assert any(told[1] == LISTED[kind] for one in rows for told in one.expected)


def test_the_table_leaves_no_kind_out() -> None:
    assert set(TABLE) == set(LISTED)
    assert {told[1] for one in MUTATIONS for told in one.expected} == {*KINDS, "owner", "comment", "grant"}
    assert len({one.id for one in MUTATIONS}) == len(MUTATIONS)


def test_the_base_has_all_kinds_at_once(bench: catalogs.Bench) -> None:
    assert {key.kind for key in bench.base.texts} == set(KINDS)
