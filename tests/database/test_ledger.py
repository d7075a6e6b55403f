"""The ledger in a database and in a file: the same cases; who may write it; what crashes and others make of it."""

from __future__ import annotations

import hashlib
import os
import secrets
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from sqlalchemy import Connection

from ops import database, embedded, scratch, targets
from ops.catalog import snapshot
from ops.errors import OpsError, RefusedError
from ops.ledger import Ledger, OpenRun
from ops.ledger.in_database import DatabaseStore
from ops.ledger.in_file import FileStore
from ops.settings import remember
from ops.values import Verdict
from tests import passwords
from tests.database.conftest import Bench, SetUp, until
from tests.database.test_apply import LINEAR, rewrite
from tests.database.test_database import settings
from tests.project import pages

guarded, make_role = passwords.guarded, passwords.make_role
MakeRole = Callable[..., passwords.Role]

WHO = {"os_user": "ann", "host": "desk"}
ALEMBIC = Path(sys.executable).with_name("alembic")


# -- the same in a database and in a file -----------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Ground:
    """One database for many ledgers, each of a version table of its own."""

    url: str
    connection: Connection
    facts: database.ServerFacts

    def store(self) -> DatabaseStore:
        return DatabaseStore(settings(self.url), self.connection, self.facts)

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        return ask(self.url, query)


def ask(url: str, query: str, *values: object) -> list[tuple[Any, ...]]:
    with closing(psycopg2.connect(url.replace("+psycopg2", ""))) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute(query, values or None)
        return cursor.fetchall() if cursor.description else []


@contextmanager
def ground_on(url: str) -> Iterator[Ground]:
    with database.connect(settings(url)) as connection:
        yield Ground(url=url, connection=connection, facts=database.facts(connection))


@pytest.fixture(scope="module")
def ground(server: embedded.Server) -> Iterator[Ground]:
    with scratch.database_on(server, prefix="test") as url, ground_on(url) as made:
        yield made


@pytest.fixture(params=["database", "file"])
def ledger(request: pytest.FixtureRequest, ground: Ground, tmp_path: Path) -> Iterator[Ledger]:
    store = ground.store() if request.param == "database" else FileStore(tmp_path, ground.facts.identity)
    made = Ledger(
        store,
        target="shop",
        identity=ground.facts.identity,
        version_table=f"public.v_{secrets.token_hex(4)}",
    )
    yield made
    made.close()


def begin(ledger: Ledger, run: str, to: tuple[str, ...] = ("b2",), direction: str = "up", **more: Any) -> None:
    ledger.write("intent", run, direction=direction, to=to, **{"from": ["a1"], "who": WHO, **more})


def applied(ledger: Ledger, run: str, revision: str, direction: str = "up", sha256: str = "1", **more: Any) -> None:
    ledger.write("revision", run, revision=revision, direction=direction, seconds=0.5, sha256=sha256, **more)


def end(ledger: Ledger, run: str, verdict: str = "OK", **more: Any) -> None:
    ledger.write("outcome", run, **{"verdict": verdict, "current": ["b2"], "error": None, **more})


def fresh() -> dict[str, str]:
    """Names of runs that nobody else in the shared table has."""
    return {name: f"{name}-{secrets.token_hex(4)}" for name in ("1", "2")}


# fmt: off
STORIES = {  #                          B begins, R applies b2, D undoes it, E ends well, F ends badly
    "nothing yet":                      ("",               [],         {}),
    "one that still runs":              ("B1",             ["1"],      {}),
    "one that ended":                   ("B1 R1 E1",       [],         {"b2": "up"}),
    "one that failed":                  ("B1 F1",          [],         {}),
    "one died, another came":           ("B1 R1 B2",       ["1", "2"], {"b2": "up"}),
    "one died, a later one succeeded":  ("B1 B2 R2 E2",    [],         {"b2": "up"}),
    "one died, a later one failed":     ("B1 B2 F2",       ["1"],      {}),
    "applied and undone":               ("B1 R1 E1 B2 D2 E2", [],      {"b2": "down"}),
}
# fmt: on


