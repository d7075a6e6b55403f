"""What is asked wrongly: each time the problem, whether anything was changed, the next step; and nothing lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ops import embedded, errors, route, scratch, settings
from ops.project.visit import Visit, visit
from ops.settings import ours
from ops.values import Verdict
from tests import cases

INI = """\
[ops:target:good]
url_env = GOOD_URL
protected = false
config = linear/alembic.ini

[ops:target:unset]
url_env = NEVER_SET_URL
config = linear/alembic.ini

[ops:target:malformed]
url_env = MALFORMED_URL
config = linear/alembic.ini

[ops:target:pigeon]
url_env = PIGEON_URL
config = linear/alembic.ini

[ops:target:lost]
url_env = GOOD_URL
config = nowhere/alembic.ini

[ops:target:snake]
url_env = GOOD_URL
config = linear/alembic.ini
python = nowhere/bin/python

[ops:target:typo]
url_env = GOOD_URL
protectd = false
"""
ENV = """\
GOOD_URL=postgresql://me:pl4nted-pw@127.0.0.1:1/shop
MALFORMED_URL=postgresql//me:pl4nted-pw@127.0.0.1:1/shop
PIGEON_URL=postgresql+pigeon://me:pl4nted-pw@127.0.0.1:1/shop
"""
GOOD = ("--target", "good")

USAGE = {
    "unknown command": (("upgrade",), "invalid choice: 'upgrade'"),
    "no notebook": (("run",), "the following arguments are required: NAME"),
    "unknown notebook": (("run", "11-inspekt"), "There is no notebook '11-inspekt'"),
    "ambiguous notebook": (("run", "4"), "40-upgrade, 42-downgrade"),
    "a path for a notebook": (("run", "../../etc/passwd"), "There is no notebook '../../etc/passwd'"),
    "unknown target": (("run", "10", "--target", "godo"), "There is no target 'godo'. Did you mean 'good'?"),
    "a path for a target": (("run", "10", "--target", "../x"), "There is no target '../x'"),
    "target twice": (("run", "10", *GOOD, "-p", "target=good"), "given twice"),
    "unknown parameter": (("run", "10", *GOOD, "-p", "fail_on_pendin=true"), "fail_on_pending"),
    "mistyped truth value": (("run", "10", *GOOD, "-p", "fail_on_pending=maybe"), "fail_on_pending"),
    "mistyped number": (("run", "40", *GOOD, "-p", "wait=soon"), "wait"),
    "parameter without a value": (("run", "40", *GOOD, "-p", "revision"), "revision"),
    "url_env that is unset": (("run", "10", "--target", "unset"), "NEVER_SET_URL, which is not set"),
    "malformed URL": (("run", "10", "--target", "malformed"), "MALFORMED_URL, which target 'malformed' uses, is not a"),
    "unknown driver": (("run", "10", "--target", "pigeon"), "the driver 'pigeon'"),
    "config file that is missing": (("run", "10", "--target", "lost"), "there is no Alembic config file"),
    "interpreter that is missing": (("run", "10", "--target", "snake"), "is not an executable file"),
    "unknown key": (("run", "10", "--target", "typo"), "Did you mean 'protected'?"),
}


@pytest.fixture
def wrong_home(tmp_path: Path) -> Path:
    """A home with a project, and targets most of which are wrong."""
    cases.copy_to(cases.projects()["linear"], tmp_path)
    (tmp_path / "ops.ini").write_text(INI)
    (tmp_path / ".env").write_text(ENV)
    return tmp_path


def written(folder: Path) -> list[Path]:
    """Every file below a folder, and every folder but that of Jupyter's settings."""
    return sorted(path for path in folder.rglob("*") if path.is_file() or ".ops" not in path.parts)


