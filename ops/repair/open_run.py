"""Case `open-run`: a run died. Which revisions took effect, which statements of the next one, and what leads on?"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ops import database
from ops.catalog import snapshot
from ops.errors import RefusedError
from ops.ledger import OpenRun
from ops.ledger.records import minute
from ops.ledger.values import Record
from ops.project.visit import Visit
from ops.repair import act, onward
from ops.repair.halfway import of_revision
from ops.repair.left import CASE, State, details, evidence, offered, to_choose, what
from ops.repair.onward import dry
from ops.repair.scene import Scene
from ops.repair.values import Finding
from ops.route import WORDS
from ops.settings import TargetSettings, redact
from ops.values import listed

_WAIT_SECONDS = 5.0

_AT_WORK = """
    SELECT pid, left(query, 200) AS query FROM pg_catalog.pg_stat_activity
    WHERE datname = current_database() AND application_name = 'alembic-ops worker'
      AND state IS DISTINCT FROM 'idle' -- the state of another login's session is hidden
"""


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
    return of_revision(scene, replace(state, running=names[at]), run.direction, planned[at], choice)


def _is_doubted(scene: Scene, state: State) -> bool:
    """Whether the ledger still has that rows may be written of the revision, which keeps it from being run."""
    part = scene.status.ledger.part
    return part is not None and not part.is_certain and part.writes_rows and part.revision == state.running


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
