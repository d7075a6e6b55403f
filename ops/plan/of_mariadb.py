"""How a plan is made on MariaDB: its revisions are run on a copy of the schema, each change in the lightest way."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ops.catalog import Catalog
from ops.errors import MigrationError, ProjectError
from ops.hazards import Hazard, Severity
from ops.mariadb import copies, queries, server, ways
from ops.mariadb.ways import Way
from ops.plan.kept import Foretold
from ops.plan.maria_plan import DOCS, MariaPlan
from ops.project import Answer, Event
from ops.project.visit import Visit, visit
from ops.route import Route
from ops.statement import Statement

if TYPE_CHECKING:
    from sqlalchemy import Connection

SMALL = 10 * 2**20
"""Bytes of a table that is written anew within a moment."""

_BEHIND = """
    SELECT COALESCE(JSON_ARRAYAGG(JSON_ARRAY(kind, name, parent)), '[]') FROM (
        SELECT LOWER(TABLE_TYPE) AS kind, TABLE_NAME AS name, '' AS parent
        FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()
        UNION ALL SELECT DISTINCT 'index', INDEX_NAME, TABLE_NAME
        FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = DATABASE()
    ) AS everything
"""
_SIZES = """
    SELECT TABLE_NAME, COALESCE(TABLE_ROWS, 0), COALESCE(DATA_LENGTH + INDEX_LENGTH, 0)
    FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_TYPE <> 'VIEW'
"""

Things = frozenset[tuple[str, str, str]]
"""Kind, name and table of everything that there is."""


def plan(here: Visit, made: Route, *, fail_on: Severity, allow: frozenset[str]) -> MariaPlan:
    """Return what a route does to the visited schema, run on a copy without rows; the target is only read.

    Raises
    ------
    LackingError
        The target names no server to try it on.
    OpsError
        The schema cannot be copied, or env.py does not go to the copy.
    """
    if not made.steps:
        return MariaPlan(route=made, fail_on=fail_on, server=str(here.facts))
    version_table = here.version_table[1]
    sizes = {name: (rows, size) for name, rows, size in here.connection.exec_driver_sql(_SIZES)}
    sizes.pop(version_table, None)
    versions = {version_table: made.current} if here.setup.version_table_exists else {}
    with (
        copies.like(here.settings, here.connection, versions) as at,
        visit(at, purpose="plan") as there,
        server.opened(at, at.database.url) as beside,
    ):
        beside.exec_driver_sql("SET SESSION lock_wait_timeout = 1")  # nobody else is there
        course = _Course(there, beside, version_table)
        failed = course.run(made)
        after = there.catalog()
    assert made.live is not None  # a route that has just been made has it
    found = [*_waits(course, sizes), *_losses(course, sizes), *_in_parts(course.statements)]
    unreached = [one.revision for one in made.revisions][len(course.catalogs) :] if failed else []
    return MariaPlan(
        route=made,
        statements=tuple(course.statements),
        hazards=tuple(
            sorted(
                (replace(one, allowed=one.code in allow) for one in found), key=lambda one: (one.allowed, -one.severity)
            )
        ),
        fail_on=fail_on,
        foretold=None if failed else Foretold.between(made.live, after, role=here.facts.role),
        server=str(here.facts),
        tables=len(sizes),
        failed=failed,
        unreached=tuple(unreached),
        ways=course.ways,
        notes=("Routines, views and triggers are copied in the name of the account that copies.",)
        if here.connection.exec_driver_sql(queries.ROUTINES).first()
        else (),
    )


class _Course:
    """The run on the copy: a worker's events, made into statements."""

    def __init__(self, there: Visit, beside: Connection, version_table: str) -> None:
        self.statements: list[Statement] = []
        self.ways: dict[int, Way] = {}
        self.before = there.catalog()
        self.catalogs: list[tuple[str, Catalog]] = []
        self._there = there
        self._beside = beside
        self._versions = re.compile(rf"\b{re.escape(version_table)}\b")
        self._running: Event | None = None
        self._way: Way | None = None
        self._first = self._things = self._behind()
        self._transaction = 1

    def run(self, made: Route) -> str:
        """Run all revisions; return why that ended early, empty where it did not."""
        try:
            self._there.worker.request(
                "migrate",
                listener=self._listen,
                read_only=False,
                revisions=[one.revision for one in made.revisions],
                direction=made.direction,
                observe="",  # asked beside it: some drivers forget of a statement what it did, once another is run
            )
        except (MigrationError, ProjectError) as error:
            if self._running is not None:
                self._add(error=error.problem, measured=False)
            return error.problem
        return ""

    def _listen(self, event: Event) -> Answer | None:
        match event["event"]:
            case "statement":
                self._running = event
                self._way = ways.run(self._beside, event.get("executed") or event["sql"])
                if self._way is not None:  # it has been run, beside the worker
                    return {"go": True, "parts": [self._there.dialect.passed_over]}
            case "statement-done":
                self._done(event)
            case "commit":
                self._transaction += 1
            case "revision-done":
                self._transaction += 1
                self.catalogs.append((event["revision"], self._there.catalog()))
        return None

    def _done(self, event: Event) -> None:
        before, after = self._things, self._behind()
        self._things = after
        number = len(self.statements) + 1
        rebuilt: tuple[str, ...] = ()
        if self._way is not None:
            self.ways[number] = self._way
            assert self._running is not None  # what has ended has begun
            table = ways.table_of(self._running["sql"])
            if table is not None and self._way.rebuilds and self._is_old(table):
                rebuilt = (table,)
        came = after - before
        built = [f"{name} on {table}" for kind, name, table in came if kind == "index" and self._is_old(table)]
        self._add(
            seconds=event["seconds"] if self._way is None else None,
            created=tuple(sorted(name for kind, name, _ in came if kind != "index")),
            dropped=tuple(sorted(name for kind, name, _ in before - after if kind != "index")),
            rewrites=rebuilt,
            index_builds=tuple(sorted(built)),
        )

    def _behind(self) -> Things:
        """Everything that there is now: what changes the schema is committed, and seen beside it."""
        rows = json.loads(self._beside.exec_driver_sql(_BEHIND).scalar_one())
        return frozenset((kind, name, parent) for kind, name, parent in rows)

    def _is_old(self, table: str) -> bool:
        return any(name == table and kind != "index" for kind, name, _ in self._first)

    def _add(self, **found: Any) -> None:
        event, self._running = self._running, None
        assert event is not None  # what has ended has begun
        self.statements.append(
            Statement(
                number=len(self.statements) + 1,
                revision=event["revision"],
                sql=event.get("executed") or event["sql"],
                line=event["line"],
                transaction=0 if event["autocommit"] else self._transaction,
                bookkeeping=event["line"] is None and self._versions.search(event["sql"]) is not None,
                **found,
            )
        )


