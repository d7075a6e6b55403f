"""How often a revision that did not get its locks is tried again, and when that would not be safe."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from ops import display
from ops.apply.leftovers import Invalid, Leftovers, NotAgainError
from ops.apply.pace import Pace
from ops.apply.progress import Progress
from ops.apply.watch import Watch
from ops.errors import BusyError, MigrationError, OpsError
from ops.project.visit import Visit

FIRST_SECONDS, LONGEST_SECONDS = 0.4, 10.0
"""The pause before the second attempt, and before any: it doubles, and then varies by half."""

_LOOK = "See who holds the table with notebooks/14-check-health.ipynb, wait, and run this again."


class Patience:
    """Counts the attempts of each revision."""

    def __init__(self, here: Visit, progress: Progress, retries: int, report: Callable[[str], None]) -> None:
        self.here = here
        self.progress = progress
        self.retries = retries
        self.report = report
        self._attempts = 0
        self._applied = 0

    def spend(self, error: MigrationError, pace: Pace, watch: Watch, leftovers: Leftovers) -> None:
        """Return after a pause, when the revision that failed may be tried again.

        Raises
        ------
        MigrationError
            It failed for another reason, or it must not be tried again.
        BusyError
            It was tried often enough, and nothing was applied before it.
        """
        self.progress.waited += watch.end()
        if error.code not in ("lock-timeout", "deadlock"):
            raise error
        blockers, limit = watch.blockers, pace.asked["lock_timeout"]
        try:
            left = self._left(leftovers)
            while True:
                self._pause(error, limit, blockers, left)
                if not left or self._removed(left, leftovers):
                    return
        except NotAgainError as why:
            error.problem += f"\n{blockers}{' ' if blockers else ''}It was not tried again: {why}."
            raise error from None

    def _pause(self, error: MigrationError, limit: str, blockers: str, left: tuple[Invalid, ...]) -> None:
        if len(self.progress.applied) > self._applied:
            self._applied, self._attempts = len(self.progress.applied), 0
        self._attempts += 1
        if self._attempts > self.retries:
            raise self._out_of_patience(error, limit, blockers, left) from None
        self.progress.retried += 1
        pause = min(FIRST_SECONDS * 2 ** (self._attempts - 1), LONGEST_SECONDS) * random.uniform(0.5, 1.5)
        what = f"lock not granted within {limit}" if error.code == "lock-timeout" else "deadlock with another session"
        self.report(f"{what}; trying again in {pause:.1f} s. {blockers}".rstrip())
        time.sleep(pause)

    def _left(self, leftovers: Leftovers) -> tuple[Invalid, ...]:
        """What must be removed before the revision is tried again."""
        if self.progress.committed:
            raise NotAgainError("a part of it is committed, and would be run twice")
        if (self.here.heads() or ()) != self.progress.heads:
            raise NotAgainError("the version table has moved")
        left = leftovers.of(self.progress.outside) if self.progress.outside else ()
        if not left:
            self.progress.outside = ""  # it failed, and left nothing
        return left

    def _removed(self, left: tuple[Invalid, ...], leftovers: Leftovers) -> bool:
        """Whether all of it could be removed: whoever was in the way of the build is in the way of that, too."""
        for one in left:
            if not leftovers.drop(one, self.here.settings.limits.lock_timeout_long):
                return False
            self.report(f"removed the invalid index {one}, which the failed attempt left")
        self.progress.outside = ""
        return True

    def _out_of_patience(self, error: OpsError, limit: str, blockers: str, left: tuple[Invalid, ...]) -> OpsError:
        step = self.progress.running
        name = step.revision.revision if step else "The stamp"
        # an invalid index is a change, and whoever asks is told of it
        kind = MigrationError if self.progress.applied or left else BusyError
        what = f"did not get its locks within {limit}" if error.code == "lock-timeout" else "met a deadlock"
        times = display.many(self._attempts, "time")
        stays = "".join(f" The invalid index {one} stays: drop it." for one in left)
        return kind(f"{name} {what}, tried {times}: {error.problem}\n{blockers}{stays}".rstrip(), next_step=_LOOK)
