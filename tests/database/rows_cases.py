"""A database whose rows are hard to carry: of every kind of type and table, some past what its constraints say now."""

from __future__ import annotations

SHOP = r"""
CREATE SCHEMA app;
CREATE TYPE app.mood AS ENUM ('glad', 'sad');
CREATE TYPE app.pair AS (a int, b text);
CREATE DOMAIN app.amount AS numeric(10, 2) CHECK (VALUE >= 0);

CREATE TABLE app.customer (
    id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email varchar(200) NOT NULL UNIQUE,
    folded text GENERATED ALWAYS AS (lower(email)) STORED,
    since timestamptz NOT NULL DEFAULT now()
);
INSERT INTO app.customer (email, since)
    SELECT 'Person' || n || '@example.com', '2026-01-01 00:00+07'::timestamptz + n * interval '1 hour'
    FROM generate_series(1, 3000) AS n;

CREATE TABLE app.purchase (
    id bigserial PRIMARY KEY,
    customer_id int NOT NULL REFERENCES app.customer,
    before bigint REFERENCES app.purchase,
    amount app.amount NOT NULL
);
INSERT INTO app.purchase (customer_id, before, amount)
    SELECT 3001 - (n % 3000 + 1), CASE WHEN n % 10 = 0 THEN n - 1 END, n FROM generate_series(1, 4000) AS n;

CREATE TABLE app."Odd "" Ệ; %s" (
    "key" text NOT NULL, "other %s" char(5) NOT NULL, note text, PRIMARY KEY ("key", "other %s")
);
INSERT INTO app."Odd "" Ệ; %s" SELECT 'k' || n, n::text, NULLIF('', n::text) FROM generate_series(1, 50) AS n;
CREATE TABLE app.odd_part ("key" text, "other %s" char(5), FOREIGN KEY ("key", "other %s")
    REFERENCES app."Odd "" Ệ; %s");
INSERT INTO app.odd_part SELECT 'k' || n, n::text FROM generate_series(41, 50) AS n;

CREATE TABLE app.kinds (
    m app.mood, p app.pair, l int[], f float8, r real, b bytea, j json, jb jsonb, i interval, d date,
    c char(5), bits bit(3), t text, n numeric, u uuid, tr tstzrange, ip inet, dropped int, money int
);
ALTER TABLE app.kinds DROP COLUMN dropped;
INSERT INTO app.kinds VALUES
    ('sad', '(1,"x y")', '{1,NULL,3}', 'NaN', '-0', '\x00ff', '{"a": 1,  "a": 2}', '{"b": null}',
     '1 mon 2 days -3:04:05.678', '0044-03-15 BC', 'ab', B'101', E'tab\tline\nback\\slash\\N', 1e-30,
     'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '[2026-01-01, infinity)', '10.0.0.1/8', 7),
    (NULL, NULL, NULL, '-Infinity', 0.1, '', 'null', 'null', NULL, 'infinity', '', NULL, '', NULL, NULL,
     'empty', NULL, NULL);

CREATE TABLE app.visit (customer_id int NOT NULL REFERENCES app.customer, day date NOT NULL) PARTITION BY RANGE (day);
CREATE TABLE app.visit_2025 PARTITION OF app.visit FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE app.visit_2026 PARTITION OF app.visit FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
INSERT INTO app.visit SELECT n, '2025-12-01'::date + n % 60 FROM generate_series(1, 600) AS n;
CREATE MATERIALIZED VIEW app.per_day AS SELECT day, count(*) FROM app.visit GROUP BY day;
CREATE UNIQUE INDEX ON app.per_day (day);

CREATE TABLE app.animal (name text);
CREATE TABLE app.dog (bark text) INHERITS (app.animal);
INSERT INTO app.animal VALUES ('cat'); INSERT INTO app.dog VALUES ('rex', 'wow');

CREATE TABLE app.secret (id int PRIMARY KEY, pin text);
INSERT INTO app.secret SELECT n, 'pin-of-' || n FROM generate_series(1, 20) AS n;
CREATE TABLE app.holder (secret_id int REFERENCES app.secret);
INSERT INTO app.holder VALUES (3), (4), (NULL);

CREATE SEQUENCE app.counter; SELECT nextval('app.counter'), nextval('app.counter');
CREATE SEQUENCE app.rewound; SELECT setval('app.rewound', 77, false);
CREATE SEQUENCE app.fresh;

CREATE TABLE app.rules (id int, name text);
CREATE FUNCTION app.never() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'a trigger fired'; END $$;
INSERT INTO app.rules SELECT n, 'n' FROM generate_series(1, 5) AS n;
CREATE TRIGGER usual BEFORE INSERT ON app.rules FOR EACH ROW EXECUTE FUNCTION app.never();
CREATE TRIGGER always BEFORE INSERT ON app.rules FOR EACH ROW EXECUTE FUNCTION app.never();
ALTER TABLE app.rules ENABLE ALWAYS TRIGGER always;
CREATE RULE nothing AS ON INSERT TO app.rules DO INSTEAD NOTHING;
ALTER TABLE app.rules ADD CONSTRAINT later CHECK (id < 0) NOT VALID;
COMMENT ON CONSTRAINT later ON app.rules IS 'it''s 100% for later';
CREATE TABLE app.orphan (customer_id int);
INSERT INTO app.orphan VALUES (-1), (1);
ALTER TABLE app.orphan ADD FOREIGN KEY (customer_id) REFERENCES app.customer NOT VALID;
ALTER TABLE app.secret ENABLE ROW LEVEL SECURITY;
CREATE POLICY nobody ON app.secret USING (false);
SELECT lo_from_bytea(424242, 'a large object');
"""
"""Of everything; alone in its database."""

AFTERWARDS = ("CREATE UNIQUE INDEX CONCURRENTLY twice ON app.rules (name)",)
"""What fails, and leaves an invalid index behind: its name column holds the same five times."""

CONTENTS = r"""
    SELECT format('SELECT %L, count(*), md5(string_agg(t::text, chr(10) ORDER BY t::text)) FROM ONLY %I.%I AS t',
                  n.nspname || '.' || c.relname, n.nspname, c.relname)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'm') AND n.nspname = 'app' ORDER BY 1
"""
SEQUENCES = r"""
    SELECT format('SELECT %L, last_value, is_called FROM %I.%I', n.nspname || '.' || c.relname, n.nspname, c.relname)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'S' AND n.nspname = 'app' ORDER BY 1
"""
