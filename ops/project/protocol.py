"""What the parent and the worker say to each other: one JSON object a line, both ways.

The parent writes to the worker's standard input

    {"config", "url", "dialect", "options", …, "session"}     the greeting: once, first; holds the URL
    {"proof": …, "others": […]}                               once, as soon as the parent is connected, also while a
                                                              request is served: the key of its advisory lock, or
                                                              device and inode of the file; and those of the other
                                                              databases of an env.py that opens several
    {"request": NAME, …}                                      one at a time; see `worker/serving.py`
    {"go": true, "settings": {…}} or {"stop": "why"}          the answer to an event that asks; the settings are put in
                                                              force where they are not yet; "wrap" puts a transaction
                                                              round the statement, "weigh" has tables measured against
                                                              the limit of the request's "breaker"; on a clone also
                                                              "parts" (the statement, split)

and the worker writes to a private descriptor

    ready           the versions of Python, Alembic and SQLAlchemy in the project's environment
    connected       a physical connection was proved to be at the target (backend pid)
    revision        asks: this revision is about to run
    statement       asks: this statement is about to run (sql, line of the version file, autocommit; when observed also
                    `executed`, the text with its values where the driver puts them in); not where the request says
                    `told: false`, and neither is statement-done then
    observed        when observed: the answer to the observing query behind each part of a split statement but the last;
                    the query may be empty, where the parent looks by itself
    settings        these settings were set, and what the server says they are; the run ends where these differ
    statement-done  sql, seconds and row count; when observed also the answer to the observing query (`observed`), and
                    whether the project got rows (`returns_rows`)
    commit          asks: what the revision did so far is about to be committed
    signal          the worker was sent one that would have ended it
    revision-done   asks: env.py has returned; the parent reads the version table before it says "go"
    onward          the worker goes on behind revision-done, to the next revision or the end; the parent
                    writes its record meanwhile
    warning         a Python warning of the project's
    answer, error   the end of a request
    bye             the end of the worker
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

Event = Mapping[str, Any]
Answer = Mapping[str, Any]

ASKING = frozenset({"revision", "statement", "commit", "revision-done"})
"""The events that wait for an answer."""

GO: Answer = {"go": True}

FIELDS: Mapping[str, Mapping[str, type]] = {
    "ready": {"python": str, "alembic": str, "sqlalchemy": str},
    "connected": {"pid": int},
    "revision": {"revision": str, "direction": str, "heads": list},
    "statement": {"revision": str, "sql": str, "autocommit": bool},
    "observed": {},
    "settings": {"asked": dict, "found": dict},
    "statement-done": {},
    "commit": {},
    "signal": {"name": str},
    "revision-done": {"revision": str, "direction": str, "seconds": float},
    "onward": {},
    "warning": {"message": str},
    "answer": {"value": dict},
    "error": {"kind": str, "message": str},
    "bye": {},
}
"""What an event has at least."""

Listener = Callable[[Event], Answer | None]
"""Called with each event in turn; what it returns for an asking event is sent, `GO` for None."""


def go(**settings: str) -> Answer:
    """Return the answer that lets the worker go on, with settings to put in force before the next statement."""
    return {"go": True, "settings": settings}


def stop(why: str) -> Answer:
    """Return the answer that ends the request."""
    return {"stop": why}


def understood(line: bytes) -> Event | None:
    """Return the event that a line is; None where it is none: the project may write anywhere."""
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):  # ValueError: no JSON, or no UTF-8
        return None
    if not isinstance(event, dict) or not isinstance(event.get("event"), str):
        return None
    fields = FIELDS.get(event["event"])
    if fields is None or not all(isinstance(event.get(name), kind) for name, kind in fields.items()):
        return None
    return event
