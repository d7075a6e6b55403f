"""Projects that are broken: an error of ours says so, and the database is as it was, or where the error says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from ops import embedded, scratch, targets
from ops.errors import OpsError
from tests import cases
from tests.misuse import projects
from tests.misuse.fuzzing import forgetful

SOON = {
    "in UTF-16", "its revision is a word of Alembic's", "its revision is a number", "its error has no words",
    "its error is no exception's", "it says a password", "it writes to every descriptor", "env.py: empty",
    "it ends its own session",
}  # fmt: skip
"""Those that `make test` tries: one of every way in which something of ours could break as well."""


def rows(table: Mapping[str, tuple[projects.Files, str]]) -> list[Any]:
    heavy = pytest.mark.heavy
    return [pytest.param(*row, id=what, marks=() if what in SOON else heavy) for what, row in table.items()]


@pytest.fixture(scope="module")
def untouched(server: embedded.Server) -> Iterator[str]:
    """A database for all of them: nothing is ever changed in it."""
    with scratch.database_on(server, prefix="misuse") as url:
        yield url


def broken(folder: Path, files: projects.Files, url: str, patch: pytest.MonkeyPatch) -> targets.Target:
    """Return a target on a sound project with these files put over it."""
    project = cases.copy_to(cases.projects()["linear"], folder).rename(folder / "shop")
    for name, text in files.items():
        if text is None:
            (project / name).unlink()
        else:
            (project / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    (folder / "ops.ini").write_text(f"[ops:target:case]\nurl = {url}\nprotected = false\nconfig = shop/alembic.ini\n")
    patch.setenv("OPS_HOME", str(folder))
    return targets.target("case")


def ask(url: str, query: str) -> list[Any]:
    with closing(psycopg2.connect(url.replace("+psycopg2", ""))) as connection, connection.cursor() as cursor:
        cursor.execute(query)
        return [one for (one,) in cursor.fetchall()]


def refusal(error: OpsError, said: str) -> None:
    """Check the words of an error."""
    words = str(error)
    assert said in words
    assert error.next_step and projects.PLANTED not in words and "Traceback" not in words
    assert len(words) < 5000 and "OSError" not in words


@pytest.mark.parametrize(("files", "said"), rows({**projects.VERSION_FILES, **projects.PROJECTS}))
def test_nothing_runs(
    files: projects.Files, said: str, untouched: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with forgetful():
        target = broken(tmp_path, files, untouched, monkeypatch)

        with pytest.raises(OpsError) as raised:
            target.upgrade("head", dry_run=False)

        refusal(raised.value, said)
        assert raised.value.changed is False
        assert ask(untouched, "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace") == []


@pytest.mark.parametrize(("files", "said"), rows(projects.UPGRADES))
def test_what_ran_before_stays(
    files: projects.Files, said: str, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with forgetful():
        target = broken(tmp_path, files, database, monkeypatch)

        with pytest.raises(OpsError) as raised:
            target.upgrade("head", dry_run=False)

        refusal(raised.value, said)
        assert raised.value.changed is True
        assert ask(database, "SELECT version_num FROM alembic_version") == ["a10000000005"]
