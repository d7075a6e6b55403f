"""After a failure: what stays, read back over a new connection of our own."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ops import database
from ops.apply.run import AppliedRevision, listed
from ops.catalog import snapshot
from ops.errors import InterruptedRunError, OpsError
from ops.project.visit import Visit
from ops.route import Route

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from ops.apply.act import Progress

SHOWN = 5
"""How many of the statements that stay are repeated in an error."""


def cancel(here: Visit) -> None:
    """Cancel what the worker's connections run, so that it is rolled back now and not when it ends; end the worker."""
    from sqlalchemy.exc import DBAPIError

    try:
        with database.connect(here.settings, purpose="cancel") as connection:
            for pid in here.worker.backend_pids:
                database.cancel(connection, pid)
    except (OpsError, DBAPIError):
        pass  # the server notices by itself that the worker has gone
    here.worker.kill()


def explain(error: OpsError, here: Visit, route: Route, progress: Progress) -> None:
    """Have an error say what stays applied; a revision that was under way and turns out to be complete is one of them.

    The worker is ended first: what it had open is rolled back then. Where it was ended already, or told to, the server
    may still be at its statement: that is cancelled.
    """
    from sqlalchemy.exc import DBAPIError

    if isinstance(error, InterruptedRunError):
        cancel(here)
    here.worker.kill()
    setup = here.setup
    try:
        with database.connect(here.settings, purpose="verify") as connection:
            _wait_until_gone(connection, here.worker.backend_pids)
            found = database.heads(connection, setup.version_table_schema, setup.version_table) or ()
            differs = progress.outside and not progress.applied and _schema(connection, here) != route.catalog
    except (OpsError, DBAPIError) as unreachable:
        error.changed = None
        why = unreachable.problem if isinstance(unreachable, OpsError) else database.first_line(unreachable)
        error.problem += f"\nThe state could not be read back: {why}"
        return
    running = progress.running
    complete = running is not None and running.heads == found != progress.heads
    sentences = [f"The database is at {listed(found)}{', where it was' if found == route.current else ''}."]
    if running is not None:
        sentences.append(_fate(running.revision.revision, progress, complete=complete))
    if progress.applied:
        sentences.append(f"Applied before it: {', '.join(one.revision for one in progress.applied)}.")
    error.changed = bool(progress.applied or progress.committed or differs) or found != route.current
    error.problem = f"{error.problem}\n{' '.join(sentences)}"
    if complete and running is not None:
        seconds = time.monotonic() - progress.started
        progress.applied.append(
            AppliedRevision(revision=running.revision.revision, direction=route.direction, seconds=seconds)
        )
    progress.heads = found
    if error.changed and not progress.catalog:
        progress.catalog = _schema_now(here)


def _fate(revision: str, progress: Progress, *, complete: bool) -> str:
    if complete:
        return f"Revision {revision} was complete and stays."
    if progress.committed:
        stays = [" ".join(one.split())[:200] for one in progress.committed]
        more = f"; and {len(stays) - SHOWN} more" if len(stays) > SHOWN else ""
        text = f"Revision {revision} committed a part of what it does, which stays: {'; '.join(stays[:SHOWN])}{more}."
    else:
        text = f"Revision {revision} was rolled back."
    if progress.outside:
        text += (
            " Its last statement ran outside of a transaction: look whether it left something behind, such as an "
            f"invalid index: {' '.join(progress.outside.split())[:200]}."
        )
    return text


def _schema(connection: Connection, here: Visit) -> str:
    setup = here.setup
    return snapshot.read(connection, version_table=(setup.version_table_schema, setup.version_table)).fingerprint


def _schema_now(here: Visit) -> str:
    """The schema's fingerprint, for the record; empty where it cannot be had: what was changed is known without it."""
    from sqlalchemy.exc import DBAPIError

    try:
        with database.connect(here.settings, purpose="verify") as connection:
            return _schema(connection, here)
    except (OpsError, DBAPIError):
        return ""


def _wait_until_gone(connection: Connection, pids: set[int]) -> None:
    """Wait, some seconds at most, until cancelled or killed backends have rolled back.

    Whoever has a transaction open holds a lock on its own virtual id, and any role may see that.
    """
    from sqlalchemy import text

    query = text(
        "SELECT EXISTS (SELECT FROM pg_catalog.pg_locks WHERE locktype = 'virtualxid' AND granted AND pid = ANY(:pids))"
    )
    deadline = time.monotonic() + 10
    while pids and time.monotonic() < deadline and connection.execute(query, {"pids": list(pids)}).scalar():
        time.sleep(0.05)
