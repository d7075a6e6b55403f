"""Judgements about statements: data plus one small pure function each."""

from __future__ import annotations

from ops.hazards.files import FILE_CODES, judge_files
from ops.hazards.fixes.code import bodies
from ops.hazards.judge import judge
from ops.hazards.rule import Rule
from ops.hazards.rules import RULES
from ops.hazards.values import Hazard, Severity

__all__ = ["CODES", "RULES", "Hazard", "Rule", "Severity", "bodies", "judge", "judge_files"]

CODES = frozenset(rule.code for rule in RULES) | FILE_CODES
"""The name of every hazard that there is."""
