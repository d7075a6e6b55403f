"""A program of PostgreSQL's that may take hours: its lines are told as they come, and it ends with us."""

from __future__ import annotations

import ctypes
import os
import re
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from ops import programs
from ops.errors import OpsError
from ops.settings import redact
from ops.statement import brief

TICK_SECONDS = 1.0
PATIENCE_SECONDS = 10.0
"""How long it may take to end when it is told to; then it is killed."""

KEPT_LINES = 60
_PR_SET_PDEATHSIG = 1
_ERROR = re.compile(r"\S*(?:pg_dump|pg_restore|psql|pg_dumpall)\S*: (?:error|fatal): |psql:\S+:\d+: (?:ERROR|FATAL):")
_OWN = re.compile(r"(?:pg_dump|pg_restore|psql|pg_dumpall): ")

Line = Callable[[str], None]
Tick = Callable[[], None]


class ProgramError(OpsError):
    """A program of PostgreSQL's ended with an error; `said` are its lines from the first error on."""

    code = "program"

    def __init__(self, problem: str, *, next_step: str, said: Sequence[str], code: str | None = None) -> None:
        super().__init__(problem, next_step=next_step, code=code)
        self.said = tuple(said)


def run(
    command: Sequence[str],
    environment: Mapping[str, str],
    *,
    problem: str,
    advice: str,
    inherit: bool = False,
    pass_fds: Sequence[int] = (),
    line: Line | None = None,
    tick: Tick | None = None,
) -> None:
    """Return when a program has done its work; what it writes is readable by its owner alone.

    `line` gets each line of its standard error, `tick` is called about once a second. `inherit`: whether it sees our
    own environment's settings for libpq. An interruption ends it, and whatever it has started, before it is passed on.

    Raises
    ------
    ProgramError
        It cannot be started, or failed: with the statement that did, where it names one.
    """
    # Messages are told apart by their words, which are in the language of this process otherwise.
    variables = programs.variables({**environment, "LC_ALL": "C"}, inherit=inherit)
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=variables,
            umask=0o077,
            start_new_session=True,
            pass_fds=tuple(pass_fds),
            preexec_fn=_die_with_parent,
        )
    except OSError as error:
        raise ProgramError(f"{problem}: {type(error).__name__}.", next_step=advice, said=()) from None
    errors = _Errors()
    try:
        _follow(process, (errors.take, *([line] if line else ())), tick)
    except BaseException:
        _end(process)
        raise
    finally:
        assert process.stderr is not None
        process.stderr.close()
    if process.wait() != 0:
        said = errors.said or [f"exit code {process.returncode}"]
        raise ProgramError(f"{problem}: {_words(said)}", next_step=advice, said=[redact(one) for one in said])


def _follow(process: subprocess.Popen[bytes], listeners: Sequence[Line], tick: Tick | None) -> None:
    """Read what a process says until nobody is left who could say anything."""
    assert process.stderr is not None
    descriptor = process.stderr.fileno()
    rest = b""
    looked = time.monotonic()
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        while True:
            if selector.select(timeout=TICK_SECONDS):
                chunk = os.read(descriptor, 65536)
                *lines, rest = (rest + chunk).split(b"\n")
                if not chunk:
                    lines = [rest]
                for raw in lines:
                    for listener in listeners:
                        listener(raw.decode("utf-8", "replace"))
                if not chunk:
                    return
            if tick is not None and time.monotonic() - looked >= TICK_SECONDS:
                tick()
                looked = time.monotonic()


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a program and its workers: asked first, so that it cancels what the server is at for it."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(PATIENCE_SECONDS)
    except BaseException as error:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if not isinstance(error, subprocess.TimeoutExpired):
            raise


class _Errors:
    """The lines from the first error on, of a program that may be saying other things as well."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self._within = False

    def take(self, line: str) -> None:
        """Take one line."""
        if _ERROR.match(line):
            self._within = True
        elif _OWN.match(line):
            self._within = False  # what else it tells
        if self._within and line.strip() and len(self.said) < KEPT_LINES:
            self.said.append(line)


def _words(said: Sequence[str]) -> str:
    """What went wrong, without the program's name, and the statement that did."""
    first = _ERROR.sub("", said[0], count=1).strip()
    first = re.sub(r"^(?:could not execute query|query failed): ", "", first)
    first = re.sub(r"^(?:ERROR|FATAL):\s*", "", first)
    following = next((index for index, one in enumerate(said) if one.startswith("Command was: ")), None)
    if following is None:
        details = [one.strip() for one in said[1:3] if one.startswith(("DETAIL:", "HINT:", "LINE "))]
        return redact(" ".join([first.rstrip(".") + ".", *details]))
    statement = redact("\n".join(said[following:]).removeprefix("Command was: "))  # before half of a secret is left
    return f"{redact(first.rstrip('.'))}, at: {brief(statement, limit=300)}"


def _libc() -> ctypes.CDLL | None:
    if not sys.platform.startswith("linux"):
        return None
    with suppress(OSError, AttributeError):
        library = ctypes.CDLL(None, use_errno=True)
        library.prctl  # noqa: B018  resolved before there is a child
        return library
    return None


_LIBC = _libc()


def _die_with_parent() -> None:
    """In the child: end when the thread ends that waits for us, however it does."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
