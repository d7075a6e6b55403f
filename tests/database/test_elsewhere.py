"""A scratch server that a target's section names: it has what the embedded one lacks, and loses nothing."""

from __future__ import annotations

import os
import secrets
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from psycopg2 import sql

from ops import clone, elsewhere, embedded, scratch, targets
from ops.errors import ConnectError, OpsError
from tests import passwords
from tests.database import busy
from tests.database.conftest import Bench, SetUp
from tests.database.drifting import rows
from tests.database.test_clone import cloned, fingerprint, url_of
from tests.database.test_scratch import ask, name_of, names
from tests.database.written import write

guarded, make_role = passwords.guarded, passwords.make_role


@pytest.fixture
def made(set_up: SetUp, system_server: embedded.Server) -> Iterator[Callable[..., Bench]]:
    """Make a fixture project on the system's server, at its head; that server is its scratch server, too."""
    with scratch.database_on(system_server, prefix="elsewhere") as url:

        def make(
            name: str = "linear", *statements: str, scratch_url: str = system_server.url(), upgrade: str = "head"
        ) -> Bench:
            bench = set_up(name, url=url, **({"scratch_url": scratch_url} if scratch_url else {}))
            for statement in statements:
                bench.ask(statement)
            bench.target.upgrade(upgrade, dry_run=False)
            return bench

        yield make


@pytest.fixture
def helper(system_server: embedded.Server) -> Iterator[Callable[[str], str]]:
    """Make a role on the system's server; return its URL."""
    made: list[str] = []

    def make(options: str) -> str:
        name = f"helper_{os.getpid()}_{len(made)}"
        ask_all(system_server, f"CREATE ROLE {name} LOGIN {options}")
        made.append(name)
        return system_server.url().replace("postgres@", f"{name}@", 1)

    yield make
    for name in made:
        drop_databases_of(system_server, name)
        ask_all(system_server, f"DROP ROLE {name}")


def drop_databases_of(server: embedded.Server, role: str) -> None:
    """Drop what a role has left on a server: the templates that are kept there."""
    for (name,) in ask(server.url(), f"SELECT datname FROM pg_database WHERE datdba::regrole::text = '{role}'"):
        scratch.drop_database(server, name)


def ask_all(server: embedded.Server, *statements: str, database: str | None = None) -> None:
    with closing(scratch.connect(server, database)) as connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


# -- what it is for -------------------------------------------------------------------------------------


def test_what_the_embedded_server_lacks_is_copied(made, system_server: embedded.Server) -> None:
    bench = made(
        "linear",
        "CREATE EXTENSION citext",
        "CREATE COLLATION german (provider = icu, locale = 'de')",
        "CREATE TABLE word (one citext PRIMARY KEY, two text COLLATE german, three text COMPRESSION lz4)",
        "ALTER TABLE word ADD CHECK (two > '')",
    )

    with cloned(bench.target.settings) as copy:
        there = url_of(copy)

        assert copy.major == system_server.major
        assert (copy.differences, copy.missing) == ((), ())
        assert fingerprint(copy.settings) == fingerprint(bench.target.settings)
        assert copy.database in names(system_server)
        assert ask(there, "SELECT version_num FROM alembic_version") == [(bench.current[0],)]
        assert ask(there, "SELECT 'A'::citext = 'a'") == [(True,)]

    assert copy.database not in names(system_server)
    with cloned(bench.target.settings) as again:
        assert not again.made


def test_comparisons_use_it(made, system_server: embedded.Server) -> None:
    bench = made("rich")

    found = bench.target.compare(strict=True)
    bench.ask("ALTER TABLE person ADD COLUMN more int")

    assert (rows(found), found.unknown, found.notes) == ([], (), ())
    assert rows(bench.target.compare()) == [("changed-by-hand", "added", "column", "public.person.more")]


def test_plans_are_measured_on_it(made) -> None:
    bench = made("linear", "CREATE EXTENSION citext", upgrade="a10000000004")

    found = bench.target.plan("head")

    assert (found.offline, found.uncertain) == ("", ())
    assert all(one.measured for one in found.statements)
    assert any(one.scans for one in found.statements)


def test_without_it_the_copy_says_what_it_lacks(made) -> None:
    bench = made("linear", "CREATE TABLE word (one text COMPRESSION lz4)", scratch_url="")

    with cloned(bench.target.settings) as copy:
        pass

    assert "without lz4" in copy.missing[0]


