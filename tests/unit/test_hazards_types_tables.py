"""Hazards of types, whole tables, labels, sequences and rows; and of what surrounds a change."""

from __future__ import annotations

import ast
import json
from dataclasses import replace

import pytest

from ops.catalog import Key
from ops.commands import parse
from ops.hazards import Hazard, Severity, bodies
from ops.hazards.conversions import keeps_rows
from ops.live import InvalidIndex, Replica, Session
from ops.statement import Statement
from tests.hazards import corpus
from tests.unit.judging import CATALOG18, codes, judged, live, plan, relation, told

LIMIT = "SET LOCAL lock_timeout = '2s'"

# fmt: off
CASES = {  #  what is run, with what was measured                                                              hazards
    "another type writes the table anew": (
        plan(("ALTER TABLE users ALTER age TYPE bigint", "AX public.users; rewrite public.users")), {"type-rewrite"}),
    "the same, and nobody measured": (
        plan(("ALTER TABLE users ALTER age TYPE bigint", "not measured")), {"type-rewrite"}),
    "a longer text changes nothing": (
        plan(LIMIT, ("ALTER TABLE users ALTER code TYPE varchar(40)", "AX public.users")), set()),
    "the same longer text, and nobody measured": (
        plan(LIMIT, ("ALTER TABLE users ALTER code TYPE varchar(40)", "not measured")), set()),
    "a check on the column is read again": (
        plan(LIMIT, ("ALTER TABLE users ALTER age TYPE oid", "AX public.users; scan public.users")), {"type-rechecks"}),
    "another order of the same text": (
        plan(LIMIT, ('ALTER TABLE users ALTER name TYPE text COLLATE "C"',
                     "AX public.users; build public.users_name_idx on public.users")), {"type-index-rebuild"}),
    "a type inside of a foreign key": (
        plan(("ALTER TABLE users ALTER team_id TYPE bigint",
              "AX public.users; AX public.teams; rewrite public.users; scan public.users")),
        {"type-rewrite", "type-foreign-key"}),
    "a type that a foreign key refers to": (
        plan(("ALTER TABLE teams ALTER id TYPE bigint",
              "AX public.users; AX public.teams; rewrite public.teams; scan public.users")),
        {"type-rewrite", "type-foreign-key"}),
    "a new name breaks code": (
        plan(LIMIT, ("ALTER TABLE users RENAME TO people", "AX public.users")), {"rename"}),
    "a new name, and a view under the old one": (
        plan(LIMIT, ("ALTER TABLE users RENAME TO people", "AX public.users"),
             "CREATE VIEW public.users AS SELECT * FROM public.people"), set()),
    "a column's new name": (
        plan(LIMIT, ("ALTER TABLE users RENAME name TO full_name", "AX public.users")), {"rename"}),
    "a constraint's new name": (
        plan(LIMIT, ("ALTER TABLE users RENAME CONSTRAINT users_age_check TO c", "AX public.users")),
        {"rename-constraint"}),
    "a new table that refers": (
        plan(("CREATE TABLE t (id int, u int REFERENCES users)", "SRX public.users; new public.t")),
        {"create-table-references"}),
    "a new table that refers, in time and alone": (
        plan(LIMIT, ("CREATE TABLE t (id int, u int REFERENCES users)", "SRX public.users; new public.t")), set()),
    "a new table that refers, and work behind it": (
        plan(LIMIT, ("CREATE TABLE t (id int, u int REFERENCES users)", "SRX public.users; new public.t"),
             ("UPDATE teams SET name = '' WHERE id = 1", "RX public.teams")), {"create-table-references", "lock-held"}),
    "new tables that refer to each other": (
        plan(("CREATE TABLE t (id int PRIMARY KEY)", "new public.t"),
             ("CREATE TABLE u (id int REFERENCES t)", "new public.u")), set()),
    "a table goes": (
        plan(LIMIT, ("DROP TABLE teams", "AX public.teams")), {"data-loss"}),
    "a table goes that refers to another": (
        plan(("DROP TABLE users", "AX public.users; AX public.teams")), {"data-loss", "drop-table-references"}),
    "it goes after its foreign keys": (
        plan(LIMIT, ("DROP TABLE users", "AX public.users")), {"data-loss"}),
    "a table of the plan goes again": (
        plan(("CREATE TABLE t (id int)", "new public.t"), "DROP TABLE t"), set()),
    "with all that depends on it": (
        plan(LIMIT, ("DROP TABLE teams CASCADE", "AX public.teams; AX public.users")), {"data-loss", "cascade"}),
    "with nothing that depends on it": (
        plan(LIMIT, ("DROP TABLE events CASCADE", "AX public.events; AX public.events_2025; AX public.events_2026")),
        {"data-loss", "lock-reach"}),
    "with whatever depends on it, and nobody measured": (
        plan(LIMIT, ("DROP TYPE mood CASCADE", "not measured")), {"cascade"}),
    "emptied": (
        plan(LIMIT, ("TRUNCATE users", "AX public.users")), {"truncate"}),
    "a label for ever": (
        plan("ALTER TYPE mood ADD VALUE 'angry'", "COMMENT ON TABLE users IS 'people'"), {"enum-value"}),
    "a label in a transaction of its own": (
        plan("ALTER TYPE mood ADD VALUE 'angry'"), set()),
    "a sequence held while more is done": (
        plan(LIMIT, ("ALTER SEQUENCE users_id_seq RESTART 5", "SRX public.users_id_seq"),
             "COMMENT ON TABLE users IS 'people'"), {"alter-sequence"}),
    "a sequence, and then the end": (
        plan(LIMIT, ("ALTER SEQUENCE users_id_seq RESTART 5", "SRX public.users_id_seq")), set()),
    "all rows written": (
        plan(("UPDATE users SET name = 'x'", "RX public.users; scan public.users")), {"whole-table-write"}),
    "all rows that have none written": (
        plan(("UPDATE users SET name = 'x' WHERE name IS NULL", "RX public.users")), {"whole-table-write"}),
    "all rows that have no key written": (
        plan(("UPDATE users SET code = 'x' WHERE id IS NOT NULL", "RX public.users")), {"whole-table-write"}),
    "some rows written": (
        plan(("UPDATE users SET name = 'x' WHERE id BETWEEN 1 AND 500", "RX public.users")), set()),
    "rows of some pages written": (
        plan(("UPDATE users SET name = 'x' WHERE ctid < '(100,0)'", "RX public.users")), set()),
    "rows written for those of another table": (
        plan(("UPDATE users SET name = t.name FROM teams AS t WHERE t.id = users.team_id", "RX public.users")),
        {"whole-table-write"}),
    "an index renamed as if it were a table": (
        plan(("ALTER TABLE users_name_idx RENAME TO i", "AX public.users_name_idx")), {"rename-index"}),
    "an index renamed so, and nobody measured": (
        plan(("ALTER TABLE users_name_idx RENAME TO i", "not measured")), {"rename-index"}),
    "an index renamed": (plan(("ALTER INDEX users_name_idx RENAME TO i", "SUE public.users_name_idx")), set()),
    "an index in another place": (
        plan(("ALTER INDEX users_name_idx SET TABLESPACE fast",
              "AX public.users_name_idx; build public.users_name_idx on public.users")), {"set-tablespace"}),
    "a table in another place": (
        plan(("ALTER TABLE users SET TABLESPACE fast", "AX public.users; rewrite public.users")), {"set-tablespace"}),
    "a table in the place where it is": (
        plan(LIMIT, ("ALTER TABLE users SET TABLESPACE fast", "AX public.users")), set()),
    "an index closed while a table is read": (
        plan(("ALTER INDEX users_name_idx SET (fillfactor = 70)", "SUE public.users_name_idx"),
             ("REINDEX INDEX users_name_idx",
              "S public.users; AX public.users_name_idx; build public.i on public.users"),
             ("ALTER TABLE teams VALIDATE CONSTRAINT c", "SUE public.teams; scan public.teams")),
        {"reindex", "lock-held"}),
    "a rebuild that closes an index once nobody uses it": (
        plan("outside", ("REINDEX INDEX CONCURRENTLY users_name_idx",
                         "SUE public.users; AX public.users_name_idx; build public.i on public.users")), set()),
    "a column of json": (plan(LIMIT, ("ALTER TABLE users ADD note json", "AX public.users")), {"json-column"}),
    "a new table with a short key and json": (
        plan(("CREATE TABLE notes (id serial PRIMARY KEY, note json)", "new public.notes")),
        {"json-column", "narrow-key"}),
    "a new table with a long key and jsonb": (
        plan(("CREATE TABLE notes (id bigserial PRIMARY KEY, n int, note jsonb)", "new public.notes")), set()),
    "all rows deleted": (
        plan(("DELETE FROM users", "RX public.users; scan public.users")), {"whole-table-write"}),
}
# fmt: on


