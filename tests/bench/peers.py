"""What the field's other linter says of the corpus of hazards, beside what a server was seen doing, and the plan.

`python tests/bench/peers.py` prints it. Squawk reads the SQL of each file; the plan runs the same statements on a clone
of a large and busy shop; what was measured is `expected.txt`, of which neither knows. Squawk is installed for this
alone, into the folder of the run. Of rules about what waits, measurement is the judge; of what breaks code, nobody is.

Where a statement works under a lock that an earlier one of its transaction keeps, it counts as told when the plan has
said of that one that the lock is kept for this work, and for Squawk when that one has any rule about what waits.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from measure import Part, alone, table

sys.path.insert(0, str(Path(__file__).parents[2]))

from ops import embedded
from ops.hazards import Severity
from ops.statement import Mode
from tests.hazards import corpus, planned

SQUAWK = "2.70.0"
MAJOR = 18
PAGE = Path(__file__).parents[2] / "docs" / "peers.md"
MARK = "<!-- written by make bench -->\n"

TASTE = ("prefer-", "require-enum-value-ordering", "ban-char-field", "identifier-too-long", "require-table-schema")
SETTINGS = ("require-lock-timeout", "require-statement-timeout")
LOCKS = (
    "adding-exclusion", "adding-field-with-default", "adding-foreign-key", "adding-not-nullable", "adding-required",
    "adding-serial", "ban-alter-domain", "ban-concurrent", "ban-create-domain", "changing-column-type", "constraint-",
    "disallowed-unique", "require-concurrent",
)  # fmt: skip
"""The beginnings of rules about what waits; all others but those of taste are about clients that break."""


class Did(Enum):
    """What a statement did on a filled database, as the observer saw it."""

    WORKS = "reads, builds or rewrites while writers wait"
    BRIEF = "a strong lock, and no work under it"
    NEITHER = "neither"


@dataclass(frozen=True, kw_only=True)
class Row:
    """One statement of the corpus: what it did, and what was said of it.

    `squawk_kept` and `high_kept` were said of earlier statements, whose locks are kept while it works.
    """

    case: str
    sql: str
    did: Did
    squawk: tuple[str, ...]
    codes: tuple[str, ...]
    high: tuple[str, ...]
    severity: Severity | None
    squawk_kept: tuple[str, ...] = ()
    high_kept: tuple[str, ...] = ()

    @property
    def squawk_on_locks(self) -> tuple[str, ...]:
        return tuple(one for one in self.squawk if one.startswith(LOCKS))

    @property
    def squawk_tells(self) -> bool:
        return bool(self.squawk_on_locks or self.squawk_kept)

    @property
    def plan_tells(self) -> bool:
        return bool(self.high or self.high_kept)

    @property
    def squawk_on_clients(self) -> tuple[str, ...]:
        return tuple(one for one in self.squawk if not one.startswith((*LOCKS, *TASTE, *SETTINGS)))

    @property
    def says(self) -> str:
        """What the plan calls it."""
        told = ", ".join(f"`{one}`" for one in self.codes if one not in ("cached-plan", "disk"))
        own = [f"{self.severity.word}: {told}"] if self.severity and told else []
        return "; ".join((*own, *(f"`{one}`, where its lock begins" for one in self.high_kept))) or "–"


def rows(folder: Path) -> list[Row]:
    """Return every statement of the corpus that PostgreSQL accepts."""
    program = _install(folder)
    server = embedded.server(folder, major=MAJOR)
    offered = planned.extensions(server)
    cases = [one for one in corpus.cases() if one.runs_on(MAJOR, offered) and not any(s.fails for s in one.steps)]
    home = folder / "corpus"
    home.mkdir()
    plans = planned.plan(tuple(cases), server, home)
    return [row for case in cases for row in _rows(case, plans[case.id], program)]


def _rows(case: corpus.Case, plans: tuple[planned.Planned, ...], program: Path) -> Iterator[Row]:
    said = _squawk(program, case.sql_file)
    seen = case.expected(MAJOR) or ()
    rules = [tuple(sorted({rule for line, rule in said if line in lines})) for lines in _lines(case)]
    for number, (step, one) in enumerate(zip(case.steps, plans, strict=True)):
        did = _did(seen, number)
        keepers = _keepers(seen, number) if did is Did.WORKS else []
        kept = [hazard for keeper in keepers for hazard in plans[keeper].hazards if hazard.severity >= Severity.HIGH]
        yield Row(
            case=case.id,
            sql=corpus.one_line(step.sql),
            did=did,
            squawk=rules[number],
            codes=tuple(sorted({hazard.code for hazard in one.hazards})),
            high=tuple(sorted({hazard.code for hazard in one.hazards if hazard.severity >= Severity.HIGH})),
            severity=max((hazard.severity for hazard in one.hazards), default=None),
            squawk_kept=tuple(rule for keeper in keepers for rule in rules[keeper] if rule.startswith(LOCKS)),
            high_kept=tuple(hazard.code for hazard in kept if one.statement.number in hazard.during),
        )


def _install(folder: Path) -> Path:
    there = folder / "squawk"
    command = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(there)]
    subprocess.run([*command, f"squawk-cli=={SQUAWK}"], check=True)
    return there / "bin" / "squawk"


def _squawk(program: Path, file: Path) -> list[tuple[int, str]]:
    """Return line and rule of what Squawk says of a file, with its own defaults."""
    command = [str(program), "--pg-version", f"{MAJOR}.0", "--reporter", "json", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return [(one["line"] + 1, one["rule_name"]) for one in json.loads(done.stdout)]


def _lines(case: corpus.Case) -> Iterator[range]:
    """The lines on which each statement of a file stands."""
    text = case.sql_file.read_text(encoding="utf-8")
    place = 0
    for step in case.steps:
        place = text.index(step.sql, place)
        first = text.count("\n", 0, place) + 1
        place += len(step.sql)
        yield range(first, first + step.sql.count("\n") + 1)


def _keepers(seen: tuple[corpus.Observed, ...], number: int) -> list[int]:
    """The earlier statements of a transaction whose locks keep writers waiting while this one runs."""
    mine = seen[number].transaction
    same = [earlier for earlier in range(number) if seen[earlier].transaction == mine != 0]
    return [earlier for earlier in same if _strongest((seen[earlier],)).blocks_writes]


def _did(seen: tuple[corpus.Observed, ...], number: int) -> Did:
    one = seen[number]
    own = _strongest((one,))
    held = _strongest((one, *(seen[earlier] for earlier in _keepers(seen, number))))
    if one.rewrites or (held.blocks_writes and (one.scans or one.index_builds)):
        return Did.WORKS
    return Did.BRIEF if own.blocks_writes else Did.NEITHER


def _strongest(seen: Iterable[corpus.Observed]) -> Mode:
    """The strongest lock on what others read and write: nobody writes to a materialized view, nor to an index."""
    locks = (lock for one in seen for lock in one.locks if lock.kind != "index")
    counted = (lock.mode for lock in locks if lock.kind != "materialized view" or lock.mode.blocks_reads)
    return max(counted, default=Mode.ACCESS_SHARE)


def run(folder: Path) -> Part:
    """Compare, and write what was found into the page of `docs/`."""
    found = rows(folder)
    part = Part(
        title="Beside another linter",
        claims=(),
        remarks=(_sentence(found),),
        tables=(_counts(found), _missed(found), _harmless(found), _clients(found)),
    )
    head = PAGE.read_text(encoding="utf-8").split(MARK)
    for number, one in enumerate(part.tables, 1):  # each table stands between two marks
        head[2 * number - 1] = f"\n{one}\n\n"
    PAGE.write_text(MARK.join(head), encoding="utf-8")
    return part


def _sentence(found: Sequence[Row]) -> str:
    works, rest = _parted(found)
    other = ", ".join(f"`{code}`" for code in sorted({code for one in rest for code in one.high}))
    ours, theirs = _count(one.plan_tells for one in works), _count(one.squawk_tells for one in works)
    more, false = _count(one.high for one in rest), _count(one.squawk_on_locks for one in rest)
    return (
        f"Of {len(works)} statements that were seen reading, building or rewriting while writers wait, `20-plan` calls "
        f"{ours} high or critical, and Squawk {SQUAWK} has a rule for {theirs}. Of {len(rest)} that do no such work, "
        f"Squawk has such a rule for {false}, and the plan calls {more} high or critical, for other reasons: {other}."
    )


def _parted(found: Iterable[Row]) -> tuple[list[Row], list[Row]]:
    every = list(found)
    return [one for one in every if one.did is Did.WORKS], [one for one in every if one.did is not Did.WORKS]


def _counts(found: Sequence[Row]) -> str:
    lines = []
    for did in Did:
        mine = [one for one in found if one.did is did]
        lines.append(
            (
                did.value,
                len(mine),
                _count(one.squawk_tells for one in mine),
                _count(one.squawk_on_clients for one in mine),
                _count(any(rule in SETTINGS for rule in one.squawk) for one in mine),
                _count(one.plan_tells for one in mine),
                _count(one.codes and not one.plan_tells for one in mine),
            )
        )
    columns = ["what it was seen doing", "statements", "Squawk: what waits", "Squawk: what breaks code",
               "Squawk: a timeout is missing", "plan: high or critical", "plan: milder"]  # fmt: skip
    return table(columns, lines)


def _missed(found: Sequence[Row]) -> str:
    lines = [
        (one.case, _code(one.sql), _rules(one.squawk), one.says)
        for one in found
        if one.did is Did.WORKS and not (one.squawk_tells and one.plan_tells)
    ]
    return table(["file", "statement", "Squawk", "plan"], lines)


def _harmless(found: Sequence[Row]) -> str:
    lines = [
        (one.case, _code(one.sql), one.did.value, _rules(one.squawk_on_locks), one.says)
        for one in found
        if one.did is not Did.WORKS and one.squawk_on_locks
    ]
    return table(["file", "statement", "seen doing", "Squawk", "plan"], lines)


def _clients(found: Sequence[Row]) -> str:
    names = sorted({rule for one in found for rule in one.squawk_on_clients})
    lines = []
    for name in names:
        mine = [one for one in found if name in one.squawk]
        silent = [one.case for one in mine if not one.codes or one.severity is Severity.INFO]
        lines.append((f"`{name}`", len(mine), len(mine) - len(silent), ", ".join(dict.fromkeys(silent)) or "–"))
    return table(["Squawk's rule", "statements", "told by the plan, too", "nothing, or a short lock, in"], lines)


def _count(truths: Iterable[object]) -> int:
    return sum(map(bool, truths))


def _rules(names: Iterable[str]) -> str:
    return ", ".join(f"`{one}`" for one in names if one not in SETTINGS) or "–"


def _code(sql: str) -> str:
    text = sql if len(sql) < 110 else f"{sql[:108]}…"
    return f"`{text.replace('|', chr(92) + '|')}`"


if __name__ == "__main__":
    alone(run)
