"""The process that keeps one embedded PostgreSQL running while anybody uses it.

A script of its own, on the standard library alone, started as `python keeper.py FOLDER BIN_DIR MAJOR
SOCKET_FOLDER NAMESPACES SETTINGS`, the last as JSON. It forks: the first process waits until the server is
ready, prints one JSON object (`state`: `ready` or `busy`; or `problem` and `next_step`) and ends; the second, in a
session of its own, is the keeper. It has one thread: PostgreSQL asks to be told when the thread that started it dies.

Locks in FOLDER, all by `flock`, which the kernel gives back however a process ends:

users.lock    shared by every process that uses the server; the keeper stops when it gets it exclusively
start.lock    held by the process that is starting the server
keeper.lock   held by the keeper alone
server.lock   inherited by PostgreSQL and its children: while it is held, one of them is alive. So a
              `postmaster.pid` that is found while nobody holds it is stale, whatever its pid says.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import json
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import time
from types import FrameType
from typing import NoReturn

PORT = 5432  # part of the socket's file name only: there is no TCP port
SOCKET = f".s.PGSQL.{PORT}"
CLONE_NEWUSER = 0x10000000
PR_SET_PDEATHSIG = 1
START_SECONDS = 120.0
POLL_SECONDS = 0.2

SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "port": str(PORT),
    "max_connections": "200",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "synchronous_commit": "off",
    "cluster_name": "alembic-ops",
    # Rows and statements may hold what nobody should find in a log.
    "log_min_messages": "log",
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
    "log_checkpoints": "off",
}


class Failure(Exception):
    """The server cannot be started; the process that asked makes an error of it."""

    def __init__(self, problem: str, next_step: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.next_step = next_step


class Busy(Exception):
    """Another keeper is there, or its server still is."""


def status(folder: str) -> tuple[str, str]:
    """Return PostgreSQL's word on itself (`ready`, `stopping`, …; empty: none), and its socket's folder."""
    try:
        with open(os.path.join(folder, "data", "postmaster.pid"), "rb") as file:
            lines = file.read().split(b"\n")
    except FileNotFoundError:
        return "", ""
    if len(lines) < 8:
        return "", ""
    return lines[7].strip().decode("ascii", "replace"), os.fsdecode(lines[4])


def is_locked(path: str) -> bool:
    """Return whether somebody holds this lock exclusively."""
    try:
        lock = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


def open_lock(path: str) -> int:
    """Return a descriptor for `flock`, not inheritable."""
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)


def _take(path: str) -> int:
    """Return the lock, held exclusively. Others may hold it for an instant, to see whether somebody does."""
    lock = open_lock(path)
    give_up = time.monotonic() + 1.0
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > give_up:
                raise Busy from None
            time.sleep(0.005)
        else:
            return lock


# --- who PostgreSQL runs as, since it refuses to run as root ---------------------------------------


class Identity:
    """`self`, `namespace` (in which root is nobody, and still owns its files), or the name of an account."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.account = None if name in ("self", "namespace") else pwd.getpwnam(name)

    def __str__(self) -> str:
        return f"the account {self.name!r}" if self.account else "this account"

    def become(self) -> None:
        """Change this process, for good. Raises OSError where the system does not allow it."""
        if self.name == "namespace" and LIBC.unshare(CLONE_NEWUSER) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        if self.account is not None:
            os.setgroups([])
            os.setgid(self.account.pw_gid)
            os.setuid(self.account.pw_uid)

    def own(self, path: str) -> None:
        """Give a folder of ours to the account that must own it."""
        if self.account is not None:
            os.chown(path, self.account.pw_uid, self.account.pw_gid)

    def blocked_at(self, *paths: str) -> str | None:
        """Return the first path that this identity cannot search or run, or None. Raises OSError as above."""
        child = os.fork()
        if child == 0:
            code = 255
            with contextlib.suppress(OSError):
                self.become()
                code = next((n for n, path in enumerate(paths, 1) if not os.access(path, os.X_OK)), 0)
            os._exit(code)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if not 0 <= code <= len(paths):
            raise OSError(f"PostgreSQL cannot be run as {self.name}")
        return paths[code - 1] if code else None


LIBC = ctypes.CDLL(None, use_errno=True)


