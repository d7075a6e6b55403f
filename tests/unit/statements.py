"""Statements, and the commands that they are: the rows of `test_commands`."""

from __future__ import annotations

from typing import Any

Row = tuple[str, list[dict[str, Any]]]


def a(verb: str, name: str = "", **values: Any) -> dict[str, Any]:
    """Return a command as a row writes it; `name` may have its schema before it."""
    schema, _, bare = name.rpartition(".")
    return {"verb": verb, **({"schema": schema} if schema else {}), **({"name": bare} if bare else {}), **values}


def key(verb: str, column: str, options: str = "", name: str = "t") -> dict[str, Any]:
    """Return a constraint that an index holds, on one column of a table."""
    return a(verb, name, columns=(column,), elements=(column,), **({"options": options} if options else {}))


def dropped(what: str, name: str, **values: Any) -> dict[str, Any]:
    """Return a command that drops one object that is no table."""
    schema, _, bare = name.rpartition(".")
    return a(f"DROP {what}", name, kind=what.lower(), objects=((schema, bare),), **values)


TABLES: dict[str, Row] = {
    "a table": (
        "CREATE UNLOGGED TABLE IF NOT EXISTS s.t (a int, b text)",
        [a("CREATE TABLE", "s.t", columns=("a", "b"), types=("integer", "text"), options="IF NOT EXISTS · UNLOGGED")],
    ),
    "a table with constraints: those of the table first, then those of its columns": (
        "CREATE TABLE t (id serial PRIMARY KEY, a int NOT NULL REFERENCES s.p(id), CHECK (a > 1), UNIQUE (a))",
        [
            a("CREATE TABLE", "t", columns=("id", "a"), types=("serial", "integer"), numbered=("id",)),
            a("ADD CHECK", "t", expression="a > 1", options="IN TABLE"),
            key("ADD UNIQUE", "a", "IN TABLE"),
            key("ADD PRIMARY KEY", "id", "IN COLUMN · IN TABLE"),
            a("ADD FOREIGN KEY", "t", columns=("a",), references=("s", "p", ("id",)), options="IN COLUMN · IN TABLE"),
        ],
    ),
    "a partitioned table": (
        "CREATE TABLE t (a int) PARTITION BY RANGE (a, (a % 5))",
        [
            a("CREATE TABLE", "t", columns=("a",), types=("integer",), elements=("a", "(a % 5)"), method="range")
            | {"options": "PARTITIONED"}
        ],
    ),
    "a table that is made like another reads it": (
        "CREATE TABLE t (LIKE s.u INCLUDING ALL)",
        [a("CREATE TABLE", "t", sources=(("s", "u"),))],
    ),
    "a table that inherits": ("CREATE TABLE t () INHERITS (u)", [a("CREATE TABLE", "t", objects=(("", "u"),))]),
    "a partition": (
        "CREATE TABLE s.p PARTITION OF s.t FOR VALUES FROM ('a', MINVALUE) TO ('b', MAXVALUE)",
        [
            a("CREATE PARTITION", "s.p", parent=("s", "t"), value="FOR VALUES FROM ('a', MINVALUE) TO ('b', MAXVALUE)")
            | {"bounds": (("'a'", "MINVALUE"), ("'b'", "MAXVALUE"))}
        ],
    ),
    "a default partition": (
        "CREATE TABLE p PARTITION OF t DEFAULT",
        [a("CREATE PARTITION", "p", parent=("", "t"), value="DEFAULT", options="DEFAULT")],
    ),
    "a table from a query": (
        "CREATE TEMP TABLE t AS SELECT count(*) FROM s.a JOIN b ON true",
        [a("CREATE TABLE AS", "t", sources=(("s", "a"), ("", "b")), functions=(("", "count"),), options="TEMPORARY")],
    ),
    "a query into a table": ("SELECT * INTO t FROM a", [a("CREATE TABLE AS", "t", sources=(("", "a"),))]),
    "several tables dropped": (
        "DROP TABLE IF EXISTS a, s.b CASCADE",
        [a("DROP TABLE", "a", objects=(("", "a"), ("s", "b")), options="CASCADE · IF EXISTS")],
    ),
    "truncated": (
        "TRUNCATE ONLY a, s.b RESTART IDENTITY CASCADE",
        [a("TRUNCATE", "a", objects=(("", "a"), ("s", "b")), options="CASCADE · ONLY · RESTART IDENTITY")],
    ),
    "renamed": ("ALTER TABLE s.t RENAME TO u", [a("RENAME TABLE", "s.t", new_name="u")]),
    "moved": ("ALTER TABLE IF EXISTS t SET SCHEMA s", [a("SET SCHEMA", "t", value="s", options="IF EXISTS")]),
    "another owner": ("ALTER TABLE t OWNER TO joe", [a("OWNER TO", "t", value="joe")]),
    "locked": ("LOCK TABLE s.t IN SHARE MODE", [a("LOCK TABLE", "s.t", objects=(("s", "t"),), value="SHARE")]),
    "attached by a list": (
        "ALTER TABLE t ATTACH PARTITION s.p FOR VALUES IN ('x', NULL)",
        [
            a(
                "ATTACH PARTITION",
                "t",
                objects=(("s", "p"),),
                value="FOR VALUES IN ('x', NULL)",
                bounds=(("'x'", "NULL"),),
            )
        ],
    ),
    "attached by a hash": (
        "ALTER TABLE t ATTACH PARTITION p FOR VALUES WITH (MODULUS 4, REMAINDER 1)",
        [
            a("ATTACH PARTITION", "t", objects=(("", "p"),), value="FOR VALUES WITH (modulus 4, remainder 1)")
            | {"bounds": (("4", "1"),)}
        ],
    ),
    "attached as the default": (
        "ALTER TABLE t ATTACH PARTITION p DEFAULT",
        [a("ATTACH PARTITION", "t", objects=(("", "p"),), value="DEFAULT", options="DEFAULT")],
    ),
    "detached": (
        "ALTER TABLE t DETACH PARTITION p CONCURRENTLY",
        [a("DETACH PARTITION", "t", objects=(("", "p"),), options="CONCURRENTLY")],
    ),
    "inherits": ("ALTER TABLE t INHERIT p", [a("INHERIT", "t", objects=(("", "p"),))]),
    "inherits no more": ("ALTER TABLE t NO INHERIT p", [a("NO INHERIT", "t", objects=(("", "p"),))]),
    "storage options": ("ALTER TABLE t SET (fillfactor = 10)", [a("SET OPTIONS", "t")]),
    "storage options no more": ("ALTER TABLE t RESET (fillfactor)", [a("RESET OPTIONS", "t")]),
    "logged": ("ALTER TABLE t SET LOGGED", [a("SET LOGGED", "t")]),
    "unlogged": ("ALTER TABLE t SET UNLOGGED", [a("SET UNLOGGED", "t")]),
    "another tablespace": ("ALTER TABLE t SET TABLESPACE x", [a("SET TABLESPACE", "t", value="x")]),
    "another access method": ("ALTER TABLE t SET ACCESS METHOD heap", [a("SET ACCESS METHOD", "t", value="heap")]),
    "its order": ("ALTER TABLE t CLUSTER ON i", [a("CLUSTER ON", "t", value="i")]),
    "what replicas identify rows by": ("ALTER TABLE t REPLICA IDENTITY FULL", [a("REPLICA IDENTITY", "t")]),
    "row security": ("ALTER TABLE t ENABLE ROW LEVEL SECURITY", [a("ENABLE ROW SECURITY", "t")]),
    "triggers": (
        "ALTER TABLE t ENABLE ALWAYS TRIGGER g, DISABLE TRIGGER ALL",
        [a("ENABLE TRIGGER", "t", value="g", options="ALWAYS"), a("DISABLE TRIGGER", "t", value="ALL")],
    ),
}
COLUMNS: dict[str, Row] = {
    "a plain column": ("ALTER TABLE t ADD c int", [a("ADD COLUMN", "t", columns=("c",), type="integer")]),
    "a column with a default": (
        """ALTER TABLE ONLY s.t ADD COLUMN IF NOT EXISTS c int[] DEFAULT '{}' NOT NULL""",
        [
            a("ADD COLUMN", "s.t", columns=("c",), type="integer[]", default="'{}'")
            | {"options": "IF NOT EXISTS · NOT NULL · ONLY"}
        ],
    ),
    "a column with a collation": (
        'ALTER TABLE t ADD c varchar(10) COLLATE "C"',
        [a("ADD COLUMN", "t", columns=("c",), type="character varying(10)", collation="C")],
    ),
    "constraints inside of a column": (
        "ALTER TABLE t ADD c int CONSTRAINT k CHECK (c > 0) UNIQUE REFERENCES p MATCH FULL DEFERRABLE",
        [
            a("ADD COLUMN", "t", columns=("c",), type="integer", options="UNIQUE"),
            a("ADD CHECK", "t", columns=("c",), constraint="k", expression="c > 0", options="IN COLUMN"),
            key("ADD UNIQUE", "c", "IN COLUMN"),
            a("ADD FOREIGN KEY", "t", columns=("c",), references=("", "p", ()))
            | {"options": "DEFERRABLE · IN COLUMN · MATCH FULL"},
        ],
    ),
    "a primary key inside of a column": (
        "ALTER TABLE t ADD id bigserial PRIMARY KEY",
        [
            a("ADD COLUMN", "t", columns=("id",), type="bigserial", options="PRIMARY KEY · SERIAL"),
            key("ADD PRIMARY KEY", "id", "IN COLUMN"),
        ],
    ),
    "an identity": (
        "ALTER TABLE t ADD id bigint GENERATED BY DEFAULT AS IDENTITY, ADD no int GENERATED ALWAYS AS IDENTITY",
        [
            a("ADD COLUMN", "t", columns=("id",), type="bigint", options="IDENTITY"),
            a("ADD COLUMN", "t", columns=("no",), type="integer", options="ALWAYS · IDENTITY"),
        ],
    ),
    "generated and stored": (
        "ALTER TABLE t ADD c int GENERATED ALWAYS AS (a + 1) STORED",
        [a("ADD COLUMN", "t", columns=("c",), type="integer", expression="a + 1", options="STORED")],
    ),
    "generated when read": (
        "ALTER TABLE t ADD c int GENERATED ALWAYS AS (a + 1) VIRTUAL",
        [a("ADD COLUMN", "t", columns=("c",), type="integer", expression="a + 1", options="VIRTUAL")],
    ),
    "three actions": (
        "ALTER TABLE t DROP COLUMN IF EXISTS a CASCADE, ALTER b SET NOT NULL, ALTER c DROP NOT NULL",
        [
            a("DROP COLUMN", "t", columns=("a",), options="CASCADE · IF EXISTS"),
            a("SET NOT NULL", "t", columns=("b",)),
            a("DROP NOT NULL", "t", columns=("c",)),
        ],
    ),
    "a renamed column": ("ALTER TABLE t RENAME a TO b", [a("RENAME COLUMN", "t", columns=("a",), new_name="b")]),
    "a renamed column of a view": (
        "ALTER VIEW v RENAME COLUMN a TO b",
        [a("RENAME COLUMN", "v", kind="view", columns=("a",), new_name="b")],
    ),
    "defaults": (
        "ALTER TABLE t ALTER a SET DEFAULT now(), ALTER b DROP DEFAULT",
        [a("SET DEFAULT", "t", columns=("a",), default="now()"), a("DROP DEFAULT", "t", columns=("b",))],
    ),
    "another type": (
        'ALTER TABLE t ALTER a TYPE numeric(10, 2) COLLATE "de" USING a::numeric',
        [a("ALTER COLUMN TYPE", "t", columns=("a",), type="numeric(10,2)", collation="de", using="a::numeric")],
    ),
    "expressions": (
        "ALTER TABLE t ALTER a SET EXPRESSION AS (b * 2), ALTER c DROP EXPRESSION IF EXISTS",
        [
            a("SET EXPRESSION", "t", columns=("a",), expression="b * 2"),
            a("DROP EXPRESSION", "t", columns=("c",), options="IF EXISTS"),
        ],
    ),
    "identities": (
        "ALTER TABLE t ALTER a ADD GENERATED ALWAYS AS IDENTITY, ALTER b SET GENERATED ALWAYS, ALTER c DROP IDENTITY",
        [
            a("ADD IDENTITY", "t", columns=("a",)),
            a("SET IDENTITY", "t", columns=("b",)),
            a("DROP IDENTITY", "t", columns=("c",)),
        ],
    ),
    "how a column is kept": (
        "ALTER TABLE t ALTER a SET STATISTICS 5, ALTER a SET STORAGE plain, ALTER a SET COMPRESSION lz4,"
        " ALTER a SET (n_distinct = 5)",
        [
            a("SET STATISTICS", "t", columns=("a",), value="5"),
            a("SET STORAGE", "t", columns=("a",), value="plain"),
            a("SET COMPRESSION", "t", columns=("a",), value="lz4"),
            a("SET COLUMN OPTIONS", "t", columns=("a",)),
        ],
    ),
}
CONSTRAINTS: dict[str, Row] = {
    "a check, not valid": (
        "ALTER TABLE t ADD CONSTRAINT k CHECK (a > 'b') NOT VALID",
        [a("ADD CHECK", "t", constraint="k", expression="a > 'b'", options="NOT VALID")],
    ),
    "a check that does not reach the children": (
        "ALTER TABLE t ADD CHECK (a > 0) NO INHERIT",
        [a("ADD CHECK", "t", expression="a > 0", options="NO INHERIT")],
    ),
    "a check that is not enforced": (
        "ALTER TABLE t ADD CHECK (a > 0) NOT ENFORCED",
        [a("ADD CHECK", "t", expression="a > 0", options="NOT ENFORCED · NOT VALID")],
    ),
    "a foreign key of two columns": (
        "ALTER TABLE s.t ADD CONSTRAINT f FOREIGN KEY (a, b) REFERENCES s.p (x, y) ON DELETE SET NULL NOT VALID",
        [
            a("ADD FOREIGN KEY", "s.t", columns=("a", "b"), constraint="f", references=("s", "p", ("x", "y")))
            | {"options": "NOT VALID · ON DELETE SET NULL"}
        ],
    ),
    "a foreign key that is not enforced, in a column": (
        "ALTER TABLE t ADD a int REFERENCES p NOT ENFORCED",
        [
            a("ADD COLUMN", "t", columns=("a",), type="integer"),
            a("ADD FOREIGN KEY", "t", columns=("a",), references=("", "p", ()), options="IN COLUMN · NOT ENFORCED"),
        ],
    ),
    "unique": (
        "ALTER TABLE t ADD UNIQUE NULLS NOT DISTINCT (a, b) INCLUDE (c) DEFERRABLE INITIALLY DEFERRED",
        [
            a("ADD UNIQUE", "t", columns=("a", "b"), elements=("a", "b"), including=("c",))
            | {"options": "DEFERRABLE · INITIALLY DEFERRED · NULLS NOT DISTINCT"}
        ],
    ),
    "unique, by an index that is there": (
        "ALTER TABLE t ADD CONSTRAINT u UNIQUE USING INDEX i",
        [a("ADD UNIQUE", "t", constraint="u", index="i", options="USING INDEX")],
    ),
    "a primary key": ("ALTER TABLE t ADD PRIMARY KEY (a)", [key("ADD PRIMARY KEY", "a")]),
    "an exclusion": (
        "ALTER TABLE t ADD CONSTRAINT e EXCLUDE USING gist (a WITH =, lower(b) WITH &&) WHERE (a > 1)",
        [
            a("ADD EXCLUDE", "t", columns=("a",), constraint="e", method="gist", elements=("a", "(lower(b))"))
            | {"operators": ("=", "&&"), "where": "a > 1"}
        ],
    ),
    "an exclusion with an operator of a schema": (
        "ALTER TABLE t ADD EXCLUDE (a WITH OPERATOR(s.=))",
        [key("ADD EXCLUDE", "a") | {"operators": ("s.=",), "method": "btree"}],
    ),
    "not null, as a constraint": (
        "ALTER TABLE t ADD CONSTRAINT n NOT NULL a NOT VALID",
        [a("ADD NOT NULL", "t", columns=("a",), constraint="n", options="NOT VALID")],
    ),
    "validated": ("ALTER TABLE t VALIDATE CONSTRAINT k", [a("VALIDATE CONSTRAINT", "t", constraint="k")]),
    "altered": (
        "ALTER TABLE t ALTER CONSTRAINT f NOT ENFORCED",
        [a("ALTER CONSTRAINT", "t", constraint="f", options="NOT ENFORCED")],
    ),
    "dropped": (
        "ALTER TABLE t DROP CONSTRAINT IF EXISTS k CASCADE",
        [a("DROP CONSTRAINT", "t", constraint="k", options="CASCADE · IF EXISTS")],
    ),
    "renamed": (
        "ALTER TABLE t RENAME CONSTRAINT k TO l",
        [a("RENAME CONSTRAINT", "t", constraint="k", new_name="l")],
    ),
}
INDEXES: dict[str, Row] = {
    "an index": ("CREATE INDEX ON t (a)", [key("CREATE INDEX", "a") | {"method": "btree"}]),
    "an index with everything": (
        'CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS i ON ONLY s.t (a, lower(b) COLLATE "C" DESC)'
        " INCLUDE (c, d) NULLS NOT DISTINCT WHERE a > 1",
        [
            a("CREATE INDEX", "s.t", index="i", columns=("a",), elements=("a", '(lower(b)) COLLATE "C"'))
            | {"including": ("c", "d"), "method": "btree", "where": "a > 1"}
            | {"options": "CONCURRENTLY · IF NOT EXISTS · NULLS NOT DISTINCT · ONLY · UNIQUE"}
        ],
    ),
    "dropped": (
        "DROP INDEX CONCURRENTLY IF EXISTS s.i",
        [
            a("DROP INDEX", schema="s", index="i", kind="index", objects=(("s", "i"),))
            | {"options": "CONCURRENTLY · IF EXISTS"}
        ],
    ),
    "renamed": ("ALTER INDEX s.i RENAME TO j", [a("RENAME INDEX", schema="s", index="i", kind="index", new_name="j")]),
    "attached": (
        "ALTER INDEX i ATTACH PARTITION j",
        [a("ATTACH INDEX", index="i", kind="index", objects=(("", "j"),))],
    ),
    "built anew": (
        "REINDEX INDEX CONCURRENTLY s.i",
        [a("REINDEX", schema="s", index="i", kind="index", options="CONCURRENTLY")],
    ),
    "all of a table built anew": ("REINDEX TABLE s.t", [a("REINDEX", "s.t", kind="table")]),
    "all of a schema built anew": ("REINDEX SCHEMA s", [a("REINDEX", kind="schema", value="s")]),
}
TYPES: dict[str, Row] = {
    "an enum": ("CREATE TYPE s.e AS ENUM ('a', 'b')", [a("CREATE TYPE", "s.e", kind="type", elements=("a", "b"))]),
    "a composite type": ("CREATE TYPE c AS (x int)", [a("CREATE TYPE", "c", kind="type")]),
    "a range type": ("CREATE TYPE r AS RANGE (subtype = int)", [a("CREATE TYPE", "r", kind="type")]),
    "a type altered": (
        "ALTER TYPE c ADD ATTRIBUTE x int",
        [a("ALTER TYPE", "c", kind="type", type="integer", value="ADD ATTRIBUTE")],
    ),
    "a type dropped": ("DROP TYPE s.e", [dropped("TYPE", "s.e")]),
    "a type renamed": ("ALTER TYPE e RENAME TO f", [a("RENAME TYPE", "e", kind="type", new_name="f")]),
    "a label": (
        "ALTER TYPE e ADD VALUE IF NOT EXISTS 'it''s' BEFORE 'a'",
        [a("ADD VALUE", "e", kind="type", value="it's", options="IF NOT EXISTS")],
    ),
    "a label renamed": (
        "ALTER TYPE e RENAME VALUE 'a' TO 'b'",
        [a("RENAME VALUE", "e", kind="type", value="a", new_name="b")],
    ),
    "a domain": (
        "CREATE DOMAIN s.d AS text NOT NULL DEFAULT 'x' CHECK (VALUE <> '')",
        [
            a("CREATE DOMAIN", "s.d", kind="domain", type="text", default="'x'", expression="value <> ''")
            | {"options": "NOT NULL"}
        ],
    ),
    "a domain with a constraint more": (
        "ALTER DOMAIN d ADD CONSTRAINT k CHECK (VALUE > 1) NOT VALID",
        [
            a("ALTER DOMAIN", "d", kind="domain", value="ADD CHECK", constraint="k", expression="value > 1")
            | {"options": "NOT VALID"}
        ],
    ),
    "a domain without NULL": (
        "ALTER DOMAIN d SET NOT NULL",
        [a("ALTER DOMAIN", "d", kind="domain", value="SET NOT NULL")],
    ),
    "a domain with a default, and without": (
        "ALTER DOMAIN d SET DEFAULT 5; ALTER DOMAIN d DROP DEFAULT",
        [
            a("ALTER DOMAIN", "d", kind="domain", value="SET DEFAULT", default="5"),
            a("ALTER DOMAIN", "d", kind="domain", value="DROP DEFAULT"),
        ],
    ),
    "a domain validated": (
        "ALTER DOMAIN d VALIDATE CONSTRAINT k",
        [a("ALTER DOMAIN", "d", kind="domain", value="VALIDATE CONSTRAINT", constraint="k")],
    ),
    "a domain's constraint renamed": (
        "ALTER DOMAIN d RENAME CONSTRAINT k TO l",
        [a("RENAME CONSTRAINT", "d", kind="domain", constraint="k", new_name="l")],
    ),
    "a domain dropped": ("DROP DOMAIN d", [dropped("DOMAIN", "d")]),
}
OTHERS: dict[str, Row] = {
    "a view": (
        "CREATE OR REPLACE VIEW v AS SELECT * FROM a, (SELECT 1 FROM s.b) x",
        [a("CREATE VIEW", "v", kind="view", sources=(("", "a"), ("s", "b")), options="OR REPLACE")],
    ),
    "a view dropped": ("DROP VIEW v", [dropped("VIEW", "v")]),
    "a materialized view": (
        "CREATE MATERIALIZED VIEW v AS SELECT * FROM a",
        [a("CREATE MATERIALIZED VIEW", "v", kind="materialized view", sources=(("", "a"),))],
    ),
    "a materialized view dropped": ("DROP MATERIALIZED VIEW v", [dropped("MATERIALIZED VIEW", "v")]),
    "a materialized view computed anew": (
        "REFRESH MATERIALIZED VIEW CONCURRENTLY v",
        [a("REFRESH MATERIALIZED VIEW", "v", kind="materialized view", options="CONCURRENTLY")],
    ),
    "a sequence": ("CREATE SEQUENCE s.q", [a("CREATE SEQUENCE", "s.q", kind="sequence")]),
    "a sequence altered": ("ALTER SEQUENCE q RESTART WITH 5", [a("ALTER SEQUENCE", "q", kind="sequence")]),
    "a sequence dropped": ("DROP SEQUENCE q", [dropped("SEQUENCE", "q")]),
    "a schema": ("CREATE SCHEMA IF NOT EXISTS s", [a("CREATE SCHEMA", "s", kind="schema", options="IF NOT EXISTS")]),
    "a schema for a role": ("CREATE SCHEMA AUTHORIZATION joe", [a("CREATE SCHEMA", "joe", kind="schema")]),
    "a schema dropped": ("DROP SCHEMA s CASCADE", [dropped("SCHEMA", "s", options="CASCADE")]),
    "a schema renamed": ("ALTER SCHEMA s RENAME TO u", [a("RENAME SCHEMA", "s", kind="schema", new_name="u")]),
    "an extension": ("CREATE EXTENSION citext", [a("CREATE EXTENSION", "citext", kind="extension")]),
    "an extension dropped": ("DROP EXTENSION citext", [dropped("EXTENSION", "citext")]),
    "a function": (
        "CREATE OR REPLACE FUNCTION s.f(a int, OUT b text) RETURNS text LANGUAGE sql AS $$SELECT 'x'$$",
        [a("CREATE FUNCTION", "s.f", kind="function", elements=("integer",), options="OR REPLACE")],
    ),
    "a procedure": ("CREATE PROCEDURE p() LANGUAGE sql AS ''", [a("CREATE PROCEDURE", "p", kind="procedure")]),
    "functions dropped": (
        "DROP FUNCTION f(int, text), s.g",
        [a("DROP FUNCTION", "f", kind="function", objects=(("", "f"), ("s", "g")), elements=("(integer, text)", ""))],
    ),
    "a trigger": (
        "CREATE TRIGGER g AFTER UPDATE OF a ON s.t FOR EACH ROW EXECUTE FUNCTION f()",
        [a("CREATE TRIGGER", "s.t", value="g", columns=("a",))],
    ),
    "a trigger dropped": ("DROP TRIGGER g ON s.t", [dropped("TRIGGER", "s.t", value="g")]),
    "a trigger renamed": (
        "ALTER TRIGGER g ON s.t RENAME TO h",
        [a("RENAME TRIGGER", "s.t", kind="trigger", value="g", new_name="h")],
    ),
    "a policy": ("CREATE POLICY p ON s.t USING (a > 1)", [a("CREATE POLICY", "s.t", value="p")]),
    "a rule": (
        "CREATE RULE r AS ON INSERT TO t DO ALSO INSERT INTO u SELECT * FROM v",
        [a("CREATE RULE", "t", value="r", sources=(("", "u"), ("", "v")))],
    ),
    "code": ("DO $x$BEGIN DELETE FROM t; END$x$", [a("DO", expression="BEGIN DELETE FROM t; END", method="plpgsql")]),
    "a call": ("CALL s.p(1)", [a("CALL", "s.p", kind="procedure", functions=(("s", "p"),))]),
    "vacuum": (
        "VACUUM (FULL, ANALYZE) s.t",
        [a("VACUUM", "s.t", objects=(("s", "t"),), options="ANALYZE · FULL")],
    ),
    "analyze": ("ANALYZE t", [a("ANALYZE", "t", objects=(("", "t"),))]),
    "analyze everything": ("ANALYZE", [a("ANALYZE")]),
    "cluster": ("CLUSTER s.t USING i", [a("CLUSTER", "s.t", index="i")]),
    "a setting": (
        "SET LOCAL lock_timeout = '5s'",
        [a("SET", "lock_timeout", kind="setting", value="5s", options="LOCAL")],
    ),
    "a setting with a list": ('SET search_path TO a, "B"', [a("SET", "search_path", kind="setting", value="a, B")]),
    "a setting no more": ("RESET lock_timeout", [a("RESET", "lock_timeout", kind="setting")]),
    "a role taken on": ("SET ROLE joe", [a("SET", "role", kind="setting", value="joe")]),
    "the transaction": (
        "BEGIN; SAVEPOINT x; ROLLBACK TO x; COMMIT; ROLLBACK",
        [a("BEGIN"), a("SAVEPOINT", value="x"), a("ROLLBACK TO SAVEPOINT", value="x"), a("COMMIT"), a("ROLLBACK")],
    ),
    "a comment on a column": ("COMMENT ON COLUMN s.t.c IS 'x'", [a("COMMENT", "s.t", kind="column", columns=("c",))]),
    "a comment on a table": ("COMMENT ON TABLE t IS NULL", [a("COMMENT", "t")]),
    "a comment on a type": ("COMMENT ON TYPE s.e IS 'x'", [a("COMMENT", "s.e", kind="type")]),
    "a comment on a constraint": (
        "COMMENT ON CONSTRAINT k ON t IS 'x'",
        [a("COMMENT", "t", kind="constraint", value="k")],
    ),
    "a grant": ("GRANT SELECT ON s.t, u TO joe", [a("GRANT", "s.t", objects=(("s", "t"), ("", "u")))]),
    "a revoke in a whole schema": (
        "REVOKE ALL ON ALL TABLES IN SCHEMA s FROM joe",
        [a("REVOKE", "s", kind="schema", objects=(("", "s"),))],
    ),
    "a role granted": ("GRANT a TO b", [a("GRANT", kind="role")]),
    "a function moved": ("ALTER FUNCTION f(int) SET SCHEMA s", [a("SET SCHEMA", "f", kind="function", value="s")]),
    "a collation": ("CREATE COLLATION c (locale = 'C')", [a("CREATE COLLATION", "c", kind="collation")]),
    "what has no word here": ("CREATE PUBLICATION p FOR TABLE t", [a("CREATE PUBLICATION", sources=(("", "t"),))]),
    "nor has this": ("NOTIFY x", [a("NOTIFY")]),
}
ROWS: dict[str, Row] = {
    "a query": (
        "SELECT * FROM s.a LEFT JOIN b USING (x) WHERE EXISTS (SELECT FROM c)",
        [a("SELECT", sources=(("s", "a"), ("", "b"), ("", "c")), options="WHERE", where="EXISTS (SELECT FROM c)")],
    ),
    "two queries": ("SELECT FROM a UNION SELECT FROM s.b", [a("SELECT", sources=(("", "a"), ("s", "b")))]),
    "what a query names for itself is no table": (
        "WITH x AS (SELECT * FROM a), y AS (SELECT * FROM x) SELECT * FROM y, s.x WHERE true",
        [a("SELECT", sources=(("", "a"), ("s", "x")), options="WHERE", where="true")],
    ),
    "but it is one before it is named": (
        "WITH x AS (SELECT * FROM x) SELECT * FROM x",
        [a("SELECT", sources=(("", "x"),))],
    ),
    "unless it names itself": (
        "WITH RECURSIVE x AS (SELECT 1 UNION SELECT * FROM x) SELECT * FROM x",
        [a("SELECT")],
    ),
    "a query that locks rows": ("SELECT FROM t FOR UPDATE", [a("SELECT", sources=(("", "t"),), options="FOR UPDATE")]),
    "a query that writes first": (
        "WITH x AS (DELETE FROM s.t WHERE a RETURNING *), y AS (INSERT INTO u SELECT * FROM v) SELECT * FROM x",
        [
            a("DELETE", "s.t", options="RETURNING · WHERE", where="a"),
            a("INSERT", "u", sources=(("", "v"),), expression="SELECT * FROM v"),
            a("SELECT"),
        ],
    ),
    "rows written": (
        "INSERT INTO s.t (a, b) SELECT f(x), 1 FROM u ON CONFLICT DO NOTHING RETURNING a",
        [
            a("INSERT", "s.t", columns=("a", "b"), sources=(("", "u"),), functions=(("", "f"),))
            | {"options": "DO NOTHING · ON CONFLICT · RETURNING", "expression": "SELECT f(x), 1 FROM u"}
        ],
    ),
    "rows changed": (
        "UPDATE t SET a = 1, b = u.b FROM u WHERE t.id = u.id",
        [
            a(
                "UPDATE",
                "t",
                columns=("a", "b"),
                elements=("1", "u.b"),
                sources=(("", "u"),),
                options="WHERE",
                where="t.id = u.id",
                expression="u",
            )
        ],
    ),
    "all rows changed": (
        "UPDATE ONLY t AS x SET a = 1",
        [a("UPDATE", "t", columns=("a",), elements=("1",), value="x", options="ONLY")],
    ),
    "what is set to no value of its own": (
        "UPDATE t SET a = DEFAULT, (b, c) = (SELECT 1, 2), d[1] = 3",
        [a("UPDATE", "t", columns=("a", "b", "c", "d"), elements=("", "", "", ""))],
    ),
    "a table that is both read and written": (
        "UPDATE t SET a = (SELECT max(a) FROM t)",
        [
            a(
                "UPDATE",
                "t",
                columns=("a",),
                elements=("(SELECT max(a) FROM t)",),
                sources=(("", "t"),),
                functions=(("", "max"),),
            )
        ],
    ),
    "rows deleted": (
        "DELETE FROM t AS x USING u JOIN v USING (i), w",
        [a("DELETE", "t", sources=(("", "u"), ("", "v"), ("", "w")), expression="u JOIN v USING (i), w", value="x")],
    ),
    "rows deleted behind a WITH": ("WITH x AS (SELECT) DELETE FROM t USING x", [a("DELETE", "t", options="WITH")]),
    "rows merged": (
        "MERGE INTO t USING u ON true WHEN MATCHED THEN DELETE",
        [a("MERGE", "t", sources=(("", "u"),))],
    ),
    "copied in": ("COPY t (a) FROM STDIN", [a("COPY", "t", columns=("a",), options="FROM")]),
    "copied out": ("COPY t TO STDOUT", [a("COPY", "t", sources=(("", "t"),), options="TO")]),
    "a query copied out": ("COPY (SELECT * FROM t) TO STDOUT", [a("COPY", sources=(("", "t"),), options="TO")]),
    "explained": ("EXPLAIN DELETE FROM t USING u", [a("EXPLAIN", sources=(("", "u"),))]),
    "explained by doing it": ("EXPLAIN ANALYZE DELETE FROM t", [a("DELETE", "t"), a("EXPLAIN", options="ANALYZE")]),
    "read in pieces": ("DECLARE c CURSOR FOR SELECT * FROM t", [a("DECLARE CURSOR", sources=(("", "t"),))]),
}
NAMES: dict[str, Row] = {
    "in quotes": (
        'ALTER TABLE "S"."Or""der" ADD "C c" int',
        [a("ADD COLUMN", 'S.Or"der', columns=("C c",), type="integer")],
    ),
    "with dots": (
        'DROP VIEW "a.b"."c.d"',
        [{"verb": "DROP VIEW", "schema": "a.b", "name": "c.d", "kind": "view", "objects": (("a.b", "c.d"),)}],
    ),
    "of another script": (
        "ALTER TABLE straße RENAME größe TO 名前",
        [a("RENAME COLUMN", "straße", columns=("größe",), new_name="名前")],
    ),
    "spelled by numbers": (r'DROP VIEW U&"d\0061t\+000061"', [dropped("VIEW", "data")]),
    "capitals without quotes": ("DROP VIEW Users", [dropped("VIEW", "users")]),
    "that is a statement": (
        """CREATE INDEX "i; DROP TABLE t --" ON t ("c); DELETE FROM u")""",
        [
            a("CREATE INDEX", "t", index="i; DROP TABLE t --", columns=("c); DELETE FROM u",), method="btree")
            | {"elements": ('"c); DELETE FROM u"',)}
        ],
    ),
    "that is a placeholder": ('DROP VIEW "%(x)s :y %s"', [dropped("VIEW", "%(x)s :y %s")]),
    "with the database before the schema": ("DROP VIEW d.s.v", [dropped("VIEW", "s.v")]),
}
REFUSED: dict[str, Row] = {
    "no SQL": ("selct 1", [a("?")]),
    "cut off": ("SELECT * FROM t WHERE a = 'x", [a("?")]),
    "half of it no SQL": ("SELECT 1; fnord", [a("?")]),
    "a zero byte": ("SELECT 1\0; DROP TABLE t", [a("?")]),
    "half of a character": ("SELECT '\ud800'", [a("?")]),
    "a sum without end": ("SELECT " + " + ".join(["1"] * 9999), [a("?")]),
    "alternatives without end": (" UNION ALL ".join(["SELECT a FROM t"] * 5000), [a("?")]),
    "parentheses without end": ("SELECT " + "(" * 50000, [a("?")]),
    "nothing": ("", []),
    "spaces": ("  ;; \n", []),
    "a comment": ("-- DROP TABLE t", []),
}
ALL = {
    f"{what}: {name}": row
    for what, rows in {
        "table": TABLES,
        "column": COLUMNS,
        "constraint": CONSTRAINTS,
        "index": INDEXES,
        "type": TYPES,
        "other": OTHERS,
        "rows": ROWS,
        "name": NAMES,
        "refused": REFUSED,
    }.items()
    for name, row in rows.items()
}