def ops(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command line as a user does."""
    kept = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "OPS_RUN_DIR")}
    return subprocess.run(
        [sys.executable, "-m", "ops", *arguments],
        env={**kept, "OPS_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.mark.parametrize(("arguments", "said"), USAGE.values(), ids=USAGE)
def test_usage(wrong_home: Path, arguments: tuple[str, ...], said: str) -> None:
    before = written(wrong_home)

    done = ops(wrong_home, *arguments)

    assert done.returncode == 2, done.stderr
    assert said in done.stderr and done.stdout == ""
    assert "Traceback" not in done.stderr and "pl4nted" not in done.stderr
    if "usage:" not in done.stderr:  # argparse has a way of its own
        assert "\nThe database was not changed.\nNext: " in done.stderr
    assert written(wrong_home) == before, "no run folder, and nothing else"


def test_a_wrong_target_does_not_hide_the_others(wrong_home: Path) -> None:
    done = ops(wrong_home, "targets", "--json")

    found = {one["name"]: one for one in json.loads(done.stdout)["targets"]}
    broken = {name for name, one in found.items() if one["problem"]}
    assert broken == {"unset", "malformed", "pigeon", "lost", "snake", "typo"}
    assert found["good"]["database"] == "postgresql+psycopg2://me:***@127.0.0.1:1/shop"
    assert "pl4nted" not in done.stdout + done.stderr


# -- revisions --------------------------------------------------------------------------------------

REVISIONS = {
    "unknown": ("ffffffffffff", "ffffffffffff"),
    "unknown, like a word": ("haed", "haed"),
    "ambiguous": ("a1000000000", "a1000000000"),
    "SQL": ("head; drop table x", "'head; drop table x' is not a revision"),
    "quotes": ("'; DROP TABLE x; --", "is not a revision"),
    "a path": ("../../x", "'../../x' is not a revision"),
    "an option": ("--sql", "--sql"),
    "a range": ("a10000000001:a10000000002", "is not a revision"),
    "HTML": ("<script>alert(1)</script>", "is not a revision"),
    "300 characters": ("a" * 300, "…' is not a revision"),
    "empty": ("", "No revision was named"),
    "blank": (" ", "' ' is not a revision"),
    "a line break": ("head\n", "'head\\n' is not a revision"),
    "NUL": ("head\0", "'head\\x00' is not a revision"),
    "too far": ("+99", "+99"),
    "too far from one": ("a10000000001+99", "a10000000001"),
    "an unknown branch": ("nowhere@head", "nowhere"),
    "a sign alone": ("+", "+"),
    "an @ alone": ("@", "@"),
}


@pytest.fixture(scope="module")
def visited(server: embedded.Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visit]:
    """One visit to a fresh database, in which every revision of the table is asked for."""
    home = tmp_path_factory.mktemp("visited")
    cases.copy_to(cases.projects()["linear"], home)
    with scratch.database_on(server, prefix="visited") as url:
        (home / "ops.ini").write_text(f"[ops:target:case]\nurl = {url}\nconfig = linear/alembic.ini\n")
        with visit(settings.resolve("case", home), purpose="upgrade") as here:
            yield here


@pytest.mark.parametrize(("revision", "said"), REVISIONS.values(), ids=REVISIONS)
def test_a_revision_that_is_none(visited: Visit, revision: str, said: str) -> None:
    with pytest.raises(errors.RevisionError) as refused:
        route.make(visited, "up", revision)

    error = refused.value
    assert said in error.problem, error.problem
    assert error.next_step and "Traceback" not in str(error)
    assert (error.exit_code, error.verdict, error.changed) == (1, Verdict.FAILED, False)
    assert visited.heads() is None, "no version table was made"


DIRECTIONS = {
    "down from base": ("linear", "downgrade", "-1", "-1 is more steps than there are"),
    "down to what is above": ("linear", "downgrade", "a10000000002", "a10000000002"),
    "down to what nobody knows": ("linear", "downgrade", "ffffffffffff", "ffffffffffff"),
    "stamp what nobody knows": ("linear", "stamp", "ffffffffffff", "ffffffffffff"),
    "stamp SQL": ("linear", "stamp", "head'; --", "is not a revision"),
    "stamp nothing": ("linear", "stamp", "", "No revision was named"),
    "several heads": ("two_heads", "upgrade", "head", "heads"),
    "several heads, relative": ("two_heads", "upgrade", "+1", "Ambiguous"),
}


@pytest.mark.parametrize(("project", "verb", "revision", "said"), DIRECTIONS.values(), ids=DIRECTIONS)
def test_a_way_that_is_none(set_up: Callable[..., Any], project: str, verb: str, revision: str, said: str) -> None:
    bench = set_up(project)

    with pytest.raises(errors.RevisionError) as refused:
        getattr(bench.target, verb)(revision, dry_run=False)

    error = refused.value
    assert said in error.problem, error.problem
    assert error.next_step and error.exit_code == 1 and error.changed is False
    assert bench.tables == [] and bench.current == []


def test_a_revision_that_no_file_has(set_up: Callable[..., Any]) -> None:
    bench = set_up("linear")
    bench.ask("CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY)")
    bench.ask("INSERT INTO alembic_version VALUES ('<b>gone</b>')")

    status = bench.target.status()
    refusals = []
    for act in (bench.target.upgrade, bench.target.downgrade):
        with pytest.raises(errors.RevisionError) as refused:
            act("a10000000001", dry_run=False)
        refusals.append(refused.value)

    assert status.verdict is Verdict.ATTENTION
    assert status.unknown == ("<b>gone</b>",) and status.current == ("<b>gone</b>",)
    assert "<b>" not in status._repr_mimebundle_()["text/html"].replace("<b>ATTENTION</b>", "")
    for error in refusals:
        assert error.code == "unknown-revision" and error.changed is False
        assert "90-repair" in error.next_step
    assert bench.current == ["<b>gone</b>"] and bench.tables == []


def test_no_version_table(set_up: Callable[..., Any]) -> None:
    bench = set_up("linear")
    bench.ask("CREATE TABLE notes (id int)")

    status = bench.target.status()

    assert (status.verdict, status.current, len(status.pending)) == (Verdict.OK, (), 5)
    assert not status.setup.version_table_exists
    assert bench.ask("SELECT to_regclass('alembic_version')") == [(None,)], "looking creates nothing"


# -- through a whole notebook -----------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Played:
    """What `ops run --json` gave."""

    code: int
    result: dict[str, Any]
    output: str


def play(bench: Any, *arguments: str) -> Played:
    done = ops(bench.home, "run", *arguments, "--target", "case", "--json")
    assert done.stdout, done.stderr
    return Played(code=done.returncode, result=json.loads(done.stdout), output=done.stdout + done.stderr)


WHOLE = {
    "server down": (
        ("10",),
        {"url": "postgresql://me:pl4nted-pw@127.0.0.1:1/shop"},
        (1, "FAILED", "unreachable", "Connection refused"),
    ),
    "unknown revision in the database": (("10",), {}, (3, "ATTENTION", None, "gone unknown to the files")),
    "hostile revision": (
        ("40", "-p", "revision=head; drop table x", "-p", "dry_run=false"),
        {},
        (1, "FAILED", "revision", "'head; drop table x' is not a revision"),
    ),
    "protected, not confirmed": (
        ("44", "-p", "revision=a10000000001", "-p", "dry_run=false"),
        {"protected": "true"},
        (4, "REFUSED", "unconfirmed", "is protected"),
    ),
}


@pytest.mark.parametrize(("arguments", "keys", "expected"), WHOLE.values(), ids=WHOLE)
def test_through_a_whole_notebook(
    set_up: Callable[..., Any],
    database: str,
    arguments: tuple[str, ...],
    keys: dict[str, str],
    expected: tuple[int, str, str | None, str],
) -> None:
    code, verdict, error_code, said = expected
    here = asking(database)
    here("CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY)")
    here("INSERT INTO alembic_version VALUES ('gone')")
    bench = set_up("linear", **keys)

    played = play(bench, *arguments)

    result = played.result
    assert (played.code, result["exit_code"], result["verdict"]) == (code, code, verdict), played.output
    assert said in result["summary"]
    if error_code is None:
        assert result["error"] is None and result["data"]["unknown"] == ["gone"]
    else:
        assert result["error"]["code"] == error_code
        assert result["error"]["changed"] is False
        assert result["error"]["next_step"]
    (folder,) = (bench.home / "runs" / "case").glob("*/*")
    report = (folder / "report.html").read_text(encoding="utf-8")
    assert "Traceback" not in played.output and "Traceback" not in report
    assert "pl4nted" not in played.output + report
    assert here("SELECT version_num FROM alembic_version") == [("gone",)]
    assert here("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == [(1,)]


def asking(url: str) -> Callable[[str], list[tuple[Any, ...]]]:
    """Return a way to ask an embedded database."""
    from contextlib import closing

    import psycopg2

    def ask(query: str) -> list[tuple[Any, ...]]:
        with closing(
            psycopg2.connect(ours(url).url.set(drivername="postgresql").render_as_string(False))
        ) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(query)
                return cursor.fetchall() if cursor.description else []

    return ask
