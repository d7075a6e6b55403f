"""What is made of the rows of a look: literals removed, sizes and rates summed, a vacuum that gives way to nobody."""

from __future__ import annotations

from typing import Any

import pytest

from ops.activity.relations import invalid_indexes, not_owned, relations, with_rates
from ops.activity.sessions import LONGEST, is_wraparound, progress, replicas, sessions, shown_query

# fmt: off
LITERALS = {
    "a string":                          ("SELECT 'a', x", "SELECT ?, x"),
    "a doubled quote":                   ("SELECT 'it''s', x", "SELECT ?, x"),
    "an escape string":                  (r"SELECT E'it\'s', x", "SELECT ?, x"),
    "an escape string, its end escaped": (r"SELECT e'a\\', x", "SELECT ?, x"),
    "bits, bytes, national":             ("SELECT B'1', X'1f', U&'x'", "SELECT ?, …"),
    "dollars":                           ("SELECT $$it's$$, $a$ $$ ' $a$, x", "SELECT ?, ?, x"),
    "a parameter stays":                 ("SELECT $1, $22", "SELECT $1, $22"),
    "numbers":                           ("SELECT 1, x, 1.5e-3, y, .5, z, 0x1F", "SELECT ?, x, ?, y, ?, z, ?"),
    "a minus is no part of a number":    ("SELECT x-1", "SELECT x-?"),
    "digits in a name stay":             ("SELECT a1, t2.c3", "SELECT a1, t2.c3"),
    "a quoted name stays":               ('SELECT "it\'s 1", "a""b"', 'SELECT "it\'s 1", "a""b"'),
    "a name in another script":          ("SELECT tên FROM bảng WHERE x = 'y'", "SELECT tên FROM bảng WHERE x = ?"),
    "a comment":                         ("SELECT x -- a secret\nFROM t", "SELECT x FROM t"),
    "a comment in a comment":            ("SELECT /* a /* b */ c */ x", "SELECT x"),
    "a comment that was cut off":        ("SELECT x /* a /* b */ c", "SELECT x"),
    "a string that was cut off":         ("SELECT x, 'a sec", "SELECT x, ?"),
    "dollars that were cut off":         ("SELECT x, $a$ sec $$ $", "SELECT x, ?"),
    "an escape that was cut off":        ("SELECT x, E'sec\\", "SELECT x, E?"),
    "a backslash before a quote":        (r"SELECT 'a\', 'secret', x", "SELECT ? ..."),
    "a backslash at the end":            ("SELECT x, 'sec\\", "SELECT x, ?"),
    "a backslash elsewhere":             (r"SELECT 'a\b', x", "SELECT ?, x"),
    "a list":                            ("x IN (1, 2, 3, 4) AND y IN (1, 2)", "x IN (?, …) AND y IN (?, ?)"),
    "rows":                              ("VALUES (1, 2, 3), (4, 5, 6), (7, 8, 9), (1, 2, 3)", "VALUES (?, …), …"),
    "a setting":                         ("SET app.token = abc, def", "SET app.token = ?"),
    "a setting with TO":                 ("set local app.token to abc; SELECT x", "set local app.token to ?; SELECT x"),
    "a setting after another statement": ("BEGIN; SET a.b = c", "BEGIN; SET a.b = ?"),
    "a setting of the server":           ("ALTER SYSTEM SET a = b", "ALTER SYSTEM SET a = ?"),
    "an update is no setting":           ("UPDATE t SET a = b, c = 1", "UPDATE t SET a = b, c = ?"),
    "lines and spaces":                  ("SELECT\n\t x  \n FROM   t", "SELECT x FROM t"),
    "an autovacuum":                     ("autovacuum: VACUUM shop.t1 (to prevent wraparound)",) * 2,
    "nothing":                           ("", ""),
}
# fmt: on


@pytest.mark.parametrize(("query", "shown"), LITERALS.values(), ids=LITERALS)
def test_literals(query: str, shown: str) -> None:
    assert shown_query(query) == shown


@pytest.mark.parametrize("start", ["SELECT ", "SELECT 'x', ", "SELECT E'x', $$a$$, ", "-- x\n", "SELECT U&'x', "])
def test_wherever_the_server_cuts_nothing_is_left_of_a_literal(start: str) -> None:
    query = f"{start} 'QZX''QZX', E'\\'QZX', $b$QZX$b$, 7777 -- QZX\n, X'QZX', t.c /* QZX */"

    for end in range(len(query)):
        shown = shown_query(query[:end])
        assert "Q" not in shown and "7" not in shown, query[:end]


