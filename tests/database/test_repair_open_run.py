"""Whoever is killed, and wherever: it is told what stays, and a repair and an upgrade lead to head, without a loss."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2
import pytest

import ops
from ops import embedded, scratch
from ops.embedded import lease
from ops.errors import OpsError, RefusedError
from ops.values import Verdict
from tests.conftest import CHECKOUT, hurried
from tests.database.conftest import until
from tests.projects.make_linear import ENV, INI

# each kill takes some ten seconds of work, on a machine that may have more to do
pytestmark = pytest.mark.timeout(900)

ROWS = 300

REVISIONS = {
    "m1": """
    op.execute("CREATE TABLE customer (id integer PRIMARY KEY, name text NOT NULL, email text)")
    op.execute("CREATE TYPE rank AS ENUM ('new')")
""",
    "m2": """
    op.execute("ALTER TABLE customer ADD COLUMN rank rank")
    with op.get_context().autocommit_block():
        op.execute("CREATE INDEX CONCURRENTLY customer_name ON customer (name)")
        op.execute("ALTER TYPE rank ADD VALUE 'old'")
        op.execute("CREATE UNIQUE INDEX CONCURRENTLY customer_email ON customer (email)")
    op.execute("ALTER TABLE customer ADD CONSTRAINT named CHECK (name <> '')")
""",
    "m3": """
    op.execute("ALTER TABLE customer ADD COLUMN score integer")
    rows = op.get_bind().exec_driver_sql("SELECT id FROM customer ORDER BY id").scalars().all()
    for one in rows[:3]:
        op.execute(f"UPDATE customer SET score = {one} WHERE id = {one}")
    op.execute("UPDATE customer SET score = id WHERE score IS NULL")
    op.execute("ALTER TABLE customer ALTER COLUMN score SET NOT NULL")
""",
    "m4": """
    op.execute("CREATE TABLE purchase (id integer PRIMARY KEY, customer_id integer)")
    op.execute("INSERT INTO purchase SELECT id, id FROM customer")
    with op.get_context().autocommit_block():
        op.execute("UPDATE customer SET name = name || '!'")  # twice would be seen
        op.execute("CREATE INDEX CONCURRENTLY purchase_customer ON purchase (customer_id)")
    op.execute("ALTER TABLE purchase ADD FOREIGN KEY (customer_id) REFERENCES customer NOT VALID")
    op.execute("ALTER TABLE purchase VALIDATE CONSTRAINT purchase_customer_id_fkey")
