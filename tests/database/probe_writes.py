"""Plans whose last statement changes or deletes rows that are there, for `probe_cases`."""

from __future__ import annotations

from tests.database.probe_shapes import Case, breaks, passes, unknown

SHOP = """
    CREATE TABLE p (id int PRIMARY KEY, code text UNIQUE); INSERT INTO p VALUES (1, 'a'), (2, 'b'), (3, 'c');
    CREATE TABLE t (
        id int PRIMARY KEY, a int NOT NULL, b varchar(5), p int REFERENCES p, u int UNIQUE,
        CONSTRAINT small CHECK (a < 10), n int
    );
    INSERT INTO t VALUES (1, 1, 'x', 1, 10, 0), (2, 5, 'yyy', 2, 20, NULL), (3, 9, NULL, NULL, NULL, NULL);
    CREATE TABLE f (id int, a int, b text, p int, u int);
    INSERT INTO f VALUES (1, 2, 'new', 1, 11), (2, 3, 'newer', 2, 21);
"""
LATE = SHOP + "ALTER TABLE t ADD CONSTRAINT late CHECK (n > 0) NOT VALID;"
FROM = "UPDATE t SET a = f.a, b = f.b, p = f.p, u = f.u FROM f WHERE f.id = t.id"


def source(row: str) -> str:
    """The shop with one more row of what others are changed from."""
    return f"{SHOP} INSERT INTO f VALUES ({row})"


LABELS = (
    "CREATE TYPE mood AS ENUM ('sad', 'it''s ok'); CREATE TABLE t (id int PRIMARY KEY, c mood NOT NULL{});"
    "INSERT INTO t VALUES (1, 'sad'), (2, 'it''s ok')"
)

