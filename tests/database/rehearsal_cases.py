"""Revisions of which it is known what comes of them: up, back, up again, and what is lost on the way."""

from __future__ import annotations

from dataclasses import dataclass

ROWS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What is there before (`base`), the two functions, and what a rehearsal has to say of them.

    `answers` are whether it goes up, comes back, restores the schema, and goes up again as it did: y, n, or - where
    that is not tried. `says` is a part of why something is wrong.
    """

    up: str
    down: str
    base: str = ""
    answers: str = "yyyy"
    lost: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    says: str = ""


def table(name: str, columns: str, values: str) -> str:
    """A table with a key and some rows, n from 1 on."""
    return (
        f"CREATE TABLE {name} (id integer PRIMARY KEY, {columns});"
        f"INSERT INTO {name} SELECT n, {values} FROM generate_series(1, {ROWS}) n;"
    )


def sql(*statements: str) -> str:
    """The body of a function that executes statements."""
    return "\n".join(f"op.execute({one!r})" for one in statements)


NOTHING = sql("SELECT 1")
"""A downgrade that is not empty, and forgets everything."""

# fmt: off
CASES = {
    "a column more": Case(
        base=table("more", "a text", "'a' || n"),
        up="op.add_column('more', sa.Column('b', sa.Integer()))", down="op.drop_column('more', 'b')"),
    "a column dropped": Case(
        base=table("dropped", "a text", "CASE WHEN n > 2 THEN 'a' || n END"),
        up="op.drop_column('dropped', 'a')", down="op.add_column('dropped', sa.Column('a', sa.Text()))",
        lost=("10 values of public.dropped.a",)),
    "a narrower column": Case(
        base=table("narrow", "a varchar(20)", "repeat('x', n)"),
        up=sql("ALTER TABLE narrow ALTER a TYPE varchar(10) USING left(a, 10)"),
        down=sql("ALTER TABLE narrow ALTER a TYPE varchar(20)"),
        lost=("2 of 12 values of public.narrow.a",)),
    "a time without its time of day": Case(
        base=table("dated", "at timestamp", "'2020-01-01'::timestamp + n * interval '6 hours'"),
        up=sql("ALTER TABLE dated ALTER at TYPE date"), down=sql("ALTER TABLE dated ALTER at TYPE timestamp"),
        lost=("9 of 12 values of public.dated.at",)),
    "a column split, and merged": Case(
        base=table("person", "name text NOT NULL", "'first' || n || ' last' || n"),
        up=sql("ALTER TABLE person ADD first text, ADD last text",
               "UPDATE person SET first = split_part(name, ' ', 1), last = split_part(name, ' ', 2)",
               "ALTER TABLE person DROP name"),
        down=sql("ALTER TABLE person ADD name text", "UPDATE person SET name = first || ' ' || last",
                 "ALTER TABLE person ALTER name SET NOT NULL", "ALTER TABLE person DROP first, DROP last")),
    "a column moved into a table of its own, and back": Case(
        base=table("noted", "note text", "CASE WHEN n % 3 = 0 THEN 'note ' || n END"),
        up=sql("CREATE TABLE note AS SELECT id, note FROM noted WHERE note IS NOT NULL", "ALTER TABLE noted DROP note"),
        down=sql("ALTER TABLE noted ADD note text",
                 "UPDATE noted SET note = note.note FROM note WHERE note.id = noted.id", "DROP TABLE note")),
    "a table with another name": Case(
        base=table("old_name", "a text", "'a'"),
        up="op.rename_table('old_name', 'new_name')", down="op.rename_table('new_name', 'old_name')"),
    "a column with another name": Case(
        base=table("called", "a text", "'a'"),
        up="op.alter_column('called', 'a', new_column_name='b')",
        down="op.alter_column('called', 'b', new_column_name='a')"),
    "another name that stays": Case(
        base=table("staying", "a text", "'a'"),
        up=sql("ALTER TABLE IF EXISTS staying RENAME TO stayed"), down=NOTHING, answers="yyny", says="renamed"),
    "a table dropped": Case(
        base=table("gone", "a text", "'a'"),
        up="op.drop_table('gone')",
        down=sql("CREATE TABLE gone (id integer PRIMARY KEY, a text)"), lost=("12 rows of public.gone",)),
    "rows deleted": Case(
        base=table("cleaned", "a text", "'a' || n % 3"),
        up=sql("DELETE FROM cleaned WHERE a = 'a1'"), down=NOTHING, lost=("4 of 12 rows of public.cleaned",)),
    "a label more, and no way back": Case(
        base="CREATE TYPE mood AS ENUM ('calm');" + table("person_mood", "a mood", "'calm'"),
        up=sql("ALTER TYPE mood ADD VALUE 'wild'"), down="pass", answers="yn--", says="its downgrade is empty"),
    "large objects removed": Case(
        base="SELECT lo_from_bytea(4711, 'kept'); SELECT lo_from_bytea(4712, 'removed');",
        up=sql("SELECT lo_unlink(oid) FROM pg_largeobject_metadata WHERE oid = 4712"), down=NOTHING,
        lost=("1 of 2 rows of pg_catalog.pg_largeobject",)),
    "a materialized view that comes back empty": Case(
        base=table("seen", "a text", "'a'") + "CREATE MATERIALIZED VIEW seeing AS SELECT id FROM seen;",
        up=sql("DROP MATERIALIZED VIEW seeing"),
        down=sql("CREATE MATERIALIZED VIEW seeing AS SELECT id FROM seen WITH NO DATA"),
        lost=("some rows of public.seeing (the materialized view is not populated any more: REFRESH fills it)",)),
    "a materialized view refreshed, and not refreshed back": Case(
        base=table("told", "a text", "'a'") + "CREATE MATERIALIZED VIEW telling AS SELECT id FROM told;",
        up=sql("INSERT INTO told VALUES (13, 'b')", "REFRESH MATERIALIZED VIEW telling"),
        down=sql("DELETE FROM told WHERE id = 13"), left=("1 row more in public.telling",)),
    "a materialized view refreshed both ways": Case(
        base=table("retold", "a text", "'a'") + "CREATE MATERIALIZED VIEW retelling AS SELECT id FROM retold;",
        up=sql("INSERT INTO retold VALUES (13, 'b')", "REFRESH MATERIALIZED VIEW retelling"),
        down=sql("DELETE FROM retold WHERE id = 13", "REFRESH MATERIALIZED VIEW retelling")),
    "nothing to undo": Case(up="pass", down="pass"),
    "it forgets an index": Case(
        base=table("indexed", "a text", "'a'") + "CREATE INDEX indexed_a ON indexed (a);",
        up="op.drop_index('indexed_a', if_exists=True)", down=NOTHING, answers="yyny", says="index public.indexed"),
    "it forgets an index, and does not go up again": Case(
        base=table("indexed_too", "a text", "'a'") + "CREATE INDEX indexed_too_a ON indexed_too (a);",
        up="op.drop_index('indexed_too_a')", down=NOTHING, answers="yynn", says="does not exist"),
    "it forgets a default": Case(
        base=table("defaulted", "a integer DEFAULT 5", "n"),
        up=sql("ALTER TABLE defaulted ALTER a DROP DEFAULT, ALTER a TYPE bigint"),
        down=sql("ALTER TABLE defaulted ALTER a TYPE integer"), answers="yyny",
        says="column public.defaulted.a changed"),
    "it forgets where a sequence stood": Case(
        base="CREATE TABLE numbered (id serial PRIMARY KEY, a text);"
             "INSERT INTO numbered (a) SELECT 'a' FROM generate_series(1, 12);",
        up=sql("ALTER TABLE numbered ALTER id DROP DEFAULT", "DROP SEQUENCE numbered_id_seq"),
        down=sql("CREATE SEQUENCE numbered_id_seq AS integer OWNED BY numbered.id",
                 "ALTER TABLE numbered ALTER id SET DEFAULT nextval('numbered_id_seq')"),
        lost=("the place of the sequence public.numbered_id_seq (the next number was 13, and is 1 now)",)),
    "it forgets a grant": Case(
        base=table("granted", "a text", "'a'") + "GRANT SELECT ON granted TO rehearsal_reader;",
        up=sql("REVOKE SELECT ON granted FROM rehearsal_reader"), down=NOTHING, answers="yyny", says="grant"),
    "it forgets a trigger": Case(
        base=table("watched", "a text", "'a'") + "CREATE FUNCTION watch() RETURNS trigger LANGUAGE plpgsql AS"
             " 'BEGIN RETURN NEW; END'; CREATE TRIGGER watch BEFORE UPDATE ON watched EXECUTE FUNCTION watch();",
        up=sql("DROP TRIGGER IF EXISTS watch ON watched"), down=NOTHING, answers="yyny", says="trigger"),
    "it raises": Case(
        base=table("raising", "a integer", "n"),
        up="op.add_column('raising', sa.Column('b', sa.Integer()))", down=sql("SELECT 1 / 0"),
        answers="yn--", says="division by zero"),
    "it refuses": Case(
        base=table("refusing", "a integer", "n"),
        up="op.drop_column('refusing', 'a')", down="raise NotImplementedError('a is needed no more')",
        answers="yn--", says="its downgrade refuses: a is needed no more"),
    "a constraint without a name": Case(
        base=table("checked", "a integer", "n"),
        up=sql("ALTER TABLE checked ADD CHECK (a > 0)"), down="op.drop_constraint(None, 'checked', type_='check')",
        answers="yn--", says="name"),
    "a data migration that is done twice": Case(
        base=table("raised", "a integer", "n"),
        up=sql("UPDATE raised SET a = a * 10"), down=NOTHING, answers="yyyn",
        lost=("12 values of public.raised.a",), says="other values the second time"),
    "rows that are left behind": Case(
        base=table("seeded", "a text", "'a'"),
        up=sql("INSERT INTO seeded SELECT max(id) + 1, 'seed' FROM seeded"), down=NOTHING, answers="yyyn",
        left=("1 row more in public.seeded",), says="13 rows the first time, and 14 the second"),
    "rows that come and go under new numbers": Case(
        base="CREATE TABLE counted (id serial PRIMARY KEY, a text); INSERT INTO counted (a) VALUES ('a');"
             "CREATE TABLE counted_child (id integer REFERENCES counted, a text);",
        up=sql("WITH made AS (INSERT INTO counted (a) VALUES ('b') RETURNING id)"
               " INSERT INTO counted_child SELECT id, 'b' FROM made"),
        down=sql("DELETE FROM counted_child", "DELETE FROM counted WHERE a = 'b'")),
    "a time of its own": Case(
        base=table("stamped", "a text", "'a'"),
        up="op.add_column('stamped', sa.Column('at', sa.DateTime(), server_default=sa.func.clock_timestamp()))",
        down="op.drop_column('stamped', 'at')"),
    "one table, first revision": Case(
        base=table("shared", "a text, b text", "'a' || n, 'b' || n"),
        up="op.add_column('shared', sa.Column('c', sa.Integer()))", down="op.drop_column('shared', 'c')"),
    "one table, one that changes what the next one loses": Case(
        up=sql("UPDATE shared SET b = upper(b)"), down=sql("UPDATE shared SET b = lower(b)")),
    "one table, one that loses": Case(
        up="op.drop_column('shared', 'b')", down="op.add_column('shared', sa.Column('b', sa.Text()))",
        lost=("12 values of public.shared.b",)),
    "one table, last revision": Case(
        up="op.alter_column('shared', 'a', new_column_name='d')",
        down="op.alter_column('shared', 'd', new_column_name='a')"),
}
# fmt: on

SHORT = (
    "a column more", "a column dropped", "a column split, and merged", "it forgets a default", "it raises",
    "a data migration that is done twice", "a table with another name",
    "a materialized view refreshed, and not refreshed back",
)  # fmt: skip
"""Enough for every day: one of each answer."""
