"""The real notebooks, run one after the other on one sandbox: once per test session, for whoever looks at it.

The quick tests tell it without its variations: the demonstration, whose test is quick, goes that way as well.

The home folder is a copy of this repository's project, as one of the notebooks writes a version file into it.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
import pytest

from ops.runbook import headless
from tests.notebooks.conftest import LEAN

CHECKOUT = Path(__file__).resolve().parents[2]
INITIAL = "54be4477c094"
MESSAGE = "Thêm cột email – người dùng"
PLAIN_C = {"LANG": "C", "LC_ALL": "C"}

SHOWN = {"text/plain", "text/html", "image/svg+xml", "text/vnd.mermaid", "image/png"}
"""What a notebook that nobody trusts yet still shows, in one of its forms; no widget."""

MODEL = Path("ops/models/user.py")
COLUMN = "    email: Mapped[str | None] = mapped_column(String(255))\n"


@dataclass(frozen=True, kw_only=True)
class Step:
    """One run, and the exit code it should end with. `apart` runs it through the command line, under LANG=C.

    `replayed`: nbval compares it, too; a dry run shows nothing that the run behind it does not. `variation`: it is
    left out where no heavy test looks at the story.
    """

    name: str
    notebook: str
    parameters: Mapping[str, object] = field(default_factory=dict)
    exit_code: int = 0
    apart: bool = False
    replayed: bool = True
    variation: bool = False


@dataclass(frozen=True, kw_only=True)
class Ran:
    """What a step left."""

    step: Step
    folder: Path

    @property
    def content(self) -> dict[str, Any]:
        """The whole of result.json."""
        return json.loads((self.folder / "result.json").read_text(encoding="utf-8"))

    @property
    def data(self) -> dict[str, Any]:
        """Its `data`."""
        return self.content["data"]

    @property
    def report(self) -> str:
        """The report's HTML."""
        return (self.folder / "report.html").read_text(encoding="utf-8")

    @property
    def notebook(self) -> nbformat.NotebookNode:
        """The executed notebook."""
        return nbformat.read(self.folder / "notebook.ipynb", as_version=4)

    @property
    def kinds(self) -> list[set[str]]:
        """Of each thing that the notebook shows, the forms that there are of it."""
        cells = [cell for cell in self.notebook.cells if cell.cell_type == "code"]
        return [set(one.data) for cell in cells for one in cell.outputs if "data" in one]

    def outputs(self, cell_id: str) -> list[nbformat.NotebookNode]:
        """Return the outputs of one cell."""
        return next(cell.outputs for cell in self.notebook.cells if cell.id == cell_id)


REAL = {"dry_run": False}
UNTOUCHED = (  # models and migrations agree
    Step(name="start", notebook="00-start-here"),
    Step(name="inspect", notebook="10-inspect"),
    Step(name="plan", notebook="20-plan"),
    Step(name="rehearse", notebook="30-rehearse"),
    Step(name="upgrade, dry", notebook="40-upgrade", replayed=False, variation=True),
    Step(name="upgrade", notebook="40-upgrade", parameters=REAL),
    Step(name="backup", notebook="46-backup", parameters={"verify": "restore"}),
    Step(name="verify", notebook="50-verify", variation=True),
    Step(name="compare", notebook="12-compare-schema", variation=True),
    Step(name="health", notebook="14-check-health"),
    Step(name="repair", notebook="90-repair"),
)
EDITED = (  # a model has a column more
    Step(name="compare, edited", notebook="12-compare-schema", exit_code=3, variation=True),
    Step(
        name="draft, dry", notebook="24-new-revision", parameters={"message": MESSAGE}, replayed=False, variation=True
    ),
    Step(name="draft", notebook="24-new-revision", parameters={"message": MESSAGE, **REAL}, apart=True),
    Step(name="upgrade again", notebook="40-upgrade", parameters=REAL, variation=True),
    Step(name="inspect again", notebook="10-inspect", apart=True, variation=True),
    Step(name="downgrade", notebook="42-downgrade", parameters=REAL, variation=True),
    Step(name="stamp", notebook="44-stamp", parameters={"revision": "head", **REAL}),
    Step(name="inspect at last", notebook="10-inspect", variation=True),
    Step(name="walkthrough", notebook="walkthroughs/01-a-new-model"),
)
STEPS = {step.name: step for step in (*UNTOUCHED, *EDITED)}


