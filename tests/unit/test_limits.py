"""Which limits a statement gets, and what its transaction is held to."""

from __future__ import annotations

import pytest

from ops import limits
from ops.settings import Limits
from ops.statement import Lock, Mode, Statement

ALLOWED = Limits(lock_timeout="1s", lock_timeout_long="40s", statement_timeout="3min", statement_timeout_long="2h")
SHORT, LONG = "1s", "40s"
USUAL, BUILD = "3min", "2h"
SUE, SRX, AX = Mode.SHARE_UPDATE_EXCLUSIVE, Mode.SHARE_ROW_EXCLUSIVE, Mode.ACCESS_EXCLUSIVE

# fmt: off
KINDS = {
    "a new column":                       ("ALTER TABLE t ADD COLUMN a int", SHORT, USUAL),
    "an index that keeps writers out":    ("CREATE INDEX i ON t (a)", SHORT, BUILD),
    "an index that does not":             ("CREATE UNIQUE INDEX CONCURRENTLY i ON t (a)", LONG, BUILD),
    "an index that goes":                 ("DROP INDEX i", SHORT, USUAL),
    "one that goes while others work":    ("DROP INDEX CONCURRENTLY i", LONG, USUAL),
    "a rebuild":                          ("REINDEX TABLE t", SHORT, BUILD),
    "a rebuild while others work":        ("REINDEX INDEX CONCURRENTLY i", LONG, BUILD),
    "the other spelling of that":         ("REINDEX (CONCURRENTLY) TABLE t", LONG, BUILD),
    "a check of the rows there are":      ("ALTER TABLE t VALIDATE CONSTRAINT c", LONG, BUILD),
    "two of them":                        ("ALTER TABLE t VALIDATE CONSTRAINT c, VALIDATE CONSTRAINT d", LONG, BUILD),
    "one beside something stronger":      ("ALTER TABLE t VALIDATE CONSTRAINT c, ADD COLUMN a int", SHORT, USUAL),
    "a domain's check keeps writers out": ("ALTER DOMAIN d VALIDATE CONSTRAINT c", SHORT, USUAL),
    "a constraint that builds an index":  ("ALTER TABLE t ADD UNIQUE (a)", SHORT, USUAL),
    "a foreign key":                      ("ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES u NOT VALID", SHORT, USUAL),
    "statistics":                         ("ANALYZE t", LONG, USUAL),
    "a vacuum":                           ("VACUUM (ANALYZE) t", LONG, USUAL),
    "a vacuum that writes all anew":      ("VACUUM FULL t", SHORT, USUAL),
    "what to keep statistics of":         ("ALTER TABLE t ALTER COLUMN a SET STATISTICS 500", LONG, USUAL),
    "a comment":                          ("COMMENT ON TABLE t IS 'VALIDATE CONSTRAINT c'", LONG, USUAL),
    "the word in a string":               ("ALTER TABLE t ALTER a SET DEFAULT 'INDEX CONCURRENTLY'", SHORT, USUAL),
    "a partition that was not measured":  ("ALTER TABLE t ATTACH PARTITION p DEFAULT", SHORT, USUAL),
    "one that leaves while others work":  ("ALTER TABLE t DETACH PARTITION p CONCURRENTLY", LONG, USUAL),
    "a view that is read meanwhile":      ("REFRESH MATERIALIZED VIEW CONCURRENTLY m", SHORT, USUAL),
    "code":                               ("DO $$ BEGIN EXECUTE 'ANALYZE t'; END $$", SHORT, USUAL),
    "what is no SQL":                     ("VALIDATE CONSTRAINT CONCURRENTLY", SHORT, USUAL),
    "two statements of the patient kind": ("ANALYZE t; ALTER TABLE t VALIDATE CONSTRAINT c", LONG, USUAL),
    "two, one of which is not":           ("ALTER TABLE t VALIDATE CONSTRAINT c; DROP TABLE u", SHORT, USUAL),
    "a version that is noted":            ("UPDATE alembic_version SET version_num='b'", SHORT, USUAL),
}
# fmt: on


@pytest.mark.parametrize(("sql", "lock", "statement"), KINDS.values(), ids=KINDS)
def test_what_a_statement_may_wait_for(sql: str, lock: str, statement: str) -> None:
    found = limits.settings(limits.read(sql), ALLOWED)

    assert found == {"lock_timeout": lock, "statement_timeout": statement}


def measured(*modes: Mode, known: bool = True) -> Statement:
    locks = tuple(Lock(relation=f"public.t{place}", kind="table", mode=mode) for place, mode in enumerate(modes))
    return Statement(number=1, revision="a1", sql="", locks=locks, measured=known)