@pytest.mark.parametrize(("statements", "expected"), CASES.values(), ids=CASES)
def test_what_is_a_hazard(statements: tuple[Statement, ...], expected: set[str]) -> None:
    found = judged(statements)

    assert told(found) == expected
    for one in found:
        for body in bodies(one.fix):
            ast.parse(body)


def one(found: tuple[Hazard, ...], code: str) -> Hazard:
    (hazard,) = (hazard for hazard in found if hazard.code == code)
    return hazard


SESSION = Session(
    pid=7, user="app", application="", client="", state="idle in transaction", transaction_seconds=90.0,
    state_seconds=80.0, query="", snapshot=True,
)  # fmt: skip
INDEX = plan(
    "outside", ("CREATE INDEX CONCURRENTLY i ON users (age)", "SUE public.users; build public.i on public.users")
)
SKIPPING = plan("outside", ("CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON users (age)", "SUE public.users"))


def test_a_concurrent_index_waits_for_whoever_has_a_snapshot_or_writes_to_the_table() -> None:
    young_one = replace(SESSION, pid=8, snapshot=False, transaction_seconds=1.0)
    writer = replace(young_one, holds=(("public.users", "RowExclusiveLock"),))
    reader = replace(writer, pid=9, holds=(("public.users", "AccessShareLock"),))
    ours = replace(SESSION, pid=10, ours=True)

    old = one(judged(INDEX, at=live(sessions=(SESSION, writer, reader, ours))), "concurrent-index")
    young = one(judged(INDEX, at=live(sessions=(writer,))), "concurrent-index")

    assert "pid 7 of app, 90 s, pid 8 of app, 1 s)" in old.harm
    assert (old.severity, young.severity) == (Severity.MEDIUM, Severity.LOW)
    assert judged(INDEX, at=live(sessions=(reader, ours))) == ()


