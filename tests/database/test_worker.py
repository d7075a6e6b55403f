"""The worker: what it says and obeys, what it keeps apart, and how it ends."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ops import targets
from ops.errors import InterruptedRunError, MigrationError, OpsError, ProjectError
from ops.project import Event, conversation, go, stop
from ops.project.process import FORKSERVER
from ops.project.visit import visit
from ops.values import Verdict
from tests.database.conftest import Bench, SetUp, until

WORKER = conversation.WORKER

RECORDS = """
from alembic import op

revision = "{revision}"
down_revision = {down_revision}


def upgrade():
    {upgrade}


def downgrade():
    pass
"""


def write_revisions(bench: Bench, *bodies: str) -> list[str]:
    """Replace the version files by ones with these upgrade functions, and return their ids."""
    folder = bench.project / "migrations" / "versions"
    shutil.rmtree(folder)
    folder.mkdir()
    ids = [f"d{number:011d}" for number in range(1, len(bodies) + 1)]
    for one, below, body in zip(ids, [None, *ids], bodies, strict=False):
        indented = textwrap.indent(textwrap.dedent(body).strip(), "    ").strip()
        text = RECORDS.format(revision=one, down_revision=repr(below), upgrade=indented)
        (folder / f"{one}_step.py").write_text(text, encoding="utf-8")
    return ids


def write_env(bench: Bench, body: str) -> None:
    (bench.project / "migrations" / "env.py").write_text(textwrap.dedent(body).lstrip(), encoding="utf-8")


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert text.count(old) == 1
    file.write_text(text.replace(old, new), encoding="utf-8")


def workers(bench: Bench) -> list[tuple[Any, ...]]:
    """The connections that a worker has open."""
    return bench.ask(
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
        " AND application_name = 'alembic-ops worker'"
    )


# -- the protocol -----------------------------------------------------------------------------------


def test_every_statement_is_announced_and_obeys_the_answer(set_up: SetUp) -> None:
    bench = set_up("per_migration")
    events: list[Event] = []

    def listen(event: Event) -> Any:
        events.append(event)
        if event["event"] == "revision":
            return go(lock_timeout="1234ms")
        return None

    with visit(bench.target.settings) as here:
        here.worker.request(
            "migrate",
            listener=listen,
            read_only=False,
            revisions=["ac0000000001", "ac0000000002"],
            direction="up",
        )

    said = [one for one in events if one["event"] == "statement"]
    table, index = (next(one for one in said if words in one["sql"]) for words in ("CREATE TABLE cus", "CREATE INDEX"))
    lines = bench.version_file("ac0000000001").read_text(encoding="utf-8").splitlines()
    assert (table["revision"], table["autocommit"]) == ("ac0000000001", False)
    assert "op.create_table" in lines[table["line"] - 1] or '"name"' in lines[table["line"] - 1]
    assert (index["revision"], index["autocommit"]) == ("ac0000000002", True)
    (version,) = [one for one in said if "INSERT INTO alembic_version" in one["sql"]]
    assert version["line"] is None
    assert [one["number"] for one in said if one["revision"] == "ac0000000002"] == [1, 2]
    assert len([one for one in events if one["event"] == "statement-done"]) == len(said)
    assert [one["found"] for one in events if one["event"] == "settings"] == [{"lock_timeout": "1234ms"}] * 2
    assert [one["revision"] for one in events if one["event"] == "revision-done"] == ["ac0000000001", "ac0000000002"]


def test_who_does_not_want_to_be_told_of_statements_is_not(set_up: SetUp) -> None:
    bench = set_up("per_migration")
    told: list[str] = []
    steps = ["ac0000000001", "ac0000000002"]

    with visit(bench.target.settings) as here:
        request = {"read_only": False, "revisions": steps, "direction": "up", "told": False}
        here.worker.request("migrate", listener=lambda event: told.append(event["event"]), **request)

    assert {"statement", "statement-done"}.isdisjoint(told)
    assert told.count("revision-done") == 2
    assert bench.current == steps[1:]


def test_a_stop_before_a_statement_undoes_the_revision(set_up: SetUp) -> None:
    bench = set_up("linear")

    def listen(event: Event) -> Any:
        if event["event"] == "statement" and "INSERT INTO alembic_version" in event["sql"]:
            return stop("enough")
        return None

    with visit(bench.target.settings) as here, pytest.raises(InterruptedRunError, match="enough"):
        here.worker.request("migrate", listener=listen, read_only=False, revisions=["a10000000001"], direction="up")

    assert (bench.tables, bench.current) == ([], [])


def test_limits_are_in_force_inside_a_migration_whatever_env_py_sets(set_up: SetUp) -> None:
    bench = set_up("linear", lock_timeout="1500ms", statement_timeout="77s")
    write_revisions(
        bench,
        """
        op.execute("CREATE TABLE seen AS SELECT name, current_setting(name) AS value FROM unnest(ARRAY["
                   "'lock_timeout', 'statement_timeout', 'application_name', 'default_transaction_read_only',"
                   "'client_connection_check_interval']) AS name")
        op.execute("SET lock_timeout = 0")
        op.execute("SET statement_timeout = '5s'")
        """,
        "op.execute(\"INSERT INTO seen SELECT 'again', current_setting('lock_timeout')\")",
    )
    own = "connect_args={'options': '-c lock_timeout=9s'}"
    edit(bench.project / "migrations" / "env.py", "poolclass=pool.NullPool\n", f"poolclass=pool.NullPool, {own}\n")

    bench.target.upgrade(dry_run=False)

    assert dict(bench.ask("SELECT name, value FROM seen")) == {
        "lock_timeout": "1500ms",
        "statement_timeout": "77s",
        "application_name": "alembic-ops worker",
        "default_transaction_read_only": "off",
        "client_connection_check_interval": "500ms",
        "again": "1500ms",
    }


# -- reading ----------------------------------------------------------------------------------------


def test_looking_never_writes_and_says_what_env_py_would_have_done(set_up: SetUp) -> None:
    bench = set_up("linear")
    writes = """\
        connection.exec_driver_sql("CREATE SCHEMA IF NOT EXISTS audit")
        connection.exec_driver_sql("CREATE TABLE audit.visits (at timestamptz)")
        connection.commit()
