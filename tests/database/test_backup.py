"""Backups: made, verified, kept, refused, and restored into a new database or in the place of one."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import psycopg2
import pytest

from ops import backup, dumps, embedded, scratch, targets
from ops.backup import Backup, shelf, verifying
from ops.backup.shelf import Shelf
from ops.dumps.manifest import DumpError
from ops.embedded import binaries
from ops.errors import BusyError, OpsError, RefusedError, StalePlanError, UsageError
from ops.ground import Ground
from ops.guard import evidence
from ops.plan import kept
from ops.settings import TargetSettings
from ops.values import Verdict
from tests.database import dumping
from tests.database.conftest import SetUp


@pytest.fixture(scope="module")
def shop(server: embedded.Server) -> Iterator[str]:
    """The URL of a database with everything in it, which no test changes."""
    with scratch.database_on(server, prefix="shop") as url:
        dumping.fill(url)
        yield url


@pytest.fixture
def settings(shop: str, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> TargetSettings:
    """A target at that database, with a home of its own, and the servers of all."""
    monkeypatch.setenv("OPS_EMBEDDED_DIR", str(home / ".ops"))
    return dumping.settings_of(shop, tmp_path)


@pytest.fixture
def small(database: str, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> TargetSettings:
    """A target at a database with a table, for what changes something."""
    monkeypatch.setenv("OPS_EMBEDDED_DIR", str(home / ".ops"))
    run(database, "CREATE TABLE public.things (id int PRIMARY KEY); INSERT INTO things VALUES (1), (2)")
    return dumping.settings_of(database, tmp_path)


def run(url: str, statement: str) -> list[tuple[object, ...]]:
    with closing(psycopg2.connect(url.replace("+psycopg2", ""))) as connection, connection.cursor() as cursor:
        cursor.execute(statement)
        rows = cursor.fetchall() if cursor.description else []
        connection.commit()
        return rows


OURS = f"""
    SELECT datname::text FROM pg_database
    WHERE datname LIKE '%\\_{os.getpid()}\\_%' OR datname IN ('brought back', 'half', 'never')
"""
RESTORING = """
    SELECT datname::text FROM pg_database WHERE shobj_description(oid, 'pg_database') LIKE '%being restored from %'
"""


RECORDED = """
    SELECT kind, coalesce(details -> 'to', details -> 'current')::jsonb, details -> 'restore' ->> 'file', verdict
    FROM alembic_ops.ledger ORDER BY id
"""

GIVEN = """
    SELECT s.setrole::regrole::text, one, d.datconnlimit FROM pg_db_role_setting s CROSS JOIN unnest(s.setconfig) one
    JOIN pg_database d ON d.oid = s.setdatabase WHERE d.datname = '{}' ORDER BY 1, 2
