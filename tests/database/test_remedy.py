"""Every remedy is run: there, and back, as SQL and as Alembic operations, on real servers."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

import psycopg2
import pytest

from ops import embedded
from ops.catalog import diff
from ops.catalog.queries import KINDS
from ops.remedy import script
from tests.database import mutations
from tests.database import remedy_cases as cases
from tests.database.remedying import Copies, by_alembic, by_sql, copies_on, go

pytestmark = pytest.mark.timeout(120)


def every_fourth(found: Mapping[str, Any]) -> list[Any]:
    """Return the rows of a table as parameters, of which three of four are heavy: its neighbours are of one kind."""
    rows = enumerate(found.items())
    return [pytest.param(row, id=name, marks=pytest.mark.heavy if number % 4 else ()) for number, (name, row) in rows]


@pytest.fixture(scope="module")
def copies(server: embedded.Server) -> Iterator[Copies]:
    made = copies_on(server)
    yield made
    made.end()


@pytest.fixture(scope="module")
def base(copies: Copies) -> str:
    name = copies.create()
    copies.run(name, *cases.BASE)
    return name


@pytest.fixture(scope="module")
def void(copies: Copies) -> str:
    return copies.create()


@pytest.fixture
def blank(copies: Copies, void: str) -> Iterator[str]:
    """An empty database."""
    yield from borrowed(copies, void)


@pytest.fixture
def name(copies: Copies, base: str) -> Iterator[str]:
    """A database to work on."""
    yield from borrowed(copies, base)


def borrowed(copies: Copies, base: str) -> Iterator[str]:
    """A copy that is used again, as the remedies themselves clean it up; where that fails, the next one is new."""
    if base not in copies.catalogs:
        copies.catalogs[base] = copies.read(base)
    beginning, spare = copies.catalogs[base], copies.spare.setdefault(base, [])
    name = spare.pop() if spare else copies.create(base)
    copies.states[name] = beginning
    yield name
    with contextlib.suppress(AssertionError, psycopg2.Error):
        now = copies.states[name]
        by_sql(copies, name, script(diff(now, beginning), now, beginning))
        if now is beginning or (name not in copies.spoiled and copies.read(name).fingerprint == beginning.fingerprint):
            spare.append(name)


@pytest.mark.parametrize("case", every_fourth(cases.CASES))
def test_there_and_back(copies: Copies, name: str, case: cases.Case) -> None:
    first = copies.after(name, *case.setup)
    before = copies.create(name) if case.back is not None and case.impossible is None else None
    second = copies.after(name, *case.mutation)
    assert diff(first, second)

    for reason, one, other in ((case.impossible, first, second), (case.back, second, first)):
        if reason is not None:
            remedy = script(diff(one, other), one, other)
            assert not remedy.complete
            assert reason in remedy.why
    if before is not None:
        go(copies, before, first, second, by_alembic)
    elif case.back is None:
        for apply in (by_sql, by_alembic):
            go(copies, name, second, first, apply)
            if case.impossible is None:
                go(copies, name, first, second, apply)


@pytest.mark.parametrize("hostile", cases.HOSTILE, ids=ascii)
def test_all_kinds_by_hostile_names(copies: Copies, blank: str, hostile: str) -> None:
    empty = copies.states[blank]
    full = copies.after(blank, *cases.everything(hostile))
    missing = set(KINDS) - {key.kind for key in full.texts}
    assert not missing

    for apply in (by_sql, by_alembic):
        go(copies, blank, full, empty, apply)
        go(copies, blank, empty, full, apply)


def test_all_kinds_on_an_older_server(server16: embedded.Server) -> None:
    copies = copies_on(server16)
    try:
        name = copies.create()
        empty = copies.read(name)
        copies.run(name, *cases.everything("it's"), *cases.BASE)
        full = copies.read(name)

        for apply in (by_sql, by_alembic):
            go(copies, name, full, empty, apply)
            go(copies, name, empty, full, apply)
    finally:
        copies.end()


@pytest.fixture(scope="module")
def shop(copies: Copies) -> str:
    name = copies.create()
    copies.run(name, mutations.ROLES, mutations.BASE, "RESET search_path")
    return name


@pytest.fixture
def shop_name(copies: Copies, shop: str) -> Iterator[str]:
    yield from borrowed(copies, shop)


VALIDITY = "left so by a build that failed"
# Why one cannot get there, and why one cannot get back.
NOT_DOABLE = {
    "enum: a label added": (None, "removes a label"),
    "extension: its version changed": ("nobody has that version", "nobody has that version"),
    "foreign server: created; what is secret is not shown": ("holds no secrets", None),
    "index validity: lost": (VALIDITY, None),
    "index validity: lost behind a constraint": (VALIDITY, None),
    "index validity: of an index that is dropped": (None, VALIDITY),
    "index validity: won": (None, VALIDITY),
    "inheritance: taken away": (None, "keeps its columns as its own"),
    "partition: another key": ("partition key", "partition key"),
    "table: renamed and changed at once is another table": (None, "keeps its columns as its own"),
}
EXTENSIONS = ("plpgsql", "vector")
DIFFERENT = [one for one in mutations.MUTATIONS if one.expected and one.since <= 18 <= one.until and not one.alone]


# Both ways of every row take a minute; a part of the table quickly, the whole of it with the heavy tests.
EVERY = 10


@pytest.mark.parametrize(
    "mutation",
    [
        pytest.param(one, id=one.id, marks=pytest.mark.heavy if number % EVERY else ())
        for number, one in enumerate(DIFFERENT)
    ],
)
def test_mutations(copies: Copies, shop_name: str, mutation: mutations.Mutation) -> None:
    if mutation.needs and mutation.needs not in EXTENSIONS:
        pytest.skip(f"the embedded server has no {mutation.needs}")
    setup = (mutations.PATH, mutation.setup, "RESET search_path") if mutation.setup else ()
    first = copies.after(shop_name, *setup)
    second = copies.after(shop_name, mutations.PATH, mutation.sql, "RESET search_path")
    if "ACCESS METHOD" in mutation.setup + mutation.sql:
        copies.spoiled.add(shop_name)
    there, back = NOT_DOABLE.get(mutation.id, (None, None))
    if there and "version" in there:
        pytest.skip(there)

    for reason, one, other in ((there, first, second), (back, second, first)):
        if reason is not None:
            remedy = script(diff(one, other), one, other)
            assert not remedy.complete
            assert reason in remedy.why
    if back is None:
        go(copies, shop_name, second, first, by_sql)
        if there is None:
            go(copies, shop_name, first, second, by_alembic)
