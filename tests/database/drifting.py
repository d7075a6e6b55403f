"""A project whose database drifts: made once, its database made anew for every test from a template."""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg2
from psycopg2 import sql

from ops import drift, embedded, scratch, targets
from tests import cases
from tests.conftest import CHECKOUT

AUTHOR = "Đỗ Thị Mai"


@dataclass(kw_only=True)
class Shop:
    """One project in a home of its own, as the target `live` on a database of its own.

    `role` is who logs in, as a URL has it; `owner` is whose the database is.
    """

    home: Path
    server: embedded.Server
    database: str
    role: str | None = None
    owner: str = "postgres"
    section: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        url = self.server.url(self.database)
        return url.replace("postgres@", f"{self.role}@", 1) if self.role else url

    @property
    def target(self) -> targets.Target:
        return targets.target("live")

    def write_section(self, **keys: str) -> None:
        """Write the target's section; keys beside those that it always has."""
        section = {"url": self.url, "protected": "false", **self.section, **keys}
        lines = ["[ops:target:live]", *(f"{key} = {value}" for key, value in section.items())]
        (self.home / "ops.ini").write_text("\n".join(lines) + "\n", encoding="utf-8")

    def prepare(self) -> None:
        """Make the template: an empty database, migrated to the head."""
        self.renew(None)
        self.target.upgrade("heads", dry_run=False)
        with closing(scratch.connect(self.server)) as connection, connection.cursor() as cursor:
            statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
            cursor.execute(statement.format(sql.Identifier(self._template), sql.Identifier(self.database)))

    def renew(self, template: str | None = "") -> None:
        """Make the database anew: migrated to the head, or empty where the template is None."""
        scratch.drop_database(self.server, self.database)
        with closing(scratch.connect(self.server)) as connection, connection.cursor() as cursor:
            statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER {}")
            cursor.execute(
                statement.format(
                    sql.Identifier(self.database),
                    sql.Identifier("template0" if template is None else template or self._template),
                    sql.Identifier(self.owner),
                )
            )

    def drop(self) -> None:
        """Drop both databases."""
        for name in (self.database, self._template):
            scratch.drop_database(self.server, name)

    def run(self, *statements: str) -> None:
        """Change the live database by hand, as its superuser."""
        with closing(scratch.connect(self.server, self.database)) as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        url = self.url.replace("+psycopg2", "")
        with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
            cursor.execute(query)
            return cursor.fetchall()

    @property
    def _template(self) -> str:
        return f"{self.database}_template"


Row = tuple[str, str, str, str]


def rows(found: drift.Drift) -> list[Row]:
    """Return cause, action, kind and object of every change."""
    return [(one.cause.value, one.action, one.kind, one.object) for one in found.changes]


def committed(folder: Path) -> None:
    """Make a folder a git repository, with one commit by a named author."""
    who = {
        "GIT_AUTHOR_NAME": AUTHOR,
        "GIT_AUTHOR_EMAIL": "mai@example.org",
        "GIT_AUTHOR_DATE": "2025-10-03T09:30:00+02:00",
        "GIT_COMMITTER_NAME": "somebody else",
        "GIT_COMMITTER_EMAIL": "else@example.org",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_SYSTEM": os.devnull,
    }
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "start"]):
        subprocess.run(["git", *command], cwd=folder, check=True, env={**os.environ, **who})


def of_this_repository(home: Path, server: embedded.Server, database: str, **more: Any) -> Shop:
    """Return a copy of this repository's own project, committed, with its database at the head."""
    home.mkdir()
    ignore = shutil.ignore_patterns("__pycache__")
    for name in ("ops", "alembic"):
        shutil.copytree(CHECKOUT / name, home / name, ignore=ignore)
    shutil.copy(CHECKOUT / "alembic.ini", home)
    (home / ".gitignore").write_text(".ops/\nops.ini\n", encoding="utf-8")
    committed(home)
    return Shop(home=home, server=server, database=database, **more)


def of_fixture(name: str, home: Path, server: embedded.Server, database: str, **more: Any) -> Shop:
    """Return a fixture project with its database."""
    case = cases.projects()[name]
    home.mkdir()
    cases.copy_to(case, home)
    section = {key: f"{name}/{value}" if key == "config" else value for key, value in case.target.items()}
    return Shop(home=home, server=server, database=database, section=section, **more)
