"""What happens past the notebooks in a walkthrough: a scheduler's commands, somebody's change by hand, a commit."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ops import display, scratch
from ops.errors import OpsError, UsageError
from ops.runbook import kernel
from ops.runbook.lesson import Command
from ops.settings import CHECKOUT, TargetSettings, redact
from ops.values import Result, Verdict

COMMAND_SECONDS = 300

_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_LIBRARIES = re.compile(r'(?:^  File "(?:<frozen|[^"\n]*/lib/python3)[^\n]*\n(?:    [^\n]*\n)*)+', re.MULTILINE)
"""Lines of a traceback that are in no file of the project's."""
_STOPPED = re.compile(r"^\[IPKernelApp\] ERROR \| KeyboardInterrupt caught in kernel\.\n", re.MULTILINE)
"""What the kernel says, if it has the time, when papermill stops it after an error: nobody has interrupted anything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ByHand(Result):
    """SQL that somebody ran past every migration."""

    sql: str

    @property
    def verdict(self) -> Verdict:
        """OK: what the server refuses raises."""
        return Verdict.OK

    def __str__(self) -> str:
        return "somebody, in psql, past every migration"

    def view(self) -> display.View:
        """Return the SQL."""
        return display.View(title=str(self), blocks=(display.Code(text=self.sql),))


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused(Result):
    """An error that a step was expected to raise."""

    code: str
    problem: str
    next_step: str
    changed: bool | None

    @property
    def verdict(self) -> Verdict:
        """REFUSED: that is what it is shown for."""
        return Verdict.REFUSED

    def __str__(self) -> str:
        return f"it was refused ({self.code})"

    def view(self) -> display.View:
        """Return the error as its words."""
        changed = {True: "yes", False: "no", None: "not known"}[self.changed]
        facts = display.Facts((("problem", self.problem), ("next", self.next_step), ("was anything changed?", changed)))
        mark = display.Mark(self.verdict, self.verdict.tone)
        return display.View(title=str(self), mark=mark, blocks=(facts,))


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome(Result):
    """What a run left in its `result.json`."""

    content: Mapping[str, Any]

    @property
    def verdict(self) -> Verdict:
        """The run's own."""
        return Verdict(self.content["verdict"])

    def __str__(self) -> str:
        return f"{self.content['notebook']}: {self.content['summary']}"

    def view(self) -> display.View:
        """Return the part of it that an alert needs."""
        facts = tuple((name, self.content[name]) for name in ("verdict", "exit_code", "summary", "started", "finished"))
        mark = display.Mark(self.verdict, self.verdict.tone)
        files = ("files of the run", tuple(map(display.Name, ("result.json", *self.content["artifacts"]))))
        return display.View(title="result.json", mark=mark, blocks=(display.Facts((*facts, files)),))


def refused(method: Callable[..., Any], *arguments: object, **options: object) -> Refused:
    """Return the error with which a method ends that is expected to be refused.

    Raises
    ------
    UsageError
        It was not.
    """
    try:
        method(*arguments, **options)
    except OpsError as error:
        return Refused(code=error.code, problem=error.problem, next_step=error.next_step, changed=error.changed)
    raise UsageError("It was expected to be refused, and was done.", next_step="Run all cells again, from the top.")


def add_index_by_hand(settings: TargetSettings, table: str, column: str) -> ByHand:
    """Create an index that no model and no migration knows, and return the SQL."""
    import psycopg2
    from psycopg2 import sql

    name = sql.Identifier(f"{table}_{column}_tuning")
    statement = sql.SQL("CREATE INDEX {} ON {} ({})").format(name, sql.Identifier(table), sql.Identifier(column))
    with closing(psycopg2.connect(**scratch.options(settings.database.url))) as connection:
        text = statement.as_string(connection)
        with connection, connection.cursor() as cursor:
            cursor.execute(text)
    return ByHand(sql=f"{text};")


def papermill(folder: Path, settings: TargetSettings, notebook: str, output: str) -> Command:
    """Run plain papermill, as a scheduler does, in the folder of a project whose database is in DATABASE_URL."""
    _have_notebooks(folder)
    source = f"notebooks/{notebook}.ipynb"
    quiet = ("--no-progress-bar", "--log-level", "ERROR")
    return run(folder, settings, f"papermill {source} {output}", "papermill", *quiet, source, output)


def ops_run(folder: Path, settings: TargetSettings, arguments: str) -> Command:
    """Run `ops run`, as a scheduler does, in the folder of a project whose database is in DATABASE_URL."""
    _have_notebooks(folder)
    return run(folder, settings, f"ops run {arguments}", "ops", "run", *shlex.split(arguments))


def _have_notebooks(folder: Path) -> None:
    there = folder / "notebooks"
    there.mkdir(exist_ok=True)
    for path in (CHECKOUT / "notebooks").glob("*.ipynb"):
        shutil.copy2(path, there)


def last_result(folder: Path) -> Outcome:
    """Return what the last run in a folder left.

    Raises
    ------
    UsageError
        There was none.
    """
    found = max((folder / "runs").rglob("result.json"), key=lambda path: path.stat().st_mtime_ns, default=None)
    if found is None:
        raise UsageError("There was no run yet.", next_step="Run all cells again, from the top.")
    return Outcome(content=json.loads(found.read_text(encoding="utf-8")))


def commit(folder: Path, message: str) -> Command:
    """Commit all files of the copy to a git repository of its own, which is made where there is none.

    Raises
    ------
    OpsError
        There is no git, or it refuses.
    """
    git = shutil.which("git")
    if git is None:
        raise OpsError("This walkthrough needs git, and there is none.", next_step="Install git, and run it again.")
    name = ("-c", "user.name=Learner", "-c", "user.email=learner@example.com", "-c", "commit.gpgsign=false")
    first = () if (folder / ".git").exists() else (("init", "--quiet"),)
    for arguments in (*first, ("add", "alembic", "ops"), (*name, "commit", "--quiet", "--no-verify", "-m", message)):
        done = subprocess.run(
            [git, *arguments], cwd=folder, capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False,
            env={**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"},
        )  # fmt: skip
        if done.returncode:
            raise OpsError(f"git refuses: {done.stderr.strip()}", next_step="Run all cells again, from the top.")
    return Command(line=f'git commit -am "{message}"', exit_code=0, output="")


def run(folder: Path, settings: TargetSettings, line: str, module: str, *arguments: str) -> Command:
    """Run a Python module in a project's folder, with its database in DATABASE_URL, and return what it printed.

    `line` is how a person would have typed it. The folder is left out of the paths that are printed, and a
    traceback is left with the lines of the project's own files.

    Raises
    ------
    OpsError
        It did not end within `COMMAND_SECONDS`.
    """
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PG", "OPS_", "JPY_"))}
    url = settings.database.url.render_as_string(hide_password=False)
    said = {"DATABASE_URL": url, "PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "utf-8"}
    try:
        done = subprocess.run(
            [sys.executable, "-m", module, *arguments],
            cwd=folder,
            env={**kept, **kernel.environment(folder), **said},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,  # in the order in which a terminal shows both
            timeout=COMMAND_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise OpsError(
            f"{line} did not end within {COMMAND_SECONDS} seconds.",
            next_step="Run all cells again, from the top.",
            changed=None,
        ) from None
    printed = _ANSI.sub("", done.stdout.decode("utf-8", "replace")).replace(f"{folder}{os.sep}", "")
    printed = _STOPPED.sub("", printed)
    printed = _LIBRARIES.sub("  (… lines of libraries are left out)\n", printed)
    return Command(line=line, exit_code=done.returncode, output=redact(printed))