def test_an_endless_query_is_cut() -> None:
    assert len(shown_query("SELECT x" + ", x" * LONGEST)) == LONGEST + len("…")


# fmt: off
VACUUMS = {
    "it must prevent wraparound": ("autovacuum worker", "autovacuum: VACUUM shop.orders (to prevent wraparound)", True),
    "an ordinary one":            ("autovacuum worker", "autovacuum: VACUUM ANALYZE shop.orders", False),
    "a table that is called so":  ("autovacuum worker", "autovacuum: VACUUM shop.(to prevent wraparound) x", False),
    "a person who writes it":     ("client backend", "SELECT 1 -- (to prevent wraparound)", False),
    "hidden":                     ("", "<insufficient privilege>", False),
}
# fmt: on


@pytest.mark.parametrize(("kind", "query", "wraparound"), VACUUMS.values(), ids=VACUUMS)
def test_vacuums_that_give_way_to_nobody(kind: str, query: str, wraparound: bool) -> None:
    assert is_wraparound(kind, query) is wraparound


def session(**changes: Any) -> dict[str, Any]:
    """A row of the query for sessions."""
    return {
        "pid": 7, "gid": "", "user": "app", "application": "web", "client": "10.0.0.5", "state": "active",
        "kind": "client backend", "wait": None, "since": None, "transaction_seconds": 1.0, "state_seconds": 1.0,
        "query": b"SELECT 1", "snapshot": False, "holds": None, "waits": None, "blocked_by": None, "phase": None,
        "total": None, "done": None, "vacuum_schema": None, "vacuum_table": None, "in_transaction": True,
        "is_this": False, **changes,
    }  # fmt: skip


def test_a_vacuum_says_its_table_and_how_far_it_is() -> None:
    query = b"autovacuum: VACUUM public.Orders (to prevent wraparound)"
    row = session(
        kind="autovacuum worker", user=None, application="", query=query, phase="scanning heap", total=200, done=84,
        vacuum_schema="public", vacuum_table="Orders",
        holds=[["public", "Orders", "ShareUpdateExclusiveLock"]],
    )  # fmt: skip

    [found] = sessions([row])

    assert (found.wraparound, found.vacuums, found.user) == (True, 'public."Orders"', "")
    assert found.progress == "scanning heap, 42 % of the blocks"
    assert found.holds == (('public."Orders"', "ShareUpdateExclusiveLock"),)


# fmt: off
LISTED = {
    "in a transaction":               ({}, True),
    "at rest":                        ({"in_transaction": False}, False),
    "at rest, but waited for":        ({"in_transaction": False, "pid": 9}, True),
    "at rest, but with a lock":       ({"in_transaction": False, "holds": [["a", "b", "AccessShareLock"]]}, True),
    "the session that looks":         ({"is_this": True}, False),
}
# fmt: on


@pytest.mark.parametrize(("changes", "listed"), LISTED.values(), ids=LISTED)
def test_who_is_listed(changes: dict[str, Any], listed: bool) -> None:
    waiting = session(pid=1, blocked_by=[9, 9, 0])

    found = sessions([waiting, session(**changes)])

    assert (len(found) == 2) is listed
    assert next(one for one in found if one.pid == 1).blocked_by == (0, 9)


# fmt: off
PHASES = {
    "nothing":            ((None, None, None), ""),
    "a phase alone":      (("initializing", 0, 0), "initializing"),
    "blocks":             (("building index", 3, 1), "building index, 33 % of the blocks"),
    "hidden":             (("waiting", None, None), "waiting"),
}
# fmt: on


@pytest.mark.parametrize(("given", "said"), PHASES.values(), ids=PHASES)
def test_progress(given: tuple[Any, ...], said: str) -> None:
    assert progress(*given) == said


def relation(oid: int, name: str, kind: str = "r", **changes: Any) -> dict[str, Any]:
    """A row of the query for relations."""
    return {
        "oid": oid, "schema": "public", "name": name, "kind": kind, "table_oid": None, "parent_oid": None,
        "owner": "app", "owned": True, "columns": 2,
        "rows": 10, "pages": 2, "toast_pages": None, "bytes": None, "toast_bytes": None,
        "scans": 0, "writes": 0, "asked": 100.0, "valid": None, "definition": None, "constraint_name": None,
        "building_pid": None, "counted_since": "2026-01-01T00:00:00Z", "counted_seconds": 100.0, **changes,
    }  # fmt: skip


