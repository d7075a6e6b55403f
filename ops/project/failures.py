"""What went wrong in a worker, as errors that say what happened and what to do."""

from __future__ import annotations

import os
import re
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ops.errors import (
    ConnectError,
    ImportFailedError,
    InterruptedRunError,
    MigrationError,
    OpsError,
    ProjectError,
    RevisionError,
    SharedSessionError,
    WrongDatabaseError,
)
from ops.project.protocol import Event
from ops.settings import TargetSettings, home
from ops.statement import brief
from ops.unanswered import lets_nobody_in

_CODES = {"55P03": "lock-timeout", "40P01": "deadlock", "OPS54": "max-rewrite"}
_TOO_LARGE = (
    "See in notebooks/20-plan.ipynb what writes the table anew, and what to do instead; or raise max_rewrite, in hours "
    "when the table may be locked for so long."
)
_UNWRITABLE = re.compile(r"\[Errno (?:28|30|122)\] ")  # of Linux: no room, a read-only file system, no quota
_IMPORTS = ("ModuleNotFoundError", "ImportError")
_NAME_ONE = "See the history in notebooks/10-inspect.ipynb, and name one revision of it."


def cannot_start(settings: TargetSettings, error: OSError) -> ProjectError:
    """The interpreter, or the folder, that a target names is not usable."""
    if isinstance(error, ConnectionError):  # it ended before it was told what to do
        return never_began(settings)
    what = f": {error.filename}" if error.filename else ""
    return ProjectError(
        f"The Python of target {settings.name!r} cannot be started: {error.strerror}{what}.",
        next_step="Correct `python` or `cwd` in the target's section.",
    )


def never_began(settings: TargetSettings) -> ProjectError:
    """No process was made, whatever was to be run by it."""
    python = settings.project.python or sys.executable
    return ProjectError(
        f"The Python of target {settings.name!r} ({python}) began no process.",
        next_step="See that it is an interpreter of Python (`python` in the target's section names one), and that this "
        "machine has room for one more process.",
    )


def overdue(seconds: float, printed: str) -> InterruptedRunError:
    """The worker was ended as it did not answer."""
    tail = f" It had printed: {printed}" if printed else ""
    return InterruptedRunError(
        f"The project has not answered within {seconds:.0f} seconds, though nothing was to be changed, and was ended."
        f"{tail}",
        next_step="See what env.py, or a module that it imports, waits for: plain `alembic current` in the project's "
        "folder waits for the same.",
    )


def died(code: int, printed: str) -> InterruptedRunError:
    """The worker ended without a farewell."""
    if code < 0:
        number = -code
        name = signal.Signals(number).name if number in {*signal.Signals} else f"signal {number}"
        how = f"was killed by {name}"
    else:
        how = f"ended by itself with exit code {code}, for example through os._exit"
    tail = f" It had printed: {printed}" if printed else ""
    return InterruptedRunError(
        f"The worker process {how} before it had answered.{tail}",
        next_step="Run notebooks/10-inspect.ipynb to see where the database is.",
    )


def not_understood(line: str) -> InterruptedRunError:
    """The worker said something that is no message: the project wrote where only the worker does."""
    return InterruptedRunError(
        f"The worker process said what is no message, and was ended: {line.strip()[:200]!r}.",
        next_step="Run notebooks/10-inspect.ipynb to see where the database is. Look whether env.py, a version file or "
        "a library that they load writes to file descriptors by number.",
    )


def told_to_end(name: str) -> InterruptedRunError:
    """The worker was sent a signal, and passed it on."""
    return InterruptedRunError(
        f"The worker process was sent {name}.",
        next_step="Run notebooks/10-inspect.ipynb to see where the database is.",
    )


