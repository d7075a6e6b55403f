"""Case `open-run` elsewhere than on PostgreSQL: what a run that died, or failed half-way, has left, and what leads on.

Nothing is undone there: the SQL that would do so is written for PostgreSQL only. Where the ledger knows how much of a
revision is committed, as on MariaDB, the rest of it can be run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ops import dialects, display
from ops.apply import Mending
from ops.catalog import Difference, diff
from ops.errors import LackingError, RefusedError
from ops.ledger import OpenRun, Part
from ops.ledger.records import minute
from ops.repair import act, onward
from ops.repair.left import CASE
from ops.repair.onward import COMMITTED, NOT_COMMITTED, Onward
from ops.repair.open_run import newest
from ops.repair.scene import Scene
from ops.repair.values import CASES, Block, Finding
from ops.route import WORDS
from ops.values import listed

POSTGRESQL_ONLY = frozenset({"unmanaged", "invalid-index", "not-validated", "half-detached"})
"""Cases of what only PostgreSQL has, or whose mending is written for it."""

LOOKED_FOR = tuple(one for one in CASES if one not in POSTGRESQL_ONLY)
_SHOWN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class _State:
    """What became of the run: in words, what differs from where the version table says it is, and what leads on."""

    said: str
    left: tuple[Difference, ...] | None = None
    rest: Onward | None = None
    choices: tuple[str, ...] = ()


def look(scene: Scene, choice: str = "") -> Finding | None:
    """Return what the newest run that did not come to its end has left; None where there is none, or nothing left.

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
    if run.ended and state.left == () and state.rest is None and not state.choices:
        return None  # it failed, said so, and left nothing
    end = "failed half-way" if run.ended else "never reported its end"
    finding = Finding(
        case=CASE,
        what=f"A run of {run.by} ({WORDS[run.direction]} to {listed(run.wanted)}, begun {minute(run.when)} UTC) {end}. "
        f"{state.said}",
        evidence=(_table(state.left),) if state.left else (),
        details={"run": run.run},
    )
    if state.choices and not choice:
        return replace(finding, offered="run the rest of it, once you have said which", choices=state.choices)
    if state.rest is None:
        return finding
    would = onward.dry(scene, state.rest)
    return replace(
        finding,
        offered=state.rest.words,
        choices=(choice,) if choice else (),
        fingerprint=would.fingerprint,
        protected=would.protected,
        lacking=would.obstacles,
    )


def mend(scene: Scene, finding: Finding, choice: str, confirm: str) -> Finding:
    """Run the rest of the revision that was under way; see `onward.run` for what it raises.

    Raises
    ------
    RefusedError
        Somebody has to choose first, or nothing is offered.
    """
    if finding.choices and not choice:
        raise act.refused(CASE, finding.what, f"Look, then say which: case = {' or '.join(map(repr, finding.ways))}.")
    run = newest(scene)
    state = _state(scene, run, choice) if run is not None else None
    if state is None or state.rest is None:
        raise act.refused(CASE, finding.what, "Go on from there by hand, as it says.")
    return replace(finding, done=onward.run(scene, state.rest, confirm))


def _state(scene: Scene, run: OpenRun, choice: str) -> _State:
    where, left = _where(scene)
    planned = _planned(scene, run)
    part = scene.status.ledger.part
    name = planned["revision"] if planned else ""
    if part is None or not part.possible.count or (part.revision, part.direction) != (name, run.direction):
        return _State(said=f"{where} {_by_hand(scene)}", left=left)
    assert planned is not None  # it has a name
    if name not in scene.history.by_id:
        return _State(said=f"{where} No version file has {name} any more: bring it back, and look again.", left=left)
    count = part.committed.count
    known = f"Of {name} {display.many(count, 'statement')} {'is' if count == 1 else 'are'} committed for certain."
    if part.is_certain and left == ():  # nobody knows what those statements were
        undone = f"44-stamp of {listed(scene.history.current)} settles that run"
        return _State(
            said=f"{where} {known} Either they wrote rows only, or somebody has undone them: then {undone}.",
            left=left,
            rest=_rest(scene, planned, run, part, COMMITTED) if choice else None,
            choices=(COMMITTED,),
        )
    if part.is_certain:
        return _State(said=f"{where} {known}", left=left, rest=_rest(scene, planned, run, part, COMMITTED))
    if part.possible.count - count > 1:  # rows, and the statement that commits them: neither, the rows, or both
        more = f"Whether the {part.possible.count - count} behind them are, or only some, nothing tells."
        return _State(said=f"{where} {known} {more} {_by_hand(scene)}", left=left)
    running = " First see in SHOW FULL PROCESSLIST whether it still runs." if _has_server(scene) else ""
    return _State(
        said=f"{where} {known} {onward.question(part, name)}{running}",
        left=left,
        rest=_rest(scene, planned, run, part, choice) if choice else None,
        choices=(COMMITTED, NOT_COMMITTED),
    )


def _planned(scene: Scene, run: OpenRun) -> Mapping[str, Any] | None:
    """The revision that was under way: the first that the run wanted, from where the version table is."""
    entries = scene.status.ledger.entries
    intent = next(one for one in entries if one["kind"] == "intent" and one["run"] == run.run)
    planned: list[Mapping[str, Any]] = list(intent.get("revisions") or ())
    places = [set(intent.get("from") or ()), *(set(one["heads"]) for one in planned)]
    current = set(scene.history.current)
    if current not in places or places.index(current) == len(planned):
        return None
    return planned[places.index(current)]


def _rest(scene: Scene, planned: Mapping[str, Any], run: OpenRun, part: Part, choice: str) -> Onward:
    heads = list(planned["heads"])
    back = heads[0] if len(heads) == 1 else "base"
    passed = part.possible if choice == COMMITTED else part.committed
    return Onward(
        revision=planned["revision"],
        direction=run.direction,
        requested=planned["revision"] if run.direction == "up" else back,
        mending=Mending(passed=passed, seen=scene.live.fingerprint),
    )


def _has_server(scene: Scene) -> bool:
    return not dialects.of(scene.settings).is_file


def _by_hand(scene: Scene) -> str:
    dialect = dialects.of(scene.settings)
    restore = "restore a backup" + (" (db.restore)" if "restore" not in dialect.lacks else "")
    return (
        f"On {dialect.name} nothing more is offered: {restore}, or undo by hand what is listed; 44-stamp of where the "
        "schema is then settles that run."
    )


def _where(scene: Scene) -> tuple[str, tuple[Difference, ...] | None]:
    """Where the version table says it is, and how the schema differs from what that makes; None where nobody knows."""
    at = f"The version table says {listed(scene.history.current)}"
    try:
        walk, applied = scene.walk, scene.history.applied
        live = scene.written_there
    except LackingError as error:
        return f"{at}; what that makes is not known: {error.problem}", None
    places = range(len(walk.revisions) + 1)
    place = next((one for one in places if set(walk.revisions[:one]) == applied), None)
    if place is None:
        return f"{at}; what that makes could not be replayed: {walk.failed}", None
    left = diff(walk.at(place).catalog, live)
    if not left:
        return f"{at}, and the schema is what that makes.", left
    return f"{at}, and the schema differs from what that makes in {display.many(len(left), 'place')}.", left


def _table(left: tuple[Difference, ...]) -> Block:
    rows = tuple((one.action, one.kind, one.object) for one in left[:_SHOWN])
    return display.Table(columns=("action", "kind", "object"), rows=rows, caption="What differs")
