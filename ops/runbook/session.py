"""What a notebook's cells call, in its kernel: guard, verdict, next step; and the record that goes with them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ops import display
from ops.errors import ImportFailedError, InterruptedRunError, OpsError, UsageError, effect
from ops.ledger import NOTEBOOK
from ops.ledger.records import sentence
from ops.runbook import catalogue, record
from ops.runbook.parameters import Value, from_namespace, injected_names
from ops.settings import home, redact
from ops.values import Result, Verdict, listed

RUN_FOLDER = "OPS_RUN_DIR"
"""The environment variable by which `ops run` tells the kernel where its record is."""

_current: Session | None = None


class NotOk(OpsError):
    """The last cell's way of telling papermill that the verdict is not OK."""

    code = "not-ok"

    def __str__(self) -> str:
        return self.problem

    def _render_traceback_(self) -> list[str]:
        return [self.problem]


def notebook(name: str) -> Session:
    """Begin the record of a notebook's run, show its banner, and return what the other cells use.

    Raises
    ------
    UsageError
        There is no notebook of that name.
    """
    global _current
    if _current is not None:
        _current.close()
    _current = Session(catalogue.find(name))
    return _current


class Session:
    """One run of one notebook, as its cells see it."""

    def __init__(self, about: catalogue.Notebook) -> None:
        self.name = about.name
        self.effects = about.effects
        self._about = about
        self._started = record.now()
        self._shell = _shell()
        self._record: record.Record | None = None
        self._stopped_by: OpsError | None = None
        self._banner = f"ops-banner-{uuid.uuid4().hex}"
        self._reported = ""
        self._died: tuple[str, ...] = ()
        # Taken out, so that whatever this kernel starts itself does not write into this run's record.
        folder = os.environ.pop(RUN_FOLDER, None)
        self._headless = folder is not None
        if folder is not None:
            self._record = record.Record.load(Path(folder))
        if self._shell is not None:
            self._shell.events.register("post_run_cell", self._after_cell)
            _shield(self._shell)
        _show(self._banner_view(), display_id=self._banner)

    @property
    def folder(self) -> Path | None:
        """The run folder; None before the guard has let the run pass."""
        return self._record.folder if self._record else None

    @property
    def verdict(self) -> Verdict:
        """The verdict so far: UNKNOWN until the run has come to one."""
        if self._record is not None:
            return self._record.verdict
        return self._stopped_by.verdict if self._stopped_by else Verdict.UNKNOWN

    def guard(self, target: str, *, even_broken: bool = False) -> tuple[Any, Any]:
        """Check the parameters, resolve the target, show where it is, and return it with its status.

        `even_broken`: where the project's code cannot be imported, that is shown, and the status is None.

        Raises
        ------
        UsageError
            A parameter is unknown or mistyped, or nobody configured that target.
        OpsError
            The target cannot be reached, or its project does not load.
        """
        from ops import targets

        values = self._values()
        os.environ[NOTEBOOK] = self.name  # for the ledger
        db = targets.target(target, effects=self.effects)
        self._open(target, values)
        try:
            status = db.status()
        except ImportFailedError as error:
            if not even_broken:
                raise
            _show(display.View(title="", blocks=(display.Note(redact(error.problem), "bad"),)))
            return db, None
        facts = status.facts
        assert self._record is not None
        self._record.note(database=facts.database, server_version=facts.version)
        where = listed(status.current)
        _show(display.View(title="", blocks=(display.Note(redact(f"{facts} · current: {where}")),)))
        self._died = tuple(map(sentence, status.open_runs))
        if self._died:
            _show(display.View(title="", blocks=self._of_the_dead()))
            _update(self._banner_view(), display_id=self._banner)
        return db, status

    def report(self, line: str) -> None:
        """Show how far a long step is, in place of the line before."""
        view = display.View(title="", blocks=(display.Note(redact(line)),))
        if self._reported:
            _update(view, display_id=self._reported)
            return
        self._reported = f"ops-report-{uuid.uuid4().hex}"
        _show(view, display_id=self._reported)

    def conclude(
        self,
        result: Result,
        *,
        verdict: Verdict | str | None = None,
        artifacts: Mapping[str, str | bytes | None] | None = None,
    ) -> None:
        """Write the verdict, the result's data and the artifacts into `result.json`, and show the verdict.

        `verdict` is used in place of the result's own. An artifact whose content is None is a file that
        the run has already put into its folder. A result may carry the `error` that stopped it.
        """
        if self._record is None:
            self._open(self._target(), self._values())
        assert self._record is not None
        error = getattr(result, "error", None)
        for name, content in (artifacts or {}).items():
            self._record.add_artifact(name, content)
        self._record.conclude(
            verdict=Verdict(verdict) if verdict is not None else result.verdict,
            summary=str(result),
            data=result.to_dict(),
            error=error if isinstance(error, OpsError) else None,
        )
        self._stopped_by = None
        _show(self._verdict_view())
        _update(self._banner_view(), display_id=self._banner)

    def next_steps(self) -> None:
        """Show where each verdict leads; then stop the executor unless the verdict is OK.

        Papermill knows of no verdicts, so an exception has to tell it. A person in Jupyter gets the table
        only, and `ops run` reads `result.json`.

        Raises
        ------
        NotOk
            The verdict is not OK, and neither a person nor `ops run` is there to read it.
        """
        verdict = self.verdict
        rows = tuple(
            (display.Mark(name, Verdict(name).tone), "this run" if name == verdict else "", where, why)
            for name, where, why in sorted(self._about.following, key=lambda one: one[0] != verdict)
        )
        _show(
            display.View(
                title="Next",
                mark=_mark(verdict),
                blocks=(display.Table(columns=("Verdict", "", "Notebook", "Why"), rows=rows),),
            )
        )
        if verdict is Verdict.OK or self._headless or self._live():
            return
        summary = self._record.content["summary"] if self._record else "no verdict was reached"
        raise NotOk(redact(f"{verdict.value}: {summary}"), next_step="See the table above.")

    def close(self) -> None:
        """Stop listening: another run has begun in the same kernel."""
        if self._shell is not None:
            self._shell.events.unregister("post_run_cell", self._after_cell)

    def _values(self) -> dict[str, Value]:
        if self._shell is None:
            return {one.name: one.default for one in self._about.parameters if one.default is not None}
        return from_namespace(
            self._about.parameters,
            self._shell.user_ns,
            injected=injected_names(self._shell.user_ns.get("In", ())),
            notebook=self.name,
        )

    def _target(self) -> str:
        named = self._shell.user_ns.get("target") if self._shell is not None else None
        takes_one = any(one.name == "target" for one in self._about.parameters)
        return named if takes_one and isinstance(named, str) else record.NO_TARGET

    def _open(self, target: str, values: Mapping[str, object]) -> None:
        """Have a record that is not finished: after an error, a person corrects the cell and goes on."""
        self._stopped_by = None
        if self._record is not None and (self._headless or not self._record.finished):
            self._record.note(target=self._named(target), parameters=dict(values))
            return
        started = self._started if self._record is None else record.now()
        folder = record.new_folder(home(), target=target, notebook=self._about.stem, started=started)
        self._record = record.Record.begin(
            folder,
            notebook=self.name,
            target=self._named(target),
            parameters=values,
            started=started,
        )

    @staticmethod
    def _named(target: str) -> str | None:
        return None if target == record.NO_TARGET else target

    def _after_cell(self, result: Any) -> None:
        raised = result.error_before_exec or result.error_in_exec
        if raised is None or isinstance(raised, NotOk):
            return
        if self._record is not None and self._record.finished and self._live():
            return  # a person tries something of their own after the run has ended
        error = _as_ops_error(raised, self.effects)
        self._stopped_by = error
        if self._record is None and not isinstance(error, UsageError):
            self._open_for(error)
        if self._record is not None:
            with contextlib.suppress(record.UnwritableError):  # the error is in the cell, and whoever started us looks
                self._record.fail(error)
        _update(self._banner_view(), display_id=self._banner)

    def _open_for(self, error: OpsError) -> None:
        """An error before the guard has no record yet; it gets one where the target is a real one."""
        from ops.settings import names

        target = self._target()
        try:
            known = target == record.NO_TARGET or target in names(home())
        except OpsError as unreadable:
            self._stopped_by = unreadable
            return
        if known:
            self._open(target, {})
            self._stopped_by = error

    def _live(self) -> bool:
        """Whether a person's Jupyter session owns this kernel.

        A papermill that was started inside such a session inherits its environment, but a front end names
        the cell in each request, and papermill does not.
        """
        if not os.environ.get("JPY_SESSION_NAME") or self._shell is None:
            return False
        get_parent = getattr(self._shell, "get_parent", None)
        request = (get_parent() or {}) if get_parent is not None else {}
        return bool(request.get("metadata", {}).get("cellId"))

    def _banner_view(self) -> display.View:
        title = f"{self._about.stem} · {self._about.question}" if self._about.question else self._about.stem
        error, verdict = self._stopped_by, Verdict.UNKNOWN
        if self._record is None or not self._record.finished:
            if error is not None:
                verdict, blocks = error.verdict, _error_blocks(error.to_dict())
            else:
                said = "Not finished: the verdict stands here when the run has come to one."
                blocks = (display.Note(said, "unknown"),)
        else:
            content, verdict = self._record.content, self.verdict
            blocks = _error_blocks(content["error"]) if content["error"] else (display.Note(content["summary"]),)
        return display.View(title=title, mark=_mark(verdict), blocks=(*blocks, *self._of_the_dead()))

    def _of_the_dead(self) -> tuple[display.Note, ...]:
        """What stands in the banner of every notebook as long as a run that died is not settled."""
        return tuple(display.Note(redact(f"When this run began: {one}"), "attention") for one in self._died)

    def _verdict_view(self) -> display.View:
        assert self._record is not None
        content = self._record.content
        folder = self._record.folder
        shown = folder.relative_to(home()) if folder.is_relative_to(home()) else folder
        facts = [("Record", str(shown / record.FILE)), *(("File", str(shown / one)) for one in content["artifacts"])]
        blocks: tuple[Any, ...] = (display.Facts(tuple(facts)),)
        if content["error"]:
            blocks = (*_error_blocks(content["error"]), *blocks)
        return display.View(title=content["summary"], mark=_mark(self.verdict), blocks=blocks)


