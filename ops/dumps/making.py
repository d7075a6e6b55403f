"""A dump of a target, made by pg_dump into a folder of its own, readable by its owner alone."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import shutil
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ops import display, programs, tunnel
from ops.dumps import checking, child, manifest
from ops.dumps.progress import Progress, Report
from ops.dumps.source import Name, Source, listed
from ops.dumps.space import require_space
from ops.dumps.values import CONTENTS, DATA, FORMATS, LOCALE, Dump, File
from ops.errors import BusyError, OpsError, UsageError

LOCK_WAIT = "10s"
"""How long pg_dump waits for a lock; it takes the weakest one, on every table."""

JOBS = 4

_VERSION = re.compile(rb"\(PostgreSQL\) (\d+(?:\.\d+|\w+)?)")
_LOCKED = ("canceling statement due to statement timeout", "could not obtain lock on relation")
"""pg_dump limits its statements while it takes locks, and only then; its workers do not wait for any."""

_FULL = "No space left on device"


def make(
    source: Source,
    folder: Path,
    *,
    format: str = "directory",
    data: str = "full",
    without: Iterable[Name] = (),
    options: Sequence[str] = (),
    jobs: int | None = None,
    kept: bool = True,
    note: Mapping[str, Any] | None = None,
    pass_fds: Sequence[int] = (),
    report: Report | None = None,
) -> Dump:
    """Dump what a snapshot shows into a new folder, and return the dump, whose files are listed.

    `data`: rows of all tables (`full`), of none (`schema`), or of all but those `without` (`some`; what
    `Source.matching` says of patterns). `options` are further ones of pg_dump's. `jobs` is how many tables it dumps at
    once, which only the directory format can. `kept`: whether it is to outlive this process: its files are hashed then,
    and on the disk when this returns. `note` stands in the manifest. `pass_fds` are descriptors that the program holds
    as long as it lives. `report` gets lines of progress. Whatever goes wrong, an interruption too, the folder is gone
    again.

    Raises
    ------
    UsageError
        There is no such format or choice of data, or they do not go together.
    OpsError
        The disk has no room (code `disk`), the folder is there already, or pg_dump failed (code `dump`).
    BusyError
        A table is locked.
    """
    work = _Work(source, folder, format, data, tuple(sorted(set(without))))
    require_space(folder, work.needed, "a dump of its rows" if work.tables else "a dump of its schema")
    try:
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.mkdir(mode=0o700)
    except OSError as error:
        raise OpsError(
            f"The folder {folder} for a dump cannot be made: {error.strerror}.",
            next_step="Look at that path, its owner and its permissions.",
            code="dump",
        ) from None
    parallel = format == "directory" and data != "schema"
    count = (min(JOBS, os.cpu_count() or 1) if jobs is None else max(1, jobs)) if parallel else 1
    progress = Progress("dump", {f"{one[0]}.{one[1]}": one[2] for one in work.tables}, count, report)
    try:
        progress.begin()
        work.dump([*options, f"--jobs={count}", *([] if kept else ["--no-sync"])], pass_fds, progress)
        made = _finished(work.described(note or {}), kept=kept)
        progress.end(f"{display.size(made.bytes)} on disk")
    except BaseException:
        _remove(folder)
        raise
    return made


class _Work:
    """What is to be dumped, and where to."""

    def __init__(self, source: Source, folder: Path, format: str, data: str, without: tuple[Name, ...]) -> None:
        self.source = source
        self.folder = folder
        self.format = format
        self.data = "some" if without and data == "full" else data
        self.without = without
        self.bin_dir = programs.folder_for(source.facts.major)
        self._check()
        gone = set(without)
        holding = [one for one in source.tables if not one.partitioned and one.name not in gone]
        self.tables = () if data == "schema" else tuple((*one.name, one.bytes) for one in holding)

    @property
    def needed(self) -> int:
        """What its files may take at most, in bytes: as much as the rows do now. They are compressed, mostly."""
        return sum(size for *_, size in self.tables) + (self.source.large_object_bytes if self.data != "schema" else 0)

    def dump(self, options: Sequence[str], pass_fds: Sequence[int], progress: Progress) -> None:
        """Run pg_dump, under the snapshot that is open."""
        settings = self.source.settings
        application = f"alembic-ops dump {secrets.token_hex(4)}"
        command = [
            str(self.bin_dir / "pg_dump"), f"--format={self.format}", f"--file={self.folder / FORMATS[self.format]}",
            f"--snapshot={self.source.snapshot}", f"--lock-wait-timeout={LOCK_WAIT}", "--no-password", "--verbose",
        ]  # fmt: skip
        if self.data == "schema":
            command.append("--schema-only")
        else:
            command += [f"--exclude-table-data={_exact(one)}" for one in self.without]
        command += [f"--role={settings.role}"] if settings.role else []
        try:
            with tunnel.way_to(settings) as (address, environment):
                child.run(
                    [*command, *options, f"--dbname={address}"],
                    {**environment, "PGAPPNAME": application},
                    problem="The database cannot be dumped",
                    advice="Give the role the right to read every table (pg_read_all_data).",
                    inherit=True,
                    pass_fds=pass_fds,
                    line=progress.line,
                    tick=lambda: progress.tell(self.source.copying(application), _bytes(self.folder)),
                )
        except child.ProgramError as error:
            raise self._explained(error) from None

    def described(self, note: Mapping[str, Any]) -> Dump:
        """Return what was dumped; its files are not looked at yet."""
        source, facts = self.source, self.source.facts
        return Dump(
            folder=self.folder,
            format=self.format,
            data=self.data,
            database=facts.database,
            identity=facts.identity,
            server_version=facts.version_number,
            program=_version(self.bin_dir),
            encoding=facts.encoding,
            locale={name: value for name, value in source.locale.items() if name in LOCALE},
            started=source.taken,
            finished=_now(),
            files=(),
            sha256="",
            tables=self.tables,
            without=self.without,
            broken=source.broken(self.without) if self.data == "some" else (),
            absent=source.absent,
            note=note,
        )

    def _check(self) -> None:
        if self.format not in FORMATS or self.data not in DATA:
            raise UsageError(
                f"There is no dump of the format {self.format[:40]!r} with the data {self.data[:40]!r}.",
                next_step=f"Write one of the formats {', '.join(FORMATS)}, and of the data {', '.join(DATA)}.",
            )
        if self.format == "plain" and self.data == "some":
            raise UsageError(
                "A plain SQL file cannot be restored in part, which one without the rows of some tables may need.",
                next_step="Use the format directory or custom, or dump the rows of all tables or of none.",
            )
        there = {one.name for one in self.source.tables}
        if missing := [one for one in self.without if one not in there]:
            raise OpsError(
                f"There is no table {listed(missing)}.", next_step="Ask again which tables there are.", code="dump"
            )

    def _explained(self, error: child.ProgramError) -> OpsError:
        said = "\n".join(error.said)
        if any(words in said for words in _LOCKED):
            return BusyError(
                f"{error.problem} Somebody keeps a table locked for longer than {LOCK_WAIT}.",
                next_step="See who it is with notebooks/14-check-health.ipynb, and try again.",
            )
        if _FULL in said:
            return OpsError(
                f"The disk of {self.folder.parent} is full: {error.problem} What was written is removed.",
                next_step="Make room there.",
                code="disk",
            )
        return OpsError(error.problem, next_step=error.next_step, code="dump")


def _finished(dump: Dump, *, kept: bool) -> Dump:
    """Add what the files say: their hashes, and the table of contents; the manifest comes last."""
    if dump.format != "plain":
        listing = checking.contents(dump)
        with open(os.open(dump.folder / CONTENTS, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
            file.write(listing)
        dump = replace(dump, entries=checking.entries(listing))
    return manifest.write(replace(dump, files=tuple(_files(dump.folder, dump.path, hashed=kept))), durable=kept)


def _files(folder: Path, path: Path, *, hashed: bool) -> Iterable[File]:
    for one in sorted(path.iterdir()) if path.is_dir() else (path,):
        digest = _hash(one) if hashed else ""
        yield File(name=one.relative_to(folder).as_posix(), bytes=one.stat().st_size, sha256=digest)


def _hash(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _exact(name: Name) -> str:
    """One table as a pattern that means nothing else."""
    return ".".join('"' + part.replace('"', '""') + '"' for part in name)


def _bytes(folder: Path) -> int:
    total = 0
    for one in folder.rglob("*"):
        with suppress(OSError):
            total += one.stat().st_size
    return total


def _version(bin_dir: Path) -> str:
    said = programs.child([str(bin_dir / "pg_dump"), "--version"], b"", {}, "pg_dump cannot be run", "Install it anew.")
    found = _VERSION.search(said)
    return found[1].decode() if found else "0"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")


def _remove(folder: Path) -> None:
    """Remove a folder, in spite of further interruptions."""
    try:
        shutil.rmtree(folder, ignore_errors=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
