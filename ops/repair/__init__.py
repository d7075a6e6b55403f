"""Whatever is half done, lost or in disorder: found, explained, and mended on request, under guard.

`look.py`      all cases, in order
`scene.py`     what they look at, each asked for once
`nearest.py`   which revisions a schema may be at
`identify.py`  an unknown revision, or none
`course.py`    what of a revision is committed when
`open_run.py`  a run that died
`halfway.py`   the revision that it was at
`left.py`      what it left, as a value and in words
`onward.py`    the rest of a revision that it left half done
`heads.py`     several heads, and what waits
`edited.py`    an applied file that was edited
`remains.py`   invalid indexes, unchecked constraints, half detached partitions
`imports.py`   what cannot be imported
`adopt.py`     a database that nobody ever managed
`act.py`       statements under guard
"""

from __future__ import annotations

from ops.repair.look import repair
from ops.repair.values import CASES, Finding, Repair

__all__ = ["CASES", "Finding", "Repair", "repair"]
