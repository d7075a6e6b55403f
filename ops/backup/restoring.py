"""A backup into a new database, or in the place of one: what had the name before is kept under another."""

from __future__ import annotations

import secrets
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ops import database, dialects, dumps, scratch, surroundings
from ops.backup import given, into_a_file, shelf, verifying
from ops.backup import server as servers
from ops.backup.recording import Recording
from ops.backup.restored import Restoration, unrecorded
from ops.backup.server import Server
from ops.backup.verifying import Report
from ops.catalog import snapshot
from ops.dumps import Dump
from ops.dumps.values import OF_A_FILE
from ops.errors import BusyError, OpsError, RefusedError, UsageError, first_line
from ops.settings import TargetSettings

_SESSIONS = """
    SELECT pid, usename::text, application_name FROM pg_catalog.pg_stat_activity
    WHERE datname = %(name)s AND backend_type = 'client backend' ORDER BY pid
"""
_SHOWN = 5


def restore(
    settings: TargetSettings,
    file: str | Path,
    *,
    into: str = "",
    over: bool = False,
    dry_run: bool = True,
    confirm: str = "",
    report: Report | None = None,
) -> Restoration:
    """Restore a backup on a target's server; by default only say what that would be.

    `file`: its folder, or what lies in it. `into`: the name of the new database, made up where it is empty; there may
    be none of that name. With `over` it is restored beside the database of that name, by default the target's own, and
    takes its place when it is whole: the one that was there is kept under another name. Nobody may be connected to it
    then, and a protected target wants `confirm`, the fingerprint of the dry run. `report` gets lines of progress.

    Raises
    ------
    DumpError, RefusedError
        The backup is not what was written, there is a database of that name, the server is too old, or a right is
        lacking. Nothing was touched.
    StalePlanError
        The confirmation is missing, or stands for something else.
    BusyError
        Somebody is connected to the database that was to be replaced.
    OpsError
        A statement failed, or the restore could not be put on record; what was being restored is gone again.
    """
    dialects.require(settings, "restore")
    if dialects.of(settings).is_file:
        return into_a_file.restore(settings, file, into=into, over=over, dry_run=dry_run, confirm=confirm)
    dump = _whole(settings, Path(file))
    if dump.format == OF_A_FILE:
        raise RefusedError(
            f"The backup is of another kind of database: {dump.origin}.",
            next_step="Restore it with a target that is a file of SQLite's.",
        )
    place = servers.of(settings)
    planned = _planned(settings, dump, place, into, over)
    if dry_run:
        return planned
    planned.check(confirm)
    started = time.monotonic()
    name = f"restoring_{_stamp()}_{secrets.token_hex(3)}" if over else planned.into
    place.create(name, dump, f"alembic-ops: being restored from {planned.file}")
    recording = Recording(settings, {"file": planned.file, "sha256": dump.sha256, "into": planned.into, "over": over})
    try:
        notes, same = _filled(place, settings, dump, name, report)
        if over:
            notes += _as_before(settings, place, name, planned.into)
        recording.intent(_at(settings, name), planned.into)
        replaced = _swap(place, name, planned.into) if over else ""
    except BaseException:
        if name in place.names():
            place.drop(name)
        raise
    done = replace(
        planned,
        dry_run=False,
        notes=(*planned.notes, *notes),
        same=same,
        replaced=replaced,
        seconds=time.monotonic() - started,
    )
    return _recorded(recording, place, settings, done)


def _recorded(recording: Recording, place: Server, settings: TargetSettings, done: Restoration) -> Restoration:
    """Say where the database came from, in its comment and in its ledger; it is in its place already."""
    try:
        _mark(place, done.into, done.file)
        recording.outcome(
            _at(settings, done.into), verdict=done.verdict.value, seconds=done.seconds, replaced=done.replaced
        )
    except OpsError as error:
        raise unrecorded(error, done.replaced) from None
    return done


def _whole(settings: TargetSettings, path: Path) -> Dump:
    found = dumps.find(path if path.is_absolute() else settings.home / path)
    known = shelf.record(found.folder)
    return dumps.check(found, sha256=str(known.get("sha256", "")))


def _planned(settings: TargetSettings, dump: Dump, place: Server, into: str, over: bool) -> Restoration:
    own = str(settings.database.url.database or "")
    name = into or (own if over else f"{dump.database.encode()[:40].decode(errors='ignore')}_{_stamp()}")
    if not name or "\0" in name or len(name.encode("utf-8", "surrogateescape")) > scratch.NAME_BYTES:
        raise UsageError(
            f"PostgreSQL cannot have a database named {name[:80]!r}.", next_step="Name another one as `into`."
        )
    there = place.names()
    obstacles, notes = [], []
    if place.is_replica:
        obstacles.append("The server is a replica: databases are made on its primary.")
    if not place.may_create:
        obstacles.append(f"Role {place.login} may not create databases there (ALTER ROLE ... CREATEDB).")
    if dump.major > place.major:
        obstacles.append(f"It was dumped from PostgreSQL {dump.major}, and the server is {place.major}.")
    if name in there and not over:
        obstacles.append(f"There is a database {name!r} already: name another one, or say over = True.")
    if over and name not in there:
        obstacles.append(f"There is no database {name!r} that could be replaced.")
    if over and (name == place.maintenance or name.startswith("template")):
        obstacles.append(f"The database {name!r} is never replaced.")
    if not place.superuser:
        notes.append(f"Everything in it will belong to {place.login}, and nobody is granted anything.")
    state = _state(settings, name, there) if over else (place.label,)
    if over and state[0] and state[0] != dump.identity:
        notes.append(f"It is a backup of another database: {dump.database}, not the one that is there now.")
    if dump.without:
        notes.append(f"Rows of {len(dump.without)} tables are not in it.")
    return Restoration(
        target=settings.name,
        dump=dump,
        file=_shown(settings.home, dump.folder),
        into=name,
        over=over,
        dry_run=True,
        protected=settings.protected,
        state=state,
        obstacles=tuple(obstacles),
        notes=tuple(notes),
    )


