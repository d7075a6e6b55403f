"""Case `edited-file`: an applied revision's file says something else now. Which text does the schema agree with?"""

from __future__ import annotations

import difflib
import hashlib
import itertools
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ops import display, git
from ops.errors import OpsError
from ops.history import Revision
from ops.ledger.records import minute
from ops.project.failures import shorten
from ops.repair import act
from ops.repair.nearest import distance
from ops.repair.scene import Scene, problem
from ops.repair.values import Block, Finding
from ops.replay import Replay, replay
from ops.settings import TargetSettings

CASE = "edited-file"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Edited:
    """One file that was edited: the text that was applied, where git has it, and how far the schema is from each."""

    revision: Revision
    old: git.Kept | None
    from_old: int | None = None
    from_new: int | None = None
    why: str = ""

    @property
    def path(self) -> Path:
        return Path(self.revision.path)

    @property
    def agrees(self) -> str:
        """With which text the schema agrees, as a sentence."""
        if self.from_old is None or self.from_new is None:
            return f"Which text the schema agrees with is not known: {self.why}"
        if self.from_old == self.from_new == 0:
            return "Both texts make the schema that is there: the edit changes nothing of it."
        if self.from_old == 0:
            return "The schema agrees with the text that was applied, not with the edited one."
        if self.from_new == 0:
            return "The schema agrees with the edited text: it was changed here by other means, elsewhere maybe not."
        nearer = "the applied" if self.from_old < self.from_new else "the edited"
        nearer = "neither" if self.from_old == self.from_new else nearer
        return f"The schema agrees with neither ({self.from_old} and {self.from_new} differences); nearer is {nearer}."

    @property
    def can_go_back(self) -> bool:
        """Whether the text that was applied is known, and the schema is no nearer to the edited one."""
        known = self.from_old is not None and self.from_new is not None
        return self.old is not None and known and self.from_old <= self.from_new  # type: ignore[operator]


def look(scene: Scene, choice: str = "") -> Finding | None:
    """Return what was edited since it was applied; else None.

    Raises
    ------
    OpsError
        The ledger, which has the hashes, cannot be read.
    """
    scene.require_ledger()
    names = [one for one in scene.status.edited if choice in ("", one)]
    if not names:
        return None
    found = [_edited(scene, name) for name in names]
    back = [one for one in found if one.can_go_back]
    return Finding(
        case=CASE,
        what=" ".join(_sentence(scene, one) for one in found),
        offered=_offered(back),
        evidence=tuple(block for one in found for block in _evidence(one)),
        details={
            "files": [
                {
                    "revision": one.revision.revision,
                    "file": shorten(one.revision.path),
                    "commit": one.old.commit if one.old else None,
                    "differences": {"applied": one.from_old, "edited": one.from_new},
                    "agrees": one.agrees,
                }
                for one in found
            ]
        },
    )


def mend(scene: Scene, finding: Finding, choice: str) -> Finding:
    """Bring the texts back that were applied, and keep the edited ones beside them.

    Raises
    ------
    RefusedError
        The text is not known, or the schema agrees with the edited one.
    OpsError
        A file cannot be written.
    """
    found = [_edited(scene, one) for one in scene.status.edited if choice in ("", one)]
    back = [one for one in found if one.can_go_back and one.old is not None]
    if not back:
        raise act.refused(
            CASE,
            finding.what,
            "Put what the edit changed into a new revision (24-new-revision), or, where nobody else has applied it, "
            "downgrade (42-downgrade) and upgrade again.",
        )
    said = []
    for one in back:
        assert one.old is not None
        beside = _free(one.path.with_name(f"{one.path.name}.edited"))
        try:
            beside.write_bytes(one.path.read_bytes())
            one.path.write_bytes(one.old.content)
        except OSError as error:
            raise OpsError(
                f"{shorten(str(one.path))} cannot be written: {error.strerror}.",
                next_step="Make the folder writable, and run this again.",
            ) from None
        said.append(f"{shorten(str(one.path))} is again what was applied; the edited text is {beside.name}")
    still = set(scene.refreshed().status.edited) & {one.revision.revision for one in back}
    if still:
        raise OpsError(
            f"The files were written, and still differ from what was applied: {', '.join(sorted(still))}.",
            next_step="Look at them, and at notebooks/10-inspect.ipynb.",
            code="not-mended",
        )
    return replace(finding, done=f"{'; '.join(said)}. Put what it changes into a new revision.")


def _free(path: Path) -> Path:
    """A name that no file has: an edited text that was kept before stays."""
    numbers = itertools.count(2)
    found = path
    while os.path.lexists(found):
        found = path.with_name(f"{path.name}.{next(numbers)}")
    return found


def _edited(scene: Scene, name: str) -> _Edited:
    revision = scene.history.by_id[name]
    wanted = scene.status.ledger.applied[name].sha256
    kept = git.versions_of(Path(revision.path))
    old = next((one for one in kept if hashlib.sha256(one.content).hexdigest() == wanted), None)
    found = _Edited(revision=revision, old=old)
    if old is None:
        return replace(found, why="no commit has the text that was applied.")
    try:
        live, place = scene.written_there, scene.history.applied
        before = _replayed_with(scene, name, old.content)
        if scene.walk.failed or before.failed:
            return replace(found, why=scene.walk.failed or before.failed)
        return replace(
            found,
            from_new=distance(live, scene.walk.film, scene.walk.revisions, place),
            from_old=distance(live, before.film, before.revisions, place),
        )
    except OpsError as error:
        return replace(found, why=problem(error))


def _replayed_with(scene: Scene, name: str, content: bytes) -> Replay:
    """The history as it was with the text that was applied."""
    with tempfile.TemporaryDirectory(prefix="alembic-ops-") as folder:
        (Path(folder) / f"{name}_as_applied.py").write_bytes(content)
        return replay(_drafted(scene.settings, folder), scene.ground, ())


def _drafted(settings: TargetSettings, folder: str) -> TargetSettings:
    return replace(settings, project=replace(settings.project, drafts=(folder,)))


def _sentence(scene: Scene, one: _Edited) -> str:
    done = scene.status.ledger.applied[one.revision.revision]
    return (
        f"The file of {one.revision.revision} was edited after it was applied ({minute(done.when)} UTC, {done.by}). "
        f"{one.agrees}"
    )


def _offered(back: Sequence[_Edited]) -> str:
    if not back:
        return ""
    names = ", ".join(shorten(one.revision.path) for one in back)
    return (
        f"write the text back that was applied into {names}, and keep the edited one beside it as *.edited. What the "
        "edit changes belongs into a new revision; where nobody else has applied this one, 42-downgrade and 40-upgrade "
        "with the edited file will do as well."
    )


def _evidence(one: _Edited) -> Sequence[Block]:
    if one.old is None:
        return (
            display.Note(f"Git has no copy of {one.path.name} as it was applied; its hash is on record.", "unknown"),
        )
    lines = difflib.unified_diff(
        one.old.text.splitlines(),
        one.path.read_text(encoding="utf-8", errors="replace").splitlines(),
        f"{one.path.name} as applied (commit {one.old.commit[:12]})",
        f"{one.path.name} as it is now",
        lineterm="",
    )
    return (display.Code(text="\n".join(lines), language="diff", caption=f"What the edit of {one.path.name} changed"),)
