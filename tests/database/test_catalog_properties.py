"""What holds for every catalog: dumps and restarts keep it; differences mirror each other, and leave nothing out."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ops import embedded
from ops.catalog import Catalog, Difference, Key, diff
from ops.catalog.queries import KINDS
from ops.embedded import binaries, lease
from tests.database import catalogs, hostile
from tests.database.mutations import BASE, MUTATIONS, PATH, Mutation

# Everything that can be said of an object is said of one, beside what the base has.
SAID = [
    f"{PATH}; {one.sql}"
    for one in MUTATIONS
    if one.kind in ("comment", "grant", "owner", "default privileges")
    and not one.setup
    and one.expected
    and one.since == 15
    and "SCHEMA attic OWNER" not in one.sql
]
MORE = """
SET search_path = shop;
ALTER TABLE item ALTER label SET STORAGE EXTERNAL, ALTER label SET STATISTICS 300, ALTER label SET COMPRESSION pglz;
ALTER TABLE item SET (fillfactor = 70, toast.autovacuum_enabled = false);
ALTER TABLE customer ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE customer REPLICA IDENTITY USING INDEX customer_email_key, CLUSTER ON customer_pkey, DISABLE TRIGGER touched;
ALTER TABLE customer DROP COLUMN born;
CREATE INDEX by_length ON item (length(label)) WHERE amount > 0;
CREATE INDEX by_some ON item (amount) WHERE label IN ('a', 'b') AND (amount BETWEEN 1 AND 5 AND label <> '');
ALTER INDEX by_length ALTER COLUMN 1 SET STATISTICS 99;
ALTER TABLE item ADD CONSTRAINT late CHECK (amount < 99) NOT VALID, ADD CONSTRAINT one UNIQUE NULLS NOT DISTINCT (label)
  DEFERRABLE INITIALLY DEFERRED;
CREATE TABLE deep (LIKE thing) PARTITION BY LIST (n);
CREATE TABLE deep_1 PARTITION OF deep (note DEFAULT 'one') FOR VALUES IN (1, 2) PARTITION BY HASH (note);
CREATE TABLE deep_1_1 PARTITION OF deep_1 FOR VALUES WITH (MODULUS 2, REMAINDER 1);
CREATE TYPE kind AS (a integer, b text);
CREATE TABLE kinds OF kind (a WITH OPTIONS PRIMARY KEY);
CREATE UNLOGGED TABLE fast (a integer PRIMARY KEY, up integer REFERENCES fast);
CREATE TRIGGER g AFTER INSERT ON event FOR EACH ROW EXECUTE FUNCTION touch();
ALTER TABLE event_2024 DISABLE TRIGGER g;
CREATE FUNCTION sums(VARIADIC n integer[], OUT a bigint, OUT b bigint) LANGUAGE sql STABLE STRICT SECURITY DEFINER
  SET search_path = shop, pg_temp COST 7 AS 'SELECT 1::bigint, 2::bigint';
CREATE FUNCTION atomic(m mood DEFAULT 'ok') RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM item; END;
CREATE AGGREGATE middle(ORDER BY integer) (SFUNC = ordered_set_transition, STYPE = internal, FINALFUNC = mode_final,
  FINALFUNC_EXTRA);
ALTER STATISTICS customer_stat SET STATISTICS 77;
ALTER EVENT TRIGGER watching DISABLE;
CREATE PUBLICATION whole FOR TABLES IN SCHEMA attic WITH (publish = 'insert');
CREATE VIEW safe WITH (security_barrier) AS SELECT * FROM cheap WHERE id > 1 WITH LOCAL CHECK OPTION;
ALTER VIEW safe ALTER label SET DEFAULT 'x';
CREATE DOMAIN mail AS varchar(99) COLLATE "C" NOT NULL DEFAULT 'a@b' CHECK (VALUE LIKE '%@%');
ALTER DOMAIN mail ADD CONSTRAINT long CHECK (length(VALUE) > 3) NOT VALID;
COMMENT ON CONSTRAINT long ON DOMAIN mail IS 'x';
"""
NEWER = {
    18: """
