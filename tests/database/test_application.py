"""An application from PyPI that ships its own migrations, run by its own Python from an older revision with rows.

Its first tables are made by its own code, and its history begins after them. What cannot be asked of it (such as a
downgrade that its authors never finished) is a finding about it, told as a warning, and no failure of ours.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import psycopg2
import pytest

from ops import targets
from ops.display.text import to_text
from ops.errors import MigrationError
from ops.values import Verdict

pytestmark = [pytest.mark.heavy, pytest.mark.timeout(900)]

APPLICATION = "mlflow-skinny"
STACKS = {
    "with the newest libraries": ("alembic", "sqlalchemy"),
    "with the oldest libraries that it accepts and we know": ("alembic==1.13.1", "sqlalchemy==1.4.54"),
}
OLDER = "7f2a7d5fae7d"
"""A revision about a third of the way up."""

FIRST_TABLES = """\
import sys, sqlalchemy
from mlflow.store.tracking.dbmodels.initial_models import Base
Base.metadata.create_all(sqlalchemy.create_engine(sys.stdin.read()))
"""

EXPERIMENTS, RUNS, METRICS = 3, 40, 400
ROWS = f"""\
INSERT INTO experiments SELECT n, 'experiment ' || n, '/artifacts/' || n, 'active'
    FROM generate_series(1, {EXPERIMENTS}) n;
INSERT INTO runs (run_uuid, name, source_type, user_id, status, start_time, lifecycle_stage, experiment_id)
    SELECT md5('run' || n), 'chạy thử ' || n, 'NOTEBOOK', 'user ' || n % 5, 'FINISHED', n, 'active',
    1 + n % {EXPERIMENTS} FROM generate_series(1, {RUNS}) n;
INSERT INTO metrics (key, value, timestamp, run_uuid)
    SELECT 'loss ' || n % 10, n / 7.0, n, md5('run' || (1 + n % {RUNS})) FROM generate_series(1, {METRICS}) n;
INSERT INTO params (key, value, run_uuid)
    SELECT 'rate', repeat('9', n), md5('run' || n) FROM generate_series(1, {RUNS}) n;
