"""The rules, in lists: those for one pattern of statements, those for any, and those for what surrounds them."""

from __future__ import annotations

from ops.hazards.rule import Rule
from ops.hazards.rules import (
    cascade,
    choices,
    clients,
    columns,
    constraints,
    context,
    general,
    indexes,
    rows,
    tables,
    types,
    upkeep,
    values,
)
from ops.hazards.rules.general import STATEMENT_FAILS

SPECIFIC: tuple[Rule, ...] = (
    *columns.RULES,
    *constraints.RULES,
    *types.RULES,
    *indexes.RULES,
    *tables.RULES,
    *cascade.RULES,
    *rows.RULES,
    *values.RULES,
    *upkeep.RULES,
    *clients.RULES,
    *choices.RULES,
)
GENERAL: tuple[Rule, ...] = (*general.MEASURED, *general.ALWAYS)
CONTEXT: tuple[Rule, ...] = context.RULES
RULES: tuple[Rule, ...] = (*SPECIFIC, *general.RULES, *CONTEXT)

__all__ = ["CONTEXT", "GENERAL", "RULES", "SPECIFIC", "STATEMENT_FAILS"]
