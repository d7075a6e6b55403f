"""Our own connections: read-only, set up as asked and read back, and every failure said as what it is."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg2
import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from ops import database, embedded, lock, versiontables
from ops.embedded import binaries, lease
from ops.errors import BusyError, ConnectError, SettingsError
from ops.settings import TargetSettings, project_url
from ops.settings.sections import ProjectSettings
from tests import passwords

guarded, make_role = passwords.guarded, passwords.make_role
MakeRole = Callable[..., passwords.Role]


def settings(url: str, **keys: Any) -> TargetSettings:
    """A target that has a URL and not much else."""
    project = ProjectSettings(config=Path("alembic.ini"))
    return TargetSettings(name="case", source="url", protected=False, project=project, home=Path(), raw_url=url, **keys)


@pytest.fixture(params=[18, 16])
def any_server(request: pytest.FixtureRequest) -> embedded.Server:
    """Each major version that is embedded."""
    return request.getfixturevalue("server" if request.param == 18 else "server16")


SESSION = {
    "application_name": "alembic-ops inspect",
    "default_transaction_read_only": "on",
    "transaction_read_only": "on",
    "statement_timeout": "1min",
    "lock_timeout": "5s",
    "TimeZone": "UTC",
}


def test_a_session_is_what_was_asked_for(make_role: MakeRole) -> None:
    role = make_role()
    # Whatever the role brings along.
    for setting in ("statement_timeout = 0", "lock_timeout = 0", "timezone = 'Asia/Tokyo'", "application_name = 'x'"):
        role.ask(f"ALTER ROLE {role.name} SET {setting}")

    with database.connect(settings(role.url() + "?application_name=mine"), purpose="inspect") as connection:
        found = {name: connection.execute(text(f"SHOW {name}")).scalar() for name in SESSION}
        with pytest.raises(DBAPIError, match="read-only transaction"):
            connection.execute(text("CREATE TABLE t ()"))

    assert found == SESSION


def test_facts_for_an_ordinary_role(make_role: MakeRole) -> None:
    role = make_role()

    with database.connect(settings(role.url())) as connection:
        facts = database.facts(connection)

    assert (facts.role, facts.login, facts.database) == (role.name, role.name, role.database)
    assert facts.major == passwords.MAJOR and facts.primary and not facts.superuser
    assert facts.system_identifier.isdigit()
    assert facts.identity.startswith(f"{facts.system_identifier}/")


def test_facts_where_the_cluster_may_not_be_asked_for_its_identifier(make_role: MakeRole) -> None:
    role = make_role()
    role.ask("REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC")

    with database.connect(settings(role.url())) as connection:
        facts = database.facts(connection)

    assert facts.system_identifier == f"127.0.0.1:{role.server.port}"
    assert facts.role == role.name


def test_facts_on_every_version(any_server: embedded.Server) -> None:
    with database.connect(settings(any_server.url())) as connection:
        facts = database.facts(connection)

    assert facts.major == any_server.major
    assert facts.address == "a local socket"
    assert str(facts).endswith("primary at a local socket · database postgres · role postgres")


def test_the_proof_and_the_lock_need_no_special_right(make_role: MakeRole) -> None:
    role = make_role()

    with (
        database.connect(settings(role.url())) as connection,
        database.connect(settings(role.url())) as other,
    ):
        number = database.take_proof(connection)
        seen = (
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND (classid::bigint << 32) + objid::bigint = :n"
        )
        assert other.execute(text(seen), {"n": number}).scalar() == 1
        with lock.run_lock(connection, "public", "alembic_version", wait=0):
            holder = lock.holder(other, "public", "alembic_version")
            with pytest.raises(BusyError, match=f"backend {holder.pid if holder else '?'} "):
                lock.run_lock(other, "public", "alembic_version", wait=0).__enter__()
            with lock.run_lock(other, "public", "another_table", wait=0):
                pass
        assert lock.holder(other, "public", "alembic_version") is None


def test_the_role_of_the_target_is_taken_on(make_role: MakeRole) -> None:
    role = make_role()
    owner = f"owner_{secrets.token_hex(4)}"
    role.ask(f"CREATE ROLE {owner}")
    try:
        role.ask(f"GRANT {owner} TO {role.name}")
        with database.connect(settings(role.url(), role=owner)) as connection:
            facts = database.facts(connection)
    finally:
        role.ask(f"DROP ROLE {owner}")

    assert (facts.role, facts.login) == (owner, role.name)
    assert f"role {owner} (as {role.name})" in str(facts)


@pytest.mark.parametrize("wanted", ["postgres", "nobody-has-this-role", 'quote"d; DROP TABLE x'])
def test_a_role_that_the_login_may_not_take_on(make_role: MakeRole, wanted: str) -> None:
    role = make_role()

    with (
        pytest.raises(ConnectError, match="the session cannot be set up") as refused,
        database.connect(settings(role.url(), role=wanted)),
    ):
        pass

    assert "Grant the login the role" in refused.value.next_step
    assert refused.value.changed is False


def test_the_login_cancels_what_it_runs_even_under_another_role(make_role: MakeRole) -> None:
    role = make_role()
    owner = f"owner_{secrets.token_hex(4)}"
    role.ask(f"CREATE ROLE {owner}")
    try:
        role.ask(f"GRANT {owner} TO {role.name}")
        said: list[str] = []
        with closing(psycopg2.connect(role.url())) as sleeper:

            def sleep() -> None:
                try:
                    sleeper.cursor().execute("SELECT pg_sleep(60)")
                except psycopg2.Error as error:
                    said.append(error.pgcode or "")

            thread = threading.Thread(target=sleep)
            thread.start()
            with database.connect(settings(role.url(), role=owner)) as connection:
                pid = sleeper.info.backend_pid
                while thread.is_alive():
                    assert database.cancel(connection, pid)
                    thread.join(0.05)
                assert connection.execute(text("SELECT current_user")).scalar() == owner
        assert said == ["57014"]
    finally:
        role.ask(f"DROP ROLE {owner}")


SEARCH_PATHS = {
    "empty": "''",
    "a schema that is missing": "nowhere",
    "the system's schema last": "evil, pg_catalog",
    "a quoted one": '"$user", "a, b"',
}


@pytest.mark.parametrize("path", SEARCH_PATHS.values(), ids=SEARCH_PATHS)
def test_a_strange_search_path_deceives_nobody(make_role: MakeRole, path: str) -> None:
    role = make_role()
    role.ask("CREATE SCHEMA evil")
    role.ask(f"GRANT USAGE ON SCHEMA evil TO {role.name}")
    for table, columns in {
        "pg_roles": "rolname name, rolsuper bool",
        "pg_database": "datname name, oid oid",
        "pg_locks": "locktype text, granted bool, pid int, objsubid int, database oid, classid oid, objid oid",
        "pg_settings": "name text, reset_val text",
    }.items():
        role.ask(f"CREATE TABLE evil.{table} ({columns})")
        role.ask(f"GRANT SELECT ON evil.{table} TO {role.name}")
    role.ask(f"ALTER ROLE {role.name} SET search_path = {path}")

    with database.connect(settings(role.url())) as connection:
        facts = database.facts(connection)
        database.take_proof(connection)
        with lock.run_lock(connection, "public", "alembic_version", wait=0):
            assert lock.holder(connection, "public", "alembic_version") is not None
        assert versiontables.heads(connection, "public", "alembic_version") is None

    assert facts.superuser is False
    assert facts.database_oid > 0


def test_heads(make_role: MakeRole) -> None:
    role = make_role()
    role.ask('CREATE TABLE public."odd ""name" (version_num varchar(32))')
    role.ask("INSERT INTO public.\"odd \"\"name\" VALUES ('b2'), ('a1')")
    role.ask("CREATE TABLE public.other (id int)")

    with database.connect(settings(role.url())) as connection:
        with pytest.raises(ConnectError, match="permission denied") as refused:
            versiontables.heads(connection, "public", 'odd "name')
        role.ask(f'GRANT SELECT ON public."odd ""name" TO {role.name}')
        role.ask(f"GRANT SELECT ON public.other TO {role.name}")
        assert versiontables.heads(connection, "public", 'odd "name') == ("a1", "b2")
        assert versiontables.heads(connection, "nowhere", "alembic_version") is None
        with pytest.raises(ConnectError, match="version_num"):
            versiontables.heads(connection, "public", "other")

    assert refused.value.code == "version-table"
    assert 'Grant the role SELECT on "public"' in refused.value.next_step


def test_a_connection_that_is_lost_is_said_to_be(make_role: MakeRole) -> None:
    role = make_role()

    with (
        pytest.raises(ConnectError, match="the connection was lost: ") as lost,
        database.connect(settings(role.url())) as connection,
        lock.run_lock(connection, "public", "alembic_version", wait=0),
    ):
        pid = connection.execute(text("SELECT pg_backend_pid()")).scalar()
        role.ask("SELECT pg_terminate_backend(%s, 5000)", pid)
        versiontables.heads(connection, "public", "alembic_version")

    assert lost.value.code == "connection-lost"


def test_losing_the_lock_with_its_session_hides_no_other_error(make_role: MakeRole) -> None:
    role = make_role()
    ours = BusyError("What really happened.", next_step="Wait.")

    with (
        pytest.raises(BusyError) as raised,
        database.connect(settings(role.url())) as connection,
        lock.run_lock(connection, "public", "alembic_version", wait=0),
    ):
        pid = connection.execute(text("SELECT pg_backend_pid()")).scalar()
        role.ask("SELECT pg_terminate_backend(%s, 5000)", pid)
        raise ours

    assert raised.value is ours


def test_a_question_that_takes_too_long_is_given_up(make_role: MakeRole) -> None:
    role = make_role()

    with (
        pytest.raises(ConnectError, match="not answered within 1min") as given_up,
        database.connect(settings(role.url())) as connection,
    ):
        connection.execute(text("SET statement_timeout = '50ms'"))
        connection.execute(text("SELECT pg_sleep(60)"))

    assert given_up.value.code == "timeout"


def test_a_server_that_never_answers(make_role: MakeRole) -> None:
    started = time.monotonic()

    with (
        passwords.forwarder(None) as port,
        pytest.raises(ConnectError, match=r"timeout expired") as refused,
        database.connect(settings(f"postgresql://me:pw@127.0.0.1:{port}/d?connect_timeout=2")),
    ):
        pass

    assert "nobody answered in time" in refused.value.next_step
    assert time.monotonic() - started < database.CONNECT_SECONDS, "the URL's own limit is the shorter one"


def test_a_server_that_is_shutting_down(home: Path) -> None:
    server = lease.start(home / ".ops" / f"ending-{os.getpid()}", major=18, bin_dir=binaries.folder_of(18))
    postmaster = int((server.folder / "data" / "postmaster.pid").read_text().splitlines()[0])

    with closing(psycopg2.connect(server.url().replace("+psycopg2", ""))):  # a session that it waits for
        os.kill(postmaster, signal.SIGTERM)
        problem = ""
        while "shutting down" not in problem:
            with pytest.raises(ConnectError) as refused, database.connect(settings(server.url())):
                time.sleep(0.01)
                raise ConnectError("not yet", next_step="")
            problem = refused.value.problem

    assert refused.value.next_step == "The server is being stopped; run this again when it is up."


REACHED = {  # by which URL, and by which driver the project is to reach the database
    "TCP, psycopg2": ("{tcp}", None),
    "TCP, asyncpg": ("{tcp}", "asyncpg"),
    "asyncpg's own words": ("{asyncpg}?ssl=disable&prepared_statement_cache_size=0", None),
    "libpq's options for asyncpg": ("{tcp}?sslmode=disable&application_name=shop&connect_timeout=5", "asyncpg"),
    "the second of two hosts": ("{two}", None),
    "socket": ("{socket}", None),
    "socket, asyncpg": ("{socket}", "asyncpg"),
    "socket in the host, asyncpg": ("{socket_host}", "asyncpg"),
}


@pytest.mark.parametrize(("template", "driver"), REACHED.values(), ids=REACHED)
def test_both_urls_reach_the_database(make_role: MakeRole, template: str, driver: str | None) -> None:
    role = make_role("p@ss w/ö%rd&'\"\\<x>:9#+")
    login, _, rest = role.url().partition("@")
    folder = quote(str(role.server.server.socket_dir), safe="")
    url = template.format(
        tcp=role.url(),
        asyncpg=role.url().replace("postgresql:", "postgresql+asyncpg:"),
        two=f"{login}@127.0.0.1:1,{rest}",
        socket=f"{login}@/{role.database}?host={folder}&port={lease.PORT}",
        socket_host=f"{login}@{folder}:{lease.PORT}/{role.database}",
    )

    with database.connect(settings(url)) as connection:
        ours = database.facts(connection)
    theirs = who_and_where(project_url(url, driver=driver))

    assert (ours.role, ours.database) == theirs == (role.name, role.database)


def who_and_where(url: str) -> tuple[str, str]:
    """What a project finds at its URL, with its own driver."""
    query = text("SELECT current_user::text, current_database()::text")
    if "+asyncpg" not in url:
        engine = create_engine(url, poolclass=NullPool)
        with engine.connect() as connection:
            return tuple(connection.execute(query).one())  # type: ignore[return-value]

    async def ask() -> tuple[str, str]:
        async with create_async_engine(url, poolclass=NullPool).connect() as connection:
            return tuple((await connection.execute(query)).one())  # type: ignore[return-value]

    return asyncio.run(ask())


def test_ports_that_do_not_fit_the_hosts(server: embedded.Server) -> None:
    with (
        pytest.raises(SettingsError, match="is not a database URL"),
        database.connect(settings("postgresql://me@/d?host=a,b,c&port=1,2")),
    ):
        pass


class Pooler:
    """Two servers' sessions behind one: what was set on one is not there on the next."""

    def __init__(self, connections: list[Any]) -> None:
        self.connections = connections
        self.turn = 0

    def execute(self, *arguments: Any) -> Any:
        self.turn += 1
        return self.connections[self.turn % 2].execute(*arguments)


def test_a_pooler_that_shares_connections_is_noticed(server: embedded.Server) -> None:
    target = settings(server.url())

    with database.connect(target) as one, database.connect(replace(target, name="other")) as other:
        with pytest.raises(ConnectError, match="went to another server process") as refused:
            database._set_up(Pooler([one, other]), target, "read", database._SESSION)  # type: ignore[arg-type]

        assert "pooler" in refused.value.next_step
        one.execute(text("SET lock_timeout = 0"))
        with pytest.raises(ConnectError, match=r"lock_timeout is '0', the next statement"):
            database._set_up(Pooler([one, other]), target, "read", database._SESSION)  # type: ignore[arg-type]
