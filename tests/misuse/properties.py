"""What holds for anything that comes in: properties of plain values, for whoever makes such values up.

`test_fuzz.py` has hypothesis make them, `guided.py` lets what is covered of our code lead on to the next.
"""

from __future__ import annotations

import atexit
import contextlib
import io
import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

from ops.errors import OpsError, UsageError
from ops.project import conversation
from ops.project.protocol import understood
from ops.project.worker import channel, serving
from ops.project.worker.project import Project
from ops.project.worker.state import STATE
from ops.runbook.parameters import declared, from_namespace, from_text, from_values, injected_names
from tests import cases

DECLARED = declared("revision: str\ndry_run: bool = True\nwait: int = -1\nratio: float = 0.5\n", notebook="n")


# -- parameters -------------------------------------------------------------------------------------


def a_parameter_is_what_was_typed_or_is_refused(name: str, text: str) -> None:
    """A parameter as text is read as what it is declared to be, or refused with what to do."""
    given_texts = [f"{name}={text}"] if name == "revision" else ["revision=head", f"{name}={text}"]
    try:
        value = from_text(DECLARED, given_texts, notebook="n")[name]
    except UsageError as refused:
        assert refused.next_step
        return
    if name == "revision":
        assert value == text
    elif name == "wait":
        assert value == int(text) and type(value) is int
    elif name == "ratio":
        assert value == float(text)
    else:
        assert text.strip().lower() in (("true", "yes", "1") if value else ("false", "no", "0"))


def values_of_any_kind_fit_or_are_refused(values: Mapping[str, Any], texts: Sequence[str]) -> None:
    """What gets through has the declared type, whichever way it came."""
    for read in (
        lambda: from_values(DECLARED, values, notebook="n"),
        lambda: from_namespace(DECLARED, values, injected=texts, notebook="n"),
        lambda: from_text(DECLARED, texts, notebook="n"),
    ):
        try:
            found = read()
        except UsageError:
            continue
        kinds = {one.name: one.type for one in DECLARED}
        assert {name: type(value).__name__ for name, value in found.items()} == kinds


def a_parameters_cell_declares_or_is_refused(source: str) -> None:
    """Whatever stands in the cell, it is parameters that can be shown, or an error that names the cell."""
    try:
        found = declared(source, notebook="n")
    except OpsError as refused:
        assert "parameters cell of n" in refused.problem
    else:
        assert all(str(one) and json.dumps(one.to_dict()) for one in found)
    injected_names([f"# Parameters\n{source}"])


# -- what a worker says -----------------------------------------------------------------------------


class Mouth:
    """As much of a process as a conversation needs: it says some lines, whatever it is told, and ends."""

    def __init__(self, lines: bytes) -> None:
        self.stdout, self.stdin, self.stderr = io.BytesIO(lines), io.BytesIO(), io.BytesIO()
        self.returncode = 0  # nobody is there to be killed
        self.pid = 2**31 - 1  # more than any process has

    def wait(self, timeout: float | None = None) -> int:
        return 0


def worker_that_says(lines: bytes) -> conversation.Worker:
    """Return the parent's side of a conversation with somebody who says these lines."""
    worker = object.__new__(conversation.Worker)
    worker.settings = SimpleNamespace(name="case", project=SimpleNamespace(config=Path("alembic.ini")), database="d")
    worker.backend_pids, worker.warnings, worker.versions = set(), [], {}
    worker._shown = worker._overdue = False
    worker._ahead, worker._early, worker._printed = "", {}, []  # type: ignore[assignment]
    worker._process = Mouth(lines)  # type: ignore[assignment]
    return worker


def whatever_a_worker_says_is_an_answer_or_an_error(lines: bytes, listens: bool) -> None:
    """It may be a project that writes to file descriptors by number."""
    worker = worker_that_says(lines)
    heard: list[Any] = []
    try:
        answer = worker.request("probe", listener=heard.append if listens else None)
    except OpsError as error:
        assert error.problem and error.next_step
    else:
        assert isinstance(answer, dict)
    assert all(isinstance(one["event"], str) for one in heard)


# -- what a worker is told --------------------------------------------------------------------------


class Ended(BaseException):
    """The worker's process would have ended here."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


LOOKS = {name: serving.REQUESTS[name] for name in ("history", "resolve")}
"""Requests that run no code of a project's but version files, and write nothing."""


@cache
def project() -> Project:
    """Return a project of five revisions as a worker knows it; its version files are read once."""
    folder = Path(tempfile.mkdtemp(prefix="alembic-ops-fuzz-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    made = cases.copy_to(cases.projects()["linear"], folder)
    return Project({"config": str(made / "alembic.ini"), "url": "postgresql://nowhere.invalid/"})


@contextlib.contextmanager
def a_worker_that_is_told(lines: bytes) -> Iterator[io.BytesIO]:
    """Have the worker's side of a conversation in this process; yields what it says."""
    said = io.BytesIO()

    def end(code: int) -> None:
        raise Ended(code)

    with (
        mock.patch.object(channel.CHANNEL, "incoming", io.BytesIO(lines)),
        mock.patch.object(channel.CHANNEL, "outgoing", said),
        mock.patch.object(channel, "os", SimpleNamespace(_exit=end, write=lambda descriptor, text: None)),
        mock.patch.object(serving, "os", SimpleNamespace(_exit=end)),
        mock.patch.object(serving, "Project", lambda hello: project()),
        mock.patch.dict(serving.REQUESTS, LOOKS, clear=True),
        mock.patch.object(STATE, "nowhere", True),
    ):
        yield said


def whatever_a_worker_is_told_it_answers_or_ends(lines: bytes) -> None:
    """What it answers is a message that the parent understands, and makes a value or an error of ours of."""
    with a_worker_that_is_told(lines) as said:
        try:
            serving.serve({})
        except Ended as ended:
            assert ended.code in (0, 70, 71)
    answers = said.getvalue().split(b"\n")[:-1]
    assert all(understood(one) is not None for one in answers), answers
    for one in answers:
        whatever_a_worker_says_is_an_answer_or_an_error(one + b"\n", listens=True)  # no watchdog for each of them
