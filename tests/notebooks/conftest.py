"""Small notebooks with every kind of cell, in a folder and a home of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import nbformat
import pytest

HERE = Path(__file__).parent
LEAN = HERE / "lean"
"""To be put on the path of processes that import jsonschema, so that they start sooner."""

PARAMETERS = """\
target: str = "sandbox"  # which database
mode: str = "OK"  # how to end
note: str = ""  # any text
signal_file: str = ""
count: int = 3  # how many
fraction: float = 0.5
fail_on_pending: bool = False  # pending is wrong
"""

NEXT = {
    "OK": ["40-upgrade", "to go on"],
    "ATTENTION": ["12-compare-schema", "to see what differs"],
    "REFUSED": ["14-check-health", "to see who is in the way"],
}


def code(source: str, tag: str = "") -> nbformat.NotebookNode:
    """Return a code cell, tagged."""
    return nbformat.v4.new_code_cell(source, metadata={"tags": [tag]} if tag else {})


def write_notebook(
    path: Path, cells: Sequence[nbformat.NotebookNode], *, effects: str = "read", question: str = "Why?"
) -> Path:
    """Write a notebook as the project has them."""
    notebook = nbformat.v4.new_notebook(
        cells=list(cells),
        metadata={
            "kernelspec": {"name": "python3", "language": "python", "display_name": "Python 3"},
            "language_info": {"name": "python"},
            "ops": {"effects": effects, "question": question, "next": NEXT},
        },
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)
    return path


def full_notebook(name: str) -> list[nbformat.NotebookNode]:
    """Return every kind of cell, in the order that all notebooks have."""
    return [
        nbformat.v4.new_markdown_cell("# Why?"),
        code(f'import answers\nimport ops\nrun = ops.notebook("{name}")', "banner"),
        code(PARAMETERS, "parameters"),
        code("db, status = run.guard(target)", "guard"),
        code("answer = answers.behave(mode, note=note, signal_file=signal_file)", "evidence"),
        code('run.conclude(answer, artifacts={"plan.sql": f"-- {note}"})', "verdict"),
        code("run.next_steps()", "next"),
    ]


@pytest.fixture(scope="session")
def notebooks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of fixture notebooks; its name would confuse a format string."""
    folder = tmp_path_factory.mktemp("note {books}")
    write_notebook(folder / "10-look.ipynb", full_notebook("10-look"))
    write_notebook(folder / "40-change.ipynb", full_notebook("40-change"), effects="write")
    write_notebook(folder / "walkthroughs" / "01-learn.ipynb", [code("print('hello')")])
    nbformat.write(nbformat.v4.new_notebook(), folder / "Untitled.ipynb")
    return folder


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home folder whose embedded server the runs of this module share."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="session")
def user_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home directory in which nothing may appear."""
    return tmp_path_factory.mktemp("user")


@pytest.fixture(scope="session")
def environment(home: Path, notebooks: Path, user_home: Path) -> dict[str, str]:
    """The environment of the commands under test."""
    dropped = ("JPY_SESSION_NAME", "OPS_RUN_DIR", "DATABASE_URL")
    kept = {
        key: value
        for key, value in os.environ.items()
        if key not in dropped and not key.startswith(("JUPYTER", "IPYTHON"))
    }
    return {
        **kept,
        "HOME": str(user_home),
        "OPS_HOME": str(home),
        "OPS_NOTEBOOKS": str(notebooks),
        "PYTHONPATH": f"{HERE}:{LEAN}",
    }


class Finished:
    """A command that has ended."""

    def __init__(self, process: subprocess.CompletedProcess[str]) -> None:
        self.code = process.returncode
        self.stdout = process.stdout
        self.stderr = process.stderr


def ops(environment: Mapping[str, str], *arguments: str, cwd: Path | None = None) -> Finished:
    """Run `ops` as a user does."""
    command = [sys.executable, "-m", "ops", *arguments]
    return Finished(subprocess.run(command, env=dict(environment), cwd=cwd, capture_output=True, text=True))
