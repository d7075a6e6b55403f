"""A judgement about a statement."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from ops.secrets import Discreet


class Severity(IntEnum):
    """How bad it is for this database now, the mildest first."""

    INFO = 1
    LOW = 2
    MEDIUM = 3
    HIGH = 4
    CRITICAL = 5

    @property
    def word(self) -> str:
        """The severity as parameters and `plan.json` write it."""
        return self.name.lower()


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Hazard(Discreet):
    """What is dangerous about one statement, on this database, and the way round it.

    `statement` is the statement's number in its plan; 0 where it is about the file of `revision` as a whole. `harm` is
    one sentence that names the objects; `waits` says who waits for whom; `held` until when the lock is held; `during`
    are the numbers of later statements, where the danger is that the lock is kept for their work. `advice` is an order
    that can be followed; `fix` is Alembic code to paste, built from the actual names, or empty where there is none. The
    fix holds from PostgreSQL `since` on. `source` is the vendor's page. `allowed`: the person who asked for the plan
    has allowed this code by name.
    """

    code: str
    severity: Severity
    statement: int
    relation: str
    harm: str
    advice: str
    source: str
    waits: str = ""
    held: str = ""
    during: tuple[int, ...] = ()
    fix: str = ""
    since: int = 0
    allowed: bool = False
    revision: str = ""
