"""The panel's widgets: which there are, how they are called, and where each stands. What they do is told them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.resources import files
from typing import Any

import ipywidgets as widgets

from ops.panel.desk import CHANGE, JUDGE, LOOK, Mend, Offer

_STYLES = {CHANGE: "danger", JUDGE: "primary"}
_NO_RUN = ("choose a run", "")
_NO_CASE = ("choose one", "")

# What is too wide scrolls in its own part, in place of the whole panel. Red looks as if it could be pressed, also where
# it cannot: it is grey then. A report's frame and a picture are documents of their own: they go by the colours that the
# browser prefers, unless they are told those of the theme.
_STYLE = (
    "<style>.ops-panel .widget-inline-hbox{margin-inline:0}"  # as wide as the panel: a margin would make that scroll
    ".ops-panel .widget-html-content{min-width:0;overflow-wrap:break-word}"
    ".ops-chosen td{overflow-wrap:anywhere}"  # a path without a place to break: nothing of the chosen revision is cut
    ".ops-panel button:disabled{filter:grayscale(1);opacity:0.45}"
    '[data-jp-theme-light="true"] .ops-panel{color-scheme:light}'
    '[data-jp-theme-light="false"] .ops-panel{color-scheme:dark}</style>'
)
_HEADING = '<div role="heading" aria-level="3" style="font-size:14px;font-weight:600;margin:6px 0 0 0">{}</div>'

_CASE = 120
"""Characters of a repair in the list."""

LONG = 30
"""Revisions from which on one may search them."""


class Controls:
    """Every widget of a panel. `box` holds them all; what is shown in each is set by whoever has them."""

    def __init__(self, offers: Sequence[Offer], *, targets: Sequence[str], target: str) -> None:
        """`targets` are the names to choose from, `target` is the one that is chosen."""
        self.target = widgets.Dropdown(
            description="Target", options=targets, value=target, layout=widgets.Layout(width="20em", max_width="100%")
        )
        self.refresh = widgets.Button(description="Look again", icon="refresh", tooltip="Read the state anew")
        self.find = widgets.Text(
            description="Find", placeholder="letters of a revision", continuous_update=True, layout=_line()
        )
        self.revision = widgets.Dropdown(description="Revision", layout=_line())
        self.buttons = {one.action: self._button(one) for one in offers}
        self.typed = widgets.Text(
            description="Database",
            placeholder="type its name to change it",
            continuous_update=True,
            layout=widgets.Layout(width="22em", max_width="100%"),
        )
        self.case = widgets.Dropdown(description="Repair", options=[_NO_CASE], layout=_line())
        self.cancel = widgets.Button(description="Cancel", disabled=True, tooltip="Stop what runs; it is rolled back")
        self.shown = widgets.Dropdown(description="Report of", options=[_NO_RUN], layout=_line())
        names = (
            "state", "advice", "history", "chosen", "planned", "why", "bar", "progress", "log", "result", "past",
            "report",
        )  # fmt: skip
        for name in names:
            setattr(self, name, widgets.HTML(layout=widgets.Layout(width="auto" if name == "bar" else "100%")))
        self.on_aim(lambda _: None)
        self.on_choose(lambda _: None)
        self.on_choose_case(lambda _: None)
        self.box = self._box(offers)

    state: Any
    advice: Any
    history: Any
    chosen: Any
    planned: Any
    why: Any
    bar: Any
    progress: Any
    log: Any
    result: Any
    past: Any
    report: Any

    def on_press(self, act: Callable[[str], None]) -> None:
        """Call a function with the name of an action whose button is pressed."""
        for action, button in self.buttons.items():
            button.on_click(lambda _, action=action: act(action))

    def on_choose(self, act: Callable[[Any], None]) -> None:
        """Call a function with the change when a person chooses another revision."""
        self._choose = act
        self.revision.observe(act, names="value")

    def offer(self, offers: Sequence[Offer]) -> None:
        """Let be pressed what can be done now; each of the others says why it cannot."""
        for one in offers:
            button = self.buttons[one.action]
            button.disabled = bool(one.why_not)
            button.tooltip = one.why_not or one.command

    def choose_from(self, choices: Sequence[tuple[str, str]], chosen: str, *, searching: bool) -> None:
        """Have these revisions to choose from; nobody is told, as nobody chose."""
        if tuple(self.revision.options) != tuple(choices):
            self.revision.unobserve(self._choose, names="value")  # new options alone choose the first of them
            with self.revision.hold_sync():
                self.revision.options = tuple(choices)
                self.revision.value = chosen
            self.revision.observe(self._choose, names="value")
        self.find.layout.display = None if searching else "none"

    def on_choose_case(self, act: Callable[[Any], None]) -> None:
        """Call a function with the change when a person chooses what to repair."""
        self._choose_case = act
        self.case.observe(act, names="value")

    def mend(self, mends: Sequence[Mend], chosen: str) -> None:
        """Have these repairs to choose from, nobody being told; out of sight where there is none."""
        self.case.unobserve(self._choose_case, names="value")
        with self.case.hold_sync():
            self.case.options = [_NO_CASE, *((f"{one.case} · {one.offered}"[:_CASE], one.case) for one in mends)]
            self.case.value = chosen
        self.case.observe(self._choose_case, names="value")
        self.case.layout.display = None if mends else "none"

    def busy(self, on: bool) -> None:
        """Let nothing else be chosen while something is under way."""
        # The browser is told of it first, and of its end last: till then the focus waits to go back to where it was.
        if on:
            self.box.add_class("ops-busy")
        for one in (self.target, self.refresh, self.find, self.revision, self.case):
            one.disabled = on
        if not on:
            self.box.remove_class("ops-busy")

    def at_work(self, on: bool) -> None:
        """Show how far a run is, and let it be cancelled; out of sight where nothing runs."""
        self.cancel.disabled = not on
        self._work.layout.display = None if on else "none"

    def list_runs(self, choices: Sequence[tuple[str, str]]) -> None:
        """Have these runs to choose from; none is chosen."""
        self.shown.options = [_NO_RUN, *choices]

    def name_target(self, target: str) -> None:
        """Have a target chosen; nobody is told, as nobody chose."""
        self.target.unobserve(self._aim, names="value")
        self.target.value = target
        self.target.observe(self._aim, names="value")

    def on_aim(self, act: Callable[[Any], None]) -> None:
        """Call a function with the change when a person chooses another target."""
        self._aim = act
        self.target.observe(act, names="value")

    @staticmethod
    def _button(offer: Offer) -> Any:
        return widgets.Button(description=offer.action, button_style=_STYLES.get(offer.kind, ""), tooltip=offer.command)

    def _box(self, offers: Sequence[Offer]) -> Any:
        def row(*members: Any) -> Any:
            flow = widgets.Layout(flex_flow="row wrap", align_items="center", width="100%")
            return widgets.HBox(list(members), layout=flow)

        def buttons(kind: str) -> list[Any]:
            return [self.buttons[one.action] for one in offers if one.kind == kind]

        self._work = row(self.bar, self.cancel)
        self.at_work(False)
        box = widgets.VBox(
            [
                widgets.HTML(_STYLE),
                _keyboard(),
                row(self.target, self.refresh),
                self.state,
                self.advice,
                widgets.HTML(_HEADING.format("Look")),
                row(*buttons(LOOK)),
                widgets.HTML(_HEADING.format("Choose where to")),
                self.history,
                self.find,
                self.revision,
                self.chosen,
                widgets.HTML(_HEADING.format("Judge it: nothing is changed")),
                row(*buttons(JUDGE)),
                self.planned,
                widgets.HTML(_HEADING.format("Change it")),
                self.case,
                row(self.typed, *buttons(CHANGE)),
                self.why,
                self._work,
                self.progress,
                self.result,
                self.log,
                self.past,
                self.shown,
                self.report,
            ],
            layout=widgets.Layout(width="100%"),
        )
        # by these names the keyboard's part, a page's own style, and a test find them
        box.add_class("ops-panel")
        self._work.add_class("ops-work")
        self.result.add_class("ops-result")
        self.chosen.add_class("ops-chosen")
        return box


def _keyboard() -> Any:
    """Return what has the browser run `keyboard.js`; it takes no room."""
    script = files("ops.panel").joinpath("keyboard.js").read_text(encoding="utf-8")
    output = {"output_type": "display_data", "data": {"application/javascript": script}, "metadata": {}}
    return widgets.Output(outputs=(output,), layout=widgets.Layout(height="0", margin="0", overflow="hidden"))


def _line() -> Any:
    return widgets.Layout(width="100%", max_width="46em")
