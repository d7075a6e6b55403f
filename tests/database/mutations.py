"""What can be changed in a PostgreSQL schema, and what must be said of it: one table for every comparison.

Each row is one change of a database that `ROLES` and `BASE` (and the row's own `setup`) have made, with the differences
that it makes, exactly those and no others. A row without differences is a look-alike: something was done, and the
schema is what it was. SQL runs with `PATH`; differences name objects in full.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

PATH = "SET search_path = shop, public"

# Roles belong to the whole server: they are made once, and stay.
ROLES = """
DO $$ BEGIN
  IF to_regrole('clerk') IS NULL THEN CREATE ROLE clerk; END IF;
  IF to_regrole('boss') IS NULL THEN CREATE ROLE boss; END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$
"""

# What the base is made of, revision by revision; PATH is in force in each.
HISTORY: Mapping[str, str] = {
    "types": """
CREATE SCHEMA shop;
CREATE SCHEMA attic;
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE DOMAIN price AS numeric(10, 2) DEFAULT 1 CONSTRAINT price_check CHECK (VALUE >= 0);
CREATE TYPE address AS (street text, city varchar(40));
CREATE TYPE span AS RANGE (subtype = integer);
CREATE SEQUENCE ticket START 100;
""",
    "sales": """
CREATE TABLE customer (
  id serial PRIMARY KEY,
  email varchar(100) NOT NULL CONSTRAINT customer_email_key UNIQUE,
  name text DEFAULT 'nobody' CONSTRAINT customer_name_check CHECK (name <> ''),
  feeling mood DEFAULT 'ok',
  code varchar(10) COLLATE "C"
);
CREATE TABLE item (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  customer_id integer CONSTRAINT item_customer_fk REFERENCES customer,
  label text,
  amount numeric(10, 2) DEFAULT 0,
  doubled numeric GENERATED ALWAYS AS (amount * 2) STORED
);
CREATE INDEX item_label_idx ON item (label);
""",
    "families": """
CREATE TABLE event (at timestamptz NOT NULL, what text, PRIMARY KEY (at)) PARTITION BY RANGE (at);
CREATE INDEX event_what_idx ON event (what);
CREATE TABLE event_2024 PARTITION OF event FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE thing (n integer, note text CONSTRAINT thing_note_check CHECK (note <> 'x'));
CREATE TABLE book (pages integer) INHERITS (thing);
""",
    "later": """
ALTER TABLE customer ADD born date;
ALTER TABLE item ADD during int4range, ADD CONSTRAINT item_during_excl EXCLUDE USING gist (during WITH &&);
""",
    "code": """
