"""How often a property is tried: few times in `make test`, thousands of times in `make test-all`."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, settings

from ops import secrets

USUAL = settings(
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def tried(few: int, many: int) -> pytest.MarkDecorator:
    """Give a test its number of `examples`; many of them are heavy."""
    numbers = [few, pytest.param(many, marks=[pytest.mark.heavy, pytest.mark.timeout(1800)])]
    return pytest.mark.parametrize("examples", numbers, ids=["few", "many"])


def hold(prop: Callable[[], None], examples: int) -> None:
    """Try a property; `given` has made it a function without arguments."""
    settings(USUAL, max_examples=examples)(prop)()


@contextlib.contextmanager
def forgetful() -> Iterator[None]:
    """Forget the made-up passwords at the end: they would be taken out of the words of later tests."""
    known = set(secrets._known)
    try:
        yield
    finally:
        secrets._known.clear()
        secrets._known.update(known)
        secrets._pattern.cache_clear()
