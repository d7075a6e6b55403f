"""What a migration does, measured while it runs: each statement of a table, on a real server."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from textwrap import indent

import pytest

from ops import scratch
from ops.observe import Observed, observe
from ops.project.visit import visit
from ops.statement import Mode, Statement
from tests.database.conftest import Bench, SetUp
from tests.database.written import line_of, write

HOSTILE = "it's"

BASE = """
CREATE TABLE parent (id integer PRIMARY KEY, note text);
CREATE TABLE item (
    id integer PRIMARY KEY, name varchar(50), price numeric(8, 2), flag boolean, made timestamp, parent_id integer);
CREATE INDEX item_name ON item (name);
CREATE SEQUENCE counter;
CREATE DOMAIN short AS text;
CREATE TABLE labelled (id integer, label short);
CREATE TABLE part (id integer, at date) PARTITION BY RANGE (at);
CREATE TABLE part_old PARTITION OF part FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
CREATE TABLE part_rest PARTITION OF part DEFAULT;
CREATE MATERIALIZED VIEW total AS SELECT count(*) AS items FROM item;
CREATE UNIQUE INDEX total_key ON total (items);
CREATE TYPE mood AS ENUM ('calm');
CREATE SCHEMA "it's";
CREATE TABLE "it's"."100% ""mine"" " (id integer);
"""

AX, SRX, SUE, S = (
    mode.pg_name for mode in (Mode.ACCESS_EXCLUSIVE, Mode.SHARE_ROW_EXCLUSIVE, Mode.SHARE_UPDATE_EXCLUSIVE, Mode.SHARE)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A statement, and what it does: `locks` are the strongest on each table, as `relation mode`."""

    sql: str
    locks: tuple[str, ...] = ()
    rewrites: tuple[str, ...] = ()
    scans: tuple[str, ...] = ()
    builds: tuple[str, ...] = ()
    alone: bool = False


ITEM, PARENT = "public.item", "public.parent"

