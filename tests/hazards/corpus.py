"""The corpus of hazards: one folder for each row of what PostgreSQL does, with an unsafe way and a safe one.

`<NN>-<code>/`, or `C<NN>-<code>/` for what cuts across statements, holds `unsafe.sql`, `unsafe-2.sql`, …, `safe.sql`,
the same steps in Alembic's words (`unsafe.py`, …: a function `upgrade`, or one for each revision: `upgrade_1`,
`upgrade_2`, …), `setup.sql` for what has to be there before, and `expected.txt`: what the observer program saw on a
filled copy. `base.sql` is the shop that all of it happens to, `rows.sql` fills it. `rows.txt` says of every row that is
known where it is shown.

A statement ends with a `;` at the end of a line. The lines `BEGIN;` and `COMMIT;` hold a transaction together; what
stands outside of one runs for itself. The comments before the first statement say what the file shows, and

-- servers: 16 18       the majors on which it can run; all of them, where nothing is said
-- needs: citext        the extension without which it cannot
-- fires: no            it has no hazard of the folder's code, although it looks like it; or one of another code
-- end: other           the catalog does not end as that of the file with the same number of the other kind
-- end: other on 18     it does not on these majors

and one before a later statement

-- fails: 55P04         the server refuses the next statement, with this SQLSTATE
-- fails: 23502 on rows    it does so only where the table has rows
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ops.statement import Lock, Mode

FOLDER = Path(__file__).resolve().parent
BASE = FOLDER / "base.sql"
ROWS = FOLDER / "rows.sql"

_WORDS = re.compile(r"^-- (servers|needs|fires|end|fails): (.+)$")
_SECTION = re.compile(r"^== (\S+) on (.+)$")
_STEP = re.compile(r"^(\d+)\. (?:transaction (\d+)|(autocommit)): (.+)$")
_FACT = re.compile(r"^   (\w+) (.+)$")
_LOCK = re.compile(r"^(\S+) (\w+) \((.+?)(?: on (\S+))?\)$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One statement of a file. `transaction` numbers those of the file; 0: it runs for itself.

    `fails` is the SQLSTATE with which the server refuses it, `fails_empty` that where there are no rows.
    """

    number: int
    sql: str
    transaction: int
    fails: str = ""
    fails_empty: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What one statement did to the filled shop, as the observer saw it.

    `locks`, `rewrites`, `scans` and `index_builds` are those of `ops.statement.Statement`. `passes` has how many times
    the rows of each table in `scans` were read. `emptied` are tables that got a new, empty file; `restarted` sequences
    that got a new one. `written` are the rows that were inserted, updated and deleted. `dropped` holds constraints,
    too, as `name on table`; `invalid` are indexes that were created and may not be used. `error` is SQLSTATE and
    message.
    """

    number: int
    transaction: int
    sql: str
    locks: tuple[Lock, ...] = ()
    rewrites: tuple[str, ...] = ()
    emptied: tuple[str, ...] = ()
    restarted: tuple[str, ...] = ()
    passes: tuple[tuple[str, int], ...] = ()
    index_builds: tuple[str, ...] = ()
    written: tuple[tuple[str, int], ...] = ()
    created: tuple[str, ...] = ()
    invalid: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    error: str = ""

    @property
    def scans(self) -> tuple[str, ...]:
        """The tables that were there before, and whose every row was read."""
        return tuple(relation for relation, _ in self.passes)

    def lock_on(self, relation: str) -> Mode | None:
        """Return the mode in which it locked this relation."""
        return next((one.mode for one in self.locks if one.relation == relation), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One file of the corpus. `code` is the folder's hazard, `fires` the one that an unsafe file has, or empty.

    `row` is a number of a hundred and more where it cuts across statements: 112 for C12. `other_end` are the majors on
    which it does not end as its partner does; empty: on none.
    """

    row: int
    code: str
    folder: Path
    variant: str
    about: str
    steps: tuple[Step, ...]
    servers: tuple[int, ...] = ()
    needs: str = ""
    fires: str = ""
    other_end: tuple[int, ...] | None = None

    def ends_alike(self, major: int) -> bool:
        """Return whether the catalog ends as its partner's on this major."""
        return self.other_end is None or bool(self.other_end and major not in self.other_end)

    @property
    def id(self) -> str:
        """The case's name in tests, such as `14-set-not-null/unsafe-2`."""
        return f"{self.folder.name}/{self.variant}"

    @property
    def kind(self) -> str:
        """`unsafe` or `safe`."""
        return self.variant.partition("-")[0]

    @property
    def setup(self) -> tuple[Step, ...]:
        """What has to be there before."""
        file = self.folder / "setup.sql"
        return steps(file.read_text(encoding="utf-8")) if file.exists() else ()

    @property
    def sql_file(self) -> Path:
        return self.folder / f"{self.variant}.sql"

    @property
    def alembic_file(self) -> Path:
        return self.folder / f"{self.variant}.py"

    @property
    def partner(self) -> str:
        """The id of the file of the other kind that ends in the same catalog; there may be none of that name."""
        other = {"unsafe": "safe", "safe": "unsafe"}[self.kind]
        return f"{self.folder.name}/{self.variant.replace(self.kind, other)}"

    def runs_on(self, major: int, extensions: frozenset[str] = frozenset()) -> bool:
        """Return whether a server of this major, which has these extensions to offer, can run it."""
        return (not self.servers or major in self.servers) and (not self.needs or self.needs in extensions)

    def expected(self, major: int) -> tuple[Observed, ...] | None:
        """Return what was observed on this major; None where nobody has looked."""
        return read_expected(self.folder / "expected.txt").get((self.variant, major))


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeChange:
    """A change of a column's type: whether it writes the table anew, in this time zone."""

    old: str
    new: str
    rewrite: bool
    using: str = ""
    zone: str = "UTC"
    needs: str = ""

    @property
    def sql(self) -> str:
        """The change of a column c of a table t."""
        return f"ALTER TABLE t ALTER COLUMN c TYPE {self.new}" + (f" USING {self.using}" if self.using else "")

    def __str__(self) -> str:
        more = (self.using and f"using {self.using}", self.zone != "UTC" and f"in {self.zone}")
        return " ".join((self.old, "to", self.new, *filter(None, more)))


