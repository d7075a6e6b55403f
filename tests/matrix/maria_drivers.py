"""The drivers by which a project's env.py may speak to MariaDB, and the libraries they are tried with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.applications.environment import python_with
from tests.matrix.stacks import NEWEST, interpreter

DRIVERS = ("pymysql", "mysqldb", "mariadbconnector", "asyncmy", "aiomysql")
ASYNCHRONOUS = ("asyncmy", "aiomysql")
PYTHON = "3.11"
LIBRARIES = (("1.4", "1.13"), ("2.0", NEWEST), ("2.1", NEWEST))
"""SQLAlchemy and Alembic."""

_PACKAGES = {"mysqldb": "mysqlclient", "mariadbconnector": "mariadb"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """One series of SQLAlchemy and of Alembic, on one Python."""

    sqlalchemy: str
    alembic: str

    def __str__(self) -> str:
        return f"MariaDB, Python {PYTHON}, SQLAlchemy {self.sqlalchemy}, Alembic {self.alembic}"


STACKS = tuple(Stack(sqlalchemy=one, alembic=other) for one, other in LIBRARIES)


def environment_of(stack: Stack) -> Path:
    """Return the Python of an environment with the libraries of a stack and every driver.

    Where it cannot be installed, the test skips: two of them are built against `libmariadb-dev`.
    """
    found = interpreter(PYTHON)
    assert found is not None, f"no Python {PYTHON}"
    wanted = [
        f"sqlalchemy=={stack.sqlalchemy}.*",
        "alembic" if stack.alembic == NEWEST else f"alembic=={stack.alembic}.*",
    ]
    drivers = [_PACKAGES.get(one, one) for one in DRIVERS]
    return python_with(f"maria-{stack.sqlalchemy}", [*wanted, *drivers, "greenlet"], interpreter=found)
