"""Judgements about statements: data plus one small pure function each."""

from __future__ import annotations

from ops.hazards.fixes.code import bodies
from ops.hazards.judge import judge
from ops.hazards.rule import Rule
from ops.hazards.rules import RULES
from ops.hazards.values import Hazard, Severity

__all__ = ["RULES", "Hazard", "Rule", "Severity", "bodies", "judge"]
