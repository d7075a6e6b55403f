"""How fast it goes: rates, measured on synthetic rows of a table's own shape, or by a rehearsal.

`shapes.py`     what a table looks like to whoever has to write it anew
`sample.py`     synthetic rows of such a shape, in a throw-away database, and what a trial on them takes
`measure.py`    the rates of a plan's trials, kept for the next time
`rehearsed.py`  what a rehearsal of the same plan has measured
"""

from __future__ import annotations

from ops.calibrate.measure import distance, rates
from ops.calibrate.rehearsed import rehearsed

__all__ = ["distance", "rates", "rehearsed"]
