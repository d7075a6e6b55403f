"""A visit to a target: our own connection, and a worker that proved to be at the same database."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ops import dialects
from ops.dialects import Dialect, Facts
from ops.errors import RevisionError
from ops.history import History, Revision
from ops.project.conversation import Worker
from ops.settings import TargetSettings

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from ops.catalog import Catalog
    from ops.catalog.snapshot import Plans

_REVISION = re.compile(r"[\w.@+\-]{1,255}\Z")
_SEVERAL = re.compile(r"[\w.@\-]{1,255}(,[\w.@\-]{1,255})+\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What the project's env.py configures.

    `role` and `default_schema` are those of env.py's own connection when it migrates: whoever logs in there may have
    taken on another role. `left_out` are the statements with which env.py changes the database before it migrates: it
    was run without them.
    """

    version_table: str
    version_table_schema: str
    version_table_exists: bool
    transaction_per_migration: bool
    driver: str
    model_tables: tuple[str, ...]
    has_metadata: bool
    has_filters: bool
    include_schemas: bool
    missing_models: tuple[str, ...]
    left_out: tuple[str, ...] = ()
    role: str = ""
    default_schema: str | None = None

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Setup:
        """Return the value of the worker's `probe` answer."""
        models = data["models"]
        return cls(
            **{name: data[name] for name in cls.__slots__ if name in data and name != "left_out"},
            left_out=tuple(data["left_out"]),
            model_tables=tuple(models["tables"]),
            has_metadata=bool(models["metadata"]),
            missing_models=tuple(describe_missing(one) for one in models["missing"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One revision that would run, and the version table's rows after it."""

    revision: Revision
    heads: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """What a requested revision means from where the database is."""

    steps: tuple[Step, ...]
    heads: tuple[str, ...]
    purge: bool = False


class Visit:
    """One worker and one connection of ours, at one database; each fact is asked for once."""

    def __init__(self, settings: TargetSettings, connection: Connection, worker: Worker) -> None:
        self.settings = settings
        self.dialect: Dialect = dialects.of(settings)
        self.connection = connection
        self.worker = worker

    @cached_property
    def facts(self) -> Facts:
        """Where our connection is."""
        return self.dialect.facts(self.connection)

    @cached_property
    def setup(self) -> Setup:
        """What env.py configures."""
        return Setup.from_dict(self.worker.request("probe"))

    @cached_property
    def history(self) -> History:
        """The version files, with the database's place among them as it was when this was first asked."""
        answer = self.worker.request("history")
        return History(
            revisions=tuple(Revision.from_dict(one) for one in answer["revisions"]),
            heads=tuple(sorted(answer["heads"])),
            current=self.heads() or (),
            problems=tuple(answer["problems"]),
        )

    def heads(self) -> tuple[str, ...] | None:
        """Return the version table's rows, read now; None where there is no such table."""
        return self.dialect.heads(self.connection, *self.version_table)

    @property
    def version_table(self) -> tuple[str, str]:
        """Schema and name of the version table."""
        return self.setup.version_table_schema, self.setup.version_table

    def catalog(self, *, plans: Plans | None = None) -> Catalog:
        """Return everything that the schema contains, read now."""
        return self.dialect.catalog(self.connection, self.version_table, plans=plans)

    def resolve(self, direction: str, revision: str) -> Resolution:
        """Return which revisions a request means. A stamp may name one of each branch, comma-separated.

        Raises
        ------
        RevisionError
            It is no revision, it is unknown or ambiguous, or there are several where one is needed.
        """
        if not _REVISION.match(revision) and not (direction == "stamp" and _SEVERAL.match(revision)):
            shown = revision if len(revision) <= 60 else revision[:60] + "…"
            raise RevisionError(
                f"{shown!r} is not a revision.",
                next_step="Write an id of the history, the beginning of one, head, heads, base, +1, -1, "
                "branch@head, or id+1.",
            )
        if direction == "stamp" and re.match(r"[+-]", revision):
            raise RevisionError(
                f"{revision!r} says how many revisions to run, and stamping runs none.",
                next_step="Name the revision that the schema is at, or head, heads, base, branch@head.",
            )
        current = self.heads() or ()
        lost = [one for one in current if one not in self.history.by_id]
        if lost and direction != "stamp":
            raise RevisionError(
                f"The database says it is at {', '.join(lost)}, and no version file has that revision.",
                next_step="notebooks/90-repair.ipynb finds out which revision the schema really is, and where git has "
                "the missing file.",
                code="unknown-revision",
            )
        doubled = replace(self.history, current=current).overlapping
        if doubled and direction != "stamp":
            raise RevisionError(
                f"The version table has {len(current)} rows ({', '.join(current)}), and one is too many: what comes "
                f"behind {', '.join(doubled)} is said to be applied, too.",
                next_step="See what the schema really is (notebooks/12-compare-schema.ipynb), then set the version "
                "table to that revision with notebooks/44-stamp.ipynb.",
                code="overlapping",
            )
        if direction == "down" and re.match(r"-\d+\Z", revision) and len(current) > 1:
            # Alembic goes down from whichever row of the version table comes first.
            raise RevisionError(
                f"{revision} is ambiguous: the database is at {', '.join(current)}.",
                next_step=f"Write the branch before it (shop@{revision}), or name the revision to go down to.",
                code="ambiguous",
            )
        answer = self.worker.request(
            "resolve", direction=direction, revision=revision, heads=[] if lost or doubled else list(current)
        )
        steps = tuple(
            Step(revision=self.history.by_id[one["revision"]], heads=tuple(one["heads"])) for one in answer["steps"]
        )
        return Resolution(steps=steps, heads=tuple(answer["heads"]), purge=bool(lost or doubled))


@contextmanager
def visit(
    settings: TargetSettings, *, purpose: str = "read", booted: Worker | None = None, read_files: bool = True
) -> Iterator[Visit]:
    """Yield a visit to a target; connection and worker end with it.

    `booted` is a worker of the same project that nobody has greeted yet: it had time to start meanwhile. `read_files`:
    have it read the version files while we connect, as whoever wants the history does.

    Raises
    ------
    ConnectError
        The server cannot be reached.
    ProjectError
        The project's interpreter cannot be started.
    """
    with _at(settings, booted) as worker:
        worker.greet(session={"role": settings.role} if settings.role else {})
        if read_files:
            worker.begin("history")
        dialect = dialects.of(settings)
        with dialect.connect(settings, purpose=purpose) as connection, ExitStack() as siblings:
            others = [siblings.enter_context(dialect.connect(one, purpose=purpose)) for one in settings.siblings]
            worker.show(dialect.take_proof(connection), others=[dialect.take_proof(one) for one in others])
            try:
                yield Visit(settings, connection, worker)
            finally:
                worker.close()  # before the connections, which hold the locks that are its proof


def _at(settings: TargetSettings, booted: Worker | None) -> Worker:
    if booted is None:
        return Worker(settings)
    booted.settings = settings
    return booted


def describe_missing(found: dict[str, Any]) -> str:
    """Return one sentence about a mapped class that the project's metadata misses."""
    from ops.project.failures import shorten

    why = "its metadata is not the one that env.py compares" if found["imported"] else "nothing imports that file"
    return f"{found['class']} (table {found['table']}) in {shorten(found['path'])} is missed: {why}."
