"""Databases whose catalogs are compared: prepared once for all workers' rows, each row undone again."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any

import psycopg2
from psycopg2 import sql

from ops import embedded, scratch
from ops.catalog import Catalog, Difference, snapshot
from ops.embedded import lease
from tests.database import mutations

_numbers = itertools.count()


def connect(server: embedded.Server, name: str, *, user: str = "postgres") -> Any:
    """Return a connection of the test's own to a database."""
    return psycopg2.connect(host=os.fspath(server.socket_dir), port=lease.PORT, dbname=name, user=user)


def run(server: embedded.Server, name: str, *statements: str) -> None:
    """Run statements in a database, one by one, each for itself."""
    with closing(connect(server, name)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        for statement in statements:
            cursor.execute(statement)


@contextmanager
def database(server: embedded.Server, *statements: str, template: str = "template0") -> Iterator[str]:
    """Yield the name of a database in which statements were run; it is dropped afterwards."""
    name = f"catalog_{os.getpid()}_{next(_numbers)}"
    copy = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
    with closing(connect(server, "postgres")) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute(mutations.ROLES)
        cursor.execute(copy)
    try:
        run(server, name, *statements)
        yield name
    finally:
        scratch.drop_database(server, name)


def read(server: embedded.Server, name: str, *, user: str = "postgres") -> Catalog:
    """Return the catalog of a database, in a snapshot of its own."""
    with closing(connect(server, name, user=user)) as connection:
        connection.autocommit = True
        return snapshot.of_driver(connection)


class Bench:
    """One database with all kinds of objects, in which each row runs inside of a transaction that is undone."""

    def __init__(self, server: embedded.Server, name: str) -> None:
        self.server = server
        self.name = name
        self.connection = connect(server, name)
        self.plans = snapshot.Plans()
        with self.connection.cursor() as cursor:
            self.base = snapshot.within(cursor, plans=self.plans)
        self.connection.rollback()

    def catalogs(self, *steps: str) -> list[Catalog]:
        """Return the catalog after each step."""
        found = []
        try:
            with self.connection.cursor() as cursor:
                for step in steps:
                    cursor.execute(f"{mutations.PATH}; {step}")
                    cursor.execute("SAVEPOINT before_reading")
                    found.append(snapshot.within(cursor, plans=self.plans))
                    cursor.execute("ROLLBACK TO before_reading")
        finally:
            self.connection.rollback()
        return found


def told(differences: Sequence[Difference]) -> list[tuple[str, str, str]]:
    """Return what is told, sorted."""
    return sorted((one.action, one.kind, one.object) for one in differences)


def sorted_differences(differences: Sequence[Difference]) -> list[Difference]:
    """Return differences in an order that is the same both ways."""
    return sorted(differences, key=lambda one: (one.action, one.kind, one.object))
