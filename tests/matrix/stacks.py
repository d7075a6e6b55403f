"""The libraries and Pythons that a project may stand on, and the interpreters of this machine."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.applications.environment import python_with

NEWEST = "newest"
PYTHONS = ("3.8", "3.9", "3.10", "3.11", "3.12", "3.13")
OF_THE_TOOLKIT = ("3.12", "3.13")
"""Pythons that the toolkit runs on itself, beside the one that all tests run on."""
UNTRIED = ("3.14",)
"""Pythons that nobody has tried here: rows that say so."""
DRIVERS = ("psycopg2", "psycopg", "asyncpg", "pg8000")
_PACKAGES = {"psycopg2": "psycopg2-binary", "psycopg": "psycopg[binary]"}

LIBRARIES = (
    ("1.4", "1.7"),
    ("1.4", "1.13"),
    ("2.0", "1.13"),
    ("2.0", NEWEST),
    ("2.1", NEWEST),
)
"""SQLAlchemy and Alembic. SQLAlchemy 2.0 breaks Alembic 1.7, and Alembic's newest no longer tells who has 1.4."""

_LEAST = {"2.1": "3.11"}
"""The first Python that a series of SQLAlchemy runs on, where that is not the first of all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """One Python with one series of SQLAlchemy and of Alembic."""

    python: str
    sqlalchemy: str
    alembic: str

    @property
    def drivers(self) -> tuple[str, ...]:
        """The drivers that this series of SQLAlchemy speaks."""
        return tuple(one for one in DRIVERS if not (one == "psycopg" and self.sqlalchemy == "1.4"))

    def __str__(self) -> str:
        return f"Python {self.python}, SQLAlchemy {self.sqlalchemy}, Alembic {self.alembic}"


def stacks() -> list[Stack]:
    """Return every legal combination, whether this machine has the Python or not."""
    return [
        Stack(python=python, sqlalchemy=sqlalchemy, alembic=alembic)
        for python in PYTHONS
        for sqlalchemy, alembic in LIBRARIES
        if _number(python) >= _number(_LEAST.get(sqlalchemy, "3.8"))
    ]


@cache
def interpreter(python: str) -> str | None:
    """Return an interpreter of this machine that really starts (a version manager leaves names that do not)."""
    named = sorted(Path.home().glob(f".pyenv/versions/{python}.*/bin/python"))
    for one in [*map(str, named), shutil.which(f"python{python}")]:
        if one and subprocess.run([one, "-c", "import venv, ensurepip"], capture_output=True).returncode == 0:
            return one
    return None


def environment_of(stack: Stack) -> Path:
    """Return the Python of an environment with the libraries of a stack and its drivers.

    Where it cannot be installed, the test skips.
    """
    found = interpreter(stack.python)
    assert found is not None, f"no Python {stack.python}"
    wanted = [
        f"sqlalchemy=={stack.sqlalchemy}.*",
        "alembic" if stack.alembic == NEWEST else f"alembic=={stack.alembic}.*",
    ]
    drivers = [_PACKAGES.get(one, one) for one in stack.drivers]
    return python_with(f"stack-{stack.sqlalchemy}", [*wanted, *drivers, "greenlet"], interpreter=found)


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
