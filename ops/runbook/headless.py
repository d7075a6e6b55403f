"""Notebooks without a person: executed by papermill, recorded, reported, and stopped cleanly."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import FrameType
from typing import Any

from ops.errors import InterruptedRunError, OpsError, UsageError
from ops.runbook import catalogue
from ops.runbook.kernel import Kernel, environment
from ops.runbook.libraries import without_formats
from ops.runbook.parameters import Value, from_values
from ops.runbook.record import (
    FILE,
    NO_TARGET,
    Record,
    UnwritableError,
    new_folder,
    now,
    plain,
    write_atomically,
)
from ops.settings import home as find_home
from ops.settings import redact, resolve
from ops.values import Verdict

NOTEBOOK = "notebook.ipynb"
REPORT = "report.html"

Progress = Callable[[str], None]


def to_stderr(line: str) -> None:
    """Print one line of progress; a log that takes no more of them is no reason to stop a change half-way."""
    with contextlib.suppress(OSError):
        print(line, file=sys.stderr, flush=True)


def execute(
    name: str,
    parameters: Mapping[str, object],
    *,
    target: str | None = None,
    out: Path | None = None,
    progress: Progress = to_stderr,
) -> Record:
    """Execute one notebook in a kernel of its own and return its finished record.

    The record says how the run ended, also where the kernel died: nothing but a wrong call raises.
    `out` is the folder for the run's files, in place of a dated one under `runs/`.

    Raises
    ------
    UsageError
        The notebook, the target or a parameter does not exist, or a value has the wrong type. Nothing
        was started then, and there is no run folder.
    """
    values = dict(parameters)
    if target is not None:
        if "target" in values:
            raise UsageError("The target is given twice.", next_step="Give it once: --target or -p target=…")
        values["target"] = target
    with stoppable() as stop:
        execution = Execution(catalogue.find(name), values, out=out, progress=progress, stop=stop)
        try:
            execution.play()
        finally:
            execution.finish()
    return execution.record


class Stop:
    """What SIGINT, SIGTERM and SIGHUP have asked for so far."""

    def __init__(self) -> None:
        self.count = 0
        self.act: Callable[[], None] | None = None

    def __call__(self, number: int, frame: FrameType | None) -> None:
        self.count += 1
        # A handler may run in the midst of a print: only os.write is safe here.
        with contextlib.suppress(OSError):
            os.write(2, b"Interrupted: waiting for the notebook to end what it is doing ...\n")
        if self.act is not None:
            self.act()


@contextlib.contextmanager
def stoppable() -> Iterator[Stop]:
    """Turn signals into requests while notebooks run; only the main thread can."""
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    numbers = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
    # nohup has SIGHUP ignored, and a shell's background job SIGINT: that wish is kept.
    heeded = [number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, stop) for number in heeded}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class NoVerdictError(OpsError):
    """A notebook ended without saying what its result is."""

    code = "no-verdict"
    verdict = Verdict.UNKNOWN
    exit_code = 3


class _Stopped(Exception):
    """Raised between cells, through papermill, once a signal has come."""


class _Lines:
    """What cells print while they run, passed on line by line: a long change tells how far it is."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._rest = ""

    def write(self, text: str) -> None:
        *whole, self._rest = (self._rest + text).split("\n")
        for line in whole:
            self._progress(redact(f"          {line}"))

    def flush(self) -> None:
        """Whole lines were passed on already."""