ROWS = {
    "a column without a default": Row(sql="ALTER TABLE item ADD COLUMN c integer", locks=(f"{ITEM} {AX}",)),
    "a column with a constant": Row(sql="ALTER TABLE item ADD COLUMN c integer DEFAULT 1", locks=(f"{ITEM} {AX}",)),
    "a volatile default writes every row anew": Row(
        sql="ALTER TABLE item ADD COLUMN c uuid DEFAULT gen_random_uuid()",
        locks=(f"{ITEM} {AX}",), rewrites=(ITEM,), scans=(ITEM,),
        builds=(f"public.item_name on {ITEM}", f"public.item_pkey on {ITEM}"),
    ),
    "a wider varchar is only said": Row(sql="ALTER TABLE item ALTER name TYPE varchar(80)", locks=(f"{ITEM} {AX}",)),
    "a bigger integer is written": Row(
        sql="ALTER TABLE item ALTER id TYPE bigint",
        locks=(f"{ITEM} {AX}",), rewrites=(ITEM,), scans=(ITEM,),
        builds=(f"public.item_name on {ITEM}", f"public.item_pkey on {ITEM}"),
    ),
    "timestamps with a zone need no rewrite in UTC": Row(
        sql="SET timezone = 'UTC'; ALTER TABLE item ALTER made TYPE timestamptz", locks=(f"{ITEM} {AX}",)),
    "elsewhere they do": Row(
        sql="SET timezone = 'Asia/Tokyo'; ALTER TABLE item ALTER made TYPE timestamptz",
        locks=(f"{ITEM} {AX}",), rewrites=(ITEM,), scans=(ITEM,),
        builds=(f"public.item_name on {ITEM}", f"public.item_pkey on {ITEM}"),
    ),
    "NOT NULL reads every row": Row(
        sql="ALTER TABLE item ALTER name SET NOT NULL", locks=(f"{ITEM} {AX}",), scans=(ITEM,)),
    "a CHECK reads every row": Row(
        sql="ALTER TABLE item ADD CONSTRAINT c CHECK (price > 0)", locks=(f"{ITEM} {AX}",), scans=(ITEM,)),
    "a CHECK that is not validated reads none": Row(
        sql="ALTER TABLE item ADD CONSTRAINT c CHECK (price > 0) NOT VALID", locks=(f"{ITEM} {AX}",)),
    "a foreign key reaches the parent": Row(
        sql="ALTER TABLE item ADD CONSTRAINT f FOREIGN KEY (parent_id) REFERENCES parent",
        locks=(f"{ITEM} {SRX}", f"{PARENT} {SRX}"), scans=(ITEM, PARENT),
    ),
    "so does a new table that refers to it": Row(
        sql="CREATE TABLE child (p integer REFERENCES parent)", locks=(f"{PARENT} {SRX}",)),
    "an index stops writes": Row(
        sql="CREATE INDEX n ON item (price)", locks=(f"{ITEM} {S}",), scans=(ITEM,), builds=(f"public.n on {ITEM}",)),
    "an index built concurrently does not": Row(
        sql="CREATE INDEX CONCURRENTLY n ON item (price)", locks=(f"{ITEM} {SUE}",), scans=(ITEM,),
        builds=(f"public.n on {ITEM}",),
        alone=True),
    "nor does one dropped concurrently": Row(
        sql="DROP INDEX CONCURRENTLY item_name", locks=(f"{ITEM} {SUE}",), alone=True),
    "one built anew concurrently": Row(
        sql="REINDEX INDEX CONCURRENTLY item_name", locks=(f"{ITEM} {SUE}",), scans=(ITEM,),
        builds=(f"public.item_name on {ITEM}",),
        alone=True),
    "VACUUM by itself": Row(sql="VACUUM item", locks=(f"{ITEM} {SUE}",), alone=True),
    "a label outside of a transaction locks no table": Row(sql="ALTER TYPE mood ADD VALUE 'wild'", alone=True),
    "a column outside of a transaction": Row(
        sql="ALTER TABLE item ADD COLUMN c integer", locks=(f"{ITEM} {AX}",), alone=True),
    "a constraint of a domain reaches its tables": Row(
        sql="ALTER DOMAIN short ADD CONSTRAINT l CHECK (length(VALUE) < 9)",
        locks=(f"public.labelled {S}",), scans=("public.labelled",)),
    "a partition reaches the default partition": Row(
        sql="CREATE TABLE part_new PARTITION OF part FOR VALUES FROM ('2021-01-01') TO ('2022-01-01')",
        locks=(f"public.part {AX}", f"public.part_rest {AX}"), scans=("public.part_rest",)),
    "a sequence": Row(sql="ALTER SEQUENCE counter INCREMENT 2", locks=(f"public.counter {SRX}",)),
    "a materialized view is written anew": Row(
        sql="REFRESH MATERIALIZED VIEW total",
        locks=("public.item AccessShareLock", f"public.total {AX}"), rewrites=("public.total",),
        scans=("public.item", "public.total"),
        builds=("public.total_key on public.total",)),
    "TRUNCATE writes nothing": Row(sql="TRUNCATE item", locks=(f"{ITEM} {AX}",)),
    "rows of the migration's own": Row(
        sql="UPDATE item SET name = 'it''s 100%' WHERE id = 1", locks=(f"{ITEM} RowExclusiveLock",)),
    "a hostile name": Row(
        sql='ALTER TABLE "it\'s"."100% ""mine"" " ADD COLUMN c integer',
        locks=(f'"it\'s"."100% ""mine"" " {AX}',)),
}  # fmt: skip


@pytest.fixture(scope="module")
def seen(make_bench: SetUp) -> Mapping[str, Statement]:
    """The last statement of each row, all of them from one run: each row has a schema of its own."""
    bench = make_bench("linear")
    bodies = []
    for number, row in enumerate(ROWS.values()):
        schema = f"s{number:02}"
        bench.ask(f"CREATE SCHEMA {schema}; SET search_path = {schema}; {BASE.replace(HOSTILE, HOSTILE + schema)}")
        sql = row.sql.replace(HOSTILE, HOSTILE + schema)
        body = f"op.execute('SET search_path = {schema}, public')\nop.execute({sql!r})"
        bodies.append(f"with op.get_context().autocommit_block():\n{indent(body, '    ')}" if row.alone else body)
    names = write(bench, *bodies)

    found = run(bench)

    assert found.failed is None
    last = {one.revision: one for one in found.statements if not one.bookkeeping}
    return {row: last[name] for row, name in zip(ROWS, names, strict=True)}


