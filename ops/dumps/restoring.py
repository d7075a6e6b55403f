"""A dump into an empty database, by pg_restore or psql."""

from __future__ import annotations

import os
import re
import secrets
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ops import display, programs, scratch
from ops.catalog.names import quoted
from ops.dumps import checking, child
from ops.dumps.progress import Progress, Report, copies
from ops.dumps.values import Dump, ForeignKey
from ops.errors import OpsError, first_line

_FULL = "No space left on device"
_KEY = re.compile(rb"\d+; \d+ (\d+) FK CONSTRAINT ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What became of a dump: `notes` say what is not as it was, a sentence each."""

    database: str
    server_major: int
    notes: tuple[str, ...] = ()


def restore(
    dump: Dump,
    place: scratch.Place,
    name: str,
    *,
    options: Sequence[str] = (),
    jobs: int | None = None,
    pass_fds: Sequence[int] = (),
    report: Report | None = None,
) -> Restored:
    """Restore a dump into an empty database of a server, and return what is not as it was.

    The first error ends it. Foreign keys that the rows in it cannot keep are made `NOT VALID`. Roles must be there, or
    be left out by `options`, which are pg_restore's: `--no-owner`, `--no-acl`. `jobs` is how much is restored at once.
    `pass_fds` are descriptors that the program holds as long as it lives. `report` gets lines of progress.

    Raises
    ------
    OpsError
        A statement failed: it is named (code `restore`). The database is then neither empty nor whole.
    """
    count = 1 if dump.format == "plain" else min(4, os.cpu_count() or 1) if jobs is None else max(1, jobs)
    progress = Progress("restore", {f"{schema}.{table}": size for schema, table, size in dump.tables}, count, report)
    progress.begin()
    application = f"alembic-ops restore {secrets.token_hex(4)}"
    address, environment = programs.public(_url(place, name))
    with closing(scratch.connect(place, name)) as connection, connection.cursor() as cursor, _entries(dump) as entries:
        notes = [*_without_absent(cursor, dump)]
        try:
            child.run(
                _command(dump, checking.program(dump, place.major), address, count, options, entries),
                {**environment, "PGAPPNAME": application},
                problem=f"The dump cannot be restored on {place.label}",
                advice="See that this server has what the statement needs: roles, extensions, rights.",
                pass_fds=(*pass_fds, *place.leases()),
                line=progress.line,
                tick=lambda: progress.tell(copies(cursor, application)),
            )
        except child.ProgramError as error:
            is_full = any(_FULL in one for one in error.said)
            raise OpsError(
                error.problem,
                next_step="Make room on the disk of that server." if is_full else error.next_step,
                code="disk" if is_full else "restore",
            ) from None
        notes += [_made_unchecked(cursor, one) for one in dump.broken]
    progress.end(f"{display.size(dump.bytes)} read")
    return Restored(database=name, server_major=place.major, notes=tuple(notes))


def _command(
    dump: Dump, bin_dir: Path, address: str, jobs: int, options: Sequence[str], entries: Path | None
) -> list[str]:
    if dump.format == "plain":
        psql = [str(bin_dir / "psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", "--no-password"]
        return [*psql, f"--file={dump.path}", address]
    command = [str(bin_dir / "pg_restore"), "--exit-on-error", "--verbose", "--no-password", f"--jobs={jobs}"]
    command += [f"--use-list={entries}"] if entries is not None else []
    return [*command, *options, f"--dbname={address}", str(dump.path)]


@contextmanager
def _entries(dump: Dump) -> Iterator[Path | None]:
    """Yield a list of what is to be restored, where that is not all: foreign keys that its rows do not keep are not."""
    if not dump.broken:
        yield None
        return
    left_out = {str(one.oid).encode() for one in dump.broken}
    lines = checking.contents(dump).splitlines(keepends=True)
    kept = [line for line in lines if not ((found := _KEY.match(line)) and found[1] in left_out)]
    with tempfile.NamedTemporaryFile(prefix="alembic-ops-", suffix=".list") as file:
        file.writelines(kept)
        file.flush()
        yield Path(file.name)


def _without_absent(cursor: Any, dump: Dump) -> Iterator[str]:
    """Drop what every new database has, and the dump takes for granted, where its database had it not."""
    import psycopg2

    for kind, name in dump.absent:
        try:
            cursor.execute(f"DROP {kind} IF EXISTS {quoted(name)}")
        except psycopg2.Error as error:
            yield f"The {kind} {name} could not be dropped, and was not there: {first_line(error)}."


def _made_unchecked(cursor: Any, one: ForeignKey) -> str:
    """Make a foreign key for the rows to come; return what that leaves."""
    import psycopg2

    table = f"{quoted(one.schema)}.{quoted(one.table)}"
    lacks = "rows that it refers to are not in this dump"
    statement = f"ALTER TABLE {table} ADD CONSTRAINT {quoted(one.name)} {one.definition} NOT VALID"
    try:
        cursor.execute(statement)
    except psycopg2.Error as error:
        return f"The foreign key {quoted(one.name)} of {table} is left out, as {lacks}: {first_line(error)}."
    return f"The foreign key {quoted(one.name)} of {table} is NOT VALID, as {lacks}."


def _url(place: scratch.Place, name: str) -> Any:
    from sqlalchemy.engine import make_url

    return make_url(place.url(name))