@pytest.mark.parametrize(("story", "still_open", "last"), STORIES.values(), ids=STORIES)
def test_what_was_written_is_read(ledger: Ledger, story: str, still_open: list[str], last: dict[str, str]) -> None:
    runs = fresh()
    for event in story.split():
        run = runs[event[1]]
        match event[0]:
            case "B":
                begin(ledger, run)
            case "R" | "D":
                applied(ledger, run, "b2", "up" if event[0] == "R" else "down")
            case _:
                end(ledger, run, "OK" if event[0] == "E" else "FAILED")

    assert [one.run for one in ledger.open_runs()] == [runs[name] for name in still_open]
    assert {name: one.direction for name, one in ledger.applied().items()} == last
    assert ledger.edited({"b2": "2"}) == (("b2",) if last == {"b2": "up"} else ())
    assert ledger.edited({"b2": "1", "c3": "9"}) == ()
    assert [one["number"] for one in ledger.records() if one["run"] == runs["1"]] == list(
        range(sum(event[1] == "1" for event in story.split()))
    )
    assert all(one.by == "ann@desk" for one in ledger.applied().values())


HOSTILE = {
    "quotes": '\'; DROP TABLE t; -- "%s" $$ \\',
    "letters": "thêm bảng ghi chú 東京 🐘",
    "what a driver takes for a parameter": ":x %(x)s %s {x} $1",
    "line breaks": "a\nb\r\n\u2028c\x85\t",
    "what no text of the server's can hold": "nul \x00 and half a pair \ud83d",
    "long": "x" * 300_000,
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_whatever_is_put_in_comes_out(ledger: Ledger, text: str) -> None:
    run = fresh()["1"]
    statement = {"sql": text, "seconds": 0.1, "rows": -1}

    begin(ledger, run, to=(text,), backup=text)
    applied(ledger, run, "b2", statements=[statement], count=1)
    end(ledger, run, "FAILED", error={"problem": text, "changed": None})

    intent, revision, outcome = ledger.read(statements=True).entries
    assert (intent["to"], intent["backup"], outcome["error"]["problem"]) == ([text], text, text)
    assert revision["statements"] == [statement]
    assert "statements" not in ledger.records()[1]


def test_no_secret_goes_in(ledger: Ledger, ground: Ground) -> None:
    remember("n0body-kn0ws")
    run = fresh()["1"]

    begin(ledger, run, backup="postgresql://me:pl4nted@h/d")
    sql = "ALTER ROLE app PASSWORD 'n0body-kn0ws'"
    applied(ledger, run, "b2", statements=[{"sql": sql, "seconds": 0.1, "rows": -1}])
    end(ledger, run, "FAILED", error={"problem": "cannot use n0body%2Dkn0ws"})

    everything = repr(ledger.read(statements=True).entries)
    assert "n0body" not in everything and "pl4nted" not in everything
    assert everything.count("***") == 3
    if isinstance(ledger.store, DatabaseStore):
        [(rows,)] = ground.ask("SELECT string_agg(l::text, '') FROM alembic_ops.ledger l")
        assert "n0body" not in rows and "pl4nted" not in rows


def four_at_once(work: Callable[[int], None]) -> None:
    """Do it in four threads, and raise what one of them raised."""
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))


def test_many_at_once(ledger: Ledger, ground: Ground, tmp_path: Path) -> None:
    """Each its own connection, as processes have: every record is there, in one order."""

    def work(number: int) -> None:
        store = ground.store() if isinstance(ledger.store, DatabaseStore) else ledger.store
        own = Ledger(store, identity=ledger.identity, version_table=ledger.version_table)
        run = f"{number}-{secrets.token_hex(4)}"
        with closing(own):
            begin(own, run)
            for place in range(20):
                applied(own, run, f"r{place}")
            end(own, run)

    four_at_once(work)

    found = ledger.records()
    assert len(found) == 4 * 22
    for run in {one["run"] for one in found}:
        assert [one["number"] for one in found if one["run"] == run] == list(range(22))


def test_four_first_changes_at_once_make_one_ledger(server: embedded.Server) -> None:
    with scratch.database_on(server, prefix="test") as url:
        start = threading.Barrier(4)

        def work(number: int) -> None:
            with ground_on(url) as place:
                own = Ledger(place.store(), identity=place.facts.identity, version_table=f"t{number}")
                start.wait()
                with closing(own):
                    begin(own, f"r{number}")

        four_at_once(work)

        assert ask(url, "SELECT count(*) FROM alembic_ops.ledger") == [(4,)]


# -- the table --------------------------------------------------------------------------------------

