"""Rates: measured on synthetic rows of a table's own shape, kept, and shown by a plan; no real row leaves."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops import calibrate, display, embedded, estimate
from ops.calibrate import sample, shapes
from ops.database import connect
from ops.estimate.values import Column, Rate, Shape, Trial
from ops.ledger import foretold
from tests.database.conftest import Bench, SetUp
from tests.database.written import write

TABLE = """
CREATE TYPE mood AS ENUM ('glad', 'sad');
CREATE DOMAIN code AS varchar(12) CHECK (length(VALUE) > 1);
CREATE TABLE "Big one" (
    id bigint PRIMARY KEY, a integer, kind smallint, "the note" text, exact numeric(10, 2), how mood, short code,
    made timestamptz, day date, tags text[], doc jsonb, raw bytea, u uuid, ok boolean, fixed character(5), f real
);
INSERT INTO "Big one"
SELECT n, hashint4(n), n % 7, CASE WHEN n % 2 = 0 THEN repeat(md5(n::text), 4) END, n, 'sad', 'xy', now(), now(),
       ARRAY['p', 'q'], '{"secret": 1}', '\\x00', md5(n::text)::uuid, true, 'abc', n
FROM generate_series(1, 4000) n;
ANALYZE "Big one";
"""
NAME = 'public."Big one"'
TO_NUMBER = 'ALTER COLUMN "the note" TYPE integer USING "the note"::integer'
# fmt: off
TRIALS = {  #                       kind         detail                                             it can be tried
    "reading":                      ("scan",      "",                                                True),
    "a check":                      ("check",     "a > 3",                                           True),
    "a rewrite":                    ("alter",     "ADD COLUMN z double precision DEFAULT random()",  True),
    "another type":                 ("alter",     "ALTER COLUMN a TYPE bigint",                      True),
    "a cast of made-up values":     ("alter",     TO_NUMBER,                                         True),
    "an index":                     ("index",     'USING btree (a, lower("the note")) WHERE ok',     True),
    "a foreign key":                ("reference", "a",                                               True),
    "a function of the project's":  ("check",     "own(a)",                                          False),
}
# fmt: on


@pytest.fixture(autouse=True)
def few_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many as it takes to see that it works."""
    monkeypatch.setattr(sample, "ROWS", 3_000)


@pytest.fixture
def nothing_is_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """The table is, and what is done to it is over at once; here it counts all the same."""
    monkeypatch.setattr("ops.estimate.work.PAUSE_BYTES", 100_000)
    monkeypatch.setattr("ops.estimate.judge.SHORTEST", 0.0)
    monkeypatch.setattr("ops.locktimes.SHORTEST", 0.0)


@pytest.fixture(scope="module")
def bench(make_bench: SetUp) -> Bench:
    made = make_bench("linear")
    made.ask(TABLE)
    return made


def test_every_trial_on_every_type(bench: Bench, scratch_server: embedded.Server) -> None:
    trials = {name: Trial(kind=kind, relation=NAME, detail=detail) for name, (kind, detail, _) in TRIALS.items()}
    with connect(bench.target.settings, purpose="test") as connection:
        found = calibrate.rates(bench.home, scratch_server, connection, trials.values())
        again = calibrate.rates(bench.home, scratch_server, connection, trials.values())

    tried = {name: isinstance(found[trial], Rate) for name, trial in trials.items()}
    assert tried == {name: can for name, (_, _, can) in TRIALS.items()}
    assert "own" in str(found[trials["a function of the project's"]])
    assert again == found  # kept, with its day
    one = found[trials["an index"]]
    assert isinstance(one, Rate)
    assert (one.rows, one.server) == (3_000, "PostgreSQL 18")
    assert one.seconds > 0
    assert one.bytes > 0


def test_a_shape_is_what_the_statistics_say(bench: Bench) -> None:
    with connect(bench.target.settings, purpose="test") as connection:
        columns = {one.name: one for one in shapes.shapes(connection, [NAME])[NAME].columns}

    note = columns["the note"]
    assert (note.type, note.empty, note.sorted) == ("text", 0.5, False)
    assert 120 <= note.width <= 144
    assert columns["id"].sorted
    assert (columns["kind"].distinct, columns["short"].type) == (7.0, "character varying(12)")


