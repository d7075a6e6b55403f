"""What the panel shows, as HTML: nothing here starts, reads or changes anything but a run's report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from ops import display
from ops.display.html import to_html
from ops.errors import effect
from ops.panel.about import About
from ops.panel.desk import Desk, brief
from ops.panel.past import Past, last_comparison
from ops.panel.places import Server
from ops.runbook.headless import NOTEBOOK, REPORT
from ops.settings import redact
from ops.status import Status
from ops.values import Verdict, listed

LOG_LINES = 200
RUNS = 10
"""How many of the runs on record are in the table; the list below it has more."""

_SAID = 120
_PENDING = 8
_ANSWER = "header,.around,.about{display:none}body{padding-top:0!important}"
"""Of a report, what leaves the answer alone: the panel around it has said the rest."""

_DIM = "opacity:0.85"


def state(status: Status, past: Sequence[Past], *, outdated: str = "") -> str:
    """Return where the database is: what a person has to know before a change.

    `outdated` says why it may be otherwise by now.
    """
    facts = status.facts
    protection = display.Mark("protected", "attention") if status.protected else display.Mark("not protected", "ok")
    holder = "not known by now" if outdated else str(status.holder or "nobody")
    pending = ", ".join(status.pending[:_PENDING]) + (" …" if len(status.pending) > _PENDING else "")
    items = (
        ("database", (display.Name(facts.database), protection)),
        ("server", f"{facts.server}, as {status.setup.role or facts.role}"),
        ("current", display.Name(listed(status.current))),
        ("heads", display.Name(", ".join(status.heads) or "none")),
        ("pending", f"{len(status.pending)}: {pending}" if pending else "none"),
        ("drift", _drift(past)),
        ("at work now", holder),
        ("open runs", f"{len(status.open_runs)}: find what to repair" if status.open_runs else "none"),
    )
    found = (outdated, *status.findings, status.without_version)
    notes = tuple(display.Note(one, "attention") for one in found if one)
    verdict = Verdict.ATTENTION if status.without_version and status.verdict is Verdict.OK else status.verdict
    mark = display.Mark("UNKNOWN", "unknown") if outdated else display.Mark(verdict.value, verdict.tone)
    return to_html(display.View(title=str(status), mark=mark, blocks=(*notes, display.Facts(items))))


def reading(target: str) -> str:
    """Return that a target's state is being read."""
    return to_html(display.View(title=f"{target}: being read …", mark=display.Mark("UNKNOWN", "unknown")))


def _drift(past: Sequence[Past]) -> object:
    found, outdated = last_comparison(past)
    if found is None:
        return "not compared yet"
    when = f"{found.said}, compared {found.started} UTC{', before the last change' if outdated else ''}"
    return (display.Mark(found.verdict, tone(found.verdict)), when[:300])


def advice(step: tuple[str, str]) -> str:
    """Return the next safe step: a button's name, and why it is this one."""
    action, why = step
    if not why:
        return ""
    said = f"<b>{escape(action)}</b>: {escape(why)}" if action else escape(why)
    return f'<div role="status" style="padding:2px 12px;border-left:4px solid #0969da">Next: {said}</div>'


def planned(desk: Desk) -> str:
    """Return what the plan that is on the screen found, where a change carries its fingerprint."""
    plan = desk.plan
    if plan is None:
        return ""
    items: list[tuple[str, object]] = [
        ("plan on the screen", (display.Mark(plan.verdict, tone(plan.verdict)), display.Name(plan.fingerprint))),
        ("it found", plan.summary),
    ]
    if plan.rehearsed:
        items.append(("rehearsed", display.Mark(plan.rehearsed, tone(plan.rehearsed))))
    if plan.backed_up:
        items.append(("backed up", "yes, since it was made"))
    return to_html(display.View(title="", blocks=(display.Facts(tuple(items)),)))


def history(desk: Desk) -> str:
    """Return the picture of the history, in a part of its own that scrolls; the chosen revision is marked."""
    picture = to_html(display.View(title="", blocks=(desk.history.graph_with(desk.revision),)))
    return f'<div style="max-height:24em;overflow:auto" tabindex="0" role="region" aria-label="history">{picture}</div>'


def revision(desk: Desk, about: About | None, *, home: Path) -> str:
    """Return what is known of the chosen revision; `about` is None while it is being read."""
    one = desk.history.by_id.get(desk.revision)
    if one is None:
        return ""
    way = {"up": "an upgrade", "down": "a downgrade"}.get(desk.direction, "where the database is")
    applied = desk.history.application(one.revision)
    facts: list[tuple[str, object]] = [
        ("message", one.text or one.message),
        ("author", _author(about)),
        ("created", (one.created or "")[:16] or None),
        ("applied", f"{applied.when[:16].replace('T', ' ')} UTC by {applied.by}" if applied else None),
        ("file", str(path.relative_to(home)) if (path := Path(one.path)).is_relative_to(home) else one.path),
        ("going there is", way),
    ]
    return to_html(display.View(title="", blocks=(display.Facts(tuple(facts)),))) + _sql(desk, about)


def _author(about: About | None) -> str:
    if about is None:
        return "being read …"
    return f"{about.author}, committed {about.committed}" if about.author else "not known: git has no such file"


