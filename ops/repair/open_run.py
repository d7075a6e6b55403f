"""Case `open-run`: a run died. Which revisions took effect, which statements of the next one, and what leads on?"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ops import database, display
from ops.catalog import Catalog, diff, snapshot
from ops.catalog.names import quoted
from ops.errors import OpsError, RefusedError
from ops.ledger import OpenRun, Part, Passed
from ops.ledger.records import minute
from ops.ledger.values import Record
from ops.project.visit import Visit
from ops.remedy import script
from ops.repair import act, onward
from ops.repair.course import Course, Fate, fate, follow, unreadable
from ops.repair.left import CASE, State, details, evidence, offered, to_choose, what
from ops.repair.onward import AGAIN, COMMITTED, NOT_COMMITTED, dry, question
from ops.repair.scene import Scene
from ops.repair.values import Finding
from ops.settings import TargetSettings, redact
from ops.values import listed

WORDS = {"up": "upgrade", "down": "downgrade", "stamp": "stamp"}
_WAIT_SECONDS = 5.0

_AT_WORK = """
    SELECT pid, left(query, 200) AS query FROM pg_catalog.pg_stat_activity
    WHERE datname = current_database() AND application_name = 'alembic-ops worker'
      AND state IS DISTINCT FROM 'idle' -- the state of another login's session is hidden
