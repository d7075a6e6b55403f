"""What a copy's tables hold, on a real server: equal contents, whatever way they came about, and unequal ones."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import psycopg2
import pytest

from ops import commands, database, scratch
from ops.embedded import Server
from ops.rehearsal import contents, losses
from ops.rehearsal.values import Contents
from ops.settings import TargetSettings
from ops.settings.sections import ProjectSettings

BASE = """
CREATE TYPE mood AS ENUM ('calm', 'wild');
CREATE TYPE pair AS (a integer, b text);
CREATE DOMAIN short AS text;
CREATE TABLE item (
    id integer PRIMARY KEY, name text, note text, price numeric(8, 2), weight double precision, code char(6),
    made timestamptz, tags text[], data jsonb, raw json, bytes bytea, mood mood, two pair, short short,
    twice numeric GENERATED ALWAYS AS (price * 2) STORED);
INSERT INTO item (id, name, note, price, weight, code, made, tags, data, raw, bytes, mood, two, short)
SELECT n, 'name ' || n % 7, CASE WHEN n % 2 = 0 THEN '' END, n / 4.0, (n - 1) / 3.0, 'c' || n,
       '2020-01-01'::timestamptz, ARRAY['a', n::text, NULL], jsonb_build_object('n', n), '{"b": 1,  "a": 2}',
       decode('00ff', 'hex'), 'calm', ROW(n, NULL)::pair, 'short ' || n
