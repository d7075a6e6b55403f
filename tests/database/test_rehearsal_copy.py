"""Copies with rows: what they hold, what they leave uncertain, and what they leave behind."""

from __future__ import annotations

import os
import re
import signal
import stat
import subprocess
import sys
import time
from collections import namedtuple
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, suppress
from typing import Any

import psycopg2
import pytest

from ops import database, embedded, scratch, versiontables
from ops.catalog import snapshot
from ops.errors import OpsError, UsageError
from ops.ground import Ground
from ops.rehearsal import copy
from ops.rehearsal.copy import Copy
from ops.settings import TargetSettings
from tests.database.conftest import Bench, SetUp, said_by, until
from tests.database.rows_cases import AFTERWARDS, CONTENTS, SEQUENCES, SHOP
from tests.database.test_scratch import ask

TABLE = ("public", "alembic_version")

STATISTICS = """
    SELECT s.tablename, s.attname, s.inherited, s.null_frac, s.n_distinct, s.most_common_vals::text, s.correlation,
           c.reltuples
    FROM pg_stats s JOIN pg_class c ON c.relname = s.tablename AND c.relnamespace = to_regnamespace(s.schemaname)
    WHERE s.schemaname = 'app' AND c.relkind <> 'm' ORDER BY 1, 2, 3
"""


def made(settings: TargetSettings, **choice: Any) -> AbstractContextManager[Copy]:
    """Return a copy of what a target is now."""
    with database.connect(settings) as connection:
        live = snapshot.read(connection, version_table=TABLE)
        ground = Ground.of(settings, connection, TABLE)
        heads = versiontables.heads(connection, *TABLE) or ()
    return copy.made(settings, ground, live, TABLE, heads, **choice)


def fingerprint(settings: TargetSettings) -> str:
    with database.connect(settings) as connection:
        return snapshot.read(connection, version_table=TABLE).fingerprint


def url_of(one: Copy) -> str:
    return one.settings.database.url.render_as_string(hide_password=False)


def contents(url: str, of: str = CONTENTS) -> dict[str, tuple[Any, ...]]:
    """Return what every table holds, by its name: how many rows, and a hash of them in order."""
    queries = [query for (query,) in ask(url, of)]
    return {name: tuple(rest) for name, *rest in ask(url, " UNION ALL ".join(queries))}


def left(place: scratch.Place) -> list[str]:
    """Return what this process has on a scratch server that is not to stay."""
    mine = re.compile(rf"(copy|sample|dump|filling)_{os.getpid()}_")
    there = [name for (name,) in ask(place.url(), "SELECT datname FROM pg_database")]
    return [one for one in (*there, *(path.name for path in place.folder.glob("files/*"))) if mine.match(one)]


@pytest.fixture(scope="module")
def shop(make_bench: SetUp) -> Bench:
    """A database with rows of every kind; nobody changes it, but for what is put back."""
    bench = make_bench("linear")
    bench.ask(SHOP)
    for statement in AFTERWARDS:
        with pytest.raises(psycopg2.errors.UniqueViolation):
            bench.ask(statement)
    bench.ask("ANALYZE")
    return bench


# -- all rows -----------------------------------------------------------------------------------------------


def test_a_copy_with_all_rows_is_what_is_live_and_gone_afterwards(shop: Bench, scratch_server: embedded.Server) -> None:
    lines: list[str] = []

    with made(shop.target.settings, report=lines.append) as first:
        (folder,) = [one for one in scratch_server.folder.glob("files/*") if f"_{os.getpid()}_" in one.name]
        modes = [stat.S_IMODE(one.lstat().st_mode) & 0o077 for one in (folder, *folder.rglob("*"))]

        assert contents(url_of(first)) == contents(shop.url)
        assert contents(url_of(first), SEQUENCES) == contents(shop.url, SEQUENCES)
        assert ask(url_of(first), "SELECT lo_get(424242)") == ask(shop.url, "SELECT lo_get(424242)")
        assert fingerprint(first.settings) == fingerprint(shop.target.settings)
        assert ask(url_of(first), STATISTICS) == ask(shop.url, STATISTICS) != []
        assert (first.differences, first.missing) == ((), ())

        with pytest.raises(psycopg2.errors.CheckViolation):
            ask(url_of(first), "ALTER TABLE app.rules VALIDATE CONSTRAINT later")
        run(first, "DROP TABLE app.purchase; TRUNCATE app.visit")
        with first.again() as second:
            assert contents(url_of(second)) == contents(shop.url)
            assert fingerprint(second.settings) == fingerprint(shop.target.settings)

    assert modes and set(modes) == {0}
    assert left(scratch_server) == []
    assert any(line.startswith("dump: ") and "iB" in line for line in lines)
    assert any(line.startswith("restore: ") and "iB" in line for line in lines)


