"""A backup into a new file, or over a target's own, whoever has that open.

SQLite's backup API writes all pages in one transaction: whoever is killed then leaves what was there, and the file
stays the same one, with its inode.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
import time
from collections.abc import Mapping
from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ops import dialects, dumps
from ops.backup import of_a_file, shelf
from ops.backup.restored import Restoration, unrecorded
from ops.dumps import Dump
from ops.dumps.values import OF_A_FILE
from ops.errors import BusyError, OpsError, RefusedError
from ops.ledger import Ledger, whoami
from ops.settings import TargetSettings
from ops.sqlite import file, lock

_NO_TABLE = ("main", "")
_VERSION_TABLES = """
    SELECT name FROM sqlite_master WHERE type = 'table'
    AND (SELECT group_concat(c.name) FROM pragma_table_info(sqlite_master.name) c) = 'version_num' ORDER BY name
"""


def restore(
    settings: TargetSettings,
    backup: str | Path,
    *,
    into: str = "",
    over: bool = False,
    dry_run: bool = True,
    confirm: str = "",
) -> Restoration:
    """Restore a backup; by default only say what that would be.

    `into`: a new file, beside the target's where it is no whole path; made up where it is empty. With `over` it takes
    the place of what is in the target's file, in one transaction; what was there is kept in a file beside it. A
    protected target wants `confirm`, the fingerprint of the dry run, for that.

    Raises
    ------
    DumpError, RefusedError
        The backup is not what was written, there is a file of that name, or a right is lacking. Nothing was touched.
    StalePlanError
        The confirmation is missing, or stands for something else.
    BusyError
        Another run is at work, or somebody has the file locked.
    """
    path = Path(backup)
    found = dumps.find(path if path.is_absolute() else settings.home / path)
    dump = dumps.check(found, sha256=str(shelf.record(found.folder).get("sha256", "")))
    own = Path(str(settings.database.url.database))
    if not over:
        return _into(settings, dump, own.parent / (into or f"{own.stem}_{_stamp()}{own.suffix}"), dry_run, confirm)
    if into:
        raise RefusedError("over = True restores into the target's own file.", next_step="Leave `into` empty.")
    return _over(settings, dump, dry_run, confirm)


def _into(settings: TargetSettings, dump: Dump, place: Path, dry_run: bool, confirm: str) -> Restoration:
    obstacles = [f"There is a file {place} already."] if place.exists() else []
    if not os.access(place.parent, os.W_OK):
        obstacles.append(f"The folder {place.parent} may not be written to.")
    planned = _planned(settings, dump, str(place), over=False, state=(str(place),), obstacles=obstacles)
    if dry_run:
        return planned
    planned.check(confirm)
    started = time.monotonic()
    try:
        file.backed_up(dump.path, place)
    except (sqlite3.Error, OSError) as error:
        raise _failed(error) from None
    return _done(settings.with_url(f"sqlite:///{place}"), planned, dump, started)


def _over(settings: TargetSettings, dump: Dump, dry_run: bool, confirm: str) -> Restoration:
    dialect = dialects.of(settings)
    with ExitStack() as stack:
        connection = stack.enter_context(dialect.connect(settings, purpose="restore"))
        facts, live = dialect.facts(connection), file.path_of(connection)
        if not dry_run:
            stack.enter_context(lock.run_lock(live, wait=0, login=facts.login))
        planned = _planned(
            settings,
            dump,
            str(live),
            over=True,
            state=(facts.identity, dialect.catalog(connection, _NO_TABLE).fingerprint),
            obstacles=list(file.obstacles(connection)),
        )
        if dry_run:
            return planned
        planned.check(confirm)
        started = time.monotonic()
        recording = _Recording(settings, dump, planned, live)
        kept = live.with_name(f"{live.stem}_before_{_stamp()}{live.suffix}")
        try:
            file.backed_up(live, kept)
        except (sqlite3.Error, OSError) as error:
            raise _failed(error) from None
        try:
            recording.intent()
        except BaseException:
            kept.unlink(missing_ok=True)
            raise
        try:
            with (
                closing(sqlite3.connect(file.uri(dump.path, mode="ro"), uri=True)) as source,
                closing(sqlite3.connect(file.uri(live), uri=True, timeout=file.BUSY_SECONDS)) as target,
            ):
                file.write_over(source, target)
        except (sqlite3.Error, OSError) as error:
            raise _broken_off(error, settings, kept, recording) from None
        try:
            done = replace(_done(settings, planned, dump, started), replaced=kept.name)
            recording.outcome(done.verdict.value, done.seconds, recording.heads)
        except OpsError as error:
            raise unrecorded(error, kept.name) from None
        return done


def _broken_off(error: Exception, settings: TargetSettings, kept: Path, recording: _Recording) -> OpsError:
    """The error of a restore that had begun, put on record; the copy of what was there stays where it may be needed."""
    failed = _failed(error)
    same = isinstance(failed, BusyError) or _holds_what(settings, kept)
    if same:
        kept.unlink(missing_ok=True)
    else:
        failed = OpsError(
            f"The restore broke off: {error}. The file does not hold what it held, which is kept as {kept}.",
            next_step="See what is wrong with the disk; then write that copy back (.restore of the program sqlite3).",
            changed=None,
            code="restore",
        )
    try:
        recording.outcome("FAILED", 0.0, recording.before if same else None)
    except OpsError as unwritten:
        failed.problem += f"\nThe outcome could not be put on record: {unwritten.problem}"
    return failed


def _holds_what(settings: TargetSettings, kept: Path) -> bool:
    """Whether the target's file holds what a copy of it does; False where one of them cannot be read."""
    try:
        schema, rows = of_a_file.look(settings, Path(str(settings.database.url.database)))
        schema_then, rows_then = of_a_file.look(settings, kept)
    except (OpsError, sqlite3.Error, OSError):
        return False
    return schema.fingerprint == schema_then.fingerprint and rows == rows_then


