"""A database with everything that a dump may lose, and what of it is compared afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg2

from ops import database, scratch
from ops.catalog import Catalog, snapshot
from ops.settings.sections import ProjectSettings, TargetSettings
from tests.database import hostile

SCHEMAS = ("shop", "Tên “lạ” ệ 🙂", 'a "quoted" name""', "two\nlines\tand a tab", "per%cent %s %(x)s", "select")

SQL = """
    CREATE SCHEMA shop;
    CREATE TABLE shop.customers (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL,
                                 shout text GENERATED ALWAYS AS (upper(name)) STORED);
    CREATE TABLE shop.orders (id bigserial PRIMARY KEY, customer int NOT NULL REFERENCES shop.customers, paid numeric,
                              at timestamptz DEFAULT now());
    CREATE TABLE shop.events (at date NOT NULL, who int, note text) PARTITION BY RANGE (at);
    CREATE TABLE shop.events_25 PARTITION OF shop.events FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
    CREATE TABLE shop.events_26 PARTITION OF shop.events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
    ALTER TABLE shop.events ADD CONSTRAINT events_who FOREIGN KEY (who) REFERENCES shop.customers (id);
    CREATE TABLE public.letters (id int PRIMARY KEY, document oid);
    CREATE TABLE public.secrets (id int PRIMARY KEY, token text);
    CREATE TABLE shop.tree (id int PRIMARY KEY, up int REFERENCES shop.tree, secret int REFERENCES public.secrets);
    CREATE SEQUENCE shop.numbers INCREMENT BY -3;
    CREATE MATERIALIZED VIEW shop.totals AS SELECT customer, sum(paid) AS paid FROM shop.orders GROUP BY customer;
    CREATE VIEW shop.paid AS SELECT o.id, c.name FROM shop.orders o JOIN shop.customers c ON c.id = o.customer;
    CREATE FUNCTION shop.twice(int) RETURNS int LANGUAGE sql AS 'SELECT 2 * $1';
    INSERT INTO shop.customers (name) SELECT 'khách ' || n || E' \\\\ \\n"\\t\\'' FROM generate_series(1, 50) n;
    INSERT INTO shop.orders (customer, paid) SELECT 1 + n % 50, n / 7.0 FROM generate_series(1, 3000) n;
    INSERT INTO shop.events SELECT date '2025-06-01' + n, 1 + n % 50, NULL FROM generate_series(1, 400) n;
    INSERT INTO public.secrets SELECT n, md5(n::text) FROM generate_series(1, 20) n;
    INSERT INTO shop.tree SELECT n, nullif(n / 2, 0), n FROM generate_series(1, 20) n;
    INSERT INTO public.letters SELECT n, lo_from_bytea(0, convert_to(repeat('thư ' || n, 1000), 'UTF8'))
        FROM generate_series(1, 5) n;
    SELECT setval('shop.numbers', -9), setval('shop.orders_id_seq', 7000);
    REFRESH MATERIALIZED VIEW shop.totals;
    COMMENT ON TABLE shop.orders IS E'it''s "the" \\\\ one\\nof two lines';
"""


def fill(url: str) -> None:
    """Make all of it in an empty database."""
    with closing(psycopg2.connect(url.replace("+psycopg2", ""))) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute(SQL)
        for name in SCHEMAS[1:]:
            s = n = hostile.quote(name)
            cursor.execute(f"CREATE SCHEMA {s}; CREATE TABLE {s}.{n} ({n} serial PRIMARY KEY, other text)")
            cursor.execute(f"INSERT INTO {s}.{n} (other) SELECT 'x' FROM generate_series(1, 10)")


def settings_of(url: str, home: Path = Path(), **keys: Any) -> TargetSettings:
    """Return a target at a database."""
    project = ProjectSettings(config=home / "alembic.ini")
    return TargetSettings(name="shop", source="url", protected=False, project=project, home=home, raw_url=url, **keys)


def catalog_of(url: str) -> Catalog:
    """Return what a database is like."""
    with database.connect(settings_of(url)) as connection:
        return snapshot.read(connection)


def contents(url: str) -> dict[str, Any]:
    """Return all that is in the tables, the sequences and the large objects of a database."""
    with closing(psycopg2.connect(url.replace("+psycopg2", ""))) as connection, connection.cursor() as cursor:
        return dict(_contents(cursor))


def _contents(cursor: Any) -> Iterator[tuple[str, Any]]:
    cursor.execute(
        "SELECT c.oid::regclass::text, c.relkind FROM pg_class c WHERE relkind IN ('r', 'S', 'm') AND relispopulated"
        " AND relnamespace::regnamespace::text !~ '^(pg_|information_schema)'"
    )
    for name, kind in cursor.fetchall():
        if kind == "S":
            cursor.execute(f"SELECT last_value, is_called FROM {name}")
            yield name, cursor.fetchone()
        else:
            cursor.execute(f"SELECT count(*), sum(hashtextextended(t::text, 0)) FROM {name} t")
            yield name, cursor.fetchone()
    cursor.execute("SELECT oid, md5(lo_get(oid)) FROM pg_largeobject_metadata ORDER BY oid")
    yield "large objects", cursor.fetchall()


def emptied(place: scratch.Place, prefix: str = "restored") -> Any:
    """Return a context manager with the name of an empty throw-away database."""
    return scratch.throw_away(place, prefix)
