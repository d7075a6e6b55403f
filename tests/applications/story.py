"""What happens to an application's database: looked at, planned, rehearsed, upgraded, compared; and what was found."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from ops import embedded, targets
from ops.drift import Drift
from ops.errors import MigrationError
from ops.plan import Plan
from ops.rehearsal import Rehearsal
from ops.status import Status
from ops.values import Verdict
from tests.applications.catalogue import Application
from tests.applications.environment import ask, python_with

Rows = Mapping[str, list[tuple[Any, ...]]]


@dataclass(frozen=True, kw_only=True)
class Place:
    """An application in an environment of its own, and a database for it."""

    application: Application
    version: str
    python: Path
    target: targets.Target
    url: str

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query, or nothing for a command; committed."""
        url = self.url.replace("+psycopg2", "")
        with closing(psycopg2.connect(url)) as connection, connection, connection.cursor() as cursor:
            cursor.execute(query)
            return cursor.fetchall() if cursor.description else []

    def survivors(self) -> Rows:
        """Return all the rows that were there before the first revision, as far as every revision has them."""
        return {table: self.ask(query) for table, query in self.application.survivors.items()}


@contextmanager
def placed(
    application: Application, server: embedded.Server, url: str, home: Path, patch: pytest.MonkeyPatch
) -> Iterator[Place]:
    """Yield an application with the tables that its history takes for granted."""
    name = application.requirements[0]
    python = python_with(name, application.requirements)
    packages, version = ask(
        python,
        "import sysconfig, importlib.metadata as m, sys\n"
        "print(sysconfig.get_path('purelib'), m.version(sys.stdin.read()))",
        name,
    ).split()
    patch.setenv("OPS_HOME", str(home))
    patch.setenv("APPLICATION_URL", url)
    for file, text in application.files.items():
        (home / file).write_text(text.replace("{packages}", packages), encoding="utf-8")
    section = {"url_env": "APPLICATION_URL", "protected": "false", "python": str(python), **application.section}
    if application.first:
        ask(python, application.first, url)
        dump = [server.bin_dir / "pg_dump", "--schema-only", f"--dbname={url.replace('+psycopg2', '')}"]
        subprocess.run([*dump, "--file", home / "first.sql"], check=True)
        section["baseline"] = "first.sql"
    lines = [f"{key} = {value.replace('{packages}', packages)}" for key, value in section.items()]
    (home / "ops.ini").write_text("[ops:target:application]\n" + "\n".join(lines) + "\n", encoding="utf-8")
    yield Place(application=application, version=version, python=python, target=targets.target("application"), url=url)


@dataclass(frozen=True, kw_only=True)
class Story:
    """What was found on the way."""

    version: str
    revisions: int
    plan: Plan
    rehearsal: Rehearsal
    drift: Drift


def told(place: Place) -> Story:
    """Go from an older revision, with rows, to the newest; whatever is ours to get right is asserted."""
    application, target = place.application, place.target

    start = target.status()

    assert (start.verdict, start.current, start.unknown) == (Verdict.OK, (), ())
    for revision in application.older:
        first = target.upgrade(revision, dry_run=False)
        assert first.verdict is Verdict.OK
    place.ask(application.rows)
    before, older = place.survivors(), target.status()
    assert older.current == tuple(sorted(application.older))

    plan = target.plan(application.to)
    rehearsal = target.rehearse(application.to)

    assert [one.revision for one in plan.route.steps] == [one.revision for one in rehearsal.route.steps]
    assert {one.revision for one in rehearsal.revisions} == set(older.pending)
    assert (target.status().current, place.survivors()) == (older.current, before), "the target was only read"

    if application.stops:
        _stops(target, rehearsal, application, before, place)
    else:
        _goes(target, start, older, application, before, place)
    return Story(
        version=place.version,
        revisions=len(start.pending),
        plan=plan,
        rehearsal=rehearsal,
        drift=target.compare(),
    )


def _stops(target: targets.Target, rehearsal: Rehearsal, application: Application, before: Rows, place: Place) -> None:
    """The upgrade fails where, and as, the rehearsal has said; and the rows are what they were."""
    assert application.stops is not None
    revision, why = application.stops
    (foretold,) = (one for one in rehearsal.revisions if one.revision == revision)
    assert foretold.up is False and why in foretold.error

    with pytest.raises(MigrationError) as caught:
        target.upgrade(application.to, dry_run=False)

    assert why in caught.value.problem and f"Revision {revision} was rolled back" in caught.value.problem
    assert place.survivors() == before


def _goes(
    target: targets.Target, start: Status, older: Status, application: Application, before: Rows, place: Place
) -> None:
    """The upgrade goes to its end, and the rows are what they were."""
    done = target.upgrade(application.to, dry_run=False)

    assert (done.verdict, done.current) == (Verdict.OK, start.heads)
    assert {one.revision for one in done.applied} == set(older.pending)
    assert place.survivors() == before
    end = target.status()
    assert (end.verdict, end.pending, end.edited, end.open_runs) == (Verdict.OK, (), (), ())


def environment_of(patch: pytest.MonkeyPatch, home: Path) -> None:
    """Scratch databases come from the server that runs already, in spite of a home of one's own."""
    patch.setenv("OPS_EMBEDDED_DIR", os.fspath(home / ".ops"))