def test_a_short_key_is_near_its_end_where_half_of_its_numbers_are_taken() -> None:
    numbered = plan(("ALTER TABLE users ADD no int GENERATED ALWAYS AS IDENTITY", "AX public.users"))
    crowd = live(relation("public.users", mib=200_000, rows=1_200_000_000))

    assert one(judged(numbered), "narrow-key").severity == Severity.LOW
    assert one(judged(numbered, at=crowd), "narrow-key").severity == Severity.HIGH


def test_what_a_failed_build_has_left_is_not_skipped() -> None:
    left = live(invalid=(InvalidIndex(name="public.i", table="public.users"),))

    found = one(judged(SKIPPING, at=left), "concurrent-index")

    assert found.severity is Severity.HIGH
    assert "public.i is there already and invalid" in found.harm
    assert "DROP INDEX CONCURRENTLY IF EXISTS public.i" in found.fix
    assert "IF NOT EXISTS" not in found.fix


def test_a_label_used_in_its_own_transaction() -> None:
    steps = plan("ALTER TYPE mood ADD VALUE 'angry'", "UPDATE users SET name = 'angry' WHERE id = 1")

    found = one(judged(steps), "enum-value")

    assert found.severity is Severity.HIGH
    assert "statement 2 uses it" in found.harm


def test_a_drop_names_what_goes_with_it() -> None:
    drop = one(judged(plan(("ALTER TABLE users DROP email", "AX public.users"))), "drop-column")
    cascade = one(judged(plan(("DROP TABLE users CASCADE", "AX public.users; AX public.teams"))), "cascade")

    assert "unique users_email_key" in drop.harm
    assert "view public.adults" in cascade.harm
    assert 'op.execute("DROP VIEW public.adults")' in cascade.fix
    assert "CASCADE" not in cascade.fix


def test_the_name_of_a_unique_constraint_is_in_queries() -> None:
    renamed = plan(LIMIT, ("ALTER TABLE users RENAME CONSTRAINT users_email_key TO e", "AX public.users"))

    found = one(judged(renamed), "rename-constraint")

    assert found.severity == Severity.LOW
    assert found.harm.startswith("INSERT … ON CONFLICT ON CONSTRAINT users_email_key fails at once")


