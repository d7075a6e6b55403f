"""The panel's widgets: they show a desk, start runs, and follow them. What may be done is the desk's to say."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import Any

from ops import display, guard
from ops.display.html import to_html
from ops.errors import OpsError
from ops.panel import past
from ops.panel.desk import CHANGE, JUDGE, Desk, Offer, Planned
from ops.panel.running import Running
from ops.runbook.catalogue import Notebook
from ops.runbook.headless import REPORT
from ops.runbook.record import new_folder, now
from ops.settings import home, names, redact
from ops.status import Status
from ops.values import Verdict

TICK_SECONDS = 0.4
LOG_LINES = 200

_READ = ("target", "database", "history", "open_runs")
"""What of a desk is read from the database."""

_NO_RUN = ("choose a run", "")

_STYLES = {CHANGE: "danger", JUDGE: "primary"}


class Panel:
    """A target's panel; showing it shows its widgets, and a table where nobody can show those."""

    def __init__(self, status: Status, notebooks: Sequence[Notebook]) -> None:
        self._notebooks = {one.name: one for one in notebooks}
        self._desk = Desk.of(status, notebooks)
        self._status = status
        self._guard = threading.Lock()
        self._running: Running | None = None
        self._past: tuple[past.Past, ...] = ()
        self._build()
        self._show_status()
        self._show_desk()
        self._show_past()

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        bundle = self.box._repr_mimebundle_() or {}
        return {**bundle, **display.mimebundle(plain(self._status, self._desk))}

    def _change(self, **values: Any) -> None:
        """Have another desk: a person types while a thread follows a run."""
        with self._guard:
            self._desk = replace(self._desk, **values)

    # -- building -----------------------------------------------------------------------------------

    def _build(self) -> None:
        import ipywidgets as widgets

        wide = widgets.Layout(width="100%")
        self.state = widgets.HTML(layout=wide)
        self.target = widgets.Dropdown(
            description="Target", options=names(home()), value=self._desk.target, layout=widgets.Layout(width="20em")
        )
        self.target.observe(lambda _: self._look(), names="value")
        self.revision = widgets.Dropdown(
            description="Revision",
            options=self._choices(),
            value=self._desk.revision,
            layout=widgets.Layout(width="100%", max_width="46em"),
        )
        self.revision.observe(self._chosen, names="value")
        self.chosen = widgets.HTML(layout=wide)
        self.buttons: dict[str, Any] = {}
        rows = []
        for kinds in ({"look"}, {"judge"}, {"change"}):
            row = []
            for one in self._desk.offers():
                if one.kind in kinds:
                    button = widgets.Button(
                        description=one.action, button_style=_STYLES.get(one.kind, ""), tooltip=one.command
                    )
                    button.on_click(lambda _, action=one.action: self._press(action))
                    self.buttons[one.action] = button
                    row.append(button)
            rows.append(row)
        self.typed = widgets.Text(
            description="Database",
            placeholder="type its name to change it",
            continuous_update=True,
            layout=widgets.Layout(width="22em"),
        )
        self.typed.observe(self._type, names="value")
        self.why = widgets.HTML(layout=wide)
        self.refresh = widgets.Button(description="Look again", icon="refresh", tooltip="Read the state anew")
        self.refresh.on_click(lambda _: self._look())
        self.cancel = widgets.Button(description="Cancel", disabled=True, tooltip="Stop what runs; it is rolled back")
        self.cancel.on_click(lambda _: self._cancel())
        self.bar = widgets.IntProgress(min=0, max=1, value=0, layout=widgets.Layout(width="16em"))
        self.progress = widgets.HTML()
        self.log = widgets.HTML(layout=wide)
        self.result = widgets.HTML(layout=wide)
        self.past = widgets.HTML(layout=wide)
        self.shown = widgets.Dropdown(
            description="Report of", options=[_NO_RUN], layout=widgets.Layout(width="100%", max_width="46em")
        )
        self.shown.observe(self._show_report, names="value")
        self.report = widgets.HTML(layout=wide)
        flow = widgets.Layout(flex_flow="row wrap", align_items="center", width="100%")
        self.box = widgets.VBox(
            [
                widgets.HBox([self.target, self.refresh], layout=flow),
                self.state,
                widgets.HBox(rows[0], layout=flow),
                self.revision,
                self.chosen,
                widgets.HBox(rows[1], layout=flow),
                widgets.HBox([self.typed, *rows[2]], layout=flow),
                self.why,
                widgets.HBox([self.bar, self.cancel, self.progress], layout=flow),
                self.log,
                self.result,
                self.past,
                self.shown,
                self.report,
            ],
            layout=wide,
        )

    def _choices(self) -> list[tuple[str, str]]:
        """Every revision, newest first, as a person reads it, with its id; and base."""
        history = self._desk.history
        found = [
            (f"{one.revision} · {history.state(one.revision)} · {one.message}"[:100], one.revision)
            for one in history.ordered
        ]
        return [("choose one", ""), *found, ("base · nothing applied", "base")]

    # -- showing ------------------------------------------------------------------------------------

    def _show_status(self) -> None:
        status = self._status
        protection = display.Mark("protected", "attention") if status.protected else display.Mark("not protected", "ok")
        setup = status.setup
        facts = display.Facts(
            (
                ("database", status.facts.database),
                ("protection", protection),
                ("server", f"PostgreSQL {status.facts.version} at {status.facts.address}"),
                ("role", setup.role or status.facts.role),
                ("current", display.Name(", ".join(status.current) or "base")),
                ("heads", display.Name(", ".join(status.heads) or "none")),
                ("pending", f"{len(status.pending)}: {', '.join(status.pending[:8])}" if status.pending else "none"),
                ("at work now", str(status.holder) if status.holder else "nobody"),
            )
        )
        notes = tuple(display.Note(one, "attention") for one in status.findings)
        mark = display.Mark(status.verdict.value, status.verdict.tone)
        view = display.View(title=str(status), mark=mark, blocks=(*notes, facts))
        picture = display.View(title="", blocks=(status.history.graph,))
        self.state.value = (
            f'{to_html(view)}<div style="max-height:22em;overflow:auto" tabindex="0" role="region" '
            f'aria-label="history">{to_html(picture)}</div>'
        )

    def _show_desk(self) -> None:
        offers = {one.action: one for one in self._desk.offers()}
        for action, button in self.buttons.items():
            one = offers[action]
            button.disabled = bool(one.why_not)
            button.tooltip = one.why_not or one.command
        told = [one for one in offers.values() if one.why_not and not self._desk.running]
        self.why.value = "".join(
            f'<div style="opacity:0.85">{escape(one.action)}: {escape(one.why_not)}</div>' for one in told
        )
        self.chosen.value = self._about_revision()
        self.target.disabled = self.refresh.disabled = bool(self._desk.running)
        self.revision.disabled = bool(self._desk.running)

    def _about_revision(self) -> str:
        one = self._desk.history.by_id.get(self._desk.revision)
        if one is None:
            return ""
        way = {"up": "an upgrade", "down": "a downgrade"}.get(self._desk.direction, "where the database is")
        facts = [("message", one.text or one.message), ("created", (one.created or "")[:16]), ("file", one.path)]
        facts.append(("going there is", way))
        if self._desk.plan is not None:
            facts.append(("plan on the screen", display.Name(self._desk.plan.fingerprint)))
        return to_html(display.View(title="", blocks=(display.Facts(tuple(facts)),)))

    def _show_past(self) -> None:
        self._past = past.runs(home(), self._desk.target)
        rows = tuple(
            (
                one.started,
                one.notebook,
                display.Mark(one.verdict, _tone(one.verdict)),
                display.duration(one.seconds) if one.seconds is not None else "not ended",
                one.summary[:200],
                display.Name(str(one.folder.relative_to(home()))),
            )
            for one in self._past
        )
        columns = ("started (UTC)", "notebook", "verdict", "took", "result", "record")
        table = display.Table(columns=columns, rows=rows, empty="none yet", caption="Runs on record")
        self.past.value = to_html(display.View(title="", blocks=(table,)))
        choices = [(f"{one.started} · {one.notebook} · {one.verdict}", str(one.folder)) for one in self._past]
        self.shown.options = [_NO_RUN, *choices]

    def _show_report(self, change: Any) -> None:
        self.report.value = _report(Path(change["new"])) if change["new"] else ""

    def _show_progress(self, running: Running, action: str) -> None:
        usual = past.usual_seconds(self._past, running.notebook)
        about = f" of usually {display.duration(usual)}" if usual else ""
        self.bar.max = max(self._notebooks[running.notebook].cells, 1)
        self.bar.value = min(running.cells, self.bar.max)
        said = f"{action}: {display.duration(running.seconds)}{about}"
        self.progress.value = f'<span role="status">{escape(said)}</span>'
        text = "\n".join(running.lines[-LOG_LINES:])
        self.log.value = (
            f'<pre tabindex="0" aria-label="log" style="max-height:16em;overflow:auto;display:flex;'
            f'flex-direction:column-reverse;font-size:12px;line-height:1.4">{escape(text)}</pre>'
        )

    def _show_result(self, action: str, running: Running, found: Any) -> None:
        verdict = str(found.get("verdict"))
        error = found.get("error") or {}
        blocks: list[Any] = [
            display.Note(redact(str(error[name]))) for name in ("problem", "next_step") if error.get(name)
        ]
        blocks.append(display.Facts((("record", str(running.folder)),)))
        mark = display.Mark(verdict, _tone(verdict))
        view = display.View(title=f"{action}: {found.get('summary') or ''}", mark=mark, blocks=tuple(blocks))
        self.result.value = to_html(view) + _report(running.folder)

    # -- acting -------------------------------------------------------------------------------------

    def _chosen(self, change: Any) -> None:
        self._change(revision=change["new"])
        self._show_desk()

    def _type(self, change: Any) -> None:
        self._change(typed=change["new"])
        self._show_desk()

    def _press(self, action: str) -> None:
        """Start what a button stands for, unless something runs already: a second click finds that out here."""
        with self._guard:
            offer = next(one for one in self._desk.offers() if one.action == action)
            if offer.why_not:
                return
            self._desk = replace(self._desk, running=action)
        self._show_desk()
        self._start_thread(lambda: self._perform(offer))

    def _look(self) -> None:
        """Look again, unless something runs."""
        with self._guard:
            if self._desk.running:
                return
            self._desk = replace(self._desk, running="Look again")
        self._show_desk()
        self._start_thread(self._look_again)

    def _cancel(self) -> None:
        running = self._running
        if running is not None:
            running.cancel()

    def _start_thread(self, work: Callable[[], None]) -> None:
        threading.Thread(target=self._safely, args=(work,), daemon=True).start()

    def _safely(self, work: Callable[[], None]) -> None:
        try:
            work()
        except OpsError as error:
            notes = (display.Note(redact(error.problem), "bad"), display.Note(redact(error.next_step)))
            self.result.value = to_html(display.View(title="", blocks=notes))
        except Exception as error:  # a thread's error would be seen by nobody
            self.result.value = to_html(
                display.View(title="", blocks=(display.Note(redact(f"{type(error).__name__}: {error}"), "bad"),))
            )
        finally:
            self._change(running="")
            self.cancel.disabled = True
            self._show_desk()

    def _perform(self, offer: Offer) -> None:
        if offer.kind == CHANGE:
            guard.check_typed_name(self._status.facts, self._desk.typed)
        folder = new_folder(home(), target=self._desk.target, notebook=offer.notebook.rpartition("/")[2], started=now())
        running = self._running = Running(offer.notebook, offer.parameters, folder=folder)
        self.cancel.disabled = False
        self.result.value = ""
        try:
            while not running.ended:
                self._show_progress(running, offer.action)
                time.sleep(TICK_SECONDS)
        finally:
            self._running = None
        self._show_progress(running, offer.action)
        self.bar.value = self.bar.max
        found = running.result()
        self._show_result(offer.action, running, found)
        self._learn(offer, found)
        self._show_past()
        if offer.kind == CHANGE:
            self._look_again()

    def _learn(self, offer: Offer, found: Any) -> None:
        """Keep the fingerprint of a plan that is on the screen now; forget one that was carried out."""
        if offer.kind == CHANGE:
            self._change(planned=None, typed="")
            self.typed.value = ""
        elif offer.notebook == "20-plan":
            fingerprint = (found.get("data") or {}).get("fingerprint")
            made = None
            if fingerprint:
                made = Planned(
                    revision=str(offer.parameters["revision"]),
                    direction=str(offer.parameters["direction"]),
                    fingerprint=str(fingerprint),
                )
            self._change(planned=made)

    def _look_again(self) -> None:
        """Read the state anew, of the target that is chosen now."""
        from ops.targets import target

        before = self._desk
        chosen = str(self.target.value)
        status = target(chosen, effects="read").status()
        fresh = Desk.of(status, tuple(self._notebooks.values()))
        if chosen == before.target:
            known = before.revision in fresh.history.by_id or before.revision == "base"
            kept = {"revision": before.revision if known else fresh.revision, "planned": before.planned}
        else:
            kept = {"revision": fresh.revision, "planned": None}
            self.typed.value = ""
        self._status = status
        self._change(**{name: getattr(fresh, name) for name in _READ}, **kept)
        self.revision.unobserve(self._chosen, names="value")  # new options alone choose the first of them
        self.revision.options = self._choices()
        self.revision.value = self._desk.revision
        self.revision.observe(self._chosen, names="value")
        self._show_status()
        self._show_past()


def plain(status: Status, desk: Desk) -> display.View:
    """Return a panel as it is shown where there are no widgets: the state, and what can be done, with the commands."""
    found = status.view()
    return replace(found, blocks=(*found.blocks, *desk.blocks()))


def _report(folder: Path) -> str:
    """The run's report in a frame of its own, in which no script runs."""
    try:
        text = (folder / REPORT).read_text(encoding="utf-8")
    except OSError:
        return ""
    return (
        f'<iframe title="report" sandbox="" srcdoc="{escape(text, quote=True)}" '
        'style="width:100%;height:40em;border:1px solid rgba(127,127,127,0.5)"></iframe>'
    )


def _tone(verdict: str) -> display.Tone:
    try:
        return Verdict(verdict).tone
    except ValueError:
        return "unknown"
