"""A server that cannot be reached, and roles that may not do what is asked: said as what it is, and nothing changed."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from ops import errors
from ops.values import Verdict
from tests import passwords

guarded, make_role = passwords.guarded, passwords.make_role
MakeRole = Callable[..., passwords.Role]


# -- a server that cannot be reached ----------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Ground:
    """Where the URLs of the next table come from."""

    embedded: str
    role: passwords.Role
    no_login: passwords.Role


UNREACHABLE: dict[str, tuple[Callable[[Ground], str], str, str]] = {
    "port closed": (
        lambda g: "postgresql://me:pl4nted-pw@127.0.0.1:1/shop",
        "Connection refused",
        "Start the server",
    ),
    "socket missing": (
        lambda g: "postgresql://me@/shop?host=/nowhere/at/all",
        "No such file or directory",
        "check the socket folder",
    ),
    "wrong password": (
        lambda g: g.role.url(password="pl4nted-pw"),
        "password authentication failed for user",
        "Check user and password",
    ),
    "no password": (lambda g: g.role.url(password=""), "no password supplied", "~/.pgpass"),
    "unknown role, with a password": (
        lambda g: g.role.url(name="nobody", password="pl4nted-pw"),
        'password authentication failed for user "nobody"',
        "Check user and password",
    ),
    "unknown role": (
        lambda g: g.embedded.replace("postgres@", "nobody@"),
        'role "nobody" does not exist',
        "Check the name in the URL",
    ),
    "unknown database": (
        lambda g: g.role.url(database="no-such-database"),
        'database "no-such-database" does not exist',
        "Check the name in the URL",
    ),
    "a role that may not log in": (lambda g: g.no_login.url(), "is not permitted to log in", "may log in"),
    "an option that libpq refuses": (
        lambda g: f"{g.role.url()}?sslmode=sideways",
        "invalid sslmode value",
        "Correct that option",
    ),
    "TLS from a server that has none": (
        lambda g: f"{g.role.url()}?sslmode=require",
        "server does not support SSL",
        "Check sslmode",
    ),
    "a service that nobody defined": (
        lambda g: "postgresql:///?service=no-such-service",
        'definition of service "no-such-service" not found',
        "pg_service.conf",
    ),
    "a port that is none": (
        lambda g: "postgresql://me@/shop?host=127.0.0.1&port=99999",
        "invalid port number",
        "Correct",
    ),
}


@pytest.mark.parametrize(("url", "said", "step"), UNREACHABLE.values(), ids=UNREACHABLE)
def test_a_server_that_cannot_be_reached(
    set_up: Callable[..., Any],
    make_role: MakeRole,
    database: str,
    monkeypatch: pytest.MonkeyPatch,
    url: Callable[[Ground], str],
    said: str,
    step: str,
) -> None:
    monkeypatch.setenv("PGPASSFILE", "/dev/null")
    ground = Ground(embedded=database, role=make_role(), no_login=make_role(options="NOLOGIN"))
    bench = set_up("linear", url=url(ground))

    for act in (bench.target.status, lambda: bench.target.upgrade("head", dry_run=False)):
        with pytest.raises(errors.ConnectError) as refused:
            act()
        error = refused.value
        assert said in error.problem and "Target 'case'" in error.problem
        assert step in error.next_step
        assert (error.exit_code, error.verdict, error.changed) == (1, Verdict.FAILED, False)
        assert "pl4nted" not in str(error) and ground.role.password not in str(error)
    assert not (bench.home / ".ops" / "ledger").exists()


# -- roles that may only read -----------------------------------------------------------------------

READERS = {
    "SELECT only": ((), "may not INSERT, UPDATE, DELETE on the version table"),
    "INSERT, no DELETE": (
        ("GRANT INSERT, UPDATE ON alembic_version TO {role}",),
        "may not DELETE on the version table",
    ),
    "may write, but begins read-only": (
        ("GRANT ALL ON alembic_version TO {role}", "ALTER ROLE {role} SET default_transaction_read_only = on"),
        "default_transaction_read_only is on",
    ),
    "the database is read-only": (
        ("GRANT ALL ON alembic_version TO {role}", "ALTER DATABASE {db} SET default_transaction_read_only = on"),
        "default_transaction_read_only is on",
    ),
    "no version table, may not create one": (("DROP TABLE alembic_version",), "may not create the version table"),
    "no schema to create in": (
        ("DROP TABLE alembic_version", "ALTER ROLE {role} SET search_path = ''"),
        "may not create the version table",
    ),
}


@pytest.mark.parametrize(("grants", "said"), READERS.values(), ids=READERS)
def test_a_role_that_may_only_read(
    set_up: Callable[..., Any], make_role: MakeRole, grants: tuple[str, ...], said: str
) -> None:
    role = make_role()
    reader = make_role()
    role.ask("CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY)")
    role.ask("INSERT INTO alembic_version VALUES ('a10000000001')")
    role.ask(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {reader.name}")
    for grant in grants:
        role.ask(grant.format(role=reader.name, db=role.database))
    bench = set_up("linear", url=reader.url(database=role.database))
    before = everything(role)

    status = bench.target.status()
    dry = bench.target.upgrade("head")
    with pytest.raises(errors.RefusedError) as refused:
        bench.target.upgrade("head", dry_run=False)

    error = refused.value
    assert status.verdict is Verdict.OK
    assert said in " ".join(dry.obstacles)
    assert said in error.problem
    assert (error.exit_code, error.verdict, error.changed) == (4, Verdict.REFUSED, False)
    assert error.next_step
    assert everything(role) == before
    assert role.ask("SELECT to_regnamespace('alembic_ops')") == [(None,)]
    assert not (bench.home / ".ops" / "ledger").exists()


def test_a_version_table_that_may_not_be_read(set_up: Callable[..., Any], make_role: MakeRole) -> None:
    role, stranger = make_role(), make_role()
    role.ask("CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY)")
    bench = set_up("linear", url=stranger.url(database=role.database))

    with pytest.raises(errors.ConnectError, match="permission denied for table alembic_version") as refused:
        bench.target.status()

    assert refused.value.code == "version-table"
    assert "Grant the role SELECT" in refused.value.next_step


def test_objects_belong_to_the_role_that_the_target_names(set_up: Callable[..., Any], make_role: MakeRole) -> None:
    role = make_role()
    owner = f"owner_{secrets.token_hex(4)}"
    role.ask(f"CREATE ROLE {owner}")
    try:
        role.ask(f"GRANT {owner} TO {role.name}")
        role.ask(f"GRANT CREATE ON SCHEMA public TO {owner}")
        role.ask(f"GRANT CREATE ON DATABASE {role.database} TO {owner}")
        bench = set_up("linear", url=role.url(), role=owner)

        run = bench.target.upgrade("head", dry_run=False)

        assert run.verdict is Verdict.OK
        owners = role.ask("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'")
        assert owners == [(owner,)]
    finally:
        role.ask(f"DROP OWNED BY {owner}")
        role.ask(f"DROP ROLE {owner}")


def everything(role: passwords.Role) -> list[tuple[Any, ...]]:
    """Every relation of a database, with its columns and its number of rows written so far."""
    return role.ask(
        "SELECT c.oid, c.relname, c.relkind, array_agg(a.attname::text ORDER BY a.attnum), pg_relation_size(c.oid)"
        " FROM pg_class c LEFT JOIN pg_attribute a ON a.attrelid = c.oid"
        " WHERE c.relnamespace = 'public'::regnamespace GROUP BY c.oid ORDER BY c.oid"
    )
