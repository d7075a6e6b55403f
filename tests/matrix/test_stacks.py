"""A project on every Python, SQLAlchemy, Alembic and driver that go together and that this machine has."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ops import embedded, scratch
from tests.applications.environment import ask
from tests.matrix import life
from tests.matrix.stacks import Stack, environment_of, interpreter, stacks

STACKS = {str(one): one for one in stacks()}
VERSIONS = """
import json, platform
import alembic, sqlalchemy
libraries = {"SQLAlchemy": sqlalchemy.__version__, "Alembic": alembic.__version__}
print(json.dumps({"Python": platform.python_version(), **libraries}))
"""


@pytest.mark.heavy
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("stack", STACKS.values(), ids=STACKS)
def test_a_project_on_these_libraries(
    stack: Stack, server: embedded.Server, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if interpreter(stack.python) is None:
        pytest.skip(f"no Python {stack.python} on this machine")
    python = environment_of(stack)
    monkeypatch.setenv("OPS_EMBEDDED_DIR", str(home / ".ops"))
    outcomes = {}
    for driver in stack.drivers:
        folder = tmp_path / driver
        folder.mkdir()
        project = "async_env" if driver == "asyncpg" else "linear"
        with scratch.database_on(server, prefix="stack") as url:
            target = life.target_of(folder, project, url, monkeypatch, python=str(python), driver=driver)
            outcomes[driver] = life.lived(target)

    life.keep_or_compare(str(stack), {
        "kind": "stack", "python": stack.python, "sqlalchemy": stack.sqlalchemy, "alembic": stack.alembic,
        "versions": json.loads(ask(python, VERSIONS)), "outcomes": outcomes,
    })  # fmt: skip
    assert set(outcomes.values()) == {life.WORKS}
