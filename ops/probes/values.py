"""What is asked, and what was answered."""

from __future__ import annotations

from dataclasses import dataclass

from ops.secrets import Discreet, redact
from ops.values import Verdict


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Probe(Discreet):
    """One question to the live database about one statement, and its answer.

    `statement` is the statement's number in its plan. `violations` is how many rows, or objects, would make it fail:
    exact, or with `at_least` no fewer than that; None where nothing was counted. `samples` are up to five keys of such
    rows (primary key values, or where they lie in a table that has no primary key), or names of objects; never another
    value of a row. `seconds` is what the query took. `why` says what stands against an answer, or what a violation
    means where that is not plain. `sql` is the query, empty where none was needed. Violations make the statement fail
    unless `breaks` is false: then it takes what it finds with it.

    `verdict` is OK where nothing stands in the way, ATTENTION where something does, UNKNOWN where nobody can say.
    """

    statement: int
    question: str
    verdict: Verdict
    violations: int | None = None
    at_least: bool = False
    samples: tuple[str, ...] = ()
    seconds: float = 0.0
    why: str = ""
    sql: str = ""
    breaks: bool = True

    def __str__(self) -> str:
        """Return one line: the question and its answer."""
        count = "" if self.violations is None else f" {'at least ' * self.at_least}{self.violations}"
        return redact(f"{self.verdict}: {self.question}{count}{f' ({self.why})' if self.why else ''}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """Why a live answer is not to be believed: one that says none, and one that says some. Empty where it is."""

    none: str = ""
    some: str = ""

    def __or__(self, other: Doubt) -> Doubt:
        """Return both doubts; the first one speaks."""
        return Doubt(none=self.none or other.none, some=self.some or other.some)

    @property
    def settled(self) -> bool:
        """Whether asking can decide nothing."""
        return bool(self.none and self.some)

    @classmethod
    def of(cls, why: str) -> Doubt:
        """Return a doubt about any answer."""
        return cls(none=why, some=why)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One question before it is asked.

    The query `sql` gives the number of violations, an array of samples, and whether there may be more. `without_keys`
    is the same query for a role that may not read the keys. `evaluates`: the query tries what the statement will do,
    and a value that it cannot take is a violation. `known` is an answer that needs no query. `tables` are the relations
    that it reads, as SQL. `why` is said beside violations. `search_path` is that of the statement where the plan set
    one. `name` is a kind, a schema and a name of which it is asked whether there is such a thing; `dependants`: the
    query lists what depends on something, which need not be on live where it is `made` by the plan. `gone` is what
    earlier statements of the plan take away; `breaks` is that of the probe.
    """

    statement: int
    words: str
    sql: str = ""
    without_keys: str = ""
    evaluates: bool = False
    known: int | None = None
    tables: tuple[str, ...] = ()
    doubt: Doubt = Doubt()
    why: str = ""
    search_path: str = ""
    name: tuple[str, str, str] | None = None
    dependants: bool = False
    breaks: bool = True
    made: bool = False
    gone: frozenset[tuple[str, ...]] = frozenset()
