"""The three-way comparison beside Alembic's own, `pg_dump` and itself at other sizes.

`python tests/bench/drift.py` prints it; with numbers, how it grows with so many tables.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from measure import Claim, Part, environment, pairs, ratios, spread, table

from ops import embedded, replay, scratch, sides, targets
from ops.catalog import snapshot

TABLES = 1000
SIZES = (100, 1000, 5000, 10000)
PAIRS = 7
# A time that grows linearly is 1 per table; what starts once is not worth a table at 1,000.
MORE_PER_TABLE = 1.5
ROUND_TRIP = 0.005
PROXY = Path(__file__).parents[1] / "proxy.py"

MODELS = """
from sqlalchemy import (
    Boolean, Column, DateTime, ForeignKey, Identity, Index, Integer, MetaData, Numeric, String, Table, Text, func, text
)

def tables(metadata, count=COUNT):
    for number in range(count):
        name = "t%05d" % number
        Table(
            name, metadata,
            Column("id", Integer, *IDENTITY, primary_key=True),
            Column("parent_id", Integer, ForeignKey("t%05d.id" % (number // 2), name=name + "_parent_id_fkey")),
            Column("name", String(100), nullable=False),
            Column("amount", Numeric(10, 2)),
            Column("note", Text),
            Column("active", Boolean, nullable=False, server_default=text("true")),
            Column("size", Integer),
            Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
            Index("ix_%s_name" % name, "name"),
            Index("ix_%s_parent_id" % name, "parent_id"),
            Index("ix_%s_created_at" % name, "created_at", "size"),
        )
    return metadata

metadata = tables(MetaData())
"""
ENV = """
import os
from alembic import context
from sqlalchemy import create_engine, pool
from models import metadata
engine = create_engine(context.config.get_main_option("sqlalchemy.url"), poolclass=pool.NullPool)
with engine.connect() as connection:
    context.configure(connection=connection, target_metadata=metadata)
    with context.begin_transaction():
        context.run_migrations()
"""
REVISION = """
from alembic import op
from models import metadata
revision = "{0}"
down_revision = {1}
def upgrade():
    metadata.create_all(op.get_bind(), tables=list(metadata.tables.values())[{2}:{3}], checkfirst=False)
def downgrade():
    pass
"""
FILES = 10


class Project:
    """A project of many tables, as models and as ten version files, and its database at the head."""

    def __init__(self, folder: Path, count: int, *, serial: bool = True) -> None:
        self.count = count
        self.home = folder / f"drift-{count}{'' if serial else '-identity'}"
        self.name = self.home.name.replace("-", "_")
        versions = self.home / "migrations" / "versions"
        versions.mkdir(parents=True)
        identity = "()" if serial else "(Identity(),)"
        source = MODELS.replace("COUNT", str(count)).replace("*IDENTITY", f"*{identity}")
        (self.home / "models.py").write_text(source)
        (self.home / "migrations" / "env.py").write_text(ENV)
        ini = "[alembic]\nscript_location = %(here)s/migrations\nprepend_sys_path = %(here)s\n"
        (self.home / "alembic.ini").write_text(ini)
        for number in range(FILES):
            bounds = (count * number // FILES, count * (number + 1) // FILES)
            before = repr(_revision(number - 1)) if number else None
            (versions / f"{_revision(number)}_more.py").write_text(REVISION.format(_revision(number), before, *bounds))
        os.environ["OPS_HOME"] = str(self.home)
        os.environ["OPS_EMBEDDED_DIR"] = str(folder / ".ops")
        self.server = embedded.server(folder)
        self.url = scratch.ensure_database(self.server, self.name)
        self.write(self.url)
        self.target.upgrade(dry_run=False)
        with contextlib.closing(scratch.connect(self.server, self.name)) as connection:
            connection.cursor().execute("VACUUM ANALYZE")

    def write(self, url: str) -> None:
        """Let the target have this URL."""
        (self.home / "ops.ini").write_text(f"[ops:target:big]\nurl = {url}\nprotected = false\n")

    @property
    def target(self) -> targets.Target:
        os.environ["OPS_HOME"] = str(self.home)
        return targets.target("big")

    def ours(self) -> float:
        """Return the seconds of one comparison of ours; it must find nothing."""
        target = self.target
        began = time.perf_counter()
        found = target.compare()
        took = time.perf_counter() - began
        if found.changes or found.unknown:
            raise SystemExit(f"{found}\n{found.changes[:3]}\n{found.unknown[:3]}")
        return took

    def alembic(self, url: str = "") -> Callable[[], float]:
        """Return how to measure Alembic's own comparison, in this process, with the models imported already."""
        from alembic.autogenerate import compare_metadata
        from alembic.migration import MigrationContext
        from sqlalchemy import create_engine
        from sqlalchemy.pool import NullPool

        space: dict[str, object] = {}
        exec((self.home / "models.py").read_text(), space)
        engine = create_engine(url or self.url, poolclass=NullPool)

        def measure() -> float:
            began = time.perf_counter()
            with engine.connect() as connection:
                found = compare_metadata(MigrationContext.configure(connection), space["metadata"])
            took = time.perf_counter() - began
            if found:
                raise SystemExit(f"Alembic finds {found[:3]}")
            return took

        return measure

    def dump(self) -> float:
        """Return the seconds of `pg_dump --schema-only`."""
        plain = self.url.replace("+psycopg2", "")
        command = [str(self.server.bin_dir / "pg_dump"), "--schema-only", "--file", os.devnull, f"--dbname={plain}"]
        began = time.perf_counter()
        subprocess.run(command, check=True)
        return time.perf_counter() - began

    def memory(self) -> dict[str, float]:
        """Return seconds and peak MiB of a process of its own that compares once, with everything kept."""
        done = subprocess.run(
            [sys.executable, __file__, "--alone"],
            env=environment(OPS_HOME=str(self.home), OPS_EMBEDDED_DIR=os.environ["OPS_EMBEDDED_DIR"]),
            capture_output=True,
            text=True,
            check=True,
        )
        return json.loads(done.stdout)


def _revision(number: int) -> str:
    return f"{number:02d}bbbbbbbbbb"


def alone() -> None:
    """Compare once, and say how much memory that took beyond what was imported before."""

    def peak() -> float:
        # Not ru_maxrss: that begins with what the process had that started this one.
        status = Path("/proc/self/status").read_text(encoding="utf-8")
        return int(status.partition("VmHWM:")[2].split()[0]) / 1024

    target = targets.target("big")
    target.settings.database  # noqa: B018  what is imported here is not the comparison's
    before = peak()
    began = time.perf_counter()
    target.compare()
    print(json.dumps({"seconds": time.perf_counter() - began, "before": before, "peak": peak()}))


@contextlib.contextmanager
def slow_way(server: embedded.Server) -> Iterator[int]:
    """Yield a port that leads to the server with 5 ms more per round trip; in a process of its own."""
    path = str(server.socket_dir / ".s.PGSQL.5432")
    command = [sys.executable, str(PROXY), path, str(ROUND_TRIP)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout is not None
        yield int(child.stdout.readline())
    finally:
        child.kill()
        child.wait()


@contextlib.contextmanager
def timed(spent: dict[str, float]) -> Iterator[None]:
    """Add up what the parts of a comparison take, in seconds."""
    parts = {
        "env.py and version files read": (sides._Work, "_project"),
        "history replayed": (replay, "replay"),
        "models built": (replay, "models"),
        "catalogs read": (snapshot, "read"),
        "sides compared": (sides._Work, "_differ"),
    }
    usual = {name: getattr(owner, attribute) for name, (owner, attribute) in parts.items()}

    def measured(name: str) -> Callable[..., object]:
        def call(*args: object, **keywords: object) -> object:
            began = time.perf_counter()
            try:
                return usual[name](*args, **keywords)
            finally:
                spent[name] = spent.get(name, 0) + time.perf_counter() - began

        return call

    for name, (owner, attribute) in parts.items():
        setattr(owner, attribute, measured(name))
    try:
        yield
    finally:
        for name, (owner, attribute) in parts.items():
            setattr(owner, attribute, usual[name])


def run(folder: Path) -> Part:
    """Measure one size beside others; return what was found."""
    main = Project(folder, TABLES, serial=False)
    spent: dict[str, float] = {}
    with timed(spent):
        cold = main.ours()
    ours, theirs = pairs(main.ours, main.alembic(), count=PAIRS)
    again, dumps = pairs(main.ours, main.dump, count=PAIRS)
    claims = [
        Claim(what=f"{TABLES} tables: time, of Alembic's", values=ratios(ours, theirs), limit=1 / 8, goal=1 / 10),
        Claim(what=f"{TABLES} tables: time, of pg_dump --schema-only's", values=ratios(again, dumps), limit=1),
    ]
    # Of each SERIAL column Alembic asks on its own.
    serial = Project(folder, TABLES)
    with slow_way(serial.server) as port:
        slow = f"postgresql+psycopg2://postgres@127.0.0.1:{port}/{serial.name}"
        serial.write(slow)
        serial.ours()
        far, far_theirs = pairs(serial.ours, serial.alembic(slow), count=3)
    claims.append(
        Claim(what="SERIAL keys, 5 ms per round trip: time, of Alembic's", values=ratios(far, far_theirs), limit=1 / 20)
    )
    rows = [
        ["ours, kept replays", spread(ours, unit="s")],
        ["Alembic's compare_metadata", spread(theirs, unit="s")],
        ["pg_dump --schema-only", spread(dumps, unit="s")],
        ["ours, SERIAL keys, 5 ms per round trip", spread(far, unit="s")],
        ["Alembic's, SERIAL keys, 5 ms per round trip", spread(far_theirs, unit="s")],
        ["ours, cold", f"{cold:.2f} s: " + ", ".join(f"{name} {value:.2f}" for name, value in spent.items())],
    ]
    return Part(
        title="Three-way comparison",
        claims=tuple(claims),
        tables=(table([f"{TABLES} tables", "time"], rows),),
        remarks=(
            "Each table has 8 columns, 3 indexes, a foreign key; its key is an identity column unless it says SERIAL. "
            "Of the cold comparison, the catalogs that a replay reads are in its time as well.",
        ),
    )


def growth(folder: Path, sizes: tuple[int, ...] = SIZES) -> Part:
    """Measure how time and memory grow with the number of tables; return what was found."""
    rows = []
    best: dict[int, float] = {}
    for count in sizes:
        project = Project(folder, count, serial=False)
        cold = project.ours()
        values = tuple(project.ours() for _ in range(4))[1:]
        best[count] = min(values) / count
        once = project.memory()
        rows.append(
            [count, spread(values, unit="s"), f"{best[count] * 1000:.2f} ms", f"{cold:.1f} s",
             f"{once['peak']:.0f} MiB ({once['peak'] - once['before']:.0f} more than before)"]
        )  # fmt: skip
    few, many = (TABLES if TABLES in best else min(best)), max(best)
    return Part(
        title="Three-way comparison, as it grows",
        claims=(
            Claim(
                what=f"three-way comparison: a table's time among {many}, of that among {few}",
                values=(best[many] / best[few],),
                limit=MORE_PER_TABLE,
            ),
        ),
        tables=(table(["tables", "kept replays", "per table", "cold", "peak memory, kept replays"], rows),),
        remarks=("The best of three comparisons for each size, after one with nothing kept and one more.",),
    )


def main() -> None:
    """Print what was measured."""
    if sys.argv[1:2] == ["--alone"]:
        return alone()
    import tempfile

    with tempfile.TemporaryDirectory(prefix="ops-bench-") as folder:
        sizes = tuple(int(one) for one in sys.argv[1:])
        found = growth(Path(folder), sizes) if sizes else run(Path(folder))
    for claim in found.claims:
        print(f"{claim.what}: {spread(claim.values, digits=3)} (limit {claim.limit:g}, goal {claim.goal})")
    print("\n\n".join(found.tables))


if __name__ == "__main__":
    main()