ROW = {
    "kind": "'intent'", "run": "'x'", "number": "0", "version_table": "'t'", "direction": "'up'", "revision": "NULL",
    "verdict": "NULL", "seconds": "NULL", "written": "now()", "details": "'{}'", "statements": "NULL",
}  # fmt: skip
REFUSED = {
    "an unknown kind": {"kind": "'backup'"},
    "no run": {"run": "NULL"},
    "an intent that is not the first": {"number": "1"},
    "an outcome that is the first": {"kind": "'outcome'", "verdict": "'OK'"},
    "a revision without its id": {"kind": "'revision'", "number": "1"},
    "a revision without a direction": {
        "kind": "'revision'",
        "number": "1",
        "revision": "'a'",
        "direction": "NULL",
    },
    "an outcome without a verdict": {"kind": "'outcome'", "number": "1"},
    "another direction": {"direction": "'sideways'"},
    "no version table": {"version_table": "NULL"},
    "a time below zero": {"seconds": "-1"},
    "details that are none": {"details": "'[]'"},
    "an id of one's own": {"id": "1"},
    "nothing at all": {},
}


@pytest.mark.parametrize("change", REFUSED.values(), ids=REFUSED)
def test_what_the_table_refuses(ground: Ground, change: dict[str, str]) -> None:
    own = Ledger(ground.store(), identity=ground.facts.identity, version_table="t")
    run = f"r-{secrets.token_hex(4)}"
    begin(own, run)
    own.close()
    values = {**ROW, "run": f"'{secrets.token_hex(4)}'", **change} if change else {**ROW, "run": f"'{run}'"}
    statement = f"INSERT INTO alembic_ops.ledger ({', '.join(values)}) VALUES ({', '.join(values.values())})"

    with pytest.raises(psycopg2.Error) as refused:
        ground.ask(statement)

    assert refused.value.pgcode in {"23502", "23505", "23514", "428C9"}


def test_the_row_of_that_table_is_taken_as_it_is(ground: Ground) -> None:
    begin(Ledger(ground.store(), identity=ground.facts.identity, version_table="t"), secrets.token_hex(4))
    values = {**ROW, "run": f"'{secrets.token_hex(4)}'"}

    ground.ask(f"INSERT INTO alembic_ops.ledger ({', '.join(values)}) VALUES ({', '.join(values.values())})")

    assert ground.ask(f"SELECT count(*) FROM alembic_ops.ledger WHERE run = {values['run']}") == [(1,)]


def test_two_clocks_and_the_server_says_who(ground: Ground) -> None:
    own = Ledger(ground.store(), identity=ground.facts.identity, version_table=secrets.token_hex(4))
    run = fresh()["1"]
    begin(own, run)
    own.close()

    (run_again,) = own.read().runs

    (row,) = ground.ask(
        "SELECT abs(extract(epoch FROM clock_timestamp() - recorded)) < 60, login, role FROM alembic_ops.ledger"
        f" WHERE run = '{run}'"
    )
    assert row == (True, "postgres", "postgres")
    assert (run_again.login, run_again.role) == ("postgres", "postgres")
    assert run_again.ahead is not None and abs(run_again.ahead) < 30


# fmt: off
COMMITS = {  # the server's setting, that of an intent and an outcome, that of a revision
    "as usual":         ("on",     "on",    "off"),
    "somebody's haste": ("off",    "local", "off"),
    "without replicas": ("local",  "local", "off"),
}
# fmt: on


@pytest.mark.parametrize(("usual", "durable", "quick"), COMMITS.values(), ids=COMMITS)
def test_an_intent_is_on_the_disk_before_anything_is_changed(
    server: embedded.Server, usual: str, durable: str, quick: str
) -> None:
    with scratch.database_on(server, prefix="test") as url:
        name = url.partition("?")[0].rpartition("/")[2]
        ask(url, f"ALTER DATABASE {name} SET synchronous_commit = {usual}")
        with ground_on(url) as place:
            store = place.store()
            own = Ledger(store, identity=place.facts.identity, version_table="t")
            found = []
            for write in (lambda: begin(own, "r"), lambda: applied(own, "r", "b2"), lambda: end(own, "r")):
                write()
                writer = store._writer
                assert writer is not None
                found.append(writer.exec_driver_sql("SHOW synchronous_commit").scalar())
            session = {
                name: writer.exec_driver_sql(f"SHOW {name}").scalar()
                for name in ("application_name", "default_transaction_read_only", "search_path", "lock_timeout")
            }
            own.close()

    assert found == [durable, quick, durable]
    assert session == {
        "application_name": "alembic-ops ledger",
        "default_transaction_read_only": "off",
        "search_path": "pg_catalog",
        "lock_timeout": "5s",
    }


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_a_database_in_another_encoding(server: embedded.Server, encoding: str) -> None:
    name = f"test_{secrets.token_hex(4)}"
    root = server.url("postgres")
    ask(root, f"CREATE DATABASE {name} ENCODING '{encoding}' TEMPLATE template0 LOCALE 'C'")
    try:
        with ground_on(server.url(name)) as place:
            own = Ledger(place.store(), identity=place.facts.identity, version_table='public."bảng"')
            begin(own, "r", to=("thêm 東京",))
            applied(own, "r", "sửa", statements=[{"sql": "SELECT '🐘'", "seconds": 0.0, "rows": 1}])
            end(own, "r")
            own.close()
            intent, revision, _ = own.read(statements=True).entries
            assert (intent["to"], revision["revision"]) == (["thêm 東京"], "sửa")
            assert revision["statements"][0]["sql"] == "SELECT '🐘'"
    finally:
        ask(root, f"DROP DATABASE {name} WITH (FORCE)")