"""
    configure = "        context.configure(connection=connection"
    edit(bench.project / "migrations" / "env.py", configure, writes + configure)

    status = bench.target.status()
    bench.target.compare()
    bench.target.upgrade()

    assert status.setup.left_out == (
        "CREATE SCHEMA IF NOT EXISTS audit",
        "CREATE TABLE audit.visits (at timestamptz)",
    )
    assert bench.ask("SELECT to_regnamespace('audit')") == [(None,)]
    assert bench.tables == []

    bench.target.upgrade("+1", dry_run=False)

    assert bench.tables == ["customer", "visits"]


def test_an_engine_that_the_application_keeps_is_read_only_only_while_looking(set_up: SetUp) -> None:
    bench = set_up("linear", **{"env.SHOP_URL": "{url}"})
    (bench.project / "shop_db.py").write_text(
        "import os\nfrom sqlalchemy import create_engine\nengine = create_engine(os.environ['SHOP_URL'])\n"
    )
    write_env(
        bench,
        """
        from alembic import context
        from shop import Base
        from shop_db import engine

        with engine.connect() as connection:
            context.configure(connection=connection, target_metadata=Base.metadata)
            with context.begin_transaction():
                context.run_migrations()
        """,
    )

    bench.target.upgrade(dry_run=False)

    assert bench.current == bench.case.expect["heads"]


def test_an_async_engine_that_the_application_keeps_survives_its_event_loop(set_up: SetUp) -> None:
    bench = set_up("async_env", **{"env.SHOP_URL": "{url}"})
    (bench.project / "shop_db.py").write_text(
        "import os\nfrom sqlalchemy.ext.asyncio import create_async_engine\n"
        "engine = create_async_engine(os.environ['SHOP_URL'].replace('psycopg2', 'asyncpg'))\n"
    )
    write_env(
        bench,
        """
        import asyncio
        from alembic import context
        from shop import Base
        from shop_db import engine

        def migrate(connection):
            context.configure(connection=connection, target_metadata=Base.metadata)
            with context.begin_transaction():
                context.run_migrations()

        async def main():
            async with engine.connect() as connection:
                await connection.run_sync(migrate)

        asyncio.run(main())
        """,
    )

    bench.target.upgrade(dry_run=False)

    assert bench.current == bench.case.expect["heads"]


def test_a_model_edited_a_moment_ago_is_seen(set_up: SetUp) -> None:
    bench = set_up("linear")
    bench.target.upgrade(dry_run=False)
    assert bench.target.compare().changes == ()
    name = "    name = Column(String(100), nullable=False)\n"
    edit(bench.project / "shop.py", name, f"{name}    phone = Column(String(30))\n")

    (change,) = bench.target.compare().changes

    assert (change.action, change.kind, change.object) == ("added", "column", "public.customer.phone")


def test_a_mapped_class_that_the_metadata_misses_is_named(set_up: SetUp) -> None:
    bench = set_up("unimported_model")

    drift = bench.target.compare()

    (missed,) = drift.missing_models
    assert "table orphan" in missed and "orphan.py" in missed and "nothing imports that file" in missed
    assert drift.verdict == Verdict.ATTENTION
    assert bench.target.status().setup.missing_models == drift.missing_models


# -- a connection that is kept ----------------------------------------------------------------------


def test_a_kept_connection_is_a_new_session_to_the_next_revision(set_up: SetUp) -> None:
    bench = set_up("linear")
    write_revisions(
        bench,
        """
        op.execute("CREATE TABLE seen (pid int, path text, temp bool, locks bigint, prepared bigint, role text)")
        op.execute("CREATE ROLE somebody_else_of_" + op.get_bind().engine.url.database)
        op.execute("CREATE SCHEMA elsewhere")
        op.execute("SET search_path TO elsewhere, public")
        op.execute("CREATE TEMP TABLE leak (a int)")
        op.execute("SELECT pg_advisory_lock(4711)")
        op.execute("PREPARE leaky AS SELECT 1")
        op.execute("INSERT INTO seen (pid) SELECT pg_backend_pid()")
        """,
        """
        op.execute("INSERT INTO seen SELECT pg_backend_pid(), current_setting('search_path'),"
                   " to_regclass('leak') IS NOT NULL, (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"
                   " AND pid = pg_backend_pid()), (SELECT count(*) FROM pg_prepared_statements), current_user")
        op.execute("DROP ROLE somebody_else_of_" + op.get_bind().engine.url.database)
        """,
    )

    bench.target.upgrade(dry_run=False)

    first, second = bench.ask("SELECT * FROM seen")
    assert first[0] == second[0]  # the same backend, so that this tests something
    assert second[1:] == ('"$user", public', False, 0, 0, "postgres")


# -- ends -------------------------------------------------------------------------------------------


def test_a_lock_of_a_connection_that_env_py_has_closed_is_in_nobodys_way(set_up: SetUp) -> None:
    bench = set_up("linear")
    write_env(
        bench,
        """
        from sqlalchemy import create_engine, pool
        from alembic import context

        url = context.config.get_main_option("sqlalchemy.url")

        def locked(name):
            engine = create_engine(url, poolclass=pool.NullPool, connect_args={"application_name": name})
            connection = engine.connect()
            connection.exec_driver_sql("SET lock_timeout = '5s'")
            connection.exec_driver_sql("SELECT pg_advisory_lock(42)")
            connection.commit()
            return connection

        locked("one").close()
        with locked("another") as connection:
            context.configure(connection=connection, target_metadata=None)
            with context.begin_transaction():
                context.run_migrations()
        """,
    )

    run = bench.target.upgrade("a10000000002", dry_run=False)

    assert [one.revision for one in run.applied] == ["a10000000001", "a10000000002"]


def test_a_version_file_that_asks_the_database_waits_for_our_connection(set_up: SetUp) -> None:
    """The files are read while we connect, and no connection passes before it has proved itself."""
    bench = set_up("linear", **{"env.SHOP_URL": "{url}"})
    file = bench.version_file("a10000000001")
    asks = "import os, sqlalchemy\nBEGAN = sqlalchemy.create_engine(os.environ['SHOP_URL']).connect().scalar("
    file.write_text(
        f"{file.read_text()}\n{asks}sqlalchemy.text('SHOW default_transaction_read_only'))\nassert BEGAN == 'on'\n"
    )

    assert bench.target.status().pending[0] == "a10000000001"


def test_a_worker_killed_in_the_middle_leaves_a_state_that_is_told_truly(
    set_up: SetUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = set_up("linear")
    converse = conversation.Worker._converse

    def killed_at_the_third(self: conversation.Worker, listener: Callable[[Event], Any] | None) -> Any:
        def listen(event: Event) -> Any:
            if event["event"] == "statement" and event["revision"] == "a10000000003":
                os.kill(self.pid, signal.SIGKILL)
            return listener(event) if listener else None

        return converse(self, listen if listener else None)

    monkeypatch.setattr(conversation.Worker, "_converse", killed_at_the_third)

    with pytest.raises(InterruptedRunError) as raised:
        bench.target.upgrade(dry_run=False)

    assert raised.value.changed is True
    assert "SIGKILL" in raised.value.problem
    assert "The database is at a10000000002. Revision a10000000003 was rolled back." in raised.value.problem
    assert bench.current == ["a10000000002"]
    assert workers(bench) == []


def test_a_worker_killed_after_the_commit_counts_the_revision(set_up: SetUp, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = set_up("linear")
    converse = conversation.Worker._converse

    def killed_when_done(self: conversation.Worker, listener: Callable[[Event], Any] | None) -> Any:
        def listen(event: Event) -> Any:
            if event["event"] == "revision-done":
                os.kill(self.pid, signal.SIGKILL)
                raise conversation.failures.died(-9, "")
            return listener(event) if listener else None

        return converse(self, listen if listener else None)

    monkeypatch.setattr(conversation.Worker, "_converse", killed_when_done)

    with pytest.raises(InterruptedRunError) as raised:
        bench.target.upgrade(dry_run=False)

    assert raised.value.changed is True
    assert "Revision a10000000001 was complete and stays." in raised.value.problem
    assert bench.current == ["a10000000001"]
    assert bench.target.status().edited == ()


SLOW = """
import os, sys
os.environ["OPS_HOME"] = sys.argv[1]
from ops import targets
from ops.errors import OpsError
try:
    targets.target("case").upgrade(dry_run=False, report=lambda line: print(line, flush=True))
