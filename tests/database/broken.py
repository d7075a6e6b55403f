"""Projects and databases, each broken in one way that `90-repair` has a case for."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import psycopg2
import pytest

import ops
from tests.database import histories
from tests.database.conftest import until
from tests.database.histories import STEPS, git, name_of, revision


@dataclass(frozen=True, kw_only=True)
class Patient:
    """A project and its database, at head of the first steps of the library's history."""

    home: Path
    versions: Path
    url: str

    @property
    def target(self) -> ops.targets.Target:
        """The target, which is not protected."""
        return ops.target("library")

    def ask(self, sql: str) -> list[tuple[object, ...]]:
        """Return the rows of a query; committed."""
        with closing(psycopg2.connect(self.url)) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(sql)
                return cursor.fetchall() if cursor.description else []


def patient(folder: Path, url: str, patch: pytest.MonkeyPatch, *, steps: tuple[str, ...] = STEPS[:4]) -> Patient:
    """Return a project that is well, at base."""
    versions = histories.write(folder, steps)
    (folder / "ops.ini").write_text(f"[ops:target:library]\nurl = {url}\nprotected = false\n", encoding="utf-8")
    patch.setenv("OPS_HOME", str(folder))
    return Patient(home=folder, versions=versions, url=url.replace("+psycopg2", ""))


def unknown_revision(one: Patient) -> None:
    one.target.upgrade("head", dry_run=False)
    one.ask("UPDATE alembic_version SET version_num = 'feedbeef0000'")


def no_version(one: Patient) -> None:
    one.target.upgrade("head", dry_run=False)
    one.ask("DROP TABLE alembic_version")


def several_heads(one: Patient) -> None:
    one.target.upgrade("head", dry_run=False)
    for name, sql in {
        "left": "ALTER TABLE book ALTER COLUMN title SET DEFAULT 'untitled'",
        "right": "ALTER TABLE book ALTER COLUMN title TYPE varchar(80); ALTER TABLE author ADD COLUMN died date",
    }.items():
        (one.versions / f"{name}.py").write_text(revision(name, name_of(4), sql), encoding="utf-8")


def edited_file(one: Patient) -> None:
    git(one.home, "init", "--quiet")
    git(one.home, "add", "migrations")
    git(one.home, "commit", "--quiet", "-m", "history")
    one.target.upgrade("head", dry_run=False)
    file = one.versions / f"{name_of(2)}.py"
    file.write_text(file.read_text(encoding="utf-8").replace("title text", "title varchar(80)"), encoding="utf-8")


def invalid_index(one: Patient) -> None:
    one.target.upgrade("head", dry_run=False)
    one.ask("INSERT INTO author VALUES (1, 'Ada'), (2, 'Ada')")
    with pytest.raises(psycopg2.errors.UniqueViolation):
        one.ask("CREATE UNIQUE INDEX CONCURRENTLY author_twice ON author (name)")
    one.ask("UPDATE author SET name = 'Eve' WHERE id = 2")


def not_validated(one: Patient) -> None:
    one.target.upgrade("head", dry_run=False)
    one.ask("ALTER TABLE author ADD CONSTRAINT named CHECK (name <> '') NOT VALID")
    one.ask("CREATE DOMAIN isbn AS text; ALTER DOMAIN isbn ADD CONSTRAINT long CHECK (length(VALUE) > 9) NOT VALID")


def half_detached(one: Patient) -> None:
    one.target.upgrade("head", dry_run=False)
    one.ask("CREATE TABLE visit (day date) PARTITION BY RANGE (day)")
    one.ask("CREATE TABLE visit_1 PARTITION OF visit FOR VALUES FROM ('2026-01-01') TO ('2026-02-01')")
    with closing(psycopg2.connect(one.url)) as reader, closing(psycopg2.connect(one.url)) as other:
        reader.cursor().execute("SELECT * FROM visit")
        other.autocommit = True
        detaching = threading.Thread(target=cancelled, args=(other,))
        detaching.start()
        until(lambda: one.ask("SELECT inhdetachpending FROM pg_inherits") == [(True,)])
        until(lambda: one.ask(f"SELECT pg_cancel_backend({other.info.backend_pid})") and not detaching.is_alive())
        detaching.join()


def cancelled(connection: psycopg2.extensions.connection) -> None:
    with pytest.raises(psycopg2.errors.QueryCanceled):
        connection.cursor().execute("ALTER TABLE visit DETACH PARTITION visit_1 CONCURRENTLY")


def import_(one: Patient) -> None:
    package = one.home / "src" / "app"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("", encoding="utf-8")
    (package / "models.py").write_text("from sqlalchemy import MetaData\n\nmetadata = MetaData()\n", encoding="utf-8")
    env = one.home / "migrations" / "env.py"
    text = env.read_text(encoding="utf-8").replace("MetaData()", "metadata")
    text = re.sub(r"import MetaData, ", "import ", text)
    env.write_text('"""Migrations."""\n' + text.replace("\n\nconfig", "\nfrom app.models import metadata\n\nconfig"))


def unmanaged(one: Patient) -> None:
    for file in one.versions.glob("*.py"):
        file.unlink()
    for sql in STEPS:
        one.ask(sql)
    one.ask("INSERT INTO author (id, name) VALUES (1, 'Ada')")


BREAKS: Mapping[str, Callable[[Patient], None]] = {
    "unknown-revision": unknown_revision,
    "no-version": no_version,
    "several-heads": several_heads,
    "edited-file": edited_file,
    "invalid-index": invalid_index,
    "not-validated": not_validated,
    "half-detached": half_detached,
    "import": import_,
    "unmanaged": unmanaged,
}
"""What is done to a project that is well, and the case that it then is; a run that died has a test of its own."""