def test_a_ledger_of_a_later_release_is_not_half_read(ground: Ground) -> None:
    table = secrets.token_hex(4)
    own = Ledger(ground.store(), identity=ground.facts.identity, version_table=table)
    begin(own, fresh()["1"])
    own.close()
    values = {**ROW, "run": f"'{secrets.token_hex(4)}'", "version_table": f"'{table}'", "layout": "2"}
    ground.ask(f"INSERT INTO alembic_ops.ledger ({', '.join(values)}) VALUES ({', '.join(values.values())})")

    assert "layout 2" in own.look().unreadable
    assert own.look().next_step == "Bring this toolkit up to date."


def test_what_a_ledger_that_cannot_be_read_may_hold_lets_no_revision_begin(set_up: SetUp) -> None:
    bench = set_up("linear")
    bench.target.upgrade("+1", dry_run=False)
    bench.ask("UPDATE alembic_ops.ledger SET layout = 2")

    with pytest.raises(RefusedError, match="it is not known whether a part of a10000000002 is done already"):
        bench.target.upgrade("+1", dry_run=False)
    found = {case: bench.target.repair(case).verdict for case in ("open-run", "edited-file", "several-heads")}

    assert found == {"open-run": Verdict.UNKNOWN, "edited-file": Verdict.UNKNOWN, "several-heads": Verdict.OK}
    assert bench.current == ["a10000000001"]


def test_a_copy_has_the_records_of_its_original(ground: Ground) -> None:
    table = secrets.token_hex(4)
    own = Ledger(ground.store(), identity="elsewhere/1/shop", version_table=table)
    begin(own, fresh()["1"])
    own.close()

    (found,) = own.open_runs()

    assert found.database == "elsewhere/1/shop"
    assert "the database that this one is a copy of" in str(own.read().view())


# -- roles ------------------------------------------------------------------------------------------


def test_insert_and_select_are_rights_enough(set_up: SetUp, make_role: MakeRole) -> None:
    role, keeper = make_role(), make_role()
    bench = set_up("linear", url=role.url())
    role.ask(f"CREATE SCHEMA alembic_ops AUTHORIZATION {keeper.name}")
    with ground_on(role.server.server.url(role.database)) as place:  # somebody else makes the table
        own = Ledger(place.store(), identity="x", version_table="other")
        begin(own, "r0")
        own.close()
    role.ask(f"ALTER TABLE alembic_ops.ledger OWNER TO {keeper.name}")

    obstacle = " ".join(bench.target.upgrade().permission.obstacles)
    with pytest.raises(RefusedError) as refused:
        bench.target.upgrade(dry_run=False)

    grant = (
        f"GRANT USAGE ON SCHEMA alembic_ops TO {role.name}; GRANT SELECT, INSERT ON alembic_ops.ledger TO {role.name}"
    )
    assert f"have {keeper.name} {grant}" in obstacle and grant in refused.value.problem
    assert (refused.value.changed, bench.current, bench.tables) == (False, [], [])

    role.ask(grant)
    run = bench.target.upgrade("a10000000001", dry_run=False)

    assert run.verdict is Verdict.OK
    status = bench.target.status()
    assert (status.verdict, [one.verdict for one in status.ledger.runs]) == (Verdict.OK, ["OK"])
    for forbidden in ("UPDATE alembic_ops.ledger SET run = ''", "DELETE FROM alembic_ops.ledger"):
        with pytest.raises(psycopg2.Error, match="permission denied"):
            ask(role.url(), forbidden)


