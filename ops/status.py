"""Where a database is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from ops import display
from ops.dialects import Facts
from ops.errors import ProjectError, SharedSessionError
from ops.history import History
from ops.ledger import Ledger, OpenRun, Records
from ops.ledger.records import minute, sentence
from ops.project import Worker
from ops.project.offline import glance
from ops.project.visit import Setup, Visit, visit
from ops.settings import TargetSettings
from ops.values import Result, Verdict, listed


@dataclass(frozen=True, slots=True, kw_only=True)
class Status(Result):
    """What a database's version table, its project's files and the ledger say together.

    `moved` is where the ledger's last run left
    the version table, where that was moved since without a record. `missing` are revisions that were applied here, and
    that no file has any more. `tables_without_version` counts the tables that are there although no revision is.
    `lacks` is what there is not on this kind of database, such as a backup.
    """

    target: str
    protected: bool
    facts: Facts
    setup: Setup
    history: History
    versions: tuple[tuple[str, str], ...] = ()
    ledger: Records
    edited: tuple[str, ...] = ()
    moved: tuple[str, ...] | None = None
    missing: tuple[str, ...] = ()
    holder: object | None = None
    url_notes: tuple[str, ...] = ()
    tables_without_version: int = 0
    requires: tuple[str, ...] = ()
    lacks: frozenset[str] = frozenset()
    pending_is_wrong: bool = False

    @property
    def current(self) -> tuple[str, ...]:
        """The version table's rows."""
        return self.history.current

    @property
    def heads(self) -> tuple[str, ...]:
        """The newest revisions of the files."""
        return self.history.heads

    @property
    def pending(self) -> tuple[str, ...]:
        """Revisions that wait, in an order in which they can run."""
        return self.history.pending

    @property
    def unknown(self) -> tuple[str, ...]:
        """Revisions that the database names and no file has."""
        return self.history.unknown

    @property
    def open_runs(self) -> tuple[OpenRun, ...]:
        """Runs that never reported their end, or could not read back where they left the database."""
        return self.ledger.open_runs

    @property
    def half_done(self) -> str:
        """One sentence where a part of a revision is committed, and the rest is not; empty where none is known."""
        part = self.ledger.part
        if part is None or not part.possible.count:
            return ""
        waits = self.pending if part.direction == "up" else self.history.applied
        if part.revision not in waits:
            return ""  # its end was reached since by other means, which is told
        how = "applied" if part.direction == "up" else "undone"
        count = display.many(part.possible.count, "statement")
        committed = (
            f"{'is' if part.possible.count == 1 else 'are'} committed" if part.is_certain else "may be committed"
        )
        return (
            f"Revision {part.revision} is half {how}: {count} of it {committed}, and it did not come to its end. "
            "90-repair says what there is, and leads on (case open-run)."
        )

    def judged(self, *, fail_on_pending: bool) -> Status:
        """Return the same status, in which pending revisions are, or are not, a reason for ATTENTION."""
        return replace(self, pending_is_wrong=fail_on_pending)

    @property
    def findings(self) -> tuple[str, ...]:
        """What needs attention, a sentence each."""
        found = list(self.history.problems)
        if self.unknown:
            found.append(
                f"The database says it is at {', '.join(self.unknown)}, and no version file has that revision: "
                "90-repair finds out which one the schema really is."
            )
        if self.history.overlapping:
            found.append(
                f"The version table has {len(self.current)} rows ({listed(self.current)}), and one is too many: "
                f"another row's revision comes behind {listed(self.history.overlapping)}."
            )
        if self.history.has_unexpected_heads:
            found.append(
                f"There are {len(self.heads)} heads ({', '.join(self.heads)}): merge them, or name the one you mean."
            )
        found.extend(self._missing(one) for one in self.missing)
        found.extend(self._edited(one) for one in self.edited)
        if self.moved is not None:
            found.append(
                f"The version was moved outside of this toolkit: the last run left it at {listed(self.moved)}, and now "
                f"it is at {listed(self.current)}{self._between(self.moved)}. Compare the schema; the next run, or a "
                "stamp of where it is, puts that on record."
            )
        found.extend(map(sentence, self.open_runs))
        if self.half_done:
            found.append(self.half_done)
        if self.pending_is_wrong and self.pending:
            found.append(f"Pending where none may be: {', '.join(self.pending)}.")
        return tuple(found)

    @property
    def without_version(self) -> str:
        """What to know before the first upgrade of a database that has tables already; empty where it has none."""
        if not self.tables_without_version:
            return ""
        return (
            "The version table names no revision, and the schema is not empty "
            f"(tables: {self.tables_without_version}): an upgrade may make what is there already, and fail. "
            "90-repair finds out which revision the schema is."
        )

    def _missing(self, revision: str) -> str:
        done = self.ledger.applied[revision]
        return (
            f"Revision {revision} was applied ({minute(done.when)} UTC, {done.by}), and no version file has it any "
            "more: git log --all -- 'alembic/versions/*' finds it."
        )

    def _edited(self, revision: str) -> str:
        done = self.ledger.applied[revision]
        return f"The file of {revision} was edited after it was applied ({minute(done.when)} UTC, {done.by})."

    def _between(self, left: tuple[str, ...]) -> str:
        """Which revisions were applied or undone meanwhile, as far as files know them."""
        before, now = self.history.ancestors(left), self.history.applied
        if not before.issuperset(left):
            return ""
        parts = [
            f"{word} {', '.join(names)}"
            for word, names in (("applied", sorted(now - before)), ("undone", sorted(before - now)))
            if names
        ]
        return f" ({'; '.join(parts)})" if parts else ""

    @property
    def verdict(self) -> Verdict:
        """OK when the state is known, pending or not; UNKNOWN where the ledger cannot be read."""
        if self.findings:
            return Verdict.ATTENTION
        return Verdict.UNKNOWN if self.ledger.unreadable else Verdict.OK

    def __str__(self) -> str:
        where = listed(self.current)
        if self.unknown:
            rest = f"{', '.join(self.unknown)} unknown to the files"
        elif self.pending:
            rest = f"{display.many(len(self.pending), 'revision')} pending"
        else:
            rest = "nothing pending"
        return f"{self.target}: at {where}, head{'' if len(self.heads) == 1 else 's'} {listed(self.heads)}, {rest}"

    def table(self) -> display.Table:
        """Return the history's table."""
        return self.history.table()

    def view(self) -> display.View:
        """Return the facts that a person compares at a glance, and what needs attention."""
        setup = self.setup
        table = f"{setup.version_table_schema}.{setup.version_table}"
        facts: list[tuple[str, object]] = [
            ("target", f"{self.target} ({'protected' if self.protected else 'not protected'})"),
            ("a change requires", self.requires or ("nothing",)),
            *self.facts.rows,
            ("current", self.current or ("base",)),
            ("heads", self.heads or ("none",)),
            ("pending", f"{len(self.pending)}: {', '.join(self.pending[:20])}" if self.pending else "none"),
            ("version table", table if setup.version_table_exists else f"{table} (not created yet)"),
            ("project", ", ".join(f"{name} {version}" for name, version in self.versions)),
        ]
        if self.holder:
            facts.append(("at work now", str(self.holder)))
        notes = [display.Note(one, "attention") for one in self.findings]
        notes += [display.Note(one, "attention") for one in (self.without_version, *setup.missing_models) if one]
        notes += self._about_the_ledger()
        notes += [
            display.Note(f"env.py changes the database before it migrates; to look, it was run without: {one}")
            for one in setup.left_out
        ]
        notes += [display.Note(one) for one in self.url_notes]
        return display.View(
            title=str(self),
            mark=display.Mark(self.verdict, self.verdict.tone),
            blocks=(*notes, display.Facts(tuple(facts))),
        )

    def _about_the_ledger(self) -> list[display.Note]:
        ledger = self.ledger
        if ledger.unreadable:
            said = f"{ledger.unreadable} What was edited, left open or applied outside is not known. {ledger.next_step}"
            return [display.Note(said, "unknown")]
        if not ledger.runs:
            return [display.Note("Nothing was changed here through this toolkit yet: no run is on record.")]
        return [display.Note(one) for one in (ledger.skew,) if one]

    def line(self) -> str:
        """Return server, database, role and current revision in one line."""
        return f"{self.facts} · at {listed(self.current)}"

    def to_dict(self) -> dict[str, Any]:
        """Return the `data` of `10-inspect`."""
        return {
            "current": list(self.current),
            "heads": list(self.heads),
            "pending": list(self.pending),
            "unknown": list(self.unknown),
            "history": self.history.to_dict()["history"],
            "findings": list(self.findings),
            "edited": list(self.edited),
            "missing": list(self.missing),
            "tables_without_version": self.tables_without_version,
            "moved_outside": None if self.moved is None else {"from": list(self.moved), "to": list(self.current)},
            "open_runs": [{"run": one.run, "when": one.when, "by": one.by} for one in self.open_runs],
            "ledger": self.ledger.to_dict(),
            "missing_models": list(self.setup.missing_models),
            "left_out": list(self.setup.left_out),
            "version_table": f"{self.setup.version_table_schema}.{self.setup.version_table}",
            "role": self.facts.role,
            "primary": self.facts.primary,
            "protected": self.protected,
            "requires": list(self.requires),
        }