CHANGES: dict[str, Case] = {
    "a label that the plan adds": passes(
        LABELS.format(""), "ALTER TYPE mood ADD VALUE 'it''s new'; UPDATE t SET c = 'it''s new' WHERE id = 1"
    ),
    "a label that nobody adds": breaks(
        LABELS.format(""), "ALTER TYPE mood ADD VALUE 'new'; UPDATE t SET c = 'newer'", 1, at_least=True
    ),
    "a label that the plan adds, under a check": unknown(
        LABELS.format(" CHECK (c <= 'it''s ok')"), "ALTER TYPE mood ADD VALUE 'new'; UPDATE t SET c = 'new'", fails=True
    ),
    "a label that the plan adds, twice in what is unique": unknown(
        LABELS.format(" UNIQUE"), "ALTER TYPE mood ADD VALUE 'new'; UPDATE t SET c = 'new'", fails=True
    ),
    "one label in another's place, then NOT NULL": passes(
        "CREATE TYPE mood AS ENUM ('sad'); CREATE TABLE t (id int PRIMARY KEY, c mood); INSERT INTO t VALUES (1, NULL)",
        "ALTER TYPE mood ADD VALUE 'new'; UPDATE t SET c = 'new'; ALTER TABLE t ALTER c SET NOT NULL",
    ),
    "a constant": passes(SHOP, "UPDATE t SET a = 3, b = 'z'"),
    "what nobody demands anything of": passes(SHOP, "UPDATE t SET n = NULL"),
    "no value where one must be": breaks(SHOP, "UPDATE t SET a = NULL WHERE id > 1", 2, samples=("NOT NULL a",)),
    "no value where one must be, computed": breaks(SHOP, "UPDATE t SET a = n", 2, samples=("NOT NULL a",)),
    "a check": breaks(SHOP, "UPDATE t SET a = a + 1", 1, samples=("small",)),
    "a check where it holds": passes(SHOP, "UPDATE t SET a = a + 1 WHERE a < 9"),
    "a check that is not valid, of rows that stay": passes(LATE, "UPDATE t SET n = 5 WHERE id = 2"),
    "a check that is not valid": breaks(LATE, "UPDATE t SET n = 0 WHERE id = 3", 1, samples=("late",)),
    "a check that the plan drops": passes(SHOP, "ALTER TABLE t DROP CONSTRAINT small; UPDATE t SET a = a + 1"),
    "a check of the plan's": breaks(
        SHOP,
        "ALTER TABLE t ADD CONSTRAINT tiny CHECK (a <> 7); UPDATE t SET a = a + 2 WHERE a = 5",
        1,
        samples=("tiny",),
    ),
    "too long": breaks(SHOP, "UPDATE t SET b = b || b", 1, samples=("b character varying(5)",)),
    "long enough": passes(SHOP, "UPDATE t SET b = upper(b)"),
    "what cannot be computed": breaks(SHOP, "UPDATE t SET a = 1 / (a - 5)", 1, at_least=True),
    "no parent": breaks(SHOP, "UPDATE t SET p = p + 2", 1, samples=("t_p_fkey",)),
    "another parent": passes(SHOP, "UPDATE t SET p = 3 - p"),
    "all the same": breaks(SHOP, "UPDATE t SET u = 1", 3, samples=("t_u_key",)),
    "what another row has": breaks(SHOP, "UPDATE t SET u = 20 WHERE id = 1", 1, samples=("t_u_key",)),
    "what no row has": passes(SHOP, "UPDATE t SET u = 30 WHERE id = 1"),
    "other values for all": passes(SHOP, "UPDATE t SET u = u + 1"),
    "values handed on from row to row": unknown(SHOP, "UPDATE t SET u = u + 10", fails=True),
    "values that go round": unknown(SHOP, "UPDATE t SET u = 30 - u", fails=True),
    "values handed on where only the end counts": passes(
        SHOP + "ALTER TABLE t DROP CONSTRAINT t_u_key, ADD CONSTRAINT t_u_key UNIQUE (u) DEFERRABLE",
        "UPDATE t SET u = u + 10",
    ),
    "an index that is no constraint": breaks(
        SHOP + "CREATE UNIQUE INDEX lowest ON t (lower(b)) WHERE id < 3",
        "UPDATE t SET b = 'X' WHERE id = 2",
        1,
        samples=("lowest",),
    ),
    "outside of what is unique": passes(
        SHOP + "CREATE UNIQUE INDEX lowest ON t (lower(b)) WHERE id < 3", "UPDATE t SET b = 'X' WHERE id = 3"
    ),
    "a value of its own for each": passes(
        "CREATE TABLE t (id int, k uuid NOT NULL UNIQUE); INSERT INTO t SELECT n, gen_random_uuid()"
        " FROM generate_series(1, 3) n",
        "UPDATE t SET k = gen_random_uuid()",
    ),
    "a key that others refer to": breaks(SHOP, "UPDATE p SET id = id + 10", 2, samples=("t_p_fkey",)),
    "a key that nobody refers to": passes(SHOP, "UPDATE p SET id = 30 WHERE id = 3"),
    "a key that stays as it is": passes(SHOP, "UPDATE p SET id = id"),
    "a key that takes others along": unknown(
        SHOP + "CREATE TABLE c (p int REFERENCES p ON UPDATE CASCADE, CHECK (p < 5)); INSERT INTO c VALUES (3)",
        "UPDATE p SET id = 30 WHERE id = 3",
        fails=True,
    ),
    "its own parent": passes(
        "CREATE TABLE t (id int PRIMARY KEY, up int REFERENCES t); INSERT INTO t VALUES (1, NULL), (2, 1)",
        "UPDATE t SET up = 2",
    ),
    "its own parent, which is not there": breaks(
        "CREATE TABLE t (id int PRIMARY KEY, up int REFERENCES t); INSERT INTO t VALUES (1, NULL), (2, 1)",
        "UPDATE t SET up = 3 WHERE id = 1",
        1,
    ),
    "from other rows": passes(SHOP, FROM),
    "from other rows, one that breaks all": breaks(
        source("3, 10, 'newest', 8, 11"),
        FROM,
        2,
        samples=("b character varying(5)", "small", "t_p_fkey", "t_u_key"),
    ),
    "from several rows for one": unknown(source("1, 4, 'other', 1, 11"), FROM, fails=False),
    "from a query": breaks(SHOP, "UPDATE t SET a = (SELECT f.a FROM f WHERE f.id = t.id)", 1, samples=("NOT NULL a",)),
    "by another name": breaks(SHOP, "UPDATE t AS x SET a = x.a + 1 WHERE x.id = 3", 1, samples=("small",)),
    "a column that the plan renames": passes(SHOP, "ALTER TABLE t RENAME n TO m; UPDATE t SET m = 1"),
    "after another change": breaks(SHOP, "UPDATE t SET a = a - 1; UPDATE t SET a = a + 2", 1, samples=("small",)),
    "after a change that makes room": passes(SHOP, "UPDATE t SET a = a - 1; UPDATE t SET a = a + 1"),
    "after the rows in the way are gone": passes(SHOP, "DELETE FROM t WHERE a = 9; UPDATE t SET a = a + 1"),
    "a computed column": unknown(
        "CREATE TABLE t (id int, g int GENERATED ALWAYS AS (id * 2) STORED, CONSTRAINT low CHECK (g < 10));"
        "INSERT INTO t VALUES (1), (2)",
        "UPDATE t SET id = id + 3",
        fails=True,
    ),
    "another column than the computed one": passes(
        "CREATE TABLE t (id int, a int, g int GENERATED ALWAYS AS (id * 2) STORED, CONSTRAINT low CHECK (g < 10));"
        "INSERT INTO t VALUES (1), (2)",
        "UPDATE t SET a = 3",
    ),
    "a function that does more": unknown(SHOP, "UPDATE t SET a = (random() + 20)::int", fails=True),
    "a trigger that helps": unknown(
        SHOP + "CREATE FUNCTION h() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.a = 1; RETURN NEW; END';"
        "CREATE TRIGGER g BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION h()",
        "UPDATE t SET a = 50",
        fails=False,
    ),
    "in partitions": unknown(
        "CREATE TABLE m (k int, v int CHECK (v < 5)) PARTITION BY RANGE (k); CREATE TABLE m1 PARTITION OF m DEFAULT;"
        "INSERT INTO m VALUES (1, 1)",
        "UPDATE m SET v = 7",
        fails=True,
    ),
}
TREE = "CREATE TABLE t (id int PRIMARY KEY, up int REFERENCES t); INSERT INTO t VALUES (1, NULL), (2, 1), (3, 2);"
CHAIN = """
    CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY, a int REFERENCES a ON DELETE CASCADE);
    CREATE TABLE c (b int REFERENCES b);
    INSERT INTO a VALUES (1), (2); INSERT INTO b VALUES (10, 1), (20, 2); INSERT INTO c VALUES (20), (NULL);
"""
DELETES: dict[str, Case] = {
    "rows that nobody refers to": passes(SHOP, "DELETE FROM p WHERE id = 3"),
    "rows that others refer to": breaks(SHOP, "DELETE FROM p WHERE code < 'c'", 2, samples=("1", "2")),
    "all rows": breaks(SHOP, "DELETE FROM p", 2, samples=("1", "2")),
    "rows that the plan put in": passes(SHOP, "INSERT INTO p VALUES (7, 'q'); DELETE FROM p WHERE code = 'q'"),
    "rows that the plan put in, and refers to": unknown(
        SHOP,
        "INSERT INTO p VALUES (7, 'q'); UPDATE t SET p = 7 WHERE id = 1; DELETE FROM p WHERE code = 'q'",
        fails=True,
    ),
    "rows of what refers": passes(SHOP, "DELETE FROM t"),
    "what refers goes first": passes(SHOP, "DELETE FROM t WHERE p = 2; DELETE FROM p WHERE id = 2"),
    "what refers goes first, but not all of it": breaks(
        SHOP, "DELETE FROM t WHERE p = 2; DELETE FROM p WHERE id < 3", 1, samples=("1",)
    ),
    "all of what refers goes first": passes(SHOP, "DELETE FROM t; DELETE FROM p"),
    "what refers is set free first": passes(SHOP, "UPDATE t SET p = NULL WHERE p = 2; DELETE FROM p WHERE id = 2"),
    "the key is dropped first": passes(SHOP, "ALTER TABLE t DROP CONSTRAINT t_p_fkey; DELETE FROM p"),
    "rows with what others say": breaks(SHOP, "DELETE FROM p USING f WHERE f.p = p.id AND f.a = 2", 1, samples=("1",)),
    "rows without others that are gone by then": unknown(
        SHOP,
        "DELETE FROM f WHERE id = 1; DELETE FROM p WHERE NOT EXISTS (SELECT FROM f WHERE f.p = p.id)",
        fails=True,
    ),
    "rows without others": passes(SHOP, "DELETE FROM p WHERE NOT EXISTS (SELECT FROM t WHERE t.p = p.id)"),
    "by another name": breaks(SHOP, "DELETE FROM p AS x WHERE x.id = 2", 1, samples=("2",)),
    "a branch": breaks(TREE, "DELETE FROM t WHERE id = 2", 1, samples=("2",)),
    "a branch with all that grows on it": passes(TREE, "DELETE FROM t WHERE id > 1"),
    "with what refers": passes(CHAIN, "DELETE FROM a WHERE id = 1"),
    "with what refers, which others refer to": breaks(CHAIN, "DELETE FROM a", 1, samples=("2",)),
    "what refers is emptied": passes(
        SHOP + "CREATE TABLE c (p int REFERENCES p ON DELETE SET NULL); INSERT INTO c VALUES (3)",
        "DELETE FROM p WHERE id = 3",
    ),
    "what refers may not be emptied": breaks(
        SHOP + "CREATE TABLE c (p int NOT NULL REFERENCES p ON DELETE SET NULL); INSERT INTO c VALUES (3)",
        "DELETE FROM p WHERE id = 3",
        1,
        samples=("3",),
    ),
    "what refers to a key of two": breaks(
        "CREATE TABLE p (x int, y int, PRIMARY KEY (x, y)); INSERT INTO p VALUES (1, 1), (1, 2);"
        "CREATE TABLE t (x int, y int, FOREIGN KEY (x, y) REFERENCES p); INSERT INTO t VALUES (1, 2), (1, NULL)",
        "DELETE FROM p",
        1,
        samples=("(1,2)",),
    ),
    "of a partitioned table": breaks(
        "CREATE TABLE m (k int PRIMARY KEY) PARTITION BY RANGE (k); CREATE TABLE m1 PARTITION OF m DEFAULT;"
        "INSERT INTO m VALUES (1), (2); CREATE TABLE t (k int REFERENCES m); INSERT INTO t VALUES (2)",
        "DELETE FROM m",
        1,
        samples=("2",),
    ),
    "of a partition": breaks(
        "CREATE TABLE m (k int PRIMARY KEY) PARTITION BY RANGE (k); CREATE TABLE m1 PARTITION OF m DEFAULT;"
        "INSERT INTO m VALUES (1), (2); CREATE TABLE t (k int REFERENCES m); INSERT INTO t VALUES (2)",
        "DELETE FROM m1",
        1,
    ),
    "rows chosen by what is not followed": unknown(SHOP, "DELETE FROM p WHERE id > random() * 0", fails=True),
    "rows chosen so, where nobody refers": passes(
        SHOP + "UPDATE t SET p = NULL", "DELETE FROM p WHERE id > random() * 0"
    ),
    "a trigger that helps": unknown(
        SHOP + "CREATE FUNCTION h() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';"
        "CREATE TRIGGER g BEFORE DELETE ON p FOR EACH ROW EXECUTE FUNCTION h()",
        "DELETE FROM p",
        fails=False,
    ),
    "hostile names": breaks(
        """CREATE TABLE "P ""'%s" ("k :x" int PRIMARY KEY); INSERT INTO "P ""'%s" VALUES (7);
        CREATE TABLE "T.t" ("%s" int REFERENCES "P ""'%s"); INSERT INTO "T.t" VALUES (7)""",
        """DELETE FROM "P ""'%s" WHERE "k :x" = 7""",
        1,
        samples=("7",),
    ),
}
