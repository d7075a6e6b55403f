"""Case `open-run` on SQLite: what a run that died, or failed half-way, has left; a person leads on from there."""

from __future__ import annotations

from ops import display
from ops.catalog import Difference, diff
from ops.ledger.records import minute
from ops.repair.open_run import CASE, WORDS, newest
from ops.repair.scene import Scene
from ops.repair.values import CASES, Finding
from ops.values import listed

SERVERS_ONLY = frozenset({"unmanaged", "invalid-index", "not-validated", "half-detached"})
"""Cases of what only a server has, or whose mending is written for one."""

LOOKED_FOR = tuple(one for one in CASES if one not in SERVERS_ONLY)
_SHOWN = 20


def look(scene: Scene) -> Finding | None:
    """Return what the newest run that did not come to its end has left; None where there is none, or nothing left."""
    run = newest(scene)
    if run is None or scene.status.unknown:
        return None
    left = _left(scene)
    if run.ended and left == ():
        return None  # it failed, said so, and left nothing
    end = "failed half-way" if run.ended else "never reported its end"
    what = f"A run of {run.by} ({WORDS[run.direction]} to {listed(run.wanted)}, begun {minute(run.when)} UTC) {end}."
    return Finding(
        case=CASE,
        what=f"{what} {_where(scene, left)} On SQLite nothing is offered: restore a backup (db.restore), or undo by "
        "hand what is listed; 44-stamp of where the schema is then settles that run.",
        evidence=(_table(left),) if left else (),
        details={"run": run.run},
    )


def _left(scene: Scene) -> tuple[Difference, ...] | None:
    """How the schema differs from what the applied revisions make; None where that is not known."""
    walk, applied = scene.walk, scene.history.applied
    places = range(len(walk.revisions) + 1)
    place = next((one for one in places if set(walk.revisions[:one]) == applied), None)
    return None if place is None else diff(walk.at(place).catalog, scene.live)


def _where(scene: Scene, left: tuple[Difference, ...] | None) -> str:
    at = f"The version table says {listed(scene.history.current)}"
    if left is None:
        return f"{at}; what that makes could not be replayed: {scene.walk.failed}"
    if not left:
        return f"{at}, and the schema is what that makes."
    count = len(left)
    return f"{at}, and the schema differs from what that makes in {display.many(count, 'place')}."


def _table(left: tuple[Difference, ...]) -> display.Table:
    rows = tuple((one.action, one.kind, one.object) for one in left[:_SHOWN])
    return display.Table(columns=("action", "kind", "object"), rows=rows, caption="Left half done")