"""
SURVIVORS = {  # what was written before the first revision, asked for in words that mean the same at every revision
    "experiments": "SELECT experiment_id, name, lifecycle_stage FROM experiments WHERE experiment_id > 0 ORDER BY 1",
    "runs": "SELECT run_uuid, name, status, start_time, experiment_id FROM runs ORDER BY 1",
    "metrics": "SELECT run_uuid, key, timestamp, value FROM metrics ORDER BY 1, 2, 3, 4",
    "params": "SELECT run_uuid, key, value FROM params ORDER BY 1, 2",
}


@dataclass(frozen=True, kw_only=True)
class Application:
    """The application in an environment of its own, and a database for it."""

    python: Path
    packages: Path
    target: targets.Target
    url: str

    def make_first_tables(self) -> None:
        """Have the application's own code create the tables that its history takes for granted."""
        done = subprocess.run([self.python, "-c", FIRST_TABLES], input=self.url, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr

    def ask(self, query: str) -> list[tuple[object, ...]]:
        """Return the rows of a query, or nothing for a command; committed."""
        url = self.url.replace("+psycopg2", "")
        with closing(psycopg2.connect(url)) as connection, connection, connection.cursor() as cursor:
            cursor.execute(query)
            return cursor.fetchall() if cursor.description else []

    def survivors(self) -> dict[str, list[tuple[object, ...]]]:
        """Return all the rows that were there before the first revision."""
        return {table: self.ask(query) for table, query in SURVIVORS.items()}


@pytest.fixture(params=STACKS.values(), ids=STACKS)
def application(
    request: pytest.FixtureRequest, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Application]:
    python = _environment(request.param)
    code = "import sysconfig; print(sysconfig.get_path('purelib'))"
    packages = Path(subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.strip())
    section = {
        "url_env": "APPLICATION_URL",
        "protected": "false",
        "config": packages / "mlflow" / "store" / "db_migrations" / "alembic.ini",
        "python": python,
        "cwd": packages,  # its script_location is relative
        "imports": "mlflow.store.db.utils",  # which imports every model; its env.py alone imports none
    }
    lines = [f"{key} = {value}" for key, value in section.items()]
    (tmp_path / "ops.ini").write_text("[ops:target:application]\n" + "\n".join(lines) + "\n", encoding="utf-8")
    monkeypatch.setenv("OPS_HOME", str(tmp_path))
    monkeypatch.setenv("APPLICATION_URL", database)
    yield Application(python=python, packages=packages, target=targets.target("application"), url=database)


def test_from_an_older_revision_with_rows_to_head(application: Application) -> None:
    target = application.target
    application.make_first_tables()
    application.ask(ROWS)
    before = application.survivors()
    users = application.ask("SELECT run_uuid, user_id FROM runs ORDER BY 1")

    start = target.status()

    assert (start.verdict, start.current, start.unknown) == (Verdict.OK, (), ())
    assert len(start.heads) == 1 and len(start.pending) > 50
    assert start.versions[0][0] == "python"

    first = target.upgrade(OLDER, dry_run=False)

    assert (first.verdict, first.current) == (Verdict.OK, (OLDER,))
    assert application.survivors() == before
    older = target.status()
    assert (older.current, len(older.pending)) == ((OLDER,), len(start.pending) - len(first.applied))

    shown = target.upgrade("head")

    assert [step.revision.revision for step in shown.route.steps] == list(older.pending)
    assert target.status().current == (OLDER,), "a dry run changes nothing"

    done = target.upgrade("head", dry_run=False)

    assert (done.verdict, done.current) == (Verdict.OK, start.heads)
    assert [one.revision for one in done.applied] == list(older.pending)
    assert application.survivors() == before
    moved = application.ask("SELECT run_uuid, value FROM tags WHERE key = 'mlflow.user' ORDER BY 1")
    # A revision of its own copies users into tags, through its ORM; that takes one run of each experiment for all.
    assert len(moved) == EXPERIMENTS and set(moved) <= set(users)
    counted = application.ask("SELECT count(*) FROM latest_metrics")
    assert counted == application.ask("SELECT count(*) FROM (SELECT DISTINCT run_uuid, key FROM metrics) keys")

    end = target.status()

    assert (end.verdict, end.pending, end.edited, end.open_runs) == (Verdict.OK, (), (), ())

    drift = target.compare()

    # Its history does not begin with an empty database, so it cannot be replayed on one; and that is said.
    assert (drift.verdict, drift.changes) == (Verdict.UNKNOWN, ())
    assert "does not run on an empty database" in to_text(drift.view())

    findings = [_try(target, "down", OLDER), _try(target, "up", "head")]
    assert set(application.survivors()["runs"]) == set(before["runs"])
    warnings.warn(f"{APPLICATION}: {'; '.join(findings)}", stacklevel=1)


def _try(target: targets.Target, direction: str, revision: str) -> str:
    """Go as far as the application's own downgrades, and what they leave behind, allow; return how far that was.

    Many real downgrades do nothing, or raise. Whatever they do, we say truly where the database is.
    """
    word = {"up": "upgrade", "down": "downgrade"}[direction]
    go = target.upgrade if direction == "up" else target.downgrade
    try:
        run = go(revision, dry_run=False)
    except MigrationError as error:
        current = target.status().current
        assert f"The database is at {', '.join(current)}" in error.problem
        return f"the {word} to {revision} stops at {', '.join(current)}: {error.problem.splitlines()[0]}"
    assert run.verdict is Verdict.OK and run.current == target.status().current
    return f"the {word} to {revision} ran, {len(run.applied)} revisions"


def _environment(libraries: tuple[str, ...]) -> Path:
    """Return the Python of an environment with the application, kept from one test session to the next."""
    base = Path(tempfile.gettempdir()) / f"alembic-ops-tests-{os.getuid()}"
    base.mkdir(mode=0o700, exist_ok=True)
    assert base.stat().st_uid == os.getuid() and not base.stat().st_mode & 0o077, f"{base} is somebody else's"
    name = "-".join((APPLICATION, f"py{sys.version_info.major}{sys.version_info.minor}", *libraries)).replace("=", "")
    folder = base / name
    with open(base / f"{name}.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "installed").exists():
            subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
            command = [folder / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
            done = subprocess.run(
                [*command, APPLICATION, "psycopg2-binary", *libraries], capture_output=True, text=True
            )
            if done.returncode:
                give_up = pytest.fail if "OPS_CI" in os.environ else pytest.skip
                give_up(f"{APPLICATION} could not be installed from the package index: {done.stderr[-500:]}")
            (folder / "installed").touch()
    return folder / "bin" / "python"