def _as_ops_error(raised: BaseException, effects: str) -> OpsError:
    if isinstance(raised, record.UnwritableError) and effects != "write":
        raised.changed = False
    if isinstance(raised, OpsError):
        return raised
    changed = None if effects == "write" else False
    if isinstance(raised, (KeyboardInterrupt, asyncio.CancelledError)):
        return InterruptedRunError(
            "The run was interrupted.",
            next_step="Run notebooks/10-inspect.ipynb to see where the database is, then run this again.",
            changed=changed,
        )
    said = " ".join(str(raised).split())
    return OpsError(
        redact(f"{type(raised).__name__}: {said}" if said else type(raised).__name__)[:500],
        next_step="This was not foreseen. The cell that failed shows where; run notebooks/10-inspect.ipynb "
        "to see where the database is, and report it with the notebook of this run.",
        changed=changed,
        code="unexpected",
    )


def _error_blocks(error: Mapping[str, Any]) -> tuple[display.Note, ...]:
    return (
        display.Note(redact(error["problem"]), "bad"),
        display.Note(effect(error["changed"])),
        display.Note(f"Next: {redact(error['next_step'])}"),
    )


def _mark(verdict: Verdict) -> display.Mark:
    return display.Mark(verdict.value, verdict.tone)


def in_kernel() -> bool:
    """Return whether this process runs cells."""
    return _shell() is not None


