"""Plans with the rows that break their last statement, and with rows that do not.

Each row: what is there before, the plan, and how many violations the probes of its last statement find.
"""

from __future__ import annotations

from tests.database.probe_shapes import Case, breaks, passes, unknown
from tests.database.probe_writes import CHANGES, DELETES

__all__ = ["ALL", "KINDS", "Case"]


T = "CREATE TABLE t (id int PRIMARY KEY, a int, b text);"
ROWS = T + "INSERT INTO t VALUES (1, 1, 'x'), (2, 2, 'y'), (3, 3, NULL);"
NO_KEY = "CREATE TABLE t (a int, b text); INSERT INTO t VALUES (1, 'x'), (NULL, 'x'), (NULL, 'y');"
PARENT = "CREATE TABLE p (id int PRIMARY KEY, x int, y int, UNIQUE (x, y)); INSERT INTO p VALUES (1, 1, 1), (2, 2, 2);"
PARTED = "CREATE TABLE m (k int, v text) PARTITION BY RANGE (k);"

NULLS = {
    "no NULL": passes(ROWS, "ALTER TABLE t ALTER a SET NOT NULL"),
    "a NULL": breaks(ROWS, "ALTER TABLE t ALTER b SET NOT NULL", 1, samples=("3",)),
    "an empty table": passes(T, "ALTER TABLE t ALTER b SET NOT NULL"),
    "NULLs without a primary key": breaks(NO_KEY, "ALTER TABLE t ALTER a SET NOT NULL", 2, samples=("(0,2)", "(0,3)")),
    "a NULL in a child": breaks(
        T + "CREATE TABLE c () INHERITS (t); INSERT INTO c VALUES (1, NULL)", "ALTER TABLE t ALTER a SET NOT NULL", 1
    ),
    "a NULL in a child that is left out": passes(
        T + "CREATE TABLE c () INHERITS (t); INSERT INTO c VALUES (1, NULL)",
        "ALTER TABLE ONLY t ALTER a SET NOT NULL",
        fails=False,
        since=15,
    ),
    "a NULL in a partition": breaks(
        PARTED + "CREATE TABLE m1 PARTITION OF m DEFAULT; INSERT INTO m VALUES (1, NULL), (NULL, 'x')",
        "ALTER TABLE m ALTER v SET NOT NULL",
        1,
        samples=("m1 (0,1)",),
    ),
    "a value of several fields that are all NULL is none": passes(
        "CREATE TYPE c AS (x int, y int); CREATE TABLE t (a c); INSERT INTO t VALUES (ROW(NULL, NULL))",
        "ALTER TABLE t ALTER a SET NOT NULL",
    ),
    "hostile names": breaks(
        """CREATE SCHEMA "S.x"; CREATE TABLE "S.x"."T ""t""; --" ("C ' c" int PRIMARY KEY, "%s :x" int);
        INSERT INTO "S.x"."T ""t""; --" VALUES (7, NULL)""",
        """ALTER TABLE "S.x"."T ""t""; --" ALTER "%s :x" SET NOT NULL""",
        1,
        samples=("7",),
    ),
    "a NOT NULL with a name": breaks(ROWS, "ALTER TABLE t ADD CONSTRAINT n NOT NULL b", 1, since=18),
    "a NOT NULL that is not valid, validated": breaks(
        ROWS + "ALTER TABLE t ADD CONSTRAINT n NOT NULL b NOT VALID", "ALTER TABLE t VALIDATE CONSTRAINT n", 1, since=18
    ),
    "one without a name, validated": breaks(
        ROWS + "ALTER TABLE t ADD NOT NULL b NOT VALID", "ALTER TABLE t VALIDATE CONSTRAINT t_b_not_null", 1, since=18
    ),
    "validated where there is no NULL": passes(
        ROWS + "ALTER TABLE t ADD CONSTRAINT n NOT NULL a NOT VALID",
        "ALTER TABLE t VALIDATE CONSTRAINT n",
        since=18,
    ),
    "a new column that must have something": breaks(
        ROWS, "ALTER TABLE t ADD c int NOT NULL", 3, samples=("1", "2", "3")
    ),
    "a new column that must have something, where there is no row": passes(T, "ALTER TABLE t ADD c int NOT NULL"),
    "a new column that has something": passes(ROWS, "ALTER TABLE t ADD c int NOT NULL DEFAULT 5"),
    "a new column that has NULL": breaks(ROWS, "ALTER TABLE t ADD c int NOT NULL DEFAULT NULL", 3),
    "a new serial": passes(ROWS, "ALTER TABLE t ADD c serial NOT NULL"),
    "a new identity": passes(ROWS, "ALTER TABLE t ADD c int GENERATED ALWAYS AS IDENTITY"),
    "a new column of a domain that takes no NULL": breaks(
        ROWS + "CREATE DOMAIN d AS int CHECK (VALUE IS NOT NULL)", "ALTER TABLE t ADD c d", 1, at_least=True
    ),
    "a new column of a domain with a default": passes(
        ROWS + "CREATE DOMAIN d AS int DEFAULT 3 CHECK (VALUE IS NOT NULL)", "ALTER TABLE t ADD c d NOT NULL"
    ),
    "a generated column that is NULL": breaks(
        ROWS, "ALTER TABLE t ADD c int GENERATED ALWAYS AS (length(b)) STORED NOT NULL", 1, samples=("3",)
    ),
    "a generated column that cannot be computed": breaks(
        ROWS, "ALTER TABLE t ADD c int GENERATED ALWAYS AS (1 / (a - 2)) STORED", 1, at_least=True
    ),
    "a generated column": passes(ROWS, "ALTER TABLE t ADD c int GENERATED ALWAYS AS (1 / a) STORED"),
    "a primary key of two columns, one with NULL": breaks(
        NO_KEY, "ALTER TABLE t ADD PRIMARY KEY (a, b)", 2, samples=("(0,2)", "(0,3)")
    ),
    "a primary key by an index, over NULL": breaks(
        NO_KEY + "CREATE UNIQUE INDEX i ON t (a)", "ALTER TABLE t ADD PRIMARY KEY USING INDEX i", 2
    ),
    "a primary key by an index of the plan, over NULL": breaks(
        NO_KEY, "CREATE UNIQUE INDEX CONCURRENTLY i ON t (a); ALTER TABLE t ADD PRIMARY KEY USING INDEX i", 2
    ),
}
DUPLICATES = {
    "all different": passes(ROWS, "ALTER TABLE t ADD UNIQUE (a)"),
    "two alike": breaks(
        ROWS + "INSERT INTO t VALUES (4, 4, 'x')", "ALTER TABLE t ADD UNIQUE (b)", 2, samples=("1", "4")
    ),
    "NULLs differ": passes(ROWS + "INSERT INTO t VALUES (4, 4, NULL)", "ALTER TABLE t ADD UNIQUE (b)"),
    "NULLs do not differ": breaks(
        ROWS + "INSERT INTO t VALUES (4, 4, NULL)", "ALTER TABLE t ADD UNIQUE NULLS NOT DISTINCT (b)", 2
    ),
    "one NULL alone": passes(ROWS, "CREATE UNIQUE INDEX ON t (b) NULLS NOT DISTINCT"),
    "two columns": passes(ROWS + "INSERT INTO t VALUES (4, 4, 'x')", "ALTER TABLE t ADD UNIQUE (b, a)"),
    "two columns, one NULL": passes(
        "CREATE TABLE t (a int, b int); INSERT INTO t VALUES (1, NULL), (1, NULL)", "ALTER TABLE t ADD UNIQUE (a, b)"
    ),
    "what is only carried does not count": breaks(
        ROWS + "INSERT INTO t VALUES (4, 4, 'x')", "CREATE UNIQUE INDEX ON t (b) INCLUDE (a)", 2
    ),
    "a partial index that leaves them out": passes(
        ROWS + "INSERT INTO t VALUES (4, 4, 'x')", "CREATE UNIQUE INDEX ON t (b) WHERE a < 4"
    ),
    "a partial index that takes them in": breaks(
        ROWS + "INSERT INTO t VALUES (4, 4, 'x')", "CREATE UNIQUE INDEX ON t (b) WHERE a < 5", 2
    ),
    "an expression": breaks(
        ROWS + "INSERT INTO t VALUES (4, 4, 'X')", "CREATE UNIQUE INDEX i ON t (lower(b))", 2, samples=("1", "4")
    ),
    "an expression and a column": passes(
        ROWS + "INSERT INTO t VALUES (4, 4, 'X')", "CREATE UNIQUE INDEX i ON t (lower(b), a)"
    ),
    "an expression that cannot be computed": breaks(ROWS, "CREATE INDEX i ON t ((1 / (a - 1)))", 1, at_least=True),
    "an expression that can": passes(ROWS, "CREATE INDEX i ON t ((1 / a))"),
    "a primary key": breaks(NO_KEY, "ALTER TABLE t ADD PRIMARY KEY (b)", 2),
    "a materialized view": breaks(
        "CREATE MATERIALIZED VIEW w AS SELECT generate_series(1, 3) / 2 AS a", "CREATE UNIQUE INDEX ON w (a)", 2
    ),
    "only a part of a partitioned table": passes(
        PARTED + "CREATE TABLE m1 PARTITION OF m FOR VALUES FROM (1) TO (9); INSERT INTO m VALUES (1, 'x'), (1, 'y')",
        "CREATE UNIQUE INDEX i ON ONLY m (k)",
    ),
    "NaN equals NaN": breaks(
        "CREATE TABLE t (a float8); INSERT INTO t VALUES ('NaN'), ('NaN'), ('Infinity')",
        "ALTER TABLE t ADD UNIQUE (a)",
        2,
    ),
    "zeros are one": breaks(
        "CREATE TABLE t (a float8); INSERT INTO t VALUES ('0'), ('-0')", "CREATE UNIQUE INDEX ON t (a)", 2
    ),
    "numbers of different scale": breaks(
        "CREATE TABLE t (a numeric); INSERT INTO t VALUES (1.0), (1.00)", "ALTER TABLE t ADD UNIQUE (a)", 2
    ),
    "rows of a child do not count": passes(
        T + "CREATE TABLE c () INHERITS (t); INSERT INTO t VALUES (1, 1); INSERT INTO c VALUES (2, 1)",
        "ALTER TABLE t ADD UNIQUE (a)",
    ),
    "rows of partitions do": breaks(
        PARTED + "CREATE TABLE m1 PARTITION OF m FOR VALUES FROM (1) TO (9); INSERT INTO m VALUES (1, 'x'), (1, 'y')",
        "ALTER TABLE m ADD UNIQUE (k)",
        2,
    ),
    "a new column with the same for all": breaks(ROWS, "ALTER TABLE t ADD c int DEFAULT 5 UNIQUE", 3),
    "a new column with NULL for all": passes(ROWS, "ALTER TABLE t ADD c int UNIQUE"),
    "a new column with one each": passes(NO_KEY, "ALTER TABLE t ADD c bigserial PRIMARY KEY"),
    "a new column that nobody knows": unknown(
        NO_KEY, "ALTER TABLE t ADD c float8 DEFAULT random() UNIQUE", fails=False
    ),
    "exclusion of what overlaps": breaks(
        "CREATE TABLE t (id int PRIMARY KEY, r int4range);"
        "INSERT INTO t VALUES (1, '[1,5]'), (2, '[4,9]'), (3, '[20,30]'), (4, NULL), (5, 'empty'), (6, 'empty')",
        "ALTER TABLE t ADD EXCLUDE USING gist (r WITH &&)",
        1,
        samples=("1", "2"),
    ),
    "exclusion of what does not": passes(
        "CREATE TABLE t (r int4range); INSERT INTO t VALUES ('[1,5)'), ('[5,9]')",
        "ALTER TABLE t ADD EXCLUDE USING gist (r WITH &&)",
    ),
    "exclusion of some": passes(
        "CREATE TABLE t (a int, r int4range); INSERT INTO t VALUES (1, '[1,5)'), (2, '[2,9]')",
        "ALTER TABLE t ADD EXCLUDE USING gist (r WITH &&) WHERE (a = 1)",
    ),
    "exclusion by an expression": breaks(
        ROWS + "INSERT INTO t VALUES (4, 4, 'X')", "ALTER TABLE t ADD EXCLUDE (lower(b) WITH =)", 1, samples=("1", "4")
    ),
    "a key without overlaps": breaks(
        "CREATE TABLE t (a int4range, r int4range); INSERT INTO t VALUES ('[1,1]', '[1,5]'), ('[1,1]', '[4,9]')",
        "ALTER TABLE t ADD UNIQUE (a, r WITHOUT OVERLAPS)",
        1,
        since=18,
    ),
}
ORPHANS = {
    "all have a parent": passes(
        PARENT + T + "INSERT INTO t VALUES (1, 1), (2, 2), (3, NULL)", "ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES p"
    ),
    "one has none": breaks(
        PARENT + T + "INSERT INTO t VALUES (1, 1), (2, 9), (3, NULL)",
        "ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES p",
        1,
        samples=("2",),
    ),
    "not valid": passes(
        PARENT + T + "INSERT INTO t VALUES (2, 9)",
        "ALTER TABLE t ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES p NOT VALID",
    ),
    "not valid, then validated": breaks(
        PARENT + T + "INSERT INTO t VALUES (2, 9)",
        "ALTER TABLE t ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES p NOT VALID; ALTER TABLE t VALIDATE CONSTRAINT f",
        1,
    ),
    "one that was not valid, validated": breaks(
        PARENT
        + T
        + "INSERT INTO t VALUES (1, 1), (2, 9); ALTER TABLE t ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES p NOT VALID",
        "ALTER TABLE t VALIDATE CONSTRAINT f",
        1,
        samples=("2",),
    ),
    "one that was not enforced, enforced": breaks(
        PARENT
        + T
        + "INSERT INTO t VALUES (2, 9); ALTER TABLE t ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES p NOT ENFORCED",
        "ALTER TABLE t ALTER CONSTRAINT f ENFORCED",
        1,
        since=18,
    ),
    "two columns, half of them": passes(
        PARENT + "CREATE TABLE t (a int, b int); INSERT INTO t VALUES (1, 1), (9, NULL), (NULL, NULL)",
        "ALTER TABLE t ADD FOREIGN KEY (a, b) REFERENCES p (x, y)",
    ),
    "two columns, half of them, in full": breaks(
        PARENT + "CREATE TABLE t (a int, b int); INSERT INTO t VALUES (1, 1), (9, NULL), (NULL, NULL), (1, 2)",
        "ALTER TABLE t ADD FOREIGN KEY (a, b) REFERENCES p (x, y) MATCH FULL",
        2,
    ),
    "two columns in another order": breaks(
        PARENT + "CREATE TABLE t (a int, b int); INSERT INTO p VALUES (3, 5, 6); INSERT INTO t VALUES (5, 6), (6, 5)",
        "ALTER TABLE t ADD FOREIGN KEY (b, a) REFERENCES p (x, y)",
        1,
    ),
    "to itself": breaks(
        "CREATE TABLE t (id int PRIMARY KEY, a int); INSERT INTO t VALUES (1, 1), (2, 3)",
        "ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES t",
        1,
    ),
    "of other types": passes(
        "CREATE TABLE p (id bigint PRIMARY KEY); INSERT INTO p VALUES (1)" + ";" + T + "INSERT INTO t VALUES (1, 1)",
        "ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES p",
    ),
    "rows of the parent's children do not count": breaks(
        PARENT + "CREATE TABLE c () INHERITS (p); INSERT INTO c VALUES (5, 5, 5);" + T + "INSERT INTO t VALUES (1, 5)",
        "ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES p",
        1,
    ),
    "to a table that the plan makes": breaks(
        ROWS, "CREATE TABLE q (id int PRIMARY KEY); ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES q", 3
    ),
    "to a table that the plan fills": unknown(
        ROWS,
        "CREATE TABLE q (id int PRIMARY KEY); INSERT INTO q SELECT a FROM t;"
        "ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES q",
        fails=False,
    ),
    "a new column has no parent and needs none": passes(PARENT + ROWS, "ALTER TABLE t ADD c int REFERENCES p"),
    "a new column with a parent for all": passes(PARENT + ROWS, "ALTER TABLE t ADD c int DEFAULT 1 REFERENCES p"),
    "a new column with a parent that is not there": breaks(
        PARENT + ROWS, "ALTER TABLE t ADD c int DEFAULT 9 REFERENCES p", 3
    ),
}
CHECKS = {
    "all keep it": passes(ROWS, "ALTER TABLE t ADD CHECK (a < 9)"),
    "one breaks it": breaks(ROWS, "ALTER TABLE t ADD CONSTRAINT k CHECK (a < 3)", 1, samples=("3",)),
    "NULL keeps it": passes(ROWS, "ALTER TABLE t ADD CHECK (b <> 'z')"),
    "it cannot be computed": breaks(ROWS, "ALTER TABLE t ADD CHECK (1 / (a - 1) > 0)", 1, at_least=True),
    "it names the table": breaks(ROWS, "ALTER TABLE t ADD CHECK (t.a < 3)", 1),
    "it asks for the whole row": breaks(ROWS, "ALTER TABLE t ADD CHECK (t.* IS NOT NULL)", 1),
    "a function of the database's own": breaks(
        ROWS + "CREATE FUNCTION f(int) RETURNS bool IMMUTABLE LANGUAGE sql AS 'SELECT $1 < 3'",
        "ALTER TABLE t ADD CHECK (f(a))",
        1,
    ),
    "a function that may do more": unknown(
        ROWS + "CREATE FUNCTION f(int) RETURNS bool LANGUAGE sql AS 'SELECT $1 < 3'",
        "ALTER TABLE t ADD CHECK (f(a))",
        fails=True,
    ),
    "not valid, then validated": breaks(
        ROWS, "ALTER TABLE t ADD CONSTRAINT k CHECK (a < 3) NOT VALID; ALTER TABLE t VALIDATE CONSTRAINT k", 1
    ),
    "one that was not valid, validated": breaks(
        ROWS + "ALTER TABLE t ADD CONSTRAINT k CHECK (a < 3) NOT VALID", "ALTER TABLE t VALIDATE CONSTRAINT k", 1
    ),
    "a partition has a row that breaks it": breaks(
        PARTED + "CREATE TABLE m1 PARTITION OF m DEFAULT; INSERT INTO m VALUES (1, 'x')",
        "ALTER TABLE m ADD CHECK (k > 1)",
        1,
    ),
    "a child has, and it is not its check": passes(
        T + "CREATE TABLE c () INHERITS (t); INSERT INTO c VALUES (1, 1)",
        "ALTER TABLE t ADD CHECK (a > 1) NO INHERIT",
    ),
    "inside of a new column": breaks(ROWS, "ALTER TABLE t ADD c int DEFAULT 5 CHECK (c > 5)", 3),
    "inside of a new column of NULLs": passes(ROWS, "ALTER TABLE t ADD c int CHECK (c > 5)"),
    "a domain's": breaks(
        "CREATE DOMAIN d AS int; CREATE TABLE t (id int PRIMARY KEY, a d); INSERT INTO t VALUES (1, 1), (2, 5)",
        "ALTER DOMAIN d ADD CONSTRAINT k CHECK (VALUE < 3)",
        1,
        samples=("2",),
    ),
    "a domain's that all keep": passes(
        "CREATE DOMAIN d AS int; CREATE TABLE t (a d); INSERT INTO t VALUES (1), (NULL)",
        "ALTER DOMAIN d ADD CONSTRAINT k CHECK (VALUE < 3)",
    ),
    "a domain's, validated": breaks(
        "CREATE DOMAIN d AS int; CREATE TABLE t (a d); INSERT INTO t VALUES (1), (5);"
        "ALTER DOMAIN d ADD CONSTRAINT k CHECK (VALUE < 3) NOT VALID",
        "ALTER DOMAIN d VALIDATE CONSTRAINT k",
        1,
    ),
    "a domain that takes no NULL any more": breaks(
        "CREATE DOMAIN d AS int; CREATE TABLE t (a d); INSERT INTO t VALUES (1), (NULL)",
        "ALTER DOMAIN d SET NOT NULL",
        1,
    ),
}


