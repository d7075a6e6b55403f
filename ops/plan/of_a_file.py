"""How a plan for a file is made: its revisions are run on a copy of it, and what became of its rows is counted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ops import display
from ops.hazards import Hazard, Severity
from ops.observe import Observed
from ops.observe.of_a_file import observe
from ops.plan.file_plan import DOCS, FilePlan
from ops.plan.kept import Foretold
from ops.project.visit import Visit, visit
from ops.rehearsal.losses import compare
from ops.rehearsal.values import Contents
from ops.route import Route
from ops.sqlite import contents, copies
from ops.statement import Statement


def plan(here: Visit, made: Route, *, fail_on: Severity, allow: frozenset[str]) -> FilePlan:
    """Return what a route does to the visited file, run on a copy with all rows; the file itself is only read.

    Raises
    ------
    OpsError
        The file cannot be copied, or env.py does not go to the copy.
    """
    if not made.steps:
        return FilePlan(route=made, fail_on=fail_on, server=str(here.facts))
    table = here.version_table
    with (
        copies.copy(here.settings, Path(str(here.settings.database.url.database))) as at,
        visit(at, purpose="plan") as there,
    ):
        looks = _Looks(there, table[1])
        seen = observe(there, made.steps, made.direction, version_table=table, behind=looks.behind)
        after = there.catalog()
    assert made.live is not None  # a route that has just been made has it
    first = looks.stops[0].contents
    found = [*_losses(looks), *_in_parts(seen)]
    return FilePlan(
        route=made,
        statements=seen.statements,
        hazards=tuple(
            sorted(
                (replace(one, allowed=one.code in allow) for one in found), key=lambda one: (one.allowed, -one.severity)
            )
        ),
        fail_on=fail_on,
        foretold=None if seen.failed else Foretold.between(made.live, after, role=here.facts.role),
        server=str(here.facts),
        tables=len(first.tables),
        rows=sum(one.rows for one in first.tables.values()),
        failed=seen.failed.problem if seen.failed else "",
        unreached=seen.unreached,
    )


@dataclass(frozen=True, slots=True)
class _Stop:
    revision: str
    contents: Contents
    broken: Mapping[str, int]


class _Looks:
    """What the copy holds, before everything and behind each revision."""

    def __init__(self, there: Visit, version_table: str) -> None:
        self._there = there
        self._table = version_table
        self.stops: list[_Stop] = []
        self.behind("")

    def behind(self, revision: str) -> None:
        """A revision is done."""
        connection = self._there.connection
        held = contents.read(connection, version_table=self._table)
        self.stops.append(_Stop(revision, held, contents.references(connection)))


def _losses(looks: _Looks) -> Iterator[Hazard]:
    """What each revision took away, as it was counted."""
    for before, after in zip(looks.stops, looks.stops[1:], strict=False):
        for loss in compare(before.contents, after.contents).lost:
            if loss.kind == "values":
                continue  # to change values is what revisions do to rows
            code = {"table": "drop-table", "column": "drop-column"}.get(loss.kind, "loses-rows")
            yield Hazard(
                code=code,
                severity=Severity.CRITICAL if code == "loses-rows" else Severity.HIGH,
                statement=0,
                revision=after.revision,
                relation=loss.object,
                harm=f"It takes away {loss}.",
                advice=_ADVICE[code],
                source=_SOURCES[code],
            )
        for table, count in after.broken.items():
            more = count - before.broken.get(table, 0)
            if more > 0:
                yield Hazard(
                    code="broken-reference",
                    severity=Severity.HIGH,
                    statement=0,
                    revision=after.revision,
                    relation=table,
                    harm=f"{display.many(more, 'row')} of {table} refer to none afterwards.",
                    advice="Delete or correct those rows in the revision; PRAGMA foreign_key_check lists them.",
                    source=f"{DOCS}pragma.html#pragma_foreign_key_check",
                )


_ADVICE = {
    "loses-rows": "Where a table is written anew while foreign keys are enforced, dropping the old one deletes what "
    "refers to it (ON DELETE CASCADE): have env.py run PRAGMA foreign_keys = OFF before it begins.",
    "drop-table": "Back the file up first (46-backup); or keep the table for as long as a rollback may be wanted.",
    "drop-column": "Back the file up first (46-backup); or drop it in a later revision, when nobody wants it back.",
}
_SOURCES = {
    "loses-rows": f"{DOCS}foreignkeys.html#fk_schemacommands",
    "drop-table": f"{DOCS}lang_droptable.html",
    "drop-column": f"{DOCS}lang_altertable.html#alter_table_drop_column",
}


def _in_parts(seen: Observed) -> Iterator[Hazard]:
    """Revisions that are committed in more than one part: a failure between two of them leaves the first."""
    by_revision: dict[str, list[Statement]] = {}
    for one in seen.statements:
        by_revision.setdefault(one.revision, []).append(one)
    for revision, statements in by_revision.items():
        alone = [one for one in statements if one.transaction == 0 and not one.bookkeeping]
        if len(statements) > 1 and alone:
            count = len(alone)
            yield Hazard(
                code="commits-in-parts",
                severity=Severity.MEDIUM,
                statement=alone[0].number,
                revision=revision,
                relation="",
                harm=f"{count} of its statements {'is' if count == 1 else 'are'} committed by "
                f"{'itself' if count == 1 else 'themselves'}: where a later one fails, that stays.",
                advice="Have env.py begin transactions itself, as SQLAlchemy's page on SQLite shows, and set "
                "transactional_ddl = True in context.configure().",
                source="https://docs.sqlalchemy.org/en/20/dialects/sqlite.html#serializable-isolation-savepoints-"
                "transactional-ddl",
            )
