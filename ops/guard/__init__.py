"""Permission to change a database: what refuses, and says everything that is missing at once.

`refusal.py`   gathers the facts and refuses
`missing.py`   what the target's section demands and is not there: judgement alone
`needs.py`     which rights the statements of a plan need, as far as that is certain
`rights.py`    which of them a role has not
`evidence.py`  what rehearsals and backups have left on record
"""

from __future__ import annotations

from ops.guard.refusal import Permission, check, check_typed_name, needs_confirmation, permission

__all__ = ["Permission", "check", "check_typed_name", "needs_confirmation", "permission"]
