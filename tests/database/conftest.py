"""A fixture project in a folder of its own, as a target on a database of its own."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from ops import embedded, scratch, targets
from tests import cases


@dataclass(frozen=True, kw_only=True)
class Bench:
    """One project under test: its files, its target, and a look at its database past both."""

    case: cases.Case
    home: Path
    project: Path
    url: str
    target: targets.Target

    def ask(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Return the rows of a query, or nothing for a command; committed."""
        with closing(self.connect()) as connection, connection.cursor() as cursor:
            cursor.execute(query, values or None)
            return cursor.fetchall() if cursor.description else []

    def connect(self) -> psycopg2.extensions.connection:
        """Return a connection of nobody's but the test's, in autocommit mode."""
        connection = psycopg2.connect(self.url.replace("+psycopg2", ""))
        connection.autocommit = True
        return connection

    @property
    def current(self) -> list[str]:
        """The version table's rows, sorted."""
        schema = self.case.expect.get("version_table_schema", "public")
        table = self.case.expect.get("version_table", "alembic_version")
        if self.ask("SELECT to_regclass(%s)", f"{schema}.{table}") == [(None,)]:
            return []
        return [one for (one,) in self.ask(f"SELECT version_num FROM {schema}.{table} ORDER BY 1")]

    @property
    def tables(self) -> list[str]:
        """The names of all tables but the version table, sorted."""
        found = self.ask(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace::regnamespace::text NOT LIKE ALL"
            " (ARRAY['pg\\_%%', 'information_schema', 'alembic_ops']) ORDER BY 1"
        )
        return [one for (one,) in found if one != self.case.expect.get("version_table", "alembic_version")]

    def version_file(self, revision: str) -> Path:
        """Return the file of a revision."""
        (found,) = (path for path in self.project.rglob("versions/*.py") if path.name.startswith(revision))
        return found


def until(condition: Callable[[], object], *, seconds: float = 180) -> None:
    """Return when the condition holds; a generous time without it is a failure.

    Most conditions ask a server over a connection of their own: whoever waits long asks seldom.
    """
    give_up, pause = time.monotonic() + seconds, 0.02
    while not condition():
        assert time.monotonic() < give_up, "this did not happen in time"
        time.sleep(pause)
        pause = min(pause * 1.5, 0.2)


def said_by(role: str, log: Path, begin: int) -> list[str]:
    """Return the statements of a role in a server's log, from a place in it on; `hurried` has its lines say who."""
    lines = log.read_bytes()[begin:].decode("utf-8", "replace").splitlines()
    return [one for one in lines if f" {role}@" in one and re.search(r"statement: |execute ", one)]


SetUp = Callable[..., Bench]


@pytest.fixture
def set_up(tmp_path: Path, database: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> SetUp:
    """Make a bench of a fixture project; keywords are further keys of the target's section."""
    return _maker(tmp_path, database, home, monkeypatch)


@pytest.fixture(scope="module")
def make_bench(tmp_path_factory: pytest.TempPathFactory, server: embedded.Server, home: Path) -> Iterator[SetUp]:
    """The same for all tests of a module, on one database."""
    with (
        scratch.database_on(server, prefix="test") as url,
        pytest.MonkeyPatch.context() as patch,
    ):
        yield _maker(tmp_path_factory.mktemp("bench"), url, home, patch)


def _maker(folder: Path, database: str, home: Path, patch: pytest.MonkeyPatch) -> SetUp:
    known = cases.projects()

    # Scratch databases on the server that runs already, in spite of a home of one's own.
    patch.setenv("OPS_EMBEDDED_DIR", str(home / ".ops"))

    def make(name: str, *, url: str = database, **keys: str) -> Bench:
        case = known[name]
        home = folder / name
        home.mkdir()
        project = cases.copy_to(case, home)
        section = {"protected": "false", **case.target, **keys}
        if "url_env" not in section:
            section["url"] = url
        for key in ("config", "cwd", "baseline"):
            if key in section:
                section[key] = f"{name}/{section[key]}"
        lines = ["[ops:target:case]", *(f"{key} = {value}" for key, value in section.items())]
        (home / "ops.ini").write_text("\n".join(lines) + "\n", encoding="utf-8")
        patch.setenv("OPS_HOME", str(home))
        bench = Bench(case=case, home=home, project=project, url=url, target=targets.target("case"))
        if "baseline" in section:  # what was there before the first revision
            bench.ask((home / section["baseline"]).read_text(encoding="utf-8"))
        return bench

    return make