"""


def names(server: embedded.Server) -> set[str]:
    """The databases of this process: others are at work on that server, too."""
    return {str(name) for (name,) in run(server.url(), OURS)}


def half_restored(server: embedded.Server, saved: Backup) -> list[tuple[object, ...]]:
    return run(server.url(), f"{RESTORING} AND shobj_description(oid, 'pg_database') LIKE '%{Path(saved.file).name}%'")


@pytest.fixture
def reader(small: TargetSettings, server: embedded.Server, tmp_path: Path) -> Iterator[TargetSettings]:
    """That target as an ordinary login, which may read that table and nothing else."""
    url = small.database.url
    name = f"reader_{url.database}"[:60]
    run(
        url.render_as_string(hide_password=False),
        f"CREATE ROLE {name} LOGIN PASSWORD 'p'; GRANT SELECT ON things TO {name}",
    )
    yield dumping.settings_of(url.set(username=name, password="p").render_as_string(hide_password=False), tmp_path)
    run(url.render_as_string(hide_password=False), f"DROP OWNED BY {name}; DROP ROLE {name}")


# -- made and verified ------------------------------------------------------------------------------------

# fmt: off
MADE = {  #                       data      format       verify     verdict
    "directory, restored":      ("full",   "directory", "restore", Verdict.OK),
    "custom, listed":           ("full",   "custom",    "list",    Verdict.OK),
    "plain, restored":          ("full",   "plain",     "restore", Verdict.OK),
    "the schema, restored":     ("schema", "directory", "restore", Verdict.OK),
    "nobody looked at it":      ("schema", "custom",    "none",    Verdict.UNKNOWN),
}
# fmt: on


@pytest.mark.parametrize(("data", "format", "verify", "verdict"), MADE.values(), ids=MADE)
def test_a_backup_is_made_and_verified(
    settings: TargetSettings, data: str, format: str, verify: str, verdict: Verdict
) -> None:
    made = backup.backup(settings, data=data, format=format, verify=verify)

    assert (made.differences, made.unknown, made.verdict) == ((), (), verdict)
    found = made.to_dict()
    assert {"file", "format", "bytes", "sha256", "verified"} <= set(found)
    assert (found["format"], found["verified"], found["data"]) == (format, verify, data)
    assert dumps.check(dumps.find(settings.home / made.file), sha256=str(found["sha256"])) == made.dump
    assert "pg_dumpall --globals-only" in made.notes[0]
    assert (settings.home / "backups").stat().st_mode & 0o777 == 0o700
    assert (settings.home / "backups" / ".gitignore").read_text() == "*\n"
    assert bool([one for one in made.checked if "Its rows" in one]) == (data == "full" and verify == "restore")


def test_what_is_not_in_it_is_written_by_the_command_that_it_names(reader: TargetSettings, tmp_path: Path) -> None:
    note = backup.backup(reader, verify="list").notes[0]

    command = note[note.index("pg_dumpall") :]
    programs = {"PATH": f"{binaries.folder_of(18)}:{os.environ['PATH']}", "PGPASSWORD": "p"}
    subprocess.run(command, shell=True, check=True, cwd=tmp_path, env={**os.environ, **programs})

    written = (tmp_path / "globals.sql").read_text()
    assert f"CREATE ROLE {reader.database.url.username};" in written
    assert "PASSWORD" not in written


def test_what_comes_back_otherwise_is_told(settings: TargetSettings) -> None:
    with dumps.reading(settings) as source:
        ground = Ground.of(settings, source.connection, verifying.VERSION_TABLE)
        wanted = verifying.Wanted.of(source, "full", frozenset())
        dump = dumps.make(source, settings.home / "backup")
    catalog = replace(wanted.catalog, texts=dict(list(wanted.catalog.texts.items())[1:]))
    other = verifying.Wanted(
        catalog=catalog,
        counts={**wanted.counts, ("shop", "orders"): 2999},
        large_objects=6,
        sequences=[{**wanted.sequences[0], ("shop", "numbers"): 5}],
    )

    found = verifying.restored(settings, dump, ground, other, None)

    assert len(found.differences) == 4 and found.checked == ()
    assert found.differences[0].endswith("is there, and was not.")
    assert found.differences[1:] == (
        "shop.orders has 3,000 rows, and 2,999 were there.",
        "It has 5 large objects, and 6 were there.",
        "The sequence shop.numbers is at -9, and was at 5.",
    )


def test_an_extension_that_scratch_lacks_leaves_it_unknown(settings: TargetSettings) -> None:
    with dumps.reading(settings) as source:
        ground = Ground.of(settings, source.connection, verifying.VERSION_TABLE)
        wanted = verifying.Wanted.of(source, "schema", frozenset())
        dump = dumps.make(source, settings.home / "backup", data="schema")
    key = next(one for one in wanted.catalog.texts if one.kind == "extension")
    wanted.catalog = replace(wanted.catalog, texts={**wanted.catalog.texts, key._replace(name="postgis"): "{}"})

    found = verifying.restored(settings, dump, ground, wanted, None)

    assert "has no extension postgis" in found.unknown[0] and found.differences == ()


WRONG = {
    "data": {"data": "some"},
    "format": {"format": "tar"},
    "verify": {"verify": "twice"},
    "keep": {"keep": -1},
}


@pytest.mark.parametrize("choice", WRONG.values(), ids=WRONG)
def test_a_choice_that_there_is_not_is_refused(settings: TargetSettings, choice: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        backup.backup(settings, **choice)  # type: ignore[arg-type]
    assert not (settings.home / "backups").exists()


def test_a_disk_without_room_is_refused_before_anything_begins(
    settings: TargetSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "statvfs", lambda _: SimpleNamespace(f_bavail=1000, f_frsize=4096))

    with pytest.raises(OpsError, match=r"3\.9 MiB free, and a dump of its rows may need") as caught:
        backup.backup(settings)

    assert (caught.value.code, caught.value.changed) == ("disk", False)
    assert list((settings.home / "backups" / "shop").iterdir()) == []


def test_a_disk_that_fills_up_leaves_nothing(
    settings: TargetSettings, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path_factory.mktemp("tiny")
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", place], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("a small file system cannot be mounted here")
    try:
        monkeypatch.setattr("ops.dumps.making.require_space", lambda *_: None)
        with pytest.raises(OpsError, match=r"No space left on device|is full") as caught:
            backup.backup(replace(settings, home=place))
        assert caught.value.changed is False
        assert [one.name for one in (place / "backups" / "shop").iterdir()] == []
    finally:
        subprocess.run(["umount", place], check=True)


# -- kept -------------------------------------------------------------------------------------------------


def test_the_newest_good_ones_stay_and_nothing_else_of_ones_own_goes(small: TargetSettings) -> None:
    schema = backup.backup(small, data="schema", format="custom")
    first, second = (backup.backup(small, format="custom") for _ in range(2))
    folder = small.home / "backups" / "shop"
    (folder / "somebody's").mkdir()
    strange = folder / "20200101T000000Z-abcdef"  # another database's
    shutil.copytree(small.home / first.file, strange)
    said = json.loads((strange / "backup.json").read_text())
    (strange / "backup.json").write_text(json.dumps({**said, "identity": "another"}))
    (folder / ".making-0123456789ab").mkdir()  # whose process was killed
    for number, one in enumerate((first, second)):
        path = small.home / one.file / "backup.json"
        path.write_text(
            json.dumps({**json.loads(path.read_text()), "finished": f"2026-01-0{number + 1}T00:00:00+00:00"})
        )

    third = backup.backup(small, format="custom", keep=2)

    assert third.removed == (Path(first.file).name,)
    assert {one.name for one in folder.iterdir()} == {
        "somebody's", strange.name, *(Path(one.file).name for one in (schema, second, third)),
    }  # fmt: skip


def test_a_bad_one_never_pushes_out_a_good_one(small: TargetSettings) -> None:
    good = backup.backup(small, format="custom")
    bad = backup.backup(small, format="custom", verify="none", keep=1)

    assert bad.removed == ()
    assert (small.home / good.file).is_dir()

    for one in (good, bad):  # at the same moment, by a clock that was set back
        path = small.home / one.file / "backup.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), "finished": "2026-01-01T00:00:00+00:00"}))
    for newest in (good, bad):
        assert Path(newest.file).name not in Shelf(small.home, "shop").prune(1, newest.dump)


# -- what the guard may count on --------------------------------------------------------------------------


def test_a_full_and_good_one_is_evidence(small: TargetSettings) -> None:
    began = datetime.now(UTC)
    schema = backup.backup(small, data="schema", format="custom")
    assert evidence.backed_up(small.home, schema.dump.identity) is None

    full = backup.backup(small, format="custom")
    found = evidence.backed_up(small.home, full.dump.identity)
    assert found is not None and abs((found - began).total_seconds()) < 60

    shutil.rmtree(small.home / full.file)
    assert evidence.backed_up(small.home, full.dump.identity) is None


# -- restored ---------------------------------------------------------------------------------------------


@pytest.fixture
def saved(small: TargetSettings) -> Backup:
    """A backup of a small database, which has gone on since."""
    made = backup.backup(small, format="directory")
    assert small.raw_url is not None
    run(small.raw_url, "INSERT INTO things VALUES (3)")
    return made


def test_into_a_new_database(small: TargetSettings, saved: Backup, server: embedded.Server) -> None:
    before = names(server)
    dry = backup.restore(small, saved.file)
    assert (dry.dry_run, dry.obstacles, names(server)) == (True, (), before)

    done = backup.restore(small, saved.file, into="brought back", dry_run=False)
    try:
        there = server.url("brought back")
        assert (done.verdict, done.same, done.replaced) == (Verdict.OK, True, "")
        assert run(there, "SELECT count(*) FROM things") == [(2,)]
        assert names(server) - before == {"brought back"}
        assert run(there, RECORDED) == [("intent", [], saved.file, None), ("outcome", [], saved.file, "OK")]
        with pytest.raises(RefusedError, match="There is a database 'brought back' already"):
            backup.restore(small, saved.file, into="brought back", dry_run=False)
        assert run(there, "SELECT count(*) FROM things") == [(2,)]
    finally:
        scratch.drop_database(server, "brought back")


def test_in_the_place_of_a_database_under_guard(small: TargetSettings, saved: Backup, server: embedded.Server) -> None:
    guarded = replace(small, protected=True)
    own, role = small.database.url.database, f"tenant_{os.getpid()}"
    assert own is not None and small.raw_url is not None
    run(small.raw_url, f"ALTER DATABASE {own} SET work_mem = '7MB'; ALTER DATABASE {own} SET search_path = public, x")
    run(small.raw_url, f"ALTER DATABASE {own} SET statement_timeout = '9min'; ALTER DATABASE {own} CONNECTION LIMIT 77")
    run(small.raw_url, f'CREATE ROLE {role}; ALTER ROLE {role} IN DATABASE {own} SET search_path = y, "$user"')
    run(small.raw_url, f"ALTER ROLE {role} IN DATABASE {own} SET app.tenant = 'it''s \"one\"'")
    settings = run(server.url(), GIVEN.format(own))
    before = names(server)
    dry = backup.restore(guarded, saved.file, over=True)
    assert (dry.into, dry.obstacles) == (own, ()) and dry.fingerprint in str(dry.view())

    for confirm in ("", "restore-0123456789abcdef"):
        with pytest.raises(StalePlanError):
            backup.restore(guarded, saved.file, over=True, dry_run=False, confirm=confirm)
    with closing(psycopg2.connect(small.raw_url.replace("+psycopg2", ""))), pytest.raises(BusyError, match="session"):
        backup.restore(guarded, saved.file, over=True, dry_run=False, confirm=dry.fingerprint)
    assert names(server) == before
    assert run(small.raw_url, "SELECT count(*) FROM things") == [(3,)]

    done = backup.restore(guarded, saved.file, over=True, dry_run=False, confirm=dry.fingerprint)
    try:
        assert (done.verdict, names(server) - before) == (Verdict.OK, {done.replaced})
        assert run(small.raw_url, "SELECT count(*) FROM things") == [(2,)]
        assert run(small.raw_url, "SHOW search_path") == [("public, x",)]
        assert run(server.url(), GIVEN.format(own)) == settings and done.notes == dry.notes
        assert run(server.url(done.replaced), "SELECT count(*) FROM things") == [(3,)]
        assert half_restored(server, saved) == []
        assert run(small.raw_url, RECORDED) == [("intent", [], saved.file, None), ("outcome", [], saved.file, "OK")]
    finally:
        scratch.drop_database(server, done.replaced)
        run(server.url(), f"DROP ROLE {role}")


def test_a_restore_is_a_part_of_the_history(set_up: SetUp, server: embedded.Server) -> None:
    """The ledger comes back with the rest, and says who brought it back from what, and what was kept."""
    bench = set_up("linear")
    bench.target.upgrade("a10000000002", dry_run=False)
    saved = bench.target.backup(verify="none")
    bench.target.upgrade(dry_run=False)

    done = bench.target.restore(saved.file, over=True, dry_run=False)
    try:
        told, status = bench.target.ledger(), bench.target.status()
        first, second = told.runs
        assert (first.restored, first.verdict, first.left) == (saved.file, "OK", ("a10000000002",))
        assert (second.direction, second.wanted) == ("up", ("a10000000002",))
        assert (told.open_runs, told.gaps, status.verdict) == ((), (), Verdict.OK)
        assert "restore to a10000000002, OK" in str(told)
        ((kept_as,),) = bench.ask("SELECT details -> 'restore' ->> 'replaced' FROM alembic_ops.ledger WHERE number = 1"
                                  " AND kind = 'outcome' AND details ->> 'restore' IS NOT NULL")  # fmt: skip
        assert kept_as == done.replaced
        assert bench.target.upgrade(dry_run=False).current == ("a10000000005",)
    finally:
        scratch.drop_database(server, done.replaced)


def test_without_a_record_nothing_takes_a_place(set_up: SetUp, server: embedded.Server) -> None:
    bench = set_up("linear")
    bench.target.upgrade("a10000000002", dry_run=False)
    saved = bench.target.backup(verify="none")
    bench.target.upgrade(dry_run=False)
    before = names(server)
    (bench.home / ".ops").mkdir(exist_ok=True)
    (bench.home / ".ops" / "ledger").write_text("no folder")
    section = bench.home / "ops.ini"
    section.write_text(section.read_text() + "ledger = file\n")

    with pytest.raises(OpsError, match="cannot be written") as refused:
        targets.target("case").restore(saved.file, over=True, dry_run=False)

    assert (refused.value.code, refused.value.changed) == ("ledger", False)
    assert (names(server), bench.current) == (before, ["a10000000005"])


REFUSED: dict[str, Callable[[Path], object]] = {
    "cut short": lambda folder: next(folder.glob("dump/*.gz")).write_bytes(b""),
    "without a manifest": lambda folder: (folder / "manifest.json").unlink(),
    "of another version": lambda folder: (folder / "manifest.json").write_text('{"schema": "ops.dump/0"}'),
    "another one in its place": lambda folder: (folder / "backup.json").write_text(
        json.dumps({**json.loads((folder / "backup.json").read_text()), "sha256": "0" * 64})
    ),
}


@pytest.mark.parametrize("damage", REFUSED.values(), ids=REFUSED)
def test_what_is_not_what_was_written_is_refused_before_anything_is_touched(
    small: TargetSettings, saved: Backup, server: embedded.Server, damage: Callable[[Path], object]
) -> None:
    before = names(server)
    damage(small.home / saved.file)

    with pytest.raises(DumpError) as caught:
        backup.restore(small, saved.file, dry_run=False)
    assert (caught.value.exit_code, names(server)) == (4, before)


def test_a_newer_servers_dump_is_refused_on_an_older_one(
    small: TargetSettings, saved: Backup, server16: embedded.Server
) -> None:
    older = replace(small, raw_url=server16.url())

    with pytest.raises(RefusedError, match="dumped from PostgreSQL 18, and the server is 16"):
        backup.restore(older, small.home / saved.file, into="never", dry_run=False)
    assert "never" not in names(server16)


def test_what_cannot_be_restored_leaves_no_database(
    small: TargetSettings, saved: Backup, server: embedded.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", os.environ["PATH"])
    before = names(server)
    broken = replace(saved.dump, absent=(("schema", "public"),))  # so that the table has no place to go to
    monkeypatch.setattr("ops.backup.restoring._whole", lambda *_: broken)

    with pytest.raises(OpsError, match="cannot be restored") as caught:
        backup.restore(small, saved.file, into="half", dry_run=False)
    assert (caught.value.code, names(server)) == ("restore", before)


# -- before a change --------------------------------------------------------------------------------------


def test_a_change_saves_first_and_puts_that_on_record(set_up: SetUp) -> None:
    bench = set_up("linear", require="backup < 24 hours")
    dry = bench.target.upgrade("head", backup="full")
    assert not [one for one in dry.obstacles if "backup" in one]

    done = bench.target.upgrade("head", dry_run=False, backup="full")

    found = dumps.find(bench.home / done.backup)
    assert dumps.check(found).data == "full" and done.to_dict()["backup"] == done.backup
    assert found.note["plan"] == done.fingerprint and found.note["heads"] == []
    assert bench.target.ledger().runs[-1].backup == done.backup
    assert shelf.record(found.folder)["verdict"] == "OK"
    assert not [one for one in bench.target.downgrade("-1").obstacles if "backup" in one], "that one counts"


def test_the_tables_that_a_plan_changes_and_no_others(set_up: SetUp) -> None:
    bench = set_up("linear")
    bench.target.upgrade("head", dry_run=False)
    bench.ask("CREATE TABLE public.unrelated (a int); INSERT INTO public.unrelated VALUES (1)")
    with pytest.raises(RefusedError, match="nobody has planned this very change"):
        bench.target.downgrade("-1", dry_run=False, backup="auto")
    assert bench.current != []

    plan = bench.target.plan("-1", direction="down")
    done = bench.target.downgrade("-1", dry_run=False, backup="auto")

    dump = dumps.find(bench.home / done.backup)
    found = kept.find(bench.home, plan.fingerprint)
    assert found is not None
    wanted = {lock.relation for one in found.statements for lock in one.locks if lock.mode.blocks_reads}
    held = {f"{schema}.{name}" for schema, name, _ in dump.tables}
    assert dump.data == "some" and ("public", "unrelated") in dump.without
    assert {one for one in wanted if one.rpartition(".")[2] in [*bench.tables, "alembic_version"]} <= held


def test_a_backup_that_cannot_be_made_stops_the_change(set_up: SetUp, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = set_up("linear")
    (bench.home / "backups").write_text("in the way")

    with pytest.raises(RefusedError, match="The backup that has to be there first cannot be made") as caught:
        bench.target.upgrade("head", dry_run=False, backup="schema")
    assert (caught.value.code, caught.value.changed, bench.current) == ("backup", False, [])
    assert bench.target.ledger().runs == ()


def test_a_word_that_is_no_backup_is_refused(set_up: SetUp) -> None:
    bench = set_up("linear")

    with pytest.raises(UsageError, match="backup = 'all'"):
        bench.target.upgrade("head", backup="all")


def test_the_name_of_a_target_never_leads_out_of_the_folder(tmp_path: Path) -> None:
    for name in ("..", "a/b", "", "x" * 80):
        with pytest.raises(UsageError):
            Shelf(tmp_path, name)