""",
}

_FILE = (
    '"""{name}"""\n\nfrom alembic import op\n\nrevision = {name!r}\ndown_revision = {below!r}\n\n\ndef upgrade():{body}'
)
POINTS = 20
"""How often each of the three is killed, at moments spread over all that there are."""


@dataclass(frozen=True, kw_only=True)
class Shop:
    """A mixed project on a database with rows, at its first revision."""

    folder: Path
    url: str
    target: ops.targets.Target

    def ask(self, sql: str) -> list[tuple[object, ...]]:
        with closing(psycopg2.connect(self.url)) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(sql)
                return cursor.fetchall() if cursor.description else []

    def begin(self) -> None:
        """Have the first revision, and rows."""
        self.ask("CREATE TABLE customer (id integer PRIMARY KEY, name text NOT NULL, email text)")
        self.ask("CREATE TYPE rank AS ENUM ('new')")
        self.ask("CREATE TABLE alembic_version (version_num varchar(32) CONSTRAINT alembic_version_pkc PRIMARY KEY)")
        self.ask("INSERT INTO alembic_version VALUES ('m1')")
        self.ask(f"INSERT INTO customer SELECT n, 'name ' || n, n || '@x' FROM generate_series(1, {ROWS}) AS n")

    def die(self, who: str, point: int, **environment: str) -> str:
        """Upgrade in a process of its own, with death in it; return what it printed."""
        command = [sys.executable, "-m", "tests.database.dying", "shop", who, str(point)]
        done = subprocess.run(
            command, cwd=CHECKOUT, env={**os.environ, **environment}, capture_output=True, text=True, timeout=300
        )
        if who == "nobody":
            assert done.returncode == 0, done.stderr
        else:
            assert done.stdout.startswith("killed"), done.stdout + done.stderr
            assert done.returncode == (-signal.SIGKILL if who == "parent" else 1), done.stderr
            assert not is_alive(int(done.stdout.split()[1]))
        return done.stdout

    @property
    def facts(self) -> tuple[object, ...]:
        """All that has to be the same in the end, whatever happened on the way."""
        with closing(psycopg2.connect(self.url)) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT version_num FROM alembic_version")
            version = cursor.fetchall()
            cursor.execute("SELECT count(*), min(name), sum(score), count(DISTINCT email) FROM customer")
            customers = cursor.fetchall()
            cursor.execute("SELECT count(*), sum(customer_id) FROM purchase")
            purchases = cursor.fetchall()
        status = self.target.status()
        return version, customers, purchases, status.verdict, status.ledger.runs[0].catalogs[1]


def is_alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] not in ("Z", "X")
    except FileNotFoundError:
        return False


def make(folder: Path, url: str, patch: pytest.MonkeyPatch) -> Shop:
    versions = folder / "migrations" / "versions"
    versions.mkdir(parents=True)
    (folder / "alembic.ini").write_text(INI, encoding="utf-8")
    (folder / "migrations" / "env.py").write_text(ENV, encoding="utf-8")
    below = None
    for name, body in REVISIONS.items():
        text = _FILE.format(name=name, below=below, body=body)
        (versions / f"{name}.py").write_text(text, encoding="utf-8")
        below = name
    (folder / "ops.ini").write_text(
        f"[ops:target:shop]\nurl = {url}\nprotected = false\nlock_timeout_long = 10min\n", encoding="utf-8"
    )
    patch.setenv("OPS_HOME", str(folder))
    shop = Shop(folder=folder, url=url.replace("+psycopg2", ""), target=ops.target("shop"))
    shop.begin()
    return shop


@pytest.fixture
def shop(tmp_path: Path, database: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    monkeypatch.setenv("OPS_EMBEDDED_DIR", str(home / ".ops"))
    return make(tmp_path, database, monkeypatch)


@pytest.fixture(scope="module")
def undisturbed(
    tmp_path_factory: pytest.TempPathFactory, server: embedded.Server, home: Path
) -> Iterator[tuple[tuple[object, ...], list[str]]]:
    """What an upgrade that nobody disturbs comes to, and the events on its way."""
    with scratch.database_on(server, prefix="test") as url, pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPS_EMBEDDED_DIR", str(home / ".ops"))
        one = make(tmp_path_factory.mktemp("undisturbed"), url, patch)
        events = one.die("nobody", 0).splitlines()
        yield one.facts, events


def spread(count: int, total: int) -> list[int]:
    """So many of the numbers up to a total, evenly."""
    return sorted({1 + round(one * (total - 1) / (count - 1)) for one in range(count)})


EVENTS_AT_LEAST = 49
CONCURRENT = 3
"""How many events an upgrade has at least, and how many statements that run CONCURRENTLY; a test counts them."""

MOMENTS = (*(-one for one in range(1, CONCURRENT + 1)), *spread(POINTS - CONCURRENT, EVENTS_AT_LEAST))


def lead_to_head(shop: Shop, wanted: tuple[object, ...]) -> None:
    """Do what a person does: look, mend what is found, upgrade."""
    current = tuple(str(one) for (one,) in shop.ask("SELECT version_num FROM alembic_version"))
    assert shop.target.status().current == current
    cases = []
    for finding in shop.target.repair().findings:
        if finding.counts:
            assert finding.case in ("open-run", "invalid-index") and finding.offered, finding.what
            cases.append(finding.case)
    if "open-run" in cases:
        assert shop.target.repair(f"open-run{answer(shop)}", dry_run=False).verdict is Verdict.OK
    if "invalid-index" in cases:  # unless it was undone with the rest of its revision
        shop.target.repair("invalid-index", dry_run=False)
    shop.target.upgrade("head", dry_run=False)
    assert shop.facts == wanted


def answer(shop: Shop) -> str:
    """What somebody says who has looked at the rows, where that is asked."""
    [finding] = shop.target.repair("open-run").findings
    if not finding.choices:
        return ""
    assert set(finding.choices) == {"committed", "not-committed"} and "UPDATE customer" in finding.what
    with pytest.raises(RefusedError, match="say which"):
        shop.target.repair("open-run", dry_run=False)
    with pytest.raises(RefusedError, match="would write them again"):
        shop.target.upgrade("head", dry_run=False)
    return ":committed" if shop.ask("SELECT 1 FROM customer WHERE name LIKE '%!' LIMIT 1") else ":not-committed"


def mend_and_upgrade(shop: Shop, wanted: tuple[object, ...]) -> str:
    """Do the same in the fewest steps; return what was found."""
    [mended] = shop.target.repair("open-run", dry_run=False).findings
    assert mended.done
    shop.target.upgrade("head", dry_run=False)
    assert shop.facts == wanted
    return mended.what


def test_the_moments_are_those_of_the_upgrade(undisturbed: tuple[tuple[object, ...], list[str]]) -> None:
    events = undisturbed[1]

    assert len(events) >= EVENTS_AT_LEAST and len(MOMENTS) == POINTS
    assert sum(one.startswith("statement ") and "CONCURRENTLY" in one for one in events) == CONCURRENT


@pytest.mark.parametrize("who", ["worker", "parent"])
@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.heavy
def test_killed_at_any_moment(
    shop: Shop, who: str, moment: int, undisturbed: tuple[tuple[object, ...], list[str]]
) -> None:
    shop.die(who, moment)

    lead_to_head(shop, undisturbed[0])


# fmt: off
FEW = {  #                                    who       moment  what is said of it
    "between two statements":               ("worker",  9,     "Of m2 "),
    "while an index is built":              ("parent", -2,     "Of m2 "),
    "behind a statement that wrote rows":   ("worker",  40,    "Of m4 3 statements are committed, and wrote rows"),
}
# fmt: on


@pytest.mark.parametrize(("who", "moment", "said"), FEW.values(), ids=FEW)
def test_killed(
    shop: Shop, who: str, moment: int, said: str, undisturbed: tuple[tuple[object, ...], list[str]]
) -> None:
    shop.die(who, moment)

    assert said in mend_and_upgrade(shop, undisturbed[0])


@pytest.fixture(scope="module")
def mortal(tmp_path_factory: pytest.TempPathFactory, server: embedded.Server) -> Iterator[Path]:
    """The folder of a server that may be killed: of nobody else's."""
    yield tmp_path_factory.mktemp("mortal")