except OpsError as error:
    print(error.exit_code, error.changed, error, flush=True)
"""


@pytest.fixture
def sleeper(set_up: SetUp):
    """A process in the middle of the slow project's sleep, and its bench."""
    bench = set_up("slow")
    process = subprocess.Popen([sys.executable, "-c", SLOW, bench.home], stdout=subprocess.PIPE, text=True)
    asleep = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query LIKE '%pg_sleep(600)%'"
    with process:
        until(lambda: bench.ask(f"{asleep} AND wait_event = 'PgSleep' AND pid <> pg_backend_pid()"))
        yield process, bench
        process.kill()


def test_nothing_outlives_a_parent_that_was_killed(sleeper: tuple[subprocess.Popen[str], Bench]) -> None:
    process, bench = sleeper
    assert len(workers(bench)) == 1
    (server,) = children(process.pid)
    (worker,) = children(server)

    process.kill()

    gone = [Path(f"/proc/{one}") for one in (server, worker)]
    until(lambda: not any(one.exists() for one in gone) and not workers(bench), seconds=60)
    assert bench.current == ["b20000000001"]
    assert [run.wanted for run in bench.target.status().open_runs] == [("b20000000003",)]


def test_ctrl_c_cancels_on_the_server_and_says_so(sleeper: tuple[subprocess.Popen[str], Bench]) -> None:
    process, bench = sleeper

    process.send_signal(signal.SIGINT)

    said, _ = process.communicate(timeout=120)
    assert "6 True The run was stopped by SIGINT" in said
    assert "The database is at b20000000001. Revision b20000000002 was rolled back." in said
    assert workers(bench) == []
    assert bench.current == ["b20000000001"]