FROM generate_series(1, 40) n;
CREATE TABLE plain (a integer, b text);
INSERT INTO plain SELECT n % 3, 'b' || n % 2 FROM generate_series(1, 12) n;
CREATE TABLE empty (id integer PRIMARY KEY, a text);
CREATE TABLE part (id integer, at date, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE TABLE part_old PARTITION OF part FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
CREATE TABLE part_new PARTITION OF part FOR VALUES FROM ('2021-01-01') TO ('2022-01-01');
INSERT INTO part SELECT n, date '2020-12-20' + n FROM generate_series(1, 20) n;
CREATE TABLE large (id integer PRIMARY KEY, a text, b integer);
INSERT INTO large SELECT n, md5(n::text), n % 10 FROM generate_series(1, 20000) n;
CREATE TABLE counted (id serial PRIMARY KEY, a text);
INSERT INTO counted (a) VALUES ('x'), ('y'), ('z');
CREATE MATERIALIZED VIEW seen AS SELECT id, a FROM counted;
CREATE UNIQUE INDEX seen_id ON seen (id);
CREATE MATERIALIZED VIEW unseen AS SELECT id FROM counted WITH NO DATA;
CREATE TABLE parent (id integer, a text);
CREATE TABLE child (c text) INHERITS (parent);
INSERT INTO parent VALUES (1, 'p');
INSERT INTO child VALUES (2, 'q', 'r');
CREATE SCHEMA "it's";
CREATE TABLE "it's"."100% ""mine"" " (id integer PRIMARY KEY, "50% ""x"" " text);
INSERT INTO "it's"."100% ""mine"" " VALUES (1, '%s');
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What is done to it, and what a comparison says then; `scans` are the tables that had to be read.

    `then` is done behind one more look.
    """

    sql: str
    then: str = ""
    lost: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    scans: tuple[str, ...] | None = None


LATER = "UPDATE item SET {0} WHERE id = 1"

# fmt: off
ROWS = {
    "nothing": Row(sql="SELECT 1", scans=()),
    "all rows written anew, in another order": Row(
        sql="CREATE TEMP TABLE t AS SELECT * FROM plain; TRUNCATE plain;"
            "INSERT INTO plain SELECT * FROM t ORDER BY b, a",
        scans=("plain",)),
    "the same values in a new file": Row(sql="VACUUM FULL item", scans=("item",)),
    "updated to what they were": Row(sql="UPDATE item SET name = name", scans=("item",)),
    "undone": Row(sql="BEGIN; DELETE FROM item; ROLLBACK"),
    "a wider type for the same text": Row(sql="ALTER TABLE item ALTER id TYPE bigint", scans=("item",)),
    "an index reads and changes nothing": Row(sql="CREATE INDEX i ON item (name)", scans=()),
    "a column renamed there and back": Row(
        sql="ALTER TABLE item RENAME name TO title; ALTER TABLE item RENAME title TO name", scans=()),
    "a column with another name": Row(sql="ALTER TABLE item RENAME name TO title", scans=()),
    "a table with another name": Row(sql="ALTER TABLE item RENAME TO thing", scans=()),
    "a table copied to another name": Row(
        sql="CREATE TABLE thing AS SELECT * FROM plain; DROP TABLE plain", scans=("thing",)),
    "an empty table dropped": Row(sql="DROP TABLE empty", scans=()),
    "a filled table dropped": Row(sql="DROP TABLE plain", lost=("the table public.plain with 12 rows",)),
    "a column more": Row(sql="ALTER TABLE item ADD extra integer DEFAULT 5", scans=("item",)),
    "a column that came, and is gone again": Row(
        sql="ALTER TABLE item ADD extra integer DEFAULT 5", then="ALTER TABLE item DROP extra", scans=()),
    "a column dropped": Row(
        sql="ALTER TABLE item DROP note", lost=("the column public.item.note with 20 values",), scans=()),
    "dropped, and back without its values": Row(
        sql="ALTER TABLE item DROP name; ALTER TABLE item ADD name text",
        lost=("40 values of public.item.name",), scans=("item",)),
    "dropped, and back with its values": Row(
        sql="ALTER TABLE item ADD n text; UPDATE item SET n = name; ALTER TABLE item DROP name;"
            "ALTER TABLE item RENAME n TO name"),
    "NULL for the empty text": Row(
        sql="UPDATE item SET note = NULL WHERE id = 2", lost=("1 of 20 values of public.item.note",)),
    "the empty text for NULL": Row(
        sql="UPDATE item SET note = '' WHERE id = 1", left=("1 value more in public.item.note",)),
    "two equal values become two other equal ones": Row(
        sql="UPDATE item SET name = 'other' WHERE id IN (1, 8)", lost=("2 of 40 values of public.item.name",)),
    "values that change places": Row(
        sql="UPDATE item SET name = (SELECT name FROM item i WHERE i.id = 3 - item.id) WHERE id < 3",
        lost=("2 of 40 values of public.item.name (they stand in other rows now)",)),
    "values that change places in a table without a key": Row(
        sql="CREATE TEMP TABLE t AS SELECT * FROM plain;"
            "TRUNCATE plain; INSERT INTO plain"
            " SELECT a, CASE WHEN row_number() OVER (ORDER BY a) <= 6 THEN 'b0' ELSE 'b1' END FROM t",
        lost=("some values of public.plain (they stand in other rows now)",)),
    "a row less": Row(sql="DELETE FROM item WHERE id = 3", lost=("1 of 40 rows of public.item",)),
    "a row less, and a value": Row(
        sql="DELETE FROM item WHERE id = 3; UPDATE item SET code = 'x' WHERE id = 4",
        lost=("1 of 40 rows of public.item", "1 of 40 values of public.item.code")),
    "a row of a pair": Row(
        sql="DELETE FROM plain WHERE ctid = '(0,1)'", lost=("at least 1 of 12 rows of public.plain",)),
    "a row more": Row(sql="INSERT INTO empty VALUES (1, 'a')", left=("1 row more in public.empty",), scans=("empty",)),
    "another key": Row(sql="UPDATE item SET id = 100 WHERE id = 1", lost=("1 of 40 values of public.item.id",)),
    "emptied": Row(sql="TRUNCATE counted", lost=("3 rows of public.counted",)),
    "emptied, and counted anew": Row(sql="TRUNCATE counted RESTART IDENTITY", lost=("3 rows of public.counted",)),
    "a view refreshed to what it was": Row(sql="REFRESH MATERIALIZED VIEW seen", scans=("seen",)),
    "a view that nobody refreshed": Row(sql="UPDATE counted SET a = 'w' WHERE id = 1",
        lost=("1 of 3 values of public.counted.a",), scans=("counted",)),
    "a view refreshed to other values": Row(
        sql="UPDATE counted SET a = 'w' WHERE id = 1; REFRESH MATERIALIZED VIEW seen",
        lost=("1 of 3 values of public.counted.a", f"at least 1 of 3 values of public.seen.a ({losses.MADE_ANEW})"),
        scans=("counted", "seen")),
    "a view refreshed row by row to fewer": Row(
        sql="DELETE FROM counted WHERE id = 1; REFRESH MATERIALIZED VIEW CONCURRENTLY seen",
        lost=("1 of 3 rows of public.counted", f"at least 1 of 3 rows of public.seen ({losses.MADE_ANEW})"),
        scans=("counted", "seen")),
    "a view refreshed to more": Row(
        sql="INSERT INTO counted (a) VALUES ('v'); REFRESH MATERIALIZED VIEW seen",
        left=("1 row more in public.counted", "1 row more in public.seen"), scans=("counted", "seen")),
    "a view filled for the first time": Row(sql="REFRESH MATERIALIZED VIEW unseen", scans=("unseen",)),
    "a view emptied": Row(sql="REFRESH MATERIALIZED VIEW seen WITH NO DATA", scans=(),
        lost=("some rows of public.seen (the materialized view is not populated any more: REFRESH fills it)",)),
    "a view dropped": Row(sql="DROP MATERIALIZED VIEW seen", scans=()),
    "a view with another name": Row(sql="ALTER MATERIALIZED VIEW seen RENAME TO seeing", scans=()),
    "a view with fewer columns": Row(scans=("seen",),
        sql="DROP MATERIALIZED VIEW seen; CREATE MATERIALIZED VIEW seen AS SELECT id FROM counted"),
    "a sequence that starts again": Row(
        sql="ALTER SEQUENCE counted_id_seq RESTART",
        lost=("the place of the sequence public.counted_id_seq (the next number was 4, and is 1 now)",), scans=()),
    "a sequence that went on": Row(sql="SELECT nextval('counted_id_seq')", scans=()),
    "a number with less behind the point": Row(
        sql="ALTER TABLE item DROP twice; ALTER TABLE item ALTER price TYPE numeric(8, 1)",
        lost=("the column public.item.twice with 40 values", "40 values of public.item.price")),
    "minus zero": Row(sql=LATER.format("weight = '-0'"), lost=("1 of 40 values of public.item.weight",)),
    "not a number": Row(sql=LATER.format("weight = 'NaN'"), lost=("1 of 40 values of public.item.weight",)),
    "padding is no value": Row(
        sql="ALTER TABLE item ALTER code TYPE char(9); ALTER TABLE item ALTER code TYPE char(6)"),
    "a time in another zone is the same": Row(sql="SET timezone = 'Asia/Tokyo'; UPDATE item SET made = made"),
    "an array": Row(sql=LATER.format("tags = ARRAY['a', '1', 'NULL']"), lost=("1 of 40 values of public.item.tags",)),
    "jsonb": Row(sql=LATER.format("data = '{}'"), lost=("1 of 40 values of public.item.data",)),
    "json, in which spaces count": Row(
        sql=LATER.format("""raw = '{"b": 1, "a": 2}'"""), lost=("1 of 40 values of public.item.raw",)),
    "bytes": Row(sql=LATER.format(r"bytes = '\xff00'"), lost=("1 of 40 values of public.item.bytes",)),
    "an enum": Row(sql=LATER.format("mood = 'wild'"), lost=("1 of 40 values of public.item.mood",)),
    "an enum's label": Row(
        sql="ALTER TYPE mood RENAME VALUE 'calm' TO 'quiet'", lost=("40 values of public.item.mood",)),
    "an enum's label there and back": Row(
        sql="ALTER TYPE mood RENAME VALUE 'calm' TO 'quiet'; ALTER TYPE mood RENAME VALUE 'quiet' TO 'calm'", scans=()),
    "a composite of NULLs is no NULL": Row(
        sql=LATER.format("two = ROW(NULL, NULL)::pair") , lost=("1 of 40 values of public.item.two",)),
    "no composite": Row(sql=LATER.format("two = NULL"), lost=("1 of 40 values of public.item.two",)),
    "a domain": Row(sql=LATER.format("short = ''"), lost=("1 of 40 values of public.item.short",)),
    "what others make a generated column of": Row(
        sql=LATER.format("price = 0"),
        lost=("1 of 40 values of public.item.price", "1 of 40 values of public.item.twice")),
    "a partition that becomes a table": Row(
        sql="ALTER TABLE part DETACH PARTITION part_old", lost=("11 of 20 rows of public.part",),
        scans=("part", "part_old")),
    "detached and attached": Row(
        sql="ALTER TABLE part DETACH PARTITION part_old;"
            "ALTER TABLE part ATTACH PARTITION part_old FOR VALUES FROM ('2020-01-01') TO ('2021-01-01')", scans=()),
    "rows of a partition": Row(sql="DELETE FROM part_old", lost=("11 of 20 rows of public.part",), scans=("part",)),
    "a partition emptied": Row(sql="TRUNCATE part_old", lost=("11 of 20 rows of public.part",), scans=("part",)),
    "a child's rows are its own": Row(
        sql="DELETE FROM child", lost=("at least 1 row of public.child",), scans=("child",)),
    "some values of a large table": Row(
        sql="UPDATE large SET a = upper(a) WHERE b = 3", lost=("about 2,080 of 20,000 values of public.large.a",)),
    "all values of a large table": Row(
        sql="UPDATE large SET b = NULL", lost=("about 20,000 values of public.large.b",), scans=("large",)),
    "rows of a large table": Row(
        sql="DELETE FROM large WHERE id < 4", lost=("at least 3 of 20,000 rows of public.large",)),
    "two values of a large table change places": Row(
        sql="UPDATE large SET b = 4 - b WHERE id IN (1, 3)",
        lost=("about 4 of 20,000 values of public.large.b (they stand in other rows now)",)),
    "a row of a large table is another": Row(
        sql="UPDATE large SET id = 0 WHERE id = 1", lost=("at least 1 of 20,000 values of public.large.id",)),
    "names that want quotes": Row(
        sql="""UPDATE "it's"."100% ""mine"" " SET "50% ""x"" " = '%%'""",
        lost=('1 value of "it\'s"."100% ""mine"" "."50% ""x"" "',)),
}
# fmt: on


@pytest.fixture(scope="module")
def filled(server: Server) -> Iterator[str]:
    """The name of a database to copy."""
    with scratch.throw_away(server, "contents") as name:
        run(server.url(name), BASE)
        yield name


@pytest.fixture
def there(server: Server, filled: str) -> Iterator[TargetSettings]:
    """A copy of it."""
    with scratch.throw_away(server, "contents", template=filled) as name:
        project = ProjectSettings(config=Path("alembic.ini"))
        yield TargetSettings(
            name="case", source="url", protected=False, project=project, home=Path(), raw_url=server.url(name)
        )


def run(url: str, sql: str) -> None:
    with closing(psycopg2.connect(url.replace("+psycopg2", ""))) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        for one in commands.split(sql):
            cursor.execute(one)
        cursor.execute("SELECT pg_stat_force_next_flush()")


def read(there: TargetSettings, before: Contents | None = None) -> Contents:
    with database.connect(there) as connection:
        return contents.read(connection, version_table=("public", "alembic_version"), before=before)


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_what_is_lost_and_what_is_left(there: TargetSettings, row: Row) -> None:
    before = read(there)

    run(there.raw_url or "", row.sql)
    after = read(there, before)
    if row.then:
        run(there.raw_url or "", row.then)
        after = read(there, after)
    found = losses.compare(before, after)

    assert sorted(map(str, found.lost)) == sorted(row.lost)
    assert sorted(map(str, found.left)) == sorted(row.left)
    if row.scans is not None:
        assert sorted(name for _, name in after.scanned) == sorted(row.scans)
    assert losses.compare(before, read(there)) == found, "what was taken from before is what reading it tells"
