"""Dumps of a real database: what comes back of them, what is left out, what is refused, and what is left behind."""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import quote

import psycopg2
import pytest

from ops import dumps, embedded, scratch
from ops.dumps import Dump, manifest
from ops.dumps.manifest import DumpError
from ops.errors import BusyError, ConnectError, OpsError, UsageError
from tests import passwords
from tests.database import dumping
from tests.database.conftest import until

guarded, make_role = passwords.guarded, passwords.make_role


@pytest.fixture(scope="module")
def shop(server: embedded.Server) -> Iterator[str]:
    """The URL of a database with everything in it, which no test changes."""
    with scratch.database_on(server, prefix="shop") as url:
        dumping.fill(url)
        yield url


def made(url: str, folder: Path, **options: object) -> Dump:
    with dumps.reading(dumping.settings_of(url)) as source:
        return dumps.make(source, folder, **options)  # type: ignore[arg-type]


# -- there and back ---------------------------------------------------------------------------------------

ROUND_TRIPS = {  #                          what pg_dump is told, and how many jobs restore it
    "directory, in parallel": ({"format": "directory", "jobs": 3}, 2),
    "custom": ({"format": "custom"}, 2),
    "plain": ({"format": "plain"}, 1),
    "directory, one table at a time": ({"format": "directory", "jobs": 1}, 1),
}


@pytest.mark.parametrize(("options", "jobs"), ROUND_TRIPS.values(), ids=ROUND_TRIPS)
def test_everything_comes_back(
    shop: str, server: embedded.Server, tmp_path: Path, options: dict[str, object], jobs: int
) -> None:
    said: list[str] = []
    dump = made(shop, tmp_path / "backup", report=said.append, **options)
    assert dumps.check(dumps.find(dump.path)) == dump

    with scratch.throw_away(server, "restored") as name:
        restored = dumps.restore(dump, server, name, jobs=jobs, report=said.append)

        there = server.url(name)
        assert dumping.catalog_of(there).fingerprint == dumping.catalog_of(shop).fingerprint
        assert dumping.contents(there) == dumping.contents(shop)
    assert (restored.notes, dump.data, dump.broken, dump.without) == ((), "full", (), ())
    assert [line.partition(":")[0] for line in said] == ["dump", "dump", "restore", "restore"]
    assert (dump.entries > 0) == (dump.format != "plain")


def test_nobody_else_can_read_it(shop: str, tmp_path: Path) -> None:
    dump = made(shop, tmp_path / "above" / "backup")

    found = {one: stat.S_IMODE(one.stat().st_mode) for one in (dump.folder, *dump.folder.rglob("*"))}
    assert {mode for one, mode in found.items() if one.is_dir()} == {0o700}
    assert {mode for one, mode in found.items() if one.is_file()} == {0o600}


def test_the_schema_alone_has_no_rows(shop: str, server: embedded.Server, tmp_path: Path) -> None:
    dump = made(shop, tmp_path / "backup", data="schema")

    with scratch.throw_away(server, "restored") as name:
        dumps.restore(dump, server, name)
        there = server.url(name)
        assert dumping.catalog_of(there).fingerprint == dumping.catalog_of(shop).fingerprint
        assert {one[0] for key, one in dumping.contents(there).items() if key == "shop.orders"} == {0}
    assert (dump.data, dump.tables) == ("schema", ())


def test_rows_that_must_not_leave_do_not(shop: str, server: embedded.Server, tmp_path: Path) -> None:
    with dumps.reading(dumping.settings_of(shop)) as source:
        without = source.matching(["secrets", "shop.cust*", "shop.events"])
        dump = dumps.make(source, tmp_path / "backup", without=without)
    assert set(without) == {
        ("public", "secrets"), ("shop", "customers"), ("shop", "events"), ("shop", "events_25"), ("shop", "events_26"),
    }  # fmt: skip

    with scratch.throw_away(server, "restored") as name:
        restored = dumps.restore(dump, server, name, jobs=2)
        found = dumping.contents(server.url(name))
    empty = {"shop.customers", "secrets", "shop.events_25", "shop.events_26"}
    assert {key for key, one in found.items() if isinstance(one, tuple) and one[0] == 0} == empty
    assert found["shop.orders"] == dumping.contents(shop)["shop.orders"]
    assert dump.data == "some"
    # what refers to rows that are not there is made, unchecked, and told
    assert {one.name for one in dump.broken} == {"orders_customer_fkey", "tree_secret_fkey"}
    assert [one.split(" is NOT VALID")[0] for one in restored.notes] == [
        "The foreign key orders_customer_fkey of shop.orders",
        "The foreign key tree_secret_fkey of shop.tree",
    ]


