"""Dumps of a target by pg_dump, and what makes a database of one again.

`patterns.py`   which tables a pattern means
`source.py`     one snapshot of a target: its tables, their sizes, what of them is left out
`space.py`      whether a disk has room
`progress.py`   how far it is, in bytes
`child.py`      a program of PostgreSQL's that may take hours: watched, and ended with us
`making.py`     a dump, with the SHA-256 of every file of it
`values.py`     what a dump is, and its manifest
`checking.py`   whether a dump still is what was written
`restoring.py`  a dump into an empty database
"""

from __future__ import annotations

from ops.dumps.checking import check, find
from ops.dumps.making import make
from ops.dumps.restoring import Restored, restore
from ops.dumps.source import Source, Table, reading
from ops.dumps.space import require_space
from ops.dumps.values import DATA, FORMATS, Dump, ForeignKey

__all__ = [
    "DATA",
    "FORMATS",
    "Dump",
    "ForeignKey",
    "Restored",
    "Source",
    "Table",
    "check",
    "find",
    "make",
    "reading",
    "require_space",
    "restore",
]
