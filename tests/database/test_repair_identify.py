"""Which revision is this schema really? Every place of a history is known again, whatever the version table says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import psycopg2
import pytest

import ops
from ops import embedded, scratch
from ops.errors import RefusedError
from ops.repair import Finding
from ops.values import Verdict
from tests.database import histories
from tests.database.histories import SAME, STEPS, name_of

EMPTY = """
    DROP SCHEMA IF EXISTS alembic_ops CASCADE; DROP SCHEMA public CASCADE;
    CREATE SCHEMA public AUTHORIZATION pg_database_owner; GRANT USAGE ON SCHEMA public TO PUBLIC;
    COMMENT ON SCHEMA public IS 'standard public schema'
"""
HAND_MADE = "ALTER TABLE author ADD COLUMN by_hand integer"
FEW = (3, 6, 14, 20, 30)
"""The numbers of revisions that are tried in every run of the tests; the others are heavy."""

WAYS = (("unknown-revision", ("feedbeef0000",)), ("no-version", ("",)), ("no-version", ()))
"""The case, and the rows of the version table: a wrong one, none, and no table at all."""

NUMBERS = [number if number in FEW else pytest.param(number, marks=pytest.mark.heavy) for number in range(1, 31)]


@dataclass(frozen=True, kw_only=True)
class Library:
    """One project on one database that is put at any of its revisions."""

    folder: Path
    versions: Path
    url: str
    target: ops.targets.Target

    def ask(self, sql: str) -> list[tuple[object, ...]]:
        with closing(psycopg2.connect(self.url)) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(sql)
                return cursor.fetchall() if cursor.description else []

    def put(self, count: int, *rows: str, hand_made: bool = False) -> None:
        """Have the schema behind so many revisions, and these rows in the version table; no table without `rows`."""
        self.ask(EMPTY)
        if count:
            self.ask(";".join(STEPS[:count]))
        if hand_made:
            self.ask(HAND_MADE)
        if rows:
            self.ask("CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY)")
            self.ask(f"INSERT INTO alembic_version SELECT one FROM unnest(ARRAY{list(rows)}) AS one WHERE one <> ''")

    @property
    def current(self) -> list[str]:
        return [str(one) for (one,) in self.ask("SELECT version_num FROM alembic_version ORDER BY 1")]


@pytest.fixture(scope="module")
def make_library(
    tmp_path_factory: pytest.TempPathFactory, server: embedded.Server, home: Path
) -> Iterator[Callable[[], Library]]:
    with scratch.database_on(server, prefix="test") as url, pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPS_EMBEDDED_DIR", str(home / ".ops"))

        def make() -> Library:
            folder = tmp_path_factory.mktemp("library")
            versions = histories.write(folder)
            (folder / "ops.ini").write_text(f"[ops:target:library]\nurl = {url}\nprotected = false\n", encoding="utf-8")
            patch.setenv("OPS_HOME", str(folder))
            return Library(
                folder=folder, versions=versions, url=url.replace("+psycopg2", ""), target=ops.target("library")
            )

        yield make


@pytest.fixture(scope="module")
def library(make_library: Callable[[], Library]) -> Library:
    """The project that no test changes, so that its history is replayed once."""
    return make_library()


def only(library: Library, case: str = "") -> Finding:
    found = library.target.repair(case)
    [finding] = [one for one in found.findings if one.counts]
    assert found.verdict is Verdict.ATTENTION
    return finding


def names(finding: Finding) -> list[str]:
    return [one["name"] for one in finding.details["candidates"]]


@pytest.mark.parametrize("number", NUMBERS)
def test_a_wrong_or_missing_version_is_found_out(library: Library, number: int) -> None:
    same = {name_of(one) for one in (number, SAME.get(number, number))}
    same |= {name_of(one) for one, below in SAME.items() if below == number}

    for case, rows in WAYS if number not in FEW else WAYS[number % 3 :][:1]:
        library.put(number, *rows)
        finding = only(library, case)

        assert set(names(finding)) == same and all(one["equal"] for one in finding.details["candidates"])
        assert (finding.choices == ()) == (len(same) == 1)


@pytest.mark.parametrize("number", NUMBERS)
def test_with_a_change_by_hand_the_right_revision_is_the_nearest(library: Library, number: int) -> None:
    library.put(number, "feedbeef0000", hand_made=True)

    finding = only(library, "unknown-revision")

    nearest = finding.details["candidates"][0]
    same = {number, SAME.get(number, number), *(one for one, below in SAME.items() if below == number)}
    assert nearest["name"] in {name_of(one) for one in same} and not nearest["equal"]
    assert nearest["differences"] == [{"action": "added", "kind": "column", "object": "public.author.by_hand"}]
    assert len(finding.choices) == 3


def test_the_one_revision_that_fits_is_stamped(library: Library) -> None:
    library.put(14, "feedbeef0000")

    done = library.target.repair("unknown-revision", dry_run=False)

    assert (done.verdict, library.current) == (Verdict.OK, [name_of(14)])
    assert done.findings[0].done and library.target.repair().verdict is Verdict.OK
    assert library.target.ledger().runs[0].wanted == (name_of(14),)


def test_where_several_fit_somebody_chooses(library: Library) -> None:
    library.put(6, "feedbeef0000")

    with pytest.raises(RefusedError, match="has to be chosen: s006, s005"):
        library.target.repair("unknown-revision", dry_run=False)
    with pytest.raises(RefusedError, match="not among"):
        library.target.repair("unknown-revision:s030", dry_run=False)
    assert library.current == ["feedbeef0000"]
    library.target.repair("unknown-revision:s005", dry_run=False)

    assert library.current == [name_of(5)]


def test_a_look_and_a_dry_run_change_nothing(library: Library) -> None:
    library.put(20)

    for case in ("", "no-version"):
        assert only(library, case).offered.startswith("stamp s020")

    assert library.ask("SELECT to_regclass('alembic_version')") == [(None,)]
    library.target.repair("no-version", dry_run=False)
    assert library.current == [name_of(20)]


def test_the_file_is_found_in_git_on_whatever_branch(make_library: Callable[[], Library]) -> None:
    library = make_library()
    histories.git(library.folder, "init", "--quiet")
    histories.git(library.folder, "add", "migrations")
    histories.git(library.folder, "commit", "--quiet", "-m", "history")
    histories.git(library.folder, "checkout", "--quiet", "-b", "feature")
    file = library.versions / "x031.py"
    file.write_text(histories.revision("x031", name_of(30), "CREATE TABLE extra (id integer)"), encoding="utf-8")
    histories.git(library.folder, "add", "migrations")
    histories.git(library.folder, "commit", "--quiet", "-m", "extra")
    histories.git(library.folder, "checkout", "--quiet", "main")
    library.put(30, "x031")
    library.ask("CREATE TABLE extra (id integer)")

    finding = only(library, "unknown-revision")

    [lost] = finding.details["lost"]
    assert (lost["revision"], lost["path"], lost["branches"]) == ("x031", "migrations/versions/x031.py", ["feature"])
    assert names(finding)[0] == name_of(30) and finding.choices  # nothing is stamped unasked: it lacks the table
    [command] = [block.text for block in finding.evidence if getattr(block, "language", "") == "shell"]
    histories.git(library.folder, *command.split()[1:])
    assert library.target.repair().verdict is Verdict.OK
