"""Cases `unknown-revision` and `no-version`: which revision is this schema really?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from ops import apply, display, git
from ops.catalog.diff import CHANGED, Difference
from ops.catalog.values import words
from ops.errors import OpsError, RefusedError
from ops.repair import act
from ops.repair.nearest import Candidate, Ranking
from ops.repair.scene import Scene, problem
from ops.repair.values import Block, Finding
from ops.values import listed

UNKNOWN, NO_VERSION = "unknown-revision", "no-version"
SHOWN = 20
"""How many differences of a candidate are listed; the rest is counted."""


def look(scene: Scene, choice: str = "") -> Finding | None:
    """Return what is found where the version table does not say which revision the schema is; else None."""
    found = scene.status
    if found.unknown:
        case, what = UNKNOWN, f"The database says it is at {listed(found.unknown)}, and no version file has that."
    elif not found.current and found.history.revisions and not scene.is_empty:
        missing = "has no row" if found.setup.version_table_exists else "is missing"
        case, what = NO_VERSION, f"The version table {missing}, and the schema is not empty."
    else:
        return None
    in_git = {name: git.with_revision(scene.settings.project.config.parent, name) for name in found.unknown}
    lost = tuple(_lost(in_git))
    try:
        places = scene.places
    except OpsError as error:
        said = f"{what} Which revision the schema is could not be found out: {problem(error)}"
        return Finding(case=case, what=said, evidence=lost, details={"candidates": []})
    if case == NO_VERSION and any(not one.rows for one in places.equal):
        return None  # what is there, the history's baseline for one, belongs to no revision
    finding = Finding(
        case=case,
        what=f"{what} {_verdict(places)}",
        evidence=(*_evidence(scene, places), *lost),
        details=_details(places, in_git),
    )
    return _offered(scene, finding, places, choice)


def mend(scene: Scene, finding: Finding, choice: str, confirm: str) -> Finding:
    """Stamp what the schema is found to be, under guard; see `apply.change` for what it raises."""
    names = finding.choices or finding.details.get("names", ())
    if not finding.offered:
        raise act.refused(finding.case, finding.what, "Read the evidence in a dry run: somebody has to decide.")
    if not choice and len(names) != 1:
        raise act.refused(
            finding.case,
            f"which revision it is has to be chosen: {', '.join(names)}.",
            f"Read how they differ, then say which: case = {' or '.join(map(repr, finding.ways))}.",
        )
    run = apply.change(scene.settings, "stamp", choice or names[0], dry_run=False, confirm=confirm)
    return replace(finding, done=f"The version table says {listed(run.current)} now, read back; nothing was run.")


def _offered(scene: Scene, finding: Finding, places: Ranking, choice: str) -> Finding:
    names = tuple(one.name for one in places.shown if one.rows or scene.history.current)
    if choice and choice not in names:
        raise RefusedError(
            f"{choice!r} is not among what the schema may be: {', '.join(names) or 'nothing'}.",
            next_step="Choose one of these, or see notebooks/44-stamp.ipynb, where you say what you know.",
            code="choice",
        )
    left = ",".join(sorted(scene.status.ledger.left or ()))
    certain = names[0] if len(names) == len(places.equal) == 1 else left if places.equal and left in names else ""
    chosen = choice or certain
    if not chosen:
        offered = f"stamp the one that you choose: {', '.join(names)}." if names else ""
        return replace(finding, offered=offered, choices=names)
    why = " That is where the ledger has it." if certain == chosen and chosen == left else ""
    shown = apply.change(scene.settings, "stamp", chosen)
    return replace(
        finding,
        offered=f"stamp {chosen}: the version table only, nothing is run.{why}",
        choices=() if certain == chosen else (chosen,),
        details={**finding.details, "names": [chosen]},
        fingerprint=shown.fingerprint,
        protected=shown.protected,
        lacking=shown.obstacles,
    )


def _verdict(places: Ranking) -> str:
    equal = places.equal
    if len(equal) == 1:
        return f"The schema is exactly what revision {equal[0].name} makes."
    if equal:
        names = ", ".join(one.name for one in equal)
        return f"The schema is exactly what each of {names} makes: what is between them changes no schema."
    nearest = places.candidates[0]
    count = len(nearest.differences)
    return (
        f"No revision makes exactly this schema. The nearest is {nearest.name}, with {count} "
        f"difference{'' if count == 1 else 's'}."
    )


def _evidence(scene: Scene, places: Ranking) -> Iterator[Block]:
    rows = tuple(
        (
            display.Name(one.name),
            ", ".join(scene.history.by_id[row].message for row in one.rows) or "nothing is applied",
            "equal" if not one.distance else f"{len(one.differences)}",
        )
        for one in places.shown
    )
    yield display.Table(columns=("revision", "message", "differences"), rows=rows, caption="Which revision it may be")
    for one in places.shown:
        if one.distance:
            yield _differences(one)
    if scene.walk.failed:
        yield display.Note(f"Only a part of the history was compared: {scene.walk.failed}", "unknown")
    if places.untold:
        yield display.Note(
            f"{places.untold} combinations of branches were not compared: their revisions touch the same objects.",
            "unknown",
        )


def _differences(one: Candidate) -> display.Table:
    rows = tuple((each.action, each.kind, each.object, "; ".join(_short(each))) for each in one.differences[:SHOWN])
    more = len(one.differences) - SHOWN
    caption = f"From {one.name} to this schema" + (f" (and {more} more)" if more > 0 else "")
    return display.Table(columns=("action", "kind", "object", "details"), rows=rows, caption=caption)


def _short(difference: Difference) -> Iterator[str]:
    for name, value in list(difference.details.items())[:4]:
        if difference.action == CHANGED:
            before, after = value
            yield f"{name}: {words(before)} → {words(after)}"
        else:
            yield f"{name}: {words(value)}"


def _lost(in_git: Mapping[str, tuple[git.Kept, ...]]) -> Iterator[Block]:
    """What git knows of the files that are missing."""
    for revision, kept in in_git.items():
        if not kept:
            yield display.Note(f"Git knows no file of revision {revision}.")
        for one in kept:
            where = ", ".join(one.branches) or "no branch any more"
            yield display.Note(
                f"Revision {revision} is in git: {one.path}, commit {one.commit[:12]} of {one.date[:10]} by "
                f"{one.author}, on {where}. Where the database is meant to be there, bring the file back instead.",
                "attention",
            )
            yield display.Code(text=one.restore, language="shell", caption=f"Bring {revision} back")


def _details(places: Ranking, in_git: Mapping[str, tuple[git.Kept, ...]]) -> dict[str, Any]:
    return {
        "candidates": [
            {
                "name": one.name,
                "rows": list(one.rows),
                "equal": one.distance == 0,
                "differences": [
                    {"action": each.action, "kind": each.kind, "object": each.object} for each in one.differences
                ],
            }
            for one in places.shown
        ],
        "lost": [
            {"revision": name, "commit": one.commit, "path": one.path, "branches": list(one.branches)}
            for name, kept in in_git.items()
            for one in kept
        ],
    }
