"""The corpus as one history, run once on a clone without rows, as the planner does: each case has its own shop."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

import pytest

from ops import database, embedded, scratch, settings
from ops.catalog import Catalog, snapshot
from ops.catalog.names import quoted
from ops.hazards import Hazard, judge
from ops.live import Live, LiveRelation
from ops.observe import Observed, observe
from ops.project.visit import visit
from ops.statement import Lock, Statement
from tests.hazards import copies, corpus

INI = """\
[alembic]
script_location = %(here)s/alembic
path_separator = os

[ops:target:corpus]
url = {url}
protected = false
"""
ENV = """\
from alembic import context
from sqlalchemy import create_engine, pool

with create_engine(context.config.get_main_option("sqlalchemy.url"), poolclass=pool.NullPool).connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
"""
REVISION = """\
from alembic import op

revision = {revision!r}
down_revision = {before!r}


def upgrade():
{body}
"""
GIB = 1 << 30


def extensions(server: embedded.Server) -> frozenset[str]:
    """Return the extensions that a server has to offer."""
    with closing(scratch.connect(server)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT name FROM pg_catalog.pg_available_extensions")
        return frozenset(name for (name,) in cursor.fetchall())


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """What the planner makes of one step: the statement, and its hazards on a large and busy shop."""

    step: corpus.Step
    statement: Statement
    hazards: tuple[Hazard, ...]


def plan(cases: tuple[corpus.Case, ...], server: embedded.Server, home: Path) -> Mapping[str, tuple[Planned, ...]]:
    """Return what the planner makes of each case's steps, by the case's id."""
    with scratch.database_on(server, prefix="corpus") as url:
        shops = {case.id: f"shop_{number:03}" for number, case in enumerate(cases)}
        _build(server, url, cases, shops)
        owners = _write(cases, shops, url, home)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("OPS_HOME", str(home))
            target = settings.resolve("corpus", home)
        with database.connect(target) as connection:
            catalog = snapshot.read(connection)
            version = database.facts(connection).version_number
        with visit(target) as here:
            seen = observe(here, here.resolve("up", "head").steps, "up")
    assert seen.failed is None, seen.failed
    return {id: tuple(found) for id, found in _by_case(seen, owners, catalog, version, shops).items()}


def _build(server: embedded.Server, url: str, cases: tuple[corpus.Case, ...], shops: Mapping[str, str]) -> None:
    from sqlalchemy.engine import make_url

    base = corpus.BASE.read_text(encoding="utf-8")
    with closing(scratch.connect(server, make_url(url).database)) as connection, connection.cursor() as cursor:
        copies.put_up_shelf(cursor)
        for extension in sorted({case.needs for case in cases} - {""}):
            cursor.execute(f"CREATE EXTENSION {extension} SCHEMA public")
        for case in cases:
            cursor.execute(_moved(base, shops[case.id]))
            for step in case.setup:
                cursor.execute(_moved(step.sql, shops[case.id]))


def _write(
    cases: tuple[corpus.Case, ...], shops: Mapping[str, str], url: str, home: Path
) -> Mapping[str, tuple[str, tuple[corpus.Step, ...]]]:
    """Write a revision for each transaction of each case; return case and steps of each."""
    versions = home / "alembic" / "versions"
    versions.mkdir(parents=True)
    (home / "alembic" / "env.py").write_text(ENV, encoding="utf-8")
    (home / "alembic.ini").write_text(INI.format(url=url), encoding="utf-8")
    owners: dict[str, tuple[str, tuple[corpus.Step, ...]]] = {}
    before = None
    for case in cases:
        for steps in _transactions(case.steps):
            revision = f"c{len(owners):011}"
            lines = [f"op.execute({_moved(step.sql, shops[case.id]).replace(':', chr(92) + ':')!r})" for step in steps]
            if not steps[0].transaction:
                lines = ["with op.get_context().autocommit_block():", *(f"    {line}" for line in lines)]
            body = "\n".join(f"    {line}" for line in lines)
            text = REVISION.format(revision=revision, before=before, body=body)
            (versions / f"{revision}.py").write_text(text, encoding="utf-8")
            owners[revision] = (case.id, steps)
            before = revision
    return owners


def _transactions(steps: tuple[corpus.Step, ...]) -> Iterator[tuple[corpus.Step, ...]]:
    for _, group in groupby(steps, key=lambda step: step.transaction or -step.number):
        yield tuple(group)


def _moved(sql: str, shop: str) -> str:
    return re.sub(r"\bshop\b", shop, sql)


def _by_case(
    seen: Observed,
    owners: Mapping[str, tuple[str, tuple[corpus.Step, ...]]],
    catalog: Catalog,
    version: int,
    shops: Mapping[str, str],
) -> dict[str, list[Planned]]:
    found = judge(seen.statements, commands=seen.commands, live=busy(catalog), catalog=catalog, server_version=version)
    planned: dict[str, list[Planned]] = {}
    own = [one for one in seen.statements if not one.bookkeeping]
    for revision, group in groupby(own, key=lambda one: one.revision):
        case, steps = owners[revision]
        for step, one in zip(steps, group, strict=True):
            hazards = tuple(hazard for hazard in found if hazard.statement == one.number)
            planned.setdefault(case, []).append(Planned(step=step, statement=_home(one, shops[case]), hazards=hazards))
    return planned


def _home(one: Statement, shop: str) -> Statement:
    """The statement in the names of the corpus."""

    def named(text: str) -> str:
        return text.replace(f"{shop}.", "shop.")

    return replace(
        one,
        locks=tuple(
            Lock(relation=named(lock.relation), kind=lock.kind, mode=lock.mode, parent=named(lock.parent))
            for lock in one.locks
        ),
        rewrites=tuple(map(named, one.rewrites)),
        scans=tuple(map(named, one.scans)),
        index_builds=tuple(map(named, one.index_builds)),
    )


def busy(catalog: Catalog) -> Live:
    """A live database in which every table is large and in use."""
    kinds = ("table", "materialized view")
    names = [f"{quoted(key.schema)}.{quoted(key.name)}" for key in catalog.texts if key.kind in kinds]
    return Live(
        relations={
            name: LiveRelation(
                name=name, kind="table", rows=80_000_000, heap_bytes=20 * GIB, index_bytes=8 * GIB,
                total_bytes=28 * GIB, reads=10**9, writes=10**8, reads_per_second=300.0, writes_per_second=100.0,
            )
            for name in names
        }
    )  # fmt: skip
