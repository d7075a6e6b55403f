"""The longest wait of an application beside a change that cannot get its lock: ours, and bare `alembic upgrade`.

A transaction stays open on the table that is to be altered, while the application reads and writes that table.
`python tests/bench/waiting.py` prints it.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg2
from measure import Claim, Part, alone, environment, spread, table

from ops import embedded, scratch

COUNT = 3
OPEN_SECONDS = 8.0
"""How long the transaction stays open, from before the change begins."""
CLIENTS = 6
LOCK_SECONDS = 2.0
ALLOWED_SECONDS = LOCK_SECONDS + 0.5
OURS = "import ops; ops.target('bench').upgrade('head', dry_run=False, retries=20)"
INI = """\
[alembic]
script_location = %(here)s/migrations
path_separator = os
sqlalchemy.url =
"""
ENV = """
from alembic import context
from sqlalchemy import engine_from_config, pool
engine = engine_from_config(context.config.get_section("alembic"), poolclass=pool.NullPool)
with engine.connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
"""
REVISION = """
from alembic import op
import sqlalchemy as sa
revision = "a1"
down_revision = None
def upgrade():
    op.add_column("accounts", sa.Column("note", sa.Text()))
def downgrade():
    op.drop_column("accounts", "note")
"""


class Bench:
    """A table in use, a transaction that stays open on it, and a revision that needs it alone for a moment."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "waiting"
        versions = self.home / "migrations" / "versions"
        versions.mkdir(parents=True)
        (self.home / "alembic.ini").write_text(INI)
        (self.home / "migrations" / "env.py").write_text(ENV)
        (versions / "a1_note.py").write_text(REVISION)
        keys = "url_env = BENCH_URL\nprotected = false\nlock_timeout = 2s\n"
        (self.home / "ops.ini").write_text(f"[ops:target:bench]\n{keys}")
        self.folder = folder
        self.server = embedded.server(folder)

    def ours(self) -> tuple[float, int]:
        """Return the longest wait of the application while we upgrade, in seconds, and how often it was served."""
        with self._database() as url:
            env = environment(OPS_HOME=str(self.home), OPS_EMBEDDED_DIR=str(self.folder / ".ops"), BENCH_URL=url)
            return self._beside(url, [sys.executable, "-c", OURS], env)

    def bare(self) -> tuple[float, int]:
        """The same while plain `alembic upgrade head` does it."""
        with self._database() as url:
            ini = self.home / "plain.ini"
            ini.write_text(INI.replace("sqlalchemy.url =", f"sqlalchemy.url = {url.replace('%', '%%')}"))
            command = [sys.executable, "-m", "alembic", "-c", str(ini), "upgrade", "head"]
            return self._beside(url, command, environment())

    @contextlib.contextmanager
    def _database(self) -> Iterator[str]:
        with scratch.database_on(self.server, prefix="bench") as url:
            with contextlib.closing(self._connect(url)) as connection, connection.cursor() as cursor:
                cursor.execute("CREATE TABLE accounts (id int PRIMARY KEY, amount int NOT NULL)")
                cursor.execute("INSERT INTO accounts SELECT n, 0 FROM generate_series(1, 10000) AS n")
            yield url

    def _beside(self, url: str, command: list[str], env: dict[str, str]) -> tuple[float, int]:
        waits: list[float] = []
        over = threading.Event()
        clients = [threading.Thread(target=self._client, args=(url, number, waits, over)) for number in range(CLIENTS)]
        with contextlib.closing(self._connect(url)) as idle, idle.cursor() as cursor:
            idle.autocommit = False
            cursor.execute("SELECT count(*) FROM accounts")  # and then it is forgotten
            for one in clients:
                one.start()
            release = threading.Timer(OPEN_SECONDS, idle.rollback)
            release.start()
            done = subprocess.run(command, env=env, cwd=self.home, capture_output=True, text=True)
            release.join()
        time.sleep(0.2)
        over.set()
        for one in clients:
            one.join()
        if done.returncode:
            raise SystemExit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        with contextlib.closing(self._connect(url)) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT count(note) FROM accounts")  # fails where the column is not there
        return max(waits), len(waits)

    def _client(self, url: str, number: int, waits: list[float], over: threading.Event) -> None:
        """Read and write one account after another, a hundred times a second."""
        with contextlib.closing(self._connect(url)) as connection, connection.cursor() as cursor:
            place = number
            while not over.is_set():
                place = (place + 7) % 10000 + 1
                began = time.perf_counter()
                if place % 2:
                    cursor.execute("SELECT amount FROM accounts WHERE id = %s", (place,))
                else:
                    cursor.execute("UPDATE accounts SET amount = amount + 1 WHERE id = %s", (place,))
                waits.append(time.perf_counter() - began)
                over.wait(0.01)

    @staticmethod
    def _connect(url: str) -> psycopg2.extensions.connection:
        connection = psycopg2.connect(url.replace("+psycopg2", ""))
        connection.autocommit = True
        return connection


def run(folder: Path, count: int = COUNT) -> Part:
    """Measure both, in turns."""
    bench = Bench(folder)
    both = [(bench.ours(), bench.bare()) for _ in range(count)]
    ours, bare = ([pair[place][0] for pair in both] for place in (0, 1))
    served = [[pair[place][1] for pair in both] for place in (0, 1)]
    rows = [
        ["`db.upgrade()`, a lock timeout of 2 s", spread(ours, unit="s"), spread(served[0], digits=0)],
        ["`alembic upgrade head`", spread(bare, unit="s"), spread(served[1], digits=0)],
    ]
    return Part(
        title=f"An application beside a change, and a transaction that stays open for {OPEN_SECONDS:g} s",
        claims=(
            Claim(
                what="the longest wait of an application while a change waits for its lock",
                values=tuple(one * 1000 for one in ours),
                limit=ALLOWED_SECONDS * 1000,
                unit="ms",
            ),
        ),
        tables=(table(["who changes the table", "the longest wait", "statements served"], rows),),
        remarks=(f"{CLIENTS} clients read and write the table that gets a new column.",),
    )


if __name__ == "__main__":
    alone(run, *map(int, sys.argv[1:]))
