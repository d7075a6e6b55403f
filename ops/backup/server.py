"""The server of a target, as a place where a backup becomes a database again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ops import programs, scratch
from ops.addressed import Addressed, at
from ops.dumps import Dump
from ops.errors import ConnectError, OpsError, first_line
from ops.settings import TargetSettings

_MAINTENANCE = ("postgres", "template1")
_FACTS = """
    SELECT pg_catalog.current_setting('server_version_num')::int, rolname::text, rolsuper, rolsuper OR rolcreatedb,
           pg_catalog.pg_is_in_recovery()
    FROM pg_catalog.pg_roles WHERE rolname = current_user
"""
_PROVIDERS = {"c": "libc", "i": "icu", "b": "builtin"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Server(Addressed):
    """A server on which databases are made and renamed; nothing there is thrown away.

    `role` is whose the new ones are.
    """

    login: str = ""
    superuser: bool = False
    may_create: bool = False
    is_replica: bool = False
    role: str | None = None

    @property
    def maintenance(self) -> str:
        """A database that is always there."""
        return str(self.address.database)

    @property
    def bin_dir(self) -> Path:
        """Programs that can speak with it."""
        return programs.folder_for(self.major)

    @property
    def label(self) -> str:
        """What it is called in a sentence."""
        return f"the server at {self.where}"

    @property
    def advice(self) -> str:
        """What to do when it does not answer."""
        return "Check that the server runs, and lets this login into the database."

    def ask(self, query: str, values: Mapping[str, object] | None = None) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        with closing(scratch.connect(self)) as connection, connection.cursor() as cursor:
            cursor.execute(query, values)
            return cursor.fetchall() if cursor.description else []

    def names(self) -> frozenset[str]:
        """Return the names of its databases."""
        return frozenset(name for (name,) in self.ask("SELECT datname FROM pg_catalog.pg_database"))

    @contextmanager
    def session(self) -> Iterator[Any]:
        """Yield a cursor that commits each statement, as whoever owns the databases there."""
        from psycopg2 import sql

        with closing(scratch.connect(self)) as connection, connection.cursor() as cursor:
            if self.role:
                cursor.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(self.role)))
            yield cursor

    def create(self, name: str, dump: Dump, note: str) -> None:
        """Create an empty database with the encoding and the locale of one that was dumped.

        Raises
        ------
        OpsError
            The server refuses: it has no such locale, or no rights for us.
        """
        import psycopg2
        from psycopg2 import sql

        try:
            with self.session() as cursor:
                made = sql.SQL("CREATE DATABASE {} TEMPLATE template0 ").format(sql.Identifier(name))
                cursor.execute(made + sql.SQL(" ").join(_locale(dump)))
                comment = sql.SQL("COMMENT ON DATABASE {} IS {}")
                cursor.execute(comment.format(sql.Identifier(name), sql.Literal(note)))
        except psycopg2.Error as error:
            raise OpsError(
                f"The database {name!r} cannot be created on {self.label}: {first_line(error)}.",
                next_step="Let the login create databases there (ALTER ROLE ... CREATEDB), or give the server what is "
                "named.",
                code="restore",
            ) from None

    def drop(self, name: str) -> None:
        """Drop a database that was being restored."""
        scratch.drop_database(self, name)


def of(settings: TargetSettings) -> Server:
    """Return the server of a target, whose own database may be gone.

    Raises
    ------
    ConnectError
        It does not answer, or lets us into none of the databases that are always there.
    """
    url = settings.database.url
    own = str(url.database or url.query.get("dbname") or url.username or "")
    problem: ConnectError | None = None
    for maintenance in (*_MAINTENANCE, own):
        server = Server(address=at(url, maintenance), folder=settings.home / ".ops", role=settings.role)
        try:
            with server.session() as cursor:
                cursor.execute(_FACTS)
                version, login, superuser, may_create, is_replica = cursor.fetchone()
        except ConnectError as error:
            problem = problem or error
            continue
        return replace(
            server, major=version // 10000, login=login, superuser=superuser, may_create=may_create,
            is_replica=is_replica,
        )  # fmt: skip
    assert problem is not None
    raise problem


def _locale(dump: Dump) -> Iterator[Any]:
    from psycopg2 import sql

    found = dump.locale
    options = {"ENCODING": dump.encoding, "LC_COLLATE": found.get("datcollate"), "LC_CTYPE": found.get("datctype")}
    provider = found.get("datlocprovider") or "c"
    own = found.get("datlocale") or found.get("daticulocale")
    if provider != "c":
        options["LOCALE_PROVIDER"] = _PROVIDERS.get(provider, provider)
        options["ICU_LOCALE" if provider == "i" else "BUILTIN_LOCALE"] = own
        options["ICU_RULES"] = found.get("daticurules")
    for word, value in options.items():
        if value:
            yield sql.SQL(f"{word} = ") + sql.Literal(value)
