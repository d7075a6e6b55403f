"""Installed into another project's environment: the notebooks come along, and the project is found from its folder."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.runbook.catalogue import catalogue
from tests.conftest import CHECKOUT

PROJECT = CHECKOUT / "tests" / "projects" / "linear"
NEEDED = ("ops", "notebooks", "pyproject.toml", "README.md", "LICENSE")


class Installed:
    """An environment that has what `pip install` makes of this repository, and this one's libraries."""

    def __init__(self, folder: Path) -> None:
        sources = folder / "sources"
        sources.mkdir()
        for name in NEEDED:
            copy = shutil.copytree if (CHECKOUT / name).is_dir() else shutil.copy2
            copy(CHECKOUT / name, sources / name)
        self.environment = folder / "environment"
        venv.create(self.environment, with_pip=False)
        self.bin = self.environment / "bin"
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
        subprocess.run(
            [*pip, "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, sources], check=True
        )
        (wheel,) = folder.glob("*.whl")
        python = ["--python", str(self.bin / "python")]
        subprocess.run([*pip, *python, "install", "--quiet", "--no-deps", "--no-index", wheel], check=True)
        self.packages = next(self.environment.glob("lib/python*/site-packages"))
        (self.packages / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")

    def ops(self, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
        """Run `ops` as somebody does whose shell knows nothing of this repository."""
        env = {name: value for name, value in os.environ.items() if not name.startswith(("OPS_", "PYTHON"))}
        env.pop("DATABASE_URL", None)
        return subprocess.run([self.bin / "ops", *arguments], cwd=cwd, env=env, capture_output=True, text=True)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    yield Installed(tmp_path_factory.mktemp("installed"))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    shutil.copytree(PROJECT, tmp_path / "shop", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path / "shop"


def test_what_the_browser_runs_comes_along(installed: Installed) -> None:
    scripts = {one.relative_to(CHECKOUT) for one in CHECKOUT.glob("ops/**/*.js")}

    assert scripts and all((installed.packages / one).is_file() for one in scripts)


def test_the_notebooks_come_along_and_find_the_project(installed: Installed, project: Path) -> None:
    below = project / "migrations"

    listed = installed.ops("list", "--json", cwd=below)
    done = installed.ops("run", "10", "--target", "sandbox", "--json", cwd=below)

    names = {one["name"] for one in json.loads(listed.stdout)["notebooks"]}
    assert names == {one.name for one in catalogue().notebooks if "/" not in one.name}
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert len(result["data"]["pending"]) == 5
    made = {one.name for one in project.iterdir()} - {one.name for one in PROJECT.iterdir()} - {"__pycache__"}
    assert made == {"runs", ".ops"}


def test_where_there_is_no_project_it_says_so_and_makes_nothing(installed: Installed, tmp_path: Path) -> None:
    done = installed.ops("run", "10", cwd=tmp_path)

    assert done.returncode == 2
    assert "There is no Alembic project here" in done.stderr and "Traceback" not in done.stderr
    assert "OPS_HOME" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_demo_is_for_a_checkout(installed: Installed, project: Path) -> None:
    done = installed.ops("demo", cwd=project)

    assert done.returncode == 2
    assert "in a checkout" in done.stderr
    targets = json.loads(installed.ops("targets", "--json", cwd=project).stdout)["targets"]
    assert [one["name"] for one in targets] == ["default", "sandbox"]
