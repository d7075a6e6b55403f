"""The corpus is true: the servers do what it says, and both spellings and both ways end where it says."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy.exc import DBAPIError

from ops.catalog import Catalog, diff, snapshot
from tests.hazards import corpus, observer, spelling
from tests.hazards.copies import Copies

CASES = {case.id: case for case in corpus.cases()}
FOLDERS = sorted({case.folder.name for case in CASES.values()})
# Both spellings of every eighth row quickly, of all of them with the heavy tests.
SOME = [pytest.param(name, marks=pytest.mark.heavy if number % 8 else ()) for number, name in enumerate(FOLDERS)]


def of_major(major: int) -> list[object]:
    """The cases that an embedded server can run: it has no extensions. Further variants are for the heavy tests."""
    return [
        pytest.param(case, id=case.id, marks=pytest.mark.heavy if case.variant[-1].isdigit() else ())
        for case in CASES.values()
        if case.runs_on(major)
    ]


def of_folder(name: str, shops: Copies) -> list[corpus.Case]:
    """The cases of a folder that this server can run."""
    found = [case for case in CASES.values() if case.folder.name == name]
    return [case for case in found if case.runs_on(shops.major, shops.extensions)]


def check_observed(shops: Copies, case: corpus.Case) -> None:
    if not case.runs_on(shops.major, shops.extensions):
        pytest.skip(f"not for PostgreSQL {shops.major}, or not without {case.needs or 'another major'}")
    expected = observer.recorded(case, shops.major)
    if expected is None and shops.major not in (15, 16, 18):
        pytest.skip(f"nobody has observed PostgreSQL {shops.major} yet")

    if observer.leaves_nothing(case):
        lines, surprises = observer.observe(shops.opener(shops.shared()), case, undo=True)
    else:
        with shops.copy() as name:
            lines, surprises = observer.observe(shops.opener(name), case)

    assert surprises == []
    assert "\n".join(lines) == "\n".join(expected or ())


@pytest.mark.parametrize("case", of_major(18))
def test_a_file_does_what_was_recorded(shops: Copies, case: corpus.Case) -> None:
    check_observed(shops, case)


@pytest.mark.heavy
@pytest.mark.parametrize("case", of_major(16))
def test_it_does_so_on_16(shops16: Copies, case: corpus.Case) -> None:
    check_observed(shops16, case)


@pytest.mark.heavy
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_it_does_so_on_the_systems_server(system_shops: Copies, case: corpus.Case) -> None:
    check_observed(system_shops, case)


def catalog(shops: Copies, name: str) -> Catalog:
    with closing(shops.connect(name)) as connection:
        return snapshot.of_driver(connection)


def end_of_sql(shops: Copies, case: corpus.Case) -> Catalog:
    """The catalog after the SQL of a case."""
    name = shops.bare()
    observer.play(shops.opener(name), case)
    return catalog(shops, name)


def end_of_alembic(shops: Copies, case: corpus.Case, folder: Path) -> Catalog:
    """The catalog after Alembic's spelling of a case; it fails where the SQL does."""
    name = shops.bare()
    observer.play(shops.opener(name), case, setup_only=True)
    config = Config(spelling.write(case, folder))
    config.set_main_option("sqlalchemy.url", shops.server.url(name).replace("%", "%%"))
    refused = ""
    try:
        command.upgrade(config, "head")
    except DBAPIError as error:
        refused = error.orig.pgcode
    assert refused == next((step.fails_empty for step in case.steps if step.fails_empty), "")
    return catalog(shops, name)


def check_ends(shops: Copies, name: str, folder: Path) -> None:
    cases = of_folder(name, shops)

    ends = {case.id: end_of_sql(shops, case) for case in cases}
    spelled = {case.id: end_of_alembic(shops, case, folder / case.variant) for case in cases}

    for case in cases:
        assert diff(ends[case.id], spelled[case.id]) == (), f"{case.id}: Alembic ends elsewhere"
        if case.partner in ends:
            same = diff(ends[case.id], ends[case.partner]) == ()
            promised = all(one.ends_alike(shops.major) for one in (case, CASES[case.partner]))
            assert same == promised, f"{case.id} and {case.partner}"


@pytest.mark.parametrize("name", SOME)
def test_both_spellings_and_both_ways_end_the_same(shops: Copies, name: str, tmp_path: Path) -> None:
    check_ends(shops, name, tmp_path)


@pytest.mark.heavy
@pytest.mark.parametrize("name", FOLDERS)
def test_they_do_so_on_16(shops16: Copies, name: str, tmp_path: Path) -> None:
    check_ends(shops16, name, tmp_path)


@pytest.mark.heavy
@pytest.mark.parametrize("name", FOLDERS)
def test_they_do_so_on_the_systems_server(system_shops: Copies, name: str, tmp_path: Path) -> None:
    check_ends(system_shops, name, tmp_path)
