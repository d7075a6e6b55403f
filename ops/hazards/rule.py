"""What a rule is: words that can be listed without running anything, and one small function."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from ops.hazards.subject import Subject
from ops.hazards.values import Severity
from ops.hazards.weight import Cost, Load
from ops.statement import Mode

DOCS = "https://www.postgresql.org/docs/current/"


class Fact(Enum):
    """What was measured of a statement, and a rule may explain: then no general rule tells it once more."""

    LOCK = "lock"
    SCAN = "scan"
    BUILD = "build"
    REWRITE = "rewrite"
    REACH = "reach"


LOCKS = frozenset({Fact.LOCK})
READS = frozenset({Fact.LOCK, Fact.SCAN})
REACHES = frozenset({Fact.LOCK, Fact.REACH})
BUILDS = frozenset({Fact.LOCK, Fact.SCAN, Fact.BUILD})
REWRITES = frozenset({Fact.LOCK, Fact.SCAN, Fact.BUILD, Fact.REWRITE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Why a rule holds here, and what it takes to weigh that.

    `mode` is the lock whose holding does the harm, on `relation`; `cost` is what is done meanwhile to what weighs
    `work` (the relation itself where that is None), and `during` are the numbers of the later statements that do it,
    where it is not this one. `least` and `most` bound what `weigh` says; `severity` goes past it. `advice` replaces
    the rule's where there is more to be said here.
    """

    relation: str
    harm: str
    mode: Mode | None = None
    cost: Cost = Cost.CATALOG
    work: Load | None = None
    during: tuple[int, ...] = ()
    least: Severity = Severity.INFO
    most: Severity = Severity.CRITICAL
    severity: Severity | None = None
    explains: frozenset[Fact] = frozenset()
    advice: str = ""
    fix: str = ""
    since: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One way to harm a database.

    `harm` says what happens, to whom; `advice` is an order that can be followed; `source` is the vendor's page;
    `since` is the first major version for which the advice holds, 0 for every one. `lock` is the mode that such a
    statement takes on its own table: a claim that a test measures; None where it takes none, or any. `rows` numbers the
    patterns of statements that the rule stands for. `whole`: it looks at a statement as a whole, once, and not at each
    of its commands.
    """

    code: str
    harm: str
    advice: str
    source: str
    spot: Callable[[Subject], Finding | None]
    lock: Mode | None = None
    since: int = 0
    rows: tuple[int, ...] = ()
    whole: bool = False
