"""A plan of ten revisions for a database of many tables, beside `alembic upgrade` and `pg_dump | psql`.

`python tests/bench/plan.py` prints it; with a number, only for so many tables.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
from pathlib import Path

from drift import ENV, Project
from measure import Claim, Part, alone, environment, pairs, ratios, seconds, spread, table

from ops import scratch

TABLES = 1000
PAIRS = 7
COLD_PAIRS = 3
OURS = "import ops; found = ops.target('big').plan(); assert len(found.own) == 20 and not found.unknown, str(found)"

REVISION = """
from alembic import op
import sqlalchemy as sa
revision = "{revision}"
down_revision = "{before}"
def upgrade():
    op.add_column("{table}", sa.Column("extra", sa.Integer()))
    op.create_index("ix_{table}_extra", "{table}", ["extra"])
def downgrade():
    op.drop_column("{table}", "extra")
"""


class Pending(Project):
    """The project of many tables at its head, and ten more revisions that wait."""

    def __init__(self, folder: Path, count: int) -> None:
        super().__init__(folder, count, serial=False)
        versions = self.home / "migrations" / "versions"
        (before,) = self.target.status().current
        for number in range(10):
            revision = f"e{number:011d}"
            text = REVISION.format(revision=revision, before=before, table=f"t{number * (count // 10):05d}")
            (versions / f"{revision}_extra.py").write_text(text)
            before = revision
        (self.home / "migrations" / "env.py").write_text(ENV)

    def planned(self) -> float:
        """Return the seconds of one process that plans."""
        return seconds([sys.executable, "-c", OURS], env=self._environment(), cwd=self.home)

    def planned_cold(self) -> float:
        """The same without a clone that is kept."""
        with contextlib.closing(scratch.connect(self.server)) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT datname FROM pg_database WHERE datname LIKE 'clone%' AND NOT datallowconn")
            for (name,) in cursor.fetchall():
                scratch.drop_database(self.server, name)
        return self.planned()

    def plain(self) -> float:
        """Return the seconds of one bare `alembic upgrade head` on a copy."""
        with self._copy() as url:
            ini = self.home / "plain.ini"
            text = (self.home / "alembic.ini").read_text()
            ini.write_text(f"{text}sqlalchemy.url = {url.replace('%', '%%')}\n")
            command = [sys.executable, "-m", "alembic", "-c", str(ini), "upgrade", "head"]
            return seconds(command, env=self._environment(), cwd=self.home)

    def dumped(self) -> float:
        """Return the seconds of `pg_dump -s | psql` into an empty database."""
        tools, source = self.server.bin_dir, self._plain(self.url)
        with scratch.database_on(self.server, prefix="bench") as url:
            line = f"'{tools}/pg_dump' -s '{source}' | '{tools}/psql' -q -X -v ON_ERROR_STOP=1 '{self._plain(url)}'"
            return seconds(["sh", "-c", line], env=environment(), cwd=self.home)

    @contextlib.contextmanager
    def _copy(self):
        with scratch.database_on(self.server, prefix="bench") as url:
            dump = [str(self.server.bin_dir / "pg_dump"), self._plain(self.url)]
            text = subprocess.run(dump, capture_output=True, check=True).stdout
            psql = [str(self.server.bin_dir / "psql"), "-q", "-X", self._plain(url)]
            subprocess.run(psql, input=text, capture_output=True, check=True)
            yield url

    def _environment(self) -> dict[str, str]:
        folder = self.home.parent
        return environment(OPS_HOME=str(self.home), OPS_EMBEDDED_DIR=str(folder / ".ops"))

    @staticmethod
    def _plain(url: str) -> str:
        return url.replace("+psycopg2", "")


def run(folder: Path, count: int = TABLES) -> Part:
    """Measure all of it."""
    project = Pending(folder, count)
    project.planned()
    warm, plain = pairs(project.planned, project.plain, count=PAIRS)
    cold, dumped = pairs(project.planned_cold, project.dumped, count=COLD_PAIRS)
    bare = sorted(plain)[len(plain) // 2]
    allowed = tuple(2 * one + 3 * bare for one in dumped)
    rows = [
        ("`db.plan()`, a process of its own, the clone kept", spread(warm, unit="s")),
        ("`alembic upgrade head`, the same ten revisions on a copy", spread(plain, unit="s")),
        ("`db.plan()`, nothing kept", spread(cold, unit="s")),
        ("`pg_dump -s` restored by `psql`", spread(dumped, unit="s")),
    ]
    return Part(
        title=f"A plan of ten revisions, {count:,} tables",
        claims=(
            Claim(what="plan beside `alembic upgrade` of the same revisions", values=ratios(warm, plain), limit=3),
            Claim(
                what="cold plan beside twice `pg_dump -s` and `psql`, and three times `alembic upgrade`",
                values=ratios(cold, allowed),
                limit=1,
            ),
        ),
        tables=(table(["process", "seconds"], rows),),
    )


if __name__ == "__main__":
    alone(run, *map(int, sys.argv[1:]))
