"""Each rule is asked about a statement that harms and about one that does not."""

from __future__ import annotations

import ast
import re
from typing import Any

import pytest

from ops.commands import parse
from ops.hazards import RULES, Severity, bodies, judge, weight
from ops.hazards.rules import CONTEXT
from ops.hazards.scene import Scene
from ops.live import Live, LiveRelation
from ops.statement import Statement
from tests.unit.judging import CATALOG15, CATALOG18, codes, judged, live, plan, relation, statement, told

SURROUNDINGS = {one.code for one in CONTEXT}

# fmt: off
CASES = {  #  what is run, with what was measured                                                              hazards
    "a null test reads the table": (
        plan(("ALTER TABLE users ALTER name SET NOT NULL", "AX public.users; scan public.users")), {"set-not-null"}),
    "a valid CHECK proves it": (
        plan("SET LOCAL lock_timeout = '2s'", ("ALTER TABLE users ALTER name SET NOT NULL", "AX public.users")), set()),
    "a null test that nobody measured": (
        plan(("ALTER TABLE users ALTER name SET NOT NULL", "not measured")), {"set-not-null"}),
    "a null test that nobody measured, proved by a CHECK of the plan": (
        plan("SET LOCAL lock_timeout = '2s'",
             ("ALTER TABLE users ADD CONSTRAINT n CHECK (name IS NOT NULL) NOT VALID", "not measured"), "commit",
             ("ALTER TABLE users VALIDATE CONSTRAINT n", "not measured"), "commit", "SET LOCAL lock_timeout = '2s'",
             ("ALTER TABLE users ALTER name SET NOT NULL", "not measured")), set()),
    "a named NOT NULL reads as well": (
        plan(("ALTER TABLE users ADD CONSTRAINT n NOT NULL name", "AX public.users; scan public.users")),
        {"set-not-null"}),
    "a NOT NULL that is not valid yet reads nothing": (
        plan("SET LOCAL lock_timeout = '2s'",
             ("ALTER TABLE users ADD CONSTRAINT n NOT NULL name NOT VALID", "AX public.users")), set()),
    "a check reads the table": (
        plan(("ALTER TABLE users ADD CHECK (age < 200)", "AX public.users; scan public.users")), {"add-check"}),
    "a check that is not valid yet": (
        plan("SET LOCAL lock_timeout = '2s'",
             ("ALTER TABLE users ADD CONSTRAINT c CHECK (age < 200) NOT VALID", "AX public.users"), "commit",
             ("ALTER TABLE users VALIDATE CONSTRAINT c", "SUE public.users; scan public.users")), set()),
    "a check validated at once": (
        plan("SET LOCAL lock_timeout = '2s'",
             ("ALTER TABLE users ADD CONSTRAINT c CHECK (age < 200) NOT VALID", "AX public.users"),
             ("ALTER TABLE users VALIDATE CONSTRAINT c", "SUE public.users; scan public.users")),
        {"validate-same-transaction"}),
    "a foreign key reads both tables": (
        plan(("ALTER TABLE users ADD CONSTRAINT f FOREIGN KEY (team_id) REFERENCES teams (id)",
              "SRX public.users; SRX public.teams; scan public.users; scan public.teams")), {"add-foreign-key"}),
    "a foreign key that is not valid yet": (
        plan("SET LOCAL lock_timeout = '2s'",
             ("ALTER TABLE users ADD CONSTRAINT f FOREIGN KEY (team_id) REFERENCES teams (id) NOT VALID",
              "SRX public.users; SRX public.teams"), "commit",
             ("ALTER TABLE users VALIDATE CONSTRAINT f", "SUE public.users; scan public.users")), set()),
    "dropping a foreign key locks the other table": (
        plan(("ALTER TABLE users DROP CONSTRAINT users_team_fkey", "AX public.users; AX public.teams")),
        {"drop-foreign-key"}),
    "dropping it in time, both tables locked at once": (
        plan("SET LOCAL lock_timeout = '2s'",
             ("LOCK TABLE public.teams, public.users IN ACCESS EXCLUSIVE MODE", "AX public.users; AX public.teams"),
             "ALTER TABLE users DROP CONSTRAINT users_team_fkey"), set()),
    "a unique constraint builds its index": (
        plan(("ALTER TABLE users ADD UNIQUE (code)", "AX public.users; build public.users_code_key1 on public.users")),
        {"add-unique"}),
    "a unique constraint takes an index over": (
        plan("SET LOCAL lock_timeout = '2s'",
             ("ALTER TABLE users ADD CONSTRAINT u UNIQUE USING INDEX users_code_key", "AX public.users")), set()),
    "a primary key over a column that may be null": (
        plan(("ALTER TABLE users ADD CONSTRAINT p PRIMARY KEY USING INDEX users_code_key",
              "AX public.users; scan public.users")), {"primary-key-using-index"}),
    "a primary key over columns that are NOT NULL": (
        plan("SET LOCAL lock_timeout = '2s'",
             ("ALTER TABLE users ADD CONSTRAINT p PRIMARY KEY USING INDEX users_code_key", "AX public.users")), set()),
    "an index stops writes": (
        plan(("CREATE INDEX i ON users (age)", "S public.users; build public.i on public.users")),
        {"index-blocks-writes"}),
    "a concurrent index does not": (
        plan("outside", ("CREATE INDEX CONCURRENTLY i ON users (age)",
                         "SUE public.users; build public.i on public.users")), set()),
    "a concurrent index that skips what failed": (
        plan("outside", ("CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON users (age)",
                         "SUE public.users; build public.i on public.users")), {"concurrent-index"}),
    "a concurrent index under a statement_timeout": (
        plan("outside", "SET statement_timeout = '5s'",
             "outside", ("CREATE INDEX CONCURRENTLY i ON users (age)",
                         "SUE public.users; build public.i on public.users")), {"concurrent-index"}),
    "an index on all partitions": (
        plan(("CREATE INDEX i ON events (id)",
              "S public.events; S public.events_2025; S public.events_2026; build public.a on public.events_2025; "
              "build public.b on public.events_2026")), {"partitioned-index"}),
    "an index on the parent only": (
        plan("SET LOCAL lock_timeout = '2s'", ("CREATE INDEX i ON ONLY events (id)", "S public.events")), set()),
    "dropping an index": (
        plan(("DROP INDEX users_name_idx", "AX public.users; AX public.users_name_idx")), {"drop-index"}),
    "dropping an index beside the traffic": (
        plan("outside", ("DROP INDEX CONCURRENTLY users_name_idx", "SUE public.users")), set()),
    "one time for all old rows": (
        plan("SET LOCAL lock_timeout = '2s'",
             ("ALTER TABLE users ADD seen timestamptz DEFAULT now()", "AX public.users")), {"shared-default"}),
    "a constant for all old rows is what one wants": (
        plan("SET LOCAL lock_timeout = '2s'",
             ("ALTER TABLE users ADD state text DEFAULT 'f(x)'::character varying(10)", "AX public.users")), set()),
    "a default that differs from row to row": (
        plan(("ALTER TABLE users ADD token uuid DEFAULT gen_random_uuid()", "AX public.users; rewrite public.users")),
        {"volatile-default"}),
    "the same, and nobody measured": (
        plan(("ALTER TABLE users ADD token uuid DEFAULT gen_random_uuid()", "not measured")), {"volatile-default"}),
    "a default set afterwards": (
        plan("SET LOCAL lock_timeout = '2s'", ("ALTER TABLE users ADD token uuid", "AX public.users"),
             "ALTER TABLE users ALTER token SET DEFAULT gen_random_uuid()"), set()),
    "a new number for every row": (
        plan(("ALTER TABLE users ADD no serial", "AX public.users; rewrite public.users")),
        {"identity-rewrite", "narrow-key"}),
    "an identity for every row": (
        plan(("ALTER TABLE users ADD no bigint GENERATED ALWAYS AS IDENTITY", "AX public.users; rewrite public.users")),
        {"identity-rewrite"}),
    "a stored value for every row": (
        plan(("ALTER TABLE users ADD up text GENERATED ALWAYS AS (upper(name)) STORED",
              "AX public.users; rewrite public.users")), {"stored-generated"}),
    "a virtual one": (
        plan("SET LOCAL lock_timeout = '2s'",
             ("ALTER TABLE users ADD up text GENERATED ALWAYS AS (upper(name)) VIRTUAL", "AX public.users")), set()),
    "a check in a column": (
        plan(("ALTER TABLE users ADD size int CHECK (size > 0)", "AX public.users; scan public.users")),
        {"column-check"}),
    "a unique column": (
        plan(("ALTER TABLE users ADD nick text UNIQUE", "AX public.users; build public.k on public.users")),
        {"column-unique"}),
    "a column with a default that refers": (
        plan(("ALTER TABLE users ADD boss int DEFAULT 1 REFERENCES teams",
              "AX public.users; SRX public.teams; scan public.users; scan public.teams")), {"column-references"}),
    "an empty column that refers": (
        plan("SET LOCAL lock_timeout = '2s'",
             ("ALTER TABLE users ADD boss int REFERENCES teams", "AX public.users; SRX public.teams")), set()),
    "a column goes": (
        plan("SET LOCAL lock_timeout = '2s'", ("ALTER TABLE users DROP name", "AX public.users")),
        {"drop-column", "data-loss"}),
    "a column goes on which nothing stands any more": (
        plan("outside", ("DROP INDEX CONCURRENTLY users_name_idx", "SUE public.users"), "SET LOCAL lock_timeout = '2s'",
             ("ALTER TABLE users DROP name", "AX public.users")), {"data-loss"}),
    "nulls come in": (
        plan("SET LOCAL lock_timeout = '2s'", ("ALTER TABLE users ALTER email DROP NOT NULL", "AX public.users")),
        {"drop-not-null"}),
    "nulls could come in already": (
        plan("SET LOCAL lock_timeout = '2s'",
             ("ALTER TABLE users ALTER name DROP NOT NULL", "AX public.users")), set()),
    "a short lock without a limit": (
        plan(("ALTER TABLE users ADD nick text", "AX public.users")), {"brief-lock"}),
    "a short lock with a limit of its transaction": (
        plan("SET LOCAL lock_timeout = '2s'", ("ALTER TABLE users ADD nick text", "AX public.users")), set()),
    "a limit that is off": (
        plan("SET LOCAL lock_timeout = 0", ("ALTER TABLE users ADD nick text", "AX public.users")), {"brief-lock"}),
    "a limit of the transaction before": (
        plan("SET LOCAL lock_timeout = '2s'", "commit", ("ALTER TABLE users ADD nick text", "AX public.users")),
        {"brief-lock"}),
    "a limit that was taken back": (
        plan("SET LOCAL lock_timeout = '2s'", "RESET lock_timeout",
             ("ALTER TABLE users ADD nick text", "AX public.users")), {"brief-lock"}),
    "a limit of the session": (
        plan("SET lock_timeout TO '2s'", "commit", ("ALTER TABLE users ADD nick text", "AX public.users")), set()),
    "a block of code that locks": (
        plan(("DO 'BEGIN PERFORM work(); END'", "AX public.users")), {"strong-lock"}),
    "a block of code that rewrites": (
        plan(("DO 'BEGIN PERFORM work(); END'", "AX public.users; rewrite public.users")), {"rewrite"}),
    "a table stored elsewhere": (
        plan(("ALTER TABLE users SET UNLOGGED", "AX public.users; rewrite public.users")), {"rewrite", "unlogged"}),
    "an exclusion": (
        plan(("ALTER TABLE users ADD EXCLUDE USING gist (age WITH =)",
              "AX public.users; build public.users_age_excl on public.users")), {"index-build"}),
    "a partition with a default partition": (
        plan(("CREATE TABLE events_2027 PARTITION OF events FOR VALUES FROM (1) TO (2)",
              "AX public.events; AX public.events_2026; scan public.events_2026; new public.events_2027")),
        {"scan", "lock-reach"}),
    "a check on all partitions": (
        plan(("ALTER TABLE events ADD CHECK (id > 0) NOT VALID",
              "AX public.events; AX public.events_2025; AX public.events_2026")), {"brief-lock", "lock-reach"}),
    "a domain's tables": (
        plan(("ALTER DOMAIN mail ADD CHECK (value <> '')", "S public.users; scan public.users")),
        {"scan", "lock-reach"}),
    "a lock kept while rows are written": (
        plan("SET LOCAL lock_timeout = '2s'", ("ALTER TABLE users ADD nick text", "AX public.users"),
             ("UPDATE teams SET name = '' WHERE id = 1", "RX public.teams")), {"lock-held"}),
    "a lock kept while a table is read": (
        plan("SET LOCAL lock_timeout = '2s'", ("ALTER TABLE users ADD nick text", "AX public.users"),
             "SELECT count(*) FROM teams"), {"lock-held"}),
    "a lock kept while a table is read into a new one": (
        plan("SET LOCAL lock_timeout = '2s'", ("ALTER TABLE users ADD nick text", "AX public.users"),
             ("CREATE TABLE t (id int)", "new public.t"), "INSERT INTO t SELECT id FROM teams"), {"lock-held"}),
    "a lock kept while a table is copied out": (
        plan("SET LOCAL lock_timeout = '2s'", ("ALTER TABLE users ADD nick text", "AX public.users"),
             "COPY teams TO '/dev/null'"), {"lock-held"}),
    "a lock kept while one row is found": (
        plan("SET LOCAL lock_timeout = '2s'", ("ALTER TABLE users ADD nick text", "AX public.users"),
             "SELECT name FROM teams WHERE id = 1", ("CREATE TABLE t (id int)", "new public.t"),
             "INSERT INTO t SELECT id FROM teams WHERE id = 1"), set()),
    "a lock kept while a range is read": (
        plan("SET LOCAL lock_timeout = '2s'", ("ALTER TABLE users ADD nick text", "AX public.users"),
             "SELECT name FROM teams WHERE id > 0"), {"lock-held"}),
    "rows read before the lock": (
        plan("SET LOCAL lock_timeout = '2s'", "SELECT count(*) FROM teams",
             ("ALTER TABLE users ADD nick text", "AX public.users")), set()),
    "a lock kept while nothing more is done": (
        plan("SET LOCAL lock_timeout = '2s'", ("ALTER TABLE users ADD nick text", "AX public.users"),
             "COMMENT ON TABLE users IS 'people'"), set()),
    "rows written in the next transaction": (
        plan("SET LOCAL lock_timeout = '2s'", ("ALTER TABLE users ADD nick text", "AX public.users"), "commit",
             ("UPDATE teams SET name = '' WHERE id = 1", "RX public.teams")), set()),
    "two busy tables in one transaction": (
        plan("SET LOCAL lock_timeout = '2s'", ("ALTER TABLE users ADD nick text", "AX public.users"),
             ("ALTER TABLE teams ADD nick text", "AX public.teams")), {"many-tables"}),
    "two tables, one of them unused": (
        plan("SET LOCAL lock_timeout = '2s'", ("ALTER TABLE users ADD nick text", "AX public.users"),
             ("ALTER TABLE empty ADD nick text", "AX public.empty")), set()),
    "a table that comes with the plan": (
        plan(("CREATE TABLE t (id int)", "new public.t"), "ALTER TABLE t ALTER id SET NOT NULL",
             "CREATE INDEX i ON t (id)", "ALTER TABLE t ADD UNIQUE (id)", "ALTER TABLE t DROP COLUMN id"), set()),
    "a table that comes with the plan, and nobody measured": (
        plan(("CREATE TABLE t (id int)", "not measured"), ("ALTER TABLE t ALTER id SET NOT NULL", "not measured"),
             ("CREATE INDEX i ON t (id)", "not measured"), ("ALTER TABLE t ADD UNIQUE (id)", "not measured")), set()),
}
# fmt: on


