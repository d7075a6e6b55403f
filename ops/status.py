"""Where a database is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from ops import display, lock
from ops.database import ServerFacts
from ops.history import History
from ops.ledger import Ledger, OpenRun
from ops.project.visit import Setup, visit
from ops.settings import TargetSettings
from ops.values import Result, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Status(Result):
    """What a database's version table, its project's files and the ledger say together."""

    target: str
    protected: bool
    facts: ServerFacts
    setup: Setup
    history: History
    versions: tuple[tuple[str, str], ...] = ()
    edited: tuple[str, ...] = ()
    open_runs: tuple[OpenRun, ...] = ()
    holder: lock.Holder | None = None
    url_notes: tuple[str, ...] = ()
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

    def judged(self, *, fail_on_pending: bool) -> Status:
        """Return the same status, in which pending revisions are, or are not, a reason for ATTENTION."""
        return replace(self, pending_is_wrong=fail_on_pending)

    @property
    def findings(self) -> tuple[str, ...]:
        """What needs attention, a sentence each."""
        found = list(self.history.problems)
        if self.unknown:
            found.append(
                f"The database says it is at {', '.join(self.unknown)}, and no version file has that revision."
            )
        if self.history.has_unexpected_heads:
            found.append(
                f"There are {len(self.heads)} heads ({', '.join(self.heads)}): merge them, or name the one you mean."
            )
        found.extend(f"The file of {one} was edited after it was applied." for one in self.edited)
        for run in self.open_runs:
            found.append(
                f"A run of {run.by} (to {', '.join(run.wanted) or 'base'}, begun {run.when}) never reported its end: "
                "it died. Compare the schema before you go on."
            )
        if self.pending_is_wrong and self.pending:
            found.append(f"Pending where none may be: {', '.join(self.pending)}.")
        return tuple(found)

    @property
    def verdict(self) -> Verdict:
        """OK when the state is known, pending or not."""
        return Verdict.ATTENTION if self.findings else Verdict.OK

    def __str__(self) -> str:
        where = ", ".join(self.current) or "base"
        if self.unknown:
            rest = f"{', '.join(self.unknown)} unknown to the files"
        elif self.pending:
            rest = f"{len(self.pending)} revision{'' if len(self.pending) == 1 else 's'} pending"
        else:
            rest = "nothing pending"
        return f"{self.target}: at {where}, head{'' if len(self.heads) == 1 else 's'} {_list(self.heads)}, {rest}"

    def table(self) -> display.Table:
        """Return the history's table."""
        return self.history.table()

    def view(self) -> display.View:
        """Return the facts that a person compares at a glance, and what needs attention."""
        setup = self.setup
        table = f"{setup.version_table_schema}.{setup.version_table}"
        facts: list[tuple[str, object]] = [
            ("target", f"{self.target} ({'protected' if self.protected else 'not protected'})"),
            ("database", self.facts.database),
            ("server", f"PostgreSQL {self.facts.version} at {self.facts.address}"),
            ("role", self.facts.role),
            ("primary or replica", "primary" if self.facts.primary else "replica: read only"),
            ("current", self.current or ("base",)),
            ("heads", self.heads or ("none",)),
            ("pending", f"{len(self.pending)}: {', '.join(self.pending[:20])}" if self.pending else "none"),
            ("version table", table if setup.version_table_exists else f"{table} (not created yet)"),
            ("project", ", ".join(f"{name} {version}" for name, version in self.versions)),
        ]
        if self.holder:
            facts.append(("at work now", str(self.holder)))
        notes = [display.Note(one, "attention") for one in self.findings]
        notes += [display.Note(one, "attention") for one in setup.missing_models]
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

    def line(self) -> str:
        """Return server, database, role and current revision in one line."""
        return f"{self.facts} · at {_list(self.current)}"

    def to_dict(self) -> dict[str, Any]:
        """Return the `data` of `10-inspect`."""
        return {
            "current": list(self.current),
            "heads": list(self.heads),
            "pending": list(self.pending),
            "unknown": list(self.unknown),
            "history": self.history.to_dict()["history"],
            "findings": list(self.findings),
            "missing_models": list(self.setup.missing_models),
            "left_out": list(self.setup.left_out),
            "version_table": f"{self.setup.version_table_schema}.{self.setup.version_table}",
            "role": self.facts.role,
            "primary": self.facts.primary,
            "protected": self.protected,
        }


def read(settings: TargetSettings) -> Status:
    """Return where a target's database is.

    Raises
    ------
    ConnectError, ProjectError
        The server cannot be reached, or the project does not load.
    """
    with visit(settings, purpose="inspect") as here:
        setup = here.setup
        history = here.history
        ledger = Ledger(settings.home, here.facts.identity)
        holder = lock.holder(here.connection, setup.version_table_schema, setup.version_table)
        ignored = settings.database.untranslated
        return Status(
            target=settings.name,
            protected=settings.protected,
            facts=here.facts,
            setup=setup,
            history=history,
            versions=tuple(here.worker.versions.items()),
            edited=ledger.edited({one: history.by_id[one].sha256 for one in history.applied}),
            # While somebody holds the lock, the newest open run is theirs and is not dead.
            open_runs=ledger.open_runs()[: -1 if holder else None],
            holder=holder,
            url_notes=(f"Not used on our own connection: the URL's {', '.join(ignored)}.",) if ignored else (),
        )


def _list(ids: tuple[str, ...]) -> str:
    return ", ".join(ids) or "base"