def translate(event: Event, *, settings: TargetSettings, printed: str = "") -> OpsError:
    """Return the error that an `error` event stands for."""
    kind = event["kind"]
    if kind == "wrong-database":
        return _wrong_database(event, settings)
    if kind == "same-database":
        return WrongDatabaseError(
            f"Two of the databases that env.py of target {settings.name!r} opens are one: {event.get('found')!r}. "
            "A revision would run twice in it.",
            next_step="Give each url.NAME in the target's section a database of its own.",
        )
    if kind == "unencrypted":
        return ConnectError(
            f"The project's own session is not encrypted, although the URL of target {settings.name!r} asks for TLS: "
            "its driver goes on without.",
            next_step="See what env.py hands to its driver, and whether that driver takes TLS from a URL.",
            code="tls",
        )
    if kind == "pooler":
        return SharedSessionError(
            "env.py of target "
            f"{settings.name!r} reaches the database through a pooler that shares sessions among its clients "
            "(transaction mode): what is set for its session would stay behind for the application's.",
            next_step="Give env.py a URL that goes to the server itself: option.NAME or env.NAME in the target's "
            "section, or redirect = true.",
        )
    if kind == "connects":
        return ProjectError(
            f"The project of target {settings.name!r} connects to a database although it is asked offline.",
            next_step="Have env.py connect only where context.is_offline_mode() is false.",
        )
    if kind == "cancelled":
        return InterruptedRunError(
            f"The run was stopped: {event['message']}.",
            next_step="Run notebooks/10-inspect.ipynb to see where the database is.",
        )
    if kind == "settings":
        return MigrationError(
            f"The time limits could not be put in force: {event['message']}.",
            next_step="Correct the time limits in the target's section.",
        )
    if kind == "max-rewrite":
        return MigrationError(_sentence(event["message"]), next_step=_TOO_LARGE, code="max-rewrite")
    if kind == "breaker":
        return MigrationError(
            f"max_rewrite could not be enforced: {_sentence(event['message'])}",
            next_step="Mend what the server says, or leave max_rewrite empty.",
            code="breaker",
        )
    if kind == "missing-library":
        return ProjectError(
            f"The project's Python cannot import Alembic: {event['message']}.",
            next_step="Install alembic and sqlalchemy there, or point the target's `python` at another interpreter.",
        )
    if kind == "unresolved":
        return RevisionError(_sentence(event["message"]), next_step=_NAME_ONE)
    where = place(event)
    if kind == "alembic" and not event.get("revision"):
        return _alembic(event, where)
    if kind == "lost":
        return _lost(event)
    if kind == "statement":
        return _statement(event)
    failure = event.get("failure") or {}
    error = MigrationError if event.get("revision") else ProjectError
    if kind == "abandoned":
        return error(
            f"{_sentence(event['message'])}",
            next_step="Look at env.py: it must call context.run_migrations(), and must let errors through.",
            code=_code(failure),
        )
    if kind == "project" and _UNWRITABLE.match(event["message"]) and not event.get("frames"):
        return ProjectError(
            f"A file of the project's cannot be written: {_sentence(_UNWRITABLE.sub('', event['message']))}",
            next_step="Make room there, or give the right to write; the project itself is well.",
            code="unwritable",
        )
    if event["type"] in _IMPORTS and not event.get("revision"):
        return ImportFailedError(
            f"The project's own code failed{where}: {_sentence(event['type'] + ': ' + event['message'])}",
            next_step=_how_to_mend(event),
            module=event.get("missing") or "",
            frames=event.get("frames") or (),
            sys_path=event.get("sys_path") or (),
        )
    problem = f"{event['type']}: {event['message']}" if kind != "exit" else event["message"]
    tail = f"\nThe project had printed:\n{printed}" if printed and kind == "exit" else ""
    return error(
        f"The project's own code failed{where}: {_sentence(problem)}{tail}",
        next_step=_how_to_mend(event),
        code=_code(failure),
    )


def _lost(event: Event) -> OpsError:
    """A connection that ended while something was under way."""
    failure = event["failure"]
    said = _sentence(" ".join(str(failure["message"]).split()))
    sql = _shown(failure)
    revision = event.get("revision")
    what = f"\nThe statement: {sql}" if sql else f"\nIt had asked to commit what {revision} did." if revision else ""
    kind = MigrationError if revision else ConnectError
    return kind(
        f"The connection to the server was lost{place(event)}: {said}{what}",
        next_step="See whether server and network are well, and where the database is with notebooks/10-inspect.ipynb; "
        "notebooks/90-repair.ipynb mends what was left half done.",
        code="connection-lost",
    )


def _shown(failure: Mapping[str, Any]) -> str:
    """The statement that failed, in one line; empty where it was none."""
    return brief(str(failure.get("sql") or ""), limit=300)


def _statement(event: Event) -> OpsError:
    """A statement that the server refused, or a connection that it did not give."""
    failure = event["failure"]
    # Without the line of the statement and the arrow below it: the statement follows.
    lines = [line for line in str(failure["message"]).splitlines() if not re.match(r"LINE \d+:|\s*\^?\s*$", line)]
    said = _sentence(" ".join(lines))
    sql = _shown(failure)
    if not sql and (advice := lets_nobody_in(said)):
        kind = MigrationError if event.get("revision") else ConnectError
        return kind(f"The project's own connection was refused{place(event)}: {said}", next_step=advice)
    if not sql and not event.get("revision"):
        return ConnectError(
            f"The project's own connection failed{place(event)}: {said}",
            next_step="Our own connection to the target works: see where env.py takes its URL from. Where that is a "
            "variable of its own, write env.NAME = {url} into the target's section; else compare driver and options.",
        )
    code = _code(failure)
    if code == "max-rewrite":
        said = said.partition(" CONTEXT:")[0]  # which names a function of our own
        return MigrationError(
            f"A statement{place(event)} was stopped before it wrote anything: {said}.\nThe statement: {sql}",
            next_step=_TOO_LARGE,
            code=code,
        )
    what, tail = ("a statement", f"\nThe statement: {sql}") if sql else ("to commit", "")
    problem = f"The server refused {what}{place(event)}: {said}{tail}"
    if event.get("revision"):
        refused = MigrationError(
            problem,
            next_step="Correct the version file, or the data it stumbled over, and run the dry run again.",
            code=code,
        )
        refused.sqlstate = failure.get("sqlstate")
        return refused
    return ProjectError(
        problem, next_step="Look at env.py, which runs it before any revision, and at the rights of the role."
    )