class Execution:
    """One headless run: checked, its kernel booting, its record written; then `play`, then `finish`."""

    def __init__(
        self,
        about: catalogue.Notebook,
        values: Mapping[str, object],
        *,
        out: Path | None = None,
        progress: Progress = to_stderr,
        stop: Stop | None = None,
    ) -> None:
        self.about = about
        self.parameters: dict[str, Value] = from_values(about.parameters, values, notebook=about.name)
        self._home = find_home()
        named = self.parameters.get("target")
        target = named if isinstance(named, str) else None
        if target is not None:
            resolve(target, self._home)
        started = now()
        self._ours = out is None
        if out is None:
            self.folder = new_folder(self._home, target=target or NO_TARGET, notebook=about.stem, started=started)
        else:
            self.folder = _prepared(out)
        self.record = Record.begin(
            self.folder, notebook=about.name, target=target, parameters=self.parameters, started=started
        )
        self._progress = progress
        self._stop = stop or Stop()
        self._began = time.monotonic()
        self._cell = ""
        self._heading = ""
        self._cell_index = 0
        self._cells_begun = False
        self._broke_off: OpsError | None = None
        env = {key: value for key, value in os.environ.items() if key != "JPY_SESSION_NAME"}
        env |= environment(self._home) | {"OPS_RUN_DIR": str(self.folder)}
        self._kernel = Kernel(env, cwd=Path.cwd())

    def play(self) -> Record:
        """Execute the cells, and return the record as the kernel left it, or as its death left it."""
        self._stop.act = self._interrupt
        trouble: Exception | None = None
        try:
            self._papermill()
        except Exception as error:  # papermill's own, a dead kernel's, ours: the record says which
            trouble = error
        finally:
            self._stop.act = None
        self.record = Record.load(self.folder)
        if not self.record.finished:
            self._broke_off = self._unfinished(trouble)
            try:
                self.record.fail(self._broke_off)
            except UnwritableError as error:  # nobody can read it there, so it is told
                self._broke_off = self._unrecorded(error)
                with contextlib.suppress(UnwritableError):
                    self.record.fail(self._broke_off)
        return self.record

    def finish(self) -> None:
        """End the kernel, clean the notebook of secrets, write the report, and complete the record."""
        self._kernel.stop()
        path = self.folder / NOTEBOOK
        if not path.is_file():
            return
        try:
            self._clean(path)
        except (OSError, ValueError) as error:  # papermill has written half of it, or there is no room for another
            path.unlink(missing_ok=True)  # secrets may be in it
            self._progress(f"The notebook could not be kept: {_why(error)}")
        else:
            self.record.add_artifact(NOTEBOOK)
            self._report(path)
        try:
            self.record.write()
        except UnwritableError as error:
            self._progress(error.problem)

    def _report(self, notebook: Path) -> None:
        try:
            from ops.runbook import report

            report.write(notebook, self.folder / REPORT, title=f"{self.about.stem} · {self.record.verdict}")
            self.record.add_artifact(REPORT)
        except Exception as error:  # the run stands, with or without its report
            self._progress(redact(f"The report could not be written: {type(error).__name__}: {error}"))

    def discard(self) -> None:
        """Undo a preparation that will not be played."""
        self._kernel.stop()
        if self._ours:
            shutil.rmtree(self.folder)

    def _papermill(self) -> None:
        if self._stop.count:
            raise _Stopped
        # Its warnings are for people who call it themselves; what matters of them is checked here.
        logger = logging.getLogger("papermill")
        logger.addHandler(logging.NullHandler())
        logger.propagate = False
        with without_formats():
            from papermill.execute import execute_notebook

        threading.Thread(target=_preload, daemon=True).start()
        execute_notebook(
            _literal(self.about.path),
            _literal(self.folder / NOTEBOOK),
            parameters=self._given(),
            kernel_name="python3",
            progress_bar=False,
            km=self._kernel.manager(),
            on_cell_start=self._on_cell,
            stdout_file=_Lines(self._progress),
        )

    def _given(self) -> dict[str, Value]:
        """What papermill has to put below the declared defaults: as little as possible to read."""
        defaults = {one.name: one.default for one in self.about.parameters}
        return {name: value for name, value in self.parameters.items() if value != defaults[name]}

    def _on_cell(self, cell: Any, cell_index: int) -> None:
        if self._stop.count:
            raise _Stopped
        if cell.cell_type != "code":
            self._heading = _heading(cell.source) or self._heading
            return
        self._cells_begun = True
        self._cell_index = cell_index
        tags = cell.metadata.get("tags", ())
        if "injected-parameters" in tags:
            return
        self._cell = self._heading or (tags[0] if tags else cell.source.strip().split("\n", 1)[0][:60])
        self._heading = ""
        self._progress(f"{time.monotonic() - self._began:6.1f} s  {self.about.stem}: {self._cell}")

    def _interrupt(self) -> None:
        # Before the first cell there is nothing to clean up; and whoever asks three times means it.
        if not self._cells_begun or self._stop.count > 2:
            self._kernel.kill()
            if self._stop.count > 3:
                raise _Stopped  # out of papermill, wherever it waits for a kernel that is gone
        else:
            self._kernel.interrupt()

    def _unfinished(self, trouble: Exception | None) -> OpsError:
        changed = None if self.about.effects == "write" and self._cells_begun else False
        where = f" in the cell {self._cell!r}" if self._cell else " before the first cell"
        look = "Run notebooks/10-inspect.ipynb to see where the database is, then run this again."
        if self._stop.count:
            return InterruptedRunError(f"The run was interrupted{where}.", next_step=look, changed=changed)
        if not self._kernel.alive:
            words = "" if self._cells_begun else self._kernel.last_words()
            said = f" Its last words: {words}" if words else ""
            return InterruptedRunError(f"The kernel died{where}.{said}", next_step=look, changed=changed)
        if trouble is None:
            return NoVerdictError(
                "The notebook ended without a verdict.",
                next_step="It lacks a verdict cell: run.conclude(result).",
                changed=changed,
            )
        lines = [line.strip() for line in str(trouble).split("\n") if line.strip()] or [""]
        return OpsError(
            redact(f"The run broke off{where}: {lines[-1]}")[:500],
            next_step=f"Open {NOTEBOOK} in the run folder: the cell that failed shows why.",
            changed=changed,
            code="unexpected",
        )

    def _unrecorded(self, error: UnwritableError) -> OpsError:
        """A run that broke off, and whose end could not be written down where it belongs."""
        assert self._broke_off is not None
        where = f" The run broke off in the cell {self._cell!r}." if self._cell else ""
        broke_off, problem = self._broke_off, f"{error.problem}{where}"
        kind = InterruptedRunError if isinstance(broke_off, InterruptedRunError) else OpsError
        return kind(problem, next_step=error.next_step, changed=broke_off.changed, code=error.code)

    def _clean(self, path: Path) -> None:
        """Take out papermill's own error banners, as ours says more, and whatever is secret."""
        content = json.loads(path.read_text(encoding="utf-8"))
        content["cells"] = [
            cell
            for cell in content["cells"]
            if "papermill-error-cell-tag" not in cell.get("metadata", {}).get("tags", ())
        ]
        if self._broke_off is not None and self._cells_begun:
            # A dead kernel could not say it itself.
            content["cells"][self._cell_index]["outputs"].append(
                {
                    "output_type": "error",
                    "ename": type(self._broke_off).__name__,
                    "evalue": self._broke_off.problem,
                    "traceback": self._broke_off._render_traceback_(),
                }
            )
        write_atomically(path, json.dumps(plain(content), indent=1, ensure_ascii=False) + "\n")


