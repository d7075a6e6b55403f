"""Reading one catalog: time and memory by the number of tables, beside `pg_dump` and Alembic's reflection.

`python tests/bench/catalog.py` prints it; with numbers, only for so many tables.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path

from measure import Claim, Part, alone, environment, pairs, ratios, seconds, table

from ops import embedded, scratch

SIZES = (100, 1000, 5000, 10000)
USUAL = 1000
PAIRS = 5
AT_ONCE = 200

# Eight columns, three indexes, a foreign key, a SERIAL key.
TABLE = """
CREATE TABLE t{0} (id serial PRIMARY KEY, parent_id integer REFERENCES t{1}, name varchar(100) NOT NULL,
  amount numeric(10, 2), note text, active boolean NOT NULL DEFAULT true, size integer,
  created_at timestamptz NOT NULL DEFAULT now());
CREATE INDEX ON t{0} (name); CREATE INDEX ON t{0} (parent_id); CREATE INDEX ON t{0} (created_at, size)
"""

READ = """
import pathlib, sys, time
import psycopg2
from ops.catalog import snapshot
def peak():
    # Not ru_maxrss: that begins with what the process had that started this one.
    return int(pathlib.Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])
connection = psycopg2.connect(sys.argv[1])
before = peak()
times = []
for _ in range(int(sys.argv[2])):
    began = time.perf_counter()
    catalog = snapshot.of_driver(connection)
    catalog.fingerprint
    times.append(time.perf_counter() - began)
print(min(times[1:] or times), len(catalog), (peak() - before) / 1024)
"""

ALEMBIC = """
import sys, time
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
engine = sa.create_engine("postgresql+psycopg2://", creator=lambda: __import__("psycopg2").connect(sys.argv[1]))
metadata = sa.MetaData()
metadata.reflect(engine)
with engine.connect() as connection:
    began = time.perf_counter()
    found = compare_metadata(MigrationContext.configure(connection), metadata)
print(time.perf_counter() - began, len(found), 0)
"""


def run(folder: Path, sizes: tuple[int, ...] = SIZES) -> Part:
    """Measure everything; return what was found."""
    server = embedded.server(folder)
    rows, per_table = [], {}
    claims: list[Claim] = []
    for count in sizes:
        with database(server, count) as name:
            took, objects, memory = _child(server, name, READ, "5")
            per_table[count] = took / count
            dumped = seconds(_dump(server, name), env=environment(), cwd=folder)
            rows.append([count, int(objects), f"{took:.3f} s", f"{memory:.0f} MiB", f"{dumped:.2f} s"])
            if count == USUAL:
                claims += _beside(server, name, folder)
    if USUAL in per_table and max(sizes) > USUAL:
        growth = per_table[max(sizes)] / per_table[USUAL]
        claims.append(
            Claim(what=f"a table's time among {max(sizes)}, of that among {USUAL}", values=(growth,), limit=1.5)
        )
    columns = ["tables", "objects", "read and hashed", "memory at most", "pg_dump --schema-only"]
    remark = (
        "The best of four readings on one connection, after a first one. Memory is what a process needs at most "
        "beyond what it has once the driver is loaded."
    )
    return Part(title="Reading a catalog", claims=tuple(claims), tables=(table(columns, rows),), remarks=(remark,))


def _beside(server: embedded.Server, name: str, folder: Path) -> list[Claim]:
    env = environment()
    ours, dumps = pairs(
        lambda: _child(server, name, READ, "1")[0],
        lambda: seconds(_dump(server, name), env=env, cwd=folder),
        count=PAIRS,
    )
    again, reflected = pairs(
        lambda: _child(server, name, READ, "1")[0], lambda: _child(server, name, ALEMBIC)[0], count=2
    )
    return [
        Claim(
            what=f"{USUAL} tables: catalog read, of pg_dump --schema-only's time", values=ratios(ours, dumps), limit=1
        ),
        Claim(what=f"{USUAL} tables: catalog read, of Alembic's time", values=ratios(again, reflected), limit=1 / 8),
    ]


@contextlib.contextmanager
def database(server: embedded.Server, count: int):
    """Yield the name of a database with so many tables; it is dropped afterwards."""
    name = f"catalog_{count}"
    scratch.ensure_database(server, name)
    try:
        with contextlib.closing(scratch.connect(server, name)) as connection, connection.cursor() as cursor:
            for first in range(0, count, AT_ONCE):
                numbers = range(first, min(first + AT_ONCE, count))
                cursor.execute(";".join(TABLE.format(number, max(number - 1, 0)) for number in numbers))
            cursor.execute("VACUUM ANALYZE")
        yield name
    finally:
        scratch.drop_database(server, name)


def _child(server: embedded.Server, name: str, code: str, *arguments: str) -> tuple[float, ...]:
    """Run a piece of Python in a process of its own; return the figures that it prints."""
    where = f"host={os.fspath(server.socket_dir)} user=postgres dbname={name}"
    done = subprocess.run([sys.executable, "-c", code, where, *arguments], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    return tuple(float(figure) for figure in done.stdout.split())


def _dump(server: embedded.Server, name: str) -> list[str]:
    where = ["-h", os.fspath(server.socket_dir), "-U", "postgres"]
    return [str(server.bin_dir / "pg_dump"), "--schema-only", "-f", os.devnull, *where, name]


if __name__ == "__main__":
    alone(run, tuple(map(int, sys.argv[1:])) or SIZES)
