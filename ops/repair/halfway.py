"""The revision that was under way when a run died: what of it is committed, and what leads back, or on to its end."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ops import database, display
from ops.catalog import Catalog, diff
from ops.catalog.names import quoted
from ops.errors import OpsError
from ops.ledger import Part, Passed
from ops.remedy import script
from ops.repair import onward
from ops.repair.course import Course, Fate, fate, follow, unreadable
from ops.repair.left import State
from ops.repair.onward import AGAIN, COMMITTED, NOT_COMMITTED, question
from ops.repair.scene import Scene

_HAS_ROWS = "SELECT EXISTS (SELECT FROM {})"
_DROP_INDEX = re.compile(r"DROP INDEX (?!CONCURRENTLY)([^;]+)\Z")
_CREATE_INDEX = re.compile(r"CREATE (?:UNIQUE )?INDEX (?!CONCURRENTLY)")
_PARTS = frozenset({"table", "column", "materialized view", "sequence"})


def of_revision(scene: Scene, state: State, direction: str, planned: Mapping[str, Any], choice: str) -> State:
    """Return what of the revision `state.running` took effect, and what leads back or on.

    `planned` is what the run's intent says of it. `choice` is the answer of somebody who has looked at the rows.
    """
    name = state.running
    assert name is not None  # whoever asks has one
    if name not in scene.history.by_id:
        return replace(state, stuck=f"No version file has {name} any more: bring it back, and look again.")
    try:
        course = follow(scene, name, direction)
        live = scene.written_there
    except OpsError as error:
        return replace(state, stuck=unreadable(error))
    found = fate(course, live, scene.history.current)
    if not found.stops and state.half_undone:
        return _back(scene, state, replace(found, stops=course.stops), None)  # between two statements of the repair
    if not found.stops:
        edited = scene.history.by_id[name].sha256 != planned.get("sha256")
        why = "its file was edited since" if edited else course.failed or "somebody changed the schema since, or before"
        return replace(
            state,
            stuck=f"The schema is at no place that {name} passes: {why}. 12-compare-schema says what differs.",
        )
    part = _on_record(scene, name, direction)
    told = found.known(part) if part is not None else None
    begins = tuple(one for one in found.stops if not one.statements)
    if part is None and begins:  # whatever commits by itself is put on record before it runs
        found = replace(found, stops=begins)
    found = told or found
    half = _Half(
        scene=scene,
        name=name,
        state=replace(state, found=found),
        direction=direction,
        planned=planned,
        course=course,
        found=found,
        part=part,
        is_told=told is not None,
    )
    if part is None or not part.writes_rows or not half.may_have_written(found.possible):
        return half.without_rows()
    passed = _passed(half, part, choice)
    if passed is None:
        return half.in_doubt(part)
    half = half.behind(passed, chosen=bool(choice))
    return half.going_on(passed) if half.must_go_on(passed) else half.without_rows()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Half:
    """A revision on its course, and where the database was left on it.

    `part` is what the ledger has of it; `is_told`: that goes together with what the schema shows.
    """

    scene: Scene
    name: str
    state: State
    direction: str
    planned: Mapping[str, Any]
    course: Course
    found: Fate
    part: Part | None
    is_told: bool

    def may_have_written(self, count: int) -> bool:
        """Whether the first statements may have written rows that the revision itself has not brought."""
        return not self.is_told or bool(self.course.written_before(count))

    def must_go_on(self, passed: Passed) -> bool:
        """Whether it can only be led to its end: rows are written, and there is something left to run."""
        whole = self.is_told and passed.count == len(self.course.statements)
        return bool(passed.count) and not whole and self.may_have_written(passed.count)

    def behind(self, passed: Passed, *, chosen: bool) -> _Half:
        """The same, where it is known how much is committed; `chosen`: as somebody said so."""
        found = self.found
        if self.is_told:
            here = tuple(one for one in found.stops if one.statements == passed.count)
            found = replace(found, stops=here or found.stops)
        state = replace(self.state, found=found, choices=(COMMITTED, NOT_COMMITTED) if chosen else ())
        return replace(self, state=state, found=found)

    def in_doubt(self, part: Part) -> State:
        """What is known where somebody has to look at the rows."""
        known = display.many(part.committed.count, "statement")
        said = f"Of {self.name} {known} {'is' if part.committed.count == 1 else 'are'} committed for certain."
        choices = (COMMITTED, NOT_COMMITTED)
        return replace(self.state, said=said, choices=choices, doubt=question(part, self.name))

    def going_on(self, passed: Passed) -> State:
        """What leads on, where nothing leads back."""
        count = f"{passed.count} statement{' is' if passed.count == 1 else 's are'}"
        said = f"Of {self.name} {count} committed, and wrote rows: it can neither be undone nor run from its beginning."
        return replace(self.state, said=said, onward=self._rest(passed))

    def without_rows(self) -> State:
        """What leads back, or settles the run, where no rows stand against that for certain."""
        name, found, course, part = self.name, self.found, self.course, self.part
        state = self.state
        rows = course.written_before(found.possible) if part is None else ()
        if rows:
            count = f"{display.many(len(rows), 'statement')} of {name}"
            state = replace(
                state, choices=(AGAIN,), doubt=f"{count} that may be committed write rows, and would run again."
            )
        if found.certain == 0 and not found.half_built:
            return replace(state, said=f"Of {name} nothing stays{' that the schema shows' if rows else ''}.")
        if found.certain == len(course.statements) and not found.half_built and not course.failed:
            return replace(
                state,
                stamp=",".join(sorted(self.planned["heads"])) or "base",
                said=f"Every statement of {name} is committed; only its row in the version table is missing.",
            )
        passed = Passed.of(one.text for one in course.statements[: found.certain])
        if part is not None and part.is_certain:
            passed = part.committed
        return _back(self.scene, state, found, self._rest(passed))

    def _rest(self, passed: Passed) -> onward.Onward:
        return onward.onward(self.scene, self.found, self.planned, self.direction, passed)


def _on_record(scene: Scene, revision: str, direction: str) -> Part | None:
    """What the ledger has of a revision that did not come to its end; None where that is nothing, or of another."""
    part = scene.status.ledger.part
    return part if part is not None and (part.revision, part.direction) == (revision, direction) else None


def _passed(half: _Half, part: Part, choice: str) -> Passed | None:
    """How much is committed, by the ledger and the schema together; None where somebody has to look at the rows."""
    if part.is_certain:
        return part.committed
    if choice:
        return part.possible if choice == COMMITTED else part.committed
    counts = {one.statements for one in half.found.stops} & {part.committed.count, part.possible.count}
    if not half.is_told or len(counts) != 1:
        return None
    return part.possible if part.possible.count in counts else part.committed


def _back(scene: Scene, state: State, found: Fate, rest: onward.Onward | None) -> State:
    """What undoes the part that stays, where that loses nothing that the revision did not bring; else what is left."""
    live, course = scene.written_there, found.course
    gone = sorted(key for key in course.touched if key.kind in _PARTS and key in course.before.texts)
    gone = [key for key in gone if key not in live.texts]
    count = found.certain
    half = ", ".join(map(str, found.half_built))
    stay = "statement is committed, and stays" if count == 1 else "statements are committed, and stay"
    said = f"Of {state.running} {count} {stay}."
    if state.half_undone:
        said = f"A repair has begun to undo {state.running}, and did not come to its end."
    if half:
        said += f" A further one left the invalid index {half}."
    state = replace(state, said=said, found=found)
    texts = {key: text for key, text in live.texts.items() if key not in course.touched}
    texts.update((key, course.before.texts[key]) for key in course.touched if key in course.before.texts)
    back = replace(live, texts=texts)
    undo = script(diff(live, back), live, back)
    wrote = any(one.writes_rows for one in course.statements[: found.possible])
    filled = [] if wrote else _filled(scene, live, course)
    why = ""
    if gone:
        why = f"It cannot be undone: {', '.join(f'{key.kind} {key}' for key in gone)} is gone, with its rows."
    elif not undo.complete:
        why = f"What undoes it cannot be written: {undo.why}"
    elif filled:
        why = f"Undoing it would lose rows that somebody has written since into {', '.join(filled)}."
    if why and rest is None:
        return replace(state, stuck=f"{why} Lead the schema by hand to where the revision begins, or to where it ends.")
    if why:
        return replace(state, said=f"{said} {why}", onward=rest)
    return replace(state, statements=tuple(_concurrently(one, live) for one in undo.sql), loses=undo.loses)


def _filled(scene: Scene, live: Catalog, course: Course) -> list[str]:
    """New tables that have rows, though the revision wrote none."""
    new = [key for key in sorted(course.touched) if key.kind == "table" and key not in course.before.texts]
    names = [f"{quoted(key.schema)}.{quoted(key.name)}" for key in new if key in live.texts]
    if not names:
        return []
    with database.connect(scene.settings, purpose="repair") as connection:
        return [one for one in names if connection.exec_driver_sql(_HAS_ROWS.format(one)).scalar()]


def _concurrently(sql: str, live: Catalog) -> str:
    """Nobody has to wait while an index is dropped or built; on a partitioned table there is no such way."""
    if found := _CREATE_INDEX.match(sql):
        parted = (key for key in live.texts if key.kind == "partitioned table")
        if any(f" {quoted(key.schema)}.{quoted(key.name)} " in sql for key in parted):
            return sql
        return f"{found[0]}CONCURRENTLY {sql[found.end() :]}"
    found = _DROP_INDEX.match(sql)
    plain = found is not None and not re.search(r"\b(CASCADE|IF EXISTS)\b", sql)
    return f"DROP INDEX CONCURRENTLY {found[1]}" if found is not None and plain else sql
