"""The kind of the target's database: what is asked of it in its own words, the module of that kind answers."""

from . import mariadb, postgresql, sqlite
from .state import STATE

KINDS = {"postgresql": postgresql, "mariadb": mariadb, "sqlite": sqlite}


def kind_of(dialect):
    """The kind of a database by the name of SQLAlchemy's dialect, which has two for MariaDB."""
    return "mariadb" if dialect == "mysql" else dialect


def of_target():
    """The module that answers for the target."""
    return KINDS[STATE.dialect]
