"""Exceptions as data."""

import os
import sys
import traceback

from .history import describe_error, words_of
from .state import STATE, Abandoned, Unresolved

HERE = os.path.dirname(os.path.realpath(__file__)) + os.sep


def explain(error):
    """What happened, and where in the project's own files."""
    if STATE.aborted is not None:
        return dict(STATE.aborted)
    kind, message = kind_of(error)
    frames = frames_of(error)
    if not frames:
        frames.extend(version_files_of(error))
    if isinstance(error, SyntaxError) and error.filename:
        frames.append({"path": error.filename, "line": error.lineno, "name": "", "text": (error.text or "").strip()})
        message = error.msg
    return {
        "kind": kind,
        "type": type(error).__name__,
        "message": message,
        "causes": causes_of(error),
        "frames": frames[-5:],
        "missing": error.name if isinstance(error, ImportError) else None,
        "sys_path": list(sys.path) if isinstance(error, ImportError) else None,
        "failure": STATE.failure,
        "revision": STATE.running,
        "connected": STATE.connected,
    }


def kind_of(error):
    """Whose fault it is, in a word, and what it says."""
    message = words_of(error)
    if isinstance(error, SystemExit):
        return "exit", "sys.exit(%r) was called" % (error.code,)
    if isinstance(error, Abandoned):
        return "abandoned", message
    if isinstance(error, Unresolved):
        return "unresolved", message
    if has_lost(error):
        return "lost", STATE.failure["message"]
    if type(error).__module__.startswith("alembic."):
        return "alembic", message
    if STATE.failed is not None and getattr(error, "orig", None) is STATE.failed:
        return "statement", STATE.failure["message"]
    return "project", message


def has_lost(error):
    """Whether this comes of a connection that was lost: what failed next, such as a rollback, may hide that."""
    while error is not None:
        if STATE.failed is not None and getattr(error, "orig", None) is STATE.failed:
            return STATE.failure["lost"]
        error = error.__cause__ or error.__context__
    return False


def frames_of(error):
    """The places in the project's own files that the error came through."""
    return [
        {"path": frame.filename, "line": frame.lineno, "name": frame.name, "text": frame.line}
        for frame in traceback.extract_tb(error.__traceback__)
        if not os.path.realpath(frame.filename).startswith(HERE) and not is_library(frame.filename)
    ]


def version_files_of(error):
    """The version file that Alembic was at, where it stumbled over what stands in it and not over what it does."""
    for frame, _ in traceback.walk_tb(error.__traceback__):
        known = frame.f_locals
        if frame.f_code.co_name == "_from_path" and "path" in known:
            yield {"path": str(known["path"]), "line": None, "name": "", "text": ""}
        elif frame.f_code.co_name == "_from_filename" and "filename" in known:
            path = os.path.join(str(known.get("dir_", "")), str(known["filename"]))
            yield {"path": path, "line": None, "name": "", "text": ""}


def is_library(path):
    """Whether a file is neither the project's nor ours."""
    return "site-packages" in path or "dist-packages" in path or path.startswith(("<", os.path.dirname(os.__file__)))


def causes_of(error):
    """What stood behind an error, one line each, at most five."""
    causes = []
    cause = error.__cause__ or error.__context__
    while cause is not None and len(causes) < 5:
        causes.append(describe_error(cause).split("\n")[0])
        cause = cause.__cause__ or cause.__context__
    return causes