def _identity(data: str, *, namespaces: bool) -> Identity:
    """Return who is to run the server; the owner of existing files comes first."""
    uid = os.geteuid()
    owner = os.stat(data).st_uid if os.path.isdir(data) else None
    if uid == 0 and owner and _has_name(owner):
        return Identity(pwd.getpwuid(owner).pw_name)
    if uid and _has_name(uid):
        return Identity("self")
    if namespaces:
        with contextlib.suppress(OSError):
            Identity("namespace").blocked_at()
            return Identity("namespace")
    if uid:
        return Identity("self")
    if owner == 0:
        raise Failure(
            f"The server in {os.path.dirname(data)} was made in a user namespace; they are refused now.",
            "Set OPS_EMBEDDED_DIR to another folder, or allow user namespaces.",
        )
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return Identity(name)
    raise Failure(
        "PostgreSQL does not run as root; user namespaces are refused here, and there is neither an account "
        "'postgres' nor 'nobody'.",
        "Run this as an ordinary user.",
    )


def _has_name(uid: int) -> bool:
    # initdb asks for the name of the account that it runs as, and fails where there is none.
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


# --- folders ---------------------------------------------------------------------------------------


def _private(path: str, *, mode: int, owners: set[int]) -> None:
    """Make a folder that only its owner can look into; refuse one that somebody else has put there."""
    with contextlib.suppress(FileExistsError):
        os.mkdir(path, mode)
    found = os.lstat(path)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in owners:
        raise Failure(
            f"{path} is needed for the server's socket, but is a link or belongs to another account.",
            "Look at who made it and remove it, or set TMPDIR to a folder of your own.",
        )
    if stat.S_IMODE(found.st_mode) != mode:
        os.chmod(path, mode)


def _make_socket_folder(chosen: str, folder: str, identity: Identity) -> None:
    """Make or verify the private folder of the server's socket; what a dead server left is removed."""
    us = os.geteuid()
    owners = {us} if identity.account is None else {us, identity.account.pw_uid}
    if os.path.dirname(chosen) != folder:
        _private(os.path.dirname(chosen), mode=0o700 if identity.account is None else 0o711, owners={us})
    _private(chosen, mode=0o700, owners=owners)
    identity.own(chosen)
    for name in (SOCKET, f"{SOCKET}.lock"):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(chosen, name))


# --- the server ------------------------------------------------------------------------------------