ROWS = [
    relation(1, "log", "p", rows=0),
    relation(2, "log_1", parent_oid=1, bytes=8000, toast_pages=1, toast_bytes=100, scans=5, writes=50),
    relation(3, "log_2", "p", parent_oid=1),
    relation(4, "log_21", parent_oid=3, writes=200, rows=None),
    relation(5, "log_1_at", "i", table_oid=2, bytes=400, scans=15, valid=True),
    relation(6, "log_at", "I", table_oid=1, valid=False, definition="CREATE INDEX log_at ON ONLY public.log (at)"),
    relation(7, "v", "v", owned=False),
    relation(8, "elsewhere_at", "i", table_oid=99, valid=False, building_pid=12),
]  # fmt: skip


def test_tables_have_their_indexes_and_partitions_in_their_sums() -> None:
    found = relations(ROWS, block_size=8192)

    part, whole, empty = (found[f"public.{name}"] for name in ("log_1", "log", "log_21"))
    assert (part.heap_bytes, part.index_bytes, part.total_bytes, part.estimated) == (8000, 400, 8500, False)
    assert (part.reads, part.writes, part.reads_per_second, part.writes_per_second) == (20, 50, 0.2, 0.5)
    assert (empty.heap_bytes, empty.rows, empty.estimated) == (2 * 8192, None, True)
    assert (whole.heap_bytes, whole.total_bytes) == (8000 + 2 * 8192, 8500 + 2 * 8192)
    assert (whole.rows, whole.reads, whole.writes, whole.estimated) == (10, 20, 250, True)
    assert found["public.log_2"].parent == "public.log" and found["public.log_2"].writes == 200
    assert "public.v" not in found
    assert not_owned(ROWS) == {"public.v"}


def test_rates_between_two_counts() -> None:
    later = [
        {"oid": 2, "table_oid": None, "scans": 7, "writes": 40, "asked": 102.0},  # its counters were reset
        {"oid": 4, "table_oid": None, "scans": 0, "writes": 230, "asked": 102.0},
        {"oid": 5, "table_oid": 2, "scans": 21, "writes": 0, "asked": 102.0},
        {"oid": 77, "table_oid": None, "scans": 5, "writes": 5, "asked": 102.0},  # made meanwhile
    ]

    found = with_rates(relations(ROWS, block_size=8192), ROWS, later)

    rates = {name: (one.reads_now, one.writes_now) for name, one in found.items()}
    assert rates["public.log_1"] == (1.0 + 3.0, 0.0)
    assert rates["public.log_1_at"] == (3.0, 0.0)
    assert rates["public.log_21"] == rates["public.log_2"] == (0.0, 15.0)
    assert rates["public.log"] == (4.0, 15.0)


def test_indexes_that_no_query_uses() -> None:
    leftover, built = invalid_indexes(ROWS, lambda table: 0)[::-1]

    assert (leftover.name, leftover.table, leftover.partitioned) == ("public.log_at", "public.log", True)
    assert leftover.definition == "CREATE INDEX log_at ON ONLY public.log (at)"
    assert (built.name, built.building_pid) == ("public.elsewhere_at", 12)
    assert invalid_indexes(ROWS, lambda table: 5)[1].building_pid == 5, "hidden, but somebody has the lock of a build"


def test_nothing_at_all() -> None:
    assert relations([], block_size=8192) == {}
    assert with_rates({}, [], []) == {}
    assert invalid_indexes([], lambda table: 0) == sessions([]) == replicas([]) == ()


def test_replicas_that_are_hidden_are_left_out() -> None:
    row = {
        "name": "standby", "client": "10.0.0.9", "state": "streaming", "sync_state": "quorum", "lag_bytes": -5,
        "lag_seconds": None, "slot": None, "logical": False, "wal_status": None, "hidden": False,
    }  # fmt: skip

    found = replicas([row, {**row, "name": None, "state": None, "sync_state": None, "hidden": True}])

    assert [(one.name, one.synchronous, one.lag_bytes) for one in found] == [("standby", True, 0)]