@pytest.mark.parametrize(("statements", "expected"), CASES.values(), ids=CASES)
def test_what_is_a_hazard(statements: tuple[Statement, ...], expected: set[str]) -> None:
    found = judged(statements)

    assert told(found) == expected
    for one in found:
        for body in bodies(one.fix):
            ast.parse(body)


NULL_TEST = ("ALTER TABLE users ALTER name SET NOT NULL", "AX public.users; scan public.users")
REWRITE = ("ALTER TABLE users ADD token uuid DEFAULT gen_random_uuid()", "AX public.users; rewrite public.users")
BUILD = ("CREATE INDEX i ON users (age)", "S public.users; build public.i on public.users")
BRIEF = ("ALTER TABLE users ADD nick text", "AX public.users")
GONE = ("ALTER TABLE users DROP name", "AX public.users")

# fmt: off
WEIGHTS = {  #                              statement    MiB      reads    writes   severity
    "reading an empty table":              (NULL_TEST,   0,       90,      90,      "INFO"),
    "reading a tiny table that is used":   (NULL_TEST,   1,       5,       5,       "LOW"),
    "reading a tiny table that is busy":   (NULL_TEST,   1,       90,      0,       "MEDIUM"),
    "reading a table that nobody uses":    (NULL_TEST,   100,     0,       0,       "INFO"),
    "reading a large one nobody uses":     (NULL_TEST,   50_000,  0,       0,       "LOW"),
    "reading a small table, in use":       (NULL_TEST,   100,     5,       5,       "MEDIUM"),
    "reading a small table, busy":         (NULL_TEST,   100,     90,      0,       "HIGH"),
    "reading a large table, quiet":        (NULL_TEST,   9_000,   0.1,     0,       "HIGH"),
    "reading a large table, busy":         (NULL_TEST,   9_000,   90,      0,       "CRITICAL"),
    "rewriting takes longer than reading": (REWRITE,     100,     5,       5,       "HIGH"),
    "rewriting a large busy table":        (REWRITE,     50_000,  90,      90,      "CRITICAL"),
    "readers do not wait for a build":     (BUILD,       50_000,  900,     0,       "LOW"),
    "writers do":                          (BUILD,       50_000,  0,       90,      "CRITICAL"),
    "a short lock on a quiet table":       (BRIEF,       50_000,  0.1,     0,       "INFO"),
    "a short lock on a busy table":        (BRIEF,       50_000,  90,      90,      "LOW"),
    "a short lock on a crowded table":     (BRIEF,       50_000,  900,     900,     "MEDIUM"),
    "loss of an empty column":             (GONE,        0,       90,      90,      "INFO"),
    "loss on a table that nobody uses":    (GONE,        1,       0,       0,       "MEDIUM"),
}
# fmt: on