def _planned(
    settings: TargetSettings, dump: Dump, into: str, *, over: bool, state: tuple[str, ...], obstacles: list[str]
) -> Restoration:
    if dump.format != OF_A_FILE:
        obstacles.append(f"It is of another kind of database: {dump.origin}.")
    elsewhere = over and dump.identity != state[0]
    shown = dump.folder.relative_to(settings.home) if dump.folder.is_relative_to(settings.home) else dump.folder
    return Restoration(
        target=settings.name,
        dump=dump,
        file=shown.as_posix(),
        into=into,
        over=over,
        dry_run=True,
        protected=settings.protected,
        state=state,
        obstacles=tuple(obstacles),
        notes=(f"It is a backup of another file: {dump.identity}.",) if elsewhere else (),
    )


def _done(at: TargetSettings, planned: Restoration, dump: Dump, started: float) -> Restoration:
    """What came out, read back."""
    with file.connect(at, purpose="restore") as connection:
        made = dialects.of(at).catalog(connection, _NO_TABLE)
    same = made.fingerprint == dump.note.get("catalog")
    return replace(planned, dry_run=False, same=same, seconds=time.monotonic() - started)


def _failed(error: Exception) -> OpsError:
    if "locked" in str(error) or "busy" in str(error):
        return BusyError(
            f"Somebody has the file locked: {error}.",
            next_step="See who with notebooks/14-check-health.ipynb, and run this again.",
        )
    return OpsError(
        f"The backup cannot be restored: {error}. What was there is as it was.",
        next_step="See whether the disk has room, and whether page sizes differ (PRAGMA page_size).",
        code="restore",
    )


class _Recording:
    """A restore over a target's file on record, once for each version table that comes with it.

    `heads` are the rows that each has in the backup, `before` those that it has in the file now.
    """

    def __init__(self, settings: TargetSettings, dump: Dump, planned: Restoration, live: Path) -> None:
        self.settings = settings
        self.run = secrets.token_hex(8)
        self.what = {"file": planned.file, "sha256": dump.sha256, "into": planned.into, "over": True}
        with closing(sqlite3.connect(file.uri(dump.path, mode="ro"), uri=True)) as connection:
            names = [name for (name,) in connection.execute(_VERSION_TABLES)] or ["alembic_version"]
            self.heads = {name: _rows(connection, name) for name in names}
        with closing(sqlite3.connect(file.uri(live), uri=True, timeout=file.BUSY_SECONDS)) as connection:
            self.before = {name: _rows(connection, name) for name in names}

    def intent(self) -> None:
        """Write what is wanted, before anything is changed."""
        who = {**whoami(self.settings.project.config.parent), "role": "", "login": ""}
        for name, heads in self.heads.items():
            self._write(
                name,
                "intent",
                target=self.settings.name,
                direction="stamp",  # the version table moves, and no revision runs
                **{"from": heads, "to": heads},
                requested="",
                revisions=[],
                who=who,
            )

    def outcome(self, verdict: str, seconds: float, rows: Mapping[str, tuple[str, ...]] | None) -> None:
        """Write what came of it: `rows` are those of each version table now, None where nobody knows."""
        for name in self.heads:
            current = None if rows is None else rows[name]
            self._write(name, "outcome", direction="stamp", verdict=verdict, current=current, seconds=round(seconds, 3))

    def _write(self, table: str, kind: str, **fields: Any) -> None:
        dialect = dialects.of(self.settings)
        with dialect.connect(self.settings, purpose="restore") as connection:
            facts = dialect.facts(connection)
            ledger = Ledger.at(self.settings, connection, facts, ("main", table), target=self.settings.name)
            run = self.run if table == "alembic_version" else f"{self.run} {table}"
            try:
                ledger.write(kind, run, restore=self.what, **fields)
            finally:
                ledger.close()


def _rows(connection: sqlite3.Connection, table: str) -> tuple[str, ...]:
    try:
        return tuple(sorted(row[0] for row in connection.execute(f'SELECT version_num FROM "{table}"')))
    except sqlite3.Error:
        return ()


def _stamp() -> str:
    return f"{datetime.now(UTC):%Y%m%d_%H%M%S}"