def column(kind: str, *values: str) -> str:
    """Return a table with one column of a type, beside its key, and a row for each value."""
    rows = ", ".join(f"({number}, {value})" for number, value in enumerate(values, 1))
    return f"CREATE TABLE t (id int PRIMARY KEY, c {kind}); INSERT INTO t VALUES {rows};"


def becomes(kind: str, using: str = "") -> str:
    """Return the statement that gives the column another type."""
    return f"ALTER TABLE t ALTER c TYPE {kind}{f' USING {using}' if using else ''}"


MOODS = "CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');"
CONVERSIONS = {
    "a text that is too long": breaks(column("text", "'abc'", "'abcd'"), becomes("varchar(3)"), 1, samples=("2",)),
    "a text that fits": passes(column("text", "'abc'", "NULL"), becomes("varchar(3)")),
    "a text that ends in spaces": passes(column("text", "'abc   '"), becomes("varchar(3)")),
    "a text that is cut on purpose": passes(column("text", "'abcdef'"), becomes("varchar(3)", "c::varchar(3)")),
    "letters count, not bytes": passes(column("text", "'äöü'"), becomes("varchar(3)")),
    "a text of fixed length": breaks(column("varchar(9)", "'abcd'"), becomes("char(3)"), 1),
    "a number as text": breaks(column("int", "1234"), becomes("varchar(3)"), 1),
    "an expression that is too long": breaks(column("text", "'ab'"), becomes("varchar(3)", "c || c"), 1),
    "an expression that fits": passes(column("text", "'a'"), becomes("varchar(3)", "c || c")),
    "bits that are too many": breaks(column("varbit", "B'101'", "B'1'"), becomes("varbit(2)"), 1),
    "bits of another number": breaks(column("varbit", "B'101'", "B'1'"), becomes("bit(3)"), 1),
    "an integer out of range": breaks(column("bigint", "2147483647", "2147483648", "-9e18"), becomes("int"), 2),
    "an integer in range": passes(column("bigint", "2147483647", "-2147483648", "NULL"), becomes("int")),
    "a small one": breaks(column("int", "32767", "32768"), becomes("smallint"), 1, samples=("2",)),
    "a number that rounds out of range": breaks(column("numeric", "32767.4", "32767.5"), becomes("smallint"), 1),
    "not a number": breaks(column("numeric", "'NaN'", "'Infinity'", "1"), becomes("int"), 2),
    "a float out of range": breaks(
        column("float8", "32767.4", "32767.5", "'NaN'", "'-Infinity'"), becomes("smallint"), 3
    ),
    "a float that rounds to the even": passes(column("float8", "0.5", "-32768.5"), becomes("smallint")),
    "digits that are too many": breaks(
        column("numeric", "99.994", "99.995", "'NaN'", "'Infinity'"), becomes("numeric(4, 2)"), 2
    ),
    "digits enough": passes(column("numeric(10, 4)", "99.9949", "-99.9949", "NULL"), becomes("numeric(4, 2)")),
    "digits before the point only": breaks(column("int", "9994", "9996"), becomes("numeric(3, -1)"), 1),
    "an integer of too many digits": breaks(column("int", "99", "100", "-100"), becomes("numeric(4, 2)"), 2),
    "a double that is too large": breaks(column("float8", "1e300", "1"), becomes("real"), 1, at_least=True),
    "a text that is no number": breaks(
        column("text", "'12'", "'x'", "''", "NULL"), becomes("int", "c::int"), 2, samples=("2", "3"), counted_since=16
    ),
    "a text that is a number": passes(column("text", "'12'", "' 7 '"), becomes("int", "CAST(c AS int)")),
    "a text that is no date": breaks(
        column("text", "'2024-02-29'", "'2023-02-29'"), becomes("date", "c::date"), 1, counted_since=16
    ),
    "a text that is no JSON": breaks(column("text", "'{}'", "'{'"), becomes("jsonb", "c::jsonb"), 1, counted_since=16),
    "a text that is no UUID": breaks(column("varchar(40)", "'x'"), becomes("uuid", "c::uuid"), 1, counted_since=16),
    "a text with too many digits": breaks(
        column("text", "'1234.5'", "'1.2'"), becomes("numeric(4, 2)", "c::numeric(4, 2)"), 1, counted_since=16
    ),
    "a text within a cast": breaks(column("text", "'1 '", "'x'"), becomes("int", "trim(c)::int"), 1, at_least=True),
    "a division by zero": breaks(column("int", "1", "0"), becomes("int", "1 / c"), 1, at_least=True),
    "an expression that can be computed": passes(column("int", "1", "2"), becomes("int", "1 / c")),
    "a function that may do more": unknown(
        column("int", "1") + "CREATE FUNCTION f(int) RETURNS int LANGUAGE sql AS 'SELECT $1'",
        becomes("int", "f(c)"),
        fails=False,
    ),
    "an enum's label": breaks(
        MOODS + column("text", "'ok'", "'angry'", "NULL"), becomes("mood", "c::mood"), 1, samples=("2",)
    ),
    "an enum's labels": passes(MOODS + column("text", "'ok'", "'sad'"), becomes("mood", "c::mood")),
    "an enum with a label less": breaks(
        MOODS + column("mood", "'ok'", "'happy'"),
        "ALTER TYPE mood RENAME TO mood_old; CREATE TYPE mood AS ENUM ('sad', 'ok');"
        + becomes("mood", "c::text::mood"),
        1,
        samples=("2",),
    ),
    "an enum with a label less that nobody has": passes(
        MOODS + column("mood", "'ok'", "'sad'"),
        "ALTER TYPE mood RENAME TO mood_old; CREATE TYPE mood AS ENUM ('sad', 'ok');"
        + becomes("mood", "c::text::mood"),
    ),
    "texts of an array that are too long": breaks(column("text[]", "'{abcd,a}'", "'{a}'"), becomes("varchar(3)[]"), 1),
    "a domain of a length": breaks(
        "CREATE DOMAIN d AS varchar(3);" + column("text", "'abcd'", "'abc  '"), becomes("d"), 1, since=16
    ),
    "a domain of a length, cut on purpose": passes(
        "CREATE DOMAIN d AS varchar(3);" + column("text", "'abcd'"), becomes("d", "c::d")
    ),
    "a number as a domain of a length": unknown(
        "CREATE DOMAIN d AS varchar(3);" + column("int", "1234"), becomes("d"), fails=True
    ),
    "an enum that is mapped": passes(
        MOODS + column("mood", "'ok'", "'happy'"),
        "CREATE TYPE mood_new AS ENUM ('bad', 'good');"
        + becomes("mood_new", "(CASE c WHEN 'sad' THEN 'bad' ELSE 'good' END)::mood_new"),
    ),
    "a domain": breaks(
        "CREATE DOMAIN d AS int CHECK (VALUE > 1);" + column("int", "1", "2"), becomes("d"), 1, at_least=True
    ),
    "what becomes the same in a key": breaks(
        column("text", "'a'", "'A'") + "ALTER TABLE t ADD UNIQUE (c)", becomes("text", "lower(c)"), 2
    ),
    "what becomes the same in an index": breaks(
        column("numeric", "1.1", "1.2") + "CREATE UNIQUE INDEX ON t (c)", becomes("int"), 2
    ),
    "what stays different": passes(column("numeric", "1", "2") + "CREATE UNIQUE INDEX ON t (c)", becomes("int")),
    "a label that is there": breaks(MOODS, "ALTER TYPE mood ADD VALUE 'ok'", 1),
    "a label that is not": passes(MOODS, "ALTER TYPE mood ADD VALUE 'fine'"),
    "a label renamed to one that is there": breaks(MOODS, "ALTER TYPE mood RENAME VALUE 'ok' TO 'sad'", 1),
    "a label renamed that is not there": breaks(MOODS, "ALTER TYPE mood RENAME VALUE 'fine' TO 'okay'", 1),
    "a label renamed": passes(MOODS, "ALTER TYPE mood RENAME VALUE 'ok' TO 'okay'"),
}
LISTED = "CREATE TABLE m (k text, v int) PARTITION BY LIST (k);"
TWO = "CREATE TABLE m (a int, b int) PARTITION BY RANGE (a, b); CREATE TABLE n (a int, b int);"
NEW = "CREATE TABLE n (k int, v text);"
PARTITIONS = {
    "a row out of range": breaks(
        PARTED + NEW + "INSERT INTO n VALUES (1), (9), (10), (NULL)",
        "ALTER TABLE m ATTACH PARTITION n FOR VALUES FROM (1) TO (10)",
        2,
    ),
    "rows in range": passes(
        PARTED + NEW + "INSERT INTO n VALUES (1), (9)", "ALTER TABLE m ATTACH PARTITION n FOR VALUES FROM (1) TO (10)"
    ),
    "without a lower bound": passes(
        PARTED + NEW + "INSERT INTO n VALUES (-99)",
        "ALTER TABLE m ATTACH PARTITION n FOR VALUES FROM (MINVALUE) TO (10)",
    ),
    "without an upper bound": breaks(
        PARTED + NEW + "INSERT INTO n VALUES (5), (99)",
        "ALTER TABLE m ATTACH PARTITION n FOR VALUES FROM (10) TO (MAXVALUE)",
        1,
    ),
    "two columns": breaks(
        TWO + "INSERT INTO n VALUES (1, 5), (1, 4), (2, 9), (3, 0), (3, 1), (4, 0)",
        "ALTER TABLE m ATTACH PARTITION n FOR VALUES FROM (1, 5) TO (3, 1)",
        3,
    ),
    "two columns, one without bound": breaks(
        TWO + "INSERT INTO n VALUES (1, -5), (0, 4), (3, 99), (4, 0)",
        "ALTER TABLE m ATTACH PARTITION n FOR VALUES FROM (1, MINVALUE) TO (3, MAXVALUE)",
        2,
    ),
    "dates": breaks(
        "CREATE TABLE m (k timestamptz) PARTITION BY RANGE (k); CREATE TABLE n (k timestamptz);"
        "INSERT INTO n VALUES ('2024-01-01 00:00Z'), ('2025-01-01 00:00Z')",
        "ALTER TABLE m ATTACH PARTITION n FOR VALUES FROM ('2024-01-01 00:00Z') TO ('2025-01-01 00:00Z')",
        1,
    ),
    "an expression": breaks(
        "CREATE TABLE m (k text) PARTITION BY LIST (lower(k)); CREATE TABLE n (k text);"
        "INSERT INTO n VALUES ('A'), ('b')",
        "ALTER TABLE m ATTACH PARTITION n FOR VALUES IN ('a')",
        1,
    ),
    "not in the list": breaks(
        LISTED + "CREATE TABLE n (k text, v int); INSERT INTO n VALUES ('a'), ('b'), (NULL)",
        "ALTER TABLE m ATTACH PARTITION n FOR VALUES IN ('a')",
        2,
    ),
    "in the list, with NULL": passes(
        LISTED + "CREATE TABLE n (k text, v int); INSERT INTO n VALUES ('a'), (NULL)",
        "ALTER TABLE m ATTACH PARTITION n FOR VALUES IN ('a', NULL)",
    ),
    "by hash": breaks(
        "CREATE TABLE m (k int) PARTITION BY HASH (k); CREATE TABLE n (k int);"
        "INSERT INTO n SELECT generate_series(1, 9)",
        "ALTER TABLE m ATTACH PARTITION n FOR VALUES WITH (MODULUS 2, REMAINDER 0)",
        7,
    ),
    "the default, with a row of another": breaks(
        PARTED + NEW + "CREATE TABLE o PARTITION OF m FOR VALUES FROM (1) TO (5); INSERT INTO n VALUES (1), (9)",
        "ALTER TABLE m ATTACH PARTITION n DEFAULT",
        1,
    ),
    "the default": passes(
        PARTED + NEW + "CREATE TABLE o PARTITION OF m FOR VALUES FROM (1) TO (5); INSERT INTO n VALUES (9), (NULL)",
        "ALTER TABLE m ATTACH PARTITION n DEFAULT",
    ),
    "rows in the default": breaks(
        PARTED + "CREATE TABLE o PARTITION OF m DEFAULT; INSERT INTO m VALUES (1), (20), (NULL)",
        "CREATE TABLE n PARTITION OF m FOR VALUES FROM (1) TO (10)",
        1,
    ),
    "no rows in the default": passes(
        PARTED + "CREATE TABLE o PARTITION OF m DEFAULT; INSERT INTO m VALUES (20)",
        "CREATE TABLE n PARTITION OF m FOR VALUES FROM (1) TO (10)",
    ),
    "rows in the default of one that is attached": breaks(
        PARTED + NEW + "CREATE TABLE o PARTITION OF m DEFAULT; INSERT INTO m VALUES (1)",
        "ALTER TABLE m ATTACH PARTITION n FOR VALUES FROM (1) TO (10)",
        1,
    ),
    "duplicates that its parent does not take": breaks(
        "CREATE TABLE m (k int PRIMARY KEY) PARTITION BY RANGE (k); CREATE TABLE n (k int NOT NULL);"
        "INSERT INTO n VALUES (1), (1)",
        "ALTER TABLE m ATTACH PARTITION n FOR VALUES FROM (1) TO (10)",
        2,
    ),
    "orphans that its parent does not take": breaks(
        PARENT + PARTED + NEW + "ALTER TABLE m ADD FOREIGN KEY (k) REFERENCES p; INSERT INTO n VALUES (1), (7)",
        "ALTER TABLE m ATTACH PARTITION n FOR VALUES FROM (1) TO (10)",
        1,
    ),
    "the default, beside one that is detached": passes(
        PARTED + NEW + "CREATE TABLE o PARTITION OF m FOR VALUES FROM (1) TO (5); INSERT INTO n VALUES (1)",
        "ALTER TABLE m DETACH PARTITION o; ALTER TABLE m ATTACH PARTITION n DEFAULT",
    ),
    "a table that the plan makes": passes(
        PARTED + "CREATE TABLE o PARTITION OF m DEFAULT; INSERT INTO m VALUES (20)",
        "CREATE TABLE n (k int, v text); ALTER TABLE m ATTACH PARTITION n FOR VALUES FROM (1) TO (10)",
    ),
}
VIEW = ROWS + "CREATE VIEW v AS SELECT a FROM t;"
DEPENDANTS = {
    "a view on a column": breaks(VIEW, "ALTER TABLE t DROP COLUMN a", 1, samples=("view v",)),
    "a view on another column": passes(VIEW, "ALTER TABLE t DROP COLUMN b"),
    "a view on the table": breaks(VIEW, "DROP TABLE t", 1),
    "a view that goes first": passes(VIEW, "DROP VIEW v; DROP TABLE t"),
    "a view that goes too": Case(before=VIEW, plan="DROP TABLE t CASCADE", violations=1, fails=False),
    "a view on a view": breaks(VIEW + "CREATE MATERIALIZED VIEW w AS SELECT * FROM v", "DROP VIEW v", 1),
    "a foreign key": breaks(
        PARENT + "CREATE TABLE t (a int CONSTRAINT f REFERENCES p)",
        "DROP TABLE p",
        1,
        samples=("constraint f on table t",),
    ),
    "a foreign key that goes first": passes(
        PARENT + "CREATE TABLE t (a int CONSTRAINT f REFERENCES p)", "ALTER TABLE t DROP CONSTRAINT f; DROP TABLE p"
    ),
    "a foreign key whose table goes first": passes(
        PARENT + "CREATE TABLE t (a int REFERENCES p)", "DROP TABLE t; DROP TABLE p"
    ),
    "both tables at once": passes(PARENT + "CREATE TABLE t (a int REFERENCES p)", "DROP TABLE p, t"),
    "a foreign key to itself": passes("CREATE TABLE t (id int PRIMARY KEY, a int REFERENCES t)", "DROP TABLE t"),
    "a foreign key whose column goes first": passes(
        PARENT + "CREATE TABLE t (a int REFERENCES p, b int)", "ALTER TABLE t DROP COLUMN a; DROP TABLE p"
    ),
    "a foreign key on a key": breaks(
        PARENT + "CREATE TABLE t (a int REFERENCES p)", "ALTER TABLE p DROP CONSTRAINT p_pkey", 1
    ),
    "a foreign key on a key's column": breaks(
        PARENT + "CREATE TABLE t (a int REFERENCES p)", "ALTER TABLE p DROP COLUMN id", 1
    ),
    "a key that nobody needs": passes(PARENT, "ALTER TABLE p DROP CONSTRAINT p_pkey"),
    "a foreign key on an index": breaks(
        "CREATE TABLE p (x int); CREATE UNIQUE INDEX i ON p (x); CREATE TABLE t (a int REFERENCES p (x))",
        "DROP INDEX i",
        1,
    ),
    "a column of a type": breaks(MOODS + column("mood", "'ok'"), "DROP TYPE mood", 1, samples=("column c of table t",)),
    "a column of a type that has another by then": passes(
        MOODS + column("mood", "'ok'"), "ALTER TABLE t ALTER c TYPE text; DROP TYPE mood"
    ),
    "a column of a type that goes first": passes(
        MOODS + column("mood", "'ok'"), "ALTER TABLE t DROP COLUMN c; DROP TYPE mood"
    ),
    "a type that nobody has": passes(MOODS, "DROP TYPE mood"),
    "a type that the plan made and put aside": passes(
        "SELECT",
        "CREATE TYPE mood AS ENUM ('ok'); ALTER TYPE mood RENAME TO old; CREATE TYPE mood AS ENUM ('bad');"
        "DROP TYPE old",
    ),
    "a column of a domain": breaks("CREATE DOMAIN d AS int; CREATE TABLE t (a d)", "DROP DOMAIN d", 1),
    "a default that uses a function": breaks(
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'; CREATE TABLE t (a int DEFAULT f())",
        "DROP FUNCTION f()",
        1,
    ),
    "a default that goes first": passes(
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'; CREATE TABLE t (a int DEFAULT f())",
        "ALTER TABLE t ALTER a DROP DEFAULT; DROP FUNCTION f",
    ),
    "a function of the same name": passes(
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'; CREATE TABLE t (a int DEFAULT f());"
        "CREATE FUNCTION f(int) RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "DROP FUNCTION f(int)",
    ),
    "a trigger": breaks(
        T + "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
        "CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()",
        "DROP FUNCTION f()",
        1,
    ),
    "a default that uses a sequence": breaks(
        "CREATE SEQUENCE s; CREATE TABLE t (a int DEFAULT nextval('s'))", "DROP SEQUENCE s", 1
    ),
    "a partitioned table takes its partitions along": passes(
        PARTED + "CREATE TABLE m1 PARTITION OF m DEFAULT", "DROP TABLE m"
    ),
    "a table that others inherit from": breaks(T + "CREATE TABLE c () INHERITS (t)", "DROP TABLE t", 1),
    "a schema with something in it": breaks("CREATE SCHEMA s; CREATE TABLE s.t (a int)", "DROP SCHEMA s", 1),
    "a schema with nothing in it": passes("CREATE SCHEMA s", "DROP SCHEMA s"),
    "a schema that is emptied first": passes(
        "CREATE SCHEMA s; CREATE TABLE s.t (a int)", "DROP TABLE s.t; DROP SCHEMA s"
    ),
    "a materialized view's column": breaks(
        ROWS + "CREATE MATERIALIZED VIEW v AS SELECT a FROM t", "ALTER TABLE t DROP a", 1
    ),
    "a column of a table by another name": breaks(
        MOODS + column("mood", "'ok'"), "ALTER TABLE t RENAME TO u; DROP TYPE mood", 1
    ),
    "a column by another name": breaks(
        MOODS + column("mood", "'ok'"), "ALTER TABLE t RENAME c TO d; DROP TYPE mood", 1
    ),
    "a column by another name, that goes first": passes(
        MOODS + column("mood", "'ok'"),
        "ALTER TABLE t RENAME TO u; ALTER TABLE u RENAME c TO d; ALTER TABLE u DROP d; DROP TYPE mood",
    ),
    "a column by another name, of another type": passes(
        MOODS + column("mood", "'ok'"),
        "ALTER TABLE t RENAME TO u; ALTER TABLE u RENAME c TO d; ALTER TABLE u ALTER d TYPE text; DROP TYPE mood",
    ),
    "a foreign key by another name": breaks(
        PARENT + "CREATE TABLE t (a int CONSTRAINT f REFERENCES p)",
        "ALTER TABLE t RENAME CONSTRAINT f TO g; DROP TABLE p",
        1,
    ),
    "a foreign key by another name, that goes first": passes(
        PARENT + "CREATE TABLE t (a int CONSTRAINT f REFERENCES p)",
        "ALTER TABLE t RENAME CONSTRAINT f TO g; ALTER TABLE t DROP CONSTRAINT g; DROP TABLE p",
    ),
    "a key by another name": breaks(
        PARENT + "CREATE TABLE t (a int REFERENCES p)",
        "ALTER TABLE p RENAME CONSTRAINT p_pkey TO k; ALTER TABLE p DROP CONSTRAINT k",
        1,
    ),
    "a domain on a type": breaks(MOODS + "CREATE DOMAIN d AS mood", "DROP TYPE mood", 1),
    "a domain on a type, that goes first": passes(MOODS + "CREATE DOMAIN d AS mood", "DROP DOMAIN d; DROP TYPE mood"),
    "a function of a type": breaks(
        MOODS + "CREATE FUNCTION f(mood) RETURNS int LANGUAGE sql AS 'SELECT 1'", "DROP TYPE mood", 1
    ),
    "a function of a type, that goes first": passes(
        MOODS + "CREATE FUNCTION f(mood) RETURNS int LANGUAGE sql AS 'SELECT 1'", "DROP FUNCTION f; DROP TYPE mood"
    ),
    "a trigger that goes first": passes(
        T + "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
        "CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()",
        "DROP TRIGGER g ON t; DROP FUNCTION f()",
    ),
    "a trigger by another name": breaks(
        T + "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
        "CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()",
        "ALTER TRIGGER g ON t RENAME TO h; DROP FUNCTION f()",
        1,
    ),
    "a type by another name": breaks(
        MOODS + column("mood", "'ok'"), "ALTER TYPE mood RENAME TO mood_old; DROP TYPE mood_old", 1
    ),
    "a view by another name": breaks(
        VIEW + "CREATE VIEW w AS SELECT * FROM v", "ALTER VIEW v RENAME TO x; DROP VIEW x", 1
    ),
    "a function by another name": unknown(
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'; CREATE TABLE t (a int DEFAULT f())",
        "ALTER FUNCTION f() RENAME TO g; DROP FUNCTION g()",
        fails=True,
    ),
    "a function of the plan": passes(
        "", "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'; DROP FUNCTION f()"
    ),
    "what may not be there": passes("", "DROP VIEW IF EXISTS v"),
    "a view on a view that goes first": passes(VIEW + "CREATE VIEW w AS SELECT * FROM v", "DROP VIEW w; DROP VIEW v"),
    "what may have gone with something else": unknown(
        VIEW + "CREATE VIEW w AS SELECT a FROM v", "DROP TABLE t CASCADE; CREATE VIEW v AS SELECT 1", fails=False
    ),
    "a table that came by another name": breaks(VIEW, "ALTER TABLE t RENAME TO u; DROP TABLE u", 1),
}
NAMES = {
    "a table": breaks(T, "CREATE TABLE t (a int)", 1),
    "another table": passes(T, "CREATE TABLE u (a int)"),
    "a table, if there is none": passes(T, "CREATE TABLE IF NOT EXISTS t (a int); CREATE TABLE u (a int)"),
    "a table that the plan made": breaks("", "CREATE TABLE t (a int); CREATE TABLE t (a int)", 1),
    "a table that the plan made and dropped": passes(
        "", "CREATE TABLE t (a int); DROP TABLE t; CREATE VIEW t AS SELECT 1"
    ),
    "an index that the plan made": breaks(T, "CREATE INDEX i ON t (a); CREATE INDEX i ON t (b)", 1),
    "a table that goes and comes again": breaks(T, "DROP TABLE t; CREATE TABLE t (a int); CREATE TABLE t (a int)", 1),
    "a table in another schema": passes(T + "CREATE SCHEMA s", "CREATE TABLE s.t (a int)"),
    "a table that goes first": passes(T, "DROP TABLE t; CREATE TABLE t (a int)"),
    "a table that is renamed first": passes(T, "ALTER TABLE t RENAME TO u; CREATE TABLE t (a int)"),
    "a table that is called like an index": breaks(T + "CREATE INDEX i ON t (a)", "CREATE TABLE i (a int)", 1),
    "an index that is called like a table": breaks(T, "CREATE INDEX t ON t (a)", 1),
    "an index": breaks(T + "CREATE INDEX i ON t (a)", "CREATE INDEX i ON t (b)", 1),
    "an index whose table goes first": passes(
        T + "CREATE INDEX i ON t (a)", "DROP TABLE t; CREATE TABLE u (a int); CREATE INDEX i ON u (a)"
    ),
    "an index that goes first": passes(T + "CREATE INDEX i ON t (a)", "DROP INDEX i; CREATE INDEX i ON t (b)"),
    "a view": breaks(T, "CREATE VIEW t AS SELECT 1 AS a", 1),
    "a view in place of another": passes(
        T + "CREATE VIEW v AS SELECT 1 AS a", "CREATE OR REPLACE VIEW v AS SELECT 2 AS a; CREATE VIEW w AS SELECT 1"
    ),
    "a sequence": breaks(T, "CREATE SEQUENCE t", 1),
    "a sequence that a serial has": breaks("CREATE TABLE t (a serial)", "CREATE SEQUENCE t_a_seq", 1),
    "a type": breaks(MOODS, "CREATE TYPE mood AS ENUM ('x')", 1),
    "a type that is called like a table": breaks(T, "CREATE TYPE t AS ENUM ('x')", 1),
    "a table that is called like a type": breaks(MOODS, "CREATE TABLE mood (a int)", 1),
    "a table that is called like an array's type": passes(T, "CREATE TABLE _t (a int)"),
    "a type that was renamed first": passes(
        MOODS, "ALTER TYPE mood RENAME TO mood_old; CREATE TYPE mood AS ENUM ('x')"
    ),
    "a renamed type": breaks(MOODS + "CREATE TYPE m AS ENUM ('x')", "ALTER TYPE m RENAME TO mood", 1),
    "a renamed table": breaks(T + "CREATE TABLE u (a int)", "ALTER TABLE t RENAME TO u", 1),
    "a renamed index": breaks(T + "CREATE INDEX i ON t (a)", "ALTER INDEX i RENAME TO t", 1),
    "a table that is moved": breaks(T + "CREATE SCHEMA s; CREATE TABLE s.t (a int)", "ALTER TABLE t SET SCHEMA s", 1),
    "a column": breaks(T, "ALTER TABLE t ADD a int", 1),
    "a column, if there is none": passes(T, "ALTER TABLE t ADD IF NOT EXISTS a int CHECK (a > 5), ADD c int"),
    "a column that goes first": passes(T, "ALTER TABLE t DROP a; ALTER TABLE t ADD a int"),
    "a renamed column": breaks(T, "ALTER TABLE t RENAME a TO b", 1),
    "a column that is renamed first": passes(T, "ALTER TABLE t RENAME a TO c; ALTER TABLE t ADD a int"),
    "a constraint": breaks(
        T + "ALTER TABLE t ADD CONSTRAINT k CHECK (a > 1)", "ALTER TABLE t ADD CONSTRAINT k CHECK (a > 2)", 1
    ),
    "a constraint that goes first": passes(
        T + "ALTER TABLE t ADD CONSTRAINT k CHECK (a > 1)",
        "ALTER TABLE t DROP CONSTRAINT k; ALTER TABLE t ADD CONSTRAINT k CHECK (a > 2)",
    ),
    "a constraint that is renamed first": passes(
        T + "ALTER TABLE t ADD CONSTRAINT k CHECK (a > 1)",
        "ALTER TABLE t RENAME CONSTRAINT k TO l; ALTER TABLE t ADD CONSTRAINT k CHECK (a > 2)",
    ),
    "a constraint whose index is called like a table": breaks(T, "ALTER TABLE t ADD CONSTRAINT t UNIQUE (a)", 1),
    "a schema": breaks("CREATE SCHEMA s", "CREATE SCHEMA s", 1),
    "an extension": breaks("CREATE EXTENSION IF NOT EXISTS plpgsql", "CREATE EXTENSION plpgsql", 1),
    "a trigger": breaks(
        T + "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
        "CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()",
        "CREATE TRIGGER g BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION f()",
        1,
    ),
}
ORDER = {
    "filled before": unknown(
        ROWS,
        "UPDATE t SET b = (SELECT max(b) FROM t) WHERE b IS NULL; ALTER TABLE t ALTER b SET NOT NULL",
        fails=False,
    ),
    "filled before, another column": breaks(ROWS, "UPDATE t SET a = 5; ALTER TABLE t ALTER b SET NOT NULL", 1),
    "rows put in do not help": breaks(ROWS, "INSERT INTO t VALUES (4, 4, 'z'); ALTER TABLE t ALTER b SET NOT NULL", 1),
    "rows put in may harm": unknown(
        ROWS, "INSERT INTO t VALUES (4, 4, 'z'); ALTER TABLE t ADD UNIQUE (b)", fails=False
    ),
    "rows taken out do no harm": passes(ROWS, "DELETE FROM t WHERE id = 1; ALTER TABLE t ALTER a SET NOT NULL"),
    "rows taken out help": passes(ROWS, "DELETE FROM t WHERE b IS NULL; ALTER TABLE t ALTER b SET NOT NULL"),
    "rows taken out are not those in the way": breaks(
        ROWS, "DELETE FROM t WHERE a = 1; ALTER TABLE t ALTER b SET NOT NULL", 1, samples=("3",)
    ),
    "rows taken out by what is not followed may help": unknown(
        ROWS,
        "DELETE FROM t USING (SELECT id FROM t) AS u WHERE b IS NULL; ALTER TABLE t ALTER b SET NOT NULL",
        fails=False,
    ),
    "rows taken out no longer share": passes(
        ROWS + "INSERT INTO t VALUES (4, 4, 'x')", "DELETE FROM t WHERE id = 4; ALTER TABLE t ADD UNIQUE (b)"
    ),
    "parents put in may help": unknown(
        PARENT + T + "INSERT INTO t VALUES (1, 9)",
        "INSERT INTO p VALUES (9); ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES p",
        fails=False,
    ),
    "parents put in do no harm": passes(
        PARENT + T + "INSERT INTO t VALUES (1, 1)",
        "INSERT INTO p VALUES (9); ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES p",
    ),
    "parents taken out harm": breaks(
        PARENT + T + "INSERT INTO t VALUES (1, 1)", "DELETE FROM p; ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES p", 1
    ),
    "parents taken out by what is not followed may harm": unknown(
        PARENT + T + "INSERT INTO t VALUES (1, 1)",
        "DELETE FROM p WHERE id > random() * 0; ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES p",
        fails=True,
    ),
    "parents taken out take children along": unknown(
        PARENT + "CREATE TABLE t (a int REFERENCES p ON DELETE SET NULL); INSERT INTO t VALUES (1)",
        "DELETE FROM p; ALTER TABLE t ALTER a SET NOT NULL",
        fails=True,
    ),
    "all taken out": passes(ROWS, "TRUNCATE t; ALTER TABLE t ADD c int NOT NULL"),
    "code may do anything": unknown(
        ROWS, "DO 'BEGIN EXECUTE ''SELECT 1''; END'; ALTER TABLE t ALTER a SET NOT NULL", fails=False
    ),
    "a function may do anything": unknown(
        ROWS + "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "SELECT f(); ALTER TABLE t ALTER a SET NOT NULL",
        fails=False,
    ),
    "a trigger may do anything": unknown(
        ROWS + "CREATE TABLE u (a int); CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN INSERT INTO t VALUES (9, NULL); RETURN NEW; END';"
        "CREATE TRIGGER g BEFORE INSERT ON u FOR EACH ROW EXECUTE FUNCTION f()",
        "INSERT INTO u VALUES (1); ALTER TABLE t ALTER a SET NOT NULL",
        fails=True,
    ),
    "code that only makes a type": passes(
        ROWS, "DO $$BEGIN CREATE TYPE mood AS ENUM ('x'); END$$; ALTER TABLE t ALTER a SET NOT NULL"
    ),
    "a sequence moved does nothing": passes(
        ROWS + "CREATE SEQUENCE s", "SELECT setval('s', 9); ALTER TABLE t ALTER a SET NOT NULL"
    ),
    "a table of the session's own does nothing": passes(
        ROWS, "CREATE TEMP TABLE x (a int); INSERT INTO x VALUES (1); ALTER TABLE t ALTER a SET NOT NULL"
    ),
    "what follows a column that is changed": unknown(
        ROWS + "ALTER TABLE t ADD g int GENERATED ALWAYS AS (nullif(a, 7)) STORED",
        "UPDATE t SET a = 7; ALTER TABLE t ALTER g SET NOT NULL",
        fails=True,
    ),
    "a view computed anew": unknown(
        ROWS + "CREATE MATERIALIZED VIEW w AS SELECT a FROM t; INSERT INTO t VALUES (4, 1)",
        "REFRESH MATERIALIZED VIEW w; CREATE UNIQUE INDEX ON w (a)",
        fails=True,
    ),
    "a query does nothing": passes(ROWS, "SELECT count(*), max(a) FROM t; ALTER TABLE t ALTER a SET NOT NULL"),
    "another table written does nothing": passes(
        ROWS + "CREATE TABLE u (a int)", "INSERT INTO u VALUES (1); ALTER TABLE t ALTER a SET NOT NULL"
    ),
    "another column added does nothing": breaks(ROWS, "ALTER TABLE t ADD c int; ALTER TABLE t ALTER b SET NOT NULL", 1),
    "a column added, then NOT NULL": breaks(ROWS, "ALTER TABLE t ADD c int; ALTER TABLE t ALTER c SET NOT NULL", 3),
    "a column added and filled, then NOT NULL": unknown(
        ROWS,
        "ALTER TABLE t ADD c int; UPDATE t SET c = x.id FROM t AS x WHERE x.id = t.id;"
        "ALTER TABLE t ALTER c SET NOT NULL",
        fails=False,
    ),
    "a column added with a default, then NOT NULL": passes(
        ROWS, "ALTER TABLE t ADD c int DEFAULT 5; ALTER TABLE t ALTER c SET NOT NULL"
    ),
    "all in one statement": passes(ROWS, "ALTER TABLE t ALTER c SET NOT NULL, ADD c int DEFAULT 5"),
    "a table renamed": breaks(ROWS, "ALTER TABLE t RENAME TO u; ALTER TABLE u ALTER b SET NOT NULL", 1, samples=("3",)),
    "a table moved": breaks(
        ROWS + "CREATE SCHEMA s", "ALTER TABLE t SET SCHEMA s; ALTER TABLE s.t ALTER b SET NOT NULL", 1
    ),
    "a column renamed": breaks(
        ROWS, "ALTER TABLE t RENAME b TO c; ALTER TABLE t ADD CHECK (c <> 'x')", 1, samples=("1",)
    ),
    "a key renamed": breaks(ROWS, "ALTER TABLE t RENAME id TO key; ALTER TABLE t ALTER b SET NOT NULL", 1),
    "a column of another type, then NOT NULL": breaks(
        ROWS, "ALTER TABLE t ALTER b TYPE varchar(9); ALTER TABLE t ALTER b SET NOT NULL", 1
    ),
    "a column of another type, then unique": unknown(
        column("numeric", "1.1", "1.2"), "ALTER TABLE t ALTER c TYPE int; ALTER TABLE t ADD UNIQUE (c)", fails=True
    ),
    "a table of the plan": passes(T, "CREATE TABLE u (a int); ALTER TABLE u ADD c int NOT NULL"),
    "a table that the plan fills": unknown(
        ROWS, "CREATE TABLE u AS SELECT a FROM t; ALTER TABLE u ALTER a SET NOT NULL", fails=False
    ),
    "a partition attached brings its rows": unknown(
        PARTED + NEW + "INSERT INTO n VALUES (1)",
        "ALTER TABLE m ATTACH PARTITION n FOR VALUES FROM (1) TO (9); ALTER TABLE m ALTER v SET NOT NULL",
        fails=True,
    ),
    "a function defined anew": unknown(
        ROWS + "CREATE FUNCTION f(int) RETURNS bool IMMUTABLE LANGUAGE sql AS 'SELECT true'",
        "CREATE OR REPLACE FUNCTION f(int) RETURNS bool IMMUTABLE LANGUAGE sql AS 'SELECT false';"
        "ALTER TABLE t ADD CHECK (f(a))",
        fails=True,
    ),
}
_BATCHES = (
    "ALTER TABLE t ADD u uuid; UPDATE t SET u = gen_random_uuid() WHERE u IS NULL AND id BETWEEN 1 AND 2;"
    "UPDATE t SET u = gen_random_uuid() WHERE u IS NULL AND id BETWEEN {} AND 4;"
)