def run(one: Copy, statement: str) -> None:
    connection = psycopg2.connect(url_of(one).replace("+psycopg2", ""))
    with connection, connection.cursor() as cursor:
        cursor.execute(statement)
    connection.close()


def test_rows_that_must_not_leave_do_not(shop: Bench, scratch_server: embedded.Server) -> None:
    with made(shop.target.settings, exclude_data="app.secr*, app.visit") as one:
        files = [path.read_bytes() for path in scratch_server.folder.glob(f"files/*_{os.getpid()}_*/**/*.dat")]
        found = contents(url_of(one))
        same = fingerprint(one.settings) == fingerprint(shop.target.settings)

    assert files and not [text for text in files if b"pin-of-" in text or b"a large object" in text]
    empty = {name for name, (count, _) in found.items() if not count}
    assert empty == {"app.secret", "app.visit_2025", "app.visit_2026", "app.per_day"}
    assert same
    assert [one.split(" ", 4)[:4] for one in one.differences] == [
        ["The", "copy", "has", "no"], ["The", "foreign", "key", "holder_secret_id_fkey"],
    ]  # fmt: skip
    assert "app.secret, app.visit, app.visit_2025 and 1 more tables" in one.differences[0]


# -- a sample -----------------------------------------------------------------------------------------------


def test_a_sample_has_so_many_rows_and_those_they_refer_to(shop: Bench, scratch_server: embedded.Server) -> None:
    with made(shop.target.settings, data="sample", rows_per_table=100) as first:
        found, live = contents(url_of(first)), contents(shop.url)
        broken = ask(
            url_of(first),
            "SELECT (SELECT count(*) FROM app.purchase p WHERE NOT EXISTS (SELECT FROM app.customer WHERE id ="
            " p.customer_id)), (SELECT count(*) FROM app.visit v WHERE NOT EXISTS (SELECT FROM app.customer WHERE id ="
            " v.customer_id))",
        )
        sequences = contents(url_of(first), SEQUENCES)
        same = fingerprint(first.settings) == fingerprint(shop.target.settings)
        run(first, "DROP TABLE app.purchase")
        with first.again() as second:
            again = contents(url_of(second))
        differences = first.differences
    with made(shop.target.settings, data="sample", rows_per_table=100) as third:
        repeated = contents(url_of(third))

    small = ("kinds", "odd_part", "animal", "dog", "secret", "holder", "rules", "orphan", 'Odd " Ệ; %s')
    assert {name: found[f"app.{name}"] for name in small} == {name: live[f"app.{name}"] for name in small}
    assert 100 < found["app.customer"][0] < 400, "with those that the others refer to"
    assert 100 <= found["app.purchase"][0] < 200
    assert {found[f"app.visit_{year}"][0] for year in (2025, 2026)} == {100}
    assert found["app.per_day"][0] > 5
    assert broken == [(0, 0)]
    assert sequences == contents(shop.url, SEQUENCES)
    assert same
    assert again == found == repeated
    assert [one.split(" (")[0] for one in differences] == [
        "Of 4 of 13 tables the copy has only some rows",
        "Large objects are not in a sample: what reads one fails in the copy.",
    ]
    assert left(scratch_server) == []


