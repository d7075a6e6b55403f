"""Serves the parent's requests, one after the other, until it says "quit" or is gone."""

import os
import sys
import warnings

from . import (
    bootstrapping,
    breaker,
    channel,
    creating,
    drafting,
    engines,
    history,
    hooks,
    looking,
    migrating,
    offline,
    resolving,
    signals,
    wanted,
)
from .explaining import explain
from .project import Project
from .recorder import RECORDER, do_dependencies
from .state import STATE

REQUESTS = {
    "history": history.do_history,
    "bootstrap": bootstrapping.do_bootstrap,
    "probe": looking.do_probe,
    "resolve": resolving.do_resolve,
    "sql": offline.do_sql,
    "dependencies": do_dependencies,
    "models": creating.do_models,
    "wanted": wanted.do_wanted,
    "migrate": migrating.do_migrate,
    "stamp": migrating.do_stamp,
    "breaker": breaker.do_breaker,
    "execute": migrating.do_execute,
    "draft": drafting.do_draft,
}
"""One function for each; it is given the project and the request, and returns what the parent gets."""


def main():
    """Be greeted, and serve."""
    signals.watch_from_a_thread(channel.take_over())
    sys._alembic_ops_worker = True  # ops.locking: the parent holds the lock for us
    RECORDER.start()
    warnings.showwarning = pass_on
    try:
        # Before the greeting: a worker may be started long before it is known what it shall drive.
        versions = libraries()
    except ImportError as error:
        channel.hear()
        refuse(error)
    hello = channel.hear()
    STATE.dialect = hello.get("dialect", STATE.dialect)
    STATE.session = hello.get("session") or {}
    STATE.nowhere = bool(hello.get("nowhere"))
    if hello.get("redirect"):
        STATE.redirect = hello.get("url") or channel.no_message()
    channel.emit("ready", python=sys.version.split()[0], **versions)
    hooks.install()
    engines.quiet_file_config()
    engines.keep_engines()
    serve(hello)


def pass_on(message, category, filename, lineno, file=None, line=None):
    """A warning of Python's, told to the parent."""
    channel.emit("warning", message=str(message), category=category.__name__, path=filename, line=lineno)


def libraries():
    """Load what the project stands on, and return the versions."""
    import alembic.config
    import alembic.runtime.environment
    import alembic.script
    import sqlalchemy
    import sqlalchemy.dialects.postgresql
    import sqlalchemy.dialects.sqlite  # noqa: F401

    return {"alembic": alembic.__version__, "sqlalchemy": sqlalchemy.__version__}


def refuse(error):
    """Answer every request with what is missing."""
    while True:
        next_request()
        channel.emit("error", kind="missing-library", type="ImportError", message=str(error), frames=[], causes=[])


def next_request():
    """What the parent wants next; ends the process where that is nothing."""
    message = channel.hear()
    if "proof" in message:
        if not isinstance(message.get("others", []), list):
            channel.no_message()
        STATE.shown(message)
        message = channel.hear()
    if message.get("request") == "quit":
        channel.emit("bye")
        os._exit(0)  # nothing is left to tidy up, and an interpreter takes its time to do so
    return message


def serve(hello):
    """Answer one request after the other."""
    project = None
    while True:
        request = next_request()
        try:
            if project is None:
                project = Project(hello)
            STATE.begin(read_only=bool(request.get("read_only", True)))
            channel.emit("answer", value=REQUESTS[request.get("request")](project, request))
        except BaseException as error:  # also what is no Exception: ours, asyncio's, or somebody's own
            channel.emit("error", **explain(error))
