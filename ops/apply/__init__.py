"""Upgrade, downgrade, stamp: guard, lock, act, verify, record."""

from __future__ import annotations

from ops.apply.act import change
from ops.apply.run import AppliedRevision, Run

__all__ = ["AppliedRevision", "Run", "change"]