def test_a_tablespace_that_it_lacks_makes_a_plan_unknown(
    set_up: SetUp, server: embedded.Server, system_server: embedded.Server
) -> None:
    space = f"rack_{os.getpid()}"
    ask_all(server, "SET allow_in_place_tablespaces = on", f"CREATE TABLESPACE {space} LOCATION ''")
    bench = set_up("linear", scratch_url=system_server.url())
    bench.ask("CREATE TABLE word (id int)")
    write(bench, f"op.execute('CREATE TABLE verb (id int) TABLESPACE {space}')")

    names_it = bench.target.plan()
    bench.ask(f"ALTER TABLE word SET TABLESPACE {space}")
    lies_there = bench.target.plan()

    for plan in (names_it, lies_there):
        assert (plan.verdict, plan.failed) == ("UNKNOWN", "")
        assert any(f"its tablespace {space} is one that the clone's server has not" in one for one in plan.unknown)
        assert [one.code for one in plan.hazards if one.code == "statement-fails"] == []
    assert any(f"The copy is without tablespace {space}" in one for one in lies_there.unknown)
    bench.ask("DROP TABLE word")
    ask_all(server, f"DROP TABLESPACE {space}")


def test_what_cannot_be_restored_is_an_error_that_leads_there(made, system_server: embedded.Server) -> None:
    bench = made("linear", "CREATE COLLATION german (provider = icu, locale = 'de')", scratch_url="")

    with pytest.raises(OpsError) as caught, cloned(bench.target.settings):
        pass

    assert caught.value.code == "clone"
    assert "ICU is not supported in this build" in caught.value.problem
    assert f"Name a PostgreSQL {system_server.major} " in caught.value.next_step
    assert "scratch_url" in caught.value.next_step


def test_another_major_version_there_is_said(set_up: SetUp, system_server: embedded.Server) -> None:
    bench = set_up("linear", scratch_url=system_server.url())
    bench.target.upgrade("head", dry_run=False)

    with cloned(bench.target.settings) as copy:
        first = copy.differences[0]

    assert f"the copy {system_server.major}: locks" in first
    assert copy.major == system_server.major


# -- a copy leads nowhere -------------------------------------------------------------------------------


def test_a_foreign_table_leads_nowhere_in_a_copy(made, system_server: embedded.Server) -> None:
    with scratch.database_on(system_server, prefix="remote") as remote:
        ask_all(system_server, "CREATE TABLE far (id int)", database=name_of(remote))
        bench = made(
            "linear",
            "CREATE EXTENSION postgres_fdw",
            f"CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '{system_server.socket_dir}',"
            f" dbname '{name_of(remote)}')",
            "CREATE USER MAPPING FOR PUBLIC SERVER far OPTIONS (user 'postgres', password 'pl4nted-there')",
            "CREATE FOREIGN TABLE far (id int) SERVER far",
        )

        with cloned(bench.target.settings) as copy:
            with pytest.raises(psycopg2.Error, match="has no handler"):
                ask(url_of(copy), "INSERT INTO far VALUES (1) RETURNING id")
            options = ask(url_of(copy), "SELECT umoptions FROM pg_user_mappings")

        assert ask(remote, "SELECT count(*) FROM far") == [(0,)]
    assert [sorted(one) for (one,) in options] == [["password=***", "user=postgres"]]
    assert copy.differences == (
        "Foreign servers lead nowhere in the copy: a statement that reads or writes a foreign table fails there.",
    )


# -- rights ---------------------------------------------------------------------------------------------


def test_a_login_that_is_no_superuser_makes_copies_of_its_own(made, helper) -> None:
    url = helper("CREATEDB")
    bench = made("linear", scratch_url=url)

    with cloned(bench.target.settings) as copy:
        owners = ask(url_of(copy), "SELECT DISTINCT relowner::regrole::text FROM pg_class WHERE oid >= 16384")

    assert owners == [(copy.settings.role,)]
    assert copy.missing == ()
    assert len(copy.differences) == 1
    assert copy.differences[0].startswith(
        f"Everything in the copy belongs to {copy.settings.role}, who is no superuser"
    )


def test_comparisons_without_roles_compare_owners_by_name(made, helper) -> None:
    bench = made("linear", scratch_url=helper("CREATEDB"))

    found = bench.target.compare()

    assert (rows(found), found.unknown) == ([], ())
    assert "gives us no roles" in found.notes[0]


def test_a_superuser_makes_the_roles_there(
    set_up: SetUp, server: embedded.Server, system_server: embedded.Server
) -> None:
    owner = f'made "there" {os.getpid()}'
    bench = set_up("linear", scratch_url=system_server.url())
    with closing(bench.connect()) as connection, connection.cursor() as cursor:
        statement = "CREATE ROLE {0}; CREATE TABLE one (id int); ALTER TABLE one OWNER TO {0}"
        cursor.execute(sql.SQL(statement).format(sql.Identifier(owner)))

    with cloned(bench.target.settings) as copy:
        (found,) = ask(url_of(copy), "SELECT pg_get_userbyid(relowner) FROM pg_class WHERE relname = 'one'")
        note = ask(url_of(copy), "SELECT rolcanlogin FROM pg_roles WHERE rolname LIKE 'made %'")

    assert found == (owner,)
    assert note == [(False,)]
    ask_all(server, sql.SQL("DROP TABLE one; DROP ROLE {}").format(sql.Identifier(owner)), database=name_of(bench.url))


