"""The page about shapes, versions and servers, and the README's summary of it: made of what was kept."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from tests.matrix import life, maria_drivers, servers, stacks
from tests.matrix.shapes import SHAPES, STEPS

PAGE = Path(__file__).parents[2] / "docs" / "matrix.md"
README = Path(__file__).parents[2] / "README.md"
NOT_RUN = "not run"

HEAD = """\
# Projects, versions and servers that were tried

All of it ran on real servers. This page is made of what came out when that last ran (`tests/matrix/`); `make test-all`
runs it again, and compares. What was not run says so.

## Shapes of projects

Each one is inspected, planned, rehearsed, upgraded, compared, brought down to its base, up and down again. What is
refused changes nothing; a verdict other than `OK` is about the project, and says why.
"""
OF_PROJECTS = """
## A project's Python, SQLAlchemy, Alembic and driver

A project may have a Python of its own (`python` in the target's section), from 3.8 on. The rows are the combinations
that go together: SQLAlchemy 2.1 wants Python 3.11, its dialect for psycopg 3 came with 2.0, and Alembic 1.7 knows 1.4
alone. Each goes through a look, a plan, an upgrade, a comparison, a downgrade and an upgrade again; so does each server
below, and each way to it.
"""
OF_THE_TOOLKIT = """
## The toolkit's own Python

It wants Python 3.11 or newer, and all of its tests run on that. On the others, they are a selection: everything without
a database, changes with their errors, whole notebooks, and the demonstration.

| Python | SQLAlchemy | Alembic | Outcome |
| --- | --- | --- | --- |
"""
OF_MARIADB = """
## A project's driver to MariaDB

Each goes through a look, an upgrade, a comparison, a plan, a downgrade and an upgrade again. It writes nothing where
one only looks, and is refused at another database; what it leaves of a revision that fails half-way is told, and led to
its end. `env.py` is asynchronous for `asyncmy` and `aiomysql`. With `aiomysql` no URL can ask for TLS.
"""
OF_SERVERS = """
## Servers, and ways to them
"""


def text() -> str:
    """Return the page."""
    projects = OF_PROJECTS + _projects() + OF_MARIADB + _drivers()
    return HEAD + _shapes() + OF_THE_TOOLKIT + _toolkit() + projects + OF_SERVERS + _servers()


def write() -> None:
    """Make the page anew, and the README's table."""
    PAGE.write_text(text(), encoding="utf-8")
    readme = README.read_text(encoding="utf-8")
    README.write_text(re.sub(r"\| Tried .*\n(?:\|.*\n)+", lambda _: summary(), readme), encoding="utf-8")


def summary() -> str:
    """Return the table that the README has of it: how many there are of each kind, and how many of them work."""
    toolkit, reached, elsewhere = life.kept("toolkit"), life.kept("server"), life.kept("elsewhere")
    servers_tried = sorted({one["server"].partition(",")[0].removeprefix("PostgreSQL ") for one in reached})
    others_tried = sorted({one["server"] for one in elsewhere})
    rows = (
        ("[shapes of projects](docs/matrix.md#shapes-of-projects)", life.kept("shape"), ()),
        ("[further Pythons for `ops`](docs/matrix.md#the-toolkits-own-python)", toolkit, stacks.UNTRIED),
        (
            "[a project's Python, SQLAlchemy, Alembic and driver]"
            "(docs/matrix.md#a-projects-python-sqlalchemy-alembic-and-driver)",
            _each(life.kept("stack")),
            tuple(f"Python {one}" for one in stacks.UNTRIED),
        ),
        (
            "[a project's driver to MariaDB](docs/matrix.md#a-projects-driver-to-mariadb), on three SQLAlchemys",
            _each(life.kept("maria-driver")),
            (),
        ),
        (
            f"[ways to PostgreSQL {', '.join(servers_tried)}](docs/matrix.md#servers-and-ways-to-them)",
            reached,
            servers.UNTRIED,
        ),
        (
            f"[ways to {' and '.join(others_tried)}](docs/matrix.md#servers-and-ways-to-them)",
            elsewhere,
            servers.UNTRIED_ELSEWHERE,
        ),
    )
    lines = ["| Tried | How many | Work | Refused, or another verdict | Not tried |", f"|{' --- |' * 5}"]
    for what, kept, untried in rows:
        works = sum(1 for one in kept if set(one["outcomes"].values()) == {life.WORKS})
        cells = (what, len(kept), works, len(kept) - works or "–", ", ".join(untried) or "–")
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines) + "\n"


def _each(kept: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Every driver by itself."""
    return [{"outcomes": {driver: said}} for one in kept for driver, said in one["outcomes"].items()]


def _shapes() -> str:
    lines = ["", f"| Shape | {' | '.join(one.capitalize() for one in STEPS)} |", f"|{' --- |' * (1 + len(STEPS))}"]
    kept = {one["shape"]: one for one in life.kept("shape")}
    for name, shape in SHAPES.items():
        cells = [_outcome(kept.get(name), step) for step in STEPS]
        lines.append(f"| {' | '.join((_escaped(shape.about), *cells))} |")
    return "\n".join(lines) + "\n"


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


def _drivers() -> str:
    drivers = maria_drivers.DRIVERS
    lines = ["", f"| Python | SQLAlchemy | Alembic | {' | '.join(drivers)} |", f"|{' --- |' * (3 + len(drivers))}"]
    kept = {(one["sqlalchemy"], one["alembic"]): one for one in life.kept("maria-driver")}
    for stack in maria_drivers.STACKS:
        found = kept.get((stack.sqlalchemy, stack.alembic))
        versions = found["versions"].values() if found else (maria_drivers.PYTHON, stack.sqlalchemy, stack.alembic)
        lines.append(f"| {' | '.join((*versions, *(_outcome(found, one) for one in drivers)))} |")
    return "\n".join(lines) + "\n"


def _servers() -> str:
    lines = ["", "| Server | Reached | Outcome |", "| --- | --- | --- |"]
    kept = {one["way"]: one for one in (*life.kept("server"), *life.kept("elsewhere"))}
    for way in (*servers.WAYS, *servers.ELSEWHERE):
        found = kept.get(way.name)
        lines.append(f"| {found['server'] if found else way.server} | {way.name} | {_outcome(found, 'outcome')} |")
    for server in (*servers.UNTRIED, *servers.UNTRIED_ELSEWHERE):
        lines.append(f"| {server} | – | {NOT_RUN} |")
    return "\n".join(lines) + "\n"


def _outcome(found: dict[str, Any] | None, name: str) -> str:
    said = found["outcomes"].get(name, NOT_RUN) if found else NOT_RUN
    return _escaped(str(said))


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")