def place(event: Event) -> str:
    """Return ` at FILE, line N` for the last of the project's own frames, or nothing."""
    frames: list[dict[str, Any]] = event.get("frames") or []
    if not frames:
        return ""
    last = frames[-1]
    text = f": `{last['text']}`" if last.get("text") else ""
    line = f", line {last['line']}" if last["line"] else ""
    return f" at {shorten(last['path'])}{line}{text}"


def shorten(path: str) -> str:
    """Return a path relative to the home folder or to the working directory, where one of these is shorter."""
    try:
        relative = [os.path.relpath(path, folder) for folder in (home(), os.curdir)]
    except (ValueError, OSError, OpsError):  # another drive, or a folder that is gone
        return path
    return min(path, *relative, key=len)


def _wrong_database(event: Event, settings: TargetSettings) -> WrongDatabaseError:
    return WrongDatabaseError(
        f"The env.py of {shorten(str(settings.project.config))} connected to another database "
        f"({event.get('found')!r}) than the one of target {settings.name!r} ({settings.database}). "
        "The connection was refused before a statement of the project's passed.",
        next_step="Tell env.py where to go: it gets `sqlalchemy.url`; `option.NAME`, `section.NAME.OPTION` or "
        "`env.NAME = {url}` in the target's section set others; `redirect = true` moves every connection.",
    )


def _alembic(event: Event, where: str) -> OpsError:
    message = event["message"]
    text = " ".join([message, *event.get("causes", [])])
    if "Target database is not up to date" in text:
        return RevisionError(
            "The database is not at the newest revision, so the models cannot be compared with it for a draft.",
            next_step="Run notebooks/40-upgrade.ipynb first, or draft with autogenerate = False.",
            code="not-up-to-date",
        )
    for cause in event.get("causes", []):
        if "Multiple revisions start with" in cause:
            said = cause.partition(": ")[2]
            return RevisionError(_sentence(said), next_step="Write more of the id.", code="ambiguous")
    if "Multiple head" in text:
        return RevisionError(
            f"There are several heads, and one is needed: {_sentence(message)}",
            next_step="Write heads for all of them, or branch@head (or an id) for one; notebooks/10-inspect.ipynb "
            "shows them.",
            code="several-heads",
        )
    if far := re.search(r"Relative revision (\S+) didn't produce", text):
        return RevisionError(
            f"{far[1]} is more steps than there are revisions from where the database is.", next_step=_NAME_ONE
        )
    if "Walked too far" in text:
        return RevisionError("That is more steps than there are revisions.", next_step=_NAME_ONE)
    if "mbiguous" in text:
        return RevisionError(
            _sentence(message),
            next_step="Write the branch before the step, as in branch@+1, or name the revision.",
            code="ambiguous",
        )
    words = (
        "Can't locate revision", "No such revision", "not a valid", "requested",
        "is not an ancestor", "produced",
    )  # fmt: skip
    if any(word in text for word in words) or event["type"] in (
        "ResolutionError",
        "RevisionError",
        "MultipleHeads",
    ):
        return RevisionError(_sentence(message), next_step=_NAME_ONE)
    return ProjectError(f"Alembic refuses the project{where}: {_sentence(message)}", next_step=_how_to_mend(event))


def _how_to_mend(event: Event) -> str:
    if event["type"] in _IMPORTS:
        return (
            "notebooks/90-repair.ipynb shows where was looked, and the usual fix; `sys_path` in the target's section "
            "adds folders, `python` names the application's own interpreter."
        )
    if event["type"] == "SyntaxError":
        return "Correct the file at that line."
    frames = event.get("frames") or []
    name = Path(frames[-1]["path"]).name if frames else "the project"
    if event.get("revision"):
        return f"Correct {name}, and run the dry run again."
    return f"Correct {name}; plain `alembic current` in the project's folder shows the whole traceback."


def _code(failure: dict[str, Any]) -> str | None:
    if failure.get("lost"):
        return "connection-lost"
    return _CODES.get(failure.get("sqlstate") or "")


def _sentence(text: str) -> str:
    text = text.strip()
    return text if text.endswith((".", "!", "?")) else text + "."