"""
_HAS_ROWS = "SELECT EXISTS (SELECT FROM {})"
_DROP_INDEX = re.compile(r"DROP INDEX (?!CONCURRENTLY)([^;]+)\Z")
_CREATE_INDEX = re.compile(r"CREATE (?:UNIQUE )?INDEX (?!CONCURRENTLY)")
_PARTS = frozenset({"table", "column", "materialized view", "sequence"})


def look(scene: Scene, choice: str = "") -> Finding | None:
    """Return what became of the newest run that never reported its end, or failed half-way; else None.

    Raises
    ------
    OpsError
        The ledger cannot be read.
    RefusedError
        There is nothing to choose, or not that.
    """
    scene.require_ledger()
    run = newest(scene)
    if run is None or scene.status.unknown:
        return None
    state = _state(scene, run, choice)
    if choice and choice not in state.choices:
        raise RefusedError(
            f"{choice!r} is no answer here; there is {' or '.join(state.choices) or 'nothing to choose'}.",
            next_step=f"Look again with case = {CASE!r}.",
            code="choice",
        )
    is_left = bool(state.statements or state.stamp or state.stuck or state.onward or state.choices)
    if run.ended and not is_left and not _is_doubted(scene, state):
        return None  # it failed, said so, and left nothing half done
    end = "failed half-way" if run.ended else "never reported its end"
    finding = Finding(
        case=CASE,
        what=f"A run of {run.by} ({WORDS[run.direction]} to {listed(run.wanted)}, begun {minute(run.when)} UTC) {end}. "
        f"{what(scene, state)} {state.stuck}".strip(),
        evidence=tuple(evidence(state)),
        details=details(run, state),
    )
    if state.stuck:
        return finding
    if state.choices and not choice:
        return replace(finding, offered=to_choose(state), choices=state.choices)
    finding = replace(finding, choices=(choice,) if choice else ())
    if state.onward is not None:
        would = dry(scene, state.onward)
        return replace(
            finding,
            offered=state.onward.words,
            fingerprint=would.fingerprint,
            protected=would.protected,
            lacking=would.obstacles,
        )
    shown = act.offer(scene.settings, state.statements, stamp=state.stamp)
    return replace(
        finding,
        offered=offered(scene, state),
        fingerprint=shown.fingerprint,
        protected=shown.protected,
        lacking=shown.lacking,
    )


def mend(scene: Scene, finding: Finding, choice: str, confirm: str) -> Finding:
    """Lead back to the beginning of the revision that was under way, or on to its end; see `act.run`."""
    if finding.choices and not choice:
        raise act.refused(CASE, finding.what, f"Look, then say which: case = {' or '.join(map(repr, finding.ways))}.")
    if not finding.offered:
        raise act.refused(CASE, finding.what, "The table shows which statements took effect: go on from there by hand.")
    run = newest(scene)
    assert run is not None  # it was found
    state = _state(scene, run, choice)
    after = " 40-upgrade leads on from there." if run.direction == "up" else ""
    if state.onward is not None:
        done = onward.run(scene, state.onward, confirm)
        return replace(finding, done=f"{done}{after if state.waiting else ''}")

    def left(here: Visit) -> Sequence[str]:
        if state.found is None or not state.statements:
            return ()
        live = scene.translated(snapshot.read(here.connection, version_table=scene.version_table))
        touched = state.found.course.touched
        before = state.found.course.before.texts
        wrong = sorted(key for key in touched if live.texts.get(key) != before.get(key))
        return [f"{key.kind} {key} is not as before the revision." for key in wrong[:5]]

    seen = scene.live.fingerprint
    rows = act.run(scene.settings, CASE, state.statements, seen=seen, stamp=state.stamp, confirm=confirm, left=left)
    ran = f"{'; '.join(state.statements)}. " if state.statements else ""
    after = after if scene.history.pending else ""
    return replace(finding, done=f"{ran}The database is at {listed(rows)}, read back; the run is settled.{after}")


# -- what became of it ------------------------------------------------------------------------------


def newest(scene: Scene) -> OpenRun | None:
    """Return the newest run that is open, or that failed behind its first commit; None where there is none.

    A repair that ended like that is passed by: what it was to mend is still there to be found. Where there is nothing
    else, it is what is open.
    """
    ledger, repairs = scene.status.ledger, {one["run"] for one in _repairs(scene)}
    still_open = {one.run: one for one in scene.status.open_runs}
    dead = None
    for past in ledger.runs:
        if past.run not in still_open and past.error is None:
            if past.verdict:
                break  # it succeeded, which settled all that was before
            continue  # it is at work
        if past.run in repairs:
            dead = dead or still_open.get(past.run)
        elif past.run in still_open:
            return still_open[past.run]
        elif past.error is not None and past.error.get("changed") is not False and scene.status.holder is None:
            words = {name: getattr(past, name) for name in ("run", "when", "by", "direction", "wanted")}
            return OpenRun(**words, ended=True)
    return dead


def _repairs(scene: Scene) -> list[Record]:
    """What was wanted of the repairs that run statements of ours; not of those that lead a revision to its end."""
    intents = [one for one in scene.status.ledger.entries if one["kind"] == "intent"]
    return [one for one in intents if one.get("repair") and one["direction"] == "stamp"]


def _is_half_undone(scene: Scene, run: OpenRun) -> bool:
    """Whether a repair has begun to undo what a run left: it did not end, or the run would be settled."""
    entries = scene.status.ledger.entries
    begun = next(place for place, one in enumerate(entries) if one["run"] == run.run)
    own = [one for one in _repairs(scene) if one["repair"].get("case") == CASE and one["repair"].get("statements")]
    return any(one in own for one in entries[begun:])


def _state(scene: Scene, run: OpenRun, choice: str) -> State:
    intent = next(one for one in scene.status.ledger.entries if one["kind"] == "intent" and one["run"] == run.run)
    planned: list[Mapping[str, Any]] = list(intent.get("revisions") or ())
    places = [set(intent.get("from") or ()), *(set(one["heads"]) for one in planned)]
    current = set(scene.history.current)
    names = [one["revision"] for one in planned]
    if busy := _still_at_work(scene.settings):
        return State(waiting=tuple(names), stuck=busy)
    if run.direction == "stamp":
        return State(said="It would have changed the version table only.")
    if current not in places:
        return State(
            waiting=tuple(names),
            stuck=f"The version table says {listed(scene.history.current)}, which is nowhere on its way: somebody "
            "moved it since. 12-compare-schema says what the schema is.",
        )
    at = places.index(current)
    state = State(took=tuple(names[:at]), waiting=tuple(names[at + 1 :]), half_undone=_is_half_undone(scene, run))
    if at == len(names):
        return replace(state, said="All of it took effect.")
    return _of_revision(scene, replace(state, running=names[at]), run.direction, planned[at], choice)


def _is_doubted(scene: Scene, state: State) -> bool:
    """Whether the ledger still has that rows may be written of the revision, which keeps it from being run."""
    part = scene.status.ledger.part
    return part is not None and not part.is_certain and part.writes_rows and part.revision == state.running


def _of_revision(scene: Scene, state: State, direction: str, planned: Mapping[str, Any], choice: str) -> State:
    """What of the revision that was under way took effect."""
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
    edited = scene.history.by_id[name].sha256 != planned.get("sha256")
    if not found.stops and state.half_undone:
        return _back(scene, state, replace(found, stops=course.stops), None)  # between two statements of the repair
    if not found.stops:
        why = "its file was edited since" if edited else course.failed or "somebody changed the schema since, or before"
        return replace(
            state,
            stuck=f"The schema is at no place that {name} passes: {why}. 12-compare-schema says what differs.",
        )
    part = scene.status.ledger.part
    if part is not None and (part.revision, part.direction) != (name, direction):
        part = None
    told = found.known(part) if part is not None else None
    begins = tuple(one for one in found.stops if not one.statements)
    if part is None and begins:  # whatever commits by itself is put on record before it runs
        found = replace(found, stops=begins)
    found = told or found
    state = replace(state, found=found)
    if part is not None and part.writes_rows and (told is None or course.written_before(found.possible)):
        passed = _passed(found, part, told, choice)
        if passed is None:
            known = display.many(part.committed.count, "statement")
            said = f"Of {name} {known} {'is' if part.committed.count == 1 else 'are'} committed for certain."
            return replace(state, said=said, choices=(COMMITTED, NOT_COMMITTED), doubt=question(part, name))
        if told is not None:
            here = tuple(one for one in found.stops if one.statements == passed.count)
            found = replace(found, stops=here or found.stops)
        state = replace(state, found=found, choices=(COMMITTED, NOT_COMMITTED) if choice else ())
        whole = told is not None and passed.count == len(course.statements)
        if passed.count and not whole and (told is None or course.written_before(passed.count)):
            count = f"{passed.count} statement{' is' if passed.count == 1 else 's are'}"
            said = f"Of {name} {count} committed, and wrote rows: it can neither be undone nor run from its beginning."
            return replace(state, said=said, onward=onward.onward(scene, found, planned, direction, passed))
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
            stamp=",".join(sorted(planned["heads"])) or "base",
            said=f"Every statement of {name} is committed; only its row in the version table is missing.",
        )
    passed = Passed.of(one.text for one in course.statements[: found.certain])
    if part is not None and part.is_certain:
        passed = part.committed
    return _back(scene, state, found, onward.onward(scene, found, planned, direction, passed))


def _passed(found: Fate, part: Part, told: Fate | None, choice: str) -> Passed | None:
    """How much is committed, by the ledger and the schema together; None where somebody has to look at the rows."""
    if part.is_certain:
        return part.committed
    if choice:
        return part.possible if choice == COMMITTED else part.committed
    counts = {one.statements for one in found.stops} & {part.committed.count, part.possible.count}
    if told is None or len(counts) != 1:
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


def _still_at_work(settings: TargetSettings) -> str:
    """Why it is too early to tell: the server is still at a statement of the run; it notices that nobody is there."""
    give_up = time.monotonic() + _WAIT_SECONDS
    with database.connect(settings, purpose="repair") as connection:
        while True:
            rows = connection.exec_driver_sql(_AT_WORK).all()
            if not rows:
                return ""
            if time.monotonic() > give_up:
                said = redact(rows[0].query)
                return f"Session {rows[0].pid} is still at work for it: {said}. Look again when it has ended."
            time.sleep(0.1)
