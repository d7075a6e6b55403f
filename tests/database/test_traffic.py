"""Traffic beside a migration: what it waits for, what goes wrong with it, and that it leaves no trace."""

from __future__ import annotations

import time
from contextlib import closing

import pytest

from ops.errors import UsageError
from ops.rehearsal import smoke, traffic
from tests.database.conftest import Bench, SetUp, until


@pytest.fixture(scope="module")
def shop(make_bench: SetUp) -> Bench:
    bench = make_bench("linear")
    bench.ask("CREATE TABLE item (id int PRIMARY KEY, name text); INSERT INTO item VALUES (1, 'a'), (2, 'b')")
    return bench


def test_the_longest_wait_is_known_for_the_period_in_which_it_began(shop: Bench) -> None:
    settings = shop.target.settings
    statements = traffic.read("SELECT * FROM item; UPDATE item SET name = 'x' WHERE id = 1;", settings)
    with traffic.running(statements, settings) as waits, closing(shop.connect()) as connection:
        cursor = connection.cursor()
        before = time.monotonic()
        cursor.execute("BEGIN; LOCK TABLE item IN ACCESS EXCLUSIVE MODE")
        until(lambda: (one := waits.longest(before)) and one.seconds > 0.3)
        during = waits.longest(before)
        cursor.execute("COMMIT")
        until(lambda: (one := waits.longest(before)) and one.began + one.seconds < time.monotonic() - 0.05)
        after = time.monotonic()
        whole, later, earlier = waits.longest(before), waits.longest(after + 60), waits.longest(0, before - 60)

    assert during is not None and during.seconds > 0.3
    assert whole is not None and whole.seconds >= during.seconds and whole.sql in statements
    assert (later, earlier) == (None, None)
    assert (waits.errors, waits.count > 2) == ((), True)
    assert shop.ask("SELECT name FROM item ORDER BY id") == [("a",), ("b",)], "what it wrote is rolled back"


def test_what_was_on_its_way_when_the_period_began_counts_from_then_on() -> None:
    met = traffic.Traffic(["SELECT 1"])
    met.begin("SELECT 1")
    time.sleep(0.02)
    begin = time.monotonic()
    time.sleep(0.05)

    assert met.longest(begin) is None, "it began before"
    running = met.longest(begin, since=begin - 60)
    met.end()
    over = met.longest(begin, since=begin - 60)

    assert running is not None and over is not None and over.began == running.began == begin
    assert 0.05 <= running.seconds <= over.seconds < met.waits[0].seconds
    assert met.longest(time.monotonic(), since=begin - 60) is None, "over before the period began"


def test_every_error_is_told_and_none_is_fatal(shop: Bench) -> None:
    statements = ("SELECT 1/0", "SELECT * FROM nowhere", "SELECT 1")
    with traffic.running(statements, shop.target.settings) as waits:
        until(lambda: waits.count >= 6)

    assert sorted(one.partition(" (")[0] for one in waits.errors) == [
        'SELECT * FROM nowhere: relation "nowhere" does not exist', "SELECT 1/0: division by zero",
    ]  # fmt: skip
    assert all(" times)" in one for one in waits.errors)


def test_a_connection_that_is_lost_is_opened_anew(shop: Bench) -> None:
    with traffic.running(("SELECT 1",), shop.target.settings) as waits:
        shop.ask(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND application_name = 'alembic-ops traffic'"
        )
        until(lambda: waits.errors)
        count = waits.count
        until(lambda: waits.count > count + 2)

    assert "connection" in waits.errors[0]
    until(lambda: not shop.ask("SELECT FROM pg_stat_activity WHERE application_name = 'alembic-ops traffic'"))


def test_what_still_waits_at_the_end_is_given_up(shop: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traffic, "_PATIENCE", 0.1)
    with closing(shop.connect()) as connection, connection.cursor() as cursor:
        cursor.execute("BEGIN; LOCK TABLE item IN ACCESS EXCLUSIVE MODE")
        with traffic.running(("SELECT * FROM item",), shop.target.settings) as waits:
            until(lambda: waits.longest())
        cursor.execute("ROLLBACK")

    assert waits.errors == ()


def test_no_traffic_is_no_session(shop: Bench) -> None:
    with traffic.running((), shop.target.settings) as waits:
        found = shop.ask("SELECT FROM pg_stat_activity WHERE application_name = 'alembic-ops traffic'")

    assert (found, waits.longest(), waits.errors, waits.count) == ([], None, (), 0)


def test_a_file_is_read_from_the_projects_folder(shop: Bench) -> None:
    (shop.project / "load.sql").write_text("SELECT 1; -- one\nSELECT ';';\n", encoding="utf-8")

    assert traffic.read(" load.sql ", shop.target.settings) == ("SELECT 1", "SELECT ';'")
    assert traffic.read("", shop.target.settings) == ()


WRONG = {
    "a file that is not there": ("none.sql", "cannot be read: No such file"),
    "no SQL": ("SELEC 1", "cannot read the traffic's SQL"),
    "its own transaction": ("BEGIN; SELECT 1; COMMIT", "begins or ends a transaction"),
}


@pytest.mark.parametrize(("text", "says"), WRONG.values(), ids=WRONG)
def test_what_is_no_traffic_is_refused_before_anything_runs(shop: Bench, text: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        traffic.read(text, shop.target.settings)


# -- a smoke test of SQL, which needs a server as well ------------------------------------------------------------

SMOKE = {  #                  the file                                                       passes, says
    "what holds":             ("SELECT 1 / (count(*) / 2) FROM item;",                       True,  "1"),
    "what does not":          ("SELECT 'first'; SELECT 1 / 0; SELECT 'never';",              False, "division by zero"),
    "a check that raises":    ("DO $$ BEGIN ASSERT false, 'not so'; END $$;",                False, "not so"),
    "a database of its own":  ("SELECT 1 / (current_database() ~ '^test_')::int;",           True,  "1"),
}  # fmt: skip


@pytest.mark.parametrize(("script", "passes", "says"), SMOKE.values(), ids=SMOKE)
def test_a_smoke_test_of_sql_ends_at_its_first_error(shop: Bench, script: str, passes: bool, says: str) -> None:
    (shop.project / "smoke.sql").write_text(script, encoding="utf-8")
    test = smoke.read("smoke.sql", shop.target.settings)
    assert test is not None

    found = test.run(shop.target.settings, shop.target.settings)

    assert (found.passed, says in found.output, "never" in found.output) == (passes, True, False)