def test_constraints_that_a_sample_breaks_are_named(shop: Bench) -> None:
    shop.ask(
        "CREATE TABLE app.chain (id int PRIMARY KEY, before int REFERENCES app.chain);"
        "INSERT INTO app.chain SELECT n, NULLIF(n - 1, 0) FROM generate_series(1, 1000) AS n; ANALYZE app.chain"
    )
    try:
        with made(shop.target.settings, data="sample", rows_per_table=3, exclude_data="app.secret") as one:
            count = ask(
                url_of(one),
                "SELECT count(*) FROM app.chain c WHERE before IS NOT NULL AND NOT EXISTS (SELECT FROM app.chain p"
                " WHERE p.id = c.before)",
            )[0][0]
            rows = contents(url_of(one))
    finally:
        shop.ask("DROP TABLE app.chain")

    keys = [text for text in one.differences if text.startswith("The foreign key")]
    assert [text.partition(" does")[0] for text in keys] == [
        "The foreign key chain_before_fkey of app.chain",
        "The foreign key holder_secret_id_fkey of app.holder",
    ]
    assert f"where {count} rows refer to no row of app.chain" in keys[0]
    assert "where 2 rows refer to no row of app.secret" in keys[1]
    assert (rows["app.secret"][0], 3 < rows["app.chain"][0] <= 3 + 5 * 3) == (0, True)


# -- no rows ------------------------------------------------------------------------------------------------


def test_a_copy_without_rows_is_a_clone(shop: Bench) -> None:
    with made(shop.target.settings, data="none") as one, one.again() as other:
        found = contents(url_of(one))
        assert found == contents(url_of(other))
        assert one.database != other.database

    assert {count for count, _ in found.values()} == {0}


# -- what stands against it -----------------------------------------------------------------------------------

WRONG = {  #                          choice                                       what is said
    "no such choice of rows":        ({"data": "some"},                            "all, sample, none"),
    "a sample of nothing":           ({"data": "sample", "rows_per_table": 0},     "no sample"),
    "a pattern that means no table": ({"exclude_data": "app.secrets"},             "means no table"),
    "the same of a sample":          ({"data": "sample", "exclude_data": "x.y"},   "means no table"),
}  # fmt: skip


@pytest.mark.parametrize(("choice", "says"), WRONG.values(), ids=WRONG)
def test_what_cannot_be_meant_is_refused(
    shop: Bench, scratch_server: embedded.Server, choice: dict[str, Any], says: str
) -> None:
    with pytest.raises(UsageError) as caught, made(shop.target.settings, **choice):
        pass

    assert says in f"{caught.value}"
    assert left(scratch_server) == []


