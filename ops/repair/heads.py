"""Cases `several-heads` and `not-up-to-date`: what the version files have beside, or behind, the database."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ops import display, draft
from ops.errors import OpsError
from ops.repair import act
from ops.repair.nearest import common
from ops.repair.scene import Scene, problem
from ops.repair.values import Block, Finding

SEVERAL, BEHIND = "several-heads", "not-up-to-date"
_SHOWN = 20


def look(scene: Scene) -> Finding | None:
    """Return the heads that nobody meant to have side by side, and what a merge of them would be; else None."""
    heads = scene.history.unexpected_heads
    if not heads:
        return None
    finding = Finding(
        case=SEVERAL,
        what=f"There are {len(heads)} heads, which nobody gave labels to: {', '.join(heads)}. {_said(scene, heads)}",
        evidence=(scene.history.graph, *_evidence(scene, heads)),
        details={"heads": list(heads)},
    )
    try:
        drafted = draft.new_revision(scene.settings, _message(heads), autogenerate=False, head=heads)
    except OpsError as error:
        return replace(finding, what=f"{finding.what} A merge could not be drafted: {problem(error)}")
    shown = display.Code(text=drafted.content, language="python", caption=f"The merge, as it would be: {drafted.file}")
    return replace(
        finding,
        offered="write a revision that merges them, beside the other version files; the database is left alone. Its id "
        "will be another one.",
        evidence=(*finding.evidence, shown),
    )


def mend(scene: Scene, finding: Finding) -> Finding:
    """Write the merge; see `draft.new_revision` for what it raises."""
    if not finding.offered:
        raise act.refused(finding.case, finding.what, "Correct what is named, and look again.")
    heads = scene.history.unexpected_heads
    drafted = draft.new_revision(scene.settings, _message(heads), autogenerate=False, head=heads, dry_run=False)
    after = scene.refreshed().history
    if after.unexpected_heads:
        raise OpsError(
            f"{drafted.file} was written, and there are still several heads: {', '.join(after.heads)}.",
            next_step="Look at the file, and at notebooks/10-inspect.ipynb.",
            code="not-mended",
        )
    commands = display.Code(text=drafted.commit_commands, language="shell", caption="Read it, then commit it")
    done = f"{drafted.file} merges them: the one head is {', '.join(after.heads)}. 40-upgrade applies what is pending."
    return replace(finding, done=done, evidence=(*finding.evidence, commands))


def behind(scene: Scene) -> Finding | None:
    """Return the revisions that wait; else None. That is no fault of anybody's."""
    pending = scene.history.pending
    if not pending or scene.status.unknown or (not scene.history.current and not scene.is_empty):
        return None
    rows = tuple((display.Name(name), scene.history.by_id[name].message) for name in pending)
    count = len(pending)
    return Finding(
        case=BEHIND,
        what=f"{display.many(count, 'revision')} wait{'s' if count == 1 else ''} to be applied: 20-plan says "
        "what each does, 40-upgrade applies them. A draft from the models (24-new-revision) needs that first.",
        counts=False,
        evidence=(display.Table(columns=("pending", "message"), rows=rows),),
        details={"pending": list(pending)},
    )


def _message(heads: tuple[str, ...]) -> str:
    return f"merge {' and '.join(heads)}"


def _branches(scene: Scene, heads: tuple[str, ...]) -> dict[str, frozenset[str]]:
    """For each head, the revisions that belong to it alone."""
    below = {head: scene.history.ancestors([head]) for head in heads}
    return {
        head: frozenset(own.difference(*(other for name, other in below.items() if name != head)))
        for head, own in below.items()
    }


def _said(scene: Scene, heads: tuple[str, ...]) -> str:
    try:
        walk = scene.walk
    except OpsError as error:
        return f"Whether they touch the same objects is not known: {error.problem}"
    if walk.failed:
        return f"Whether they touch the same objects is not known: {walk.failed}"
    touched = dict(zip(walk.revisions, walk.film.touched, strict=True))
    both = common(touched, _branches(scene, heads))
    if not both:
        return "They touch no object in common, so their order does not matter."
    several = "s" if len(both) > 1 else ""
    return f"They touch {len(both)} object{several} in common: see whether either order gives what is wanted."


def _evidence(scene: Scene, heads: tuple[str, ...]) -> Iterator[Block]:
    try:
        walk = scene.walk
    except OpsError:
        return
    touched = dict(zip(walk.revisions, walk.film.touched, strict=True))
    both = common(touched, _branches(scene, heads))
    if both:
        rows = tuple(
            (key.kind, str(key), *(tuple(found.get(head, ())) or None for head in heads))
            for key, found in list(both.items())[:_SHOWN]
        )
        yield display.Table(
            columns=("kind", "object", *(f"by {head}" for head in heads)), rows=rows, caption="What both touch"
        )