def test_a_login_that_may_not_create_databases_is_refused(made, helper) -> None:
    bench = made("linear", scratch_url=helper(""))

    with pytest.raises(OpsError) as caught, cloned(bench.target.settings):
        pass

    assert caught.value.code == "clone"
    assert "may not create databases there" in caught.value.problem


def test_a_server_that_is_not_there_is_said(set_up: SetUp, tmp_path: Path) -> None:
    bench = set_up("linear", scratch_url=f"postgresql:///s?host={tmp_path}")

    with pytest.raises(ConnectError) as caught, cloned(bench.target.settings):
        pass

    assert "The scratch server at" in caught.value.problem
    assert "scratch_url" in caught.value.next_step


# -- what is not ours stays -------------------------------------------------------------------------------


def test_only_databases_that_we_made_are_dropped(made, system_server: embedded.Server) -> None:
    bench = made("linear")
    place = elsewhere.named(bench.target.settings)
    assert place is not None
    claims = place.folder / "scratch"
    strange, left = f"strange_{os.getpid()}", f"left_{os.getpid()}"
    with cloned(bench.target.settings):
        pass
    for name in (strange, left):
        ask_all(system_server, f"CREATE DATABASE {name}")
        (claims / name).touch()
    ask_all(system_server, f"COMMENT ON DATABASE {left} IS '{scratch.MARK}'")

    with cloned(bench.target.settings):
        there = names(system_server)

    assert left not in there
    assert strange in there
    assert (claims / strange).exists()
    ask_all(system_server, f"DROP DATABASE {strange}")


def test_what_we_make_there_says_so(made, system_server: embedded.Server) -> None:
    bench = made("linear")

    with cloned(bench.target.settings) as copy:
        comments = ask(
            system_server.url(),
            "SELECT shobj_description(oid, 'pg_database') FROM pg_database"
            f" WHERE datname IN ('{copy.database}', '{copy.template}')",
        )

    assert len(comments) == 2
    assert all(comment.startswith(scratch.MARK) for (comment,) in comments)


# -- passwords --------------------------------------------------------------------------------------------


def test_its_password_appears_nowhere(
    set_up: SetUp, make_role, guarded: passwords.Guarded, monkeypatch: pytest.MonkeyPatch
) -> None:
    planted = f"pl4nted {secrets.token_hex(6)}@/"
    role = make_role(planted, options="LOGIN CREATEDB")
    bench = set_up("linear", scratch_url=role.url())
    bench.target.upgrade("head", dry_run=False)
    commands: list[str] = []
    usual = subprocess.run

    def run(command: list[str], **more: Any) -> Any:
        commands.extend(map(str, command))
        return usual(command, **more)

    monkeypatch.setattr(clone.programs.subprocess, "run", run)

    with cloned(bench.target.settings) as copy:
        shown = [repr(copy), str(copy.settings), *copy.differences]
    file = bench.home / "ops.ini"
    file.write_text(file.read_text().replace(role.url(), role.url(password=planted[::-1])))
    with pytest.raises(ConnectError) as caught, cloned(targets.target("case").settings):
        pass
    drop_databases_of(guarded.server, role.name)

    assert any("psql" in one for one in commands)
    kept = [path.read_bytes() for path in (bench.home / ".ops").rglob("*") if path.is_file()]
    everything = "\n".join([*commands, *shown, str(caught.value), guarded.log.read_text(errors="replace")])
    for secret in (planted, planted[::-1], planted.split()[1], passwords.quote(planted, safe="")):
        assert secret not in everything
        assert not any(secret.encode() in one for one in kept)


@pytest.mark.heavy
def test_a_server_that_has_not_enough_room_for_the_models_is_blamed_and_not_the_models(
    made: Callable[..., Bench], home: Path, system_server: embedded.Server
) -> None:
    few_locks = {"max_locks_per_transaction": "10"}
    major, programs = system_server.major, system_server.bin_dir
    cramped = busy.start(home / ".ops" / "cramped", major=major, bin_dir=programs, options=few_locks)
    bench = made(scratch_url=cramped.url())
    (models,) = bench.project.rglob("shop.py")
    # What asks while it is made shows no statements beforehand, and is made in one transaction: each table is a lock.
    more = (
        "\nimport sqlalchemy\nfor number in range(8000):\n"
        "    sqlalchemy.Table(f'more{number}', Base.metadata, sqlalchemy.Column('id', sqlalchemy.Integer))\n"
        "@sqlalchemy.event.listens_for(Base.metadata, 'before_create')\n"
        "def ask(target, connection, **options):\n"
        "    connection.execute(sqlalchemy.text('SELECT 1')).scalar()\n"
    )
    models.write_text(models.read_text(encoding="utf-8") + more, encoding="utf-8")

    found = bench.target.compare()

    assert found.verdict == "UNKNOWN"
    (said,) = (one for one in found.unknown if "out of shared memory" in one)
    assert said.startswith("The models could not be built")
