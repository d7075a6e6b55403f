"""What exactly will run, what it will lock, and whether today's data will break it: known before it runs.

`values.py`  the plan, and how its verdict comes about
`show.py`    what a person sees of it
`script.py`  the same as one SQL file that a DBA can review and run
`make.py`    how one is made: a route, a clone, a look at the live database, judgement
"""

from __future__ import annotations

from ops.plan.make import plan
from ops.plan.values import Plan

__all__ = ["Plan", "plan"]
