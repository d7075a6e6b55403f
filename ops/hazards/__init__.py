"""Judgements about statements: data plus one small pure function each."""

from __future__ import annotations

from ops.hazards.values import Hazard, Severity

__all__ = ["Hazard", "Severity"]
