"""What a row of the tables of probes is: a plan, what is there before, and what its last statement meets."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Case:
    """One plan. `fails`: whether its last statement does; by default, when there are violations.

    `unknown`: the probes cannot say (`fails` then says what happens). `since` is the oldest major version that
    understands it, `counted_since` the oldest on which all violations are counted, and not just one.
    """

    before: str
    plan: str
    violations: int = 0
    at_least: bool = False
    fails: bool | None = None
    unknown: bool = False
    since: int = 15
    counted_since: int = 15
    samples: tuple[str, ...] | None = field(default=None)

    @property
    def must_fail(self) -> bool:
        """Whether the last statement fails."""
        return self.violations > 0 if self.fails is None else self.fails


def breaks(before: str, plan: str, violations: int, **values: object) -> Case:
    """Return a plan whose last statement fails."""
    return Case(before=before, plan=plan, violations=violations, **values)  # type: ignore[arg-type]


def passes(before: str, plan: str, **values: object) -> Case:
    """Return a plan whose last statement runs."""
    return Case(before=before, plan=plan, **values)  # type: ignore[arg-type]


def unknown(before: str, plan: str, *, fails: bool, **values: object) -> Case:
    """Return a plan of whose last statement nobody can say beforehand whether it runs."""
    return Case(before=before, plan=plan, unknown=True, fails=fails, **values)  # type: ignore[arg-type]