class Keeper:
    """One server, from the making of its files to its end."""

    def __init__(self, folder: str, bin_dir: str, major: str, socket_folder: str, namespaces: str, more: str) -> None:
        self.folder = folder
        self.bin_dir = bin_dir
        self.major = int(major)
        self.socket_folder = socket_folder
        self.namespaces = namespaces == "yes"
        self.settings = {**SETTINGS, "unix_socket_directories": f'"{socket_folder}"', **json.loads(more)}
        self.data = os.path.join(folder, "data")
        self.stopping = False
        self.pid = os.getpid()
        self.users = open_lock(os.path.join(folder, "users.lock"))
        self.server_lock = _take(os.path.join(folder, "server.lock"))
        # Before the next lock: whoever sees that one held may believe what the file says.
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(self.data, "postmaster.pid"))
        self.alone = _take(os.path.join(folder, "keeper.lock"))
        signal.signal(signal.SIGTERM, self._told_to_stop)

    def start(self) -> subprocess.Popen[bytes]:
        """Return the started server, not yet ready; its files are made where there are none."""
        self.identity = _identity(self.data, namespaces=self.namespaces)
        os.chmod(self.folder, 0o711 if self.identity.account else 0o700)
        blocked = self.identity.blocked_at(self.folder, os.path.join(self.bin_dir, "postgres"))
        if blocked == self.folder:
            raise Failure(
                f"PostgreSQL is to run as {self.identity} and cannot reach {self.folder}.",
                f"Set OPS_EMBEDDED_DIR to a folder that {self.identity} can reach, such as one in /var/tmp.",
            )
        if blocked:
            raise Failure(
                f"PostgreSQL is to run as {self.identity} and cannot run {blocked}.",
                f"Use a Python environment that {self.identity} can read, or run this as an ordinary user.",
            )
        if not os.path.isdir(self.data):
            self._make_files()
        _make_socket_folder(self.socket_folder, self.folder, self.identity)
        return self._run("postgres", "-D", self.data, *(f"--{name}={value}" for name, value in self.settings.items()))

    def _make_files(self) -> None:
        # Under a name that nobody takes for a cluster until it is whole: initdb may be killed at any moment.
        fresh = os.path.join(self.folder, "data.new")
        if os.path.lexists(fresh):
            shutil.rmtree(fresh)
        os.mkdir(fresh, 0o700)
        self.identity.own(fresh)
        locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"] if self.major >= 17 else []
        options = ["-U", "postgres", "--auth=trust", "--encoding=UTF8", "--no-locale", *locale, "--no-sync"]
        code = self._run("initdb", "-D", fresh, *options).wait()
        if code != 0:
            shutil.rmtree(fresh, ignore_errors=True)
            raise Failure(
                f"The files of a PostgreSQL {self.major} server could not be made in {self.folder} "
                f"(initdb ended with {code}).",
                "Read the lines above; a full disk and a file system without permissions are usual causes.",
            )
        os.rename(fresh, self.data)

    def _run(self, program: str, *arguments: str) -> subprocess.Popen[bytes]:
        def prepare() -> None:
            self.identity.become()
            # After the change of identity, which would clear it. So the server ends even if we are killed.
            if sys.platform == "linux":
                LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGINT, 0, 0, 0)
                if os.getppid() != self.pid:
                    os._exit(1)

        return subprocess.Popen(
            [os.path.join(self.bin_dir, program), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=2,
            pass_fds=[self.server_lock],
            preexec_fn=prepare,
        )

    def wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        """Return once the server takes connections."""
        give_up = time.monotonic() + START_SECONDS
        while status(self.folder)[0] != "ready":
            if process.poll() is not None:
                raise Failure(
                    f"PostgreSQL {self.major} in {self.folder} ended with {process.returncode} when started.",
                    "Read the lines above. If its files are damaged, remove that folder with its databases.",
                )
            if self.stopping or time.monotonic() > give_up:
                self.stop(process)
                raise Failure(
                    f"PostgreSQL {self.major} in {self.folder} was not ready in {START_SECONDS:.0f} seconds.",
                    "Try again when the machine is less busy.",
                )
            time.sleep(0.01)

    def keep(self, process: subprocess.Popen[bytes]) -> None:
        """Return when the server has ended: by itself, as nobody uses it, or as we were told to stop."""
        while process.poll() is None:
            if self.stopping or self._is_abandoned():
                self.stop(process)
                break
            time.sleep(POLL_SECONDS)
        if os.path.dirname(self.socket_folder) != self.folder:
            with contextlib.suppress(OSError):
                os.rmdir(self.socket_folder)

    def _told_to_stop(self, number: int, frame: FrameType | None) -> None:
        self.stopping = True

    def _is_abandoned(self) -> bool:
        try:
            fcntl.flock(self.users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pass
        else:
            return True  # and the lock stays ours until we end: a new user waits, then starts anew
        try:
            there = os.stat(os.path.join(self.folder, "users.lock"))
        except OSError:
            return True
        return not os.path.samestat(there, os.fstat(self.users))

    def stop(self, process: subprocess.Popen[bytes]) -> None:
        """End the server: first cleanly, then by force."""
        for number, patience in ((signal.SIGINT, 20), (signal.SIGQUIT, 10), (signal.SIGKILL, 10)):
            process.send_signal(number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(patience)
                return


def main(arguments: list[str]) -> NoReturn:
    outcome_read, outcome_write = os.pipe()
    if os.fork():
        os.close(outcome_write)
        with open(outcome_read, encoding="utf-8") as outcome:
            print(outcome.read(), flush=True)
        os._exit(0)
    os.setsid()
    os.close(outcome_read)
    os.dup2(0, 1)
    os.umask(0o077)
    # Who asked may have been interrupted; others may be waiting for the same server.
    with contextlib.suppress(BrokenPipeError), open(outcome_write, "w", encoding="utf-8") as outcome:
        try:
            keeper = Keeper(*arguments)
            process = keeper.start()
            keeper.wait_until_ready(process)
        except Busy:
            process, said = None, {"state": "busy"}
        except Failure as failure:
            process, said = None, {"problem": failure.problem, "next_step": failure.next_step}
        except (OSError, subprocess.SubprocessError) as error:
            problem = f"The embedded PostgreSQL in {arguments[0]} could not be started: {error}."
            next_step = "Look at that path: its permissions, and the free space on its disk."
            process, said = None, {"problem": problem, "next_step": next_step}
        else:
            said = {"state": "ready"}
        outcome.write(json.dumps(said))
    if process is not None:
        keeper.keep(process)
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