def run(bench: Bench, revision: str = "head", direction: str = "up") -> Observed:
    with visit(bench.target.settings) as here:
        return observe(here, here.resolve(direction, revision).steps, direction)


@pytest.mark.parametrize("key", ROWS)
def test_statements(seen: Mapping[str, Statement], key: str) -> None:
    row, one = ROWS[key], seen[key]
    schema = f"s{list(ROWS).index(key):02}"

    assert (one.measured, one.autocommit) == (True, row.alone)
    assert strongest(one) == named(row.locks, schema)
    found = (one.rewrites, one.scans, one.index_builds)
    assert found == (named(row.rewrites, schema), named(row.scans, schema), named(row.builds, schema))


def named(names: tuple[str, ...], schema: str) -> tuple[str, ...]:
    return tuple(name.replace("public.", f"{schema}.").replace(HOSTILE, HOSTILE + schema) for name in names)


def strongest(one: Statement) -> tuple[str, ...]:
    tables = sorted({lock.relation for lock in one.locks if lock.kind != "index"})
    return tuple(f"{name} {one.lock_on(name).pg_name}" for name in tables)


def statements(seen: Observed) -> list[Statement]:
    return [one for one in seen.statements if not one.bookkeeping]


def test_transactions_are_told_apart(set_up: SetUp) -> None:
    bench = set_up("linear")
    bench.ask("CREATE TABLE item (id integer)")
    write(
        bench,
        "op.execute('ALTER TABLE item ADD a integer; ALTER TABLE item ADD b integer')\nop.execute('SELECT 1')",
        "op.execute('ALTER TABLE item ADD c integer')\n"
        "with op.get_context().autocommit_block():\n    op.execute('CREATE INDEX CONCURRENTLY i ON item (a)')\n"
        "op.execute('ALTER TABLE item ADD d integer')",
    )

    seen = run(bench)

    found = [(one.sql.split()[-2], one.transaction) for one in statements(seen)]
    assert found == [("a", 1), ("b", 1), ("SELECT", 1), ("c", 2), ("item", 0), ("d", 3)]
    assert [one.transaction for one in seen.statements if one.bookkeeping] == [1, 3]
    assert [len(one.locks) for one in statements(seen)] == [1, 0, 0, 1, 1, 1]


def test_a_commit_that_is_written_out_ends_the_transaction(set_up: SetUp) -> None:
    bench = set_up("linear")
    bench.ask("CREATE TABLE item (id integer)")
    write(bench, "op.execute('COMMIT')\nop.execute('CREATE INDEX CONCURRENTLY i ON item (id)')")

    commit, build = statements(run(bench))

    assert commit.transaction != 0
    assert (build.transaction, build.index_builds) == (0, ("public.i on public.item",))
    assert strongest(build) == (f"public.item {SUE}",)


READING = {  # what is executed                                                              whose rows it is given
    "a query of rows":          ("op.get_bind().execute(sa.text('SELECT id FROM item')).all()", ("public.item",)),
    "rows that it writes":      ("op.get_bind().execute(sa.text('INSERT INTO item TABLE parent RETURNING id'))",
                                 ("public.parent",)),
    "a block that looks":       ("op.execute('DO $$ BEGIN IF EXISTS (SELECT FROM item) THEN NULL; END IF; END $$')",
                                 ("public.item",)),
    "a block that only writes": ("op.execute('DO $$ BEGIN UPDATE item SET id = 1; END $$')", ()),
    "the catalog":              ("assert sa.inspect(op.get_bind()).has_table('item')", ()),
    "no table at all":          ("op.execute('SELECT 1')", ()),
    "rows that stay there":     ("op.execute('INSERT INTO item SELECT id FROM parent')", ()),
    "its own table":            ("op.execute('CREATE TABLE n (id integer)')\nop.execute('SELECT * FROM n')", ()),
}  # fmt: skip


