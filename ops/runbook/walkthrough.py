"""Throw-away copies of this project, each with a database of its own, to learn on."""

from __future__ import annotations

import atexit
import difflib
import fcntl
import os
import secrets
import shlex
import shutil
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ops import display, embedded, scratch, targets
from ops.errors import OpsError, UsageError, first_line
from ops.runbook import outside, session, underload
from ops.runbook.lesson import Command, Edit, File, Lesson, Refusal, Rows
from ops.settings import CHECKOUT, home
from ops.settings.sections import ProjectSettings, TargetSettings

if TYPE_CHECKING:
    from ops.plan import Plan

_COPIED = ("alembic", "alembic.ini", "ops")
_CLAIM = ".claim"
FIRST = "54be4477c094"
"""The revision that every lesson begins with."""

STARTS = CHECKOUT / "notebooks" / "walkthroughs" / "starts"
"""A folder for each history that a walkthrough may start with: files that are laid over the copy."""


class Walkthrough:
    """A copy of this repository's project, and a database for it; both are gone when the kernel ends."""

    def __init__(self, name: str, start: str = "") -> None:
        self.name = name
        self._claims: list[tuple[str, bool]] = []
        self._undo = ExitStack()
        atexit.register(self.close)
        parent = home() / ".ops" / "walkthroughs"
        parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _remove_leftovers(parent)
        self.folder = parent / f"{name}-{secrets.token_hex(3)}"
        self._copy(start)
        url = self._undo.enter_context(scratch.database_on(embedded.server(home()), prefix="walkthrough"))
        if session.in_kernel():
            self._move_in()
        self.target = targets.Target(
            TargetSettings(
                name="walkthrough",
                source="the walkthrough's own database",
                protected=False,
                project=ProjectSettings(config=self.folder / "alembic.ini"),
                home=self.folder,
                raw_url=url,
            )
        )

    def _move_in(self) -> None:
        """Make the copy the kernel's working folder, so that paths are shown as its learner knows them."""
        os.environ["OPS_HOME"] = str(home())  # the copy looks like a home itself
        self._undo.callback(os.chdir, Path.cwd())
        os.chdir(self.folder)

    def _copy(self, start: str) -> None:
        added = _start(start) if start else None
        self.folder.mkdir(mode=0o700)
        self._undo.callback(shutil.rmtree, self.folder, ignore_errors=True)
        claim = os.open(self.folder / _CLAIM, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(claim, fcntl.LOCK_EX)
        self._undo.callback(os.close, claim)
        for part in _COPIED:
            source = CHECKOUT / part
            if source.is_dir():
                _copy_tree(source, self.folder / part)
            else:
                shutil.copy2(source, self.folder / part)
        _forget_others(self.folder / "alembic" / "versions")
        if added is not None:
            _copy_tree(added, self.folder)

    def close(self) -> None:
        """Drop the database and remove the copy, as the end of the kernel does."""
        self._undo.close()

    def read(self, path: str) -> str:
        """Return the text of a file of the copy."""
        return self._inside(path).read_text(encoding="utf-8")

    def show(self, path: str) -> File:
        """Return a file of the copy, to be shown.

        A path may have asterisks where one file alone fits: `alembic/versions/*_add_email.py`.
        """
        return File(path=self._relative(path), text=self.read(path))

    def write(self, path: str, text: str) -> Edit:
        """Write a file of the copy, and return what that changed."""
        file = self._inside(path)
        before = file.read_text(encoding="utf-8") if file.exists() else ""
        after = text.strip() + "\n"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(after, encoding="utf-8")
        lines = difflib.unified_diff(before.splitlines(), after.splitlines(), "before", "after", lineterm="", n=2)
        return Edit(path=self._relative(path), difference="\n".join(list(lines)[2:]))

    def append(self, path: str, line: str) -> Edit:
        """Add a line at the end of a file of the copy, and return what that changed."""
        return self.write(path, self.read(path).rstrip() + "\n" + line)

    def replace(self, path: str, old: str, new: str) -> Edit:
        """Put other text in the place of some that stands once in a file of the copy; return what that changed.

        Raises
        ------
        UsageError
            The file has that text not at all, or more than once.
        """
        text = self.read(path)
        if text.count(old) != 1:
            raise UsageError(
                f"{self._relative(path)} has the text {old!r} {text.count(old)} times, not once.",
                next_step="Run all cells again, from the top.",
            )
        return self.write(path, text.replace(old, new))

    def remove(self, path: str) -> Edit:
        """Remove a file of the copy."""
        file, name = self._inside(path), self._relative(path)
        file.unlink()
        return Edit(path=name, difference="", done="removed")

    def alembic(self, arguments: str) -> Command:
        """Run plain `alembic` in the copy's folder, as it is typed, and return what it printed. It may fail.

        Its database is the walkthrough's. The copy's folder is left out of the paths that it prints.

        Raises
        ------
        OpsError
            It did not end within `outside.COMMAND_SECONDS`.
        """
        return outside.run(
            self.folder, self.target.settings, f"alembic {arguments}", "alembic", *shlex.split(arguments)
        )

    def tables(self) -> tuple[str, ...]:
        """Return the names of the tables that the walkthrough's database has now."""
        from sqlalchemy import inspect

        from ops import database

        with database.connect(self.target.settings, purpose="walkthrough") as connection:
            return tuple(sorted(inspect(connection).get_table_names()))

    def columns(self, table: str) -> tuple[str, ...]:
        """Return the names of the columns that a table has now, in their order."""
        from sqlalchemy import inspect

        from ops import database

        with database.connect(self.target.settings, purpose="walkthrough") as connection:
            return tuple(column["name"] for column in inspect(connection).get_columns(table))

    def version(self) -> tuple[str, ...]:
        """Return what stands in the version table now: Alembic's own note of where the database is."""
        from ops import database, versiontables

        with database.connect(self.target.settings, purpose="walkthrough") as connection:
            return versiontables.heads(connection, None, "alembic_version") or ()

    def rows(self, table: str, *columns: str) -> Rows:
        """Return the rows that a table has now, with some of its columns or with all."""
        from sqlalchemy import MetaData, Table, select

        from ops import database

        with database.connect(self.target.settings, purpose="walkthrough") as connection:
            found = Table(table, MetaData(), autoload_with=connection)
            wanted = [found.c[name] for name in columns] or list(found.c)
            read = connection.execute(select(*wanted).order_by(*found.primary_key)).all()
        return Rows(name=table, columns=tuple(one.name for one in wanted), rows=tuple(map(tuple, read)))

    def insert(self, table: str, *rows: Mapping[str, object]) -> Rows:
        """Add rows to a table of the walkthrough's database, as an application would; return all that it has then.

        Raises
        ------
        OpsError
            The database refuses one of them; then none is added.
        """
        refused = self.try_to_insert(table, *rows)
        if refused.said:
            raise OpsError(
                f"The rows were not added to {table}: {refused.said}", next_step="Run all cells again, from the top."
            )
        return self.rows(table)

    def try_to_insert(self, table: str, *rows: Mapping[str, object]) -> Refusal:
        """Add rows to a table, and return what the database said where it refused them; then none was added."""
        from sqlalchemy import MetaData, NullPool, Table, create_engine, insert
        from sqlalchemy.exc import DBAPIError

        engine = create_engine(self.target.settings.database.url, poolclass=NullPool)
        try:
            with engine.begin() as connection:
                connection.execute(insert(Table(table, MetaData(), autoload_with=connection)), list(rows))
        except DBAPIError as error:
            return Refusal(name=table, said=first_line(error))
        return Refusal(name=table, said="")

    def commit(self, message: str) -> Command:
        """Commit the copy's files to a git repository of its own. See `outside.commit`."""
        return outside.commit(self.folder, message)

    def protect(self) -> targets.Target:
        """Return the target from now on: protected, as one in production is."""
        self.target = targets.Target(replace(self.target.settings, protected=True))
        return self.target

    def another_database(self) -> targets.Target:
        """Return a second target: the same project, and an empty database of its own."""
        url = self._undo.enter_context(scratch.database_on(embedded.server(home()), prefix="walkthrough"))
        return targets.Target(replace(self.target.settings.with_url(url), name="another"))

    def refused(self, method: Callable[..., Any], *arguments: object, **options: object) -> outside.Refused:
        """Return the error of a call that is expected to be refused. See `outside.refused`."""
        return outside.refused(method, *arguments, **options)

    def add_index_by_hand(self, table: str, column: str) -> outside.ByHand:
        """Create an index past every migration, and return the SQL."""
        return outside.add_index_by_hand(self.target.settings, table, column)

    def papermill(self, notebook: str, output: str) -> Command:
        """Run plain `papermill` on a notebook, as a scheduler does. See `outside.papermill`."""
        return outside.papermill(self.folder, self.target.settings, notebook, output)

    def ops_run(self, arguments: str) -> Command:
        """Run `ops run`, as a scheduler does. See `outside.ops_run`."""
        return outside.ops_run(self.folder, self.target.settings, arguments)

    def last_result(self) -> outside.Outcome:
        """Return what the last run left in its `result.json`."""
        return outside.last_result(self.folder)

    def fill(self, rows: int) -> None:
        """Give the table `users` many rows. See `underload.fill`."""
        underload.fill(self.target.settings, rows)

    def upgrade_under_load(self, name: str, revision: str = "head") -> underload.Crossing:
        """Upgrade while the table `users` is read and written, and return what that met. See `underload.cross`."""
        return underload.cross(self.target.settings, name, revision)

    def side_by_side(self, *crossings: underload.Crossing) -> display.View:
        """Return several ways on clocks of the same length. See `underload.side_by_side`."""
        return underload.side_by_side(*crossings)

    def hazards(self, plan: Plan) -> frozenset[str]:
        """Return the codes of a plan's hazards."""
        return frozenset(one.code for one in plan.hazards)

    def claim(self, sentence: str, holds: bool) -> None:
        """Note whether a step really happened; the verdict is made of these."""
        self._claims.append((sentence, bool(holds)))

    def lesson(self) -> Lesson:
        """Return what was claimed so far."""
        return Lesson(name=self.name, claims=tuple(self._claims))

    def _relative(self, path: str) -> str:
        return self._inside(path).relative_to(self.folder.resolve()).as_posix()

    def _inside(self, path: str) -> Path:
        folder = self.folder.resolve()
        found = [one.resolve() for one in folder.glob(path)] if "*" in path else [(folder / path).resolve()]
        if len(found) != 1:
            raise UsageError(
                f"{len(found)} files of the walkthrough's copy are called {path!r}; one was expected.",
                next_step="Run all cells again, from the top.",
            )
        if not found[0].is_relative_to(folder):
            raise UsageError(
                f"{path!r} lies outside of the walkthrough's copy.", next_step="Name a file of the project."
            )
        return found[0]


def walkthrough(name: str, start: str = "") -> Walkthrough:
    """Return a fresh throw-away copy of the project, with an empty database of its own.

    `start`: the name of a longer history to start with, a folder of `STARTS`.

    Raises
    ------
    UsageError
        There is no start of that name.
    """
    return Walkthrough(name, start)


def _start(name: str) -> Path:
    known = sorted(one.name for one in STARTS.iterdir() if one.is_dir()) if STARTS.is_dir() else []
    if name not in known:
        raise UsageError(f"No walkthrough starts with {name!r}.", next_step=f"There are: {', '.join(known) or 'none'}.")
    return STARTS / name


def _copy_tree(source: Path, folder: Path) -> None:
    shutil.copytree(source, folder, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)


def _forget_others(versions: Path) -> None:
    """Leave of the version files the first: who learns has drafts of their own, and a lesson begins before those."""
    for file in versions.glob("*.py"):
        if not file.name.startswith(FIRST):
            file.unlink()


def _remove_leftovers(parent: Path) -> None:
    """Remove copies whose kernel was killed: nobody holds their claim any more."""
    for folder in parent.iterdir():
        try:
            claim = os.open(folder / _CLAIM, os.O_RDWR)
        except FileNotFoundError:
            continue  # another process is just making it
        try:
            fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
        except BlockingIOError:
            continue  # somebody is learning there
        finally:
            os.close(claim)
