"""The process of a worker: forked by a server that has imported the libraries already, one for each interpreter.

A worker imports Alembic and SQLAlchemy, which takes longer than most of what it is asked. So the first one that this
process wants starts a server (`forkserver.py`) by the project's interpreter, which imports them once; each worker is a
fork of it, and as little of a project's as a new interpreter has been there before it.
"""

from __future__ import annotations

import json
import os
import select
import socket
import subprocess
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO

FORKSERVER = Path(__file__).parent / "worker" / "forkserver.py"

_mutex = threading.Lock()
_servers: dict[str, _Server] = {}


class Process:
    """A process that runs a script: as much of `subprocess.Popen` as a conversation needs.

    Raises OSError where there is no such interpreter, or no such folder.
    """

    def __init__(self, python: str, script: Path, *, folder: Path, environment: Mapping[str, str]) -> None:
        os.stat(os.path.join(folder, "."))  # that it is a folder, and may be gone to
        self.returncode: int | None = None
        self._pid: int | None = None
        self._mutex = threading.Lock()
        ends = [os.pipe() for _ in range(4)]
        (stdin, self._stdin), (self._stdout, stdout), (self._stderr, stderr), (self._said, said) = ends
        self.stdin: IO[bytes] = os.fdopen(self._stdin, "wb")
        self.stdout: IO[bytes] = os.fdopen(self._stdout, "rb")
        self.stderr: IO[bytes] = os.fdopen(self._stderr, "rb")
        self._words: IO[bytes] = os.fdopen(self._said, "rb", buffering=0)
        message = {
            "python": python,
            "script": os.fspath(script),
            "folder": os.fspath(folder),
            "environment": dict(environment),
        }
        theirs = (stdin, stdout, stderr, said)
        try:
            _send(python, message, theirs)
        except BaseException:
            for ours in (self.stdin, self.stdout, self.stderr, self._words):
                ours.close()
            raise
        finally:
            for one in theirs:
                os.close(one)

    @property
    def pid(self) -> int:
        """The process id; 0 where the server ended before there was one."""
        with self._mutex:
            if self._pid is None:
                self._pid = self._number() or 0
        return self._pid

    def wait(self, timeout: float | None = None) -> int:
        """Return how it ended, as `subprocess.Popen.wait` does. From then on another process may have its id."""
        give_up = None if timeout is None else time.monotonic() + timeout
        pid = self.pid
        with self._mutex:
            if self.returncode is None:
                left = None if give_up is None else max(0.0, give_up - time.monotonic())
                if not select.select([self._words], [], [], left)[0]:
                    raise subprocess.TimeoutExpired(str(pid), timeout or 0)
                code = self._number()
                self.returncode = -9 if code is None else code
                self._words.close()
        return self.returncode

    def _number(self) -> int | None:
        """The next number that the server says, which it writes at once with its end of line; None at the end."""
        text = b""
        while not text.endswith(b"\n"):
            byte = self._words.read(1)
            if not byte:
                return None
            text += byte
        return int(text)


class _Server:
    """One server, and the socket over which it is asked for processes."""

    def __init__(self, python: str, folder: str, environment: Mapping[str, str]) -> None:
        self._socket, theirs = socket.socketpair()
        try:
            self._process = subprocess.Popen(
                [python, str(FORKSERVER)],
                stdin=theirs,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd=folder,
                env=dict(environment),
                start_new_session=True,  # Ctrl-C is ours to translate into a cancel on the server
            )
        except BaseException:
            self._socket.close()
            raise
        finally:
            theirs.close()

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def send(self, message: Mapping[str, object], descriptors: tuple[int, ...]) -> None:
        text = json.dumps(message).encode()
        socket.send_fds(self._socket, [len(text).to_bytes(4, "big")], descriptors)
        self._socket.sendall(text)


def _send(python: str, message: Mapping[str, object], descriptors: tuple[int, ...]) -> None:
    """Have the server of an interpreter make a process, started where none runs."""
    with _mutex:
        server = _servers.get(python)
        if server is not None and server.is_alive:
            try:
                return server.send(message, descriptors)
            except OSError:
                pass  # it has been killed in this moment
        environment: Mapping[str, str] = message["environment"]  # type: ignore[assignment]
        _servers[python] = server = _Server(python, str(message["folder"]), environment)
        server.send(message, descriptors)


def _after_fork_in_child() -> None:
    # The servers are the parent's, and its other threads, one of which may hold the mutex, do not exist here.
    global _mutex
    _mutex = threading.Lock()
    _servers.clear()


os.register_at_fork(after_in_child=_after_fork_in_child)