def type_changes() -> tuple[TypeChange, ...]:
    """Return the table of what changes of a type do."""
    found = []
    for line in (FOLDER / "types.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            old, new, rewrite, *more = (one.strip() for one in line.split("|"))
            words = dict([one.split(" ", 1) for one in more])
            found.append(TypeChange(old=old, new=new, rewrite={"yes": True, "no": False}[rewrite], **words))
    return tuple(found)


def cases(*rows: int) -> tuple[Case, ...]:
    """Return the cases of these rows, of all where none is named; sorted by row, the unsafe ones first."""
    found = []
    for folder in sorted(FOLDER.glob("*[0-9][0-9]-*")):
        row, _, code = folder.name.partition("-")
        number = int(row.replace("C", "1"))
        if rows and number not in rows:
            continue
        for kind in ("unsafe", "safe"):
            files = [*folder.glob(f"{kind}.sql"), *sorted(folder.glob(f"{kind}-*.sql"))]
            found += [_case(number, code, file) for file in files]
    return tuple(found)


def steps(text: str) -> tuple[Step, ...]:
    """Return the statements of a file, without those that begin and end its transactions."""
    found: list[Step] = []
    transaction = transactions = 0
    for sql, fails in _statements(text):
        word = sql.upper().rstrip(";")
        if word == "BEGIN":
            transactions += 1
            transaction = transactions
        elif word == "COMMIT":
            transaction = 0
        else:
            state, _, where = fails.partition(" ")
            found.append(
                Step(
                    number=len(found) + 1,
                    sql=sql.removesuffix(";"),
                    transaction=transaction,
                    fails=state,
                    fails_empty="" if where == "on rows" else state,
                )
            )
    return tuple(found)


def _statements(text: str) -> Iterator[tuple[str, str]]:
    lines: list[str] = []
    fails = ""
    for line in text.splitlines():
        if not lines and (not line.strip() or line.startswith("--")):
            word = _WORDS.match(line)
            fails = word[2] if word and word[1] == "fails" else fails
            continue
        lines.append(line.rstrip())
        statement = "\n".join(lines)
        if statement.endswith(";") and statement.count("$$") % 2 == 0:
            yield statement, fails
            lines, fails = [], ""
    if lines:
        raise ValueError(f"no `;` at the end of {lines[-1]!r}")


def _case(row: int, code: str, file: Path) -> Case:
    text = file.read_text(encoding="utf-8")
    head = [line for line in text.partition("\n\n")[0].splitlines() if line.startswith("--")]
    words = {match[1]: match[2] for line in head if (match := _WORDS.match(line))}
    fires = words.get("fires", code if file.stem.startswith("unsafe") else "no")
    return Case(
        row=row,
        code=code,
        folder=file.parent,
        variant=file.stem,
        about=" ".join(line.removeprefix("--").strip() for line in head if not _WORDS.match(line)),
        steps=steps(text),
        servers=_majors(words.get("servers", "")),
        needs=words.get("needs", ""),
        fires="" if fires == "no" else fires,
        other_end=_majors(words["end"].removeprefix("other").removeprefix(" on")) if "end" in words else None,
    )


def _majors(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split()))


