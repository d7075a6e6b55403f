"""A change run up, down and up again on a copy of its target, which is only read.

`copy.py`      the copy, with as many rows as one wants there; `sample.py` takes some of them
`contents.py`  what its tables hold: rows, and for each column a checksum
`course.py`    the way: up one revision at a time, back, and up again, with a look behind each
`walks.py`     which of these it takes, and what is known by then
`losses.py`    what differs between two looks: lost, left behind, or only moved
`judge.py`     what that says of each revision
`smoke.py`     the user's own test, run against the copy
`traffic.py`   what an application does meanwhile, in a session beside the migration's
`make.py`      all of it together
`result.py`    what comes of it, `show.py` what a person sees of that, `record.py` what is kept
"""

from __future__ import annotations

from ops.rehearsal.make import rehearse
from ops.rehearsal.result import Rehearsal

__all__ = ["Rehearsal", "rehearse"]
