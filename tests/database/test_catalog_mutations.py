"""Every row of the table of mutations, on real servers: told alone, exactly, the same backwards, and whose it is."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from ops import embedded, modelled, replay
from ops.blame import revision_of
from ops.catalog import Catalog, Difference, diff
from ops.catalog.queries import KINDS
from ops.ground import Ground
from ops.replay import Replay
from ops.threeway import Cause, judge
from ops.values import Verdict
from tests.database import catalogs, drifting, storied
from tests.database.mutations import BASE, MUTATIONS, PATH, ROLES, TABLE, Mutation

# A part of the table quickly, the whole of it with the heavy tests; other majors differ in a few rows only.
EVERY = 10
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


@pytest.fixture(scope="module")
def shop(home: Path, server: embedded.Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[drifting.Shop]:
    """The project whose revisions make the base, with a database at its head."""
    folder = tmp_path_factory.mktemp("storied") / "shop"
    storied.write(folder)
    catalogs.run(server, "postgres", ROLES)
    with pytest.MonkeyPatch.context() as patch:
        made = drifting.Shop(home=folder, server=server, database=f"storied_{os.getpid()}")
        patch.setenv("OPS_EMBEDDED_DIR", str(home / ".ops"))
        patch.setenv("OPS_HOME", str(folder))
        made.write_section(config="alembic.ini")
        made.prepare()
        yield made
        made.drop()


@pytest.fixture(scope="module")
def story(shop: drifting.Shop) -> tuple[Replay, Catalog]:
    """Its history, replayed, and what its models make."""
    ground = Ground(home=shop.home, major=18, role="postgres", roles=("boss", "clerk"))
    settings = shop.target.settings
    replayed = replay.replay(settings, ground, ("access",))
    assert not replayed.failed
    models = modelled.models(settings, ground, replayed.at(len(replayed.revisions)).needed)
    assert (models.failed, models.has_metadata) == ((), True)
    return replayed, models.catalog


@pytest.mark.parametrize("mutation", rows(18, "vector", every=2))
def test_a_mutation_is_told_alone(bench: catalogs.Bench, story: tuple[Replay, Catalog], mutation: Mutation) -> None:
    before, after, found = check(bench, mutation)
    replayed, models = story
    if mutation.setup:
        replayed, models = storied.with_setup(replayed, before), before

    # by whom it was done, where revisions made everything
    kinds = KINDS_MADE | {key.kind for key in before.texts.keys() - bench.base.texts.keys()}
    blamed = [storied.made_by(one, before=before, base=bench.base) for one in found]
    expected = [(cause(one, kinds), revision) for one, revision in zip(found, blamed, strict=True)]
    assert judged(after, found, replayed, models) == expected

    # and where everything was there before the first one
    expected = [(cause(one, frozenset()), None) for one in found]
    assert judged(after, found, storied.with_nothing_made(before), before) == expected


def judged(
    live: Catalog, found: Sequence[Difference], replayed: Replay, models: Catalog
) -> list[tuple[Cause, str | None]]:
    """Return cause and blame of every difference, which are those that were found before."""
    there = replayed.at(len(replayed.revisions)).catalog
    items = judge(live=live, current=there, head=there, models=models, kinds_made=lambda: replayed.kinds_made)
    assert [one.difference for one in items] == list(found)
    return [(one.cause, revision_of(one, replayed)) for one in items]


# What models can say of a schema, and what the revisions make: everything but extensions.
SAID_BY_MODELS = {
    *("table", "column", "not null", "primary key", "unique", "foreign key", "check", "exclusion", "index"),
    *("sequence", "enum", "domain"),
}
COMMENTED_BY_MODELS = {"table", "column"}
KINDS_MADE = frozenset({*KINDS, "grant", "comment", "owner"}) - {"extension"}


def cause(one: Difference, kinds_made: frozenset[str]) -> Cause:
    """Whose a difference is that nobody's revisions or models know of, by the rule for what nobody manages."""
    said = one.key.kind in COMMENTED_BY_MODELS if one.kind == "comment" else one.kind in SAID_BY_MODELS
    is_nobodys = one.action == "added" and not said and one.kind not in kinds_made
    return Cause.UNMANAGED if is_nobodys else Cause.CHANGED_BY_HAND


def test_revisions_and_models_make_the_base(bench: catalogs.Bench, story: tuple[Replay, Catalog]) -> None:
    replayed, models = story
    there = replayed.at(len(replayed.revisions)).catalog

    assert there.fingerprint == bench.base.fingerprint
    assert replayed.kinds_made >= KINDS_MADE - {"owner"}
    assert "extension" not in replayed.kinds_made
    assert judge(live=there, current=there, head=there, models=models, kinds_made=frozenset) == ()


# The same through the whole of it, from a live database to the result: a part of the rows quickly. The version table is
# there already, and what a setup makes would be news as well.
WHOLE = [one for one in MUTATIONS if one.since <= 18 <= one.until and one.needs in ("", "vector") and not one.setup]
WHOLE = [one for one in WHOLE if "alembic_version" not in one.sql]


@pytest.mark.parametrize(
    "mutation",
    [pytest.param(one, marks=pytest.mark.heavy if number % 48 else (), id=one.id) for number, one in enumerate(WHOLE)],
)
def test_it_is_in_a_whole_comparison(
    shop: drifting.Shop, bench: catalogs.Bench, home: Path, mutation: Mutation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPS_EMBEDDED_DIR", str(home / ".ops"))
    monkeypatch.setenv("OPS_HOME", str(shop.home))
    shop.renew()
    shop.run(*(mutation.sql.split(";") if mutation.alone else [f"{PATH}; {mutation.sql}"]))

    found = shop.target.compare()

    assert sorted(row[1:] for row in drifting.rows(found)) == sorted(one[:3] for one in mutation.expected)
    by_name = {
        (one.action, one.kind, one.object): one for one in diff(bench.base, catalogs.read(shop.server, shop.database))
    }
    for one in found.changes:
        told = by_name[(one.action, one.kind, one.object)]
        assert one.cause == cause(told, KINDS_MADE)
        blamed = storied.made_by(told, before=bench.base, base=bench.base)
        assert (one.blame and (one.blame["revision"], one.blame["file"])) == (
            (blamed, f"migrations/versions/{blamed}.py") if blamed else None
        )
    counted = any(one.cause is Cause.CHANGED_BY_HAND for one in found.changes)
    assert (found.verdict, found.unknown) == (Verdict.ATTENTION if counted else Verdict.OK, ())


@pytest.mark.parametrize("mutation", rows(16, "vector", every=EVERY))
def test_it_is_on_an_older_server(bench16: catalogs.Bench, mutation: Mutation) -> None:
    check(bench16, mutation)


@pytest.mark.parametrize("mutation", rows(SYSTEM, "hstore", every=EVERY))
def test_it_is_on_the_systems_server(system_bench: catalogs.Bench, mutation: Mutation) -> None:
    check(system_bench, mutation)


def check(bench: catalogs.Bench, mutation: Mutation) -> tuple[Catalog, Catalog, tuple[Difference, ...]]:
    """What must be told of a row, whatever the server; return both catalogs and the differences."""
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
    return before, after, found


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
