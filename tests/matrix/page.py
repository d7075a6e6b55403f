"""The page about versions and servers, made of what was kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.matrix import life, servers, stacks

PAGE = Path(__file__).parents[2] / "docs" / "matrix.md"
NOT_RUN = "not run"

HEAD = """\
# Versions and servers that were tried

Each combination goes through a look, a plan, an upgrade, a comparison, a downgrade and an upgrade again, on a real
server. This page is made of what came out when that last ran (`tests/matrix/`); `make test-all` runs it again, and
compares. What was not run says so.
"""
OF_PROJECTS = """
## A project's Python, SQLAlchemy, Alembic and driver

A project may have a Python of its own (`python` in the target's section), from 3.8 on. The rows are the combinations
that go together: SQLAlchemy 2.1 wants Python 3.11, its dialect for psycopg 3 came with 2.0, and Alembic 1.7 knows 1.4
alone.
"""
OF_THE_TOOLKIT = """
## The toolkit's own Python

It wants Python 3.11 or newer, and all of its tests run on that. On the others, they are a selection: everything without
a database, changes with their errors, whole notebooks, and the demonstration.

| Python | SQLAlchemy | Alembic | Outcome |
| --- | --- | --- | --- |
"""
OF_SERVERS = """
## Servers, and ways to them
"""


def text() -> str:
    """Return the page."""
    return HEAD + OF_THE_TOOLKIT + _toolkit() + OF_PROJECTS + _projects() + OF_SERVERS + _servers()


def _toolkit() -> str:
    kept = {one["python"]: one for one in life.kept("toolkit")}
    lines = []
    for python in (*stacks.OF_THE_TOOLKIT, *stacks.UNTRIED):
        found = kept.get(python)
        versions = found["versions"].values() if found else (python, "any", "any")
        lines.append(f"| {' | '.join((*versions, _outcome(found, 'outcome')))} |")
    return "\n".join(lines) + "\n"


def _projects() -> str:
    lines = ["", f"| Python | SQLAlchemy | Alembic | {' | '.join(stacks.DRIVERS)} |", f"|{' --- |' * 7}"]
    kept = {(one["python"], one["sqlalchemy"], one["alembic"]): one for one in life.kept("stack")}
    for stack in stacks.stacks():
        found = kept.get((stack.python, stack.sqlalchemy, stack.alembic))
        versions = found["versions"].values() if found else (stack.python, stack.sqlalchemy, stack.alembic)
        cells = [_outcome(found, driver) if driver in stack.drivers else "–" for driver in stacks.DRIVERS]
        lines.append(f"| {' | '.join((*versions, *cells))} |")
    for python in stacks.UNTRIED:
        lines.append(f"| {' | '.join((python, 'any', 'any', *(NOT_RUN for _ in stacks.DRIVERS)))} |")
    return "\n".join(lines) + "\n"


def _servers() -> str:
    lines = ["", "| Server | Reached | Outcome |", "| --- | --- | --- |"]
    kept = {one["way"]: one for one in life.kept("server")}
    for way in servers.WAYS:
        found = kept.get(way.name)
        lines.append(f"| {found['server'] if found else way.server} | {way.name} | {_outcome(found, 'outcome')} |")
    for server in servers.UNTRIED:
        lines.append(f"| {server} | – | {NOT_RUN} |")
    return "\n".join(lines) + "\n"


def _outcome(found: dict[str, Any] | None, name: str) -> str:
    said = found["outcomes"].get(name, NOT_RUN) if found else NOT_RUN
    return str(said).replace("|", "\\|")