def _prepared(out: Path) -> Path:
    try:
        folder = out.expanduser().absolute()
        folder.mkdir(parents=True, exist_ok=True)
        for name in (FILE, NOTEBOOK, REPORT):
            (folder / name).unlink(missing_ok=True)
    except (OSError, ValueError, RuntimeError) as error:  # a NUL in its name, a `~somebody` whom nobody knows
        why = error.strerror if isinstance(error, OSError) else str(error).rstrip(".")
        raise UsageError(
            f"The folder {str(out)[:300]!r} cannot be used: {why}.",
            next_step="Name a folder that can be written.",
        ) from None
    return folder.resolve()


def _why(error: Exception) -> str:
    return f"{error.strerror}." if isinstance(error, OSError) and error.strerror else "it is not whole."


def _preload() -> None:
    with contextlib.suppress(Exception):  # whatever is wrong with the report is said when it is written
        from ops.runbook import report

        report.preload()


def _literal(path: Path) -> str:
    """Papermill formats paths with the parameters: braces in a folder's name must survive that."""
    return str(path).replace("{", "{{").replace("}", "}}")


def _heading(markdown: str) -> str:
    """The text of the last heading below the title: what the next cell is about."""
    found = [line.lstrip("# ").strip() for line in markdown.splitlines() if line.startswith(("## ", "### "))]
    return found[-1] if found else ""
