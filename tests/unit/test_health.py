"""Who stands in the way, and how that is said: judged from values, without a server."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from ops import display
from ops.catalog.names import literal
from ops.database import ServerFacts
from ops.health import Health, words
from ops.health.blockers import Why, blockers, others
from ops.live import InvalidIndex, Live, LiveRelation, Replica, Rights, Session
from ops.settings import Limits
from ops.statement import Mode
from ops.values import Verdict
from tests.database.hostile import NAMES

FACTS = ServerFacts(
    version="18.4", version_number=180004, database="shop", role="app", login="app", primary=True, superuser=False,
    address="a local socket", system_identifier="1", database_oid=1, encoding="UTF8",
)  # fmt: skip
READ, WRITE = ("shop.orders", "AccessShareLock"), ("shop.orders", "RowExclusiveLock")
CHANGE, VACUUM = ("shop.orders", "AccessExclusiveLock"), ("shop.orders", "ShareUpdateExclusiveLock")


def session(pid: int = 7, **changes: Any) -> Session:
    """A session that is idle in a transaction since a minute, with a lock, unless something else is said."""
    values: dict[str, Any] = {
        "pid": pid, "user": "app", "application": "web", "client": "10.0.0.5", "state": "idle in transaction",
        "transaction_seconds": 60.0, "state_seconds": 50.0, "query": "SELECT ?", "holds": (READ,),
        "since": "2026-11-25T13:40:12.123456Z", **changes,
    }  # fmt: skip
    return Session(**values)


def health(*sessions: Session, primary: bool = True, **changes: Any) -> Health:
    """A look at a database with these sessions."""
    live = Live(sessions=sessions, taken="2026-11-25T13:41:12Z", **changes)
    return Health(target="shop", facts=replace(FACTS, primary=primary), live=live)


PREPARED = {"pid": 0, "gid": "it's", "kind": "prepared transaction", "state": "prepared", "client": "", "query": ""}
AUTOVACUUM = {
    "kind": "autovacuum worker",
    "state": "active",
    "user": "",
    "application": "",
    "client": "",
    "holds": (VACUUM,),
}

IN_THE_WAY = {
    "a lock, longer than a change waits": ({}, Why.LOCK),
    "a lock, as long as a change waits": ({"transaction_seconds": 2.0}, None),
    "in the queue for a lock": ({"holds": (), "waits_for": (CHANGE,)}, Why.LOCK),
    "no lock, and a snapshot": ({"holds": (), "snapshot": True}, Why.SNAPSHOT),
    "no lock, a young snapshot": ({"holds": (), "snapshot": True, "transaction_seconds": 1.0}, None),
    "a long transaction and nothing in it": ({"holds": ()}, None),
    "a prepared transaction": (PREPARED, Why.LOCK),
    "a prepared transaction without a lock": ({**PREPARED, "holds": ()}, None),
    "an autovacuum gives way": (AUTOVACUUM, None),
    "an autovacuum that may not, however young": (
        {**AUTOVACUUM, "wraparound": True, "transaction_seconds": 0.1},
        Why.WRAPAROUND,
    ),
    "a look of ours": ({"ours": True}, None),
    "a change of ours": ({"ours": True, "holds": (READ, CHANGE)}, Why.LOCK),
    "hidden: nobody knows since when": ({"transaction_seconds": None, "seen": False}, None),
}


@pytest.mark.parametrize(("changes", "why"), IN_THE_WAY.values(), ids=IN_THE_WAY)
def test_who_is_in_the_way(changes: dict[str, Any], why: Why | None) -> None:
    live = Live(sessions=(session(**changes),))

    found = blockers(live, lock_seconds=2.0)

    assert [one.why for one in found] == ([why] if why else [])


def test_an_autovacuum_outlasts_a_change_that_does_not_wait_for_the_deadlock_check() -> None:
    live = Live(sessions=(session(**AUTOVACUUM),), deadlock_seconds=5.0)

    [found] = blockers(live, lock_seconds=2.0)

    assert "raise lock_timeout above deadlock_timeout" in words.advice(found)


def test_others_with_locks_are_sorted_by_what_makes_them_harmless() -> None:
    young, ours = session(1, transaction_seconds=0.5), session(2, ours=True, application="alembic-ops health")
    vacuum, hidden = session(3, **AUTOVACUUM), session(4, transaction_seconds=None, seen=False)

    found = others(Live(sessions=(young, ours, vacuum, hidden, session(5))), lock_seconds=2.0)

    assert (found.young, found.ours, found.giving_way) == ((young,), (ours,), (vacuum,))


def test_begin_with_whoever_waits_for_nobody_and_holds_up_most() -> None:
    chain = (
        session(1, transaction_seconds=100.0),
        session(2, transaction_seconds=90.0),
        session(3, holds=(), waits_for=(CHANGE,), blocked_by=(2,), state="active"),
        session(4, holds=(), waits_for=(READ,), blocked_by=(3,), state="active"),
        session(5, holds=(), snapshot=True, transaction_seconds=900.0),
    )

    found = blockers(Live(sessions=chain), lock_seconds=2.0)

    assert [(one.session.pid, one.first) for one in found] == [(2, True), (1, True), (5, True), (3, False), (4, False)]
    assert [one.pid for one in found[0].held_up] == [3, 4]


def test_a_prepared_transaction_is_recognised_by_its_lock() -> None:
    mine = session(**{**PREPARED, "gid": "mine"}, holds=(WRITE,))
    reads = session(**{**PREPARED, "gid": "reads"}, holds=(READ,))
    elsewhere = session(**{**PREPARED, "gid": "elsewhere"}, holds=(("shop.items", "RowExclusiveLock"),))
    waiting = session(9, holds=(), waits_for=(("shop.orders", "ShareLock"),), blocked_by=(0,))

    found = blockers(Live(sessions=(mine, reads, elsewhere, waiting)), lock_seconds=2.0)

    assert {one.session.gid: len(one.held_up) for one in found if one.session.gid} == {
        "mine": 1,
        "reads": 0,
        "elsewhere": 0,
    }


def test_sessions_that_wait_in_a_circle_are_told_once() -> None:
    circle = Live(sessions=(session(1, blocked_by=(2,)), session(2, blocked_by=(1,)), session(3, blocked_by=(99,))))

    assert [len(one.held_up) for one in blockers(circle, lock_seconds=2.0)] == [1, 1, 0]
    assert words.tree(circle).count("pid 1") == 2 and words.tree(circle).count("(see above)") == 1
    assert "pid 3" in words.tree(circle)


# The table of the documentation: each mode with the modes that it conflicts with.
CONFLICTS = {
    Mode.ACCESS_SHARE: "8",
    Mode.ROW_SHARE: "78",
    Mode.ROW_EXCLUSIVE: "5678",
    Mode.SHARE_UPDATE_EXCLUSIVE: "45678",
    Mode.SHARE: "34678",
    Mode.SHARE_ROW_EXCLUSIVE: "345678",
    Mode.EXCLUSIVE: "2345678",
    Mode.ACCESS_EXCLUSIVE: "12345678",
}


@pytest.mark.parametrize(("mode", "others"), CONFLICTS.items(), ids=str)
def test_which_modes_conflict(mode: Mode, others: str) -> None:
    assert "".join(str(one.value) for one in Mode if mode.conflicts_with(one)) == others
    assert "".join(str(one.value) for one in Mode if one.conflicts_with(mode)) == others


# --- sentences -------------------------------------------------------------------------------------


def test_the_first_line_has_what_is_needed_at_three_in_the_morning() -> None:
    queued = session(8, holds=(), waits_for=(CHANGE,), blocked_by=(7,), state="active", application="deploy")
    found = health(session(transaction_seconds=863.0, state_seconds=843.0), queued)

    assert str(found) == (
        "shop: a change would be blocked now: pid 7 (app, web, from 10.0.0.5), idle in transaction for 14 min 3 s, "
        "begun 14 min 23 s ago, holds AccessShareLock on shop.orders; 1 more stands in the way"
    )
    assert found.findings[0] == (
        "pid 7 (app, web, from 10.0.0.5): idle in transaction for 14 min 3 s, begun 14 min 23 s ago (since 2026-11-25 "
        "13:40:12 UTC), holds AccessShareLock on shop.orders. Most of ALTER TABLE, and DROP and TRUNCATE, wait for it, "
        "and then everybody else behind them. 1 session waits for it already: pid 8. Its last query: SELECT ?. Next: "
        "ask whoever runs web as app at 10.0.0.5 to commit or roll back."
    )
    assert found.verdict == Verdict.ATTENTION
    text = found._repr_mimebundle_()["text/plain"]
    assert text.startswith("shop: a change would be blocked now: pid 7")
    assert (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE pid = 7 AND xact_start = '2026-11-25T13:40:12.123456Z';" in text
    )
    assert "Nothing here runs this." in " ".join(text.split())


ADVICE = {
    "active": (
        {"state": "active"},
        "ask whoever runs web as app at 10.0.0.5 whether it may be cancelled",
        "pg_cancel_backend",
    ),
    "without a name": (
        {"application": "", "user": "", "client": ""},
        "ask whoever runs pid 7 to commit",
        "pg_terminate_backend",
    ),
    "prepared": (PREPARED, "ask whoever coordinates transactions for app", "ROLLBACK PREPARED 'it''s';"),
    "waiting itself": (
        {"blocked_by": (8,), "waits_for": (CHANGE,)},
        "look at whom it waits for itself",
        "pg_terminate_backend",
    ),
    "a vacuum that must be": ({**AUTOVACUUM, "wraparound": True}, "let it end", ""),
    "an old snapshot": (
        {"holds": (), "snapshot": True},
        "keeps an old snapshot: CREATE INDEX CONCURRENTLY waits",
        "pg_terminate_backend",
    ),
    "a writer": ({"holds": (WRITE,)}, "CREATE INDEX, foreign keys and triggers wait", "pg_terminate_backend"),
    "a change": ({"holds": (CHANGE,)}, "Every schema change of it waits", "pg_terminate_backend"),
    "in the queue": ({"holds": (), "waits_for": (CHANGE,)}, "queues behind it", "pg_terminate_backend"),
}


@pytest.mark.parametrize(("changes", "said", "ends"), ADVICE.values(), ids=ADVICE)
def test_what_to_do(changes: dict[str, Any], said: str, ends: str) -> None:
    found = health(session(**changes))
    [one] = found.blockers

    assert said in words.blocker(one, found.live)
    sql = words.last_resort([one])
    assert (ends in sql) if ends else sql == ""


def test_many_blockers_are_counted_and_the_table_has_them_all() -> None:
    found = health(*(session(pid) for pid in range(1, 10)))

    assert len(found.findings) == 6
    assert found.findings[-1].startswith("4 more sessions would hold up a change as well")
    assert len(found.table().rows) == 9


def test_the_table_says_of_each_session_what_is_known() -> None:
    hidden, young = session(1, seen=False, transaction_seconds=None, holds=()), session(2, transaction_seconds=0.1)

    assert list(health(hidden, young, session(3)).to_frame()["what"]) == ["in the way", "not known", "harmless so far"]


def test_names_of_locks_the_strongest_first_and_no_index_beside_its_table() -> None:
    relations = {
        "shop.orders": LiveRelation(name="shop.orders", kind="table"),
        "shop.by_at": LiveRelation(name="shop.by_at", kind="index", parent="shop.orders"),
        "shop.alone": LiveRelation(name="shop.alone", kind="index", parent="shop.other"),
    }
    held = [("shop.by_at", "AccessShareLock"), READ, CHANGE, ("shop.alone", "AccessShareLock")]
    held += [(f"shop.t{number}", "AccessShareLock") for number in range(6)]

    said = words.holds(session(holds=tuple(held)), Live(relations=relations))

    assert said == (
        "AccessExclusiveLock on shop.orders; AccessShareLock on shop.alone, shop.orders, shop.t0, shop.t1 and 4 more"
    )


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_what_comes_from_the_database_is_escaped(name: str) -> None:
    found = health(
        session(application=name, user=name, query=name, holds=((name, "AccessShareLock"),)),
        session(**{**PREPARED, "gid": name, "user": name}),
        replicas=(
            Replica(name=name, client=name, state="streaming", synchronous=False, lag_bytes=0, lag_seconds=99.0),
        ),
        invalid=(InvalidIndex(name=name, table=name, definition=name),),
        relations={name: LiveRelation(name=name, kind="table", reads_now=1.0)},
        rights=Rights(role=name, not_owned=frozenset([name]), closed_schemas=(name,)),
        unseen=(name,),
    )

    views = [found.view(), found.waiting, found.tables, found.surroundings]

    assert "\n" not in str(found)
    for view in views:
        assert "<script" not in display.mimebundle(view)["text/html"]
        assert "\x1f" not in display.mimebundle(view)["text/plain"]
    assert json.loads(json.dumps(found.to_dict()))["sessions"][0]["application"] == name
    assert all(line.startswith(("--", "SELECT", "COMMIT", "ROLLBACK")) for line in _commands(found, name))


def _commands(found: Health, gid: str) -> list[str]:
    """The lines of the SQL that ends somebody; a line break in a literal stays one."""
    sql = words.last_resort(found.blockers).replace(literal(gid), "gid")
    return [line for line in sql.split("\n") if line]


# --- the rest --------------------------------------------------------------------------------------

VERDICTS = {
    "nobody is there": ({}, Verdict.OK, "nothing would block"),
    "something is hidden": ({"unseen": ("Hidden.",)}, Verdict.UNKNOWN, "is not known"),
    "it is a replica": ({"primary": False}, Verdict.ATTENTION, "1 thing needs attention"),
    "an index was left over": (
        {"invalid": (InvalidIndex(name="a.i", table="a.t"),)},
        Verdict.ATTENTION,
        "1 thing needs attention",
    ),
    "an index is being built": (
        {"invalid": (InvalidIndex(name="a.i", table="a.t", building_pid=5),)},
        Verdict.OK,
        "nothing would block",
    ),
    "two things at once": (
        {"primary": False, "synchronous": "*"},
        Verdict.ATTENTION,
        "2 things need attention",
    ),
    "commits wait for nobody": ({"synchronous": "*"}, Verdict.ATTENTION, "1 thing needs attention"),
    "the role does not own a table": (
        {"rights": Rights(role="app", not_owned=frozenset("a"))},
        Verdict.OK,
        "nothing would block",
    ),
}


@pytest.mark.parametrize(("changes", "verdict", "said"), VERDICTS.values(), ids=VERDICTS)
def test_verdicts(changes: dict[str, Any], verdict: Verdict, said: str) -> None:
    found = health(**changes)

    assert found.verdict == verdict
    assert said in str(found)


def standby(**changes: Any) -> Replica:
    """A standby that keeps up, unless something else is said."""
    values: dict[str, Any] = {
        "name": "standby", "client": "10.0.0.9", "state": "streaming", "synchronous": True, "lag_bytes": 0,
        "lag_seconds": None, **changes,
    }  # fmt: skip
    return Replica(**values)


REPLICAS = {
    "it keeps up": ("", (standby(),), None),
    "many bytes behind": ("", (standby(lag_bytes=2 * 1024**3),), "standby: streaming, 2 GiB behind"),
    "a long time behind": ("", (standby(lag_seconds=90.0),), "0 bytes, 1 min 30 s behind"),
    "a slot that nobody uses": (
        "",
        (standby(slot="s", state="inactive", lag_bytes=1024**4),),
        "slot s: nobody uses it, and it keeps 1 TiB of WAL",
    ),
    "a slot that is lost": (
        "",
        (standby(slot="s", state="inactive", wal_status="lost"),),
        "is lost: it must be made anew",
    ),
    "the one asked for is there": ("*", (standby(),), None),
    "it is not streaming yet": ("a, b", (standby(state="catchup"),), "asks for 1 replica (a, b), and 0 are there"),
    "one of two": (
        "FIRST 2 (a, b)",
        (standby(), standby(synchronous=False)),
        "asks for 2 replicas (FIRST 2 (a, b)), and 1 is there",
    ),
    "any one of two": ("any 1 (a, b)", (standby(),), None),
    "the old way to write it": ("2 (a, b)", (standby(),), "asks for 2 replicas"),
}


@pytest.mark.parametrize(("synchronous", "replicas", "said"), REPLICAS.values(), ids=REPLICAS)
def test_replicas(synchronous: str, replicas: tuple[Replica, ...], said: str | None) -> None:
    found = health(synchronous=synchronous, replicas=replicas)

    assert (said in " ".join(found.findings)) if said else found.findings == ()


DEFINITION = "CREATE UNIQUE INDEX i ON a.t USING btree (x)"
INDEXES = {
    "a failed build": (
        {"definition": DEFINITION},
        "failed CREATE INDEX",
        "DROP INDEX CONCURRENTLY a.i;\nCREATE UNIQUE INDEX CONCURRENTLY i ON a.t",
    ),
    "its table is locked": ({}, "failed CREATE INDEX", "REINDEX INDEX CONCURRENTLY a.i;"),
    "a failed rebuild": ({"name": "a.i_ccnew"}, "interrupted REINDEX", "DROP INDEX CONCURRENTLY a.i_ccnew;"),
    "a second one": ({"name": 'a."I_ccnew1"'}, "interrupted REINDEX", 'DROP INDEX CONCURRENTLY a."I_ccnew1";'),
    "what a rebuild left": ({"name": "a.i_ccold"}, "was to drop in the end", "DROP INDEX CONCURRENTLY a.i_ccold;"),
    "behind a constraint": (
        {"constraint": "i"},
        "failed CREATE INDEX",
        "REINDEX INDEX CONCURRENTLY a.i;  -- it stands behind a constraint",
    ),
    "of a partitioned table": ({"partitioned": True}, "is not on every partition", ""),
    "being built": ({"building_pid": 5}, "being built by pid 5", ""),
}


@pytest.mark.parametrize(("changes", "said", "sql"), INDEXES.values(), ids=INDEXES)
def test_invalid_indexes(changes: dict[str, Any], said: str, sql: str) -> None:
    one = InvalidIndex(**{"name": "a.i", "table": "a.t", **changes})

    assert said in words.invalid_index(one)
    assert words.index_sql([one]).startswith(sql) if sql else words.index_sql([one]) == ""


def test_notes_are_no_reason_for_attention() -> None:
    found = health(
        session(1, transaction_seconds=0.5),
        session(2, ours=True, application="alembic-ops health"),
        session(3, **AUTOVACUUM, progress="scanning heap, 42 % of the blocks"),
        session(**{**PREPARED, "holds": ()}),
        rights=Rights(role="app", not_owned=frozenset(["a.b"]), closed_schemas=("a",)),
        notes=("Some sizes are estimates.",),
    )

    assert found.findings == () and found.verdict == Verdict.OK
    said = " ".join(found.notes)
    for part in (
        "1 session with locks has been in a transaction for less than 2s",
        "A session of this toolkit, pid 2 (app, alembic-ops health",
        "pid 3 (autovacuum): running for 1 min (scanning heap, 42 % of the blocks), holds ShareUpdateExclusiveLock",
        "gives way to a change that has waited for 1 s",
        "prepared transaction 'it''s' of app: prepared 1 min ago. It has no lock",
        "The role app may not alter what it does not own: a.b.",
        "may create nothing in the schemas a.",
        "Some sizes are estimates.",
    ):
        assert part in said


def test_hot_and_large_tables_count_partitioned_ones_once() -> None:
    relations = [
        LiveRelation(name="a.log", kind="partitioned table", total_bytes=300, writes_now=9.0, reads_now=0.0),
        LiveRelation(name="a.log_1", kind="table", parent="a.log", total_bytes=300, writes_now=9.0, reads_now=0.0),
        LiveRelation(name="a.big", kind="table", total_bytes=9000, reads_now=0.0, writes_now=0.0),
        LiveRelation(name="a.hot", kind="table", total_bytes=10, reads_now=50.0, writes_now=1.0, estimated=True),
        LiveRelation(name="a.i", kind="index", parent="a.big", total_bytes=9999, reads_now=70.0),
        LiveRelation(name="a.f", kind="foreign table"),
    ]
    found = health(relations={one.name: one for one in relations}, counted_since="2026-01-01T00:00:00Z")

    assert [one.name for one in found.hottest] == ["a.hot", "a.log"]
    assert [one.name for one in found.largest] == ["a.big", "a.log", "a.hot"]
    text = found.tables._repr_mimebundle_()["text/plain"]
    assert "the mean is since 2026-01-01 00:00:00 UTC" in text and "≈ 10 bytes" in text
    assert [one["name"] for one in found.to_dict()["relations"]][:2] == ["a.i", "a.big"]


def test_the_data_is_what_the_contract_says_and_the_frame_has_columns() -> None:
    queued = session(8, holds=(), waits_for=(CHANGE,), blocked_by=(7,))
    data = health(session(), queued, invalid=(InvalidIndex(name="a.i", table="a.t"),), replicas=(standby(),)).to_dict()

    assert {"blockers", "sessions", "replicas", "invalid_indexes", "relations"} <= set(data)
    first = data["blockers"][0]
    assert (first["pid"], first["why"], first["held_up"]) == (7, "lock", [8])
    assert first["holds"] == [{"relation": "shop.orders", "mode": "AccessShareLock"}]
    assert first["next"].startswith("Next: ask") and "pg_terminate_backend" in first["to_end_it"]
    assert data["sessions"][1]["blocked_by"] == [7]
    assert data["invalid_indexes"][0]["sql"].startswith("REINDEX")
    assert list(health().to_frame().columns) == ["what", "who", "does", "holds", "behind", "query, without literals"]
    assert "no other session is in a transaction" in health().waiting._repr_mimebundle_()["text/plain"]


# fmt: off
DURATIONS = {
    "nothing": (0, "0 s"), "before": (-3, "0 s"), "a part": (0.36, "0.3 s"), "seconds": (9.99, "9.9 s"),
    "whole seconds": (59.9, "59 s"), "a minute": (60, "1 min"), "minutes": (843, "14 min 3 s"),
    "an hour": (3600, "1 h"), "hours": (7500, "2 h 5 min"), "days": (187_200, "2 d 4 h"), "a day": (86_400, "1 d"),
}
SIZES = {
    "nothing": (0, "0 bytes"), "one": (1, "1 byte"), "bytes": (1023, "1,023 bytes"), "a kibibyte": (1024, "1 KiB"),
    "pages": (8192 * 3, "24 KiB"), "a part": (1536, "1.5 KiB"), "nearly the next": (1024 * 1024 - 1, "1 MiB"),
    "hundreds": (512 * 1024**2, "512 MiB"), "large": (12.4 * 1024**3, "12.4 GiB"), "endless": (2**63, "8,192 PiB"),
}
# fmt: on


@pytest.mark.parametrize(("seconds", "said"), DURATIONS.values(), ids=DURATIONS)
def test_durations(seconds: float, said: str) -> None:
    assert display.duration(seconds) == said


@pytest.mark.parametrize(("count", "said"), {0: "0 rows", 1: "1 row", 2: "2 rows", 1234: "1,234 rows"}.items())
def test_a_number_and_its_noun(count: int, said: str) -> None:
    assert display.many(count, "row") == said


@pytest.mark.parametrize(("count", "said"), SIZES.values(), ids=SIZES)
def test_sizes(count: int, said: str) -> None:
    assert display.size(count) == said


# fmt: off
LIMITS = {
    "milliseconds": ("500ms", 0.5), "seconds": ("2s", 2.0), "minutes": ("5min", 300.0), "hours": ("1h", 3600.0),
    "none": ("0", 0.0),
}
# fmt: on


@pytest.mark.parametrize(("written", "seconds"), LIMITS.values(), ids=LIMITS)
def test_limits_in_seconds(written: str, seconds: float) -> None:
    assert Limits(lock_timeout=written).lock_seconds == seconds
