"""Copies of the shop, filled or empty, for one case each: built once on a server, then copied by the server itself."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import psycopg2
from psycopg2 import errors, sql

from ops import embedded, scratch
from ops.embedded import lease
from tests.hazards import corpus

_numbers = itertools.count()

# Quicker than another database, whose creation waits for the disk.
_NOTHING = """
    SET LOCAL client_min_messages = warning;
    DROP SCHEMA IF EXISTS shop, archive CASCADE;
    DROP TABLE IF EXISTS public.alembic_version;
    DROP PUBLICATION IF EXISTS shop;
    DROP ACCESS METHOD IF EXISTS shop;
    DROP EXTENSION IF EXISTS citext CASCADE
"""


class Copies:
    """The shops on one server. `close` drops what was built."""

    def __init__(self, server: embedded.Server) -> None:
        self.server = server
        self.major = server.major
        self._prefix = f"shop_{os.getpid()}"
        self._built: list[str] = []
        with closing(self.connect("postgres")) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT name FROM pg_available_extensions")
            self.extensions = frozenset(name for (name,) in cursor.fetchall())
            put_up_shelf(cursor)

    def connect(self, database: str) -> Any:
        """Return a connection in autocommit mode to a database, which one has to close."""
        connection = psycopg2.connect(
            host=os.fspath(self.server.socket_dir), port=lease.PORT, user="postgres", dbname=database
        )
        connection.autocommit = True
        return connection

    def opener(self, database: str) -> partial[Any]:
        """Return what opens connections to a database."""
        return partial(self.connect, database)

    @contextmanager
    def copy(self) -> Iterator[str]:
        """Yield the name of a copy of the filled shop; it is dropped afterwards."""
        name = f"{self._prefix}_{next(_numbers)}"
        self._create(name, self._template())
        try:
            yield name
        finally:
            scratch.drop_database(self.server, name)

    def shared(self) -> str:
        """Return the name of a filled shop in which everybody undoes what he does."""
        name = f"{self._prefix}_shared"
        if name not in self._built:
            self._create(name, self._template())
            self._built.append(name)
        return name

    def bare(self) -> str:
        """Return the name of the one shop without a row; it is as new at each call."""
        name = f"{self._prefix}_bare"
        if name not in self._built:
            self._create(name, "template0")
            self._built.append(name)
        with closing(self.connect(name)) as connection, connection.cursor() as cursor:
            cursor.execute(f"BEGIN; {_NOTHING}; {corpus.BASE.read_text(encoding='utf-8')}; COMMIT")
        return name

    def close(self) -> None:
        for name in self._built:
            scratch.drop_database(self.server, name)
        self._built.clear()

    def _template(self) -> str:
        name = f"{self._prefix}_template"
        if name not in self._built:
            self._create(name, "template0")
            self._built.append(name)
            with closing(self.connect(name)) as connection, connection.cursor() as cursor:
                cursor.execute(corpus.BASE.read_text(encoding="utf-8") + corpus.ROWS.read_text(encoding="utf-8"))
        return name

    def _create(self, name: str, template: str) -> None:
        create = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
        # Nothing in it has to survive, and the disk is what all tests wait for.
        hurry = sql.SQL("ALTER DATABASE {} SET synchronous_commit = off").format(sql.Identifier(name))
        with closing(self.connect("postgres")) as connection, connection.cursor() as cursor:
            cursor.execute(create)
            cursor.execute(hurry)


def put_up_shelf(cursor: Any) -> None:
    """See that a server has the tablespace `shelf`; it lies in the server's own folder."""
    cursor.execute("SET allow_in_place_tablespaces = on")
    with suppress(errors.DuplicateObject, errors.UniqueViolation):  # another test worker may be quicker
        cursor.execute("CREATE TABLESPACE shelf LOCATION ''")


def servers(home: Path) -> list[embedded.Server]:
    """Return every server that the machine has to offer: the embedded ones, and the newest of the system."""
    found = [embedded.server(home, major=major) for major in embedded.majors()]
    system = {int(path.parents[1].name): path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/postgres")}
    if system and max(system) not in embedded.majors():
        major = max(system)
        found.append(lease.start(home / ".ops" / f"system-{major}", major=major, bin_dir=system[major]))
    return found