@pytest.mark.parametrize(("step", "mib", "reads", "writes", "expected"), WEIGHTS.values(), ids=WEIGHTS)
def test_severity(step: tuple[str, str], mib: float, reads: float, writes: float, expected: str) -> None:
    rows = 0 if not mib else None
    at = live(relation("public.users", mib=mib, rows=rows, reads=reads, writes=writes))

    found = judged(plan(step), at=at)

    assert max(one.severity for one in found).name == expected


@pytest.mark.parametrize(("step", "least"), [(NULL_TEST, "CRITICAL"), (REWRITE, "CRITICAL"), (BRIEF, "LOW")])
def test_what_is_unknown_is_never_light(step: tuple[str, str], least: str) -> None:
    found = judged(plan(step), at=Live())

    assert max(one.severity for one in found).name == least


def test_what_was_never_counted_is_busy() -> None:
    counted = relation("public.users", mib=9_000, reads=0, writes=0)
    busy = live().relations | {"public.users": relation("public.users", mib=9_000)}
    uncounted = {
        name: type(one)(name=name, kind="table", heap_bytes=one.heap_bytes, reads=9) for name, one in busy.items()
    }

    (idle,) = judged(plan(NULL_TEST), at=Live(relations={"public.users": counted}))
    (unknown,) = judged(plan(NULL_TEST), at=Live(relations=uncounted))

    assert (idle.severity, unknown.severity) == (Severity.LOW, Severity.CRITICAL)