def test_its_own_maker_may_not_change_it_either(make_role: MakeRole) -> None:
    role = make_role()
    with ground_on(role.url()) as place:
        own = Ledger(place.store(), identity=place.facts.identity, version_table="t")
        begin(own, "r1")
        own.close()

    for forbidden in ("UPDATE alembic_ops.ledger SET run = ''", "DELETE FROM alembic_ops.ledger", "TRUNCATE"):
        with pytest.raises(psycopg2.Error, match="permission denied"):
            ask(role.url(), forbidden if " " in forbidden else "TRUNCATE alembic_ops.ledger")


def test_a_schema_that_may_not_be_made(set_up: SetUp, make_role: MakeRole, tmp_path: Path) -> None:
    role, owner = make_role(), make_role()
    owner.ask(f"GRANT CREATE ON SCHEMA public TO {role.name}")
    url = role.url(database=owner.database)
    bench = set_up("linear", url=url)

    with pytest.raises(RefusedError) as refused:
        bench.target.upgrade(dry_run=False)

    problem = refused.value.problem
    assert f"GRANT CREATE ON DATABASE {owner.database} TO {role.name}" in problem
    assert f"CREATE SCHEMA alembic_ops AUTHORIZATION {role.name}" in problem and "`ledger = file`" in problem
    assert (refused.value.changed, refused.value.exit_code, bench.current, bench.tables) == (False, 4, [], [])
    assert bench.ask("SELECT to_regnamespace('alembic_ops')") == [(None,)]

    section = (bench.home / "ops.ini").read_text()
    (bench.home / "ops.ini").write_text(f"{section}ledger = file\n")
    run = targets.target("case").upgrade(dry_run=False)

    assert run.verdict is Verdict.OK
    assert bench.ask("SELECT to_regnamespace('alembic_ops')") == [(None,)]
    assert len(list((bench.home / ".ops" / "ledger").iterdir())) == 1


STANDS_THERE = {
    "a table of somebody's": ("CREATE SCHEMA alembic_ops CREATE TABLE ledger (id int)", "is no ledger of this toolkit"),
    "a publication of every table": ("CREATE PUBLICATION everything FOR ALL TABLES", "publication everything has"),
}


@pytest.mark.parametrize(("sql", "said"), STANDS_THERE.values(), ids=STANDS_THERE)
def test_what_stands_in_the_ledgers_way(set_up: SetUp, sql: str, said: str) -> None:
    bench = set_up("linear")
    bench.ask(sql)

    assert said in " ".join(bench.target.upgrade().permission.obstacles)
    with pytest.raises(RefusedError, match="ledger"):
        bench.target.upgrade(dry_run=False)
    assert (bench.current, bench.tables) == ([], [])