CREATE VIEW cheap AS SELECT id, label FROM item WHERE amount < 10;
CREATE MATERIALIZED VIEW stock AS SELECT label, count(*) AS pieces FROM item GROUP BY label;
CREATE UNIQUE INDEX stock_label_idx ON stock (label);
CREATE FUNCTION twice(n integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT n * 2';
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE FUNCTION watch() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
CREATE PROCEDURE tidy(days integer) LANGUAGE sql AS 'SELECT 1';
CREATE AGGREGATE total(integer) (SFUNC = int4pl, STYPE = integer, INITCOND = '0');
CREATE TRIGGER touched BEFORE UPDATE ON customer FOR EACH ROW EXECUTE FUNCTION touch();
CREATE RULE keep AS ON DELETE TO customer DO INSTEAD NOTHING;
CREATE POLICY own ON customer FOR SELECT TO clerk USING (name = 'me');
CREATE STATISTICS customer_stat (dependencies) ON email, name FROM customer;
CREATE EVENT TRIGGER watching ON ddl_command_end WHEN TAG IN ('CREATE CAST') EXECUTE FUNCTION watch();
CREATE PUBLICATION news FOR TABLE customer (id, email) WHERE (id > 0);
CREATE FOREIGN DATA WRAPPER files;
CREATE SERVER archive FOREIGN DATA WRAPPER files OPTIONS (host 'old');
CREATE FOREIGN TABLE legacy (id integer) SERVER archive OPTIONS (name 'l');
""",
    "access": """
ALTER DEFAULT PRIVILEGES IN SCHEMA attic GRANT SELECT ON TABLES TO clerk;
GRANT SELECT ON item TO clerk;
COMMENT ON TABLE item IS 'what was bought';
""",
}

BASE = f"SET search_path = shop;{''.join(HISTORY.values())}"

Expected = tuple[str, str, str] | tuple[str, str, str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutation:
    """One change. `alone`: it cannot run inside of a transaction. `needs`: an extension that the server has."""

    kind: str
    says: str
    sql: str
    expected: tuple[Expected, ...]
    setup: str = ""
    since: int = 15
    until: int = 99
    alone: bool = False
    needs: str = ""

    @property
    def id(self) -> str:
        """The sentence by which a test is known."""
        return f"{self.kind}: {self.says}"


@dataclass(frozen=True)
class _Row:
    says: str
    sql: str
    expected: tuple[Expected, ...]
    more: Mapping[str, Any] = field(default_factory=dict)


def row(says: str, sql: str, *expected: Expected, **more: Any) -> _Row:
    """A change; without differences, a look-alike."""
    return _Row(says, sql, expected, more)


ADDED, REMOVED, CHANGED, RENAMED = "added", "removed", "changed", "renamed"

_COMMENTABLE = {
    "TABLE customer": "table shop.customer",
    "COLUMN customer.name": "column shop.customer.name",
    "CONSTRAINT customer_pkey ON customer": "primary key shop.customer.customer_pkey",
    "CONSTRAINT customer_email_key ON customer": "unique shop.customer.customer_email_key",
    "CONSTRAINT item_customer_fk ON item": "foreign key shop.item.item_customer_fk",
    "CONSTRAINT customer_name_check ON customer": "check shop.customer.customer_name_check",
    "CONSTRAINT item_during_excl ON item": "exclusion shop.item.item_during_excl",
    "INDEX item_label_idx": "index shop.item.item_label_idx",
    "SCHEMA shop": "schema shop",
    "SEQUENCE ticket": "sequence shop.ticket",
    "VIEW cheap": "view shop.cheap",
    "COLUMN cheap.label": "column shop.cheap.label",
    "MATERIALIZED VIEW stock": "materialized view shop.stock",
    "COLUMN stock.pieces": "column shop.stock.pieces",
    "INDEX stock_label_idx": "index shop.stock.stock_label_idx",
    "FUNCTION twice(integer)": "function shop.twice(integer)",
    "PROCEDURE tidy(integer)": "procedure shop.tidy(integer)",
    "AGGREGATE total(integer)": "aggregate shop.total(integer)",
    "TRIGGER touched ON customer": "trigger shop.customer.touched",
    "RULE keep ON customer": "rule shop.customer.keep",
    "TYPE mood": "enum shop.mood",
    "DOMAIN price": "domain shop.price",
    "TYPE address": "composite type shop.address",
    "COLUMN address.street": "column shop.address.street",
    "TYPE span": "range type shop.span",
    "POLICY own ON customer": "policy shop.customer.own",
    "STATISTICS customer_stat": "statistics shop.customer_stat",
    "EVENT TRIGGER watching": "event trigger watching",
    "PUBLICATION news": "publication news",
    "FOREIGN DATA WRAPPER files": "foreign data wrapper files",
    "SERVER archive": "foreign server archive",
    "FOREIGN TABLE legacy": "foreign table shop.legacy",
    "COLUMN legacy.id": "column shop.legacy.id",
}

_OWNABLE = {
    "TABLE item": "table shop.item",
    "SEQUENCE ticket": "sequence shop.ticket",
    "VIEW cheap": "view shop.cheap",
    "MATERIALIZED VIEW stock": "materialized view shop.stock",
    "FUNCTION twice(integer)": "function shop.twice(integer)",
    "PROCEDURE tidy(integer)": "procedure shop.tidy(integer)",
    "AGGREGATE total(integer)": "aggregate shop.total(integer)",
    "SCHEMA attic": "schema attic",
    "TYPE mood": "enum shop.mood",
    "DOMAIN price": "domain shop.price",
    "TYPE address": "composite type shop.address",
    "TYPE span": "range type shop.span",
    "STATISTICS customer_stat": "statistics shop.customer_stat",
    "PUBLICATION news": "publication news",
    "SERVER archive": "foreign server archive",
    "FOREIGN TABLE legacy": "foreign table shop.legacy",
}

_GRANTABLE = {
    "SELECT ON customer": ("table shop.customer", ["SELECT"]),
    "UPDATE (name) ON customer": ("column shop.customer.name", ["UPDATE"]),
    "SELECT ON cheap": ("view shop.cheap", ["SELECT"]),
    "SELECT (label) ON cheap": ("column shop.cheap.label", ["SELECT"]),
    "SELECT ON stock": ("materialized view shop.stock", ["SELECT"]),
    "SELECT ON legacy": ("foreign table shop.legacy", ["SELECT"]),
    "USAGE ON SEQUENCE ticket": ("sequence shop.ticket", ["USAGE"]),
    "CREATE, USAGE ON SCHEMA shop": ("schema shop", ["CREATE", "USAGE"]),
    "EXECUTE ON FUNCTION twice(integer)": ("function shop.twice(integer)", ["EXECUTE"]),
    "EXECUTE ON PROCEDURE tidy(integer)": ("procedure shop.tidy(integer)", ["EXECUTE"]),
    "EXECUTE ON FUNCTION total(integer)": ("aggregate shop.total(integer)", ["EXECUTE"]),
    "USAGE ON TYPE mood": ("enum shop.mood", ["USAGE"]),
    "USAGE ON DOMAIN price": ("domain shop.price", ["USAGE"]),
    "USAGE ON TYPE address": ("composite type shop.address", ["USAGE"]),
    "USAGE ON TYPE span": ("range type shop.span", ["USAGE"]),
    "USAGE ON FOREIGN DATA WRAPPER files": ("foreign data wrapper files", ["USAGE"]),
    "USAGE ON FOREIGN SERVER archive": ("foreign server archive", ["USAGE"]),
}

HEAP2 = "CREATE ACCESS METHOD heap2 TYPE TABLE HANDLER heap_tableam_handler"
ROW = "BEFORE INSERT ON customer FOR EACH ROW EXECUTE FUNCTION touch()"

# fmt: off
TABLE: dict[str, tuple[_Row, ...]] = {
    "schema": (
        row("created", "CREATE SCHEMA cellar", (ADDED, "schema", "cellar", {"owner": "postgres"})),
        row(
            "created with a table in it, which is no news of its own",
            "CREATE SCHEMA cellar CREATE TABLE box (id integer PRIMARY KEY)",
            (ADDED, "schema", "cellar"),
        ),
        row("dropped", "DROP SCHEMA attic", (REMOVED, "schema", "attic")),
        row("dropped with all that is in it", "DROP SCHEMA shop CASCADE; DROP FOREIGN DATA WRAPPER files CASCADE",
            (REMOVED, "schema", "shop"), (REMOVED, "foreign data wrapper", "files"),
            (REMOVED, "foreign server", "archive"), (REMOVED, "event trigger", "watching"),
            (CHANGED, "publication", "news", {"tables": [{"shop.customer": "(email, id) where (id > 0)"}, None]})),
        row("renamed, with all that is in it", "ALTER SCHEMA shop RENAME TO store", (RENAMED, "schema", "store")),
        row("dropped and another, which is not the same, created",
            "DROP SCHEMA attic; CREATE SCHEMA loft CREATE TABLE box (id integer)",
            (REMOVED, "schema", "attic"), (ADDED, "schema", "loft")),
        row("dropped and created again", "DROP SCHEMA attic; CREATE SCHEMA attic; "
            "ALTER DEFAULT PRIVILEGES IN SCHEMA attic GRANT SELECT ON TABLES TO clerk"),
        row("renamed and back", "ALTER SCHEMA shop RENAME TO x; ALTER SCHEMA x RENAME TO shop"),
        row("temporary objects come and stay", "CREATE TEMP TABLE t (id serial PRIMARY KEY, x text UNIQUE); "
            "CREATE INDEX ON t (x); CREATE TEMP VIEW v AS SELECT * FROM t; CREATE TEMP SEQUENCE q; "
            "CREATE STATISTICS s ON id, x FROM t; COMMENT ON TABLE t IS 'x'; "
            "CREATE FUNCTION pg_temp.f() RETURNS integer LANGUAGE sql AS 'SELECT 1'; "
            "CREATE TYPE pg_temp.e AS ENUM ('a'); CREATE DOMAIN pg_temp.d AS text; "
            "CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION touch(); "
            "CREATE RULE r AS ON DELETE TO t DO INSTEAD NOTHING; "
            "CREATE POLICY p ON t; GRANT SELECT ON t TO clerk"),
        row("the version table and our own schema come", "CREATE TABLE public.alembic_version "
            "(version_num varchar(32) PRIMARY KEY); COMMENT ON TABLE public.alembic_version IS 'x'; "
            "CREATE SCHEMA alembic_ops; CREATE TABLE alembic_ops.ledger (id serial PRIMARY KEY); "
            "CREATE FUNCTION alembic_ops.f() RETURNS integer LANGUAGE sql AS 'SELECT 1'; "
            "CREATE TYPE alembic_ops.e AS ENUM ('a'); CREATE VIEW alembic_ops.v AS SELECT 1; "
            "ALTER DEFAULT PRIVILEGES IN SCHEMA alembic_ops GRANT SELECT ON TABLES TO clerk; "
            "CREATE STATISTICS alembic_ops.s ON version_num, (length(version_num)) FROM public.alembic_version"),
    ),
    "table": (
        row("created", "CREATE TABLE shelf (id integer PRIMARY KEY, x text NOT NULL UNIQUE CHECK (x <> ''))",
            (ADDED, "table", "shop.shelf", {"persistence": "permanent", "owner": "postgres"})),
        row("created with all that belongs to it", "CREATE TABLE shelf (id serial PRIMARY KEY, up integer REFERENCES "
            "shelf, x text, n bigint GENERATED BY DEFAULT AS IDENTITY); CREATE INDEX ON shelf (x); "
            "CREATE STATISTICS s ON id, x FROM shelf; COMMENT ON COLUMN shelf.x IS 'x'; GRANT SELECT (x) ON shelf TO "
            "clerk; "
            "CREATE POLICY p ON shelf; CREATE RULE r AS ON DELETE TO shelf DO INSTEAD NOTHING; "
            "CREATE TRIGGER g BEFORE INSERT ON shelf FOR EACH ROW EXECUTE FUNCTION touch()",
            (ADDED, "table", "shop.shelf")),
        row("without columns, created", "CREATE TABLE shelf ()", (ADDED, "table", "shop.shelf")),
        row("dropped, and what was made of it with it", "DROP TABLE item CASCADE",
            (REMOVED, "table", "shop.item", {"comment": "what was bought"}), (REMOVED, "view", "shop.cheap"),
            (REMOVED, "materialized view", "shop.stock")),
        row("dropped, with its statistics and its sequence", "DROP TABLE customer CASCADE",
            (REMOVED, "table", "shop.customer"), (REMOVED, "foreign key", "shop.item.item_customer_fk"),
            (CHANGED, "publication", "news")),
        row("renamed", "ALTER TABLE customer RENAME TO client", (RENAMED, "table", "shop.client")),
        row("renamed, used by views", "ALTER TABLE item RENAME TO article", (RENAMED, "table", "shop.article")),
        row("two that speak of each other renamed", "ALTER TABLE item RENAME TO article; ALTER TABLE customer RENAME "
            "TO client", (RENAMED, "table", "shop.article"), (RENAMED, "table", "shop.client")),
        row("renamed, a constraint and the sequence too", "ALTER TABLE customer RENAME TO client; "
            "ALTER INDEX customer_pkey RENAME TO client_pkey; ALTER SEQUENCE customer_id_seq RENAME TO client_id_seq",
            (RENAMED, "table", "shop.client"), (RENAMED, "primary key", "shop.client.client_pkey"),
            (RENAMED, "sequence", "shop.client_id_seq")),
        row("renamed and changed at once is another table", "ALTER TABLE thing RENAME TO stuff; "
            "ALTER TABLE stuff ADD COLUMN x integer",
            (REMOVED, "table", "shop.thing"), (ADDED, "table", "shop.stuff"),
            (CHANGED, "table", "shop.book", {"inherits": [["shop.thing"], ["shop.stuff"]]})),
        row("renamed, and the function that its trigger calls too", "ALTER FUNCTION touch() RENAME TO brush; "
            "ALTER TABLE customer RENAME TO client",
            (RENAMED, "table", "shop.client"), (RENAMED, "function", "shop.brush()")),
        row("moved to another schema", "ALTER TABLE customer SET SCHEMA attic", (RENAMED, "table", "attic.customer")),
        row("two of different shape swapped names", "ALTER TABLE thing2 RENAME TO x; ALTER TABLE thing3 RENAME TO "
            "thing2; "
            "ALTER TABLE x RENAME TO thing3", (ADDED, "column", "shop.thing2.c"), (REMOVED, "column", "shop.thing2.b"),
            (ADDED, "column", "shop.thing3.b"), (REMOVED, "column", "shop.thing3.c"),
            setup="CREATE TABLE thing2 (a integer, b text); CREATE TABLE thing3 (a integer, c date)"),
        row("dropped and created again, columns in another order", "DROP TABLE thing2; "
            "CREATE TABLE thing2 (b text, a integer NOT NULL)",
            setup="CREATE TABLE thing2 (a integer NOT NULL, b text)"),
        row("a column dropped and added again", "ALTER TABLE thing2 DROP COLUMN a; ALTER TABLE thing2 ADD COLUMN a "
            "integer",
            setup="CREATE TABLE thing2 (a integer, b text)"),
        row("filled, analyzed, emptied", "INSERT INTO customer (email) SELECT g::text FROM generate_series(1, 300) g; "
            "ANALYZE customer; TRUNCATE customer CASCADE"),
        row("rewritten and reindexed", "VACUUM FULL shop.customer; REINDEX TABLE shop.customer; VACUUM ANALYZE "
            "shop.item", alone=True),
        row("two of the same shape swapped names: nobody can see that", "ALTER TABLE twin1 RENAME TO x; "
            "ALTER TABLE twin2 RENAME TO twin1; ALTER TABLE x RENAME TO twin2",
            setup="CREATE TABLE twin1 (a integer); CREATE TABLE twin2 (a integer)"),
    ),
    "persistence": (
        row("unlogged created", "CREATE UNLOGGED TABLE shelf (x text)",
            (ADDED, "table", "shop.shelf", {"persistence": "unlogged"})),
        row("set to unlogged", "ALTER TABLE thing2 SET UNLOGGED",
            (CHANGED, "table", "shop.thing2", {"persistence": ["permanent", "unlogged"]}),
            setup="CREATE TABLE thing2 (a integer)"),
        row("set to logged", "ALTER TABLE thing2 SET LOGGED",
            (CHANGED, "table", "shop.thing2", {"persistence": ["unlogged", "permanent"]}),
            setup="CREATE UNLOGGED TABLE thing2 (a integer)"),
        row("unlogged dropped", "DROP TABLE thing2", (REMOVED, "table", "shop.thing2"),
            setup="CREATE UNLOGGED TABLE thing2 (a integer)"),
        row("unlogged and back", "ALTER TABLE thing2 SET UNLOGGED; ALTER TABLE thing2 SET LOGGED",
            setup="CREATE TABLE thing2 (a integer)"),
    ),
    "partition": (
        row("created", "CREATE TABLE event_2025 PARTITION OF event FOR VALUES FROM ('2025-01-01') TO ('2026-01-01')",
            (ADDED, "table", "shop.event_2025", {"partition of": "shop.event", "bounds":
             "FOR VALUES FROM ('2025-01-01 00:00:00+00') TO ('2026-01-01 00:00:00+00')"})),
        row("a default one created", "CREATE TABLE rest PARTITION OF event DEFAULT",
            (ADDED, "table", "shop.rest", {"bounds": "DEFAULT"})),
        row("with other bounds", "DROP TABLE event_2024; "
            "CREATE TABLE event_2024 PARTITION OF event FOR VALUES FROM ('2024-01-01') TO ('2024-07-01')",
            (CHANGED, "table", "shop.event_2024", {"bounds": [
                "FOR VALUES FROM ('2024-01-01 00:00:00+00') TO ('2025-01-01 00:00:00+00')",
                "FOR VALUES FROM ('2024-01-01 00:00:00+00') TO ('2024-07-01 00:00:00+00')"]})),
        row("columns of partitions of partitions renamed, added, dropped", "ALTER TABLE deep RENAME b TO bb; ALTER "
            "TABLE deep "
            "ADD c integer NOT NULL DEFAULT 3; ALTER TABLE deep DROP COLUMN d", (RENAMED, "column", "shop.deep.bb"),
            (ADDED, "column", "shop.deep.c"), (REMOVED, "column", "shop.deep.d"),
            setup="CREATE TABLE deep (a integer, b text, d date) PARTITION BY LIST (a); CREATE TABLE deep_1 "
            "PARTITION OF deep "
            "FOR VALUES IN (1) PARTITION BY LIST (b); CREATE TABLE deep_1_1 PARTITION OF deep_1 DEFAULT"),
        row("detached, with indexes and columns of its own now", "ALTER TABLE event DETACH PARTITION event_2024",
            (CHANGED, "table", "shop.event_2024", {"partition of": ["shop.event", None]})),
        row("attached, its indexes being the parent's now",
            "ALTER TABLE event ATTACH PARTITION old FOR VALUES FROM ('2000-01-01') TO ('2001-01-01')",
            (CHANGED, "table", "shop.old", {"partition of": [None, "shop.event"]}),
            setup="CREATE TABLE old (at timestamptz PRIMARY KEY, what text); CREATE INDEX ON old (what)"),
        row("dropped", "DROP TABLE event_2024", (REMOVED, "table", "shop.event_2024")),
        row("the whole dropped", "DROP TABLE event", (REMOVED, "table", "shop.event",
            {"partition key": "RANGE (at)"})),
        row("another key", "DROP TABLE log; CREATE TABLE log (a integer, b integer) PARTITION BY LIST (a)",
            (CHANGED, "table", "shop.log", {"partition key": ["LIST (b)", "LIST (a)"]}),
            setup="CREATE TABLE log (a integer, b integer) PARTITION BY LIST (b)"),
        row("a column added to the whole", "ALTER TABLE event ADD COLUMN who text NOT NULL",
            (ADDED, "column", "shop.event.who")),
        row("a column of the whole changed", "ALTER TABLE event ALTER what TYPE varchar(9)",
            (CHANGED, "column", "shop.event.what", {"type": ["text", "character varying(9)"]})),
        row("a column of the whole renamed", "ALTER TABLE event RENAME what TO why",
            (RENAMED, "column", "shop.event.why")),
        row("a column of the whole made mandatory", "ALTER TABLE event ALTER what SET NOT NULL",
            (ADDED, "not null", "shop.event.what")),
        row("the whole renamed", "ALTER TABLE event RENAME TO happening", (RENAMED, "table", "shop.happening")),
        row("an index of the whole dropped", "DROP INDEX event_what_idx",
            (REMOVED, "index", "shop.event.event_what_idx")),
        row("an index of one only created", 'CREATE INDEX "only" ON event_2024 (at, what)',
            (ADDED, "index", 'shop.event_2024."only"')),
        row("made by hand and attached", "DROP TABLE event_2024; "
            "CREATE TABLE event_2024 (what text, at timestamptz NOT NULL); ALTER TABLE event ATTACH PARTITION "
            "event_2024 "
            "FOR VALUES FROM ('2024-01-01') TO ('2025-01-01')"),
        row("detached and attached again", "ALTER TABLE event DETACH PARTITION event_2024; "
            "ALTER TABLE event ATTACH PARTITION event_2024 FOR VALUES FROM ('2024-01-01') TO ('2025-01-01')"),
        row("bounds in another time zone", "SET LOCAL timezone = 'Asia/Tokyo'; DROP TABLE event_2024; "
            "CREATE TABLE event_2024 PARTITION OF event FOR VALUES FROM ('2024-01-01 09:00') TO ('2025-01-01 09:00')"),
    ),
    "inheritance": (
        row("a child created", "CREATE TABLE film (minutes integer) INHERITS (thing)",
            (ADDED, "table", "shop.film", {"inherits": ["shop.thing"]})),
        row("given", "ALTER TABLE film INHERIT thing",
            (CHANGED, "table", "shop.film", {"inherits": [None, ["shop.thing"]]}),
            setup="CREATE TABLE film (n integer, note text CONSTRAINT thing_note_check CHECK (note <> 'x'))"),
        row("taken away", "ALTER TABLE book NO INHERIT thing",
            (CHANGED, "table", "shop.book", {"inherits": [["shop.thing"], None]})),
        row("a child dropped", "DROP TABLE book", (REMOVED, "table", "shop.book")),
        row("the parent's column changed", "ALTER TABLE thing ALTER n TYPE bigint",
            (CHANGED, "column", "shop.thing.n", {"type": ["integer", "bigint"]})),
        row("the parent's column dropped", "ALTER TABLE thing DROP COLUMN n", (REMOVED, "column", "shop.thing.n")),
        row("the parent's column renamed", "ALTER TABLE thing RENAME n TO m", (RENAMED, "column", "shop.thing.m")),
        row("the parent's check dropped", "ALTER TABLE thing DROP CONSTRAINT thing_note_check",
            (REMOVED, "check", "shop.thing.thing_note_check")),
        row("the parent renamed", "ALTER TABLE thing RENAME TO matter", (RENAMED, "table", "shop.matter")),
        row("a child created again", "DROP TABLE book; CREATE TABLE book (pages integer) INHERITS (thing)"),
    ),
    "storage options": (
        row("given", "ALTER TABLE item SET (fillfactor = 70)",
            (CHANGED, "table", "shop.item", {"options": [None, ["fillfactor=70"]]})),
        row("given for what is stored apart", "ALTER TABLE item SET (toast.autovacuum_enabled = false)",
            (CHANGED, "table", "shop.item", {"toast options": [None, ["autovacuum_enabled=false"]]})),
        row("changed", "ALTER TABLE full_one SET (fillfactor = 80)",
            (CHANGED, "table", "shop.full_one", {"options": [["fillfactor=70"], ["fillfactor=80"]]}),
            setup="CREATE TABLE full_one (a integer) WITH (fillfactor = 70)"),
        row("taken away", "ALTER TABLE full_one RESET (fillfactor)",
            (CHANGED, "table", "shop.full_one", {"options": [["fillfactor=70"], None]}),
            setup="CREATE TABLE full_one (a integer) WITH (fillfactor = 70)"),
        row("of a column given", "ALTER TABLE item ALTER label SET (n_distinct = 5)",
            (CHANGED, "column", "shop.item.label", {"options": [None, ["n_distinct=5"]]})),
        row("how a column is stored", "ALTER TABLE item ALTER label SET STORAGE EXTERNAL",
            (CHANGED, "column", "shop.item.label", {"storage": [None, "external"]})),
        row("how closely a column is looked at", "ALTER TABLE item ALTER label SET STATISTICS 500",
            (CHANGED, "column", "shop.item.label", {"statistics": [None, 500]})),
        row("of a view", "ALTER VIEW cheap SET (security_barrier = true)",
            (CHANGED, "view", "shop.cheap", {"options": [None, ["security_barrier=true"]]})),
        row("given in another order", "ALTER TABLE two SET (autovacuum_enabled = false); ALTER TABLE two SET "
            "(fillfactor = 70)",
            setup="CREATE TABLE two (a integer) WITH (fillfactor = 70, autovacuum_enabled = false); "
            "ALTER TABLE two RESET (fillfactor, autovacuum_enabled); ALTER TABLE two SET (fillfactor = 70, "
            "autovacuum_enabled = false)"),
        row("given and taken away", "ALTER TABLE item SET (fillfactor = 70); ALTER TABLE item RESET (fillfactor); "
            "ALTER TABLE item ALTER label SET STORAGE EXTERNAL; ALTER TABLE item ALTER label SET STORAGE EXTENDED; "
            "ALTER TABLE item ALTER label SET STATISTICS 500; ALTER TABLE item ALTER label SET STATISTICS -1"),
    ),
    "access method": (
        row("another for a new table", "CREATE TABLE shelf (x text) USING heap2",
            (ADDED, "table", "shop.shelf", {"access method": "heap2"}), setup=HEAP2),
        row("changed", "ALTER TABLE item SET ACCESS METHOD heap2",
            (CHANGED, "table", "shop.item", {"access method": ["heap", "heap2"]}), setup=HEAP2),
        row("changed of a materialized view", "ALTER MATERIALIZED VIEW stock SET ACCESS METHOD heap2",
            (CHANGED, "materialized view", "shop.stock", {"access method": ["heap", "heap2"]}), setup=HEAP2),
        row("dropped with its table", "DROP TABLE shelf", (REMOVED, "table", "shop.shelf", {"access method": "heap2"}),
            setup=HEAP2 + "; CREATE TABLE shelf (x text) USING heap2"),
        row("said, though it is the default", "DROP TABLE book; CREATE TABLE book (pages integer) INHERITS (thing) "
            "USING heap"),
    ),
    "row security": (
        row("enabled", "ALTER TABLE item ENABLE ROW LEVEL SECURITY",
            (CHANGED, "table", "shop.item", {"row security": [None, "enabled"]})),
        row("forced", "ALTER TABLE item FORCE ROW LEVEL SECURITY",
            (CHANGED, "table", "shop.item", {"row security": ["enabled", "forced"]}),
            setup="ALTER TABLE item ENABLE ROW LEVEL SECURITY"),
        row("disabled", "ALTER TABLE item DISABLE ROW LEVEL SECURITY",
            (CHANGED, "table", "shop.item", {"row security": ["enabled", None]}),
            setup="ALTER TABLE item ENABLE ROW LEVEL SECURITY"),
        row("enabled and disabled", "ALTER TABLE item ENABLE ROW LEVEL SECURITY; ALTER TABLE item DISABLE ROW LEVEL "
            "SECURITY"),
    ),
    "replica identity": (
        row("full", "ALTER TABLE customer REPLICA IDENTITY FULL",
            (CHANGED, "table", "shop.customer", {"replica identity": [None, "full"]})),
        row("an index", "ALTER TABLE customer REPLICA IDENTITY USING INDEX customer_email_key",
            (CHANGED, "table", "shop.customer", {"replica identity": ["full", "index shop.customer_email_key"]}),
            setup="ALTER TABLE customer REPLICA IDENTITY FULL"),
        row("an index that is renamed", "ALTER INDEX customer_email_key RENAME TO k",
            (RENAMED, "unique", "shop.customer.k"),
            setup="ALTER TABLE customer REPLICA IDENTITY USING INDEX customer_email_key"),
        row("back to the default", "ALTER TABLE customer REPLICA IDENTITY DEFAULT",
            (CHANGED, "table", "shop.customer", {"replica identity": ["nothing", None]}),
            setup="ALTER TABLE customer REPLICA IDENTITY NOTHING"),
        row("the default, said", "ALTER TABLE customer REPLICA IDENTITY DEFAULT"),
    ),
    "column": (
        row("added", "ALTER TABLE item ADD COLUMN x integer", (ADDED, "column", "shop.item.x", {"type": "integer"})),
        row("added with all that belongs to it", "ALTER TABLE item ADD COLUMN x integer NOT NULL DEFAULT 1 CHECK (x "
            "> 0) "
            "UNIQUE REFERENCES customer; CREATE INDEX ON item (x) WHERE x > 1; COMMENT ON COLUMN item.x IS 'x'",
            (ADDED, "column", "shop.item.x", {"default": "1", "comment": "x"})),
        row("dropped, with what stands on it", "ALTER TABLE customer DROP COLUMN born, DROP COLUMN code",
            (REMOVED, "column", "shop.customer.born"), (REMOVED, "column", "shop.customer.code"),
            setup="CREATE INDEX ON customer (born, code)"),
        row("dropped, and its check, its unique and its foreign key", "ALTER TABLE item DROP COLUMN customer_id",
            (REMOVED, "column", "shop.item.customer_id"),
            setup="ALTER TABLE item ADD UNIQUE (customer_id), ADD CHECK (customer_id > 0)"),
        row("renamed, with what stands on it", "ALTER TABLE customer RENAME email TO mail",
            (RENAMED, "column", "shop.customer.mail")),
        row("renamed, used by a view and a partial index", "ALTER TABLE item RENAME label TO title",
            (RENAMED, "column", "shop.item.title"),
            setup="CREATE INDEX ON item (id) WHERE label IS NOT NULL; CREATE VIEW j AS SELECT i.label, c.name FROM "
            "item i "
            "JOIN customer c ON c.id = i.customer_id WHERE i.label <> 'label'"),
        row("renamed, used by a foreign key", "ALTER TABLE customer RENAME id TO nr", (RENAMED, "column",
            "shop.customer.nr")),
        row("renamed, a generated one stands on it", "ALTER TABLE item RENAME amount TO cost",
            (RENAMED, "column", "shop.item.cost")),
        row("renamed, and a check that only holds the word changed", "ALTER TABLE item RENAME label TO title; "
            "ALTER TABLE item DROP CONSTRAINT k; ALTER TABLE item ADD CONSTRAINT k CHECK (amount::text <> 'title')",
            (RENAMED, "column", "shop.item.title"), (CHANGED, "check", "shop.item.k"),
            setup="ALTER TABLE item ADD CONSTRAINT k CHECK (amount::text <> 'label')"),
        row("renamed and changed at once is another column", "ALTER TABLE item RENAME during TO span; "
            "ALTER TABLE item ALTER span SET DEFAULT 'empty'",
            (REMOVED, "column", "shop.item.during"), (ADDED, "column", "shop.item.span"),
            (CHANGED, "exclusion", "shop.item.item_during_excl")),
        row("of a typed table", "ALTER TYPE kind ADD ATTRIBUTE b text CASCADE",
            (CHANGED, "composite type", "shop.kind", {"attributes": [["a integer"], ["a integer", "b text"]]}),
            setup="CREATE TYPE kind AS (a integer); CREATE TABLE kinds OF kind"),
        row("dropped and added again, with all that stood on it", "ALTER TABLE customer DROP COLUMN code; "
            'ALTER TABLE customer ADD COLUMN code varchar(10) COLLATE "C"'),
        row("renamed and back", "ALTER TABLE customer RENAME email TO mail; ALTER TABLE customer RENAME mail TO email"),
    ),
    "type": (
        row("of a key and of what refers to it", "ALTER TABLE item DROP CONSTRAINT item_customer_fk; ALTER TABLE "
            "customer "
            "ALTER id TYPE bigint; ALTER TABLE item ALTER customer_id TYPE bigint, ADD CONSTRAINT item_customer_fk "
            "FOREIGN "
            "KEY (customer_id) REFERENCES customer", (CHANGED, "column", "shop.customer.id"),
            (CHANGED, "column", "shop.item.customer_id"), setup="DROP PUBLICATION news"),
        row("wider", "ALTER TABLE customer ALTER code TYPE varchar(20)",
            (CHANGED, "column", "shop.customer.code", {"type": ["character varying(10)", "character varying(20)"],
             "collation": ['"C"', None]})),
        row("without a length", "ALTER TABLE customer ALTER email TYPE varchar",
            (CHANGED, "column", "shop.customer.email", {"type": ["character varying(100)", "character varying"]}),
            setup="DROP PUBLICATION news"),
        row("another, and a check written anew for it", "ALTER TABLE customer2 ALTER b TYPE varchar(9)",
            (CHANGED, "column", "shop.customer2.b", {"type": ["text", "character varying(9)"]}),
            setup="CREATE TABLE customer2 (b text CHECK (b <> 'x' AND b IN ('p', 'q'))); CREATE INDEX ON customer2 (b) "
            "WHERE b <> 'q'; CREATE INDEX ON customer2 (lower(b))"),
        row("of an identity column, and of the sequence behind it", "ALTER TABLE item ALTER id TYPE integer",
            (CHANGED, "column", "shop.item.id", {"type": ["bigint", "integer"]}),
            setup="DROP VIEW cheap"),
        row("an enum's", "ALTER TABLE customer ALTER feeling DROP DEFAULT; ALTER TABLE customer ALTER feeling TYPE "
            "text; "
            "ALTER TABLE customer ALTER feeling SET DEFAULT 'ok'",
            (CHANGED, "column", "shop.customer.feeling", {"type": ["shop.mood", "text"]})),
        row("an array", "ALTER TABLE item ALTER label TYPE text[] USING ARRAY[label]",
            (CHANGED, "column", "shop.item.label", {"type": ["text", "text[]"]}), setup="DROP VIEW cheap; DROP "
            "MATERIALIZED VIEW stock"),
        row("precision taken away", "ALTER TABLE full_one ALTER a TYPE numeric",
            (CHANGED, "column", "shop.full_one.a", {"type": ["numeric(10,2)", "numeric"]}),
            setup="CREATE TABLE full_one (a numeric(10,2))"),
        row("written by another name", "DROP TABLE many; CREATE TABLE many (a int4, b int8, c int2, d character "
            "varying(5), "
            "e character(3), f bool, g timestamp with time zone, h float8, i float4, j decimal(10, 2), k int4[], l "
            "time with "
            "time zone, m bpchar(4), n public.\"char\", o pg_catalog.text)".replace('public."char"', '"char"'),
            setup="CREATE TABLE many (a integer, b bigint, c smallint, d varchar(5), e char(3), f boolean, g "
            "timestamptz, "
            "h double precision, i real, j numeric(10,2), k integer[], l timetz, m char(4), n \"char\", o text)"),
    ),
    "collation": (
        row("of a new column", 'ALTER TABLE item ADD COLUMN x text COLLATE "POSIX"',
            (ADDED, "column", "shop.item.x", {"collation": '"POSIX"'})),
        row("given", 'ALTER TABLE customer ALTER name TYPE text COLLATE "C"',
            (CHANGED, "column", "shop.customer.name", {"collation": [None, '"C"']}), setup="DROP POLICY own ON "
            "customer"),
        row("changed", 'ALTER TABLE customer ALTER code TYPE varchar(10) COLLATE "POSIX"',
            (CHANGED, "column", "shop.customer.code", {"collation": ['"C"', '"POSIX"']})),
        row("taken away", "ALTER TABLE customer ALTER code TYPE varchar(10)",
            (CHANGED, "column", "shop.customer.code", {"collation": ['"C"', None]})),
        row("the default, said", 'ALTER TABLE customer ALTER born TYPE date; ALTER TABLE item ADD COLUMN y text '
            'COLLATE '
            '"default"; ALTER TABLE item DROP COLUMN x; ALTER TABLE item RENAME y TO x',
            setup="ALTER TABLE item ADD COLUMN x text"),
    ),
    "nullability": (
        row("taken away", "ALTER TABLE item ALTER label SET NOT NULL",
            (ADDED, "not null", "shop.item.label", {"validated": True})),
        row("given back", "ALTER TABLE customer ALTER email DROP NOT NULL", (REMOVED, "not null",
            "shop.customer.email")),
        row("of a new column", "ALTER TABLE item ADD COLUMN x integer NOT NULL", (ADDED, "column", "shop.item.x")),
        row("taken away by a primary key", "ALTER TABLE thing2 ADD PRIMARY KEY (a)",
            (ADDED, "primary key", "shop.thing2.thing2_pkey"), setup="CREATE TABLE thing2 (a integer)"),
        row("not yet proved", "ALTER TABLE item ADD CONSTRAINT label_there NOT NULL label NOT VALID",
            (ADDED, "not null", "shop.item.label", {"validated": False, "name": "label_there"}), since=18),
        row("proved", "ALTER TABLE item VALIDATE CONSTRAINT label_there",
            (CHANGED, "not null", "shop.item.label", {"validated": [False, True]}), since=18,
            setup="ALTER TABLE item ADD CONSTRAINT label_there NOT NULL label NOT VALID"),
        row("not for children", "ALTER TABLE thing ADD CONSTRAINT n_there NOT NULL n NO INHERIT",
            (ADDED, "not null", "shop.thing.n", {"no inherit": True}), since=18),
        row("under another name", "ALTER TABLE customer RENAME CONSTRAINT customer_email_not_null TO must",
            (CHANGED, "not null", "shop.customer.email", {"name": [None, "must"]}), since=18),
        row("commented", "COMMENT ON CONSTRAINT customer_email_not_null ON customer IS 'x'",
            (ADDED, "comment", "not null shop.customer.email"), since=18),
        row("under another name of the server's", "ALTER TABLE customer RENAME CONSTRAINT customer_email_not_null TO "
            "client_email_not_null", since=18),
        row("taken away and given back", "ALTER TABLE item ALTER label SET NOT NULL; ALTER TABLE item ALTER label "
            "DROP NOT NULL"),
        row("NULL, said", "ALTER TABLE item ADD COLUMN y integer NULL; ALTER TABLE item DROP COLUMN y"),
    ),
    "default": (
        row("given", "ALTER TABLE item ALTER label SET DEFAULT 'x'",
            (CHANGED, "column", "shop.item.label", {"default": [None, "'x'::text"]})),
        row("changed", "ALTER TABLE customer ALTER name SET DEFAULT 'someone'",
            (CHANGED, "column", "shop.customer.name", {"default": ["'nobody'::text", "'someone'::text"]})),
        row("taken away", "ALTER TABLE customer ALTER name DROP DEFAULT",
            (CHANGED, "column", "shop.customer.name", {"default": ["'nobody'::text", None]})),
        row("a sequence's", "ALTER TABLE item ALTER customer_id SET DEFAULT nextval('ticket')",
            (CHANGED, "column", "shop.item.customer_id", {"default": [None, "nextval('shop.ticket'::regclass)"]})),
        row("a serial's taken away", "ALTER TABLE customer ALTER id DROP DEFAULT",
            (CHANGED, "column", "shop.customer.id", {"default": ["nextval('shop.customer_id_seq'::regclass)", None]})),
        row("of a view's column given", "ALTER VIEW cheap ALTER label SET DEFAULT 'x'",
            (CHANGED, "column", "shop.cheap.label", {"default": [None, "'x'::text"]})),
        row("written in another way", "ALTER TABLE full_one ALTER a SET DEFAULT '1'::int, ALTER b SET DEFAULT "
            "CAST('x' AS "
            "varchar(5)), ALTER c SET DEFAULT current_timestamp::timestamptz, ALTER d SET DEFAULT (((true)))",
            setup="CREATE TABLE full_one (a integer DEFAULT 1, b varchar(5) DEFAULT 'x'::varchar(5), c timestamptz "
            "DEFAULT "
            "CURRENT_TIMESTAMP, d boolean DEFAULT true)"),
        row("a number in quotes", "ALTER TABLE full_one ALTER a SET DEFAULT '0', ALTER b SET DEFAULT '-1', ALTER c "
            "SET DEFAULT '1.50', "
            "ALTER d SET DEFAULT '1.5'::float8, ALTER e SET DEFAULT 'true'; ALTER DOMAIN price SET DEFAULT '1'",
            setup="CREATE TABLE full_one (a bigint DEFAULT 0, b smallint DEFAULT -1, c numeric DEFAULT 1.50, d "
            "float8 DEFAULT 1.5, "
            "e boolean DEFAULT true)"),
        row("a constant with another cast, or with none",
            "ALTER TABLE full_one ALTER a SET DEFAULT (0)::numeric, ALTER b SET DEFAULT 'x'::text, ALTER c SET DEFAULT "
            "'x', ALTER d SET DEFAULT '1'::smallint, ALTER e SET DEFAULT 't'",
            setup="CREATE TABLE full_one (a numeric(10, 2) DEFAULT '0', b varchar(5) DEFAULT 'x', "
            "c varchar(5) DEFAULT 'x'::varchar(5), d integer DEFAULT 1, e boolean DEFAULT true)"),
        row("a number in quotes that is text", "ALTER TABLE item ALTER label SET DEFAULT '1'",
            (CHANGED, "column", "shop.item.label", {"default": [None, "'1'::text"]})),
        row("given and taken away", "ALTER TABLE item ALTER label SET DEFAULT 'x'; ALTER TABLE item ALTER label DROP "
            "DEFAULT"),
        row("null, said", "ALTER TABLE item ALTER label SET DEFAULT NULL"),
    ),
    "identity": (
        row("given", "ALTER TABLE thing2 ALTER a ADD GENERATED ALWAYS AS IDENTITY",
            (CHANGED, "column", "shop.thing2.a", {"identity": [None, "always"]}),
            setup="CREATE TABLE thing2 (a integer NOT NULL)"),
        row("of a new column", "ALTER TABLE customer ADD COLUMN x bigint GENERATED BY DEFAULT AS IDENTITY",
            (ADDED, "column", "shop.customer.x", {"identity": "by default"})),
        row("changed", "ALTER TABLE item ALTER id SET GENERATED BY DEFAULT",
            (CHANGED, "column", "shop.item.id", {"identity": ["always", "by default"]})),
        row("its sequence changed", "ALTER TABLE item ALTER id SET INCREMENT 5 SET CACHE 3",
            (CHANGED, "sequence", "shop.item_id_seq", {"increment": [1, 5], "cache": [1, 3]})),
        row("instead of a serial", "ALTER TABLE customer ALTER id DROP DEFAULT; DROP SEQUENCE customer_id_seq; "
            "ALTER TABLE customer ALTER id ADD GENERATED BY DEFAULT AS IDENTITY", (CHANGED, "column",
            "shop.customer.id",
            {"default": ["nextval('shop.customer_id_seq'::regclass)", None], "identity": [None, "by default"]})),
        row("taken away", "ALTER TABLE item ALTER id DROP IDENTITY",
            (CHANGED, "column", "shop.item.id", {"identity": ["always", None]})),
        row("restarted", "ALTER TABLE item ALTER id RESTART WITH 1000; SELECT nextval('shop.item_id_seq')"),
        row("taken away and given again", "ALTER TABLE item ALTER id DROP IDENTITY; "
            "ALTER TABLE item ALTER id ADD GENERATED ALWAYS AS IDENTITY (START 1 INCREMENT BY 1)"),
    ),
    "generated": (
        row("a new column", "ALTER TABLE item ADD COLUMN x text GENERATED ALWAYS AS (label || '!') STORED",
            (ADDED, "column", "shop.item.x", {"generated": "stored (label || '!'::text)"})),
        row("computed anew when read", "ALTER TABLE item ADD COLUMN x numeric GENERATED ALWAYS AS (amount + 1) VIRTUAL",
            (ADDED, "column", "shop.item.x", {"generated": "virtual (amount + (1)::numeric)"}), since=18),
        row("by another expression", "ALTER TABLE item ALTER doubled SET EXPRESSION AS (amount * 3)",
            (CHANGED, "column", "shop.item.doubled", {"generated":
             ["stored (amount * (2)::numeric)", "stored (amount * (3)::numeric)"]}), since=17),
        row("by another expression, made anew", "ALTER TABLE item DROP COLUMN doubled; "
            "ALTER TABLE item ADD COLUMN doubled numeric GENERATED ALWAYS AS (amount * 3) STORED",
            (CHANGED, "column", "shop.item.doubled")),
        row("no more", "ALTER TABLE item ALTER doubled DROP EXPRESSION",
            (CHANGED, "column", "shop.item.doubled", {"generated": ["stored (amount * (2)::numeric)", None]})),
        row("dropped", "ALTER TABLE item DROP COLUMN doubled", (REMOVED, "column", "shop.item.doubled")),
        row("made anew, written in another way", "ALTER TABLE item DROP COLUMN doubled; "
            "ALTER TABLE item ADD COLUMN doubled numeric GENERATED ALWAYS AS (((amount) * 2::numeric)) STORED"),
    ),
    "compression": (
        row("of a new column", "ALTER TABLE item ADD COLUMN x text COMPRESSION pglz",
            (ADDED, "column", "shop.item.x", {"compression": "pglz"})),
        row("given", "ALTER TABLE item ALTER label SET COMPRESSION pglz",
            (CHANGED, "column", "shop.item.label", {"compression": [None, "pglz"]})),
        row("taken away", "ALTER TABLE item ALTER label SET COMPRESSION default",
            (CHANGED, "column", "shop.item.label", {"compression": ["pglz", None]}),
            setup="ALTER TABLE item ALTER label SET COMPRESSION pglz"),
        row("given and taken away", "ALTER TABLE item ALTER label SET COMPRESSION pglz; "
            "ALTER TABLE item ALTER label SET COMPRESSION default"),
    ),
    "primary key": (
        row("added", "ALTER TABLE thing2 ADD CONSTRAINT pk PRIMARY KEY (a) DEFERRABLE",
            (ADDED, "primary key", "shop.thing2.pk", {"definition": "PRIMARY KEY (a) DEFERRABLE"}),
            setup="CREATE TABLE thing2 (a integer NOT NULL)"),
        row("of other columns", "ALTER TABLE thing2 DROP CONSTRAINT pk; ALTER TABLE thing2 ADD CONSTRAINT pk PRIMARY "
            "KEY (b, a)",
            (CHANGED, "primary key", "shop.thing2.pk", {"definition": ["PRIMARY KEY (a, b)", "PRIMARY KEY (b, a)"]}),
            setup="CREATE TABLE thing2 (a integer, b integer, CONSTRAINT pk PRIMARY KEY (a, b))"),
        row("under another name", "ALTER TABLE customer RENAME CONSTRAINT customer_pkey TO pk",
            (RENAMED, "primary key", "shop.customer.pk")),
        row("with an option of its index", "ALTER INDEX customer_pkey SET (fillfactor = 60)",
            (CHANGED, "primary key", "shop.customer.customer_pkey", {"options": [None, ["fillfactor=60"]]})),
        row("clustered on", "ALTER TABLE customer CLUSTER ON customer_pkey",
            (CHANGED, "primary key", "shop.customer.customer_pkey", {"index": [None, "clustered"]})),
        row("its index commented", "COMMENT ON INDEX customer_pkey IS 'x'",
            (CHANGED, "primary key", "shop.customer.customer_pkey", {"index comment": [None, "x"]})),
        row("dropped", "ALTER TABLE item DROP CONSTRAINT item_pkey", (REMOVED, "primary key", "shop.item.item_pkey")),
        row("made of an index", "ALTER TABLE item DROP CONSTRAINT item_pkey; CREATE UNIQUE INDEX x ON item USING btree "
            "(id ASC NULLS LAST); ALTER TABLE item ADD CONSTRAINT item_pkey PRIMARY KEY USING INDEX x"),
        row("dropped and added again", "ALTER TABLE item DROP CONSTRAINT item_pkey; ALTER TABLE item ADD PRIMARY KEY "
            "(id)"),
    ),
    "unique": (
        row("added", "ALTER TABLE item ADD CONSTRAINT u UNIQUE (label) INCLUDE (amount)",
            (ADDED, "unique", "shop.item.u", {"definition": "UNIQUE (label) INCLUDE (amount)"})),
        row("nulls being equal", "ALTER TABLE item DROP CONSTRAINT u; ALTER TABLE item ADD CONSTRAINT u UNIQUE NULLS "
            "NOT "
            "DISTINCT (label)", (CHANGED, "unique", "shop.item.u",
            {"definition": ["UNIQUE (label)", "UNIQUE NULLS NOT DISTINCT (label)"]}),
            setup="ALTER TABLE item ADD CONSTRAINT u UNIQUE (label)"),
        row("checked later", "ALTER TABLE customer DROP CONSTRAINT customer_email_key; "
            "ALTER TABLE customer ADD CONSTRAINT customer_email_key UNIQUE (email) DEFERRABLE INITIALLY DEFERRED",
            (CHANGED, "unique", "shop.customer.customer_email_key")),
        row("renamed", "ALTER TABLE customer RENAME CONSTRAINT customer_email_key TO k", (RENAMED, "unique",
            "shop.customer.k")),
        row("for a time", "ALTER TABLE item ADD CONSTRAINT t UNIQUE (r, during WITHOUT OVERLAPS)",
            (ADDED, "unique", "shop.item.t"), since=18, setup="ALTER TABLE item ADD COLUMN r int4range"),
        row("dropped", "ALTER TABLE customer DROP CONSTRAINT customer_email_key",
            (REMOVED, "unique", "shop.customer.customer_email_key")),
        row("an index instead of it", "ALTER TABLE customer DROP CONSTRAINT customer_email_key; "
            "CREATE UNIQUE INDEX customer_email_key ON customer (email)",
            (REMOVED, "unique", "shop.customer.customer_email_key"), (ADDED, "index",
            "shop.customer.customer_email_key")),
        row("dropped and added again", "ALTER TABLE customer DROP CONSTRAINT customer_email_key; "
            "ALTER TABLE customer ADD CONSTRAINT customer_email_key UNIQUE NULLS DISTINCT (email) NOT DEFERRABLE"),
    ),
    "foreign key": (
        row("added", "ALTER TABLE item ADD CONSTRAINT f FOREIGN KEY (customer_id) REFERENCES customer (id) ON DELETE "
            "CASCADE",
            (ADDED, "foreign key", "shop.item.f", {"definition":
             "FOREIGN KEY (customer_id) REFERENCES shop.customer(id) ON DELETE CASCADE"})),
        row("added, not validated", "ALTER TABLE item ADD CONSTRAINT f FOREIGN KEY (customer_id) REFERENCES customer "
            "NOT VALID",
            (ADDED, "foreign key", "shop.item.f")),
        row("validated", "ALTER TABLE item VALIDATE CONSTRAINT f", (CHANGED, "foreign key", "shop.item.f"),
            setup="ALTER TABLE item ADD CONSTRAINT f FOREIGN KEY (customer_id) REFERENCES customer NOT VALID"),
        row("checked later", "ALTER TABLE item ALTER CONSTRAINT item_customer_fk DEFERRABLE INITIALLY DEFERRED",
            (CHANGED, "foreign key", "shop.item.item_customer_fk")),
        row("not enforced", "ALTER TABLE item ALTER CONSTRAINT item_customer_fk NOT ENFORCED",
            (CHANGED, "foreign key", "shop.item.item_customer_fk"), since=18),
        row("switched off, its triggers being disabled", "ALTER TABLE item DISABLE TRIGGER ALL",
            (CHANGED, "foreign key", "shop.item.item_customer_fk", {"triggers": [None, "disabled"]})),
        row("renamed", "ALTER TABLE item RENAME CONSTRAINT item_customer_fk TO f", (RENAMED, "foreign key",
            "shop.item.f")),
        row("with another action", "ALTER TABLE item DROP CONSTRAINT item_customer_fk; ALTER TABLE item ADD CONSTRAINT "
            "item_customer_fk FOREIGN KEY (customer_id) REFERENCES customer ON DELETE SET NULL (customer_id)",
            (CHANGED, "foreign key", "shop.item.item_customer_fk")),
        row("of and to a partitioned table", "CREATE TABLE visit (at timestamptz REFERENCES event) PARTITION BY "
            "RANGE (at); "
            "CREATE TABLE visit_1 PARTITION OF visit DEFAULT", (ADDED, "table", "shop.visit")),
        row("dropped", "ALTER TABLE item DROP CONSTRAINT item_customer_fk",
            (REMOVED, "foreign key", "shop.item.item_customer_fk")),
        row("dropped and added again, all said", "ALTER TABLE item DROP CONSTRAINT item_customer_fk; ALTER TABLE "
            "item ADD "
            "CONSTRAINT item_customer_fk FOREIGN KEY (customer_id) REFERENCES customer (id) MATCH SIMPLE ON DELETE "
            "NO ACTION "
            "ON UPDATE NO ACTION NOT DEFERRABLE INITIALLY IMMEDIATE"),
        row("added unproved and validated", "ALTER TABLE item DROP CONSTRAINT item_customer_fk; ALTER TABLE item ADD "
            "CONSTRAINT item_customer_fk FOREIGN KEY (customer_id) REFERENCES customer NOT VALID; "
            "ALTER TABLE item VALIDATE CONSTRAINT item_customer_fk"),
    ),
    "check": (
        row("added", "ALTER TABLE item ADD CONSTRAINT c CHECK (amount > 0)",
            (ADDED, "check", "shop.item.c", {"definition": "CHECK ((amount > (0)::numeric))"})),
        row("added, not validated", "ALTER TABLE item ADD CONSTRAINT c CHECK (amount > 0) NOT VALID",
            (ADDED, "check", "shop.item.c", {"definition": "CHECK ((amount > (0)::numeric)) NOT VALID"})),
        row("validated", "ALTER TABLE item VALIDATE CONSTRAINT c", (CHANGED, "check", "shop.item.c"),
            setup="ALTER TABLE item ADD CONSTRAINT c CHECK (amount > 0) NOT VALID"),
        row("of another condition", "ALTER TABLE customer DROP CONSTRAINT customer_name_check; "
            "ALTER TABLE customer ADD CONSTRAINT customer_name_check CHECK (name <> ' ')",
            (CHANGED, "check", "shop.customer.customer_name_check",
             {"definition": ["CHECK ((name <> ''::text))", "CHECK ((name <> ' '::text))"]})),
        row("not enforced", "ALTER TABLE item ADD CONSTRAINT c CHECK (amount > 0) NOT ENFORCED",
            (ADDED, "check", "shop.item.c", {"definition": "CHECK ((amount > (0)::numeric)) NOT ENFORCED"}), since=18),
        row("not for children", "ALTER TABLE thing ADD CONSTRAINT c CHECK (n > 0) NO INHERIT", (ADDED, "check",
            "shop.thing.c")),
        row("of the parent and its children", "ALTER TABLE thing ADD CONSTRAINT c CHECK (n > 0)", (ADDED, "check",
            "shop.thing.c")),
        row("renamed", "ALTER TABLE customer RENAME CONSTRAINT customer_name_check TO c", (RENAMED, "check",
            "shop.customer.c")),
        row("dropped", "ALTER TABLE customer DROP CONSTRAINT customer_name_check",
            (REMOVED, "check", "shop.customer.customer_name_check")),
        row("dropped and added again with other parentheses", "ALTER TABLE customer DROP CONSTRAINT "
            "customer_name_check; "
            "ALTER TABLE customer ADD CONSTRAINT customer_name_check CHECK (((name)) != ''::text)"),
        row("IN, written as an array", "ALTER TABLE item DROP CONSTRAINT c; "
            "ALTER TABLE item ADD CONSTRAINT c CHECK (label = ANY (ARRAY['a', 'b']))",
            setup="ALTER TABLE item ADD CONSTRAINT c CHECK (label IN ('a', 'b'))"),
        row("enforced, said", "ALTER TABLE customer DROP CONSTRAINT customer_name_check; ALTER TABLE customer ADD "
            "CONSTRAINT "
            "customer_name_check CHECK (name <> '') ENFORCED", since=18),
    ),
    "exclusion": (
        row("added", "ALTER TABLE item ADD CONSTRAINT x EXCLUDE USING gist (during WITH &&) WHERE (amount > 0)",
            (ADDED, "exclusion", "shop.item.x")),
        row("checked later", "ALTER TABLE item DROP CONSTRAINT item_during_excl; ALTER TABLE item ADD CONSTRAINT "
            "item_during_excl EXCLUDE USING gist (during WITH &&) DEFERRABLE",
            (CHANGED, "exclusion", "shop.item.item_during_excl", {"definition":
             ["EXCLUDE USING gist (during WITH &&)", "EXCLUDE USING gist (during WITH &&) DEFERRABLE"]})),
        row("dropped", "ALTER TABLE item DROP CONSTRAINT item_during_excl", (REMOVED, "exclusion",
            "shop.item.item_during_excl")),
        row("dropped and added again", "ALTER TABLE item DROP CONSTRAINT item_during_excl; ALTER TABLE item ADD "
            "CONSTRAINT "
            "item_during_excl EXCLUDE USING gist (during range_ops WITH OPERATOR(pg_catalog.&&))"),
    ),
    "index": (
        row("created", "CREATE INDEX x ON item (amount DESC, lower(label)) INCLUDE (id) WHERE amount > 0",
            (ADDED, "index", "shop.item.x", {"definition": "CREATE INDEX x ON shop.item USING btree (amount DESC, "
             "lower(label)) INCLUDE (id) WHERE (amount > (0)::numeric)"})),
        row("created while others write", "CREATE INDEX CONCURRENTLY x ON shop.item (amount)", (ADDED, "index",
            "shop.item.x"),
            alone=True),
        row("created on a materialized view", "CREATE INDEX x ON stock (pieces)", (ADDED, "index", "shop.stock.x")),
        row("of another method", "DROP INDEX item_label_idx; CREATE INDEX item_label_idx ON item USING hash (label)",
            (CHANGED, "index", "shop.item.item_label_idx")),
        row("unique", "DROP INDEX item_label_idx; CREATE UNIQUE INDEX item_label_idx ON item (label) NULLS NOT "
            "DISTINCT",
            (CHANGED, "index", "shop.item.item_label_idx")),
        row("of another operator class", "DROP INDEX item_label_idx; CREATE INDEX item_label_idx ON item (label "
            "text_pattern_ops)",
            (CHANGED, "index", "shop.item.item_label_idx")),
        row("with an option", "ALTER INDEX item_label_idx SET (fillfactor = 50)",
            (CHANGED, "index", "shop.item.item_label_idx")),
        row("renamed", "ALTER INDEX item_label_idx RENAME TO x", (RENAMED, "index", "shop.item.x")),
        row("clustered on", "ALTER TABLE item CLUSTER ON item_label_idx",
            (CHANGED, "index", "shop.item.item_label_idx", {"clustered": [None, True]})),
        row("looked at more closely", "ALTER INDEX x ALTER COLUMN 1 SET STATISTICS 300",
            (CHANGED, "index", "shop.item.x", {"statistics": [None, {"1": 300}]}), setup="CREATE INDEX x ON item "
            "(lower(label))"),
        row("only of the whole, its partitions having none", "CREATE INDEX x ON ONLY event (at, what)",
            (ADDED, "index", "shop.event.x", {"state": "invalid"})),
        row("dropped", "DROP INDEX item_label_idx", (REMOVED, "index", "shop.item.item_label_idx")),
        row("dropped while others write", "DROP INDEX CONCURRENTLY shop.item_label_idx",
            (REMOVED, "index", "shop.item.item_label_idx"), alone=True),
        row("created again, all said", "DROP INDEX item_label_idx; CREATE INDEX item_label_idx ON ONLY shop.item "
            "USING btree "
            '(label COLLATE "default" text_ops ASC NULLS LAST)'),
        row("built again", "REINDEX INDEX item_label_idx"),
        row("built again while others write", "REINDEX INDEX CONCURRENTLY shop.item_label_idx", alone=True),
        row("with an option set and reset", "ALTER INDEX item_label_idx SET (fillfactor = 50); "
            "ALTER INDEX item_label_idx RESET (fillfactor)"),
        row("clustered on and not", "ALTER TABLE item CLUSTER ON item_label_idx; ALTER TABLE item SET WITHOUT CLUSTER"),
    ),
    "index validity": (
        row("lost", "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'item_label_idx'::regclass",
            (CHANGED, "index", "shop.item.item_label_idx", {"state": [None, "invalid"]})),
        row("won", "UPDATE pg_index SET indisvalid = true WHERE indexrelid = 'item_label_idx'::regclass",
            (CHANGED, "index", "shop.item.item_label_idx", {"state": ["invalid", None]}),
            setup="UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'shop.item_label_idx'::regclass"),
        row("lost behind a constraint", "UPDATE pg_index SET indisvalid = false WHERE indexrelid = "
            "'customer_email_key'::regclass",
            (CHANGED, "unique", "shop.customer.customer_email_key", {"index": [None, "invalid"]})),
        row("of an index that is dropped", "DROP INDEX item_label_idx",
            (REMOVED, "index", "shop.item.item_label_idx", {"state": "invalid"}),
            setup="UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'shop.item_label_idx'::regclass"),
        row("won by building it again", "REINDEX INDEX item_label_idx"),
    ),
    "sequence": (
        row("created", "CREATE SEQUENCE q AS smallint INCREMENT -2 CYCLE CACHE 5",
            (ADDED, "sequence", "shop.q", {"type": "smallint", "increment": -2, "cycle": True, "cache": 5,
            "minimum": -32768})),
        row("changed", "ALTER SEQUENCE ticket INCREMENT 10 MAXVALUE 5000 CYCLE",
            (CHANGED, "sequence", "shop.ticket", {"increment": [1, 10], "maximum": [9223372036854775807, 5000],
             "cycle": [False, True]})),
        row("of another type", "ALTER SEQUENCE ticket AS integer",
            (CHANGED, "sequence", "shop.ticket", {"type": ["bigint", "integer"]})),
        row("another start", "ALTER SEQUENCE ticket START 7", (CHANGED, "sequence", "shop.ticket", {"start": [100,
            7]})),
        row("unlogged", "ALTER SEQUENCE ticket SET UNLOGGED",
            (CHANGED, "sequence", "shop.ticket", {"persistence": ["permanent", "unlogged"]})),
        row("renamed", "ALTER SEQUENCE ticket RENAME TO q", (RENAMED, "sequence", "shop.q")),
        row("a serial's renamed", "ALTER SEQUENCE customer_id_seq RENAME TO q", (RENAMED, "sequence", "shop.q")),
        row("moved", "ALTER SEQUENCE ticket SET SCHEMA attic", (RENAMED, "sequence", "attic.ticket")),
        row("dropped", "DROP SEQUENCE ticket", (REMOVED, "sequence", "shop.ticket")),
        row("used and set", "SELECT nextval('ticket'); SELECT setval('ticket', 4000); ALTER SEQUENCE ticket RESTART"),
        row("dropped and created again, all said", "DROP SEQUENCE ticket; CREATE SEQUENCE ticket AS int8 INCREMENT "
            "BY 1 "
            "MINVALUE 1 NO MAXVALUE START WITH 100 CACHE 1 NO CYCLE OWNED BY NONE"),
    ),
    "sequence owner": (
        row("given", "ALTER SEQUENCE ticket OWNED BY item.label",
            (CHANGED, "sequence", "shop.ticket", {"owned by": [None, "shop.item.label"]})),
        row("another", "ALTER SEQUENCE customer_id_seq OWNED BY customer.born",
            (CHANGED, "sequence", "shop.customer_id_seq", {"owned by": ["shop.customer.id", "shop.customer.born"]})),
        row("none any more", "ALTER SEQUENCE customer_id_seq OWNED BY NONE",
            (CHANGED, "sequence", "shop.customer_id_seq", {"owned by": ["shop.customer.id", None]})),
        row("its column dropped", "ALTER TABLE customer DROP COLUMN born", (REMOVED, "column", "shop.customer.born"),
            setup="ALTER SEQUENCE ticket OWNED BY customer.born"),
        row("none and again", "ALTER SEQUENCE customer_id_seq OWNED BY NONE; ALTER SEQUENCE customer_id_seq OWNED BY "
            "customer.id"),
        row("serial, step by step", "ALTER TABLE customer ALTER id DROP DEFAULT; DROP SEQUENCE customer_id_seq; "
            "CREATE SEQUENCE customer_id_seq AS integer OWNED BY customer.id; "
            "ALTER TABLE customer ALTER id SET DEFAULT nextval('customer_id_seq')"),
    ),
    "view": (
        row("created", "CREATE VIEW w AS SELECT 1 AS one", (ADDED, "view", "shop.w", {"columns": ["one"]})),
        row("of another query", "CREATE OR REPLACE VIEW cheap AS SELECT id, label FROM item WHERE amount < 20",
            (CHANGED, "view", "shop.cheap")),
        row("with another column", "CREATE OR REPLACE VIEW cheap AS SELECT id, label, amount FROM item WHERE amount "
            "< 10",
            (CHANGED, "view", "shop.cheap", {"columns": [["id", "label"], ["id", "label", "amount"]]})),
        row("a column renamed", "ALTER VIEW cheap RENAME COLUMN label TO title", (CHANGED, "view", "shop.cheap")),
        row("checked", "CREATE OR REPLACE VIEW cheap AS SELECT id, label FROM item WHERE amount < 10 WITH CHECK OPTION",
            (CHANGED, "view", "shop.cheap", {"options": [None, ["check_option=cascaded"]]})),
        row("with the rights of who asks", "ALTER VIEW cheap SET (security_invoker = on)", (CHANGED, "view",
            "shop.cheap")),
        row("recursive, created", "CREATE RECURSIVE VIEW r (n) AS VALUES (1) UNION ALL SELECT n + 1 FROM r WHERE n < 9",
            (ADDED, "view", "shop.r")),
        row("renamed", "ALTER VIEW cheap RENAME TO low", (RENAMED, "view", "shop.low")),
        row("moved", "ALTER VIEW cheap SET SCHEMA attic", (RENAMED, "view", "attic.cheap")),
        row("renamed, another stands on it", "ALTER VIEW cheap RENAME TO low", (RENAMED, "view", "shop.low"),
            setup="CREATE VIEW lowest AS SELECT * FROM cheap WHERE cheap.id < 3"),
        row("dropped, with what was said of its columns", "DROP VIEW cheap", (REMOVED, "view", "shop.cheap"),
            setup="COMMENT ON COLUMN cheap.label IS 'x'; ALTER VIEW cheap ALTER id SET DEFAULT 1"),
        row("created again without a column that had a comment", "DROP VIEW cheap; CREATE VIEW cheap AS SELECT id "
            "FROM item",
            (CHANGED, "view", "shop.cheap"), setup="COMMENT ON COLUMN cheap.label IS 'x'"),
        row("replaced by the same, written in another way", "CREATE OR REPLACE VIEW shop.cheap (id, label) AS "
            "SELECT item.id, item.label AS label FROM shop.item WHERE (item.amount < 10::numeric)"),
        row("dropped and created again", "DROP VIEW cheap; CREATE VIEW cheap AS SELECT id, label FROM item WHERE "
            "amount < 10"),
        row("a default given to a column and taken away", "ALTER VIEW cheap ALTER label SET DEFAULT 'x'; "
            "ALTER VIEW cheap ALTER label DROP DEFAULT; GRANT SELECT (id) ON cheap TO clerk; REVOKE SELECT (id) ON "
            "cheap FROM clerk"),
    ),
    "materialized view": (
        row("created", "CREATE MATERIALIZED VIEW w AS SELECT 1 AS one WITH NO DATA", (ADDED, "materialized view",
            "shop.w")),
        row("of another query", "DROP MATERIALIZED VIEW stock; CREATE MATERIALIZED VIEW stock AS SELECT label, "
            "count(*) AS "
            "pieces FROM item WHERE amount > 0 GROUP BY label; CREATE UNIQUE INDEX stock_label_idx ON stock (label)",
            (CHANGED, "materialized view", "shop.stock")),
        row("with an option", "ALTER MATERIALIZED VIEW stock SET (fillfactor = 60)",
            (CHANGED, "materialized view", "shop.stock", {"options": [None, ["fillfactor=60"]]})),
        row("a column stored in another way", "ALTER MATERIALIZED VIEW stock ALTER label SET STORAGE EXTERNAL",
            (CHANGED, "column", "shop.stock.label", {"storage": [None, "external"]})),
        row("renamed, with its index", "ALTER MATERIALIZED VIEW stock RENAME TO store", (RENAMED, "materialized view",
            "shop.store")),
        row("dropped, with its index", "DROP MATERIALIZED VIEW stock", (REMOVED, "materialized view", "shop.stock")),
        row("a view instead of it", "DROP MATERIALIZED VIEW stock; CREATE VIEW stock AS SELECT label, count(*) AS "
            "pieces FROM "
            "item GROUP BY label", (REMOVED, "materialized view", "shop.stock"), (ADDED, "view", "shop.stock")),
        row("refreshed", "REFRESH MATERIALIZED VIEW stock WITH NO DATA"),
        row("created again", "DROP MATERIALIZED VIEW stock; CREATE MATERIALIZED VIEW stock AS SELECT label, count(*) "
            "AS pieces "
            "FROM item GROUP BY label; CREATE UNIQUE INDEX stock_label_idx ON stock (label)"),
    ),
    "function": (
        row("created", "CREATE FUNCTION f(a text, VARIADIC b integer[] DEFAULT '{}') RETURNS text LANGUAGE sql AS "
            "'SELECT a'",
            (ADDED, "function", "shop.f(text, integer[])")),
        row("an overload created", "CREATE FUNCTION twice(n bigint) RETURNS bigint LANGUAGE sql AS 'SELECT n'",
            (ADDED, "function", "shop.twice(bigint)")),
        row("of another body", "CREATE OR REPLACE FUNCTION twice(n integer) RETURNS integer LANGUAGE sql IMMUTABLE AS "
            "'SELECT n + n'", (CHANGED, "function", "shop.twice(integer)")),
        row("of another volatility", "ALTER FUNCTION twice(integer) STABLE", (CHANGED, "function",
            "shop.twice(integer)")),
        row("with the owner's rights and a setting", "ALTER FUNCTION twice(integer) SECURITY DEFINER SET work_mem = "
            "'9MB'",
            (CHANGED, "function", "shop.twice(integer)")),
        row("its cost", "ALTER FUNCTION twice(integer) COST 7 PARALLEL SAFE", (CHANGED, "function",
            "shop.twice(integer)")),
        row("its argument by another name", "DROP FUNCTION twice(integer); CREATE FUNCTION twice(m integer) RETURNS "
            "integer "
            "LANGUAGE sql IMMUTABLE AS 'SELECT n * 2'".replace("SELECT n", "SELECT m"), (CHANGED, "function",
            "shop.twice(integer)")),
        row("of other arguments", "DROP FUNCTION twice(integer); CREATE FUNCTION twice(n bigint) RETURNS integer "
            "LANGUAGE sql "
            "IMMUTABLE AS 'SELECT 1'", (REMOVED, "function", "shop.twice(integer)"), (ADDED, "function",
            "shop.twice(bigint)")),
        row("renamed", "ALTER FUNCTION twice(integer) RENAME TO double", (RENAMED, "function", "shop.double(integer)")),
        row("moved", "ALTER FUNCTION twice(integer) SET SCHEMA attic", (RENAMED, "function", "attic.twice(integer)")),
        row("renamed, a trigger calls it", "ALTER FUNCTION touch() RENAME TO brush", (RENAMED, "function",
            "shop.brush()")),
        row("renamed, and a check and a default call it", "ALTER FUNCTION twice(integer) RENAME TO double",
            (RENAMED, "function", "shop.double(integer)"),
            setup="ALTER TABLE item ADD CHECK (twice(customer_id) > 0), ALTER customer_id SET DEFAULT twice(1)"),
        row("with a body that the server reads", "CREATE OR REPLACE FUNCTION count_items() RETURNS bigint LANGUAGE "
            "sql BEGIN "
            "ATOMIC SELECT count(*) FROM item WHERE amount > 1; END", (CHANGED, "function", "shop.count_items()"),
            setup="CREATE FUNCTION count_items() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM item; "
            "END"),
        row("dropped", "DROP FUNCTION twice(integer)", (REMOVED, "function", "shop.twice(integer)")),
        row("replaced by the same", "CREATE OR REPLACE FUNCTION shop.twice(IN n int4) RETURNS int4 IMMUTABLE "
            "LANGUAGE 'sql' "
            "CALLED ON NULL INPUT SECURITY INVOKER COST 100 AS $x$SELECT n * 2$x$"),
        row("dropped and created again", "DROP FUNCTION twice(integer); CREATE FUNCTION twice(n integer) RETURNS "
            "integer LANGUAGE "
            "sql IMMUTABLE AS 'SELECT n * 2'"),
    ),
    "procedure": (
        row("created", "CREATE PROCEDURE p(INOUT a integer, OUT b text) LANGUAGE plpgsql AS 'BEGIN END'",
            (ADDED, "procedure", "shop.p(integer)")),
        row("of another body", "CREATE OR REPLACE PROCEDURE tidy(days integer) LANGUAGE sql AS 'SELECT 2'",
            (CHANGED, "procedure", "shop.tidy(integer)")),
        row("renamed", "ALTER PROCEDURE tidy RENAME TO clean", (RENAMED, "procedure", "shop.clean(integer)")),
        row("dropped", "DROP PROCEDURE tidy", (REMOVED, "procedure", "shop.tidy(integer)")),
        row("a function instead of it", "DROP PROCEDURE tidy; CREATE FUNCTION tidy(days integer) RETURNS integer "
            "LANGUAGE sql AS "
            "'SELECT 1'", (REMOVED, "procedure", "shop.tidy(integer)"), (ADDED, "function", "shop.tidy(integer)")),
        row("replaced by the same", "CREATE OR REPLACE PROCEDURE tidy(IN days int) LANGUAGE sql AS 'SELECT 1'"),
    ),
    "aggregate": (
        row("created", "CREATE AGGREGATE longest(text) (SFUNC = textcat, STYPE = text)", (ADDED, "aggregate",
            "shop.longest(text)")),
        row("of no argument created", "CREATE AGGREGATE many(*) (SFUNC = int8inc, STYPE = bigint, INITCOND = '0')",
            (ADDED, "aggregate", "shop.many(*)")),
        row("of another start", "CREATE OR REPLACE AGGREGATE total(integer) (SFUNC = int4pl, STYPE = integer, "
            "INITCOND = '1')",
            (CHANGED, "aggregate", "shop.total(integer)")),
        row("of another function", "CREATE OR REPLACE AGGREGATE total(integer) (SFUNC = int4mul, STYPE = integer, "
            "INITCOND = '0')",
            (CHANGED, "aggregate", "shop.total(integer)")),
        row("that can move", "CREATE OR REPLACE AGGREGATE total(integer) (SFUNC = int4pl, STYPE = integer, INITCOND "
            "= '0', "
            "MSFUNC = int4pl, MINVFUNC = int4mi, MSTYPE = integer)", (CHANGED, "aggregate", "shop.total(integer)")),
        row("renamed", "ALTER AGGREGATE total(integer) RENAME TO summe", (RENAMED, "aggregate", "shop.summe(integer)")),
        row("dropped", "DROP AGGREGATE total(integer)", (REMOVED, "aggregate", "shop.total(integer)")),
        row("dropped and created again, all said", "DROP AGGREGATE total(integer); CREATE AGGREGATE total(int4) "
            "(STYPE = int4, "
            "INITCOND = 0, SFUNC = pg_catalog.int4pl, PARALLEL = UNSAFE, FINALFUNC_MODIFY = READ_ONLY)"),
    ),
    "trigger": (
        row("created", f"CREATE TRIGGER g {ROW}", (ADDED, "trigger", "shop.customer.g", {"enabled": "yes"})),
        row("a constraint that fires later created", "CREATE CONSTRAINT TRIGGER g AFTER INSERT ON customer "
            "DEFERRABLE INITIALLY "
            "DEFERRED FOR EACH ROW EXECUTE FUNCTION touch()", (ADDED, "trigger", "shop.customer.g")),
        row("instead of a change of a view created", "CREATE TRIGGER g INSTEAD OF INSERT ON cheap FOR EACH ROW "
            "EXECUTE FUNCTION "
            "touch()", (ADDED, "trigger", "shop.cheap.g")),
        row("on other occasions", "CREATE OR REPLACE TRIGGER touched BEFORE UPDATE OF name OR INSERT ON customer FOR "
            "EACH ROW "
            "WHEN (new.name <> 'x') EXECUTE FUNCTION touch()", (CHANGED, "trigger", "shop.customer.touched")),
        row("renamed", "ALTER TRIGGER touched ON customer RENAME TO g", (RENAMED, "trigger", "shop.customer.g")),
        row("of a partitioned table created", "CREATE TRIGGER g BEFORE INSERT ON event FOR EACH ROW EXECUTE FUNCTION "
            "touch()",
            (ADDED, "trigger", "shop.event.g")),
        row("dropped", "DROP TRIGGER touched ON customer", (REMOVED, "trigger", "shop.customer.touched")),
        row("its column renamed", "ALTER TABLE customer RENAME born TO birth", (RENAMED, "column",
            "shop.customer.birth"),
            setup="CREATE TRIGGER g BEFORE UPDATE OF born ON customer FOR EACH ROW WHEN (old.born <> new.born) "
            "EXECUTE FUNCTION touch()"),
        row("replaced by the same, written in another way", "CREATE OR REPLACE TRIGGER touched BEFORE UPDATE ON "
            "shop.customer "
            "FOR EACH ROW EXECUTE PROCEDURE shop.touch()"),
        row("dropped and created again", "DROP TRIGGER touched ON customer; "
            "CREATE TRIGGER touched BEFORE UPDATE ON customer FOR EACH ROW EXECUTE FUNCTION touch()"),
    ),
    "trigger enabled": (
        row("no more", "ALTER TABLE customer DISABLE TRIGGER touched",
            (CHANGED, "trigger", "shop.customer.touched", {"enabled": ["yes", "no"]})),
        row("always", "ALTER TABLE customer ENABLE ALWAYS TRIGGER touched",
            (CHANGED, "trigger", "shop.customer.touched", {"enabled": ["yes", "always"]})),
        row("on a replica only, and back", "ALTER TABLE customer ENABLE TRIGGER touched",
            (CHANGED, "trigger", "shop.customer.touched", {"enabled": ["replica", "yes"]}),
            setup="ALTER TABLE customer ENABLE REPLICA TRIGGER touched"),
        row("no more on one partition", "ALTER TABLE event_2024 DISABLE TRIGGER g",
            (CHANGED, "trigger", "shop.event_2024.g", {"enabled": [None, "no"]}),
            setup="CREATE TRIGGER g BEFORE INSERT ON event FOR EACH ROW EXECUTE FUNCTION touch()"),
        row("disabled and enabled", "ALTER TABLE customer DISABLE TRIGGER USER; ALTER TABLE customer ENABLE TRIGGER "
            "ALL"),
    ),
    "rule": (
        row("created", "CREATE RULE r AS ON INSERT TO item DO ALSO NOTIFY sold", (ADDED, "rule", "shop.item.r")),
        row("of another action", "CREATE OR REPLACE RULE keep AS ON DELETE TO customer WHERE old.id = 1 DO INSTEAD "
            "NOTHING",
            (CHANGED, "rule", "shop.customer.keep")),
        row("disabled", "ALTER TABLE customer DISABLE RULE keep", (CHANGED, "rule", "shop.customer.keep",
            {"enabled": ["yes", "no"]})),
        row("renamed", "ALTER RULE keep ON customer RENAME TO hold", (RENAMED, "rule", "shop.customer.hold")),
        row("dropped", "DROP RULE keep ON customer", (REMOVED, "rule", "shop.customer.keep")),
        row("of a view", "CREATE RULE r AS ON DELETE TO cheap DO INSTEAD DELETE FROM item WHERE item.id = old.id",
            (ADDED, "rule", "shop.cheap.r")),
        row("replaced by the same", "CREATE OR REPLACE RULE keep AS ON DELETE TO shop.customer DO INSTEAD "
            "(NOTHING)".replace(
            "(NOTHING)", "NOTHING")),
    ),
    "enum": (
        row("created", "CREATE TYPE size AS ENUM ('s', 'm')", (ADDED, "enum", "shop.size", {"labels": ["s", "m"]})),
        row("a label added", "ALTER TYPE mood ADD VALUE 'glad' BEFORE 'happy'",
            (CHANGED, "enum", "shop.mood", {"labels": [["sad", "ok", "happy"], ["sad", "ok", "glad", "happy"]]})),
        row("a label renamed", "ALTER TYPE mood RENAME VALUE 'ok' TO 'fine'",
            (CHANGED, "enum", "shop.mood", {"labels": [["sad", "ok", "happy"], ["sad", "fine", "happy"]]})),
        row("labels in another order", "DROP TYPE size; CREATE TYPE size AS ENUM ('m', 's')",
            (CHANGED, "enum", "shop.size", {"labels": [["s", "m"], ["m", "s"]]}), setup="CREATE TYPE size AS ENUM "
            "('s', 'm')"),
        row("renamed, a column is of it", "ALTER TYPE mood RENAME TO feeling", (RENAMED, "enum", "shop.feeling")),
        row("renamed, a function takes it", "ALTER TYPE mood RENAME TO feeling", (RENAMED, "enum", "shop.feeling"),
            setup="CREATE FUNCTION f(a mood, b mood[]) RETURNS mood LANGUAGE sql AS 'SELECT a'"),
        row("moved", "ALTER TYPE mood SET SCHEMA attic", (RENAMED, "enum", "attic.mood")),
        row("dropped", "DROP TYPE size", (REMOVED, "enum", "shop.size"), setup="CREATE TYPE size AS ENUM ('s', 'm')"),
        row("dropped with the column that was of it", "DROP TYPE mood CASCADE", (REMOVED, "enum", "shop.mood"),
            (REMOVED, "column", "shop.customer.feeling")),
        row("made of the same labels in several steps", "DROP TYPE size; CREATE TYPE size AS ENUM ('m'); "
            "ALTER TYPE size ADD VALUE 's' BEFORE 'm'; ALTER TYPE size ADD VALUE 'l' AFTER 'm'",
            setup="CREATE TYPE size AS ENUM ('s', 'm', 'l')"),
    ),
    "domain": (
        row("created", "CREATE DOMAIN d AS text COLLATE \"C\" NOT NULL DEFAULT 'x' CHECK (VALUE <> '')", (ADDED,
            "domain", "shop.d",
            {"type": "text", "collation": '"C"', "default": "'x'::text", "not null": True})),
        row("a check added, not validated", "ALTER DOMAIN price ADD CONSTRAINT small CHECK (VALUE < 1000) NOT VALID",
            (CHANGED, "domain", "shop.price", {"constraints": [
                {"price_check": "CHECK ((VALUE >= (0)::numeric))"},
                {"price_check": "CHECK ((VALUE >= (0)::numeric))", "small": "CHECK ((VALUE < (1000)::numeric)) NOT "
            "VALID"}]})),
        row("a check dropped", "ALTER DOMAIN price DROP CONSTRAINT price_check", (CHANGED, "domain", "shop.price")),
        row("a check renamed", "ALTER DOMAIN price RENAME CONSTRAINT price_check TO c", (CHANGED, "domain",
            "shop.price")),
        row("a check commented", "COMMENT ON CONSTRAINT price_check ON DOMAIN price IS 'x'",
            (CHANGED, "domain", "shop.price", {"constraint comments": [None, {"price_check": "x"}]})),
        row("another default", "ALTER DOMAIN price SET DEFAULT 2", (CHANGED, "domain", "shop.price", {"default": ["1",
            "2"]})),
        row("not null", "ALTER DOMAIN price SET NOT NULL", (CHANGED, "domain", "shop.price", {"not null": [None,
            True]})),
        row("renamed, a column is of it", "ALTER DOMAIN price RENAME TO cost", (RENAMED, "domain", "shop.cost"),
            setup="ALTER TABLE item ADD COLUMN p price"),
        row("dropped", "DROP DOMAIN price", (REMOVED, "domain", "shop.price")),
        row("dropped and created again", "DROP DOMAIN price; CREATE DOMAIN price AS decimal(10,2) DEFAULT (1) "
            "CONSTRAINT price_check CHECK (((VALUE) >= 0::numeric))"),
    ),
    "composite type": (
        row("created", "CREATE TYPE pair AS (a integer, b text COLLATE \"C\")",
            (ADDED, "composite type", "shop.pair", {"attributes": ["a integer", 'b text collate "C"']})),
        row("an attribute added", "ALTER TYPE address ADD ATTRIBUTE zip text",
            (CHANGED, "composite type", "shop.address", {"attributes": [["street text", "city character varying(40)"],
             ["street text", "city character varying(40)", "zip text"]]})),
        row("an attribute changed", "ALTER TYPE address ALTER ATTRIBUTE city TYPE text", (CHANGED, "composite type",
            "shop.address")),
        row("an attribute renamed", "ALTER TYPE address RENAME ATTRIBUTE city TO town", (CHANGED, "composite type",
            "shop.address")),
        row("attributes in another order", "DROP TYPE address; CREATE TYPE address AS (city varchar(40), street text)",
            (CHANGED, "composite type", "shop.address")),
        row("renamed", "ALTER TYPE address RENAME TO place", (RENAMED, "composite type", "shop.place")),
        row("dropped", "DROP TYPE address", (REMOVED, "composite type", "shop.address"),
            setup="COMMENT ON COLUMN address.street IS 'x'"),
        row("dropped and created again", "DROP TYPE address; CREATE TYPE address AS (street pg_catalog.text, city "
            "character varying(40))"),
    ),
    "range type": (
        row("created", "CREATE TYPE times AS RANGE (subtype = time)", (ADDED, "range type", "shop.times")),
        row("of another subtype", "DROP TYPE span; CREATE TYPE span AS RANGE (subtype = bigint)", (CHANGED, "range "
            "type", "shop.span")),
        row("with a function for distances", "DROP TYPE span; CREATE TYPE span AS RANGE (subtype = integer, "
            "subtype_diff = "
            "int4range_subdiff)", (CHANGED, "range type", "shop.span")),
        row("with another name for many", "DROP TYPE span; CREATE TYPE span AS RANGE (subtype = integer, "
            "multirange_type_name = spans)",
            (CHANGED, "range type", "shop.span")),
        row("renamed", "ALTER TYPE span RENAME TO stretch", (RENAMED, "range type", "shop.stretch")),
        row("dropped", "DROP TYPE span", (REMOVED, "range type", "shop.span")),
        row("dropped and created again, all said", "DROP TYPE span; CREATE TYPE span AS RANGE (subtype = int4, "
            "subtype_opclass = int4_ops, multirange_type_name = span_multirange)"),
    ),
    "extension": (
        row("created", "CREATE EXTENSION vector SCHEMA public", (ADDED, "extension", "vector", {"schema": "public"}),
            needs="vector"),
        row("moved, with its types", "ALTER EXTENSION vector SET SCHEMA attic",
            (CHANGED, "extension", "vector", {"schema": ["public", "attic"]}), needs="vector",
            setup="CREATE EXTENSION vector SCHEMA public; ALTER TABLE item ADD COLUMN v public.vector(3); CREATE "
            "INDEX ON item "
            "USING hnsw (v public.vector_l2_ops); CREATE FUNCTION f(v public.vector) RETURNS public.vector LANGUAGE "
            "sql AS "
            "'SELECT v'"),
        row("dropped", "DROP EXTENSION vector", (REMOVED, "extension", "vector"), needs="vector",
            setup="CREATE EXTENSION vector SCHEMA public"),
        row("contrib's created", "CREATE EXTENSION hstore SCHEMA public", (ADDED, "extension", "hstore"),
            needs="hstore"),
        row("contrib's updated", "ALTER EXTENSION hstore UPDATE TO '1.8'",
            (CHANGED, "extension", "hstore", {"version": ["1.7", "1.8"]}), needs="hstore",
            setup="CREATE EXTENSION hstore SCHEMA public VERSION '1.7'"),
        row("contrib's dropped", "DROP EXTENSION hstore", (REMOVED, "extension", "hstore"), needs="hstore",
            setup="CREATE EXTENSION hstore SCHEMA public"),
        row("the usual one dropped with what is written in it", "DROP EXTENSION plpgsql CASCADE", (REMOVED,
            "extension", "plpgsql"),
            (REMOVED, "function", "shop.touch()"), (REMOVED, "function", "shop.watch()"), (REMOVED, "event trigger",
            "watching"),
            (REMOVED, "trigger", "shop.customer.touched")),
        row("its version changed", "UPDATE pg_extension SET extversion = '2.0' WHERE extname = 'plpgsql'",
            (CHANGED, "extension", "plpgsql", {"version": ["1.0", "2.0"]})),
        row("what it has made belongs to it", "CREATE FUNCTION made() RETURNS integer LANGUAGE sql AS 'SELECT 1'; "
            "CREATE TABLE made (id serial PRIMARY KEY); CREATE INDEX ON made (id); CREATE VIEW made_view AS SELECT 1; "
            "CREATE TYPE made_enum AS ENUM ('a'); CREATE SEQUENCE made_seq; CREATE FOREIGN DATA WRAPPER made; "
            "CREATE SERVER made FOREIGN DATA WRAPPER made; CREATE EVENT TRIGGER made ON sql_drop EXECUTE FUNCTION "
            "watch(); "
            + "; ".join(f"ALTER EXTENSION plpgsql ADD {one}" for one in ("FUNCTION made()", "TABLE made", "SEQUENCE "
            "made_id_seq",
              "VIEW made_view", "TYPE made_enum", "SEQUENCE made_seq", "FOREIGN DATA WRAPPER made", "SERVER made",
              "EVENT TRIGGER made"))),
        row("dropped and created again", "DROP EXTENSION vector; CREATE EXTENSION vector SCHEMA public", needs="vector",
            setup="CREATE EXTENSION vector SCHEMA public"),
    ),
    "policy": (
        row("created", "CREATE POLICY p ON item AS RESTRICTIVE FOR UPDATE TO clerk, boss USING (amount > 0) WITH "
            "CHECK (label <> '')",
            (ADDED, "policy", "shop.item.p", {"command": "update", "kind": "restrictive", "roles": ["boss", "clerk"],
             "using": "(amount > (0)::numeric)", "check": "(label <> ''::text)"})),
        row("for others", "ALTER POLICY own ON customer TO PUBLIC",
            (CHANGED, "policy", "shop.customer.own", {"roles": [["clerk"], ["PUBLIC"]]})),
        row("under another condition", "ALTER POLICY own ON customer USING (name = 'you')", (CHANGED, "policy",
            "shop.customer.own")),
        row("renamed", "ALTER POLICY own ON customer RENAME TO p", (RENAMED, "policy", "shop.customer.p")),
        row("dropped", "DROP POLICY own ON customer", (REMOVED, "policy", "shop.customer.own")),
        row("dropped and created again, all said", "DROP POLICY own ON customer; CREATE POLICY own ON shop.customer "
            "AS PERMISSIVE "
            "FOR SELECT TO clerk USING ((((name = 'me'::text))))"),
        row("roles in another order", "ALTER POLICY p ON item TO boss, clerk", setup="CREATE POLICY p ON item TO "
            "clerk, boss"),
    ),
    "grant": (
        *(row(f"given: {what}", f"GRANT {what} TO boss", (ADDED, "grant", f"{name} to boss", {"rights": rights}))
          for what, (name, rights) in _GRANTABLE.items()),
        row("of more", "GRANT INSERT ON item TO clerk", (CHANGED, "grant", "table shop.item to clerk",
            {"rights": [["SELECT"], ["INSERT", "SELECT"]]})),
        row("that may be passed on", "GRANT SELECT ON item TO clerk WITH GRANT OPTION", (CHANGED, "grant", "table "
            "shop.item to clerk",
            {"rights": [["SELECT"], ["SELECT with grant option"]]})),
        row("taken away", "REVOKE SELECT ON item FROM clerk", (REMOVED, "grant", "table shop.item to clerk",
            {"rights": ["SELECT"]})),
        row("everybody's taken away", "REVOKE EXECUTE ON FUNCTION twice(integer) FROM PUBLIC",
            (ADDED, "grant", "function shop.twice(integer) to PUBLIC", {"rights": ["no EXECUTE"]})),
        row("the owner's own taken away", "REVOKE DELETE ON customer FROM CURRENT_USER",
            (ADDED, "grant", "table shop.customer to postgres", {"rights": ["no DELETE"]})),
        row("to all tables of a schema", "GRANT SELECT ON ALL TABLES IN SCHEMA shop TO boss",
            *((ADDED, "grant", f"{name} to boss") for name in ("table shop.customer", "table shop.item", "table "
            "shop.event",
              "table shop.event_2024", "table shop.thing", "table shop.book", "view shop.cheap", "materialized view "
            "shop.stock",
              "foreign table shop.legacy"))),
        row("of maintenance", "GRANT MAINTAIN ON customer TO clerk", (ADDED, "grant", "table shop.customer to clerk"),
            since=17),
        row("given and taken away, each", "; ".join(f"GRANT {what} TO boss; REVOKE {what} FROM "
            f"boss" for what in _GRANTABLE)),
        row("everybody's taken away and given back", "REVOKE EXECUTE ON FUNCTION twice(integer) FROM PUBLIC; "
            "GRANT EXECUTE ON FUNCTION twice(integer) TO PUBLIC; REVOKE USAGE ON TYPE mood FROM PUBLIC; "
            "GRANT USAGE ON TYPE mood TO PUBLIC; REVOKE ALL ON customer FROM CURRENT_USER; GRANT ALL ON customer TO "
            "CURRENT_USER"),
        row("the same again, by another", "GRANT SELECT ON item TO boss WITH GRANT OPTION; SET LOCAL ROLE boss; "
            "GRANT SELECT ON "
            "shop.item TO clerk; RESET ROLE", setup="GRANT USAGE ON SCHEMA shop TO boss; GRANT SELECT ON item TO "
            "boss WITH GRANT OPTION"),
    ),
    "default privileges": (
        row("given", "ALTER DEFAULT PRIVILEGES FOR ROLE boss GRANT USAGE ON SEQUENCES TO clerk",
            (ADDED, "default privileges", "boss.sequences")),
        row("given in a schema", "ALTER DEFAULT PRIVILEGES FOR ROLE boss IN SCHEMA shop GRANT EXECUTE ON FUNCTIONS "
            "TO clerk",
            (ADDED, "default privileges", "shop.boss.functions", {"rights": {"clerk": ["EXECUTE"]}})),
        row("more", "ALTER DEFAULT PRIVILEGES IN SCHEMA attic GRANT INSERT ON TABLES TO clerk",
            (CHANGED, "default privileges", "attic.postgres.tables", {"rights": [{"clerk": ["SELECT"]},
            {"clerk": ["INSERT", "SELECT"]}]})),
        row("everybody's taken away", "ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC",
            (ADDED, "default privileges", "postgres.functions")),
        row("taken away", "ALTER DEFAULT PRIVILEGES IN SCHEMA attic REVOKE SELECT ON TABLES FROM clerk",
            (REMOVED, "default privileges", "attic.postgres.tables")),
        row("of one kind instead of another: that is no rename", "ALTER DEFAULT PRIVILEGES IN SCHEMA attic REVOKE "
            "SELECT ON TABLES "
            "FROM clerk; ALTER DEFAULT PRIVILEGES IN SCHEMA attic GRANT SELECT ON SEQUENCES TO clerk",
            (REMOVED, "default privileges", "attic.postgres.tables"), (ADDED, "default privileges",
            "attic.postgres.sequences")),
        row("given and taken away", "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO clerk; "
            "ALTER DEFAULT PRIVILEGES REVOKE SELECT ON TABLES FROM clerk; ALTER DEFAULT PRIVILEGES REVOKE USAGE ON "
            "TYPES FROM PUBLIC; "
            "ALTER DEFAULT PRIVILEGES GRANT USAGE ON TYPES TO PUBLIC"),
    ),
    "owner": (
        *(row(f"another: {what}", f"ALTER {what} OWNER TO boss", (CHANGED, "owner", name, {"owner": ["postgres",
            "boss"]}))
          for what, name in _OWNABLE.items()),
        row("another, of a table whose sequence goes with it", "ALTER TABLE customer OWNER TO boss",
            (CHANGED, "owner", "table shop.customer", {"owner": ["postgres", "boss"]})),
        row("another, the owner having denied himself something", "ALTER TABLE item OWNER TO boss",
            (CHANGED, "owner", "table shop.item"), setup="REVOKE DELETE ON item FROM CURRENT_USER"),
        row("one who had a grant, and needs none any more", "ALTER TABLE item OWNER TO clerk",
            (CHANGED, "owner", "table shop.item"), (REMOVED, "grant", "table shop.item to clerk")),
        row("another, of an event trigger", "ALTER EVENT TRIGGER watching OWNER TO CURRENT_USER; ALTER FOREIGN DATA "
            "WRAPPER files "
            "OWNER TO CURRENT_USER"),
        row("another and back", "; ".join(f"ALTER {what} OWNER TO boss; ALTER {what} OWNER TO "
            f"CURRENT_USER" for what in _OWNABLE)),
        row("an object that somebody else makes", "SET LOCAL ROLE boss; CREATE TABLE attic.mine (id serial); RESET "
            "ROLE",
            (ADDED, "table", "attic.mine", {"owner": "boss"}), setup="GRANT ALL ON SCHEMA attic TO boss"),
        row("an object of somebody else's dropped", "DROP TABLE attic.mine", (REMOVED, "table", "attic.mine",
            {"owner": "boss"}),
            setup="CREATE TABLE attic.mine (id integer); ALTER TABLE attic.mine OWNER TO boss"),
    ),
    "comment": (
        *(row(f"made: {what}", f"COMMENT ON {what} IS 'it''s'", (ADDED, "comment", name, {"comment": "it's"}))
          for what, name in _COMMENTABLE.items()),
        row("another", "COMMENT ON TABLE item IS 'x'", (CHANGED, "comment", "table shop.item", {"comment": ["what "
            "was bought", "x"]})),
        row("another, of an extension", "COMMENT ON EXTENSION vector IS 'x'",
            (CHANGED, "comment", "extension vector"), needs="vector", setup="CREATE EXTENSION vector SCHEMA public"),
        row("taken away", "COMMENT ON TABLE item IS NULL", (REMOVED, "comment", "table shop.item", {"comment": "what "
            "was bought"})),
        row("made and taken away, each", "; ".join(f"COMMENT ON {what} IS 'x'; COMMENT ON {what} IS "
            f"NULL" for what in _COMMENTABLE)),
        row("empty is none", "COMMENT ON TABLE customer IS ''"),
        row("on what is not the schema's", "COMMENT ON ROLE boss IS NULL"),
    ),
    "statistics": (
        row("created", "CREATE STATISTICS s (mcv, ndistinct) ON label, amount FROM item", (ADDED, "statistics",
            "shop.s")),
        row("of an expression created", "CREATE STATISTICS s ON (lower(label)) FROM item", (ADDED, "statistics",
            "shop.s")),
        row("with another aim", "ALTER STATISTICS customer_stat SET STATISTICS 500",
            (CHANGED, "statistics", "shop.customer_stat", {"target": [None, 500]})),
        row("of other columns", "DROP STATISTICS customer_stat; CREATE STATISTICS customer_stat (dependencies) ON "
            "email, born FROM "
            "customer", (CHANGED, "statistics", "shop.customer_stat")),
        row("renamed", "ALTER STATISTICS customer_stat RENAME TO s", (RENAMED, "statistics", "shop.s")),
        row("its column renamed, which is last now", "ALTER TABLE thing2 RENAME a TO z", (RENAMED, "column",
            "shop.thing2.z"),
            setup="CREATE TABLE thing2 (a integer, b text); CREATE STATISTICS s ON a, b, (lower(b)) FROM thing2; "
            "CREATE PUBLICATION p FOR TABLE thing2 (a, b)"),
        row("dropped", "DROP STATISTICS customer_stat", (REMOVED, "statistics", "shop.customer_stat")),
        row("dropped with a column", "ALTER TABLE thing2 DROP COLUMN b", (REMOVED, "column", "shop.thing2.b"),
            setup="CREATE TABLE thing2 (a integer, b integer); CREATE STATISTICS s ON a, b FROM thing2"),
        row("of a table whose columns lie in another order", "DROP TABLE thing2; CREATE TABLE thing2 (\"B b\" "
            "integer, a integer, "
            "c text); CREATE STATISTICS s ON a, \"B b\", (lower(c)) FROM thing2",
            setup="CREATE TABLE thing2 (a integer, c text, \"B b\" integer); CREATE STATISTICS s ON a, \"B b\", "
            "(lower(c)) FROM "
            "thing2"),
        row("dropped and created again, columns in another order", "DROP STATISTICS customer_stat; CREATE STATISTICS "
            "customer_stat (dependencies) ON name, email FROM shop.customer; ANALYZE customer"),
    ),
    "event trigger": (
        row("created", "CREATE EVENT TRIGGER e ON sql_drop EXECUTE FUNCTION watch()", (ADDED, "event trigger", "e",
            {"event": "sql_drop"})),
        row("disabled", "ALTER EVENT TRIGGER watching DISABLE", (CHANGED, "event trigger", "watching",
            {"enabled": ["yes", "no"]})),
        row("for other commands", "DROP EVENT TRIGGER watching; CREATE EVENT TRIGGER watching ON ddl_command_end "
            "WHEN TAG IN "
            "('CREATE CAST', 'DROP CAST') EXECUTE FUNCTION watch()",
            (CHANGED, "event trigger", "watching", {"tags": [["CREATE CAST"], ["CREATE CAST", "DROP CAST"]]})),
        row("renamed", "ALTER EVENT TRIGGER watching RENAME TO e", (RENAMED, "event trigger", "e")),
        row("dropped", "DROP EVENT TRIGGER watching", (REMOVED, "event trigger", "watching")),
        row("dropped and created again", "DROP EVENT TRIGGER watching; CREATE EVENT TRIGGER watching ON "
            "ddl_command_end WHEN TAG IN "
            "('create cast') EXECUTE PROCEDURE shop.watch()".replace("'create cast'", "'CREATE CAST'")),
    ),
    "publication": (
        row("created", "CREATE PUBLICATION p FOR TABLE item, thing WITH (publish = 'insert')",
            (ADDED, "publication", "p", {"insert": True, "update": False, "tables": {"shop.item": "", "shop.thing": "",
            "shop.book": ""}})),
        row("of all tables created", "CREATE PUBLICATION p FOR ALL TABLES", (ADDED, "publication", "p", {"all "
            "tables": True})),
        row("of schemas", "CREATE PUBLICATION p FOR TABLES IN SCHEMA shop, attic",
            (ADDED, "publication", "p", {"schemas": ["attic", "shop"]})),
        row("another table", "ALTER PUBLICATION news ADD TABLE item", (CHANGED, "publication", "news")),
        row("other columns and rows", "ALTER PUBLICATION news SET TABLE customer (id, name) WHERE (id > 1)",
            (CHANGED, "publication", "news", {"tables": [{"shop.customer": "(email, id) where (id > 0)"},
             {"shop.customer": "(id, name) where (id > 1)"}]})),
        row("other operations", "ALTER PUBLICATION news SET (publish = 'insert', publish_via_partition_root = true)",
            (CHANGED, "publication", "news", {"update": [True, False], "via root": [False, True]})),
        row("with generated columns", "ALTER PUBLICATION news SET (publish_generated_columns = stored)",
            (CHANGED, "publication", "news", {"generated columns": [None, "stored"]}), since=18),
        row("renamed", "ALTER PUBLICATION news RENAME TO p", (RENAMED, "publication", "p")),
        row("dropped", "DROP PUBLICATION news", (REMOVED, "publication", "news")),
        row("its table renamed", "ALTER TABLE customer RENAME TO client", (RENAMED, "table", "shop.client")),
        row("dropped and created again, columns in another order", "DROP PUBLICATION news; CREATE PUBLICATION news "
            "FOR TABLE ONLY "
            "shop.customer (email, id) WHERE ((id) > 0) WITH (publish = 'truncate, delete, update, insert')"),
    ),
    "foreign data wrapper": (
        row("created", "CREATE FOREIGN DATA WRAPPER w OPTIONS (debug 'true')", (ADDED, "foreign data wrapper", "w",
            {"options": ["debug=true"]})),
        row("changed", "ALTER FOREIGN DATA WRAPPER files OPTIONS (ADD debug 'true')", (CHANGED, "foreign data wrapper",
            "files")),
        row("renamed", "ALTER FOREIGN DATA WRAPPER files RENAME TO w", (RENAMED, "foreign data wrapper", "w")),
        row("dropped, with all that used it", "DROP FOREIGN DATA WRAPPER files CASCADE", (REMOVED, "foreign data "
            "wrapper", "files"),
            (REMOVED, "foreign server", "archive"), (REMOVED, "foreign table", "shop.legacy")),
        row("dropped and created again", "DROP FOREIGN DATA WRAPPER w; CREATE FOREIGN DATA WRAPPER w NO HANDLER NO "
            "VALIDATOR",
            setup="CREATE FOREIGN DATA WRAPPER w"),
    ),
    "foreign server": (
        row("created", "CREATE SERVER s TYPE 't' VERSION '1' FOREIGN DATA WRAPPER files", (ADDED, "foreign server", "s",
            {"wrapper": "files", "type": "t", "version": "1"})),
        row("created; what is secret is not shown", "CREATE SERVER s FOREIGN DATA WRAPPER files OPTIONS (password "
            "'hunter2', host 'h')",
            (ADDED, "foreign server", "s", {"options": ["host=h", "password=***"]})),
        row("another option", "ALTER SERVER archive OPTIONS (SET host 'new', ADD port '1')",
            (CHANGED, "foreign server", "archive", {"options": [["host=old"], ["host=new", "port=1"]]})),
        row("another version", "ALTER SERVER archive VERSION '2'", (CHANGED, "foreign server", "archive",
            {"version": [None, "2"]})),
        row("renamed, a table lies there", "ALTER SERVER archive RENAME TO s", (RENAMED, "foreign server", "s")),
        row("dropped", "DROP SERVER s", (REMOVED, "foreign server", "s"), setup="CREATE SERVER s FOREIGN DATA "
            "WRAPPER files"),
        row("options in another order", "ALTER SERVER s OPTIONS (DROP a); ALTER SERVER s OPTIONS (ADD a '1')",
            setup="CREATE SERVER s FOREIGN DATA WRAPPER files OPTIONS (a '1', b '2')"),
    ),
    "foreign table": (
        row("created", "CREATE FOREIGN TABLE f (a integer OPTIONS (x 'y') NOT NULL, b text) SERVER archive",
            (ADDED, "foreign table", "shop.f", {"server": "archive"})),
        row("another option", "ALTER FOREIGN TABLE legacy OPTIONS (SET name 'm')",
            (CHANGED, "foreign table", "shop.legacy", {"server options": [["name=l"], ["name=m"]]})),
        row("another option of a column", "ALTER FOREIGN TABLE legacy ALTER id OPTIONS (ADD name 'nr')",
            (CHANGED, "column", "shop.legacy.id", {"server options": [None, ["name=nr"]]})),
        row("a column added", "ALTER FOREIGN TABLE legacy ADD COLUMN x text", (ADDED, "column", "shop.legacy.x")),
        row("a check added", "ALTER FOREIGN TABLE legacy ADD CONSTRAINT c CHECK (id > 0)", (ADDED, "check",
            "shop.legacy.c")),
        row("renamed", "ALTER FOREIGN TABLE legacy RENAME TO f", (RENAMED, "foreign table", "shop.f")),
        row("dropped", "DROP FOREIGN TABLE legacy", (REMOVED, "foreign table", "shop.legacy")),
        row("dropped and created again", "DROP FOREIGN TABLE legacy; CREATE FOREIGN TABLE legacy (id int4) SERVER "
            "archive OPTIONS "
            "(\"name\" 'l')"),
    ),
}
# fmt: on

MUTATIONS: tuple[Mutation, ...] = tuple(
    Mutation(kind=kind, says=one.says, sql=one.sql, expected=one.expected, **one.more)
    for kind, rows in TABLE.items()
    for one in rows
)