def _state(settings: TargetSettings, name: str, there: frozenset[str]) -> tuple[str, ...]:
    """Which database would be replaced, and what its schema is."""
    if name not in there:
        return ("", "")
    with database.connect(_at(settings, name), purpose="restore") as connection:
        catalog = snapshot.read(connection, version_table=verifying.NO_TABLE)
        return (database.facts(connection).identity, catalog.fingerprint)


def _filled(
    place: Server, settings: TargetSettings, dump: Dump, name: str, report: Report | None
) -> tuple[list[str], bool | None]:
    """Restore, and compare the catalog with the one that was dumped."""
    options = [] if place.superuser or dump.format == "plain" else ["--no-owner", "--no-acl"]
    options += [f"--role={place.role}"] if place.role and dump.format != "plain" else []
    done = dumps.restore(dump, place, name, options=options, report=report)
    known = dump.note.get("catalog")
    notes = list(done.notes)
    if not known or dump.major != place.major or dump.broken or not place.superuser:
        why = "foreign keys of it are not valid" if dump.broken else "the server, or the owner, is another one"
        return [*notes, f"Its schema was not compared with the one that was dumped: {why}."], None
    with database.connect(_at(settings, name), purpose="restore") as connection:
        return notes, snapshot.read(connection, version_table=verifying.NO_TABLE).fingerprint == known


def _as_before(settings: TargetSettings, place: Server, name: str, replaced: str) -> list[str]:
    """Give a database the owner, grants and settings of the one whose place it takes."""
    import psycopg2

    with database.connect(_at(settings, replaced), purpose="restore") as connection:
        around = surroundings.read(connection, verifying.VERSION_TABLE)
    notes = list(given.take_over(place, name, replaced))
    try:
        surroundings.give_rights(place, name, around)
    except psycopg2.Error as error:
        notes.append(f"Owner and grants of the database could not be taken over: {first_line(error)}.")
    return notes


def _swap(place: Server, name: str, wanted: str) -> str:
    """Exchange names, in one transaction: a database gets the name of another, which gets a new one. Return that.

    The server refuses where somebody is connected, and lets nobody in meanwhile.
    """
    import psycopg2
    from psycopg2 import sql

    kept = f"{wanted.encode()[:40].decode(errors='ignore')}_before_{_stamp()}"
    rename = "ALTER DATABASE {} RENAME TO {}"
    both = sql.SQL(f"BEGIN; {rename}; {rename}; COMMIT").format(
        *map(sql.Identifier, (wanted, kept, name, wanted)),
    )
    with place.session() as cursor:
        try:
            cursor.execute(both)
        except psycopg2.errors.ObjectInUse:
            cursor.execute("ROLLBACK")
            cursor.execute(_SESSIONS, {"name": wanted})
            raise _in_use(wanted, cursor.fetchall()) from None
        except psycopg2.Error as error:
            raise OpsError(
                f"The database {wanted!r} could not be renamed: {first_line(error)}.",
                next_step="Let the login own it, and create databases (ALTER ROLE ... CREATEDB).",
                code="restore",
            ) from None
    return kept


def _in_use(name: str, connected: list[tuple[Any, ...]]) -> BusyError:
    shown = ", ".join(f"session {pid} of {user} ({application})" for pid, user, application in connected[:_SHOWN])
    more = f" and {len(connected) - _SHOWN} more" if len(connected) > _SHOWN else ""
    return BusyError(
        f"Somebody is connected to the database {name!r}, which can then not be replaced: {shown}{more}.",
        next_step="Stop the application, or end these sessions, and run this again.",
    )


def _mark(place: Server, name: str, file: str) -> None:
    """Say in its comment where a database came from: it is whole now.

    Raises
    ------
    OpsError
        The server refuses.
    """
    import psycopg2
    from psycopg2 import sql

    said = f"alembic-ops: restored from {file}, {datetime.now(UTC).isoformat(timespec='seconds')}"
    try:
        with place.session() as cursor:
            cursor.execute(sql.SQL("COMMENT ON DATABASE {} IS {}").format(sql.Identifier(name), sql.Literal(said)))
    except psycopg2.Error as error:
        raise OpsError(
            f"Its comment cannot be written: {first_line(error)}.",
            next_step="It still says that the database is being restored: write another one by hand.",
            code="restore",
        ) from None


def _at(settings: TargetSettings, name: str) -> TargetSettings:
    url = settings.database.url.difference_update_query(["dbname"]).set(database=name)
    return replace(settings.with_url(url.render_as_string(hide_password=False)), pooled_url=None)


def _stamp() -> str:
    return f"{datetime.now(UTC):%Y%m%d_%H%M%S}"


def _shown(home: Path, folder: Path) -> str:
    return folder.relative_to(home).as_posix() if folder.is_relative_to(home) else str(folder)