SET search_path = shop;
ALTER TABLE item ADD CONSTRAINT there NOT NULL label NOT VALID, ADD COLUMN v integer GENERATED ALWAYS AS (1) VIRTUAL;
ALTER TABLE item ADD CONSTRAINT maybe CHECK (amount < 5) NOT ENFORCED;
ALTER TABLE thing ADD CONSTRAINT own NOT NULL n NO INHERIT;
COMMENT ON CONSTRAINT customer_email_not_null ON customer IS 'x';
ALTER PUBLICATION news SET (publish_generated_columns = stored);
"""
}


@pytest.fixture(params=[18, 16, "system"])
def some_server(request: pytest.FixtureRequest) -> embedded.Server:
    names = {18: "server", 16: "server16", "system": "system_server"}
    return request.getfixturevalue(names[request.param])


def everything(server: embedded.Server) -> list[str]:
    """Statements that make a database with all there is, and hostile names for it."""
    return [BASE, *SAID, MORE, *(sql for major, sql in NEWER.items() if major <= server.major), *hostile.BASE]


def copy(server: embedded.Server, source: str, target: str) -> None:
    """Dump a schema and restore it in another database."""
    where = ["-h", os.fspath(server.socket_dir), "-p", str(lease.PORT), "-U", "postgres"]
    dump = subprocess.run(
        [server.bin_dir / "pg_dump", "--schema-only", *where, source], capture_output=True, check=True, timeout=60
    )
    subprocess.run(
        [server.bin_dir / "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", *where, "-d", target],
        input=dump.stdout,
        capture_output=True,
        check=True,
        timeout=60,
    )


def test_dump_and_restore_keep_the_fingerprint(some_server: embedded.Server) -> None:
    statements = everything(some_server)
    with catalogs.database(some_server, *statements) as source, catalogs.database(some_server) as target:
        before = catalogs.read(some_server, source)
        assert {key.kind for key in before.texts} == set(KINDS)

        copy(some_server, source, target)
        after = catalogs.read(some_server, target)

        assert catalogs.told(diff(before, after)) == []
        assert after.fingerprint == before.fingerprint


def test_a_restart_keeps_the_fingerprint(tmp_path: Path) -> None:
    folder, bin_dir = tmp_path / "server", binaries.folder_of(18)
    server = lease.start(folder, major=18, bin_dir=bin_dir)
    with catalogs.database(server, *everything(server)) as name:
        before = catalogs.read(server, name)
        postmaster = int((folder / "data" / "postmaster.pid").read_text().partition("\n")[0])
        os.kill(postmaster, signal.SIGINT)
        while Path(f"/proc/{postmaster}").exists():
            time.sleep(0.05)

        server = lease.start(folder, major=18, bin_dir=bin_dir)

        assert catalogs.read(server, name).fingerprint == before.fingerprint


def test_settings_of_a_database_or_a_role_change_nothing(server: embedded.Server) -> None:
    values = (
        "1.5::float8, 'x\\y', '2024-01-02 03:04:05+06'::timestamptz, '\\x00ff'::bytea, '1 day 2 hours'::interval,"
        " '12.34'::money, 0.1::real, '2024-01-02'::date"
    )
    names = [f"c{number}" for number, _ in enumerate(values.split(", "))]
    table = "CREATE TABLE t (" + ", ".join(
        f"{name} {value.partition('::')[2] or 'text'} DEFAULT {value}"
        for name, value in zip(names, values.split(", "), strict=True)
    )
    odd = {
        "search_path": "public",
        "datestyle": "'German, DMY'",
        "intervalstyle": "sql_standard",
        "timezone": "'Asia/Tokyo'",
        "bytea_output": "escape",
        "standard_conforming_strings": "off",
        "quote_all_identifiers": "on",
        "extra_float_digits": "-5",
        "lc_monetary": "'C'",
        "xmlbinary": "hex",
        "default_transaction_isolation": "serializable",
        "default_transaction_read_only": "on",
        "enable_hashjoin": "off",
        "enable_indexscan": "off",
        "client_encoding": "LATIN1",
        "default_toast_compression": "pglz",
        "default_table_access_method": "heap",
        "backslash_quote": "on",
        "jit": "on",
    }
    with catalogs.database(server, BASE, f"{table})") as name:
        before = catalogs.read(server, name)
        catalogs.run(server, name, *(f"ALTER DATABASE {name} SET {key} = {value}" for key, value in odd.items()))

        after = catalogs.read(server, name)

        assert catalogs.told(diff(before, after)) == []
        assert after.fingerprint == before.fingerprint


@pytest.fixture(scope="module")
def bench(server: embedded.Server) -> Iterator[catalogs.Bench]:
    with catalogs.database(server, BASE) as name:
        yield catalogs.Bench(server, name)


USABLE = [one for one in MUTATIONS if one.since <= 18 <= one.until and not (one.setup or one.alone or one.needs)]
SEVERAL = st.lists(st.sampled_from(USABLE), max_size=6, unique_by=lambda one: one.id)


def after(bench: catalogs.Bench, several: list[Mutation]) -> Catalog:
    """The catalog after several mutations; one that the others have made impossible is left out."""
    steps = (f"DO $do$ BEGIN {_guarded(one.sql)} END $do$" for one in several)
    return bench.catalogs("; ".join(steps) or "SELECT 1")[0]


def _guarded(sql: str) -> str:
    return f"BEGIN EXECUTE $sql$ {sql} $sql$; EXCEPTION WHEN others THEN NULL; END;"


@settings(
    max_examples=60,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(one=SEVERAL, other=SEVERAL)
def test_differences_mirror_each_other_and_leave_nothing_out(
    bench: catalogs.Bench, one: list[Mutation], other: list[Mutation]
) -> None:
    first, second = after(bench, one), after(bench, other)

    there, back = diff(first, second), diff(second, first)

    assert catalogs.sorted_differences(back) == catalogs.sorted_differences([item.mirrored() for item in there])
    assert accounted(there) == {
        key for key in {*first.texts, *second.texts} if first.texts.get(key) != second.texts.get(key)
    }
    assert (first.fingerprint == second.fingerprint) == (not there)
    assert len({(item.action, item.kind, item.object) for item in there}) == len(there)
    assert diff(first, first) == diff(second, second) == ()


def accounted(differences: tuple[Difference, ...]) -> set[Key]:
    """The keys that differences speak of."""
    keys = {key for one in differences for key in (one.key, one.before, *one.consequences)}
    return {key for key in keys if key is not None}


@settings(max_examples=15, deadline=None, database=None, derandomize=True)
@given(order=st.permutations(["a integer NOT NULL", "b text DEFAULT 'x'", "c date", "d varchar(9) UNIQUE", "e serial"]))
def test_the_order_of_columns_is_no_difference(bench: catalogs.Bench, order: list[str]) -> None:
    usual = "CREATE TABLE t (a integer NOT NULL, b text DEFAULT 'x', c date, d varchar(9) UNIQUE, e serial)"

    (first,) = bench.catalogs(usual)
    (second,) = bench.catalogs(
        f"CREATE TABLE t ({order[0]}); " + "; ".join(f"ALTER TABLE t ADD {one}" for one in order[1:])
    )

    assert diff(first, second) == ()


def test_a_catalog_reads_back_what_it_shows(bench: catalogs.Bench) -> None:
    shown = bench.base.to_dict()

    assert len(shown["objects"]) == len(bench.base)
    assert len({(one["kind"], one["object"]) for one in shown["objects"]}) == len(bench.base)
    assert len(bench.base.table().rows) == len(bench.base)
