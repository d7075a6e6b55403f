"""The record of what was done to a database: intents, applied revisions, outcomes.

`ledger.py`       the interface; reading is a fact, and the action layer alone writes
`records.py`      everything on record of one version table, and what follows from it
`in_database.py`  kept in schema `alembic_ops` of the target
`in_file.py`      kept under `.ops/` of the home folder
"""

from __future__ import annotations

from ops.ledger.ledger import Ledger
from ops.ledger.records import Records
from ops.ledger.values import NONE, Applied, Gap, OpenRun, Part, Passed, PastRevision, PastRun
from ops.ledger.who import NOTEBOOK, whoami

__all__ = [
    "NONE",
    "NOTEBOOK",
    "Applied",
    "Gap",
    "Ledger",
    "OpenRun",
    "Part",
    "Passed",
    "PastRevision",
    "PastRun",
    "Records",
    "whoami",
]
