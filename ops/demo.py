"""The whole story on a database of its own: a legacy schema is inspected, upgraded, rolled back, upgraded."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from ops.errors import InterruptedRunError, OpsError, UsageError
from ops.runbook import catalogue
from ops.runbook.headless import NOTEBOOK, REPORT, Execution, Stop, stoppable, to_stderr
from ops.settings import home as find_home
from ops.settings import is_checkout

DATABASE = "demo"

LEGACY = """
CREATE TABLE users (
    id serial PRIMARY KEY,
    username varchar(50) NOT NULL UNIQUE,
    hashed_password varchar(255) NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE traffic_data (
    id serial PRIMARY KEY,
    road_name varchar(100) NOT NULL,
    vehicle_count integer NOT NULL,
    recorded_at timestamptz
);
INSERT INTO users (username, hashed_password)
SELECT name, 'no login: ' || md5(name) FROM unnest(ARRAY['an', 'binh', 'chi', 'dung', 'em']) AS name;
INSERT INTO traffic_data (road_name, vehicle_count, recorded_at)
SELECT 'Road ' || (n % 4 + 1), 100 + 17 * n, timestamptz '2024-05-01 00:00+00' + n * interval '1 hour'
FROM generate_series(1, 20) AS n;
"""
"""What an application had before it knew Alembic: users, and a table that nobody uses any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One notebook of the story; `expected` is its exit code where all goes as it should."""

    notebook: str
    tells: str
    expected: int = 0
    parameters: Mapping[str, object] = field(default_factory=dict)


STORY = (
    Step(notebook="10-inspect", tells="A legacy database: tables with rows, nothing of Alembic yet."),
    Step(
        notebook="12-compare-schema",
        tells="The models ask for more than it has: ATTENTION (exit code 3) is right here.",
        expected=3,
    ),
    Step(notebook="20-plan", tells="What it will do to this database, measured on a clone; here nothing is changed."),
    Step(notebook="40-upgrade", tells="A dry run: what would run, and nothing is changed."),
    Step(notebook="40-upgrade", tells="The upgrade itself.", parameters={"dry_run": False}),
    Step(notebook="50-verify", tells="Is the database what the migrations say?"),
    Step(
        notebook="42-downgrade",
        tells="Back to where it was: users keep their rows, the old table returns empty.",
        parameters={"revision": "base", "dry_run": False},
    ),
    Step(notebook="40-upgrade", tells="And up again.", parameters={"dry_run": False}),
)


def main() -> int:
    """Tell the story with progress on standard error; return 0 when every step ended as expected, else 1.

    Raises
    ------
    UsageError
        Only a checkout has the project that the story is about.
    """
    if not is_checkout():
        raise UsageError(
            "The demo tells the story of the project in this toolkit's own repository, and an installation has none.",
            next_step="Try a project of yours on the sandbox (ops run 40-upgrade --target sandbox), or run the demo in "
            "a checkout.",
        )
    began = time.monotonic()
    home = find_home()
    to_stderr("Preparing a legacy database on the embedded PostgreSQL ...")
    prepare(home)
    done: list[tuple[Step, Path]] = []
    with stoppable() as stop:
        prepared = _execution(STORY[0], stop)
        for number, step in enumerate(STORY, start=1):
            execution, prepared = prepared, None
            to_stderr(f"\n{number}/{len(STORY)} {step.notebook}: {step.tells}")
            try:
                record = execution.play()
                if record.exit_code == step.expected and number < len(STORY) and not stop.count:
                    # The next kernel boots while this one ends and its report is rendered.
                    prepared = _execution(STORY[number], stop)
            finally:
                execution.finish()
            to_stderr(f"         {record.verdict}: {record.content['summary']}")
            done.append((step, execution.folder))
            if prepared is None and number < len(STORY):
                return _stopped(step, execution)
    if record.exit_code != STORY[-1].expected:
        return _stopped(STORY[-1], execution)
    print(_closing(done, time.monotonic() - began))
    return 0


def prepare(home: Path) -> None:
    """Drop the demo database where there is one, and create it anew in its legacy state.

    Raises
    ------
    OpsError
        The embedded server cannot be started, or refuses.
    """
    import psycopg2

    from ops import embedded, scratch

    server = embedded.server(home)
    scratch.drop_database(server, DATABASE)
    url = scratch.ensure_database(server, DATABASE)
    from ops.settings import ours

    parts = ours(url, source="The demo database").url
    keywords = parts.translate_connect_args(username="user", database="dbname")
    try:
        with closing(psycopg2.connect(**keywords, **parts.query)) as connection, connection:
            connection.cursor().execute(LEGACY)
    except psycopg2.Error as error:
        raise OpsError(
            f"The demo database could not be filled: {' '.join(str(error).split())}.",
            next_step="Run `ops demo` again: it begins by dropping that database.",
            changed=True,
            code="embedded",
        ) from None


def _execution(step: Step, stop: Stop) -> Execution:
    return Execution(catalogue.find(step.notebook), {"target": DATABASE, **step.parameters}, stop=stop)


def _stopped(step: Step, execution: Execution) -> int:
    record = execution.record
    error = record.content["error"] or {}
    if record.exit_code == step.expected:
        to_stderr(f"\nThe story was interrupted after {step.notebook}. `ops demo` begins it anew.")
        return InterruptedRunError.exit_code
    to_stderr(
        f"\nThe story stops here: {step.notebook} ended with exit code {record.exit_code} "
        f"({record.verdict}); {step.expected} was expected."
    )
    if error:
        to_stderr(f"{error['problem']}\nNext: {error['next_step']}")
    to_stderr(f"See {(execution.folder / REPORT).as_uri()}")
    return 1


def _closing(done: list[tuple[Step, Path]], seconds: float) -> str:
    lines = [f"\nDone in {seconds:.0f} s, each step as expected. What was executed, and its report:", ""]
    for number, (step, folder) in enumerate(done, start=1):
        report = folder / REPORT
        lines.append(f"{number}. {step.notebook}: {step.tells}")
        lines.append(f"   {folder / NOTEBOOK}")
        lines.append(f"   {report.as_uri() if report.is_file() else 'no report'}")
    lines += [
        "",
        "Open a report in a browser: it needs no network. Then:",
        "  make lab       the same notebooks in JupyterLab, on a sandbox of your own",
        "  ops list       what else there is, with parameters",
        "  ops targets    which databases are known, and how to add yours",
    ]
    return "\n".join(lines)
