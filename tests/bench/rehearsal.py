"""A rehearsal of five revisions on a copy with rows, beside a dump, its restore and three bare passes of Alembic.

`python tests/bench/rehearsal.py` prints it; with a number, for so many MiB of rows in 20 tables.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from measure import Claim, Part, environment, pairs, ratios, seconds, spread, table

from ops import embedded, scratch

MIB = 1100
TABLES = 20
PAIRS = 3
JOBS = 2

OURS = """
import json, ops
found = ops.target("big").rehearse("head", data="all")
assert found.verdict == "ATTENTION" and not found.uncertain, found
print(json.dumps(dict(found.phases)))
"""
ENV = """
from alembic import context
from sqlalchemy import create_engine, pool
engine = create_engine(context.config.get_main_option("sqlalchemy.url"), poolclass=pool.NullPool)
with engine.connect() as connection:
    context.configure(connection=connection, target_metadata=None, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()
"""
REVISION = """
import sqlalchemy as sa
from alembic import op
revision = "{revision}"
down_revision = {before}
def upgrade():
    {up}
def downgrade():
    {down}
"""
LARGEST = "t00"
REVISIONS = (  #  the first is there already
    ("pass", "pass"),
    ("op.add_column('t01', sa.Column('extra', sa.Text()))", "op.drop_column('t01', 'extra')"),
    ("op.create_index('ix_t02_size', 't02', ['size'])", "op.drop_index('ix_t02_size', table_name='t02')"),
    ("op.alter_column('t03', 'size', nullable=False)", "op.alter_column('t03', 'size', nullable=True)"),
    (
        f"op.alter_column('{LARGEST}', 'size', type_=sa.BigInteger())",
        f"op.alter_column('{LARGEST}', 'size', type_=sa.Integer())",
    ),
    ("op.drop_column('t04', 'note')", "op.add_column('t04', sa.Column('note', sa.Text()))"),
)
ROW_BYTES = 300
"""What a row takes, with its index, in about."""


class Filled:
    """A project, its database with rows, and the two ways to know what five revisions do there."""

    def __init__(self, folder: Path, mib: int) -> None:
        self.home = folder / "rehearsal"
        self.server = embedded.server(folder)
        self.place = embedded.scratch_server(folder)
        self.phases: list[dict[str, float]] = []
        self.url = scratch.ensure_database(self.server, "rehearsed")
        self._write()
        self._fill(mib * 1024 * 1024 // ROW_BYTES)

    def ours(self) -> float:
        """Return the seconds of one process that rehearses."""
        began = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-c", OURS], env=self._environment(), cwd=self.home, capture_output=True, text=True
        )
        took = time.perf_counter() - began
        if done.returncode:
            raise SystemExit(done.stderr)
        self.phases.append(json.loads(done.stdout.splitlines()[-1]))
        return took

    def plain(self) -> float:
        """Return the seconds of pg_dump, pg_restore and three passes, as one types them, on the same server."""
        tools = self.place.bin_dir
        with self._folder() as dump, scratch.throw_away(self.place, "plain") as name:
            source, copy = self.url.replace("+psycopg2", ""), self.place.url(name)
            target = copy.replace("+psycopg2", "")
            first = [tools / "pg_dump", "-Fd", f"-j{JOBS}", "--compress=0", "--no-sync", "-f", dump / "d", source]
            second = [tools / "pg_restore", f"-j{JOBS}", "-d", target, dump / "d"]
            took = sum(seconds(list(map(str, one)), env=environment(), cwd=self.home) for one in (first, second))
            ini = self.home / "plain.ini"
            ini.write_text(f"[alembic]\nscript_location = migrations\nsqlalchemy.url = {copy.replace('%', '%%')}\n")
            for way in (["upgrade", "head"], ["downgrade", "-5"], ["upgrade", "head"]):
                command = [sys.executable, "-m", "alembic", "-c", str(ini), *way]
                took += seconds(command, env=self._environment(), cwd=self.home)
        return took

    def size(self) -> int:
        """Return the bytes of the database."""
        with closing(scratch.connect(self.server, "rehearsed")) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT pg_database_size(current_database())")
            return int(cursor.fetchone()[0])

    def _write(self) -> None:
        versions = self.home / "migrations" / "versions"
        versions.mkdir(parents=True)
        (self.home / "migrations" / "env.py").write_text(ENV)
        (self.home / "alembic.ini").write_text("[alembic]\nscript_location = migrations\n")
        (self.home / "ops.ini").write_text(f"[ops:target:big]\nurl = {self.url}\nprotected = false\n")
        for number, (up, down) in enumerate(REVISIONS):
            before = repr(f"f{number - 1:011d}") if number else None
            text = REVISION.format(revision=f"f{number:011d}", before=before, up=up, down=down)
            (versions / f"f{number:011d}_step.py").write_text(text)

    def _fill(self, rows: int) -> None:
        """The largest table has a fifth of all rows, the others the same each."""
        with closing(scratch.connect(self.server, "rehearsed")) as connection, connection.cursor() as cursor:
            cursor.execute("SET synchronous_commit = off")
            for number in range(TABLES):
                count = rows // 5 if number == 0 else rows * 4 // 5 // (TABLES - 1)
                cursor.execute(
                    f"CREATE TABLE t{number:02d} (id bigint PRIMARY KEY, name text NOT NULL, size int, note text,"
                    f" made timestamptz); INSERT INTO t{number:02d} SELECT n, md5(n::text), n % 1000,"
                    f" repeat(md5((n + 1)::text), 5), '2026-01-01'::timestamptz + n * interval '1 s'"
                    f" FROM generate_series(1, {count}) AS n"
                )
            cursor.execute(
                "CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY);"
                "INSERT INTO alembic_version VALUES ('f00000000000')"
            )
            cursor.execute("VACUUM ANALYZE")

    @contextmanager
    def _folder(self) -> Iterator[Path]:
        folder = Path(tempfile.mkdtemp(dir=self.home))
        try:
            yield folder
        finally:
            shutil.rmtree(folder)

    def _environment(self) -> dict[str, str]:
        return environment(OPS_HOME=str(self.home), OPS_EMBEDDED_DIR=str(self.home.parent / ".ops"))


def run(folder: Path, mib: int = MIB) -> Part:
    """Measure both."""
    work = Filled(folder, mib)
    ours, plain = pairs(work.ours, work.plain, count=PAIRS)
    size = work.size() / 2**30
    names = dict.fromkeys(name for one in work.phases for name in one)
    rows = [
        ("`db.rehearse()`, a process of its own", spread(ours, unit="s")),
        *(
            (f"· {name}", spread(tuple(one.get(name, 0.0) for one in work.phases[1:]), unit="s"))
            for name in names
        ),
        ("`pg_dump -Fd`, `pg_restore`, `alembic` up, down and up", spread(plain, unit="s")),
    ]  # fmt: skip
    what = f"{size:.2f} GiB in {TABLES} tables, five revisions: a rehearsal, of dump, restore and three bare passes"
    return Part(
        title="A rehearsal on a copy with rows",
        claims=(Claim(what=what, values=ratios(ours, plain), limit=1.5),),
        tables=(table(["process", "seconds"], rows),),
        remarks=(
            f"Both dump and restore with {JOBS} jobs and without compression, onto the same server. The revisions: a "
            "nullable column, an index, NOT NULL, another type for the largest table, and a dropped column.",
        ),
    )


def main() -> None:
    """Print what was measured."""
    with tempfile.TemporaryDirectory(prefix="ops-bench-") as folder:
        found = run(Path(folder), *map(int, sys.argv[1:2]))
    for claim in found.claims:
        print(f"{claim.what}: {spread(claim.values, digits=3)} (limit {claim.limit:g})")
    print("\n\n".join((*found.tables, *found.remarks)))


if __name__ == "__main__":
    main()
