"""Databases that are turned into each other by what a remedy says."""

from __future__ import annotations

import ast
import contextlib
import itertools
import secrets
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg2
import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations

from ops import embedded
from ops.catalog import Catalog, diff
from ops.catalog.snapshot import Plans, read
from ops.remedy import Remedy, script
from tests.database import remedy_cases as cases


class Copies:
    """Databases on one server, copies of each other; each keeps its connections, as new ones are slow at first."""

    def __init__(self, server: embedded.Server) -> None:
        self.server = server
        self.admin = sa.create_engine(server.url("postgres"), isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
        self.mark = f"remedy_{secrets.token_hex(4)}"
        self.numbers = itertools.count()
        self.spare: dict[str, list[str]] = {}
        self.catalogs: dict[str, Catalog] = {}
        self.states: dict[str, Catalog] = {}
        self.spoiled: set[str] = set()
        self.names: list[str] = []
        self.engines: dict[str, sa.Engine] = {}
        self.plans: weakref.WeakKeyDictionary[object, Plans] = weakref.WeakKeyDictionary()

    def create(self, template: str = "template0") -> str:
        """Return the name of a new copy."""
        self.close(template)
        name = f"{self.mark}_{next(self.numbers)}"
        with self.admin.connect() as connection:
            connection.exec_driver_sql(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY WAL_LOG')
        self.names.append(name)
        return name

    def engine(self, name: str) -> sa.Engine:
        """Return the engine of a database."""
        if name not in self.engines:
            options = "-c client_min_messages=error -c synchronous_commit=off -c jit=off"
            self.engines[name] = sa.create_engine(
                self.server.url(name), connect_args={"options": options}, pool_size=1, max_overflow=0
            )
        return self.engines[name]

    def close(self, name: str) -> None:
        """Give up the connections to a database."""
        if name in self.engines:
            self.engines.pop(name).dispose()

    def end(self) -> None:
        """Drop everything."""
        for name in self.names:
            self.close(name)
            with self.admin.connect() as connection:
                connection.exec_driver_sql(f'DROP DATABASE "{name}" WITH (FORCE)')

    @contextmanager
    def connection(self, name: str) -> Iterator[sa.Connection]:
        """Yield a connection in autocommit mode."""
        with self.engine(name).connect() as connection:
            yield connection.execution_options(isolation_level="AUTOCOMMIT")

    def run(self, name: str, *statements: str) -> None:
        """Run statements."""
        with self.connection(name) as connection:
            for one in statements:
                execute(connection, one)

    def after(self, name: str, *statements: str) -> Catalog:
        """Run statements, and return what the catalog is then."""
        if statements:
            self.run(name, *statements)
            self.states[name] = self.read(name)
        return self.states[name]

    def read(self, name: str) -> Catalog:
        """Return the catalog."""
        with self.connection(name) as connection:
            return read(connection, plans=self.plans.setdefault(connection.connection.driver_connection, Plans()))


def execute(connection: sa.Connection, sql: str) -> None:
    """Run one statement with nothing in it taken for a parameter."""
    driver = connection.connection.driver_connection
    assert driver is not None
    with driver.cursor() as cursor:
        cursor.execute(sql)


def by_sql(copies: Copies, name: str, remedy: Remedy) -> None:
    """Run the statements with a search path that finds nothing."""
    with copies.connection(name) as connection:
        execute(connection, "SET search_path = ''")
        try:
            for one in remedy.sql:
                try:
                    execute(connection, one)
                except psycopg2.Error as error:
                    raise AssertionError(f"{error}\n--\n{one}\n-- of --\n" + ";\n".join(remedy.sql)) from error
        finally:
            execute(connection, "RESET search_path")


def by_alembic(copies: Copies, name: str, remedy: Remedy) -> None:
    """Run the operations in one transaction, as a revision runs them."""
    ast.parse(remedy.alembic)
    with copies.engine(name).connect() as connection:
        context = MigrationContext.configure(connection, opts={"transaction_per_migration": True})
        with Operations.context(context) as op, context.begin_transaction(_per_migration=True):
            try:
                exec(compile(remedy.alembic, "upgrade", "exec"), {"op": op, "sa": sa})
            except (sa.exc.SQLAlchemyError, LookupError) as error:
                raise AssertionError(f"{error}\n--\n{remedy.alembic}") from error


def copies_on(server: embedded.Server) -> Copies:
    made = Copies(server)
    with made.admin.connect() as connection:
        for role in cases.ROLES:
            with contextlib.suppress(psycopg2.Error):
                execute(connection, f"CREATE ROLE {role}")
    return made


Apply = Callable[[Copies, str, Remedy], None]


def show(first: Catalog, second: Catalog) -> str:
    return "\n".join(f"{one.action} {one.kind} {one.object} {one.details}" for one in diff(first, second))


def go(copies: Copies, name: str, first: Catalog, second: Catalog, apply: Apply) -> None:
    """Turn a database from the first into the second."""
    remedy = script(diff(first, second), first, second)
    assert remedy.complete, remedy.why
    apply(copies, name, remedy)
    left = show(copies.read(name), second)
    copies.states[name] = second
    assert not left, left + "\n--\n" + (";\n".join(remedy.sql) if apply is by_sql else remedy.alembic)