def test_a_statement_that_failed_is_told_with_what_its_text_says() -> None:
    failed = statement(NULL_TEST[0], NULL_TEST[1], error='column "name" contains null values\nDETAIL: more')

    found, *more = judged([failed])

    assert (found.code, found.severity) == ("statement-fails", Severity.CRITICAL)
    assert codes(more) == {"set-not-null"}
    assert found.harm.endswith('column "name" contains null values')


def test_the_versions_own_table_is_nobodys_affair() -> None:
    own = statement("UPDATE alembic_version SET version_num = 'a'", "AX public.alembic_version", bookkeeping=True)

    assert judged([own]) == ()


def test_a_lock_is_told_with_who_waits_and_how_long() -> None:
    steps = plan(NULL_TEST, "COMMENT ON TABLE users IS 'people'", "COMMENT ON TABLE users IS 'all'")

    (found,) = judged(steps)

    assert (
        found.waits == "Reads and writes of public.users wait for it (7 a second); it waits for all who use the table."
    )
    assert found.held == "To the end of its transaction: 2 more statements, to number 3."


def test_a_lock_that_is_kept_names_the_work_that_it_is_kept_for() -> None:
    steps = plan(("ALTER TABLE users ADD nick text", "AX public.users"), "SELECT 1", "SELECT count(*) FROM teams")

    (found,) = [one for one in judged(steps) if one.code == "lock-held"]

    assert (found.statement, found.during) == (1, (3,))


