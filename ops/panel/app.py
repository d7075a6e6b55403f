"""The control panel at work: it starts runs, follows and stops them. What may be done is the desk's to say."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from ops import display, guard
from ops.errors import OpsError
from ops.panel import past, shown
from ops.panel.about import About, about
from ops.panel.advice import next_step
from ops.panel.controls import LONG, Controls
from ops.panel.desk import CHANGE, GOES, Desk, Mend, Offer, Planned
from ops.panel.places import Server
from ops.panel.progress import Progress
from ops.panel.pulse import Pulse
from ops.panel.running import Running
from ops.runbook.catalogue import Notebook
from ops.runbook.record import new_folder, now
from ops.settings import TargetSettings, home, names, resolve
from ops.status import Status

TICK_SECONDS = 0.4
PAUSE_SECONDS = 0.4
"""How long a target or a revision stays chosen before it is read: who goes through a list chooses each of it."""

_READ = ("target", "database", "history", "open_runs", "without_version")
"""What of a desk is read from the database."""


class Panel:
    """A target's panel; showing it shows its widgets, and a table where nobody can show those."""

    def __init__(self, status: Status, notebooks: Sequence[Notebook]) -> None:
        self._notebooks = {one.name: one for one in notebooks}
        self._desk = Desk.of(status, notebooks)
        self._status = status
        self._guard = threading.Lock()
        self._running: Running | None = None
        self._past: tuple[past.Past, ...] = ()
        self._outdated = ""
        self._result = ""
        self._about: dict[tuple[str, str, str], About] = {}
        self._server = Server.of_this_kernel()
        self.controls = Controls(self._desk.offers(), targets=names(home()), target=self._desk.target)
        self._show_runs()
        self._show_status()
        self._show_desk()
        self._listen()

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        bundle = self.controls.box._repr_mimebundle_() or {}
        return {**bundle, **display.mimebundle(shown.plain(self._status, self._desk))}

    def _listen(self) -> None:
        controls = self.controls
        controls.on_aim(lambda _: self._aimed())
        controls.find.observe(lambda _: self._show_choices(), names="value")
        controls.on_choose(self._chosen)
        controls.on_choose_case(self._chosen_case)
        controls.typed.observe(self._type, names="value")
        controls.shown.observe(self._show_report, names="value")
        controls.refresh.on_click(lambda _: self._look())
        controls.cancel.on_click(lambda _: self._cancel())
        controls.on_press(self._press)
        self._find_out()

    def _change(self, **values: Any) -> None:
        """Have another desk: a person types while a thread follows a run."""
        with self._guard:
            self._desk = replace(self._desk, **values)

    # -- showing ------------------------------------------------------------------------------------

    def _show_status(self) -> None:
        self.controls.state.value = shown.state(self._status, self._past, outdated=self._outdated)

    def _show_result(self, trouble: str = "") -> None:
        """Show what came of the last run; what went wrong since then stands above it."""
        self.controls.result.value = trouble + self._result

    def _show_nothing(self, target: str) -> None:
        self._result = ""
        self.controls.state.value = shown.reading(target)
        controls = self.controls
        for one in (controls.history, controls.chosen, controls.planned, controls.result, controls.report):
            one.value = ""

    def _show_desk(self) -> None:
        desk, controls = self._desk, self.controls
        if desk.running:
            controls.busy(True)
        self._show_choices()
        self._show_revision()
        controls.mend(desk.mends, desk.case)
        controls.advice.value = shown.advice(next_step(desk))
        controls.planned.value = shown.planned(desk)
        controls.why.value = shown.reasons(desk)
        # Last: what can be pressed is about what is on the screen by then.
        controls.offer(desk.offers())
        if not desk.running:
            controls.busy(False)

    def _show_choices(self) -> None:
        searching = len(self._desk.history.revisions) > LONG
        choices = self._desk.choices(self.controls.find.value if searching else "")
        self.controls.choose_from(choices, self._desk.revision, searching=searching)

    def _show_revision(self) -> None:
        self.controls.history.value = shown.history(self._desk)
        self.controls.chosen.value = shown.revision(self._desk, self._about.get(_question(self._desk)), home=home())

    def _show_runs(self) -> None:
        self._past = past.runs(home(), self._desk.target)
        self.controls.past.value = shown.runs(self._past, home=home(), server=self._server)
        self.controls.list_runs(
            [(f"{one.started} · {one.notebook} · {one.verdict}", str(one.folder)) for one in self._past]
        )

    def _show_report(self, change: Any) -> None:
        self.controls.report.value = shown.report(Path(change["new"])) if change["new"] else ""

    def _show_progress(self, running: Running, offer: Offer, *, pulse: str = "") -> None:
        usual = past.usual_seconds(self._past, running.notebook)
        about = f", usually {display.duration(usual)}" if usual else ""
        took = " took" if running.over else ":"
        plan = self._desk.planned
        progress = Progress.of(running.heard)
        rehearsed = past.rehearsed_seconds(self._past, plan.direction) if plan else {}
        revisions = plan.revisions if plan and offer.action in GOES and offer.kind == CHANGE else ()
        sentences = (
            f"{offer.action}{took} {display.duration(running.seconds)}{about}",
            progress.sentence(revisions, rehearsed, now=time.monotonic()),
            f"The server is at work {pulse}" if pulse else "",
        )
        cells = max(self._notebooks[running.notebook].cells, 1)
        at = cells if running.over else running.cells
        self.controls.bar.value = shown.bar(at, cells, label=f"{offer.action}, cells of {offer.notebook}")
        self.controls.progress.value = shown.progress(sentences)
        self.controls.log.value = shown.log(running.lines, folded=running.over)

    # -- acting -------------------------------------------------------------------------------------

    def _aimed(self) -> None:
        """Have another target read, if it stays chosen; until then nothing can be done to either."""
        chosen = str(self.controls.target.value)
        self._change(aim=chosen if chosen != self._desk.target else "")
        self._show_desk()
        if self._desk.aim:
            threading.Thread(target=self._look_if_settled, args=(chosen,), daemon=True).start()

    def _look_if_settled(self, chosen: str) -> None:
        time.sleep(PAUSE_SECONDS)
        if self.controls.target.value == chosen:
            self._look()

    def _chosen(self, change: Any) -> None:
        self._change(revision=change["new"])
        self._show_desk()
        self._find_out()

    def _chosen_case(self, change: Any) -> None:
        self._change(case=change["new"])
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
            self._show_result(shown.trouble(error.problem, f"{error.effect} {error.next_step}"))
        except Exception as error:  # a thread's error would be seen by nobody
            self._show_result(shown.trouble(f"{type(error).__name__}: {error}"))
        finally:
            self._change(running="")
            self.controls.at_work(False)
            self._aimed()  # it may have been just before the list was closed
            self._find_out()

    def _perform(self, offer: Offer) -> None:
        if offer.kind == CHANGE:
            guard.check_typed_name(self._status.facts, self._desk.typed)
        folder = new_folder(home(), target=self._desk.target, notebook=offer.notebook.rpartition("/")[2], started=now())
        running = self._running = Running(offer.notebook, offer.parameters, folder=folder)
        self.controls.at_work(True)
        self._result = ""
        self._show_result()
        if offer.kind == CHANGE:
            self._outdated = f"Read before {offer.action} began; it is read again when that has ended."
            self._show_status()
        try:
            with closing(Pulse(self._settings())) as pulse:
                while not running.ended:
                    # Others only look, and what rehearses does so elsewhere.
                    said = pulse.said() if offer.kind == CHANGE else ""
                    self._show_progress(running, offer, pulse=said)
                    time.sleep(TICK_SECONDS)
        finally:
            self._running = None
        self._show_progress(running, offer)
        found = running.result()
        self._result = shown.result(offer.action, found, folder, self._server)
        self._show_result()
        self._learn(offer, found)
        self._show_runs()
        self._show_status()
        if offer.kind == CHANGE:
            self._look_again()

    def _learn(self, offer: Offer, found: Any) -> None:
        """Keep what of a run a later step needs; forget what was carried out."""
        data, verdict = found.get("data") or {}, str(found.get("verdict"))
        planned = self._desk.planned
        if offer.kind == CHANGE:
            self._change(planned=None, mends=(), case="", typed="", unproved=verdict != "REFUSED")
            self.controls.typed.value = ""
        elif offer.notebook == "20-plan":
            self._change(planned=Planned.of(offer.parameters, found))
        elif offer.notebook == "90-repair":
            self._learn_repairs(Mend.all_of(data))
        elif offer.notebook == "50-verify":
            self._change(unproved=False)
        elif offer.notebook == "30-rehearse" and planned and data.get("fingerprint") == planned.fingerprint:
            self._change(planned=replace(planned, rehearsed=verdict))
        elif offer.notebook == "46-backup" and planned and verdict == "OK":
            self._change(planned=replace(planned, backed_up=True))

    def _learn_repairs(self, found: tuple[Mend, ...]) -> None:
        """Keep what may be repaired; a dry run of one choice leaves the others to choose from."""
        before = self._desk
        fresh = {one.case: one for one in found}
        if before.case:
            found = tuple(fresh.get(one.case, one) for one in before.mends if one.case != before.case or fresh)
        only = found[0].case if len(found) == 1 else ""
        self._change(mends=found, case=before.case if before.case in fresh else only)

    def _look_again(self) -> None:
        """Read the state anew, of the target that is chosen now."""
        from ops.targets import target

        before = self._desk
        chosen = str(self.controls.target.value)
        if chosen != before.target:
            self._show_nothing(chosen)  # nobody shall take one database's state for another's
        try:
            status = target(chosen, effects="read").status()
        except BaseException:
            self.controls.name_target(before.target)
            if chosen == before.target:
                self._outdated = "This was read before: it could not be read again."
            self._show_status()
            raise
        fresh = Desk.of(status, tuple(self._notebooks.values()))
        if chosen == before.target:
            known = before.revision in fresh.history.by_id or before.revision == "base"
            kept = {"revision": before.revision if known else fresh.revision, "planned": before.planned}
        else:
            kept = {"revision": fresh.revision, "planned": None, "mends": (), "case": "", "unproved": False}
            self.controls.typed.value = self.controls.find.value = ""
        self._status, self._outdated = status, ""
        self._about.clear()  # a file may have been edited
        self._change(**{name: getattr(fresh, name) for name in _READ}, **kept)
        self._show_result()
        self._show_runs()
        self._show_status()

    # -- the chosen revision ------------------------------------------------------------------------

    def _settings(self) -> TargetSettings:
        return resolve(self._desk.target, home())

    def _find_out(self) -> None:
        """Have the author and the SQL of the chosen revision read, while one goes on."""
        question = _question(self._desk)
        if question[1] in self._desk.history.by_id and question not in self._about:
            threading.Thread(target=self._read_about, args=(question,), daemon=True).start()

    def _read_about(self, question: tuple[str, str, str]) -> None:
        time.sleep(PAUSE_SECONDS)
        desk = self._desk
        # Not beside a run: it would only be in its way.
        if _question(desk) != question or desk.running:
            return
        try:
            found = about(self._settings(), desk.history.by_id[desk.revision], desk.direction)
        except Exception as error:  # what is not known of a revision keeps nobody from the rest
            found = About(why=f"{type(error).__name__}: {error}")
        self._about[question] = found
        if _question(self._desk) == question:
            self._show_revision()


def _question(desk: Desk) -> tuple[str, str, str]:
    """What the author and the SQL are asked by."""
    return (desk.target, desk.revision, "down" if desk.direction == "down" else "up")