def children(pid: int) -> list[int]:
    """The workers among the child processes of a process, and the servers that they are forks of."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    found = [int(one) for task in tasks for one in (task / "children").read_text().split()]
    return [one for one in found if b"project/worker" in Path(f"/proc/{one}/cmdline").read_bytes()]


def test_a_project_that_never_answers_a_look_is_ended_and_that_is_said(
    set_up: SetUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversation, "READ_SECONDS", 2.0)
    bench = set_up("linear")
    write_env(bench, "print('waiting for a licence', flush=True); __import__('time').sleep(600)")

    with pytest.raises(InterruptedRunError, match="has not answered within 2 seconds") as raised:
        bench.target.status()

    assert "waiting for a licence" in raised.value.problem and raised.value.changed is False


# fmt: off
ENDS = {  #          what a migration does                         error                what the message says
    "sys.exit":    ("import sys; sys.exit(5)",                     MigrationError,      "sys.exit(5) was called"),
    "os._exit":    ("import os; os._exit(9)",                      InterruptedRunError, "exit code 9"),
    "an error":    ("raise RuntimeError('no more paint')",         MigrationError,      "RuntimeError: no more paint"),
    "bad SQL":     ("op.execute('SELECT 1/0')",                    MigrationError,      "division by zero"),
    "bad Python":  ("op.get_bind().execute('SELECT 1')",           MigrationError,      "ObjectNotExecutableError"),
    "much output": ("print('x' * 5_000_000); raise SystemExit(1)", MigrationError,      "sys.exit(1)"),
}
# fmt: on


@pytest.mark.parametrize("what", ENDS)
def test_whatever_a_migration_does_is_told_with_its_place(what: str, set_up: SetUp) -> None:
    body, error, words = ENDS[what]
    bench = set_up("linear")
    first, second = write_revisions(bench, "op.execute('CREATE TABLE one (a int)')", f"op.execute('SELECT 1')\n{body}")

    with pytest.raises(OpsError) as raised:
        bench.target.upgrade(dry_run=False)

    problem = raised.value.problem
    assert type(raised.value) is error
    assert words in problem
    assert error is InterruptedRunError or f"{second}_step.py, line " in problem
    assert f"The database is at {first}. Revision {second} was rolled back. Applied before it: {first}." in problem
    assert (raised.value.changed, bench.current, bench.tables) == (True, [first], ["one"])


def test_an_env_py_that_rolls_back_does_not_pass_as_success(set_up: SetUp) -> None:
    bench = set_up("linear")
    write_env(
        bench,
        """
        from sqlalchemy import engine_from_config, pool
        from alembic import context

        engine = engine_from_config(context.config.get_section("alembic"), poolclass=pool.NullPool)
        with engine.connect() as connection:
            transaction = connection.begin()
            context.configure(connection=connection, target_metadata=None)
            context.run_migrations()
            transaction.rollback()
        """,
    )

    with pytest.raises(MigrationError, match="should say a10000000001, and says base") as raised:
        bench.target.upgrade(dry_run=False)

    assert (raised.value.changed, bench.tables, bench.current) == (False, [], [])


SWALLOWED = {
    "an error": "op.execute('SELECT * FROM nowhere')",
    "an exit": "import sys; sys.exit(1)",
}


@pytest.mark.parametrize("what", SWALLOWED)
def test_an_env_py_that_swallows_everything_does_not_pass_as_success(what: str, set_up: SetUp) -> None:
    bench = set_up("linear")
    write_revisions(bench, f"op.execute('CREATE TABLE one (a int)')\n{SWALLOWED[what]}")
    write_env(
        bench,
        """
        from sqlalchemy import engine_from_config, pool
        from alembic import context

        engine = engine_from_config(context.config.get_section("alembic"), poolclass=pool.NullPool)
        try:
            with engine.connect() as connection:
                context.configure(connection=connection, target_metadata=None)
                with context.begin_transaction():
                    context.run_migrations()
        except BaseException as error:
            print(error)
        """,
    )

    with pytest.raises(MigrationError, match="did not finish"):
        bench.target.upgrade(dry_run=False)

    assert (bench.tables, bench.current) == ([], [])


def interpreter(folder: Path, script: str) -> str:
    """An executable that stands for another environment's Python."""
    wrapper = folder / "python"
    wrapper.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    wrapper.chmod(0o755)
    return str(wrapper)