def test_a_renamed_table_is_weighed_by_its_old_name() -> None:
    steps = plan(
        ("ALTER TABLE users RENAME TO people", "AX public.users"),
        "commit",
        ("ALTER TABLE people ALTER name SET NOT NULL", "AX public.people; scan public.people"),
    )

    found = {one.code: one for one in judged(steps, at=live(relation("public.users", mib=9_000, reads=90)))}

    assert found["set-not-null"].severity is Severity.CRITICAL


# -- the rules as a list -----------------------------------------------------------------------------------


def test_each_code_is_that_of_one_rule() -> None:
    assert len({one.code for one in RULES}) == len(RULES)
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", one.code) for one in RULES)


@pytest.mark.parametrize("rule", RULES, ids=lambda one: one.code)
def test_a_rule_says_what_it_is_about(rule: object) -> None:
    assert re.fullmatch(r"https://www\.postgresql\.org/docs/current/[a-z-]+\.html#[A-Z][A-Z0-9-]+", rule.source)
    assert rule.harm.endswith(".")
    assert rule.advice.endswith(".")


# -- fixes ---------------------------------------------------------------------------------------------------

STRANGE = 'public."Strange ""Näme"""'
HOSTILE = {
    "NOT NULL": (f'ALTER TABLE {STRANGE} ALTER "it\'s <b>" SET NOT NULL', f"AX {STRANGE}; scan {STRANGE}"),
    "CHECK": (f"ALTER TABLE {STRANGE} ADD CHECK (\"select\" <> ':a')", f"AX {STRANGE}; scan {STRANGE}"),
    "UNIQUE": (
        f'ALTER TABLE {STRANGE} ADD UNIQUE ("select", "it\'s <b>")',
        f'AX {STRANGE}; build public."Strange ""Näme""_select_it\'s <b>_key" on {STRANGE}',
    ),
    "index": (f'CREATE INDEX ON {STRANGE} ("it\'s <b>" text_pattern_ops)', f"S {STRANGE}; build public.i on {STRANGE}"),
    "foreign key": (
        f'ALTER TABLE {STRANGE} ADD FOREIGN KEY ("id") REFERENCES teams',
        f"SRX {STRANGE}; SRX public.teams; scan {STRANGE}; scan public.teams",
    ),
    "column": (
        f"ALTER TABLE {STRANGE} ADD \"50%\" text NOT NULL DEFAULT md5(random()::text || ':x')",
        f"AX {STRANGE}; rewrite {STRANGE}",
    ),
    "63 bytes": (f"ALTER TABLE {STRANGE} ADD {'ü' * 31} serial", f"AX {STRANGE}; rewrite {STRANGE}"),
}


