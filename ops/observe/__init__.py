"""What a migration does, measured statement by statement while it runs on a clone.

`relations.py`  what exists before, and the query that is asked behind every statement
`changes.py`    what one answer to that query tells beside the one before it
`waiting.py`    a second session's view of what runs outside of a transaction
`course.py`     the run itself: a worker's events, made into statements

Source of the technique: the server's own views, read in the very transaction of the migration.
https://www.postgresql.org/docs/current/view-pg-locks.html
"""

from __future__ import annotations

from ops.observe.course import Observed, observe

__all__ = ["Observed", "observe"]
