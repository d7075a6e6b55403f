"""Scratch databases on a real server: made, dropped, and collected when their process was killed."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest

from ops import scratch
from ops.embedded import Server
from ops.errors import UsageError

HOLDER = """
import sys
from pathlib import Path
from ops import scratch
with scratch.database(Path(sys.argv[1]), prefix="holder") as url:
    print(url, flush=True)
    sys.stdin.read()
"""


def connect(url: str) -> psycopg2.extensions.connection:
    return psycopg2.connect(url.replace("+psycopg2", ""))


def ask(url: str, query: str) -> list[tuple]:
    with closing(connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchall()


def names(server: Server) -> set[str]:
    return {name for (name,) in ask(server.url(), "SELECT datname FROM pg_database")}


def name_of(url: str) -> str:
    return url.partition("@/")[2].partition("?")[0]


@pytest.fixture
def holder(home: Path):
    """A process that holds a scratch database until its standard input ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, home], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        yield process
        process.kill()


def test_a_scratch_database_is_fresh_and_dropped_afterwards(home: Path, server: Server) -> None:
    with scratch.database(home) as url:
        name = name_of(url)

        assert name.startswith("scratch_")
        assert name in names(server)
        assert ask(url, "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace") == [(0,)]

    assert name not in names(server)
    assert not (server.folder / "scratch" / name).exists()


def test_it_is_dropped_when_its_user_fails_while_still_connected(home: Path, server: Server) -> None:
    with pytest.raises(KeyError), scratch.database(home) as url:
        connection = connect(url)
        raise KeyError("ours")

    assert name_of(url) not in names(server)
    with closing(connection), pytest.raises(psycopg2.OperationalError):
        connection.cursor().execute("SELECT 1")


def test_both_majors_have_scratch_databases(home: Path, server16: Server) -> None:
    with scratch.database(home, major=16) as url:
        assert ask(url, "SHOW server_version_num")[0][0].startswith("16")


def test_what_a_killed_process_left_is_dropped_at_the_next_use(home: Path, server: Server, holder) -> None:
    left = name_of(holder.stdout.readline())
    assert left in names(server)

    holder.kill()
    holder.wait()
    with scratch.database(home):
        assert left not in names(server)


def test_what_a_living_process_uses_is_left_alone(home: Path, server: Server, holder) -> None:
    used = name_of(holder.stdout.readline())

    with scratch.database(home):
        pass

    assert used in names(server)
    holder.stdin.close()
    holder.wait()
    assert used not in names(server)


def test_a_named_database_is_created_once_and_stays(server: Server) -> None:
    with ThreadPoolExecutor(8) as pool:
        urls = set(pool.map(lambda _: scratch.ensure_database(server, "kept"), range(8)))

    assert urls == {server.url("kept")}
    assert ask(server.url("kept"), "SELECT current_database()") == [("kept",)]
    scratch.drop_database(server, "kept")
    assert "kept" not in names(server)
    scratch.drop_database(server, "kept")


@pytest.mark.parametrize("name", ['Tên "lạ"', "a b%20c", "semi; DROP DATABASE postgres", "q?x=1&y", "Z" * 63])
def test_names_are_quoted_in_sql_and_in_urls(server: Server, name: str) -> None:
    url = scratch.ensure_database(server, name)

    assert ask(url, "SELECT current_database()") == [(name,)]
    scratch.drop_database(server, name)
    assert name not in names(server)


NOT_NAMES = {"empty": "", "would be cut": "x" * 64, "too many bytes": "ệ" * 30, "zero byte": "a\0b"}


@pytest.mark.parametrize("name", NOT_NAMES.values(), ids=NOT_NAMES)
def test_names_that_postgresql_would_change_are_refused(server: Server, name: str) -> None:
    with pytest.raises(UsageError):
        scratch.ensure_database(server, name)
    with pytest.raises(UsageError):
        scratch.drop_database(server, name)


@pytest.mark.parametrize("prefix", ["", "Upper", "../x", "a-b", "1a", "x" * 32])
def test_prefixes_that_are_no_short_word_are_refused(server: Server, prefix: str) -> None:
    with pytest.raises(UsageError), scratch.database_on(server, prefix=prefix):
        pass


def test_our_connections_say_who_they_are(server: Server) -> None:
    with closing(scratch.connect(server)) as connection, connection.cursor() as cursor:
        cursor.execute("SHOW application_name")

        assert cursor.fetchone() == ("alembic-ops",)


def test_a_template_that_is_gone_is_told_apart(server: Server) -> None:
    with pytest.raises(scratch.NoTemplateError), scratch.throw_away(server, "test", template="no_such_template"):
        pass


def test_files_that_go_with_databases_are_ours_alone_and_removed(server: Server) -> None:
    with scratch.files(server, "test") as (folder, _):
        (folder / "rows").write_bytes(b"secret")
        mode = folder.stat().st_mode & 0o777

    assert (mode, folder.exists(), (server.folder / "scratch" / folder.name).exists()) == (0o700, False, False)
