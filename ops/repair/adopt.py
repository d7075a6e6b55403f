"""Case `unmanaged`: a database that nobody ever managed gets a first revision, which says what is there."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ops import apply, display, draft
from ops.catalog import Catalog, diff
from ops.errors import MigrationError, OpsError
from ops.remedy import script
from ops.repair import act
from ops.repair.scene import Scene, problem
from ops.repair.values import Finding

CASE = "unmanaged"
MESSAGE = "baseline: what was there before Alembic"
_NO_WAY_BACK = 'raise NotImplementedError("this would drop what was there before Alembic, with all of its rows")'


@dataclass(frozen=True, slots=True, kw_only=True)
class _Baseline:
    """What a first revision has to say; `left` is what no statement can say."""

    upgrade: str
    left: str


def look(scene: Scene) -> Finding | None:
    """Return what is found where there is a schema and no revision at all; else None."""
    if scene.history.revisions or scene.history.current or scene.is_empty:
        return None
    count = len(scene.live)
    what = f"The database has a schema of {count} objects, and the project has no revision yet: nobody manages it."
    try:
        baseline = _baseline(scene)
    except OpsError as error:
        return Finding(case=CASE, what=f"{what} A baseline could not be drafted: {problem(error)}")
    notes = [display.Note(f"Not in the baseline: {line}", "attention") for line in baseline.left.splitlines() if line]
    return Finding(
        case=CASE,
        what=what,
        offered="write a first revision that makes this schema, stamp it here without running it, and compare what it "
        "makes of an empty database with what is there.",
        evidence=(display.Code(text=baseline.upgrade, language="python", caption="upgrade() of the baseline"), *notes),
        details={"objects": count, "complete": not baseline.left},
    )


def mend(scene: Scene, finding: Finding) -> Finding:
    """Write the baseline, prove on scratch that it makes what is there, and stamp it, under guard.

    A protected target is not stamped: what confirms that is known only when the file is there.

    Raises
    ------
    MigrationError
        What the baseline makes is not what is there: the file stays, and nothing is stamped.
    """
    if not finding.offered:
        raise act.refused(CASE, finding.what, "Mend what is named, and look again.")
    baseline = _baseline(scene)
    body = {"upgrades": baseline.upgrade, "downgrades": _NO_WAY_BACK}
    drafted = draft.with_body(scene.settings, MESSAGE, body, dry_run=False)
    now = scene.refreshed()
    left = diff(_made(now), now.written_there) if not now.walk.failed else ()
    if now.walk.failed or left:
        why = now.walk.failed or "; ".join(f"{one.kind} {one.object} {one.action}" for one in left[:20])
        raise MigrationError(
            f"{drafted.file} was written, and does not make what is there: {why}.",
            next_step="Correct the file; then 12-compare-schema says what is left, and 44-stamp stamps it.",
            changed=False,
            code="not-mended",
        )
    assert drafted.revision is not None
    made = f"{drafted.file} makes exactly this schema of an empty database"
    commands = display.Code(text=drafted.commit_commands, language="shell", caption="Read it, then commit it")
    if scene.settings.protected:
        done = (
            f"{made}. The target is protected: stamp it with case = 'no-version', whose dry run has the confirmation."
        )
    else:
        run = apply.change(scene.settings, "stamp", drafted.revision, dry_run=False)
        done = f"{made}, and the version table says {', '.join(run.current)} here. Give the project its models next."
    return replace(finding, done=done, evidence=(*finding.evidence, commands))


def _made(scene: Scene) -> Catalog:
    return scene.walk.at(len(scene.walk.revisions)).catalog


def _baseline(scene: Scene) -> _Baseline:
    live = scene.written_there
    empty = Catalog(database="empty", server_version=live.server_version, texts=scene.walk.film.base)
    there = script(diff(empty, live), empty, live)
    return _Baseline(upgrade=there.alembic, left="" if there.complete else there.why)