def each(*names: str) -> list[Any]:
    """Return names of steps, all of them where none is given, as parameters of a test."""
    marks = {True: pytest.mark.heavy, False: ()}
    return [pytest.param(name, marks=marks[STEPS[name].variation]) for name in names or STEPS]


def make_home(folder: Path) -> Path:
    """Copy the project into a folder with a space and a letter beyond ASCII in its name, and return it."""
    home = folder / "dự án mới"
    home.mkdir(parents=True)
    for part in ("alembic", "ops"):
        shutil.copytree(CHECKOUT / part, home / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy2(CHECKOUT / "alembic.ini", home)
    return home


def edit_model(home: Path) -> None:
    """Give the model of users a column that no migration makes."""
    file = home / MODEL
    text = file.read_text(encoding="utf-8")
    before, marker, after = text.partition("    created_at:")
    assert marker, "the model of users has changed: say here where its columns are"
    file.write_text(before + COLUMN + marker + after, encoding="utf-8")


def environment(home: Path) -> dict[str, str]:
    """Return the environment of commands that use this home and nothing of the developer's."""
    dropped = ("DATABASE_URL", "OPS_", "JPY_", "JUPYTER", "IPYTHON", "LANG", "LC_")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(dropped)}
    return {**kept, "OPS_HOME": str(home), "PYTHONPATH": f"{CHECKOUT}:{LEAN}"}


def shared_folder(tmp_path_factory: pytest.TempPathFactory, name: str) -> Path:
    """Return a folder that all test workers of a session share. What shows paths wraps them by their length."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / name
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def story(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Ran]:
    """The steps of the story, run; test workers that start together wait for the one that runs it."""
    folder = shared_folder(tmp_path_factory, "story")
    listeners = [one for one in request.session.items if "story" in getattr(one, "fixturenames", ())]
    whole = any(one.get_closest_marker("heavy") for one in listeners)
    steps = [one for one in STEPS.values() if whole or not one.variation]
    told = folder / "told.json"
    with open(folder / "lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not told.exists():
            told.write_text(json.dumps({name: str(path) for name, path in _tell(make_home(folder), steps).items()}))
    return {name: Ran(step=STEPS[name], folder=Path(path)) for name, path in json.loads(told.read_text()).items()}


def _tell(home: Path, steps: Iterable[Step]) -> dict[str, Path]:
    folders: dict[str, Path] = {}
    with _at(home):
        for step in steps:
            if step in EDITED and COLUMN not in (home / MODEL).read_text(encoding="utf-8"):
                edit_model(home)
            before = _run_folders(home)
            parameters = dict(step.parameters)
            if not step.notebook.startswith("walkthroughs/"):
                parameters["target"] = "sandbox"
            if step.apart:
                code = _apart(home, step.notebook, parameters)
            else:
                code = headless.execute(step.notebook, parameters, progress=lambda line: None).exit_code
            [folders[step.name]] = _run_folders(home) - before
            if code != step.exit_code:
                record = (folders[step.name] / "result.json").read_text(encoding="utf-8")
                pytest.fail(f"{step.name}: {step.notebook} ended with {code}, not {step.exit_code}\n{record}")
    return folders


def _run_folders(home: Path) -> set[Path]:
    return {file.parent for file in home.glob("runs/*/*/*/result.json")}


def _apart(home: Path, notebook: str, parameters: Mapping[str, object]) -> int:
    given = [word for key, value in parameters.items() for word in ("-p", f"{key}={value}")]
    command = [sys.executable, "-m", "ops", "run", notebook, *given, "--json"]
    done = subprocess.run(command, cwd=home.parent, env=environment(home) | PLAIN_C, capture_output=True)
    said = done.stderr.decode("utf-8", "replace")
    assert done.stdout and "Traceback" not in said, said
    assert json.loads(done.stdout.decode("utf-8"))["schema"] == "ops.result/1"
    return done.returncode


@contextmanager
def _at(home: Path) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for key in set(os.environ) - set(environment(home)):
            patch.delenv(key)
        for key, value in environment(home).items():
            patch.setenv(key, value)
        patch.chdir(home.parent)  # the copy of `ops` is for env.py, not for us
        yield
