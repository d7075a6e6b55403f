"""What a migration does to a copy of a file, statement by statement.

Behind each, the worker reads the list of what the file contains, on the migration's own connection: what came, what
went, and which tables begin on another page than before, as they were written anew. There are no locks on tables.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ops.errors import MigrationError, ProjectError
from ops.observe import Observed
from ops.project import Answer, Event
from ops.project.visit import Step, Visit
from ops.statement import Statement

BEHIND = (
    "SELECT json_group_array(json_array(type, name, tbl_name, rootpage)) FROM sqlite_master"
    " WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
)

Objects = Mapping[tuple[str, str], tuple[str, int]]
"""Type and name of everything, with its table and the page on which it begins."""


def observe(
    here: Visit,
    steps: Sequence[Step],
    direction: str,
    *,
    version_table: tuple[str, str],
    timed: bool = True,
    behind: Callable[[str], None] = lambda revision: None,
) -> Observed:
    """Run revisions on a copy, and return their statements with what each made, dropped, built and wrote anew.

    `behind` is called behind each revision, while the worker waits.

    Raises
    ------
    OpsError
        env.py does not go there. What the migration itself does wrong is a part of the answer.
    """
    course = _Course(here, version_table[1], behind)
    wanted = [step.revision.revision for step in steps]
    failed = None
    try:
        here.worker.request(
            "migrate",
            listener=course.listen,
            read_only=False,
            revisions=wanted,
            direction=direction,
            observe=BEHIND,
        )
    except (MigrationError, ProjectError) as error:
        failed = error
        course.fail(error)
    return Observed(
        statements=tuple(course.statements),
        failed=failed,
        unreached=tuple(wanted[len(course.done) + 1 :]) if failed else (),
    )


class _Course:
    """What is known of the run so far."""

    def __init__(self, here: Visit, version_table: str, behind: Callable[[str], None]) -> None:
        self.statements: list[Statement] = []
        self.done: list[str] = []
        self._behind = behind
        self._keeps_versions = re.compile(rf"\b{re.escape(version_table)}\b")
        self._transaction = 1
        self._running: Event | None = None
        rows = here.connection.exec_driver_sql(BEHIND).scalar_one()
        self._objects = _objects(_loaded(rows))
        self._first = self._objects

    def listen(self, event: Event) -> Answer | None:
        match event["event"]:
            case "statement":
                self._running = event
            case "statement-done":
                self._take(event)
            case "commit":
                self._transaction += 1
            case "revision-done":
                self._transaction += 1
                self.done.append(event["revision"])
                self._behind(event["revision"])
        return None

    def _take(self, event: Event) -> None:
        before, after = self._objects, _objects(event["observed"])
        self._objects = after
        came = [one for one in after if one not in before]
        anew = [
            name
            for kind, name in after
            if kind == "table"
            and (kind, name) in self._first
            and before.get((kind, name), ("", 0))[1] != after[kind, name][1]
        ]
        built = [
            f"{name} on {after[kind, name][0]}"
            for kind, name in came
            if kind == "index" and ("table", after[kind, name][0]) in self._first
        ]
        self._add(
            seconds=event["seconds"],
            created=tuple(name for kind, name in came if name not in anew),
            dropped=tuple(name for kind, name in before if (kind, name) not in after),
            rewrites=tuple(anew),
            index_builds=tuple(built),
        )

    def fail(self, error: MigrationError | ProjectError) -> None:
        """The last statement that was told of did not end well."""
        if self._running is not None:
            self._add(error=error.problem, measured=False)

    def _add(self, **found: Any) -> None:
        event, self._running = self._running, None
        assert event is not None  # what has ended has begun
        sql = event["sql"]
        self.statements.append(
            Statement(
                number=len(self.statements) + 1,
                revision=event["revision"],
                sql=sql,
                line=event["line"],
                transaction=0 if event["autocommit"] else self._transaction,
                bookkeeping=event["line"] is None and self._keeps_versions.search(sql) is not None,
                **found,
            )
        )


def _loaded(text: str) -> Any:
    import json

    return json.loads(text)


def _objects(rows: Sequence[Sequence[Any]]) -> Objects:
    return {(kind, name): (table, page) for kind, name, table, page in rows}
