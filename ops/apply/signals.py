"""SIGINT, SIGTERM and SIGHUP while a database is changed: what is under way is stopped in order, and only once."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from ops.errors import InterruptedRunError

SAME_WISH_SECONDS = 5.0

_HEEDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Signals:
    """What was asked for so far. A signal is a KeyboardInterrupt, unless its time is bad."""

    def __init__(self) -> None:
        self.name = ""
        self._begun = False
        self._deaf = False
        self._deferring = False
        self._raised = float("-inf")

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if self._deaf:
            return
        self.name = self.name or signal.Signals(number).name
        if not self._deferring:
            self._raise()

    def _raise(self) -> None:
        """A second signal that comes at once is the same wish: whoever tells all processes has told us, too.

        It must not break into what the first one has begun: to say what stays, and to put that on record.
        """
        now = time.monotonic()
        if now - self._raised > SAME_WISH_SECONDS:
            self._raised = now
            raise KeyboardInterrupt(self.name)

    def begin(self) -> None:
        """From now on the database may be changed."""
        self._begun = True

    def end(self) -> None:
        """Hear nothing any more: what is left to do is to tidy up, and to write down what happened."""
        self._deaf = True

    @contextmanager
    def deferred(self) -> Iterator[None]:
        """Have a signal wait until the block has ended: it must be done wholly, or not at all."""
        self._deferring = True
        try:
            yield
        finally:
            self._deferring = False
        if self.name and not self._deaf:
            self._raise()

    @property
    def changed(self) -> bool | None:
        """Whether the database was changed, for an interruption that nobody has looked into."""
        return None if self._begun else False


@contextmanager
def heeded() -> Iterator[Signals]:
    """Have signals end the block as an InterruptedRunError; handlers can be set in the main thread only.

    Raises
    ------
    InterruptedRunError
        A signal came, and whatever runs in the block has not dealt with it itself.
    """
    found = Signals()
    before = {}
    if threading.current_thread() is threading.main_thread():
        # nohup has SIGHUP ignored, and a shell's background job SIGINT: that wish is kept.
        numbers = [one for one in _HEEDED if signal.getsignal(one) is not signal.SIG_IGN]
        before = {number: signal.signal(number, found) for number in numbers}
    try:
        yield found
    except KeyboardInterrupt:
        what = f"by {found.name or 'hand'}"
        raise InterruptedRunError(
            f"The run was stopped {what}, before it had begun to change anything."
            if found.changed is False
            else f"The run was stopped {what}.",
            next_step="Look at the state with notebooks/10-inspect.ipynb before anything else.",
            changed=found.changed,
        ) from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
