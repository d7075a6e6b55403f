"""Upgrade, downgrade, stamp: guard, lock, act, verify, record."""

from __future__ import annotations

from ops.apply.act import change, check
from ops.apply.mending import Mending
from ops.apply.run import AppliedRevision, Run

__all__ = ["AppliedRevision", "Mending", "Run", "change", "check"]
