"""Case `open-run`: a run died. Which revisions took effect, which statements of the next one, and what leads on?"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ops import database, display
from ops.catalog import Catalog, diff, snapshot
from ops.catalog.names import quoted
from ops.errors import OpsError
from ops.ledger import OpenRun
from ops.ledger.records import minute
from ops.project.visit import Visit
from ops.remedy import script
from ops.repair import act
from ops.repair.course import Course, Fate, fate, follow, sentences, unreadable
from ops.repair.scene import Scene
from ops.repair.values import Block, Finding
from ops.settings import redact

CASE = "open-run"
WORDS = {"up": "upgrade", "down": "downgrade", "stamp": "stamp"}
_WAIT_SECONDS = 5.0

_AT_WORK = """
    SELECT pid, left(query, 200) AS query FROM pg_catalog.pg_stat_activity
    WHERE datname = current_database() AND application_name = 'alembic-ops worker' AND state <> 'idle'
"""
_HAS_ROWS = "SELECT EXISTS (SELECT FROM {})"
_INDEX = re.compile(r"DROP INDEX (?!CONCURRENTLY)([^;]+)\Z")
_PARTS = frozenset({"table", "column", "materialized view", "sequence"})


@dataclass(frozen=True, slots=True, kw_only=True)
class _State:
    """What became of an open run. `running` is the revision that was under way, None where none was.

    `statements` lead back to the beginning of that revision, `stamp` is what the version table has to say then, empty
    where it says it. `stuck` is why neither is offered.
    """

    took: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()
    running: str | None = None
    found: Fate | None = None
    statements: tuple[str, ...] = ()
    stamp: str = ""
    said: str = ""
    loses: str = ""
    stuck: str = ""


def look(scene: Scene) -> Finding | None:
    """Return what became of the newest run that never reported its end, or failed half-way; else None.

    Raises
    ------
    OpsError
        The ledger cannot be read.
    """
    ledger = scene.status.ledger
    if ledger.unreadable:
        raise OpsError(ledger.unreadable, next_step=ledger.next_step, code="ledger")
    run = _run(scene)
    if run is None or scene.status.unknown:
        return None
    state = _state(scene, run)
    if run.ended and not (state.statements or state.stamp or state.stuck):
        return None  # it failed, said so, and left nothing half done
    end = "failed half-way" if run.ended else "never reported its end"
    finding = Finding(
        case=CASE,
        what=f"A run of {run.by} ({WORDS[run.direction]} to {_list(run.wanted)}, begun {minute(run.when)} UTC) {end}. "
        f"{_what(scene, state)} {state.stuck}".strip(),
        evidence=tuple(_evidence(state)),
        details=_details(run, state),
    )
    if state.stuck:
        return finding
    shown = act.offer(scene.settings, state.statements, stamp=state.stamp)
    return replace(
        finding,
        offered=_offered(scene, state),
        fingerprint=shown.fingerprint,
        protected=shown.protected,
        lacking=shown.lacking,
    )


def mend(scene: Scene, finding: Finding, confirm: str) -> Finding:
    """Lead back to the beginning of the revision that was under way, or on to its end; see `act.run`."""
    if not finding.offered:
        raise act.refused(CASE, finding.what, "The table shows which statements took effect: go on from there by hand.")
    run = _run(scene)
    assert run is not None  # it was found
    state = _state(scene, run)

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
    after = " 40-upgrade leads on from there." if scene.history.pending else ""
    return replace(finding, done=f"{ran}The database is at {_list(rows)}, read back; the run is settled.{after}")


# -- what became of it ------------------------------------------------------------------------------


def _run(scene: Scene) -> OpenRun | None:
    """The newest run that is open, or that failed behind its first commit; None where there is none."""
    if scene.status.open_runs:
        return scene.status.open_runs[-1]
    runs = scene.status.ledger.runs[:1]
    if not runs or runs[0].error is None or runs[0].error.get("changed") is False or scene.status.holder is not None:
        return None
    [last] = runs
    return OpenRun(run=last.run, when=last.when, by=last.by, direction=last.direction, wanted=last.wanted, ended=True)


def _state(scene: Scene, run: OpenRun) -> _State:
    intent = next(one for one in scene.status.ledger.entries if one["kind"] == "intent" and one["run"] == run.run)
    planned: list[Mapping[str, Any]] = list(intent.get("revisions") or ())
    places = [set(intent.get("from") or ()), *(set(one["heads"]) for one in planned)]
    current = set(scene.history.current)
    names = [one["revision"] for one in planned]
    if busy := _still_at_work(scene):
        return _State(waiting=tuple(names), stuck=busy)
    if run.direction == "stamp":
        return _State(said="It would have changed the version table only.")
    if current not in places:
        return _State(
            waiting=tuple(names),
            stuck=f"The version table says {_list(scene.history.current)}, which is nowhere on its way: somebody "
            "moved it since. 12-compare-schema says what the schema is.",
        )
    at = places.index(current)
    state = _State(took=tuple(names[:at]), waiting=tuple(names[at + 1 :]))
    if at == len(names):
        return replace(state, said="All of it took effect.")
    return _of_revision(scene, replace(state, running=names[at]), run.direction, planned[at])


def _of_revision(scene: Scene, state: _State, direction: str, planned: Mapping[str, Any]) -> _State:
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
    if not found.stops:
        why = "its file was edited since" if edited else course.failed or "somebody changed the schema since, or before"
        return replace(
            state,
            stuck=f"The schema is at no place that {name} passes: {why}. 12-compare-schema says what differs.",
        )
    state = replace(state, found=found)
    if found.certain == 0 and not found.half_built:
        perhaps = [one for one, told in sentences(found) if told == "perhaps"]
        said = f"Of {name} nothing stays that the schema shows."
        if perhaps:
            said += f" {len(perhaps)} of its statements change rows only, and may be committed: it will run them again."
        return replace(state, said=said)
    if found.certain == len(course.statements) and not found.half_built and not course.failed:
        return replace(
            state,
            stamp=",".join(sorted(planned["heads"])) or "base",
            said=f"Every statement of {name} is committed; only its row in the version table is missing.",
        )
    return _back(scene, state, found)


def _back(scene: Scene, state: _State, found: Fate) -> _State:
    """What undoes the part that stays, where that loses nothing that the revision did not bring."""
    live, course = scene.written_there, found.course
    gone = sorted(key for key in course.touched if key.kind in _PARTS and key in course.before.texts)
    gone = [key for key in gone if key not in live.texts]
    count = found.certain
    half = ", ".join(map(str, found.half_built))
    stay = "statement is committed, and stays" if count == 1 else "statements are committed, and stay"
    said = f"Of {state.running} {count} {stay}."
    if half:
        said += f" A further one left the invalid index {half}."
    state = replace(state, said=said)
    if gone:
        names = ", ".join(f"{key.kind} {key}" for key in gone)
        return replace(
            state,
            stuck=f"It cannot be undone: {names} is gone, with its rows. Run the statements marked no by hand, "
            f"in their order; then 44-stamp sets the version table to {state.running}.",
        )
    texts = {key: text for key, text in live.texts.items() if key not in course.touched}
    texts.update((key, course.before.texts[key]) for key in course.touched if key in course.before.texts)
    back = replace(live, texts=texts)
    undo = script(diff(live, back), live, back)
    if not undo.complete:
        return replace(state, stuck=f"What undoes it cannot be written: {undo.why}")
    wrote = any(one.writes_rows for one in course.statements[: found.possible])
    filled = [] if wrote else _filled(scene, live, course)
    if filled:
        return replace(
            state,
            stuck=f"Undoing it would lose rows that somebody has written since into {', '.join(filled)}. Run the "
            f"statements that are marked no by hand, then stamp {state.running} with 44-stamp.",
        )
    return replace(state, statements=tuple(map(_concurrently, undo.sql)), loses=undo.loses)


def _filled(scene: Scene, live: Catalog, course: Course) -> list[str]:
    """New tables that have rows, though the revision wrote none."""
    new = [key for key in sorted(course.touched) if key.kind == "table" and key not in course.before.texts]
    names = [f"{quoted(key.schema)}.{quoted(key.name)}" for key in new if key in live.texts]
    if not names:
        return []
    with database.connect(scene.settings, purpose="repair") as connection:
        return [one for one in names if connection.exec_driver_sql(_HAS_ROWS.format(one)).scalar()]


def _concurrently(sql: str) -> str:
    """Nobody has to wait while an index is dropped."""
    found = _INDEX.match(sql)
    plain = found is not None and not re.search(r"\b(CASCADE|IF EXISTS)\b", sql)
    return f"DROP INDEX CONCURRENTLY {found[1]}" if found is not None and plain else sql


def _still_at_work(scene: Scene) -> str:
    """Why it is too early to tell: the server is still at a statement of the run; it notices that nobody is there."""
    give_up = time.monotonic() + _WAIT_SECONDS
    with database.connect(scene.settings, purpose="repair") as connection:
        while True:
            rows = connection.exec_driver_sql(_AT_WORK).all()
            if not rows:
                return ""
            if time.monotonic() > give_up:
                said = redact(rows[0].query)
                return f"Session {rows[0].pid} is still at work for it: {said}. Look again when it has ended."
            time.sleep(0.1)


# -- words ------------------------------------------------------------------------------------------


def _what(scene: Scene, state: _State) -> str:
    took = f"Applied: {', '.join(state.took)}." if state.took else ""
    waiting = f"Not begun: {', '.join(state.waiting)}." if state.waiting else ""
    where = f"The database is at {_list(scene.history.current)}."
    return " ".join(one for one in (where, took, state.said, waiting) if one)


def _offered(scene: Scene, state: _State) -> str:
    if state.statements:
        loses = f" It loses what the revision brought: {state.loses}." if state.loses else ""
        count = len(state.statements)
        return (
            f"undo that part by {count} statement{'' if count == 1 else 's'}, read back that the schema is as before "
            f"{state.running}, and settle the run; 40-upgrade then runs it from its beginning.{loses}"
        )
    if state.stamp:
        return f"set the version table to {state.stamp}, and settle the run; nothing is run."
    return f"settle the run where the database is, at {_list(scene.history.current)}; nothing is run."


def _evidence(state: _State) -> Iterator[Block]:
    if state.found is not None:
        rows = tuple(
            (
                number,
                told,
                " ".join(one.sql.split())[:300],
                "by itself" if one.outside else "in a transaction",
                one.line,
            )
            for number, (one, told) in enumerate(sentences(state.found), 1)
        )
        yield display.Table(
            columns=("#", "committed", "statement", "runs", "line"),
            rows=rows,
            caption=f"The statements of {state.running}, as they ran on scratch",
            empty="it has no statement",
        )
    if state.statements:
        yield display.Code(text=";\n".join(state.statements) + ";", caption="What undoes the part that stays")


def _details(run: OpenRun, state: _State) -> dict[str, Any]:
    return {
        "run": run.run,
        "took": list(state.took),
        "running": state.running,
        "waiting": list(state.waiting),
        "statements": [
            {"sql": one.sql, "committed": told} for one, told in (sentences(state.found) if state.found else ())
        ],
        "undo": list(state.statements),
        "stamp": state.stamp or None,
        "half_built": [str(key) for key in (state.found.half_built if state.found else ())],
    }


def _list(ids: Sequence[str]) -> str:
    return ", ".join(ids) or "base"
