"""The toolkit itself on every other Python that it is for and that this machine has: a selection of its own tests."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import tomllib
from pathlib import Path

import pytest

from tests.applications.environment import ask, python_with
from tests.conftest import CHECKOUT
from tests.matrix import life
from tests.matrix.stacks import OF_THE_TOOLKIT, interpreter
from tests.matrix.test_stacks import VERSIONS

SELECTION = (
    "tests/unit",
    "tests/database/test_apply.py",
    "tests/database/test_worker.py",
    "tests/notebooks/test_headless.py",
    "tests/notebooks/test_demo.py",
)


def requirements() -> list[str]:
    """Return what the toolkit and its tests stand on."""
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return [*project["dependencies"], *project["optional-dependencies"]["test"]]


@pytest.mark.heavy
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("python", OF_THE_TOOLKIT)
def test_the_toolkit_on_another_python(python: str, tmp_path: Path) -> None:
    found = interpreter(python)
    if found is None:
        pytest.skip(f"no Python {python} on this machine")
    there = python_with("toolkit", requirements(), interpreter=found, told_apart=())
    variables = {name: text for name, text in os.environ.items() if not name.startswith(("PYTEST", "OPS_", "VIRTUAL"))}
    options = ("-q", "-x", "-n", "2", "-m", "not heavy", "-p", "no:cacheprovider", f"--basetemp={tmp_path / 'base'}")

    # One checkout at a time: what runs in another folder imports the one that was installed last.
    with open(there.parents[1] / "in-use", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        pip = [there, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-build-isolation"]
        subprocess.run([*pip, "--no-deps", "--editable", CHECKOUT], env=variables, check=True)
        done = subprocess.run(
            [there, "-m", "pytest", *options, *SELECTION], cwd=CHECKOUT, env=variables, capture_output=True, text=True
        )

    outcome = life.WORKS if done.returncode == 0 else "does not pass its tests"
    versions = json.loads(ask(there, VERSIONS))
    kept = {"kind": "toolkit", "python": python, "versions": versions, "outcomes": {"outcome": outcome}}
    life.keep_or_compare(f"toolkit on Python {python}", kept)
    assert outcome == life.WORKS, done.stdout[-3000:]
