"""A copy of a live schema beside `pg_dump --schema-only` restored by `psql`.

`python tests/bench/clone.py` prints it; with a number, for so many tables.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from drift import TABLES, Project
from measure import Claim, Part, alone, ratios, spread, table

from ops import clone, database, embedded, scratch, spares, versiontables
from ops.catalog import snapshot
from ops.ground import Ground

VERSION_TABLE = ("public", "alembic_version")
PAIRS = 5
COLD = 3


class Copying:
    """One project's live schema, and the ways to have it on the scratch server."""

    def __init__(self, folder: Path, count: int) -> None:
        project = Project(folder, count, serial=False)
        self.settings = project.target.settings
        self.url = project.url
        self.place = embedded.scratch_server(folder)
        with database.connect(self.settings) as connection:
            self.live = snapshot.read(connection, version_table=VERSION_TABLE)
            self.ground = Ground.of(self.settings, connection, VERSION_TABLE)
            self.heads = versiontables.heads(connection, *VERSION_TABLE) or ()

    def ours(self) -> tuple[float, float, bool]:
        """Return the seconds until a copy is there, those until it is gone again, and whether it was a first one."""
        began = time.perf_counter()
        with clone.cloned(self.settings, self.ground, self.live, VERSION_TABLE, self.heads) as made:
            ready = time.perf_counter()
        gone = time.perf_counter()
        if made.differences or made.missing:
            raise SystemExit(f"{made.differences} {made.missing}")
        self.template = made.template
        return ready - began, gone - ready, made.made

    def forget(self) -> None:
        """Drop the template, with its spare copy."""
        spares.drop(self.place, self.template)
        scratch.drop_database(self.place, self.template)

    def plain(self) -> float:
        """Return the seconds of a dump that is restored on the same server, in an empty database that is there."""
        with scratch.throw_away(self.place, "plain") as name:
            dump = [self.place.bin_dir / "pg_dump", "--schema-only", f"--dbname={_plain(self.url)}"]
            restore = [self.place.bin_dir / "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", _plain(self.place.url(name))]
            began = time.perf_counter()
            with subprocess.Popen(dump, stdout=subprocess.PIPE) as source:
                subprocess.run(restore, stdin=source.stdout, stdout=subprocess.DEVNULL, check=True)
            return time.perf_counter() - began

    def copy(self, strategy: str) -> float:
        """Return the seconds of `CREATE DATABASE` from the template."""
        with _dropped(self.place, f"by_{strategy.lower()}") as (cursor, name):
            began = time.perf_counter()
            cursor.execute(f"CREATE DATABASE {name} TEMPLATE {self.template} STRATEGY {strategy}")
            return time.perf_counter() - began


@contextmanager
def _dropped(place: scratch.Place, name: str) -> Iterator[tuple[object, str]]:
    with closing(scratch.connect(place)) as connection, connection.cursor() as cursor:
        try:
            yield cursor, name
        finally:
            cursor.execute(f"DROP DATABASE IF EXISTS {name}")


def _plain(url: str) -> str:
    return url.replace("+psycopg2", "")


def run(folder: Path, count: int = TABLES) -> Part:
    """Measure everything; return what was found."""
    work = Copying(folder, count)
    cold, cold_plain = [], []
    for _ in range(COLD):
        ready, _, made = work.ours()
        if not made:
            raise SystemExit("the template was there already")
        cold.append(ready)
        work.forget()
        cold_plain.append(work.plain())
    work.ours()
    cached, dropping, cached_plain = [], [], []
    for _ in range(PAIRS):
        spares.wait(work.place, work.template)  # as if somebody had thought about the last one for some seconds
        ready, gone, made = work.ours()
        if made:
            raise SystemExit("the template was not there any more")
        cached.append(ready)
        dropping.append(gone)
        spares.wait(work.place, work.template)
        cached_plain.append(work.plain())
    ways = {way: [work.copy(way) for _ in range(3)] for way in ("WAL_LOG", "FILE_COPY")}
    claims = (
        Claim(
            what=f"{count} tables: a first copy, of pg_dump restored by psql",
            values=ratios(tuple(cold), tuple(cold_plain)),
            limit=2,
        ),
        Claim(
            what=f"{count} tables: a copy whose template is kept, of pg_dump restored by psql",
            values=ratios(tuple(cached), tuple(cached_plain)),
            limit=1 / 5,
        ),
    )
    rows = [
        ["a first copy", spread(tuple(cold), unit="s")],
        ["a copy whose template is kept, and whose spare is ready", spread(tuple(cached), unit="s")],
        ["until it is gone again", spread(tuple(dropping), unit="s")],
        ["pg_dump --schema-only, restored by psql", spread((*cold_plain, *cached_plain), unit="s")],
        *([f"CREATE DATABASE … STRATEGY {way}", spread(tuple(took), unit="s")] for way, took in ways.items()),
    ]
    return Part(
        title="Copies of a live schema",
        claims=claims,
        tables=(table([f"{count} tables", "time"], rows),),
        remarks=(
            "The spare copy is made behind the back of whoever has just used one; whoever comes before it is ready "
            "waits as long as for `CREATE DATABASE`.",
        ),
    )


if __name__ == "__main__":
    alone(run, *map(int, sys.argv[1:]))