def _sql(desk: Desk, about: About | None) -> str:
    if about is None:
        return ""
    word = "downgrade" if desk.direction == "down" else "upgrade"
    if about.why:
        block: Any = display.Note(f"Its {word} cannot be written as SQL without running it: {about.why}")
    else:
        block = display.Code(text=about.sql or "-- nothing")
    shown = to_html(display.View(title="", blocks=(block,)))
    return f'<details><summary style="cursor:pointer">SQL of its {word}</summary>{shown}</details>'


def reasons(desk: Desk) -> str:
    """Return why what cannot be done now cannot; nothing while something runs, as that is said already."""
    told: dict[str, list[str]] = {}
    for one in desk.offers():
        if one.why_not and not desk.running:
            told.setdefault(one.why_not, []).append(one.action)
    lines = (f"{', '.join(actions)}: {why_not}" for why_not, actions in told.items())
    return "".join(f'<div style="{_DIM}">{escape(one)}</div>' for one in lines)


def runs(past: Sequence[Past], *, home: Path, server: Server | None) -> str:
    """Return the runs on record, with links where a browser can reach them."""
    rows = tuple(
        (
            one.started,
            one.notebook,
            display.Mark(one.verdict, tone(one.verdict)),
            display.duration(one.seconds) if one.seconds is not None else "not ended",
            one.said if len(one.said) <= _SAID else one.said[:_SAID] + "…",
            links(one.folder, server) or display.Name(str(one.folder.relative_to(home))),
        )
        for one in past[:RUNS]
    )
    columns = ("started (UTC)", "notebook", "verdict", "took", "result", "record")
    table = display.Table(columns=columns, rows=rows, empty="none yet", caption="Runs on record")
    return to_html(display.View(title="", blocks=(table,)))


def links(folder: Path, server: Server | None) -> tuple[display.Link, ...]:
    """Return what leads to a run's notebook and report; nothing where no browser can reach them."""
    if server is None:
        return ()
    found = (server.notebook(folder / NOTEBOOK, "notebook"), server.page(folder / REPORT, "report"))
    return tuple(one for one in found if one is not None)


def bar(value: int, limit: int, *, label: str) -> str:
    """Return a progress bar that a screen reader reads as one."""
    return (
        f'<progress value="{min(value, limit)}" max="{max(limit, 1)}" aria-label="{escape(label)}" '
        'style="width:16em;max-width:100%"></progress>'
    )


def progress(sentences: Sequence[str]) -> str:
    """Return how far a run is, a line each."""
    return f'<div role="status">{"".join(f"<div>{escape(one)}</div>" for one in sentences if one)}</div>'


def log(lines: Sequence[str], *, folded: bool = False) -> str:
    """Return the newest lines, the last of them in sight; `folded` is for a run that has ended."""
    # In a column that is reversed, the end stays in sight while lines are added.
    shown = (
        '<pre tabindex="0" role="log" aria-label="log" style="max-height:16em;overflow:auto;display:flex;'
        'flex-direction:column-reverse;font-size:12px;line-height:1.4;white-space:pre-wrap">'
        f"{escape(chr(10).join(lines[-LOG_LINES:]))}</pre>"
    )
    return f'<details><summary style="cursor:pointer">Log of this run</summary>{shown}</details>' if folded else shown


def result(action: str, found: Mapping[str, Any], folder: Path, server: Server | None) -> str:
    """Return what came of a run: its verdict, what went wrong, and its report."""
    verdict = str(found.get("verdict"))
    error = found.get("error") or {}
    said = [error.get("problem"), effect(error.get("changed")) if error else "", error.get("next_step")]
    blocks: list[Any] = [display.Note(redact(str(one))) for one in said if one]
    blocks.append(display.Facts((("record", (*links(folder, server), display.Name(str(folder)))),)))
    mark = display.Mark(verdict, tone(verdict))
    title = redact(f"{action}: {brief(str(found.get('summary') or ''), str(found.get('target')))}")
    return to_html(display.View(title=title, mark=mark, blocks=tuple(blocks))) + report(folder)


def report(folder: Path) -> str:
    """Return the run's report in a frame of its own, in which no script runs; nothing where there is none."""
    try:
        text = (folder / REPORT).read_text(encoding="utf-8").replace("</style>", f"{_ANSWER}</style>", 1)
    except OSError:
        return ""
    return (
        f'<iframe title="report" sandbox="" srcdoc="{escape(text, quote=True)}" '
        'style="box-sizing:border-box;width:100%;height:40em;border:1px solid rgba(127,127,127,0.5)"></iframe>'
    )


def trouble(*lines: str) -> str:
    """Return what went wrong outside of a run."""
    first, *others = lines
    notes = (display.Note(redact(first), "bad"), *(display.Note(redact(one)) for one in others))
    return to_html(display.View(title="", blocks=notes))


def plain(status: Status, desk: Desk) -> display.View:
    """Return a panel as it is shown where there are no widgets: the state, and what can be done, with the commands."""
    found = status.view()
    return display.View(title=found.title, mark=found.mark, blocks=(*found.blocks, *desk.blocks()))


def tone(verdict: str) -> display.Tone:
    """Return the tone of a verdict's word."""
    try:
        return Verdict(verdict).tone
    except ValueError:
        return "unknown"