@pytest.mark.parametrize(("body", "reads"), READING.values(), ids=READING)
def test_whose_rows_decide(set_up: SetUp, body: str, reads: tuple[str, ...]) -> None:
    bench = set_up("linear")
    bench.ask("CREATE TABLE item (id integer); CREATE TABLE parent (id integer)")
    write(bench, body)

    seen = run(bench)

    assert seen.failed is None
    assert {name for one in statements(seen) for name in one.reads} == set(reads)
    assert (seen.questions > 0) == ("inspect" in body)


def test_a_statement_that_fails_is_named_and_what_follows_is_not_reached(set_up: SetUp) -> None:
    bench = set_up("linear")
    bench.ask("CREATE TABLE item (id integer)")
    names = write(
        bench,
        "op.execute('ALTER TABLE item ADD a integer')",
        "op.execute('ALTER TABLE item ADD b integer')\nop.execute('ALTER TABLE nowhere ADD b integer')",
        "op.execute('SELECT 1')",
    )

    seen = run(bench)

    assert seen.failed is not None
    assert seen.unreached == (names[2],)
    *before, last = statements(seen)
    assert all(one.measured for one in before)
    assert (last.revision, last.measured, last.sql) == (names[1], False, "ALTER TABLE nowhere ADD b integer")
    assert 'relation "nowhere" does not exist' in last.error


def test_a_failure_outside_of_a_transaction_leaves_the_session_usable(set_up: SetUp) -> None:
    bench = set_up("linear")
    write(
        bench,
        """
        with op.get_context().autocommit_block():
            try:
                op.execute('ALTER TABLE nowhere ADD b integer')
            except sa.exc.ProgrammingError:
                op.execute('CREATE TABLE item (id integer)')
        """,
    )

    seen = run(bench)

    assert seen.failed is None
    assert [one.created for one in statements(seen)][-1] == ("public.item",)
    assert bench.tables == ["item"]


def test_lines_and_values_are_those_of_the_version_file(set_up: SetUp) -> None:
    bench = set_up("linear")
    bench.ask("CREATE TABLE item (id integer, name text)")
    (name,) = write(
        bench,
        "item = sa.table('item', sa.column('id'), sa.column('name'))\n"
        "op.execute(item.update().where(item.c.id == 7).values(name='100% it''s'))",
    )

    (one,) = statements(run(bench))

    assert one.line == line_of(bench.version_file(name), "item.update()")
    assert one.sql == "UPDATE item SET name='100% its' WHERE item.id = 7"


def test_downgrades_and_an_asynchronous_driver(set_up: SetUp) -> None:
    bench = set_up("async_env")
    with visit(bench.target.settings) as here:
        up = observe(here, here.resolve("up", "head").steps, "up")
    down = run(bench, "base", "down")

    assert (up.failed, down.failed) == (None, None)
    assert [name for one in statements(up) for name in one.created]
    assert all(one.measured and one.transaction for one in (*statements(up), *statements(down)))
    assert {name for one in statements(down) for name in one.dropped} == {
        name for one in statements(up) for name in one.created
    }


@pytest.mark.parametrize("which", ["server16", "system_server"])
def test_older_servers(set_up: SetUp, request: pytest.FixtureRequest, which: str) -> None:
    server = request.getfixturevalue(which)
    with scratch.database_on(server, prefix="test") as url:
        bench = set_up("linear", url=url)
        bench.ask(BASE)
        write(
            bench,
            "op.execute('ALTER TABLE item ALTER id TYPE bigint')",
            "with op.get_context().autocommit_block():\n    op.execute('CREATE INDEX CONCURRENTLY n ON item (price)')",
            "op.execute('ALTER TABLE item ADD CONSTRAINT f FOREIGN KEY (parent_id) REFERENCES parent')",
        )

        rewrite, build, key = statements(run(bench))

    assert (rewrite.rewrites, rewrite.scans) == ((ITEM,), (ITEM,))
    assert (strongest(build), build.index_builds) == ((f"{ITEM} {SUE}",), (f"public.n on {ITEM}",))
    assert (strongest(key), key.scans) == ((f"{ITEM} {SRX}", f"{PARENT} {SRX}"), (ITEM, PARENT))
