"""Operate the schema of a PostgreSQL database that Alembic manages.

`ops.target(name)` gives a target; its methods give results. Importing this package opens nothing and
loads neither pandas nor IPython: names are resolved when they are first used.
"""

from __future__ import annotations

import importlib
from typing import Any

_HOMES = {
    "BusyError": "ops.errors",
    "InterruptedRunError": "ops.errors",
    "MigrationError": "ops.errors",
    "OpsError": "ops.errors",
    "RefusedError": "ops.errors",
    "Target": "ops.targets",
    "UsageError": "ops.errors",
    "Verdict": "ops.values",
    "catalogue": "ops.runbook.catalogue",
    "control_panel": "ops.panel",
    "describe_targets": "ops.targets",
    "notebook": "ops.runbook.session",
    "target": "ops.targets",
    "walkthrough": "ops.runbook.walkthrough",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    try:
        home = _HOMES[name]
    except KeyError:
        raise AttributeError(f"module 'ops' has no attribute {name!r}") from None
    return getattr(importlib.import_module(home), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