UPDATES = {
    "every NULL is filled": passes(ROWS, "UPDATE t SET b = 'z' WHERE b IS NULL; ALTER TABLE t ALTER b SET NOT NULL"),
    "a NULL is left": breaks(
        ROWS, "UPDATE t SET b = 'z' WHERE b IS NULL AND id < 3; ALTER TABLE t ALTER b SET NOT NULL", 1, samples=("3",)
    ),
    "filled with NULL": breaks(ROWS, "UPDATE t SET a = NULLIF(a, 2); ALTER TABLE t ALTER a SET NOT NULL", 1),
    "a new column": passes(ROWS, "ALTER TABLE t ADD c int; UPDATE t SET c = 1; ALTER TABLE t ALTER c SET NOT NULL"),
    "batches of values of their own": passes(ROWS, _BATCHES.format(3) + "ALTER TABLE t ALTER u SET NOT NULL"),
    "a row between two batches": breaks(ROWS, _BATCHES.format(4) + "ALTER TABLE t ALTER u SET NOT NULL", 1),
    "batches, proved by a check": passes(
        ROWS,
        _BATCHES.format(3) + "ALTER TABLE t ADD CONSTRAINT c CHECK (u IS NOT NULL) NOT VALID;"
        "ALTER TABLE t VALIDATE CONSTRAINT c",
    ),
    "a check that a batch has missed": breaks(
        ROWS,
        _BATCHES.format(4) + "ALTER TABLE t ADD CONSTRAINT c CHECK (u IS NOT NULL) NOT VALID;"
        "ALTER TABLE t VALIDATE CONSTRAINT c",
        1,
    ),
    "numbers of a sequence": passes(
        ROWS,
        "CREATE SEQUENCE s; ALTER TABLE t ADD n bigint; UPDATE t SET n = nextval('s');"
        "ALTER TABLE t ALTER n SET NOT NULL",
    ),
    "values of their own are not known": unknown(
        ROWS, _BATCHES.format(3) + "ALTER TABLE t ADD UNIQUE (u)", fails=False
    ),
    "what hangs on values of their own": unknown(
        ROWS,
        "CREATE SEQUENCE s; ALTER TABLE t ADD n int; UPDATE t SET n = nextval('s'); UPDATE t SET a = NULL WHERE n > 2;"
        "ALTER TABLE t ALTER a SET NOT NULL",
        fails=True,
    ),
    "counted up past a check": breaks(
        ROWS, "UPDATE t SET a = a + 1; ALTER TABLE t ADD CHECK (a < 4)", 1, samples=("3",)
    ),
    "twice, one upon the other": breaks(
        ROWS, "UPDATE t SET a = a * 2; UPDATE t SET a = a + 1 WHERE a > 2; ALTER TABLE t ADD CHECK (a < 7)", 1
    ),
    "both from what was before": passes(
        ROWS, "UPDATE t SET a = a + 1, b = a::text; ALTER TABLE t ADD CHECK (b = (a - 1)::text)"
    ),
    "rounded as the column does": passes(ROWS, "UPDATE t SET a = 1.6; ALTER TABLE t ADD CHECK (a = 2)"),
    "all the same": breaks(ROWS, "UPDATE t SET a = 1 WHERE id < 3; ALTER TABLE t ADD UNIQUE (a)", 2),
    "no two the same any more": passes(
        T + "INSERT INTO t VALUES (1, 1, 'x'), (2, 1, 'y')", "UPDATE t SET a = id; ALTER TABLE t ADD UNIQUE (a)"
    ),
    "an alias": passes(ROWS, "UPDATE t AS x SET b = 'z' WHERE x.b IS NULL; ALTER TABLE t ALTER b SET NOT NULL"),
    "a name in full": passes(ROWS, "UPDATE t SET b = 'z' WHERE t.b IS NULL; ALTER TABLE t ALTER b SET NOT NULL"),
    "another name afterwards": breaks(
        ROWS,
        "UPDATE t SET b = 'z' WHERE id < 3; ALTER TABLE t RENAME b TO c; ALTER TABLE t ALTER c SET NOT NULL",
        1,
    ),
    "another type afterwards": unknown(
        ROWS,
        "UPDATE t SET b = '7'; ALTER TABLE t ALTER b TYPE int USING b::int; ALTER TABLE t ADD CHECK (b = 7)",
        fails=False,
    ),
    "longer text afterwards": breaks(
        "CREATE TABLE t (id int PRIMARY KEY, b varchar(5)); INSERT INTO t VALUES (1, 'x'), (2, '')",
        "ALTER TABLE t ALTER b TYPE varchar(9); ALTER TABLE t ADD CHECK (b <> '')",
        1,
    ),
    "a default is not looked up": unknown(
        ROWS, "UPDATE t SET b = DEFAULT; ALTER TABLE t ALTER b SET NOT NULL", fails=True
    ),
    "a trigger has a say": unknown(
        ROWS + "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.b := NULL; RETURN NEW; END $$;"
        "CREATE TRIGGER g BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION f()",
        "UPDATE t SET b = 'z'; ALTER TABLE t ALTER b SET NOT NULL",
        fails=True,
    ),
    "chance has a say": unknown(
        ROWS, "UPDATE t SET b = 'z' WHERE random() < 2; ALTER TABLE t ALTER b SET NOT NULL", fails=False
    ),
    "a generated column follows": unknown(
        T + "ALTER TABLE t ADD g int GENERATED ALWAYS AS (a + 1) STORED; INSERT INTO t VALUES (1, 1, 'x')",
        "UPDATE t SET a = NULL; ALTER TABLE t ALTER g SET NOT NULL",
        fails=True,
    ),
    "keys that follow other columns": passes(
        ROWS + "CREATE TABLE c (t int REFERENCES t ON UPDATE CASCADE); INSERT INTO c VALUES (1)",
        "UPDATE t SET b = 'z'; ALTER TABLE t ALTER b SET NOT NULL",
    ),
    "keys that follow": unknown(
        ROWS + "CREATE TABLE c (t int REFERENCES t ON UPDATE CASCADE); INSERT INTO c VALUES (1)",
        "UPDATE t SET id = id + 10; ALTER TABLE c ADD CHECK (t < 10)",
        fails=True,
    ),
    "a foreign key to what is filled in": breaks(
        PARENT + ROWS, "UPDATE t SET a = 2 WHERE id > 3 OR a = 1; ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES p", 1
    ),
}
CHECKED = ROWS + "ALTER TABLE t ADD CONSTRAINT small CHECK (a < 10);"
REFERRED = (
    PARENT + T + "ALTER TABLE t ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES p; INSERT INTO t VALUES (1, 1), (2, 2);"
)
OVER = "CREATE DOMAIN low AS int; CREATE DOMAIN lower AS low; CREATE TABLE t (id int PRIMARY KEY, a lower);"
RECHECKS = {
    "a check of what it becomes": breaks(CHECKED, "ALTER TABLE t ALTER a TYPE int USING a * 4", 1, samples=("3",)),
    "a check that still holds": passes(CHECKED, "ALTER TABLE t ALTER a TYPE int USING a * 3"),
    "a check that the plan dropped": passes(
        CHECKED, "ALTER TABLE t DROP CONSTRAINT small; ALTER TABLE t ALTER a TYPE int USING a * 4"
    ),
    "a check of another column too": breaks(
        ROWS + "ALTER TABLE t ADD CHECK (a <= id)", "ALTER TABLE t ALTER a TYPE int USING a + 1", 3
    ),
    "a check of what is rounded": breaks(
        "CREATE TABLE t (a numeric(5, 2) CHECK (a < 5)); INSERT INTO t VALUES (4.99), (1)",
        "ALTER TABLE t ALTER a TYPE numeric(5, 1)",
        1,
    ),
    "different ones that are rounded to the same": breaks(
        "CREATE TABLE t (a bigint UNIQUE); INSERT INTO t VALUES (9007199254740992), (9007199254740993), (1)",
        "ALTER TABLE t ALTER a TYPE double precision",
        2,
    ),
    "a reference that leads nowhere then": breaks(
        REFERRED, "ALTER TABLE t ALTER a TYPE int USING a + 1", 1, samples=("2",)
    ),
    "a reference that leads elsewhere then": passes(REFERRED, "ALTER TABLE t ALTER a TYPE int USING 3 - a"),
    "what is referred to": breaks(REFERRED, "ALTER TABLE p ALTER id TYPE int USING id + 1", 1, samples=("1",)),
    "what is referred to, and stays": passes(REFERRED, "ALTER TABLE p ALTER id TYPE bigint USING id"),
    "a domain over a domain": breaks(
        OVER + "INSERT INTO t VALUES (1, 1), (2, 50)", "ALTER DOMAIN low ADD CHECK (VALUE < 10)", 1, samples=("2",)
    ),
    "a domain over a domain that fits": passes(
        OVER + "INSERT INTO t VALUES (1, 1), (2, 5)", "ALTER DOMAIN low ADD CHECK (VALUE < 10)"
    ),
    "a domain over a domain without NULL": breaks(
        OVER + "INSERT INTO t VALUES (1, NULL)", "ALTER DOMAIN low SET NOT NULL", 1
    ),
    "a column that becomes one of a domain over a domain": breaks(
        "CREATE DOMAIN low AS int CHECK (VALUE < 10); CREATE DOMAIN lower AS low;"
        "CREATE TABLE t (a int); INSERT INTO t VALUES (1), (50)",
        "ALTER TABLE t ALTER a TYPE lower",
        1,
        at_least=True,
    ),
    "a domain over a domain that is too short": breaks(
        "CREATE DOMAIN code AS varchar(2); CREATE DOMAIN sign AS code; CREATE TABLE t (a text);"
        "INSERT INTO t VALUES ('abc')",
        "ALTER TABLE t ALTER a TYPE sign",
        1,
        since=16,
    ),
}
PUT = (
    PARENT + "CREATE TABLE t (id int PRIMARY KEY, a int NOT NULL DEFAULT 1, b varchar(3), p int REFERENCES p,"
    " CONSTRAINT small CHECK (a < 10)); INSERT INTO t VALUES (1, 1, 'x', 1);"
    " CREATE TABLE s (id int, a int, b text, p int);"
    " INSERT INTO s VALUES (2, 2, 'y', 2), (3, 3, NULL, NULL);"
)


