"""What leads a half-done revision to its end, where its beginning wrote rows: the rest of it is run, and no more.

Such a revision can neither be undone nor run from its beginning: rows would be lost, or written twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ops import apply
from ops.apply import Mending
from ops.catalog import Key
from ops.catalog.names import quoted
from ops.errors import MigrationError
from ops.ledger import Part, Passed
from ops.repair.course import Fate
from ops.repair.scene import Scene
from ops.statement import brief
from ops.values import listed

COMMITTED, NOT_COMMITTED, AGAIN = "committed", "not-committed", "again"
ANSWERS = (COMMITTED, NOT_COMMITTED, AGAIN)
"""What may stand behind the case, where only somebody who looks at the rows can tell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Onward:
    """The rest of a revision: `requested` is what leads to its end and no further.

    `found` is where its course on scratch says the schema is, None where nobody followed it there.
    """

    revision: str
    direction: str
    requested: str
    mending: Mending
    found: Fate | None = None

    @property
    def words(self) -> str:
        """What would be done."""
        count = self.mending.passed.count
        first = f"run {'; '.join(self.mending.statements)}; then " if self.mending.statements else ""
        what = "its first statement, which is committed, is" if count == 1 else (
            f"its first {count} statements, which are committed, are"
        )  # fmt: skip
        return f"{first}run the rest of {self.revision}: {what} passed over. The run is settled by that."


def onward(scene: Scene, found: Fate, planned: Mapping[str, Any], direction: str, passed: Passed) -> Onward:
    """Return the rest of a revision of which so much is committed."""
    heads = list(planned["heads"])
    back = heads[0] if len(heads) == 1 else "base"
    halves = tuple(f"DROP INDEX CONCURRENTLY {quoted(key.schema)}.{quoted(key.name)}" for key in found.half_built)
    return Onward(
        revision=planned["revision"],
        direction=direction,
        requested=planned["revision"] if direction == "up" else back,
        mending=Mending(passed=passed, seen=scene.live.fingerprint, statements=halves),
        found=found,
    )


def dry(scene: Scene, what: Onward) -> apply.Run:
    """Return what it would be."""
    return apply.change(scene.settings, what.direction, what.requested, unfinished=what.mending)


def run(scene: Scene, what: Onward, confirm: str) -> str:
    """Run the rest, and return in words what was done; see `apply.change` for what it raises.

    Raises
    ------
    MigrationError
        All of it ran, and the schema is not what the revision makes.
    """
    done = apply.change(
        scene.settings, what.direction, what.requested, dry_run=False, confirm=confirm, unfinished=what.mending
    )
    wrong = _differing(scene, what.found) if what.found is not None else []
    if wrong:
        named = ", ".join(f"{key.kind} {key}" for key in wrong[:5])
        raise MigrationError(
            f"The rest of {what.revision} ran, and the schema is not what it makes: {named}.",
            next_step="See what notebooks/50-verify.ipynb says of it, and mend what is named.",
            code="not-mended",
            changed=True,
        )
    return (
        f"The rest of {what.revision} ran, behind the {what.mending.passed.count} that were committed. "
        f"The database is at {listed(done.current)}, read back; the run is settled."
    )


def _differing(scene: Scene, found: Fate) -> list[Key]:
    """What the revision touches, and is not what it makes."""
    there, course = scene.refreshed().written_there.texts, found.course
    wrong = sorted(key for key in course.touched if there.get(key) != course.stops[-1].texts.get(key))
    return [] if course.failed else wrong


def question(part: Part, revision: str) -> str:
    """Return what somebody has to look at, where neither the ledger nor the schema can tell."""
    if part.running:
        what = f"whether this statement of {revision} was committed: {brief(part.running, limit=300)}"
    else:
        first, last = part.committed.count + 1, part.possible.count
        which = f"statement {first}" if first == last else f"statements {first} to {last}"
        what = f"whether the transaction with its {which} was committed"
    return f"Nothing tells {what}. Look at the rows that it writes."