def test_a_role_that_only_reads(set_up: SetUp, make_role: MakeRole) -> None:
    role, reader = make_role(), make_role()
    writing = set_up("linear", url=role.url())
    writing.target.upgrade("a10000000001", dry_run=False)
    role.ask(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {reader.name}")
    (writing.home / "ops.ini").write_text(
        (writing.home / "ops.ini").read_text().replace(role.url(), reader.url(database=role.database))
    )
    reading = targets.target("case")

    status = reading.status()

    assert status.verdict is Verdict.UNKNOWN
    assert status.history.current == ("a10000000001",)
    said = str(status.view())
    assert f"role {reader.name} may not read it" in said and "is not known" in said
    grant = f"GRANT USAGE ON SCHEMA alembic_ops TO {reader.name}; GRANT SELECT ON alembic_ops.ledger TO {reader.name}"
    assert f"Have {role.name} {grant}" in said
    assert any("may not read it" in one for one in reading.plan("base", direction="down").uncertain)

    role.ask(grant)

    assert reading.status().verdict is Verdict.OK
    assert reading.status().ledger.runs[0].role == role.name


def test_the_role_of_the_target_makes_it(set_up: SetUp, make_role: MakeRole) -> None:
    role, owner = make_role(), make_role(options="NOLOGIN")
    role.ask(f"GRANT {owner.name} TO {role.name}")
    role.ask(f"GRANT CREATE ON DATABASE {role.database} TO {owner.name}")
    role.ask(f"GRANT CREATE ON SCHEMA public TO {owner.name}")
    bench = set_up("linear", url=role.url(), role=owner.name)
    try:
        bench.target.upgrade("a10000000001", dry_run=False)

        owners = role.ask("SELECT DISTINCT tableowner, schemaname FROM pg_tables WHERE tableowner LIKE 'role%'")
        assert sorted(owners) == [(owner.name, "alembic_ops"), (owner.name, "public")]
        (run,) = bench.target.ledger().runs
        assert (run.role, run.login) == (owner.name, role.name)
    finally:
        role.ask(f"DROP OWNED BY {owner.name}")


# -- runs -------------------------------------------------------------------------------------------


def test_what_a_run_puts_on_record(set_up: SetUp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPS_NOTEBOOK", "40-upgrade")
    bench = set_up("linear")
    before = fingerprint(bench)

    done = bench.target.upgrade("a10000000002", dry_run=False)
    after = fingerprint(bench)
    found = bench.target.ledger(statements=True)

    (run,) = found.runs
    assert (run.direction, run.came_from, run.wanted, run.left) == ("up", (), ("a10000000002",), ("a10000000002",))
    assert (run.verdict, run.plan, run.notebook, run.backup) == ("OK", done.fingerprint, "40-upgrade", "")
    assert (run.process, run.role) == (str(os.getpid()), "postgres") and run.tool and run.by.count("@") == 1
    assert run.catalogs == (before, after) and before != after
    assert run.seconds is not None and run.seconds > 0
    first, second = run.revisions
    assert (first.revision, second.revision) == ("a10000000001", "a10000000002")
    assert [one.sha256 for one in run.revisions] == [step.revision.sha256 for step in done.route.steps]
    for one in (first, second):
        ran = "".join(f"{len(each['sql'])}:{each['sql']}" for each in one.statements)
        assert one.sql_sha256 == hashlib.sha256(ran.encode()).hexdigest()
    assert first.count == len(first.statements) > 1
    sql = [one["sql"].split()[:3] for one in first.statements]
    assert ["CREATE", "TABLE", "customer"] in sql
    assert all(one["seconds"] >= 0 for one in first.statements)
    assert "CREATE TABLE customer" in found._repr_mimebundle_()["text/plain"]
    bench.ask("ALTER TABLE alembic_ops.ledger ADD mine text")
    assert fingerprint(bench) == after, "it is no part of the schema"
    (row, *_) = [one for one in bench.target.status().to_dict()["history"] if one["revision"] == "a10000000001"]
    assert (row["applied"], row["applied_by"], row["outside"]) == (first.when, run.by, False)


def fingerprint(bench: Bench) -> str:
    with database.connect(bench.target.settings) as connection:
        return snapshot.read(connection, version_table=("public", "alembic_version")).fingerprint


KILLED = """
import os, signal, sys
from ops import targets
def report(line):
    if line.endswith("…") and "a10000000002" in line:
        print("now", flush=True)
        signal.pause()
targets.target("case").upgrade(dry_run=False, report=report)
"""


def test_a_crash_leaves_an_open_intent(set_up: SetUp) -> None:
    bench = set_up("linear")
    process = subprocess.Popen([sys.executable, "-c", KILLED], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "now\n"
    at_work = bench.target.status()
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    mine = "database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    until(lambda: bench.ask(f"SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND {mine}") == [(0,)])

    status = bench.target.status()

    assert (at_work.open_runs, at_work.verdict) == ((), Verdict.OK)
    assert list(at_work.ledger.to_frame()["outcome"]) == ["at work"]
    (run,) = status.open_runs
    assert isinstance(run, OpenRun) and (run.direction, run.wanted, run.ended) == ("up", (LINEAR[-1],), False)
    assert (status.verdict, status.current, status.moved) == (Verdict.ATTENTION, ("a10000000001",), None)
    assert status.history.application("a10000000001") is not None

    bench.target.upgrade(dry_run=False)

    status = bench.target.status()
    assert (status.verdict, status.open_runs) == (Verdict.OK, ())
    assert [one.verdict for one in status.ledger.runs] == ["OK", ""]


def test_a_stamp_of_where_it_is_closes_a_run_that_died(set_up: SetUp) -> None:
    bench = set_up("linear")
    bench.target.upgrade("a10000000002", dry_run=False)
    with database.connect(bench.target.settings) as connection:
        facts = database.facts(connection)
        store = DatabaseStore(bench.target.settings, connection, facts)
        own = Ledger(store, identity=facts.identity, version_table="public.alembic_version")
        own.write("intent", "feed", direction="up", to=["a10000000005"], who=WHO, **{"from": ["a10000000002"]})
        own.close()
    assert bench.target.status().verdict is Verdict.ATTENTION

    done = bench.target.stamp("a10000000002", dry_run=False)
    bench.target.stamp("a10000000002", dry_run=False)

    assert done.route.changes_nothing
    status = bench.target.status()
    assert (status.verdict, status.open_runs) == (Verdict.OK, ())
    assert [one.direction for one in status.ledger.runs] == ["stamp", "up", "up"], "the second one says nothing new"


def test_the_ledgers_connection_may_be_lost_on_the_way(set_up: SetUp) -> None:
    bench = set_up("linear")

    def report(line: str) -> None:
        if line.endswith("…"):
            bench.ask(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND application_name = 'alembic-ops ledger'"
            )

    run = bench.target.upgrade(dry_run=False, report=report)

    assert run.verdict is Verdict.OK
    (found,) = bench.target.ledger().runs
    assert ([one.revision for one in found.revisions], found.verdict) == (LINEAR, "OK")
    assert bench.ask("SELECT array_agg(number ORDER BY id) FROM alembic_ops.ledger") == [(list(range(7)),)]


def test_a_revision_that_cannot_be_put_on_record_is_the_last(set_up: SetUp) -> None:
    bench = set_up("linear")

    def report(line: str) -> None:
        if line.startswith("a10000000002") and line.endswith("…"):
            bench.ask("ALTER TABLE alembic_ops.ledger RENAME TO gone")

    with pytest.raises(OpsError) as raised:
        bench.target.upgrade(dry_run=False, report=report)

    error = raised.value
    assert (error.code, error.changed) == ("ledger", True)
    assert "cannot be written" in error.problem and "The database is at a10000000002." in error.problem
    assert "The outcome could not be put on record" in error.problem
    assert bench.current == ["a10000000002"]
    assert bench.ask("SELECT kind FROM alembic_ops.gone ORDER BY id") == [("intent",), ("revision",)]


def test_an_outcome_that_cannot_be_put_on_record_is_told(set_up: SetUp) -> None:
    bench = set_up("linear")

    def report(line: str) -> None:
        if line.startswith(LINEAR[-1]) and not line.endswith("…"):
            bench.ask("ALTER TABLE alembic_ops.ledger RENAME TO gone")

    with pytest.raises(OpsError, match="All that was asked for is done") as raised:
        bench.target.upgrade(dry_run=False, report=report)

    assert (raised.value.code, raised.value.changed) == ("ledger", True)
    assert bench.current == LINEAR[-1:]
    assert len(bench.ask("SELECT 1 FROM alembic_ops.gone WHERE kind = 'revision'")) == 5


def test_a_password_in_a_migration_is_not_put_on_record(set_up: SetUp, make_role: MakeRole) -> None:
    role = make_role("pl4nted-s3cret")
    bench = set_up("linear", url=role.url())
    line = "op.execute(\"SELECT 'pl4nted-s3cret', 'password=0ther-s3cret'\")\n    op.create_table("
    rewrite(bench, "a10000000001", "op.create_table(", line)

    bench.target.upgrade(dry_run=False)

    [(rows,)] = role.ask("SELECT string_agg(l::text, '') FROM alembic_ops.ledger l")
    assert "SELECT '***'" in rows
    assert "pl4nted" not in rows and "0ther" not in rows


# -- what others did --------------------------------------------------------------------------------


def alembic(bench: Bench, *arguments: str, code: int = 0) -> str:
    """The plain command, past this toolkit; returns what it said."""
    config = bench.project / "alembic.ini"
    text = config.read_text()
    if "sqlalchemy.url" not in text:
        config.write_text(text.replace("[alembic]", f"[alembic]\nsqlalchemy.url = {bench.url.replace('%', '%%')}", 1))
    done = subprocess.run([ALEMBIC, "-c", config, *arguments], cwd=bench.project, capture_output=True, text=True)
    assert done.returncode == code, done.stderr
    return done.stdout + done.stderr


def test_a_database_that_nobody_operated_on_is_no_alarm(set_up: SetUp) -> None:
    bench = set_up("linear")
    alembic(bench, "upgrade", "a10000000002")

    status = bench.target.status()

    assert (status.verdict, status.moved, status.history.outside) == (Verdict.OK, None, frozenset())
    assert "no run is on record" in str(status.view())
    assert bench.ask("SELECT to_regnamespace('alembic_ops')") == [(None,)], "looking makes nothing"


def test_what_plain_alembic_did_meanwhile(set_up: SetUp) -> None:
    bench = set_up("linear")
    bench.target.upgrade("a10000000001", dry_run=False)
    alembic(bench, "upgrade", "a10000000003")

    status = bench.target.status()

    assert (status.verdict, status.moved) == (Verdict.ATTENTION, ("a10000000001",))
    (finding,) = status.findings
    assert "left it at a10000000001, and now it is at a10000000003 (applied a10000000002, a10000000003)" in finding
    by = {row[0]: row[4] for row in status.history.table().rows}
    assert by["a10000000002"] == by["a10000000003"] == "not on record"
    assert "@" in str(by["a10000000001"]) and by["a10000000004"] is None

    bench.target.upgrade("a10000000004", dry_run=False)
    alembic(bench, "downgrade", "a10000000003")

    status = bench.target.status()
    assert status.history.outside == {"a10000000002", "a10000000003"}, "that stays on record"
    assert "(undone a10000000004)" in status.findings[0]

    bench.target.stamp("a10000000003", dry_run=False)

    assert bench.target.status().verdict is Verdict.OK


def test_a_file_that_was_edited_and_one_that_is_gone(set_up: SetUp) -> None:
    bench = set_up("linear")
    bench.target.upgrade("a10000000003", dry_run=False)
    rewrite(bench, "a10000000001", "upgrade():", "upgrade():\n    # changed my mind")
    rewrite(bench, "a10000000003", '"a10000000002"', '"a10000000001"')
    bench.version_file("a10000000002").unlink()

    status = bench.target.status()

    assert status.verdict is Verdict.ATTENTION
    assert (status.edited, status.missing) == (("a10000000001", "a10000000003"), ("a10000000002",))
    assert any("a10000000002 was applied" in one and "no version file has it" in one for one in status.findings)
    assert status.to_dict()["missing"] == ["a10000000002"]
    edited = {one["revision"]: one["edited"] for one in status.to_dict()["history"]}
    assert edited["a10000000001"] and not edited["a10000000004"]


def test_records_of_the_file_are_not_lost_when_a_target_moves(set_up: SetUp) -> None:
    bench = set_up("linear", ledger="file")
    bench.target.upgrade("a10000000001", dry_run=False)
    (bench.home / "ops.ini").write_text((bench.home / "ops.ini").read_text().replace("ledger = file\n", ""))
    moved = targets.target("case")

    moved.upgrade("a10000000002", dry_run=False)
    rewrite(bench, "a10000000001", "upgrade():", "upgrade():\n    # changed my mind")

    status = moved.status()
    assert [one.wanted for one in status.ledger.runs] == [("a10000000002",), ("a10000000001",)]
    assert (status.edited, status.moved) == (("a10000000001",), None)
    assert bench.ask("SELECT count(*) FROM alembic_ops.ledger WHERE kind = 'intent'") == [(1,)]

    (bench.home / "ops.ini").write_text((bench.home / "ops.ini").read_text() + "ledger = file\n")
    back = targets.target("case").ledger()
    assert "This target has `ledger = file`" in " ".join(back.notes)


def test_nobody_drafts_the_ledger_away(set_up: SetUp) -> None:
    bench = set_up("schemas")
    bench.target.upgrade(dry_run=False)
    assert bench.ask("SELECT count(*) > 0 FROM alembic_ops.ledger") == [(True,)]

    draft = bench.target.new_revision("nothing new")

    assert draft.empty and "alembic_ops" not in draft.content


def test_plain_alembic_check_is_told_of_the_ledger_as_its_page_says(set_up: SetUp) -> None:
    bench = set_up("schemas")
    bench.target.upgrade(dry_run=False)
    (snippet,) = (one.text for one in pages.page("docs/changes.md").blocks("python") if "def include_name(" in one.text)
    before = alembic(bench, "check", code=255)

    env = bench.project / "migrations" / "env.py"
    text = env.read_text(encoding="utf-8").replace("options = {", 'options = {\n    "include_name": include_name,')
    env.write_text(snippet + text, encoding="utf-8")

    assert "alembic_ops" in before
    assert "No new upgrade operations detected" in alembic(bench, "check")
