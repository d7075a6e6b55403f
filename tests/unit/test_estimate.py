"""Times and room: what a statement has to do, and what rates and sizes make of it. No database."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from ops import commands, display, estimate
from ops.catalog import Catalog, Key
from ops.estimate.values import WIDTH, Estimates, Range, Rate, Trial
from ops.hazards.scene import Scene
from ops.live import Live, LiveRelation
from ops.statement import Lock, Mode, Statement

GIB = 1024**3
ROWS = 10_000_000
RATE = Rate(
    seconds=1e-6, wal=100.0, bytes=90.0, rows=100_000, heap_bytes=100_000 * 107, server="PostgreSQL 18",
    when="2026-11-28T10:00:00+00:00",
)  # fmt: skip
TEXTS = {
    Key("table", "public", "", "big"): "{}",
    Key("table", "public", "", "small"): "{}",
    Key("table", "public", "", "new"): "{}",
    Key("table", "public", "", "long"): "{}",
    Key("index", "public", "big", "by_a"): '{"definition" : "CREATE INDEX by_a ON public.big USING btree (a, b)"}',
    Key("primary key", "public", "big", "big_pkey"): '{"definition" : "PRIMARY KEY (id)"}',
    Key("check", "public", "big", "positive"): '{"definition" : "CHECK ((a > 0)) NOT VALID"}',
    Key("foreign key", "public", "big", "to_small"): (
        '{"definition" : "FOREIGN KEY (a) REFERENCES public.small(id) NOT VALID"}'
    ),
}
LIVE = Live(
    relations={
        "public.big": LiveRelation(
            name="public.big", kind="table", rows=ROWS, heap_bytes=GIB, index_bytes=GIB, total_bytes=2 * GIB
        ),
        "public.small": LiveRelation(
            name="public.small", kind="table", rows=100, heap_bytes=8192, index_bytes=8192, total_bytes=16384
        ),
        "public.long": LiveRelation(name="public.long", kind="table", rows=ROWS, heap_bytes=GIB, total_bytes=2 * GIB),
        "public.new": LiveRelation(name="public.new", kind="table", estimated=True),
    }
)
BIG, SMALL = ("public.big",), ("public.small",)


def _statement(sql: str, number: int = 1, **known: Any) -> Statement:
    return Statement(number=number, revision="a1", sql=sql, **{"transaction": 1, **known})


def _works(*statements: Statement) -> Mapping[int, Any]:
    catalog = Catalog(texts=TEXTS, database="d", server_version=180004)
    parsed = {one.number: commands.parse(one.sql) for one in statements}
    return estimate.works(statements, parsed, LIVE, catalog)


def _estimated(*statements: Statement, measured: Any = None, rate: Rate | str = RATE) -> Estimates:
    works = _works(*statements)
    rates = {trial: rate for work in works.values() for trial in work.trials}
    return estimate.estimate(statements, works, LIVE, rates, measured or {}, distance="Rates are ours.")


REWRITE, SCAN, BUILD = {"rewrites": BIG}, {"scans": BIG}, {"index_builds": ("public.i on public.big",)}
REBUILD = {**REWRITE, "index_builds": ("public.by_a on public.big", "public.big_pkey on public.big")}
FAILED = {"error": "no", "measured": False, "why": "it failed"}
TYPE = ("alter", "ALTER COLUMN a TYPE bigint")
UUID = "ADD COLUMN z uuid DEFAULT gen_random_uuid()"
COMPUTED = "ADD COLUMN z integer GENERATED ALWAYS AS (a + 1) STORED"
READ = ("scan", "")
# fmt: off
WORK = {  #                           what was measured, trials, and the statement
    "catalog only":                   ({}, [], "ALTER TABLE big ADD COLUMN z int"),
    "another type":                   (REWRITE, [TYPE], "ALTER TABLE big ALTER a TYPE bigint"),
    "a default for each row":         (REWRITE, [("alter", UUID)], f"ALTER TABLE big {UUID}"),
    "a column that is computed":      (REWRITE, [("alter", COMPUTED)], f"ALTER TABLE big {COMPUTED}"),
    "its indexes are built anew":     (REBUILD, [TYPE, ("index", "USING btree (a, b)"), ("index", "USING btree (id)")],
                                       "ALTER TABLE big ALTER a TYPE bigint"),
    "anew for another reason":        (REWRITE, [("rewrite", "")], "ALTER TABLE big SET LOGGED"),
    "NOT NULL":                       (SCAN, [READ], "ALTER TABLE big ALTER a SET NOT NULL"),
    "a check":                        (SCAN, [("check", "a > 0")], "ALTER TABLE big ADD CHECK (a > 0)"),
    "a check that was there":         (SCAN, [("check", "a > 0")], "ALTER TABLE big VALIDATE CONSTRAINT positive"),
    "a foreign key reads both sides": ({"scans": BIG + SMALL}, [("reference", "a"), READ],
                                       "ALTER TABLE big ADD FOREIGN KEY (a) REFERENCES small"),
    "a foreign key that was there":   (SCAN, [("reference", "a")], "ALTER TABLE big VALIDATE CONSTRAINT to_small"),
    "an index":                       (BUILD | SCAN, [("index", "USING btree ((lower(b))) WHERE a > 0")],
                                       "CREATE INDEX i ON big (lower(b)) WHERE a > 0"),
    "an index beside writers":        (BUILD | SCAN | {"transaction": 0}, [("index", "USING btree (a)"), READ],
                                       "CREATE INDEX CONCURRENTLY i ON big (a)"),
    "a row put in":                   ({}, [], "INSERT INTO big (a, b) VALUES (1, now())"),
    "a small table":                  ({"rewrites": SMALL}, [], "ALTER TABLE small ALTER a TYPE bigint"),
}
UNKNOWN = {  #      what was measured, why, and the statement
    "rows decide":  ({}, "decided by its rows", "UPDATE big SET a = 1"),
    "code":         ({}, "runs code", "DO $$ BEGIN END $$"),
    "it failed":    (FAILED, "not measured", "ALTER TABLE big ALTER a TYPE bigint"),
    "long values":  ({"rewrites": ("public.long",)}, "TOAST", "ALTER TABLE long ALTER a TYPE bigint"),
    "never counted": ({"rewrites": ("public.new",)}, "ANALYZE", "ALTER TABLE new ALTER a TYPE bigint"),
}
# fmt: on


@pytest.mark.parametrize(("known", "trials", "sql"), WORK.values(), ids=WORK)
def test_what_a_statement_has_to_do(known: dict[str, Any], trials: list[tuple[str, str]], sql: str) -> None:
    work = _works(_statement(sql, **known))[1]

    assert not work.why
    assert [(one.kind, one.detail) for one in work.trials] == trials
    assert work.is_brief == (not trials)


@pytest.mark.parametrize(("known", "why", "sql"), UNKNOWN.values(), ids=UNKNOWN)
def test_what_cannot_be_estimated_has_no_figure_and_says_why(known: dict[str, Any], why: str, sql: str) -> None:
    (one,) = _estimated(_statement(sql, **known)).statements

    assert one.seconds is None
    assert not one.brief
    assert why in one.why


def test_rows_that_come_with_the_plan_are_nobodys_to_count() -> None:
    made = _statement("CREATE TABLE copied (a int)", 1)
    filled = _statement("INSERT INTO copied SELECT a FROM big", 2)
    built = _statement("CREATE INDEX ON copied (a)", 3)

    empty, full = _works(made, built), _works(made, filled, built)

    assert empty[3].is_brief
    assert "comes with the plan" in full[3].why


def test_an_index_that_came_with_the_plan_is_built_anew_like_any_other() -> None:
    key = _statement("ALTER TABLE big ADD UNIQUE (b, a)", 1, index_builds=("public.big_b_a_key on public.big",))
    build = _statement("CREATE INDEX i ON big USING hash (a)", 2, index_builds=("public.i on public.big",))
    again = ("public.big_b_a_key on public.big", "public.i on public.big", "public.big_pkey on public.big")
    rewrite = _statement("ALTER TABLE big ALTER c TYPE bigint", 3, rewrites=BIG, index_builds=again)

    details = [one.detail for one in _works(key, build, rewrite)[3].trials if one.kind == "index"]

    assert details == ["USING btree (b, a)", "USING hash (a)", "USING btree (id)"]


def test_a_range_is_a_rate_times_the_rows_and_four_times_as_wide_as_it_is_low() -> None:
    (one,) = _estimated(_statement("ALTER TABLE big ALTER a TYPE bigint", rewrites=BIG)).statements

    assert one.seconds is not None
    assert ROWS * RATE.seconds in one.seconds
    assert one.seconds.high / one.seconds.low == pytest.approx(WIDTH)
    assert ROWS * RATE.wal in one.wal
    assert ROWS * RATE.bytes in one.disk


def test_where_the_count_is_out_of_date_the_size_tells() -> None:
    live = Live(relations={"public.big": LiveRelation(name="public.big", kind="table", rows=5, heap_bytes=107_000_000)})
    trial = Trial(kind="rewrite", relation="public.big")
    one = _statement("ALTER TABLE big SET LOGGED", rewrites=BIG)

    works = _works(one)
    (found,) = estimate.estimate([one], works, live, {trial: RATE}, {}).statements

    assert found.seconds is not None
    assert 1_000_000 * RATE.seconds in found.seconds


def test_a_rehearsal_counts_more_than_rates_and_its_day_is_told() -> None:
    found = _estimated(_statement("UPDATE big SET a = 1"), measured={1: (30.0, 5 * GIB, "2026-11-28T10:00:00+00:00")})
    (one,) = found.statements

    assert one.seconds == Range(low=15.0, high=60.0)
    assert 5 * GIB in one.wal
    assert estimate.words(one) == ("15 s to 1 min", "as rehearsed")


def test_a_trial_that_failed_is_told_and_nothing_is_guessed() -> None:
    found = _estimated(_statement("ALTER TABLE big ALTER a TYPE bigint", rewrites=BIG), rate="no such type")

    assert found.statements[0].why == "no such type"
    assert found.total.unknown == (1,)
    shown = display.to_text(_view(found))
    assert "nobody can tell of statement 1" in shown
    assert "no such type" in shown


def test_a_lock_is_held_to_the_end_of_its_transaction() -> None:
    exclusive = Lock(relation="public.big", kind="table", mode=Mode.ACCESS_EXCLUSIVE)
    share = Lock(relation="public.big", kind="table", mode=Mode.SHARE)
    found = _estimated(
        _statement("CREATE INDEX i ON big (a)", 1, locks=(share,), index_builds=("public.i on public.big",)),
        _statement("ALTER TABLE big ALTER a TYPE bigint", 2, locks=(exclusive,), rewrites=BIG),
        _statement("ALTER TABLE small ADD z int", 3),
        _statement("ALTER TABLE big ADD z int", 4, locks=(exclusive,), transaction=2),
    )

    spans = [(one.mode, one.first, one.last, one.total.brief) for one in found.held]
    assert spans == [
        (Mode.SHARE, 1, 3, 1),
        (Mode.ACCESS_EXCLUSIVE, 2, 3, 1),
        (Mode.ACCESS_EXCLUSIVE, 4, 4, 1),
    ]
    assert found.held[0].total.seconds == found.total.seconds
    assert found.held[1].total.seconds == found.statements[1].seconds


def test_what_a_rewrite_replaces_goes_when_its_transaction_ends() -> None:
    def rewrite(number: int, transaction: int) -> Statement:
        return _statement("ALTER TABLE big ALTER a TYPE bigint", number, rewrites=BIG, transaction=transaction)

    apart, together = _estimated(rewrite(1, 1), rewrite(2, 2)), _estimated(rewrite(1, 1), rewrite(2, 1))

    assert together.disk.high == pytest.approx(2 * apart.disk.high)
    assert together.wal == apart.wal


def _view(found: Estimates) -> display.View:
    return display.View(title="", blocks=tuple(estimate.blocks(found, ())))


COLUMNS = {
    Key("column", "public", "big", "name"): '{"type" : "character varying(50)"}',
    Key("column", "public", "big", "code"): '{"type" : "text", "collation" : "\\"C\\""}',
    Key("column", "public", "big", "title"): '{"type" : "text", "collation" : "\\"de-x-icu\\""}',
    Key("column", "public", "big", "a"): '{"type" : "integer"}',
}
# fmt: off
SORTED = {  # what an index is on, the database's collation, whose order is not that of its bytes
    "a text of a language":                 ("(name, a)",   "en_US.UTF-8", "public.big.name"),
    "a text of bytes":                      ("(name, a)",   "C.UTF-8",     ""),
    "another text of bytes":                ("(name, a)",   "POSIX",       ""),
    "a number":                             ("(a)",         "en_US.UTF-8", ""),
    "a text with an order of its own":      ("(code)",      "en_US.UTF-8", ""),
    "a text with a language of its own":    ("(lower(title))", "C",        "public.big.title"),
}
# fmt: on


@pytest.mark.parametrize(("keys", "collation", "named"), SORTED.values(), ids=SORTED)
def test_texts_that_a_language_sorts_are_told(keys: str, collation: str, named: str) -> None:
    trial = Trial(kind="index", relation="public.big", detail=f"USING btree {keys}")

    said = estimate.sorting([trial], Catalog(texts=COLUMNS, database="d", server_version=180004), collation)

    assert said.partition(":")[0] == named
    assert estimate.sorting([], Catalog(texts=COLUMNS, database="d", server_version=180004), collation) == ""


def test_the_work_of_a_long_plan_goes_through_its_statements_a_few_times(monkeypatch: pytest.MonkeyPatch) -> None:
    many = 500
    made = _statement("CREATE TABLE public.fresh (id integer)", created=("public.fresh",))
    added = (f"ALTER TABLE public.fresh ADD COLUMN c{number} text" for number in range(2, many))
    plan = (made, *(_statement(sql, number) for number, sql in enumerate(added, 2)))
    filled = _statement("INSERT INTO public.fresh SELECT FROM public.big", many)
    asked: list[int] = []
    of = Scene.of
    monkeypatch.setattr(Scene, "of", lambda self, one: (asked.append(one.number), of(self, one))[1])

    works = _works(*plan, filled, _statement("ALTER TABLE public.fresh ADD COLUMN last text", many + 1))

    assert all(works[one.number].is_small for one in plan)
    assert "rows that nobody has counted" in works[many + 1].why
    assert len(asked) < 10 * many