def test_a_database_without_the_usual_comes_back_without_it(
    server: embedded.Server, database: str, tmp_path: Path
) -> None:
    with closing(psycopg2.connect(database.replace("+psycopg2", ""))) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE SCHEMA own; CREATE TABLE own.t (a int); DROP SCHEMA public; DROP EXTENSION plpgsql")
        connection.commit()
    dump = made(database, tmp_path / "backup")

    with scratch.throw_away(server, "restored") as name:
        dumps.restore(dump, server, name)
        assert dumping.catalog_of(server.url(name)).fingerprint == dumping.catalog_of(database).fingerprint
    assert dump.absent == (("schema", "public"), ("extension", "plpgsql"))


def test_an_older_server_is_dumped_by_its_own_program(server16: embedded.Server, tmp_path: Path) -> None:
    with scratch.database_on(server16, prefix="old") as url:
        dumping.fill(url)
        dump = made(url, tmp_path / "backup")
        with scratch.throw_away(server16, "restored") as name:
            dumps.restore(dump, server16, name)
            assert dumping.catalog_of(server16.url(name)).fingerprint == dumping.catalog_of(url).fingerprint
            assert dumping.contents(server16.url(name)) == dumping.contents(url)
    assert (dump.major, dump.program_major) == (16, 16)


# -- what is counted and asked within the snapshot --------------------------------------------------------


def test_what_is_counted_is_what_is_dumped(server: embedded.Server, database: str, tmp_path: Path) -> None:
    def run(statement: str) -> None:
        with closing(psycopg2.connect(database.replace("+psycopg2", ""))) as connection, connection.cursor() as cursor:
            cursor.execute(statement)
            connection.commit()

    run("CREATE TABLE t (a int); INSERT INTO t SELECT generate_series(1, 10)")
    with dumps.reading(dumping.settings_of(database)) as source:
        run("INSERT INTO t SELECT generate_series(1, 5)")
        counts = source.counts([("public", "t")])
        dump = dumps.make(source, tmp_path / "backup")
    with scratch.throw_away(server, "restored") as name:
        dumps.restore(dump, server, name)
        assert dumping.contents(server.url(name))["t"][0] == counts["public", "t"] == 10


UNKNOWN = {
    "no such table": "nobody",
    "not on the search path": "customers",
    "capitals in quotes": '"SECRETS"',
    "no expression": "shop.[",
}


@pytest.mark.parametrize("pattern", UNKNOWN.values(), ids=UNKNOWN)
def test_a_pattern_that_keeps_nothing_back_is_refused(shop: str, pattern: str) -> None:
    with dumps.reading(dumping.settings_of(shop)) as source, pytest.raises(UsageError):
        source.matching(["secrets", pattern])


# -- refusals ---------------------------------------------------------------------------------------------


def test_a_disk_without_room_is_refused_with_both_numbers(
    shop: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "statvfs", lambda _: SimpleNamespace(f_bavail=1000, f_frsize=4096))

    with pytest.raises(OpsError, match=r"3\.9 MiB free, and a dump of its rows may need .*\([\d,]+ bytes\)") as caught:
        made(shop, tmp_path / "backup")

    assert (caught.value.code, caught.value.changed) == ("disk", False)
    assert not (tmp_path / "backup").exists()