def test_a_computed_column_that_goes_loses_nothing() -> None:
    column = Key("column", "public", "users", "folded")
    folded = {column: json.dumps({"type": "text", "generated": "stored (lower(name))"})}
    dropped = plan(LIMIT, ("ALTER TABLE users DROP folded", "AX public.users"))

    found = judged(dropped, catalog=replace(CATALOG18, texts={**CATALOG18.texts, **folded}))

    assert told(found) == {"drop-generated"}
    assert one(found, "drop-generated").severity == Severity.LOW


def test_a_rename_is_as_bad_as_the_table_is_used() -> None:
    step = plan(("ALTER TABLE users RENAME name TO full_name", "AX public.users"))
    unused, used, busy = (
        one(judged(step, at=live(relation("public.users", reads=reads, writes=0))), "rename").severity.name
        for reads in (0, 5, 90)
    )

    assert (unused, used, busy) == ("INFO", "MEDIUM", "HIGH")


def test_what_cannot_be_taken_along_is_named() -> None:
    found = one(
        judged(plan(("ALTER TABLE users ALTER id TYPE bigint", "AX public.users; rewrite public.users"))),
        "type-rewrite",
    )

    assert found.fix == ""
    assert found.advice.endswith("In the way of that: view public.adults.")


BOTH = "SRX public.users; SRX public.teams"
TO_TEAMS = "ALTER TABLE users ADD FOREIGN KEY ({}) REFERENCES teams NOT VALID"
LATER = ("CREATE INDEX CONCURRENTLY i ON users (age, id)", "SUE public.users")
ALL_NEW = ("ALTER TABLE users ALTER age TYPE bigint", "AX public.users; rewrite public.users")
NO_NAME = f"ALTER TABLE users ADD n text DEFAULT '{'n' * 70}'"


def adding(column: str) -> tuple[str, str]:
    return (f"ALTER TABLE users ADD {column} text", "AX public.users")


# fmt: off
AROUND = {  # what is run, the code, its severity
    "a prepared query of all columns":  (plan(adding("nick")), "cached-plan", "INFO"),
    "a foreign key without an index":   (plan((TO_TEAMS.format("age"), BOTH)), "unindexed-foreign-key", "LOW"),
    "a name that is cut":               (plan(adding("n" * 64)), "long-name", "LOW"),
    "a name in quotes that is cut":     (plan(adding(f'"{"ü" * 32}"')), "long-name", "LOW"),
    "disk for a rewrite":               (plan(ALL_NEW), "disk", "INFO"),
}
QUIET = {
    "a table that nobody reads":        (plan(("ALTER TABLE empty ADD nick text", "AX public.empty")), "cached-plan"),
    "a foreign key with an index":      (plan((TO_TEAMS.format("code"), BOTH)), "unindexed-foreign-key"),
    "a key whose index comes later":    (plan((TO_TEAMS.format("age"), BOTH), "commit", "outside", LATER),
                                           "unindexed-foreign-key"),
    "a name of 63 bytes":               (plan(adding("n" * 63)), "long-name"),
    "a long text that is no name":      (plan((NO_NAME, "AX public.users")), "long-name"),
}
# fmt: on


@pytest.mark.parametrize(("statements", "code", "severity"), AROUND.values(), ids=AROUND)
def test_what_surrounds_a_change(statements: tuple[Statement, ...], code: str, severity: str) -> None:
    assert one(judged(statements), code).severity.name == severity


@pytest.mark.parametrize(("statements", "code"), QUIET.values(), ids=QUIET)
def test_what_does_not(statements: tuple[Statement, ...], code: str) -> None:
    assert code not in codes(judged(statements))


def test_a_prepared_query_is_told_once_for_each_table() -> None:
    steps = plan(("ALTER TABLE users ADD a text", "AX public.users"), "ALTER TABLE users ADD b text")

    assert [hazard.statement for hazard in judged(steps) if hazard.code == "cached-plan"] == [1]


@pytest.mark.parametrize(
    ("had", "expected"),
    [
        (1198, []),
        (1199, [(2, "MEDIUM")]),
        (1200, [(1, "MEDIUM")]),
        (1599, [(1, "MEDIUM"), (2, "CRITICAL")]),
        (1600, [(1, "CRITICAL")]),
    ],
)
def test_columns_that_were_dropped_count(had: int, expected: list[tuple[int, str]]) -> None:
    steps = plan(("ALTER TABLE users ADD a text", "AX public.users"), "ALTER TABLE users ADD b text")

    found = judged(steps, at=live(replace(relation("public.users"), columns=had)))

    assert [(one.statement, one.severity.name) for one in found if one.code == "many-columns"] == expected