Sizes = Mapping[str, tuple[int, int]]
"""Of each table of the target, how many rows it has, as the server estimates that, and how many bytes."""


def _waits(course: _Course, sizes: Sizes) -> Iterator[Hazard]:
    """Changes of tables that hold rows, during which somebody waits, or which write the table anew."""
    for one in course.statements:
        way, table = course.ways.get(one.number), ways.table_of(one.sql)
        if way is None or table is None or table not in sizes or not sizes[table][0]:
            continue
        rows, size = sizes[table]
        if not way.waits and not way.rebuilds:
            continue
        large = Severity.HIGH if way.waits else Severity.MEDIUM
        yield Hazard(
            code="writes-wait" if way.waits else "rebuilds",
            severity=large if size > SMALL else Severity.LOW,
            statement=one.number,
            revision=one.revision,
            relation=table,
            harm=f"{table} (about {rows:,} rows, {size / 2**20:.1f} MiB) is changed {way}.",
            waits=way.waits,
            advice="See on a restored backup how long it takes. Run it when little is written; or have a tool do it "
            "that copies the table in small steps, such as gh-ost or pt-online-schema-change.",
            source=f"{DOCS}innodb-online-ddl-overview/",
        )


def _losses(course: _Course, sizes: Sizes) -> Iterator[Hazard]:
    """Tables and columns of the target that go."""
    before = course.before
    for revision, after in course.catalogs:
        for key in sorted(before.texts.keys() - after.texts.keys()):
            table = key.parent or key.name
            rows = sizes.get(table, (0, 0))[0]
            if key not in course.before.texts or key.kind not in ("table", "column") or not rows:
                continue
            if key.kind == "column" and not any((one.kind, one.name) == ("table", table) for one in after.texts):
                continue  # told of the table
            yield Hazard(
                code=f"drop-{key.kind}",
                severity=Severity.HIGH,
                statement=0,
                revision=revision,
                relation=str(key),
                harm=f"It takes away the {key.kind} {key}, of about {rows:,} rows.",
                advice="Back it up first: mariadb-dump. Or keep it for as long as a rollback may be wanted.",
                source=f"{DOCS}drop-table/" if key.kind == "table" else f"{DOCS}alter-table/#drop-column",
            )
        before = after


def _in_parts(statements: Sequence[Statement]) -> Iterator[Hazard]:
    """Revisions that are committed in more than one part: a failure between two of them leaves the first."""
    by_revision: dict[str, list[Statement]] = {}
    for one in statements:
        if not one.bookkeeping:
            by_revision.setdefault(one.revision, []).append(one)
    for revision, own in by_revision.items():
        alone = [one for one in own if one.transaction == 0]
        if len(own) > 1 and alone:
            yield Hazard(
                code="commits-in-parts",
                severity=Severity.MEDIUM,
                statement=alone[0].number,
                revision=revision,
                relation="",
                harm=f"{len(alone)} of its {len(own)} statements commit by themselves: where a later one fails, what "
                "ran stays.",
                advice="Write one statement that changes the schema per revision, and rows in revisions of their own; "
                "several changes of one table in one ALTER TABLE are made as a whole, or not at all.",
                source=f"{DOCS}sql-statements-that-cause-an-implicit-commit/",
            )
