"""A real pooler between us and the server: in session mode all is well, in the others nothing is begun."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from ops import database, targets
from ops.errors import ConnectError, RefusedError, SharedSessionError
from ops.values import Verdict
from tests import passwords
from tests.database.conftest import SetUp, until
from tests.database.test_lock import ended, plain, with_lock

guarded, make_role = passwords.guarded, passwords.make_role

CONFIG = """
[databases]
* = host=127.0.0.1 port={backend}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = trust
auth_file = {folder}/users.txt
pool_mode = {mode}
{more}
"""
UNHARMED = {
    "default_transaction_read_only": "off",
    "statement_timeout": "0",
    "lock_timeout": "0",
    "idle_session_timeout": "0",
}


@pytest.fixture
def pooler() -> Iterator[Callable[..., int]]:
    """Start a pooler in some mode before a role's server; returns its port."""
    found = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if found is None:
        missing = "no pgbouncer on this machine"
        # what .ci/run installs itself must be there
        pytest.fail(missing) if os.environ.get("OPS_CI") else pytest.skip(missing)
    with ExitStack() as stack:

        def start(role: passwords.Role, mode: str, more: str = "") -> int:
            return stack.enter_context(_started(found, role, mode, more))

        yield start


@contextmanager
def _started(program: str, role: passwords.Role, mode: str, more: str) -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    # Not below pytest's own folder, which only we may enter: it does not run as root.
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        values = {"backend": role.server.port, "port": port, "folder": folder, "mode": mode, "more": more}
        (folder / "pgbouncer.ini").write_text(CONFIG.format(**values), encoding="utf-8")
        (folder / "users.txt").write_text(f'"{role.name}" "{role.password}"\n', encoding="utf-8")
        command = [program, *(["-u", "nobody"] if os.getuid() == 0 else []), str(folder / "pgbouncer.ini")]
        with open(folder / "log", "w") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
            try:

                def answers() -> bool:
                    assert process.poll() is None, (folder / "log").read_text()
                    with socket.socket() as client:
                        return client.connect_ex(("127.0.0.1", port)) == 0

                until(answers)
                yield port
            finally:
                process.kill()


def through(role: passwords.Role, port: int) -> str:
    return role.url().replace(f":{role.server.port}/", f":{port}/")


def settings_of(url: str) -> dict[str, Any]:
    """What an application's next session finds set."""
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        found = {}
        for name in UNHARMED:
            cursor.execute(f"SHOW {name}")
            found[name] = cursor.fetchone()[0]
        return found


# fmt: off
SHARED = {  #                                  mode           further settings
    "a transaction each":                     ("transaction", ""),
    "whichever comes next":                   ("transaction", "server_round_robin = 1"),
    "one for all":                            ("transaction", "default_pool_size = 1"),
}
# fmt: on


@pytest.mark.parametrize(("mode", "more"), SHARED.values(), ids=SHARED)
def test_shared_sessions_are_refused_and_nothing_is_left_behind(
    mode: str, more: str, pooler: Callable[..., int], make_role: Callable[..., passwords.Role], set_up: SetUp
) -> None:
    role = make_role()
    url = through(role, pooler(role, mode, more))
    bench = set_up("linear", url=url)
    if "robin" in more:
        with ExitStack() as stack:  # three at once, so that there are three to take turns
            for one in [stack.enter_context(closing(psycopg2.connect(url))) for _ in range(3)]:
                one.cursor().execute("SELECT 1")

    for act in (bench.target.compare, lambda: bench.target.upgrade(dry_run=False), lambda: bench.target.upgrade()):
        with pytest.raises(SharedSessionError) as refused:
            act()
        error = refused.value
        assert (error.code, error.exit_code, error.verdict, error.changed) == ("pooler", 4, Verdict.REFUSED, False)
        assert "direct_url_env" in error.next_step
        assert role.password not in str(error)

    assert settings_of(url) == UNHARMED
    assert role.ask("SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database"
                    " WHERE l.locktype = 'advisory' AND d.datname = current_database()") == [(0,)]  # fmt: skip
    assert role.ask("SELECT to_regclass('alembic_version')") == [(None,)]


@pytest.mark.parametrize(("mode", "more"), SHARED.values(), ids=SHARED)
def test_where_it_is_can_be_seen_through_it_and_nothing_is_left_behind(
    mode: str, more: str, pooler: Callable[..., int], make_role: Callable[..., passwords.Role], set_up: SetUp
) -> None:
    role = make_role()
    direct = set_up("linear", url=role.url())
    direct.target.upgrade("a10000000003", dry_run=False)
    seen = direct.target.status()
    url = through(role, pooler(role, mode, more))
    ini = direct.home / "ops.ini"
    ini.write_text(ini.read_text(encoding="utf-8").replace(role.url(), url), encoding="utf-8")

    status = targets.target("case").status()

    assert (status.verdict, status.current) == (Verdict.OK, ("a10000000003",))
    assert status.to_dict() == seen.to_dict()
    text = status._repr_mimebundle_()["text/plain"]
    assert "is reached through a pooler that shares sessions" in text and "env.py was asked offline" in text
    assert "direct_url_env" in text and role.password not in text
    assert settings_of(url) == UNHARMED