# fmt: off
MEASURED = {
    "stronger than it looks":          ("ALTER TABLE t VALIDATE CONSTRAINT c", measured(SRX), SHORT),
    "a partition of the same plan":    ("ALTER TABLE t ATTACH PARTITION p DEFAULT", measured(SUE), LONG),
    "a partition that others know":    ("ALTER TABLE t ATTACH PARTITION p DEFAULT", measured(SUE, AX), SHORT),
    "an option that nobody minds":     ("ALTER TABLE t SET (fillfactor = 70)", measured(SUE), LONG),
    "what could not be measured":      ("ALTER TABLE t VALIDATE CONSTRAINT c", measured(known=False), LONG),
    "code is another thing each time": ("DO $$ BEGIN PERFORM 1; END $$", measured(SUE), SHORT),
    "nothing was there to be locked":  ("CREATE TABLE t (a int)", measured(), SHORT),
}
# fmt: on


@pytest.mark.parametrize(("sql", "seen", "lock"), MEASURED.values(), ids=MEASURED)
def test_what_was_measured_counts(sql: str, seen: Statement, lock: str) -> None:
    found = limits.settings(limits.read(sql, seen), ALLOWED, measured=seen)

    assert found["lock_timeout"] == lock


VALIDATE = "ALTER TABLE t VALIDATE CONSTRAINT c"

# fmt: off
COURSES = {
    "nothing":                          ([], LONG),
    "a look at the catalog":            (["SELECT relname FROM pg_catalog.pg_class", "SAVEPOINT s"], LONG),
    "a setting":                        (["SET LOCAL work_mem = '1GB'"], LONG),
    "a lock of the same kind":          (["ANALYZE u"], LONG),
    "a lock that others wait for":      (["ALTER TABLE u ADD COLUMN a int"], SHORT),
    "rows that are written":            (["UPDATE u SET a = 1"], SHORT),
    "rows that are locked":             (["SELECT 1 FROM u FOR UPDATE"], SHORT),
    "a function that may do anything":  (["SELECT tidy_up()"], SHORT),
    "a strong lock that is given back": (["ALTER TABLE u ADD COLUMN a int", "C"], LONG),
    "one outside of a transaction":     (["ALTER TABLE u ADD COLUMN a int", "*REINDEX INDEX CONCURRENTLY i"], LONG),
}
# fmt: on


@pytest.mark.parametrize(("before", "lock"), COURSES.values(), ids=COURSES)
def test_nothing_waits_for_long_while_others_wait_for_its_transaction(before: list[str], lock: str) -> None:
    pace = limits.Pace(ALLOWED)
    pace.begin()
    for sql in before:
        if sql == "C":
            pace.commit()
        else:
            pace.before(sql.removeprefix("*"), outside=sql.startswith("*"))

    wanted, own = pace.before(VALIDATE, outside=False)

    assert (wanted["lock_timeout"], own) == (lock, frozenset())


def test_a_table_that_is_new_keeps_nobody_out() -> None:
    pace = limits.Pace(ALLOWED)
    pace.begin()

    pace.before("CREATE TABLE n (a int)", outside=False, measured=measured())

    assert pace.before(VALIDATE, outside=False)[0]["lock_timeout"] == LONG


# fmt: off
OWN = {
    "for its session":              ("SET lock_timeout = '9s'",                                       {"lock_timeout"}),
    "for its transaction":          ("SET LOCAL statement_timeout = 0", {"statement_timeout"}),
    "by a function":                ("SELECT set_config('lock_timeout', '9s', false)",                {"lock_timeout"}),
    "back to what the role has":    ("RESET lock_timeout",                                            {"lock_timeout"}),
    "all of it":                    ("RESET ALL", {"lock_timeout", "statement_timeout"}),
    "together with something else": ("SET LOCAL lock_timeout = '9s'; ALTER TABLE t ADD COLUMN a int", {"lock_timeout"}),
    "something else":               ("SET LOCAL search_path = shop",                                  set()),
}
# fmt: on


@pytest.mark.parametrize(("sql", "left"), OWN.values(), ids=OWN)
def test_what_a_migration_sets_itself_is_left_as_it_is(sql: str, left: set[str]) -> None:
    pace = limits.Pace(ALLOWED)
    pace.begin()

    _, first = pace.before(sql, outside=False)
    later, again = pace.before("ALTER TABLE t ADD COLUMN b int", outside=False)

    assert (first, again) == (left, frozenset())
    assert set(later) == {"lock_timeout", "statement_timeout"} - left
    assert set(pace.begin()) == {"lock_timeout", "statement_timeout"}


def test_what_was_set_for_a_transaction_ends_with_it() -> None:
    pace = limits.Pace(ALLOWED)
    pace.begin()
    pace.before("SET LOCAL lock_timeout = '9s'", outside=False)
    pace.before("SET statement_timeout = '9s'", outside=False)

    pace.commit()

    assert set(pace.before(VALIDATE, outside=False)[0]) == {"lock_timeout"}


@pytest.mark.parametrize("sql", ["ROLLBACK TO SAVEPOINT s", "SAVEPOINT s", "RELEASE SAVEPOINT s", "COMMIT", "ROLLBACK"])
def test_nothing_is_set_before_a_word_to_the_transaction(sql: str) -> None:
    assert limits.Pace(ALLOWED).before(sql, outside=False) == ({}, frozenset())
