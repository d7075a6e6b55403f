"""A backup: one dump of one snapshot, put where it stays, and looked at again."""

from __future__ import annotations

import os
import shlex
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ops import dialects, dumps
from ops.backup import of_a_file, verifying
from ops.backup.shelf import Shelf
from ops.backup.values import VERIFIED, Backup
from ops.backup.verifying import Findings, Report, Wanted
from ops.dumps import Dump, Source
from ops.dumps.source import Name
from ops.dumps.values import CONTENTS, FORMATS, MANIFEST
from ops.errors import UsageError
from ops.ground import Ground
from ops.settings import TargetSettings

LARGEST_COPY = 5_000_000
"""Up to how many bytes the table of contents is put into the folder of a run, too."""


def backup(
    settings: TargetSettings,
    *,
    data: str = "full",
    format: str = "directory",
    verify: str = "list",
    keep: int = 0,
    only: Iterable[Name] | None = None,
    note: Mapping[str, Any] | None = None,
    report: Report | None = None,
) -> Backup:
    """Make a backup of a target by pg_dump, look at it again, and return where it is and what was found.

    `data`: `full` or `schema`. `format`: `directory`, which is dumped and restored in parallel, `custom`, one file, or
    `plain`, SQL for psql. `verify`: `list` reads it back, `restore` restores it on scratch and compares catalog, row
    counts, sequences and large objects, `none` does not look. `keep`: how many good ones stay of this database with
    this data; 0 for all. `only` are the tables whose rows are in it, all where it is None. `note` is kept in the
    manifest. `report` gets lines of progress. The target is only read. A file of SQLite's is copied by its backup API:
    see `of_a_file.backup`.

    Raises
    ------
    UsageError
        There is no such choice.
    OpsError
        There are none of this kind of database (code `lacking`), the disk has no room (code `disk`), or pg_dump failed;
        nothing is left then.
    BusyError
        A table is locked.
    """
    dialects.require(settings, "backup")
    if dialects.of(settings).is_file:
        return of_a_file.backup(settings, data=data, format=format, verify=verify, keep=keep, note=note, report=report)
    _check(data, format, verify, keep)
    started = time.monotonic()
    shelf = Shelf(settings.home, settings.name)
    with dumps.reading(settings, purpose="backup") as source:
        without = _others(source, only)
        ground = Ground.of(settings, source.connection, verifying.VERSION_TABLE) if verify == "restore" else None
        _require_space(source, shelf.folder, ground, data)
        with shelf.making() as (place, held):
            if ground is not None:
                _say(report, "backup: counting rows, under the snapshot that is dumped")
            wanted = Wanted.of(source, data, frozenset(without)) if ground is not None else None
            catalog = wanted.catalog if wanted is not None else source.catalog(verifying.NO_TABLE)
            dump = dumps.make(
                source,
                place / "backup",
                format=format,
                data=data,
                without=without,
                note={**(note or {}), "target": settings.name, "catalog": catalog.fingerprint},
                pass_fds=(held,),
                report=report,
            )
            if wanted is not None:
                wanted.see_sequences(source, data)
            dump = shelf.put(dump)
        large_objects = source.large_objects
    found = Findings() if verify == "none" else _listed(dumps.check(dump))
    if ground is not None and wanted is not None:
        found = _together(found, verifying.restored(settings, dump, ground, wanted, report))
    made = Backup(
        target=settings.name,
        dump=dump,
        file=dump.folder.relative_to(settings.home).as_posix(),
        verified=verify,
        seconds=time.monotonic() - started,
        checked=found.checked,
        differences=found.differences,
        unknown=found.unknown,
        notes=_notes(settings, dump, large_objects),
        files=_files(dump),
    )
    shelf.record(made)
    return replace(made, removed=shelf.prune(keep, dump))


def _check(data: str, format: str, verify: str, keep: int) -> None:
    for word, value, known in (
        ("data", data, ("full", "schema")), ("format", format, tuple(FORMATS)), ("verify", verify, tuple(VERIFIED)),
    ):  # fmt: skip
        if value not in known:
            raise UsageError(f"{word} = {value[:40]!r} is not known.", next_step=f"Write one of {', '.join(known)}.")
    if keep < 0:
        raise UsageError(f"keep = {keep} is less than nothing.", next_step="Write how many stay, or 0 for all.")


def _others(source: Source, only: Iterable[Name] | None) -> tuple[Name, ...]:
    if only is None:
        return ()
    wanted = set(only)
    return tuple(one.name for one in source.tables if one.name not in wanted)


def _require_space(source: Source, folder: Path, ground: Ground | None, data: str) -> None:
    """A dump's own room is looked after where it is made; here it is that of a copy, and of both on one disk."""
    if ground is None or ground.elsewhere is not None or data == "schema":
        return
    copy = ground.server.folder
    dumps.require_space(copy, source.database_bytes, "a copy of it, to verify it by,")
    there = next(one for one in (folder, *folder.parents) if one.exists())
    if os.stat(copy).st_dev == os.stat(there).st_dev:
        rows = sum(one.bytes for one in source.tables) + source.large_object_bytes
        dumps.require_space(folder, source.database_bytes + rows, "a backup, and a copy of it to verify it by,")


def _listed(dump: Dump) -> Findings:
    count = len(dump.files)
    files = f"Its {count} files have the hashes" if count > 1 else "Its file has the hash"
    whole = "it ends as it should" if dump.format == "plain" else f"pg_restore lists its {dump.entries} entries"
    return Findings(checked=(f"{files} that were written, and {whole}.",))


def _together(first: Findings, second: Findings) -> Findings:
    return Findings(
        checked=first.checked + second.checked,
        differences=first.differences + second.differences,
        unknown=first.unknown + second.unknown,
    )


def _notes(settings: TargetSettings, dump: Dump, large_objects: int) -> tuple[str, ...]:
    url = settings.database.url
    options = {"-h": url.host or url.query.get("host"), "-p": url.port, "-U": url.username}
    where = " ".join(f"{option} {shlex.quote(str(value))}" for option, value in options.items() if value)
    found = [
        "Roles, tablespaces and the settings of databases and roles are not in it: they belong to the whole server. "
        f"What a role may see of them, without passwords, is written by: pg_dumpall --globals-only --no-role-passwords "
        f"{where} -f globals.sql"
    ]
    if dump.without:
        found.append(f"Rows of {len(dump.without)} tables are not in it.")
    if dump.broken:
        found.append(
            f"{len(dump.broken)} foreign keys refer to rows that are not in it: they are NOT VALID when it is restored."
        )
    if dump.data == "some" and large_objects:
        found.append("Large objects are in it, all of them.")
    return tuple(found)


def _files(dump: Dump) -> Mapping[str, str]:
    found = {}
    for name in (MANIFEST, CONTENTS):
        path = dump.folder / name
        if path.is_file() and path.stat().st_size <= LARGEST_COPY:
            found[f"backup-{name}"] = path.read_text(encoding="utf-8", errors="replace")
    return found


def _say(report: Report | None, line: str) -> None:
    if report is not None:
        report(line)
