"""Applying what the notebook offers makes the difference go away: for whatever a lot of statements has made."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

import psycopg2
import pytest
from hypothesis import HealthCheck, Phase, event, given, settings

from ops import embedded
from ops.catalog import Catalog, diff
from ops.remedy import script
from tests.database import grammar
from tests.database.remedying import Copies, by_alembic, by_sql, copies_on, execute, go


@pytest.fixture(scope="module")
def copies(server: embedded.Server) -> Iterator[Copies]:
    made = copies_on(server)
    yield made
    made.end()


@pytest.fixture(scope="module")
def name(copies: Copies) -> str:
    made = copies.create()
    copies.run(made, "CREATE SCHEMA app")
    return made


def after(copies: Copies, name: str, statements: Sequence[str]) -> Catalog:
    """Run the statements that can be run, and return what the catalog is then."""
    with copies.connection(name) as connection:
        for one in statements:
            with contextlib.suppress(psycopg2.Error):
                execute(connection, one)
    return copies.read(name)


def comes_and_goes(copies: Copies, name: str, migrations: Sequence[str], by_hand: Sequence[str]) -> None:
    """Both offers: what brings live to its migrations, as SQL, and what adopts live, as a revision."""
    copies.run(name, grammar.ANEW)
    first = after(copies, name, migrations)
    second = after(copies, name, by_hand)
    back, there = script(diff(second, first), second, first), script(diff(first, second), first, second)
    assert (back.complete or back.why) and (there.complete or there.why)
    event(f"back: {back.complete}, there: {there.complete}")
    if back.complete:
        go(copies, name, second, first, by_sql)
    if there.complete:
        if not back.complete:
            copies.run(name, grammar.ANEW)
            assert after(copies, name, migrations).fingerprint == first.fingerprint
        go(copies, name, first, second, by_alembic)


USUAL = settings(
    deadline=None,
    database=None,
    derandomize=True,
    phases=(Phase.generate, Phase.shrink),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.filter_too_much],
)


@settings(USUAL, max_examples=8)
@given(migrations=grammar.STATEMENTS, by_hand=grammar.STATEMENTS)
def test_what_is_offered_makes_the_difference_go_away(
    copies: Copies, name: str, migrations: list[str], by_hand: list[str]
) -> None:
    comes_and_goes(copies, name, migrations, by_hand)


@pytest.mark.heavy
@pytest.mark.timeout(1800)
@settings(USUAL, max_examples=500)
@given(migrations=grammar.STATEMENTS, by_hand=grammar.STATEMENTS)
def test_what_is_offered_makes_it_go_away_many_times(
    copies: Copies, name: str, migrations: list[str], by_hand: list[str]
) -> None:
    comes_and_goes(copies, name, migrations, by_hand)
