"""A backup of a file: a copy as of one moment by SQLite's backup API, whoever writes meanwhile; and looked at again."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ops import dialects
from ops.backup.shelf import Shelf
from ops.backup.values import VERIFIED, Backup
from ops.catalog import Catalog
from ops.catalog.names import quoted
from ops.dumps import Dump, check, manifest, require_space
from ops.dumps.values import MANIFEST, NAMES, OF_A_FILE, File
from ops.errors import OpsError, UsageError
from ops.rehearsal.values import Contents
from ops.settings import TargetSettings
from ops.sqlite import contents, copies, file

_NO_TABLE = ("main", "")
"""No version table: it is a table like any other."""


def backup(
    settings: TargetSettings,
    *,
    data: str = "full",
    format: str = "directory",
    verify: str = "list",
    keep: int = 0,
    note: Mapping[str, Any] | None = None,
    report: Callable[[str], None] | None = None,
) -> Backup:
    """Make a backup of a file, look at it again, and return where it is and what was found.

    `format` is the file's own, whatever is asked for. `verify`: `list` reads it back, with PRAGMA integrity_check;
    `restore` restores it into a new file and compares catalog, rows and values; `none` does not look. `keep`: how many
    good ones stay; 0 for all.

    Raises
    ------
    UsageError
        There is no such choice; or rows are to stay out, or SQL is wanted, which SQLite's backups cannot do.
    OpsError
        The disk has no room, or somebody has the file locked; nothing is left then.
    """
    _check(data, format, verify, keep)
    started, moment = time.monotonic(), _now()
    dialect, shelf = dialects.of(settings), Shelf(settings.home, settings.name)
    with dialect.connect(settings, purpose="backup") as connection, shelf.making() as (place, _):
        facts = dialect.facts(connection)
        path = file.path_of(connection)
        require_space(place, path.stat().st_size, "a copy of the file")
        before = dialect.catalog(connection, _NO_TABLE)
        if report is not None:
            report("backup: copying the file")
        (place / "backup").mkdir(mode=0o700)
        made = place / "backup" / NAMES[OF_A_FILE]
        try:
            file.backed_up(path, made)
        except (sqlite3.Error, OSError) as error:
            raise OpsError(
                f"{path} cannot be backed up: {error}.",
                next_step="See who has it locked with notebooks/14-check-health.ipynb, and how full the disk is.",
                code="backup",
            ) from None
        catalog, held = look(settings, made)
        written = manifest.write(
            Dump(
                folder=place / "backup",
                format=OF_A_FILE,
                data="full",
                database=facts.database,
                identity=facts.identity,
                server_version=facts.version_number,
                program=facts.version,
                encoding=str(connection.exec_driver_sql("PRAGMA encoding").scalar()),
                locale={},
                started=moment,
                finished=_now(),
                files=(_described(made),),
                sha256="",
                note={**(note or {}), "target": settings.name, "catalog": catalog.fingerprint},
            )
        )
        dump = shelf.put(written)
        unchanged = before.fingerprint == dialect.catalog(connection, _NO_TABLE).fingerprint
    checked, differences = _found(settings, dump, catalog, held, verify)
    if unchanged and catalog.fingerprint != before.fingerprint:
        differences += ("Its schema is not that of the file.",)
    done = Backup(
        target=settings.name,
        dump=dump,
        file=dump.folder.relative_to(settings.home).as_posix(),
        verified=verify,
        seconds=time.monotonic() - started,
        checked=checked,
        differences=differences,
        files={f"backup-{MANIFEST}": (dump.folder / MANIFEST).read_text(encoding="utf-8")},
    )
    shelf.record(done)
    return replace(done, removed=shelf.prune(keep, dump))


def _check(data: str, format: str, verify: str, keep: int) -> None:
    if data != "full":
        raise UsageError(f"A backup of a file has all rows: there is no data = {data[:40]!r}.", next_step="Write full.")
    if format not in ("directory", "custom"):
        raise UsageError(
            f"A backup of a file is a file: there is no format = {format[:40]!r}.", next_step="Leave format as it is."
        )
    if verify not in VERIFIED:
        raise UsageError(f"verify = {verify[:40]!r} is not known.", next_step=f"Write one of {', '.join(VERIFIED)}.")
    if keep < 0:
        raise UsageError(f"keep = {keep} is less than nothing.", next_step="Write how many stay, or 0 for all.")


def look(settings: TargetSettings, path: Path) -> tuple[Catalog, Contents]:
    """Return the schema of a file that nobody writes to, and what its tables hold.

    Raises
    ------
    ConnectError
        It cannot be read.
    """
    at = settings.with_url(f"sqlite:///{path}")
    with file.connect(at, purpose="backup") as connection:
        return dialects.of(at).catalog(connection, _NO_TABLE), contents.read(connection, version_table="")


def _found(
    settings: TargetSettings, dump: Dump, catalog: Catalog, held: Contents, verify: str
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What was found to be so, and what was not."""
    if verify == "none":
        return (), ()
    check(dump)
    checked = ("It has the hash that was written, and PRAGMA integrity_check finds nothing.",)
    if verify == "list":
        return checked, ()
    with copies.copy(settings, dump.path) as there:
        again, holds = look(settings, Path(str(there.database.url.database)))
    wrong = () if again.fingerprint == catalog.fingerprint else ("Restored, its schema is another one.",)
    other = [name for name, one in held.tables.items() if holds.tables.get(name) != one]
    wrong += tuple(f"Restored, the table {quoted(name)} holds something else." for _, name in other)
    rows = sum(one.rows for one in held.tables.values())
    count = f"{rows:,} rows of its {len(held.tables)} tables"
    same = f"Restored into a new file, its schema and all {count} are the same."
    return (checked if wrong else (*checked, same)), wrong


def _described(path: Path) -> File:
    with path.open("rb") as written:
        digest = hashlib.file_digest(written, "sha256").hexdigest()
        os.fsync(written.fileno())
    return File(name=path.name, bytes=path.stat().st_size, sha256=digest)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
