"""Whether a disk has room for what is about to be written."""

from __future__ import annotations

import os
from pathlib import Path

from ops import display
from ops.errors import OpsError

RESERVE = 64 * 1024 * 1024
"""What is left to others, in bytes."""


def require_space(folder: Path, needed: int, what: str) -> None:
    """Return when the disk of a folder, which need not be there yet, has room for so many bytes.

    Raises
    ------
    OpsError
        It has not (code `disk`); both numbers are told.
    """
    there = next(one for one in (folder, *folder.parents) if one.exists())
    found = os.statvfs(there)
    free = found.f_bavail * found.f_frsize
    if needed + RESERVE > free:
        raise OpsError(
            f"The disk of {there} has {display.size(free)} free, and {what} may need {display.size(needed)} "
            f"({needed:,} bytes), with {display.size(RESERVE)} left to others.",
            next_step="Make room there, or leave out the rows of tables that are not needed.",
            code="disk",
        )
