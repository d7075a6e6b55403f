"""All cases: what is looked for, in which order, and who mends it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from ops import dialects
from ops.errors import ImportFailedError, OpsError, RefusedError, UsageError
from ops.repair import adopt, edited, elsewhere, heads, identify, imports, open_run, remains
from ops.repair.scene import Scene, problem
from ops.repair.values import CASES, Finding, Repair
from ops.settings import TargetSettings


def repair(settings: TargetSettings, case: str = "", *, dry_run: bool = True, confirm: str = "") -> Repair:
    """Return what is broken; with a case, and only with dry_run=False, mend that.

    `case` is one of `CASES`; where it leaves a choice, with the choice behind a colon: `unknown-revision:ae1027a6acf`.

    Raises
    ------
    UsageError
        There is no such case, or none was named to mend.
    ConnectError, ProjectError
        The server cannot be reached, or the project does not load for another reason than an import.
    RefusedError
        The guard said no, or nothing is offered for this case.
    OpsError
        What was done did not mend it; it says what stays.
    """
    name, choice = _parsed(case, dry_run=dry_run)
    try:
        scene = Scene.of(settings)
    except ImportFailedError as error:
        return _of_imports(settings, error, name, case, dry_run=dry_run)
    if name == imports.CASE:
        return Repair(target=settings.name, findings=(), case=case, dry_run=dry_run, looked_for=(name,))
    dialect = dialects.of(settings)
    if not dialect.is_postgresql and name in elsewhere.POSTGRESQL_ONLY:
        raise UsageError(
            f"{name} is no case of {dialect.name}'s.",
            next_step=f"There it is one of {', '.join(elsewhere.LOOKED_FOR)}.",
        )
    looked_for = tuple(one for one in (CASES if dialect.is_postgresql else elsewhere.LOOKED_FOR) if name in ("", one))
    findings, unknown = [], []
    for one in looked_for:
        try:
            if one == open_run.CASE and not dialect.is_postgresql:
                found = elsewhere.look(scene, choice)
            else:
                found = _LOOKS[one](scene, choice)
        except RefusedError:
            raise
        except OpsError as error:
            if not dry_run:
                raise
            unknown.append(f"{one}: {problem(error)}")
            continue
        if found is not None:
            findings.append(found)
    if not dry_run and findings:
        mend = elsewhere.mend if name == open_run.CASE and not dialect.is_postgresql else _MENDS[name]
        findings = [mend(scene, one, choice, confirm) for one in findings]
    return Repair(
        target=settings.name,
        findings=tuple(findings),
        case=case,
        dry_run=dry_run,
        unknown=tuple(unknown),
        looked_for=looked_for,
    )


def _of_imports(settings: TargetSettings, error: ImportFailedError, name: str, case: str, *, dry_run: bool) -> Repair:
    """Nothing else can be looked at before the project loads."""
    if name not in ("", imports.CASE):
        raise error
    found = imports.look(settings, error)
    if not dry_run:
        found = imports.mend(settings, error, found)
    others = () if dry_run is False else ("the project does not load, so no other case was looked for.",)
    return Repair(
        target=settings.name,
        findings=(found,),
        case=case,
        dry_run=dry_run,
        unknown=others,
        looked_for=(imports.CASE,),
    )


def _parsed(case: str, *, dry_run: bool) -> tuple[str, str]:
    name, _, choice = case.strip().partition(":")
    if name and name not in CASES:
        raise UsageError(
            f"There is no case {name[:60]!r}.",
            next_step=f"Name one of {', '.join(CASES)}; or none, to look for all of them.",
        )
    if not name and not dry_run:
        raise UsageError(
            "No case was named to mend, and they are mended one at a time.",
            next_step="Look first (dry_run = True); then set `case` to what was found.",
        )
    return name, choice.strip()


def _identified(scene: Scene, choice: str, case: str) -> Finding | None:
    found = identify.look(scene, choice) if _is_lost(scene) else None
    return found if found is not None and found.case == case else None


def _is_lost(scene: Scene) -> bool:
    return bool(scene.status.unknown) or not scene.history.current


Look = Callable[[Scene, str], Finding | None]
Mend = Callable[[Scene, Finding, str, str], Finding]


def _remains(scene: Scene, choice: str, case: str) -> Finding | None:
    return remains.look(scene, case)


_LOOKS: Mapping[str, Look] = {
    imports.CASE: lambda scene, choice: None,
    identify.UNKNOWN: partial(_identified, case=identify.UNKNOWN),
    identify.NO_VERSION: partial(_identified, case=identify.NO_VERSION),
    adopt.CASE: lambda scene, choice: adopt.look(scene),
    open_run.CASE: open_run.look,
    heads.SEVERAL: lambda scene, choice: heads.look(scene),
    heads.BEHIND: lambda scene, choice: heads.behind(scene),
    edited.CASE: edited.look,
    remains.INVALID: partial(_remains, case=remains.INVALID),
    remains.NOT_VALIDATED: partial(_remains, case=remains.NOT_VALIDATED),
    remains.DETACHED: partial(_remains, case=remains.DETACHED),
}


def _nothing_to_mend(scene: Scene, finding: Finding, choice: str, confirm: str) -> Finding:
    raise RefusedError(
        f"{finding.case} is nothing that is mended here: {finding.what}",
        next_step="Run notebooks/40-upgrade.ipynb.",
        code="case",
    )


_MENDS: Mapping[str, Mend] = {
    identify.UNKNOWN: identify.mend,
    identify.NO_VERSION: identify.mend,
    adopt.CASE: lambda scene, finding, choice, confirm: adopt.mend(scene, finding),
    open_run.CASE: open_run.mend,
    heads.SEVERAL: lambda scene, finding, choice, confirm: heads.mend(scene, finding),
    heads.BEHIND: _nothing_to_mend,
    edited.CASE: lambda scene, finding, choice, confirm: edited.mend(scene, finding, choice),
    remains.INVALID: lambda scene, finding, choice, confirm: remains.mend(scene, finding, confirm),
    remains.NOT_VALIDATED: lambda scene, finding, choice, confirm: remains.mend(scene, finding, confirm),
    remains.DETACHED: lambda scene, finding, choice, confirm: remains.mend(scene, finding, confirm),
}