def test_logical_replicas_get_no_change_of_the_schema() -> None:
    replica = Replica(name="dwh", client="", state="streaming", synchronous=False, lag_bytes=0, lag_seconds=None)
    there = live(replicas=(replace(replica, logical=True),))
    added = plan(("ALTER TABLE users ADD a text", "AX public.users"))

    found = one(judged(added, at=there), "logical-replicas")

    assert found.harm == (
        "Logical replicas (dwh) do not get this change. Where public.users is published to them, rows that have it "
        "stop there until they have it, too: change the subscribers first."
    )
    assert "logical-replicas" not in codes(judged(added, at=live(replicas=(replica,))))


def test_replicas_take_the_lock_and_the_rewrite() -> None:
    replica = Replica(name="east", client="", state="streaming", synchronous=True, lag_bytes=0, lag_seconds=None)
    rewrite = ("ALTER TABLE users ALTER age TYPE bigint", "AX public.users; rewrite public.users")
    large = live(relation("public.users", mib=9000), replicas=(replica,))

    brief = one(judged(plan(("ALTER TABLE users ADD a text", "AX public.users")), at=large), "replicas")
    long = one(judged(plan(rewrite), at=large), "replicas")
    disk = one(judged(plan(rewrite), at=large), "disk")

    assert (brief.severity, long.severity, disk.severity) == (Severity.INFO, Severity.MEDIUM, Severity.MEDIUM)
    assert "(east)" in long.harm
    assert "about 13.2 GiB more" in disk.harm


# fmt: off
CONVERSIONS = {  # from, to, using, whether it keeps the rows
    "a longer text":                       ("character varying(10)", "character varying(20)", "", True),
    "a shorter text":                      ("character varying(20)", "character varying(10)", "", False),
    "a text of any length":                ("character varying(20)", "text", "", True),
    "a text of a length at last":          ("text", "character varying(10)", "", False),
    "a padded text":                       ("character(3)", "character(4)", "", False),
    "more digits":                         ("numeric(8,2)", "numeric(10,2)", "", True),
    "more places":                         ("numeric(8,2)", "numeric(10,3)", "", False),
    "any digits":                          ("numeric(8,2)", "numeric", "", True),
    "digits at last":                      ("numeric", "numeric(8,2)", "", False),
    "a wider number":                      ("integer", "bigint", "", False),
    "finer times":                         ("timestamp(3) with time zone", "timestamp with time zone", "", True),
    "coarser times":                       ("timestamp with time zone", "timestamp(3) with time zone", "", False),
    "times in a zone":                     ("timestamp without time zone", "timestamp with time zone", "", False),
    "a cast that says what is done anyway": ("character varying(10)", "text", "c::text", True),
    "an expression":                       ("text", "text", "lower(c)", False),
    "lists":                               ("character varying(10)[]", "text[]", "", False),
    "an unknown type":                     ("", "text", "", False),
}
# fmt: on


@pytest.mark.parametrize(("before", "after", "using", "keeps"), CONVERSIONS.values(), ids=CONVERSIONS)
def test_which_changes_keep_the_rows(before: str, after: str, using: str, keeps: bool) -> None:
    assert keeps_rows(before, after, "c", using) is keeps


# What depends on the session, or on a domain's constraints, is taken for a rewrite where nothing was measured.
CAUTIOUS = {"timestamp -> timestamptz", "timestamptz -> timestamp", "text -> shop.label", "shop.label -> text"}


def test_what_servers_write_anew_is_never_taken_for_kept() -> None:
    wrong, cautious = set(), set()
    for one in corpus.type_changes():
        (change,) = parse(f"ALTER TABLE t ALTER c TYPE {one.new}" + (f" USING {one.using}" if one.using else ""))
        (before,) = parse(f"ALTER TABLE t ADD c {one.old}")
        kept = keeps_rows(before.type, change.type, "c", change.using)
        if kept and one.rewrite:
            wrong.add(str(one))
        if not kept and not one.rewrite:
            cautious.add(f"{one.old} -> {one.new}")

    assert wrong == set()
    assert cautious == CAUTIOUS