def one_line(sql: str) -> str:
    """Return a statement as `expected.txt` writes it."""
    return " ".join(sql.split())


def read_expected(file: Path) -> dict[tuple[str, int], tuple[Observed, ...]]:
    """Return what `expected.txt` says, by variant and major."""
    found: dict[tuple[str, int], tuple[Observed, ...]] = {}
    if not file.exists():
        return found
    for variant, majors, lines in sections(file.read_text(encoding="utf-8")):
        observed = tuple(_observed(lines))
        found |= {(variant, major): observed for major in majors}
    return found


def sections(text: str) -> Iterator[tuple[str, tuple[int, ...], tuple[str, ...]]]:
    """Yield variant, majors and lines of each section of an `expected.txt`."""
    lines: list[str] = []
    head: re.Match[str] | None = None
    for line in [*text.splitlines(), "== end on 0"]:
        found = _SECTION.match(line)
        if found:
            if head is not None:
                yield head[1], tuple(int(major) for major in head[2].split(", ")), tuple(lines)
            head, lines = found, []
        elif line and not line.startswith("#"):
            lines.append(line)


def _observed(lines: tuple[str, ...]) -> Iterator[Observed]:
    starts = [number for number, line in enumerate(lines) if _STEP.match(line)]
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        head = _STEP.match(lines[start])
        assert head is not None
        facts: dict[str, list[str]] = {}
        for line in lines[start + 1 : end]:
            fact = _FACT.match(line)
            if fact is None:
                raise ValueError(f"not a fact: {line!r}")
            facts.setdefault(fact[1], []).append(fact[2])
        yield Observed(
            number=int(head[1]),
            transaction=int(head[2] or 0),
            sql=head[4],
            locks=tuple(_lock(one) for one in facts.pop("lock", ())),
            rewrites=tuple(facts.pop("rewrite", ())),
            emptied=tuple(facts.pop("empty", ())),
            restarted=tuple(facts.pop("restart", ())),
            passes=tuple(_counted(one) for one in facts.pop("scan", ())),
            index_builds=tuple(facts.pop("build", ())),
            written=tuple(_counted(one) for one in facts.pop("write", ())),
            created=tuple(facts.pop("create", ())),
            invalid=tuple(facts.pop("invalid", ())),
            dropped=tuple(facts.pop("drop", ())),
            error="".join(facts.pop("error", ())),
        )
        if facts:
            raise ValueError(f"unknown facts: {', '.join(facts)}")


def _lock(text: str) -> Lock:
    match = _LOCK.match(text)
    if match is None:
        raise ValueError(f"not a lock: {text!r}")
    return Lock(relation=match[1], mode=Mode.named(match[2]), kind=match[3], parent=match[4] or "")


def _counted(text: str) -> tuple[str, int]:
    relation, _, number = text.rpartition(" ")
    return relation, int(number)