def test_a_disk_without_room_is_refused_with_the_numbers(
    shop: Bench, scratch_server: embedded.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = namedtuple("disk", "f_bavail f_frsize")
    monkeypatch.setattr("ops.dumps.space.os.statvfs", lambda path: disk(f_bavail=70 * 256, f_frsize=4096))

    with pytest.raises(OpsError) as caught, made(shop.target.settings):
        pass

    assert caught.value.code == "disk"
    assert "70 MiB free, and a dump, and the copy restored from it, may need" in caught.value.problem
    assert left(scratch_server) == []


def test_a_schema_that_is_changed_meanwhile_is_not_taken(
    shop: Bench, scratch_server: embedded.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = copy.dumps.make

    def make(*arguments: Any, **more: Any) -> Any:
        shop.ask("CREATE TABLE app.late (id int)")
        return usual(*arguments, **more)

    monkeypatch.setattr(copy.dumps, "make", make)
    try:
        with pytest.raises(OpsError) as caught, made(shop.target.settings):
            pass
    finally:
        shop.ask("DROP TABLE app.late")

    assert caught.value.code == "busy"
    assert left(scratch_server) == []


HIDDEN = {  #                               choice                                             what is said
    "large objects of others":              ({},                                                "large object 424242"),
    "rows, from a dump":                    ({"exclude_data": "app.holder"},                    "row-level security"),
    "rows, from a sample":                  ({"data": "sample"},                                "row-level security"),
}  # fmt: skip


@pytest.mark.heavy
@pytest.mark.parametrize(("choice", "says"), HIDDEN.values(), ids=HIDDEN)
def test_what_is_hidden_from_the_role_is_not_left_out_silently(
    shop: Bench, scratch_server: embedded.Server, choice: dict[str, Any], says: str
) -> None:
    role = f"hidden_{os.getpid()}"
    shop.ask(f"CREATE ROLE {role} LOGIN; GRANT pg_read_all_data TO {role}")
    try:
        settings = shop.target.settings.with_url(shop.url.replace("postgres@", f"{role}@"))
        with pytest.raises(OpsError) as caught, made(settings, **choice):
            pass
    finally:
        shop.ask(f"DROP OWNED BY {role}; DROP ROLE {role}")

    assert says in caught.value.problem
    assert left(scratch_server) == []


def test_an_error_in_the_rehearsal_leaves_nothing(shop: Bench, scratch_server: embedded.Server) -> None:
    with pytest.raises(ZeroDivisionError), made(shop.target.settings, data="sample", rows_per_table=1):
        raise ZeroDivisionError

    assert left(scratch_server) == []


# -- other servers, other encodings -------------------------------------------------------------------------------

FOLDED = """
CREATE EXTENSION citext;
CREATE TABLE word (one citext PRIMARY KEY, page xml);
INSERT INTO word SELECT 'Word' || n, '<a>&lt;</a>' FROM generate_series(1, 500) AS n;
CREATE TABLE use (one citext REFERENCES word, at int);
INSERT INTO use SELECT upper('word' || 501 - n), n FROM generate_series(1, 500) AS n;
"""


@pytest.mark.heavy
@pytest.mark.parametrize("data", ["all", "sample"])
def test_on_a_server_that_the_section_names(set_up: SetUp, system_server: embedded.Server, data: str) -> None:
    with scratch.database_on(system_server, prefix="test") as url:
        bench = set_up("linear", url=url, scratch_url=system_server.url())
        bench.ask(f"{FOLDED}; ANALYZE")

        with made(bench.target.settings, data=data, rows_per_table=20) as one:
            lost = "SELECT count(*) FROM use u WHERE NOT EXISTS (SELECT FROM word w WHERE w.one = u.one)"
            counts = ask(url_of(one), f"SELECT (SELECT count(*) FROM word), (SELECT count(*) FROM use), ({lost})")
            pages = ask(url_of(one), "SELECT DISTINCT page::text FROM word")
            same = fingerprint(one.settings) == fingerprint(bench.target.settings)

    assert (pages, same, one.missing) == ([("<a>&lt;</a>",)], True, ())
    ((words, uses, broken),) = counts
    assert (words, uses) == (500, 500) if data == "all" else (20 < words <= 40, uses) == (True, 20)
    assert broken == 0, "the operators of a type of an extension's find its values"


@pytest.mark.parametrize("data", ["all", "sample"])
def test_an_older_server_than_the_targets_is_refused(set_up: SetUp, server16: embedded.Server, data: str) -> None:
    bench = set_up("linear", scratch_url=server16.url())

    with (
        pytest.raises(OpsError, match="is PostgreSQL 16, and the target is 18") as caught,
        made(bench.target.settings, data=data),
    ):
        pass

    assert (caught.value.code, caught.value.changed) == ("clone", False)


@pytest.mark.heavy
def test_on_a_server_where_we_are_no_superuser(set_up: SetUp, system_server: embedded.Server) -> None:
    role = f"rehearser_{os.getpid()}"
    run_on(system_server, f"CREATE ROLE {role} LOGIN CREATEDB")
    try:
        helper = system_server.url().replace("postgres@", f"{role}@", 1)
        with scratch.database_on(system_server, prefix="test") as url:
            bench = set_up("linear", url=url, scratch_url=helper)
            bench.ask("CREATE TABLE word (one text PRIMARY KEY); INSERT INTO word VALUES ('a'), ('b')")

            with made(bench.target.settings) as one:
                found = ask(url_of(one), "SELECT one FROM word ORDER BY 1")
            with pytest.raises(OpsError) as caught, made(bench.target.settings, data="sample"):
                pass
    finally:
        query = f"SELECT datname FROM pg_database WHERE datdba::regrole::text = '{role}'"
        for (name,) in ask(system_server.url(), query):
            scratch.drop_database(system_server, name)
        run_on(system_server, f"DROP ROLE {role}")

    assert found == [("a",), ("b",)]
    assert [text for text in one.differences if "no superuser" in text]
    assert "needs a superuser" in caught.value.problem


@pytest.mark.heavy
def test_nothing_leads_out_of_a_copy_and_nobody_asks_elsewhere_for_it(
    set_up: SetUp, system_server: embedded.Server
) -> None:
    seen = "SELECT pg_stat_clear_snapshot(), seq_scan FROM pg_stat_user_tables WHERE relname = 'far'"
    with scratch.database_on(system_server, prefix="test") as url, scratch.database_on(system_server) as remote:
        bench = set_up("linear", url=url, scratch_url=system_server.url())
        at = {"host": system_server.socket_dir, "dbname": remote.partition("@/")[2].partition("?")[0]}
        run_on(system_server, "CREATE TABLE far (id int)", at["dbname"])
        bench.ask(
            "CREATE EXTENSION postgres_fdw; CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw OPTIONS"
            f" (host '{at['host']}', dbname '{at['dbname']}');"
            "CREATE USER MAPPING FOR PUBLIC SERVER far OPTIONS (user 'postgres', password 'pl4nted-there');"
            "CREATE FOREIGN TABLE far (id int) SERVER far; CREATE MATERIALIZED VIEW seen AS SELECT * FROM far"
        )
        # its session has told the statistics by the time that it is gone
        until(lambda: ask(remote, seen)[0][1])
        until(lambda: not others(system_server, at["dbname"]))
        before = ask(remote, seen)[0][1]

        with made(bench.target.settings) as one:
            with pytest.raises(psycopg2.Error, match="has no handler"):
                ask(url_of(one), "SELECT * FROM far")
            options = ask(url_of(one), "SELECT umoptions FROM pg_user_mappings")

        until(lambda: not others(system_server, at["dbname"]))
        assert ask(remote, seen)[0][1] == before
    assert [sorted(each) for (each,) in options] == [["password=***", "user=postgres"]]
    assert [text.partition(" (")[0] for text in one.differences] == [
        "Foreign servers lead nowhere in the copy: a statement that reads or writes a foreign table fails there.",
        "The materialized view public.seen cannot be filled in the copy",
    ]


def others(server: embedded.Server, database: str) -> list[tuple[int]]:
    return ask(server.url(), f"SELECT 1 FROM pg_stat_activity WHERE datname = '{database}' AND pid <> pg_backend_pid()")


def run_on(server: embedded.Server, statement: str, database: str | None = None) -> None:
    with closing(scratch.connect(server, database)) as connection, connection.cursor() as cursor:
        cursor.execute(statement)


ENCODINGS = {"one byte each": ("LATIN1", "\\xe9"), "none at all": ("SQL_ASCII", "\\xff80")}


@pytest.mark.heavy
@pytest.mark.parametrize(("encoding", "written"), ENCODINGS.values(), ids=ENCODINGS)
def test_text_of_another_encoding_stays_what_it_is(
    set_up: SetUp, server: embedded.Server, encoding: str, written: str
) -> None:
    with scratch.throw_away(server, "test", encoding=encoding) as name:
        bench = set_up("linear", url=server.url(name))
        bench.ask("CREATE TABLE word (one text, two varchar(2))")
        bench.ask(f"INSERT INTO word SELECT convert_from('{written}', '{encoding}')")

        with made(bench.target.settings) as one:
            found = ask(url_of(one), f"SELECT convert_to(one, '{encoding}')::text, length(one) FROM word")
        there = ask(server.url(name), f"SELECT convert_to(one, '{encoding}')::text, length(one) FROM word")

    assert found == there
    assert one.differences == ()


# -- a process that is killed -----------------------------------------------------------------------------------

OTHER = """
import sys
from pathlib import Path
from ops import database
from ops.catalog import snapshot
from ops.ground import Ground
from ops.rehearsal import copy
from ops.settings import resolve

settings = resolve("case", Path(sys.argv[1]))
table = ("public", "alembic_version")
with database.connect(settings) as connection:
    live = snapshot.read(connection, version_table=table)
    ground = Ground.of(settings, connection, table)
say = lambda text: print(text, flush=True)
say("begins")
with copy.made(settings, ground, live, table, (), data=sys.argv[2], report=say):
    say("there")
    if sys.argv[3] == "stay":
        sys.stdin.read()
say("gone")
"""


@pytest.fixture
def other(shop: Bench) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start processes that copy the database, and say how far they are."""
    started: list[subprocess.Popen[str]] = []

    def start(data: str = "all", then: str = "leave") -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", OTHER, shop.home, data, then],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        started.append(process)
        return process

    yield start
    for process in started:
        with process, suppress(ProcessLookupError):
            process.kill()


def said(process: subprocess.Popen[str], word: str) -> None:
    """Return when a process has said a line that begins so."""
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith(word):
            return
    raise AssertionError(f"it ended without having said {word!r}")


def is_clean(place: scratch.Place, pid: int) -> bool:
    """Use the server, and return whether what a process had there is gone."""
    with scratch.throw_away(place, "next"):
        names = [name for (name,) in ask(place.url(), "SELECT datname FROM pg_database")]
    names += [path.name for folder in ("files", "scratch") for path in place.folder.glob(f"{folder}/*")]
    return not [one for one in names if f"_{pid}_" in one]


MOMENTS = {"while it is dumped": ("dump: ", "leave"), "when it is there": ("there", "stay")}


@pytest.mark.parametrize(("word", "then"), MOMENTS.values(), ids=MOMENTS)
def test_the_next_use_removes_what_a_killed_process_left(
    shop: Bench, scratch_server: embedded.Server, other: Callable[..., subprocess.Popen[str]], word: str, then: str
) -> None:
    process = other("all", then)
    said(process, word)

    process.kill()
    process.wait()

    # a program that it had started may need an instant to notice
    until(lambda: is_clean(scratch_server, process.pid))


@pytest.mark.heavy
@pytest.mark.parametrize("word", ["dump: ", "restore: ", "sample: "])
def test_one_that_is_interrupted_leaves_nothing_itself(
    shop: Bench, scratch_server: embedded.Server, other: Callable[..., subprocess.Popen[str]], word: str
) -> None:
    process = other("sample" if word == "sample: " else "all", "stay")
    said(process, word)

    process.send_signal(signal.SIGINT)

    assert process.wait(60) != 0
    names = [name for (name,) in ask(scratch_server.url(), "SELECT datname FROM pg_database")]
    names += [path.name for path in scratch_server.folder.glob("files/*")]
    assert [one for one in names if f"_{process.pid}_" in one] == []


@pytest.mark.heavy
def test_it_is_killed_at_ten_moments_spread_over_the_whole(
    shop: Bench, scratch_server: embedded.Server, other: Callable[..., subprocess.Popen[str]]
) -> None:
    whole = other()
    said(whole, "begins")
    began = time.monotonic()
    said(whole, "gone")
    took = time.monotonic() - began

    for moment in range(10):
        process = other()
        said(process, "begins")
        time.sleep(took * (moment + 0.5) / 10)
        process.kill()
        process.wait()
        until(lambda pid=process.pid: is_clean(scratch_server, pid))

    assert contents(shop.url)["app.customer"][0] == 3000


# -- the source is only read ------------------------------------------------------------------------------------

WRITES = re.compile(r"\b(INSERT|UPDATE|DELETE|TRUNCATE|CREATE|ALTER|DROP|GRANT|REVOKE|VACUUM|REINDEX|FROM STDIN)\b")


@pytest.mark.parametrize("data", ["all", pytest.param("sample", marks=pytest.mark.heavy)])
def test_a_role_that_may_only_read_is_enough_and_the_servers_log_shows_it(
    set_up: SetUp, system_server: embedded.Server, data: str
) -> None:
    log = system_server.folder / "server.log"
    with scratch.database_on(system_server, prefix="test") as url:
        bench = set_up("linear", url=url)
        role = f"copier_{os.getpid()}"
        bench.ask(f"{SHOP}; ALTER TABLE app.secret DISABLE ROW LEVEL SECURITY; SELECT lo_unlink(424242)")
        bench.ask(f"CREATE ROLE {role} LOGIN; GRANT pg_read_all_data TO {role}")
        bench.ask(f"ALTER ROLE {role} SET log_statement = 'all'")
        ini = bench.home / "ops.ini"
        ini.write_text(ini.read_text(encoding="utf-8").replace("postgres@", f"{role}@"), encoding="utf-8")
        begin = log.stat().st_size
        settings = bench.target.settings.with_url(url.replace("postgres@", f"{role}@"))

        with made(settings, data=data, rows_per_table=10) as one:
            count = contents(url_of(one))["app.customer"][0]

        statements = said_by(role, log, begin)
        bench.ask(f"DROP OWNED BY {role}; DROP ROLE {role}")
    assert len(statements) > 20
    assert [line for line in statements if WRITES.search(line)] == []
    assert count == 3000 if data == "all" else 10 < count < 200