def start(folder: Path, like: embedded.Server) -> embedded.Server:
    return hurried(lease.start(folder / "server", major=like.major, bin_dir=like.bin_dir))


def is_started(folder: Path, like: embedded.Server) -> bool:
    """Whether it starts: the processes of a killed one notice only when they next wait that it is gone."""
    with suppress(OpsError):
        start(folder, like)
        return True
    return False


@pytest.mark.parametrize("moment", [pytest.param(one, marks=pytest.mark.heavy) for one in MOMENTS if one != -1] + [-1])
def test_the_server_killed_at_any_moment(
    tmp_path: Path,
    mortal: Path,
    server: embedded.Server,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    moment: int,
    undisturbed: tuple[tuple[object, ...], list[str]],
) -> None:
    monkeypatch.setenv("OPS_EMBEDDED_DIR", str(home / ".ops"))
    mine = start(mortal, server)
    url = scratch.ensure_database(mine, f"shop_{moment}".replace("-", "m"))
    shop = make(tmp_path, url, monkeypatch)
    postmaster = (mortal / "server" / "data" / "postmaster.pid").read_text().split()[0]

    shop.die("server", moment, DYING_SERVER=postmaster)
    until(lambda: not is_alive(int(postmaster)))
    until(lambda: is_started(mortal, server), seconds=120)

    (mend_and_upgrade if moment == -1 else lead_to_head)(shop, undisturbed[0])


@pytest.mark.heavy
def test_every_notebook_tells_of_it_and_one_mends_it(
    shop: Shop, undisturbed: tuple[tuple[object, ...], list[str]]
) -> None:
    shop.die("parent", -2)

    assert run(shop, "10")[0] == 3
    [executed] = (shop.folder / "runs" / "shop").glob("*/*-10-inspect-*/notebook.ipynb")
    assert "See 90-repair" in executed.read_text(encoding="utf-8")
    code, looked = run(shop, "90", "case=open-run")
    assert (code, looked["data"]["findings"][0]["details"]["running"]) == (3, "m2")
    code, mended = run(shop, "90", "case=open-run", "dry_run=false")
    assert code == 0 and mended["data"]["findings"][0]["done"], mended
    assert run(shop, "40", "dry_run=false")[0] == 0

    assert shop.facts == undisturbed[0]


def run(shop: Shop, notebook: str, *parameters: str) -> tuple[int, dict[str, Any]]:
    """Run a notebook as a scheduler does; return the exit code and `result.json`."""
    command = [sys.executable, "-m", "ops", "run", notebook, "--target", "shop", "--json"]
    for one in parameters:
        command += ["-p", one]
    done = subprocess.run(command, env=dict(os.environ), capture_output=True, text=True, timeout=600)
    return done.returncode, json.loads(done.stdout)