@pytest.mark.parametrize("catalog", [CATALOG15, CATALOG18], ids=["15", "18"])
@pytest.mark.parametrize("step", HOSTILE.values(), ids=HOSTILE)
def test_fixes_with_strange_names_are_valid_python(step: tuple[str, str], catalog: object) -> None:
    found = next(one for one in judged(plan(step), catalog=catalog) if one.code not in SURROUNDINGS)

    assert found.relation == STRANGE
    assert bodies(found.fix)
    for body in bodies(found.fix):
        for sql in _texts(body):
            assert [one.verb for one in parse(sql)] != ["?"], sql


def _texts(body: str) -> list[str]:
    """The SQL that a body executes."""
    calls = [node for node in ast.walk(ast.parse(body)) if isinstance(node, ast.Call)]
    named = [one for one in calls if isinstance(one.func, ast.Attribute) and one.func.attr == "execute"]
    texts = [ast.literal_eval(one.args[0]) for one in named if isinstance(one.args[0], ast.Constant)]
    return [one.replace("\\:", ":") for one in texts]


def test_no_statement_is_no_hazard() -> None:
    assert judge((), commands={}, live=Live(), catalog=CATALOG18, server_version=180004) == ()


SIZES = {
    "a heap that was measured": ({"heap_bytes": 8192, "total_bytes": 9000}, 8192, 9000),
    "measured, and nothing in it": ({}, 0, 0),
    "as VACUUM found it": ({"heap_bytes": 8192, "total_bytes": 9000, "estimated": True}, 8192, 9000),
    "more rows counted since than fit into it": ({"rows": 1000, "estimated": True}, 28_000, 28_000),
    "never counted, and locked": ({"estimated": True}, None, None),
}


@pytest.mark.parametrize(("known", "heap", "total"), SIZES.values(), ids=SIZES)
def test_a_size_that_nobody_knows_is_not_nothing(known: dict[str, Any], heap: int | None, total: int | None) -> None:
    found = weight.load(LiveRelation(name="public.users", kind="table", **known), counted=True)

    assert (found.heap_bytes, found.total_bytes, found.is_empty) == (heap, total, heap == 0)


def test_a_long_plan_is_gone_through_a_few_times_and_not_once_for_each_statement(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    many = 300
    steps = [(f"ALTER TABLE users ADD COLUMN c{number} text", "AX public.users") for number in range(many)]
    apart = [one for step in steps for one in (step, "commit")]
    asked: list[int] = []
    of = Scene.of
    monkeypatch.setattr(Scene, "of", lambda self, one: (asked.append(one.number), of(self, one))[1])

    found = judged(plan("SET lock_timeout = '2s'", *apart))

    assert told(found) == set() and len(found) >= many
    assert len(asked) < 20 * many