def test_another_interpreter_runs_the_worker_and_gets_no_url_as_argument(set_up: SetUp, tmp_path: Path) -> None:
    record = tmp_path / "arguments"
    python = interpreter(tmp_path, f'echo "$@" >> "{record}"\nexec "{sys.executable}" "$@"')
    bench = set_up("linear", python=python)

    bench.target.status()

    assert record.read_text(encoding="utf-8").splitlines() == [str(FORKSERVER)]


def test_an_interpreter_without_alembic_says_so(set_up: SetUp, tmp_path: Path) -> None:
    bench = set_up("linear", python=interpreter(tmp_path, f'exec "{sys.executable}" -S "$@"'))

    with pytest.raises(ProjectError, match="cannot import Alembic") as raised:
        bench.target.status()

    assert "`python`" in raised.value.next_step


def test_the_worker_starts_under_python_3_8() -> None:
    """It loads all of its parts before it looks for Alembic, which this interpreter does not have."""
    found = sorted(Path.home().glob(".pyenv/versions/3.8*/bin/python")) or [shutil.which("python3.8")]
    if found[0] is None:
        pytest.skip("no Python 3.8 on this machine")

    with subprocess.Popen([found[0], "-S", WORKER], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as worker:
        assert worker.stdin and worker.stdout
        worker.stdin.write(b'{}\n{"request": "history"}\n')
        worker.stdin.flush()
        answer = worker.stdout.readline()

    assert json.loads(answer)["kind"] == "missing-library"


NAMESAKES = ("state", "signals", "channel", "history", "models", "project", "worker", "_alembic_ops_worker")


def test_a_project_may_call_its_modules_like_the_parts_of_the_worker(set_up: SetUp) -> None:
    bench = set_up("linear")
    for name in NAMESAKES:
        (bench.project / f"{name}.py").write_text("MINE = True\n", encoding="utf-8")
    asked = "".join(f"import {name}\nassert {name}.MINE\n" for name in NAMESAKES[:-1])
    env = bench.project / "migrations" / "env.py"
    env.write_text(asked + env.read_text(encoding="utf-8"), encoding="utf-8")

    assert bench.target.status().heads


def test_a_worker_in_a_folder_where_nothing_may_be_written(
    set_up: SetUp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a package that an administrator has installed: what is compiled at a start cannot be kept."""
    installed = tmp_path / "installed"
    shutil.copytree(WORKER.parent, installed, ignore=shutil.ignore_patterns("__pycache__"))
    (installed / "__pycache__").write_text("in the way, for root as well", encoding="utf-8")
    monkeypatch.setattr(conversation, "WORKER", installed / WORKER.name)

    assert set_up("linear").target.status().heads


def test_several_visits_at_once(set_up: SetUp) -> None:
    bench = set_up("linear")
    failures: list[BaseException] = []

    def look() -> None:
        try:
            targets.target("case").status()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=look) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert bench.tables == []
