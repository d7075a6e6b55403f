"""A role with too few connections: however few it has, the run is done, or it is told why not and what was changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ops.errors import OpsError
from ops.values import Verdict
from tests import passwords

guarded, make_role = passwords.guarded, passwords.make_role


@pytest.mark.parametrize(
    "limit",
    [0, pytest.param(1, marks=pytest.mark.heavy), 2, *(pytest.param(n, marks=pytest.mark.heavy) for n in (3, 4, 5))],
)
def test_however_few_connections_a_role_has(
    limit: int, set_up: Callable[..., Any], make_role: Callable[..., passwords.Role]
) -> None:
    role = make_role()
    bench = set_up("linear", url=role.url())
    role.ask(f"ALTER ROLE {role.name} CONNECTION LIMIT {limit}")

    try:
        run = bench.target.upgrade("head", dry_run=False)
    except OpsError as error:
        assert "too many connections for role" in error.problem
        assert "no connection is left" in error.next_step
        is_changed = role.ask("SELECT to_regclass('customer')") != [(None,)]
        assert error.changed in (is_changed, None)  # None where nobody could look
        assert role.password not in str(error)
    else:
        assert (run.verdict, limit > 1) == (Verdict.OK, True)