def test_a_locked_table_is_named_after_a_while(shop: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ops.dumps.making.LOCK_WAIT", "200ms")
    with (
        closing(psycopg2.connect(shop.replace("+psycopg2", ""))) as connection,
        connection.cursor() as cursor,
        dumps.reading(dumping.settings_of(shop)) as source,
    ):
        assert source.tables
        cursor.execute("LOCK TABLE shop.orders IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(BusyError, match="keeps a table locked"):
            dumps.make(source, tmp_path / "backup")
    assert not (tmp_path / "backup").exists()


LOST: dict[str, Callable[[dumps.Source], object]] = {
    "reading the schema": lambda source: source.catalog(("public", "alembic_version")),
    "asking how far it is": lambda source: source.copying("somebody"),
    "looking for tables": lambda source: source.matching(["orders"]),
}


@pytest.mark.parametrize("ask", LOST.values(), ids=LOST)
def test_a_snapshot_that_is_lost_is_never_followed_by_another(shop: str, ask: Callable[[dumps.Source], object]) -> None:
    with (
        pytest.raises(ConnectError, match=r"cannot be read as a dump has to: (server closed|terminating)"),
        dumps.reading(dumping.settings_of(shop)) as source,
    ):
        pid = source.ask("SELECT pg_backend_pid()")[0][0]
        with closing(psycopg2.connect(shop.replace("+psycopg2", ""))) as other, other.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s, 60000)", (pid,))
        ask(source)


@pytest.fixture(scope="module")
def whole(shop: str, tmp_path_factory: pytest.TempPathFactory) -> Dump:
    """A dump, to be copied."""
    return made(shop, tmp_path_factory.mktemp("whole") / "backup")


def damaged(dump: Dump, how: str) -> None:
    data = next(one for one in sorted(dump.path.iterdir()) if one.suffix == ".gz")
    if how == "cut short":
        data.write_bytes(data.read_bytes()[:-10])
    elif how == "changed":
        raw = bytearray(data.read_bytes())
        raw[len(raw) // 2] ^= 1
        data.write_bytes(raw)
    elif how == "gone":
        data.unlink()
    elif how == "one more":
        (dump.path / "9999.dat.gz").write_bytes(b"")
    elif how == "exchanged":
        others = sorted((one for one in dump.path.iterdir() if one != data), key=lambda one: one.stat().st_size)
        os.replace(others[0], data)
    elif how == "a manifest of a later version":
        path = dump.folder / "manifest.json"
        path.write_text(path.read_text().replace('"ops.dump/1"', '"ops.dump/2"'))
    elif how == "half a manifest":
        path = dump.folder / "manifest.json"
        path.write_text(path.read_text()[:200])
    elif how == "no manifest":
        (dump.folder / "manifest.json").unlink()


DAMAGES = {
    "cut short": "bytes, and",
    "changed": "is not what was written",
    "gone": "cannot be read",
    "one more": "does not belong there",
    "exchanged": "bytes, and",
    "a manifest of a later version": "and this version reads",
    "half a manifest": "is damaged",
    "no manifest": "never finished",
}


@pytest.mark.parametrize(("how", "said"), DAMAGES.items(), ids=DAMAGES)
def test_a_dump_that_is_not_what_was_written_is_refused(whole: Dump, tmp_path: Path, how: str, said: str) -> None:
    dump = replace(whole, folder=shutil.copytree(whole.folder, tmp_path / "backup"))
    damaged(dump, how)

    with pytest.raises(DumpError, match=said) as caught:
        dumps.check(dumps.find(dump.folder))
    assert (caught.value.exit_code, caught.value.changed) == (4, False)


def test_another_whole_dump_in_its_place_has_another_hash(shop: str, database: str, tmp_path: Path) -> None:
    first, second = made(shop, tmp_path / "first"), made(database, tmp_path / "second")

    with pytest.raises(DumpError, match="another one than was made"):
        dumps.check(second, sha256=first.sha256)
    assert dumps.check(first, sha256=first.sha256) == first


def test_a_statement_that_fails_is_told(shop: str, server: embedded.Server, tmp_path: Path) -> None:
    dump = made(shop, tmp_path / "backup")

    with scratch.throw_away(server, "restored") as name:
        with closing(scratch.connect(server, name)) as connection, connection.cursor() as cursor:
            cursor.execute("CREATE SCHEMA shop; CREATE FUNCTION shop.twice(int) RETURNS int LANGUAGE sql AS 'SELECT 1'")
        with pytest.raises(OpsError, match=r'schema "shop" already exists, at: CREATE SCHEMA shop') as caught:
            dumps.restore(dump, server, name, jobs=2)
    assert caught.value.code == "restore"


@pytest.mark.parametrize("format", ["directory", "plain"])
def test_a_password_is_found_nowhere(make_role: Callable[..., passwords.Role], tmp_path: Path, format: str) -> None:
    secret = "pl4nted:/@ %w0rd"
    role = make_role(secret)
    role.ask(f"CREATE TABLE public.mine (a int); ALTER TABLE public.mine OWNER TO {role.name}")
    said: list[str] = []

    dump = made(role.url(), tmp_path / "backup", format=format, report=said.append)

    written = [one.read_bytes() for one in dump.folder.rglob("*") if one.is_file()]
    shown = "\n".join([*said, repr(dump), str(dump.manifest())])
    for spelled in (secret, quote(secret, safe="")):
        assert not any(spelled.encode() in one for one in written) and spelled not in shown


def test_what_a_role_may_not_read_is_told(make_role: Callable[..., passwords.Role], tmp_path: Path) -> None:
    role = make_role("pl4nted:/@ %w0rd")
    role.ask("CREATE TABLE public.foreign_one (a int)")

    with pytest.raises(OpsError, match="permission denied for table foreign_one") as caught:
        made(role.url(), tmp_path / "backup")
    assert "pl4nted" not in str(caught.value) and "pg_read_all_data" in caught.value.next_step
    assert not (tmp_path / "backup").exists()


# -- ends before their time -------------------------------------------------------------------------------

INTERRUPTED = """
import os, signal, sys
from pathlib import Path
from ops import dumps
from ops.settings.sections import ProjectSettings, TargetSettings

url, folder = sys.argv[1], Path(sys.argv[2])
project = ProjectSettings(config=Path("alembic.ini"))
settings = TargetSettings(name="shop", source="url", protected=False, project=project, home=Path(), raw_url=url)
print("ready", flush=True)
try:
    with dumps.reading(settings) as source:
        source.tables
        dumps.make(source, folder, jobs=2, report=lambda line: print(line, flush=True))
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


@pytest.fixture(scope="module")
def large(server: embedded.Server) -> Iterator[str]:
    """The URL of a database whose dump takes a while."""
    with scratch.database_on(server, prefix="large") as url:
        with closing(psycopg2.connect(url.replace("+psycopg2", ""))) as connection, connection.cursor() as cursor:
            cursor.execute("CREATE TABLE a AS SELECT n, md5(n::text) AS t FROM generate_series(1, 400000) n")
            cursor.execute("CREATE TABLE b AS SELECT * FROM a LIMIT 1000")
            connection.commit()
        yield url


ENDS = {"Ctrl-C": signal.SIGINT, "killed": signal.SIGKILL}


@pytest.mark.parametrize("number", ENDS.values(), ids=ENDS)
def test_half_a_dump_never_looks_whole(large: str, tmp_path: Path, number: int) -> None:
    folder = tmp_path / "backup"
    command = [sys.executable, "-c", INTERRUPTED, large, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        until(lambda: any(one.stat().st_size for one in folder.glob("dump/*.gz")))
        process.send_signal(number)
        said, _ = process.communicate(timeout=60)

    def at_work() -> list[tuple[object, ...]]:
        with closing(psycopg2.connect(large.replace("+psycopg2", ""))) as connection, connection.cursor() as cursor:
            cursor.execute(
                "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
                " AND application_name LIKE 'alembic-ops%'"
            )
            return cursor.fetchall()

    until(lambda: not at_work())
    if number == signal.SIGINT:
        assert "interrupted" in said
        assert not folder.exists()
    else:
        with pytest.raises(DumpError, match="never finished"):
            dumps.find(folder)


def test_a_manifest_keeps_what_it_was_given(shop: str, tmp_path: Path) -> None:
    dump = made(shop, tmp_path / "backup", note={"heads": ["a1"], "of": "Tên “lạ” ệ 🙂"})

    assert manifest.read(dump.folder) == dump
    assert json.loads((dump.folder / "manifest.json").read_text(encoding="utf-8"))["note"]["of"] == "Tên “lạ” ệ 🙂"