def put(broken: str) -> str:
    """One more row of the table that others are filled from."""
    return f"{PUT} INSERT INTO s VALUES ({broken})"


FROM = "INSERT INTO t (id, a, b, p) SELECT id, a, b, p FROM s"
INSERTS = {
    "values that fit": passes(PUT, "INSERT INTO t (id, a, b, p) VALUES (2, 2, 'y', 2), (3, 3, 'yyy   ', NULL)"),
    "a key that is taken": breaks(PUT, "INSERT INTO t (id) VALUES (1), (2)", 1, samples=("t_pkey",)),
    "a key twice": breaks(PUT, "INSERT INTO t (id) VALUES (5), (5)", 2, samples=("t_pkey",)),
    "a key of the plan's": breaks(PUT, "INSERT INTO t (id) VALUES (5); INSERT INTO t (id) VALUES (5)", 1),
    "a key that is no constraint": breaks(
        PUT + "CREATE UNIQUE INDEX lowest ON t (lower(b)) WHERE a > 0",
        "INSERT INTO t (id, b) VALUES (2, 'X')",
        1,
        samples=("lowest",),
    ),
    "outside of what is unique": passes(
        PUT + "CREATE UNIQUE INDEX lowest ON t (lower(b)) WHERE a > 5", "INSERT INTO t (id, b) VALUES (2, 'X')"
    ),
    "a key that is taken, and nothing is done": passes(PUT, "INSERT INTO t (id) VALUES (1) ON CONFLICT DO NOTHING"),
    "a key that is taken, and something is done": unknown(
        PUT, "INSERT INTO t (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET a = 50", fails=True
    ),
    "no value where one must be": breaks(PUT, "INSERT INTO t (id, a) VALUES (2, NULL)", 1, samples=("NOT NULL a",)),
    "a default where one must be": passes(PUT, "INSERT INTO t (id) VALUES (2)"),
    "a check": breaks(PUT, "INSERT INTO t (id, a) VALUES (2, 10)", 1, samples=("small",)),
    "too long": breaks(PUT, "INSERT INTO t (id, b) VALUES (2, 'yyyy')", 1, samples=("b character varying(3)",)),
    "out of range": breaks(PUT, "INSERT INTO t (id, a) VALUES (2, 3000000000)", 1, at_least=True),
    "no parent": breaks(PUT, "INSERT INTO t (id, p) VALUES (2, 9)", 1, samples=("t_p_fkey",)),
    "its own parent": passes(
        "CREATE TABLE t (id int PRIMARY KEY, up int REFERENCES t)", "INSERT INTO t (id, up) VALUES (1, 2), (2, 1)"
    ),
    "a check of the plan's": breaks(
        PUT,
        "ALTER TABLE t ADD CONSTRAINT tiny CHECK (a < 5); INSERT INTO t (id, a) VALUES (2, 7)",
        1,
        samples=("tiny",),
    ),
    "a check that the plan drops": passes(
        PUT, "ALTER TABLE t DROP CONSTRAINT small; INSERT INTO t (id, a) VALUES (2, 70)"
    ),
    "keys from a sequence": passes(
        "CREATE TABLE t (id serial PRIMARY KEY, a int UNIQUE)", "INSERT INTO t (a) VALUES (1), (2)"
    ),
    "rows that fit": passes(PUT, FROM),
    "rows with a key that is taken": breaks(put("1, 1, 'x', 1"), FROM, 1, samples=("t_pkey",)),
    "rows with a key twice": breaks(put("3, 1, 'x', 1"), FROM, 2, samples=("t_pkey",)),
    "a row without a value": breaks(put("4, NULL, 'x', 1"), FROM, 1, samples=("NOT NULL a",)),
    "a row that is too long": breaks(put("4, 1, 'xxxx', 1"), FROM, 1, samples=("b character varying(3)",)),
    "a row without a parent": breaks(put("4, 1, 'x', 8"), FROM, 1, samples=("t_p_fkey",)),
    "a row that breaks all": breaks(
        put("1, 10, 'xxxx', 8"), FROM, 1, samples=("b character varying(3)", "small", "t_p_fkey", "t_pkey")
    ),
    "a row that is left out": passes(put("1, 1, 'x', 1"), FROM + " WHERE NOT EXISTS (SELECT FROM t WHERE t.id = s.id)"),
    "rows that are no numbers": breaks(
        PUT, "INSERT INTO t (id, a) SELECT id, CAST(b || 'z' AS int) FROM s", 1, at_least=True
    ),
    "into a table of the plan's": passes(
        PUT, "CREATE TABLE n (id int PRIMARY KEY, p int REFERENCES p); INSERT INTO n SELECT id, p FROM s"
    ),
    "into a table of the plan's that counts": passes(
        PUT, "CREATE TABLE n (id bigserial PRIMARY KEY, a int); INSERT INTO n (a) VALUES (1), (2)"
    ),
    "into a table of the plan's, a key twice": breaks(
        put("3, 1, 'x', 1"),
        "CREATE TABLE n (id int PRIMARY KEY, p int REFERENCES p); INSERT INTO n SELECT id, p FROM s",
        2,
    ),
    "in batches": breaks(
        put("7, 1, 'x', 9"),
        "CREATE TABLE n (id int PRIMARY KEY, p int REFERENCES p); INSERT INTO n SELECT id, p FROM s WHERE id < 5;"
        " INSERT INTO n SELECT id, p FROM s WHERE id >= 5",
        1,
    ),
    "from what the plan takes rows out of": unknown(
        put("1, 1, 'x', 1"), "DELETE FROM s WHERE id = 1; " + FROM, fails=False
    ),
    "from what the plan changes": unknown(PUT, "UPDATE s SET id = 1; " + FROM, fails=True),
    "a function that does more": unknown(
        PUT, "INSERT INTO t (id, a) SELECT id, (random() * 100)::int + 20 FROM s", fails=True
    ),
    "a trigger that helps": unknown(
        PUT + "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.a = 1; RETURN NEW; END';"
        "CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()",
        "INSERT INTO t (id, a) VALUES (2, 50)",
        fails=False,
    ),
    "columns that are not named": unknown(PUT, "INSERT INTO t VALUES (1, 1, 'x', 1)", fails=True),
}

KINDS = {
    "change": CHANGES,
    "delete": DELETES,
    "insert": INSERTS,
    "recheck": RECHECKS,
    "update": UPDATES,
    "null": NULLS,
    "duplicate": DUPLICATES,
    "orphan": ORPHANS,
    "check": CHECKS,
    "conversion": CONVERSIONS,
    "partition": PARTITIONS,
    "dependant": DEPENDANTS,
    "name": NAMES,
    "order": ORDER,
}
ALL = {f"{kind}: {name}": case for kind, cases in KINDS.items() for name, case in cases.items()}
