"""After a failure: what stays, read back over a new connection of our own."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ops import commands
from ops.apply.progress import Progress
from ops.apply.run import AppliedRevision
from ops.commands import Command
from ops.errors import InterruptedRunError, OpsError, first_line
from ops.project.visit import Visit
from ops.route import Route
from ops.statement import brief
from ops.values import listed

if TYPE_CHECKING:
    from sqlalchemy import Connection


Parse = Callable[[str], Sequence[Command]]
"""What tells what a statement does."""

_LEAD_ON = (
    "Mend what the error names, and nothing of what stays; then have notebooks/90-repair.ipynb run the rest of the "
    "revision (case open-run). An upgrade is refused until then."
)
SHOWN = 5
"""How many of the statements that stay are repeated in an error."""


def cancel(here: Visit) -> None:
    """Cancel what the worker's connections run, so that it is rolled back now and not when it ends; end the worker."""
    from sqlalchemy.exc import DBAPIError

    try:
        if here.worker.backend_pids:
            with here.dialect.connect(here.settings, purpose="cancel") as connection:
                here.dialect.end(connection, here.worker.backend_pids)
    except (OpsError, DBAPIError):
        pass  # the server notices by itself that the worker has gone
    here.worker.kill()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What was read back: the version table's rows; whether the running revision was complete; the statements of which
    nobody was told whether they took effect; and whether the schema is another one, where that had to be asked.
    """

    heads: tuple[str, ...]
    complete: bool
    doubt: tuple[str, ...]
    differs: bool


def explain(error: OpsError, here: Visit, route: Route, progress: Progress) -> None:
    """Have an error say what stays applied; a revision that was under way and turns out to be complete is one of them.

    The worker is ended first: what it had open is rolled back then. Where it was ended already, or told to, the server
    may still be at its statement: that is cancelled.
    """
    from sqlalchemy.exc import DBAPIError

    if isinstance(error, InterruptedRunError):
        cancel(here)
    here.worker.kill()
    here.worker.close()  # and it is gone
    try:
        with here.dialect.connect(here.settings, purpose="verify") as connection:
            _wait_until_gone(connection, here)
            found = _read_back(connection, here, route, progress)
    except (OpsError, DBAPIError) as unreachable:
        error.changed = None
        why = unreachable.problem if isinstance(unreachable, OpsError) else f"{first_line(unreachable)}."
        error.problem += f"\nThe state could not be read back: {why}"
        return
    running = progress.running
    sentences = [f"The database is at {listed(found.heads)}{', where it was' if found.heads == route.current else ''}."]
    if running is not None:
        sentences.append(_fate(running.revision.revision, progress, found))
    if progress.committed and not found.complete and here.dialect.commits_ahead:
        error.next_step = _LEAD_ON  # run from its beginning it would be refused
    if progress.applied:
        sentences.append(f"Applied before it: {', '.join(one.revision for one in progress.applied)}.")
    error.problem = f"{error.problem}\n{' '.join(sentences)}"
    error.changed = _changed(route, progress, found, here.dialect.parse)
    if found.complete and running is not None:
        seconds = time.monotonic() - progress.started
        progress.applied.append(
            AppliedRevision(revision=running.revision.revision, direction=route.direction, seconds=seconds)
        )
    progress.heads = found.heads
    if error.changed is not False and not progress.catalog:
        progress.catalog = _schema_now(here)


def _read_back(connection: Connection, here: Visit, route: Route, progress: Progress) -> _Found:
    setup, running = here.setup, progress.running
    heads = here.dialect.heads(connection, *here.version_table) or ()
    complete = running is not None and running.heads == heads != progress.heads
    doubt = () if complete else progress.in_doubt(setup.version_table)
    ask = bool(doubt or progress.outside or here.dialect.commits_ahead or route.also) and not progress.applied
    differs = ask and _schema(connection, here) != route.catalog
    return _Found(heads=heads, complete=complete, doubt=doubt, differs=differs)


def _changed(route: Route, progress: Progress, found: _Found, parse: Parse) -> bool | None:
    """Whether the database was changed; None where rows may have been, which the schema does not show."""
    if progress.applied or progress.committed or found.differs or found.heads != route.current:
        return True
    return None if any(commands.may_write_rows(parse(one)) for one in found.doubt) else False


def _fate(revision: str, progress: Progress, found: _Found) -> str:
    if found.complete:
        return f"Revision {revision} was complete and stays."
    text = ""
    if progress.committed:
        text = f"Revision {revision} committed a part of what it does, which stays: {_several(progress.committed)}. "
    if found.doubt:
        asked = "this statement" if len(found.doubt) == 1 else "these statements"
        return (
            f"{text}Nobody was told whether {asked} of {revision} took effect: {_several(found.doubt)}. "
            "notebooks/90-repair.ipynb finds out."
        )
    text = text or f"Revision {revision} was rolled back. "
    if progress.outside:
        text += (
            "Its last statement ran outside of a transaction: look whether it left something behind, such as an "
            f"invalid index: {brief(progress.outside)}."
        )
    return text.rstrip()


def _several(statements: Sequence[str]) -> str:
    more = f"; and {len(statements) - SHOWN} more" if len(statements) > SHOWN else ""
    return "; ".join(map(brief, statements[:SHOWN])) + more


def _schema(connection: Connection, here: Visit) -> str:
    return here.dialect.catalog(connection, here.version_table).fingerprint


def _schema_now(here: Visit) -> str:
    """The schema's fingerprint, for the record; empty where it cannot be had: what was changed is known without it."""
    from sqlalchemy.exc import DBAPIError

    try:
        with here.dialect.connect(here.settings, purpose="verify") as connection:
            return _schema(connection, here)
    except (OpsError, DBAPIError):
        return ""


def _wait_until_gone(connection: Connection, here: Visit) -> None:
    """Wait, some seconds at most, until cancelled or killed sessions have rolled back."""
    pids = here.worker.backend_pids
    deadline = time.monotonic() + 10
    while pids and time.monotonic() < deadline and here.dialect.are_at_work(connection, pids):
        time.sleep(0.05)
