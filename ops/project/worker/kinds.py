"""The kind of the target's database: what is asked of it in its own words, the module of that kind answers."""

from . import postgresql, sqlite
from .state import STATE

KINDS = {"postgresql": postgresql, "sqlite": sqlite}


def of_target():
    """The module that answers for the target."""
    return KINDS[STATE.dialect]
