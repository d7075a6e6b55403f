"""What an application does while a migration runs on a copy, and how long it waits for it."""

from __future__ import annotations

import math
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ops import commands, scratch
from ops.errors import ConnectError, UsageError, first_line
from ops.settings import TargetSettings, redact
from ops.statement import brief

if TYPE_CHECKING:
    from psycopg2.extensions import connection

LEAST = 0.005
"""Seconds; what takes less is no wait that anybody notices, and there may be very many."""

_PAUSE = 0.005
_PATIENCE = 5.0
_CONTROL = frozenset({"BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """One statement that took long: when it began, on the clock of `time.monotonic`, and for how many seconds it ran.

    `error` is what the server said where it failed in the end.
    """

    sql: str
    began: float
    seconds: float
    error: str = ""


class Traffic:
    """What a second session met while it repeated its statements; filled as long as it runs."""

    def __init__(self, statements: Sequence[str]) -> None:
        self.statements = tuple(statements)
        self._lock = threading.Lock()
        self._waits: list[Wait] = []
        self._running: tuple[str, float] | None = None
        self._errors: Counter[str] = Counter()
        self._count = 0

    def longest(self, begin: float = -math.inf, end: float = math.inf, since: float | None = None) -> Wait | None:
        """Return the longest wait that began in a period of `time.monotonic`; None where none took `LEAST` seconds.

        One that is not over yet counts with the time that it has taken by now. What began between `since` and the
        period counts from the period's begin on: a statement is on its way when another overtakes it and locks the
        table.
        """
        since = begin if since is None else since
        found = [
            one if one.began >= begin else replace(one, began=begin, seconds=one.began + one.seconds - begin)
            for one in self._all()
            if since <= one.began < end
        ]
        return max((one for one in found if one.seconds >= LEAST), key=lambda one: one.seconds, default=None)

    def _all(self) -> tuple[Wait, ...]:
        """What is over, and what is not."""
        with self._lock:
            over = tuple(self._waits)
            if self._running is None:
                return over
            sql, began = self._running
            return (*over, Wait(sql=sql, began=began, seconds=time.monotonic() - began))

    @property
    def waits(self) -> tuple[Wait, ...]:
        """Every statement that took `LEAST` seconds or more, in the order in which they ended."""
        with self._lock:
            return tuple(self._waits)

    @property
    def count(self) -> int:
        """How many statements have ended."""
        with self._lock:
            return self._count

    @property
    def errors(self) -> tuple[str, ...]:
        """What went wrong, a sentence each, the most frequent first."""
        with self._lock:
            found = self._errors.most_common()
        return tuple(text if times == 1 else f"{text} ({times} times)" for text, times in found)

    def begin(self, sql: str) -> None:
        """Note that a statement begins."""
        with self._lock:
            self._running = (sql, time.monotonic())

    def end(self, error: str = "") -> None:
        """Note that it has ended."""
        now = time.monotonic()
        with self._lock:
            assert self._running is not None  # one begins before it ends
            sql, began = self._running
            self._running = None
            self._count += 1
            if now - began >= LEAST:
                self._waits.append(Wait(sql=sql, began=began, seconds=now - began, error=error))
        if error:
            self.fail(f"{brief(redact(sql), limit=80)}: {error}")

    def fail(self, error: str) -> None:
        """Note an error."""
        with self._lock:
            self._errors[error] += 1


def read(text: str, settings: TargetSettings) -> tuple[str, ...]:
    """Return the statements of some traffic: SQL, or one word that ends in `.sql`, a file that holds it.

    Its path begins at the folder that the project's env.py runs in.

    Raises
    ------
    UsageError
        There is no such file, PostgreSQL cannot read the text, or it begins and ends transactions.
    """
    folder = settings.project.cwd or settings.project.config.parent
    if text.strip().endswith(".sql") and len(text.split()) == 1:
        file = folder / text.strip()
        try:
            text = file.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            raise UsageError(
                f"The traffic in {file} cannot be read: {why}.", next_step=f"Write its path as seen from {folder}."
            ) from None
    verbs = {one.verb for one in commands.parse(text)} if text.strip() else set()
    if "?" in verbs:
        raise UsageError("PostgreSQL cannot read the traffic's SQL.", next_step="Try it with psql.")
    if verbs & _CONTROL:
        raise UsageError(
            "The traffic begins or ends a transaction, and each of its statements is in one of its own, which is "
            "rolled back.",
            next_step="Leave BEGIN, COMMIT, ROLLBACK and SAVEPOINT out.",
        )
    return commands.split(text) if verbs else ()


@contextmanager
def running(statements: Sequence[str], there: TargetSettings) -> Iterator[Traffic]:
    """Yield what a second session meets that repeats some statements at a copy until the context ends.

    Each is a transaction of its own, which is rolled back: it takes its locks, and what the copy holds stays as the
    migration leaves it, but for what sequences have given. An error is noted, and the next statement follows.

    Raises
    ------
    ConnectError
        The copy does not let it in.
    """
    traffic = Traffic(statements)
    if not traffic.statements:
        yield traffic
        return
    session = _Session(traffic, _connected(there), there)
    session.start()
    try:
        session.warm.wait(_PATIENCE)
        yield traffic
    finally:
        session.stop()


class _Session:
    """The thread that repeats the statements."""

    def __init__(self, traffic: Traffic, connection: connection, there: TargetSettings) -> None:
        self.traffic = traffic
        self.connection = connection
        self.there = there
        self.warm = threading.Event()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="traffic", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Return when it has ended; what it waits for is given up."""
        self._over.set()
        while self._thread.is_alive():
            with suppress(Exception):  # a connection that is lost has nothing to be cancelled
                self.connection.cancel()
            self._thread.join(0.05)
        self.connection.close()

    def _run(self) -> None:
        while not self._over.is_set():
            for sql in self.traffic.statements:
                if self._over.is_set() or not self._is_connected():
                    break
                self._once(sql)
                self._over.wait(_PAUSE)
            self.warm.set()

    def _once(self, sql: str) -> None:
        import psycopg2

        error = ""
        self.traffic.begin(sql)
        try:
            with self.connection.cursor() as cursor:
                cursor.execute(sql)
        except psycopg2.Error as problem:
            error = "" if self._over.is_set() else first_line(problem)
        self.traffic.end(error)
        try:
            self.connection.rollback()
        except psycopg2.Error as problem:  # told here where the statement itself came back
            if not error and not self._over.is_set():
                self.traffic.fail(f"{brief(redact(sql), limit=80)}: {first_line(problem)}")

    def _is_connected(self) -> bool:
        if not self.connection.closed:
            return True
        try:
            self.connection = _connected(self.there)
        except ConnectError as error:
            self.traffic.fail(error.problem)
            self._over.wait(1.0)
            return False
        return True


def _connected(there: TargetSettings) -> connection:
    import psycopg2

    given: dict[str, Any] = {"connect_timeout": scratch.CONNECT_SECONDS, **scratch.options(there.database.url)}
    try:
        made = psycopg2.connect(**{**given, "application_name": "alembic-ops traffic"})
    except psycopg2.OperationalError as error:
        raise ConnectError(
            f"The copy does not let the traffic in: {first_line(error)}.", next_step="Look at the scratch server's log."
        ) from None
    return made