def _shell() -> Any:
    if "IPython" not in sys.modules:
        return None
    from IPython import get_ipython

    return get_ipython()


def _show(view: display.View, *, display_id: str | None = None) -> None:
    bundle = display.mimebundle(view)
    if _shell() is None:
        print(bundle["text/plain"])
        return
    from IPython.display import display as show

    show(bundle, raw=True, display_id=display_id)


def _update(view: display.View, *, display_id: str) -> None:
    if _shell() is None:
        return
    from IPython.display import update_display

    update_display(display.mimebundle(view), raw=True, display_id=display_id)


def _shield(shell: Any) -> None:
    """Have the kernel show no secret in an error, and an interruption without a stack.

    `_showtraceback` is IPython's own name for the last step before an error leaves the kernel; there is
    no public hook that also covers errors which render themselves.
    """
    if getattr(shell._showtraceback, "shields", False):
        return
    plain = shell._showtraceback

    def shielded(kind: type[BaseException], value: BaseException, lines: list[str]) -> None:
        if issubclass(kind, KeyboardInterrupt):
            lines = _as_ops_error(value, _current.effects if _current else "write")._render_traceback_()
        text = str(value)
        safe = redact(text)
        plain(kind, value if safe == text else Exception(safe), [redact(line) for line in lines])

    shielded.shields = True  # type: ignore[attr-defined]
    shell._showtraceback = shielded