# fmt: off
NUMBERS = {  #          so many of them at least
    "numeric(5,2)":     60_000,
    "numeric(6,0)":     60_000,
    "numeric(2,2)":     100,
    "numeric(3,5)":     1_000,
    "numeric(3,-2)":    1_000,
    "numeric(30,10)":   60_000,
    "numeric":          60_000,
}
# fmt: on


def test_made_up_numbers_fit_into_their_types(scratch_server: embedded.Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample, "ROWS", 100_000)  # as many digits as there are in a plan
    columns = tuple(Column(name=one, type=one, width=4, sorted=number % 2 == 0) for number, one in enumerate(NUMBERS))

    counts = ", ".join(f'count(DISTINCT "{one}")' for one in NUMBERS)
    with sample.sample(scratch_server, Shape(columns=columns), ()) as rows:
        rows.cursor.execute(f"SELECT {counts} FROM whole")
        found = dict(zip(NUMBERS, rows.cursor.fetchone(), strict=True))

    assert {one: number for one, number in found.items() if number < NUMBERS[one]} == {}


def test_a_table_that_is_gone_has_no_rate(bench: Bench, scratch_server: embedded.Server) -> None:
    trial = Trial(kind="scan", relation="public.gone")
    with connect(bench.target.settings, purpose="test") as connection:
        found = calibrate.rates(bench.home, scratch_server, connection, [trial])

    assert found == {trial: "public.gone is not there any more"}


def test_where_the_target_is_elsewhere_that_is_said(
    bench: Bench, scratch_server: embedded.Server, tmp_path: Path
) -> None:
    far = bench.target.settings.with_url("postgresql+psycopg2://me@db.example.org/shop")

    assert "on the same machine" in calibrate.distance(bench.target.settings, scratch_server)
    assert "db.example.org: its disk" in calibrate.distance(far, scratch_server)


@pytest.mark.usefixtures("nothing_is_small")
def test_a_plan_shows_ranges_sums_locks_and_rates(bench: Bench) -> None:
    write(bench, "op.execute('ALTER TABLE \"Big one\" ALTER a TYPE bigint')")

    plan = bench.target.plan("head", allow="not-committed")

    told = plan.to_dict()["estimates"]
    (one,) = [each for each in told["statements"] if each["seconds"]]
    assert one["seconds"]["high"] / one["seconds"]["low"] <= 4.0001
    assert {rate["trial"] for rate in told["rates"]} == {f"write anew {NAME}", f"build an index on {NAME}"}
    text = str(plan._repr_mimebundle_()["text/plain"])
    assert "In all, beside what it waits for locks" in text
    assert "Where the estimates come from" in text
    assert "ACCESS EXCLUSIVE: reads and writes wait" in text


@pytest.mark.usefixtures("nothing_is_small")
def test_a_run_sets_its_times_beside_the_estimates_and_shows_who_was_locked_out(bench: Bench) -> None:
    (revision,) = write(bench, "op.execute('ALTER TABLE \"Big one\" ALTER f TYPE double precision')")
    assert not foretold.table(bench.target.ledger().runs).rows  # as in every ledger from before there were estimates
    plan = bench.target.plan("head", allow="not-committed")

    dry_run = bench.target.upgrade("head")
    done = bench.target.upgrade("head", dry_run=False)

    assert dry_run.takes == estimate.total(plan.estimates.total)
    assert dry_run.takes in display.to_text(dry_run.view())
    told = bench.target.ledger()
    ((one,),) = [each.estimates for each in told.runs[0].revisions]
    assert one.sql == 'ALTER TABLE "Big one" ALTER f TYPE double precision'
    assert 0 < one.low < one.high
    assert one.seconds > 0
    shown = display.to_text(told.view())
    assert "How good past estimates were" in shown
    assert told.to_dict()["runs"][0]["revisions"][0]["estimates"][0]["low"] == one.low
    (picture,) = [block for block in done.view().blocks if isinstance(block, display.Timeline)]
    assert [lane.name for lane in picture.lanes] == ["statements", NAME]
    assert picture.lanes[1].bars[0].text == "ACCESS EXCLUSIVE: reads and writes wait"
    assert told.runs[0].revisions[0].revision == revision


def test_a_plan_of_small_tables_measures_nothing(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample, "sample", None)
    write(bench, "op.add_column('Big one', sa.Column('z', sa.Integer()))")

    plan = bench.target.plan("head", allow="not-committed")

    assert not plan.estimates.rates
    assert all(one.brief for one in plan.estimates.statements)