def read(settings: TargetSettings, *, statements: bool = False, booted: Worker | None = None) -> Status:
    """Return where a target's database is; `statements` has the ledger tell the SQL that ran, too.

    Through a pooler that shares sessions, env.py is asked offline. `booted`: see `visit`.

    Raises
    ------
    ConnectError, ProjectError
        The server cannot be reached, or the project does not load.
    SharedSessionError
        A pooler shares sessions, and env.py cannot be asked offline.
    """
    try:
        with visit(settings, purpose="inspect", booted=booted) as here:
            return _read(here, statements=statements)
    except SharedSessionError as refused:
        if settings.project.part:
            raise  # an env.py of several databases writes files where it is asked offline
        try:
            with glance(settings) as here:
                found = _read(here, statements=statements)
        except ProjectError:
            raise refused from None
        note = f"{refused.problem} So nothing is changed here. For this look, env.py was asked offline, as --sql does."
        return replace(found, url_notes=(*found.url_notes, note, refused.next_step))


def _read(here: Visit, *, statements: bool) -> Status:
    settings, setup = here.settings, here.setup
    history = here.history
    holder = here.dialect.holder(here.connection, here.version_table)
    records = replace(Ledger.of(here).look(statements=statements), at_work=holder is not None)
    edited = records.edited({one: history.by_id[one].sha256 for one in history.applied})
    left = records.left
    # One who holds the lock without a record of it is about to write one, and may have moved the version by then.
    moved = None
    if left is not None and holder is None and set(left) != set(history.current):
        # A run may have come and gone since the version table was read.
        moved = left if set(here.heads() or ()) == set(history.current) else None
    ignored = settings.database.untranslated
    without = history.revisions and not history.current
    return Status(
        target=settings.name,
        protected=settings.protected,
        facts=here.facts,
        setup=setup,
        history=replace(
            history,
            recorded=records.applied,
            outside=records.outside(history.ancestors, () if moved is None else history.current) & history.applied,
            edited=edited,
        ),
        versions=tuple(here.worker.versions.items()),
        ledger=records,
        edited=edited,
        moved=moved,
        missing=_missing(history, records) if moved is None else (),
        holder=holder,
        tables_without_version=here.dialect.tables(here.connection, here.version_table) if without else 0,
        requires=settings.require.demands,
        lacks=frozenset(here.dialect.lacks),
        url_notes=(f"Not used on our own connection: the URL's {', '.join(ignored)}.",) if ignored else (),
    )


def _missing(history: History, records: Records) -> tuple[str, ...]:
    """Revisions that stand applied by the ledger, and have no file; `unknown` ones are told of as such."""
    return tuple(sorted(records.standing - history.by_id.keys() - set(history.unknown)))