@pytest.mark.heavy
def test_a_role_that_cannot_be_taken_on_is_said_through_it_too(
    pooler: Callable[..., int], make_role: Callable[..., passwords.Role], set_up: SetUp
) -> None:
    role = make_role()
    bench = set_up("linear", url=through(role, pooler(role, "transaction")), role="nobody_there")

    with pytest.raises(ConnectError, match=r"a transaction cannot be set up: .*nobody_there"):
        bench.target.status()

    assert settings_of(bench.url) == UNHARMED


def test_an_env_py_that_cannot_be_asked_offline_is_refused(
    pooler: Callable[..., int], make_role: Callable[..., passwords.Role], set_up: SetUp
) -> None:
    role = make_role()
    bench = set_up("linear", url=through(role, pooler(role, "transaction")))
    env = bench.project / "migrations" / "env.py"
    text = env.read_text(encoding="utf-8")
    assert "if context.is_offline_mode():" in text
    env.write_text(text.replace("if context.is_offline_mode():", "if False:"), encoding="utf-8")

    with pytest.raises(SharedSessionError, match="through a pooler"):
        bench.target.status()

    assert settings_of(bench.url) == UNHARMED


def test_shared_sessions_are_noticed_under_load(
    pooler: Callable[..., int], make_role: Callable[..., passwords.Role], set_up: SetUp
) -> None:
    role = make_role()
    url = through(role, pooler(role, "transaction", "default_pool_size = 4"))
    bench = set_up("linear", url=url)
    over = threading.Event()

    def work() -> None:
        with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
            while not over.is_set():
                cursor.execute("SELECT pg_sleep(0.002)")
                connection.commit()

    workers = [threading.Thread(target=work) for _ in range(6)]
    for one in workers:
        one.start()
    try:
        for _ in range(10):
            with pytest.raises(SharedSessionError), database.connect(bench.target.settings):
                pass
    finally:
        over.set()
        for one in workers:
            one.join()
    assert settings_of(url) == UNHARMED


def test_a_direct_url_goes_round_it(
    pooler: Callable[..., int],
    make_role: Callable[..., passwords.Role],
    set_up: SetUp,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    role = make_role()
    port = pooler(role, "transaction")
    monkeypatch.setenv("DIRECT_URL", role.url())
    bench = set_up("linear", url=through(role, port), direct_url_env="DIRECT_URL")

    status = targets.target("case").status()
    run = targets.target("case").upgrade(dry_run=False)

    assert status.facts.database == role.database
    assert run.verdict is not Verdict.FAILED and run.current == ("a10000000005",)
    assert bench.current == ["a10000000005"], "seen through the pooler"
    assert settings_of(through(role, port)) == UNHARMED


def test_a_direct_url_to_another_database(
    pooler: Callable[..., int], make_role: Callable[..., passwords.Role], set_up: SetUp
) -> None:
    role, other = make_role(), make_role()
    url = through(role, pooler(role, "transaction"))
    bench = set_up("linear", url=url, direct_url=other.url())

    with pytest.raises(RefusedError, match=f"direct_url leads to another database than url, .* {role.database} at"):
        bench.target.upgrade(dry_run=False)

    for one in (role, other):
        assert one.ask("SELECT to_regclass('alembic_version')") == [(None,)]
    assert settings_of(url) == UNHARMED


@pytest.mark.parametrize("project", ["linear", "async_env"])
def test_an_env_py_that_goes_through_it_by_itself(
    project: str, pooler: Callable[..., int], make_role: Callable[..., passwords.Role], set_up: SetUp
) -> None:
    role = make_role()
    url = through(role, pooler(role, "transaction"))
    bench = set_up(project, url=role.url())
    env = bench.project / "migrations" / "env.py"
    text = env.read_text(encoding="utf-8")
    (name,) = {"linear": ["engine_from_config"], "async_env": ["async_engine_from_config"]}[project]
    driver = url.replace("postgresql:", "postgresql+asyncpg:" if project == "async_env" else "postgresql+psycopg2:")
    assert f"{name}(" in text
    head, _, tail = text.rpartition(f"{name}(")
    env.write_text(f"{head}{name}({{'sqlalchemy.url': {driver!r}}} or {tail}", encoding="utf-8")

    with pytest.raises(SharedSessionError, match=r"env\.py of target 'case' reaches the database through a pooler"):
        bench.target.upgrade(dry_run=False)

    assert settings_of(url) == UNHARMED
    assert role.ask("SELECT to_regclass('alembic_version')") == [(None,)]


def test_a_pooler_in_session_mode_is_as_good_as_none(
    pooler: Callable[..., int], make_role: Callable[..., passwords.Role], set_up: SetUp
) -> None:
    role = make_role()
    url = through(role, pooler(role, "session", "server_reset_query = DISCARD ALL"))
    bench = set_up("linear", url=url)

    assert bench.target.status().verdict is Verdict.OK
    assert bench.target.upgrade("a10000000003", dry_run=False).current == ("a10000000003",)
    assert bench.target.downgrade("-1", dry_run=False).current == ("a10000000002",)
    assert settings_of(url) == UNHARMED


def test_plain_alembic_refuses_a_lock_that_would_be_void(
    pooler: Callable[..., int], make_role: Callable[..., passwords.Role], set_up: SetUp
) -> None:
    role = make_role()
    bench = set_up("linear", url=through(role, pooler(role, "transaction")))
    with_lock(bench)

    code, output, errors = ended(plain(bench, "upgrade", "head"))

    assert code != 0 and "Traceback" not in errors
    assert "A pooler that shares sessions among its clients stands between" in output + errors
    assert role.ask("SELECT to_regclass('alembic_version')") == [(None,)]
