"""Applying what the notebook offers makes the difference go away: for whatever a lot of statements has made."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

import psycopg2
import pytest
from hypothesis import HealthCheck, Phase, event, given, settings
from hypothesis import strategies as st

from ops import embedded
from ops.catalog import Catalog, diff
from ops.remedy import script
from tests.database import grammar, mutations
from tests.database.mutations import MUTATIONS, PATH, Mutation
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


# -- several rows of the table of mutations at once ---------------------------------------------------

USABLE = [
    one
    for one in MUTATIONS
    if one.since <= 18 <= one.until
    and not (one.setup or one.alone or one.needs)
    and "UPDATE pg_" not in one.sql  # written past the server, to a version that nobody has
]
SEVERAL = st.lists(st.sampled_from(USABLE), min_size=2, max_size=6, unique_by=lambda one: one.id)


@pytest.fixture(scope="module")
def shop(copies: Copies) -> str:
    """The name of a database with all kinds of objects, which is copied."""
    name = copies.create()
    copies.run(name, mutations.ROLES, mutations.BASE)
    return name


class Spare:
    """A copy that is used again, as what was offered has cleaned it up."""

    def __init__(self, copies: Copies, template: str) -> None:
        self.copies, self.template, self.name = copies, template, ""
        self.beginning = copies.read(template)

    def take(self) -> str:
        """Return the name of a copy that is as the template; it counts as used up until it is given back."""
        name, self.name = self.name or self.copies.create(self.template), ""
        return name

    def give_back(self, name: str) -> None:
        """Have the next one use it."""
        self.name = name


@pytest.fixture(scope="module")
def spare(copies: Copies, shop: str) -> Spare:
    return Spare(copies, shop)


def several_come_and_go(spare: Spare, several: Sequence[Mutation]) -> str:
    """Both offers, of rows that meet each other: one that the others have made impossible is passed over."""
    copies, first, name = spare.copies, spare.beginning, spare.take()
    second = after(copies, name, [f"{PATH}; {one.sql}" for one in several])
    back, there = script(diff(second, first), second, first), script(diff(first, second), first, second)
    assert (back.complete or back.why) and (there.complete or there.why)
    if back.complete:
        go(copies, name, second, first, by_sql)
    elif there.complete:
        name = copies.create(spare.template)
    if there.complete:
        go(copies, name, first, second, by_alembic)
        if back.complete:
            go(copies, name, second, first, by_sql)
    if back.complete:
        spare.give_back(name)
    return f"back: {back.complete}, there: {there.complete}"


MET = {
    "a sequence behind a table made anew": (
        "ALTER TABLE customer REPLICA IDENTITY FULL",
        "ALTER TABLE customer RENAME TO client",
    ),
    "an identity behind a table made anew": (
        "ALTER TABLE item SET (fillfactor = 70)",
        "ALTER TABLE item RENAME TO article",
    ),
    "a partition of a table made anew": (
        "ALTER TABLE event ALTER what SET NOT NULL",
        "ALTER TABLE event RENAME TO happening",
    ),
    "a child that was let go of": ("ALTER TABLE thing ALTER n TYPE bigint", "ALTER TABLE book NO INHERIT thing"),
    "a column's grant to the new owner": (
        "GRANT UPDATE (name) ON customer TO boss",
        "ALTER TABLE customer OWNER TO boss",
    ),
    "and its parent renamed": ("ALTER TABLE book NO INHERIT thing", "ALTER TABLE thing RENAME TO matter"),
}
"""Rows that met each other badly once, by what they do."""


@pytest.mark.parametrize("met", MET.values(), ids=MET)
def test_what_met_badly_once(spare: Spare, met: tuple[str, ...]) -> None:
    by_sql = {one.sql: one for one in USABLE}

    assert several_come_and_go(spare, [by_sql[one] for one in met]).endswith("there: True")


@settings(USUAL, max_examples=10)
@given(several=SEVERAL)
def test_several_mutations_at_once_are_undone_and_adopted(spare: Spare, several: list[Mutation]) -> None:
    event(several_come_and_go(spare, several))


@pytest.mark.heavy
@pytest.mark.timeout(1800)
@settings(USUAL, max_examples=400)
@given(several=SEVERAL)
def test_several_mutations_at_once_many_times(spare: Spare, several: list[Mutation]) -> None:
    event(several_come_and_go(spare, several))
