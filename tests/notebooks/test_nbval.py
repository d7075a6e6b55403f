"""Every notebook through nbval: what papermill executed is the reference, and a wrong result makes it fail.

nbval knows no parameters, so the references are notebooks that papermill prepared with theirs and executed (see
`story.py`). They are replayed, in the same order, in another copy of the project and on another server. A notebook
without execution counts would pass whatever it shows: the last tests prove that these do not.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import nbformat
import psycopg2
import pytest

from ops import embedded
from ops.runbook import headless, kernel
from ops.runbook.catalogue import catalogue
from tests.notebooks import story as telling
from tests.notebooks.story import (
    EDITED,
    INITIAL,
    STEPS,
    UNTOUCHED,
    Ran,
    Step,
    edit_model,
    environment,
    make_home,
    shared_folder,
)

story = telling.story
Story = dict[str, Ran]
pytestmark = pytest.mark.timeout(1200)  # whichever test comes first runs the whole story

# fmt: off
SANITIZE = (  # regular expression                                    stands instead
    (r'<wbr>| style="[^"]*"',                                         ""),  # as wide as what stands in it
    (r"\bruns/[^\s<\"&]+",                                            "RUN"),
    (r"(/\S*?)?dự\s+án\s+mới/",                                          "HOME/"),
    (r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d+)?)?( ?\+00:?00| UTC)?", "TIME"),
    (r"\b\d{4}-\d\d-\d\d\b|(?<=[ >])\d\d:\d\d(:\d\d)?\b",           "TIME"),  # in columns too narrow for both
    (r"as its plan said(</th><td>|\s+)[^<\n]*(\n {10,}[^\n]*)*",      "ESTIMATE"),  # as it was rehearsed
    (r"\b\d+ min( \d+ s)?\b|\b\d+(\.\d+)? s\b",                       "SECONDS"),  # a busy machine takes 12 s
    (r"(?<=>)\d+\.\d+(?=<)|(?<= )\d\.\d{1,3}(?= )",                   "SECONDS"),  # alone in a cell
    (rf"(?<![0-9a-f])(?!{INITIAL})[0-9a-f]{{12}}(?![0-9a-f])",        "REVISION"),  # a draft's, drawn by lot
    (r"plan-[0-9a-f]{16}",                                            "PLAN"),  # of one server
    (r"\b\d{8}T\d{6}Z-[0-9a-f]{6}\b|\b\d+(\.\d+)? KiB\b",              "BACKUP"),
    (r"(?<=[a-z]-)[0-9a-f]{6}(?=[/\s<\"'])|(?<=walkthrough_)\d+",      "COPY"),
    (r"(INFO +\[alembic\.ddl\.postgresql\] Detected sequence [^\[]*omitting\s+)+", "SEQUENCES "),  # in any order
    (r"[ \t]{2,}",                                                    " "),
    (r"[-─=]{3,}",                                                    "---"),
)
# fmt: on

SILENT = "nbval-ignore-output"
"""Of the banner, as it is shown again with the verdict, which nbval does not follow; and of what is `NOISY`."""


NOISY = ("shelf_before", "shelf_after", "saved", "tables", "measured", "rehearsed", "draft")
"""Cells that show sizes, traffic and the time of questions, which no two servers have alike."""

NOISY_STEP = re.compile(r"\.(plan|new_revision|backup|upgrade_under_load|side_by_side)\(|backup=")
"""What shows those, or times, in a lesson, whose cells are called by their numbers."""


class Place:
    """A copy of the project with a server of its own, where notebooks are replayed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = make_home(folder)
        (folder / "sanitize.cfg").write_text(
            "".join(f"regex: {expression}\nreplace: {instead}\n" for expression, instead in SANITIZE), encoding="utf-8"
        )
        (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
        self._prepared = 0

    def prepare(self, ran: Ran, *, stripped: bool = False) -> Path:
        """Return a copy of an executed notebook for nbval; `stripped` has neither outputs nor counts."""
        notebook = ran.notebook
        for cell in notebook.cells:
            noisy = cell.id in NOISY or (cell.id.startswith("step_") and NOISY_STEP.search(cell.source))
            if noisy or "banner" in cell.metadata.get("tags", ()):
                cell.metadata.tags.append(SILENT)
            if stripped and cell.cell_type == "code":
                cell.outputs, cell.execution_count = [], None
        self._prepared += 1
        path = self.folder / f"{self._prepared:02d} {ran.step.name}.ipynb"
        nbformat.write(notebook, path)
        return path

    def nbval(self, *paths: Path, mode: str = "--nbval", also: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Run nbval as a user does; `also` is a folder that the kernels import from, before any other."""
        command = [sys.executable, "-m", "pytest", mode, "--nbval-current-env", "-x", "-vv", "--color=no"]
        command += ["-p", "no:cacheprovider", "-c", str(self.folder / "pytest.ini"), "--rootdir", str(self.folder)]
        command += ["--nbval-sanitize-with", str(self.folder / "sanitize.cfg"), *map(str, paths)]
        env = environment(self.home) | kernel.environment(self.home)
        if also is not None:
            env["PYTHONPATH"] = f"{also}:{env['PYTHONPATH']}"
        return subprocess.run(command, cwd=self.folder, env=env, capture_output=True, text=True)

    @property
    def versions(self) -> list[Path]:
        """The version files there are."""
        return list(self.home.glob("alembic/versions/*.py"))

    def change_by_hand(self, sql: str) -> None:
        """Change the sandbox past everybody."""
        url = embedded.server(self.home).url("sandbox").replace("+psycopg2", "")
        with closing(psycopg2.connect(url)) as connection, connection, connection.cursor() as cursor:
            cursor.execute(sql)


def replayable(steps: Iterable[Step]) -> list[str]:
    """Under nbval the last cell raises for every verdict but OK, as it does under plain papermill."""
    return [step.name for step in steps if step.exit_code == 0 and step.replayed]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return Place(shared_folder(tmp_path_factory, "nbval"))  # as long a name as the story's


def cells_of(paths: Iterable[Path]) -> int:
    return sum(cell.cell_type == "code" for path in paths for cell in nbformat.read(path, as_version=4).cells)


# fmt: off
BREAKS = {  #                  module             the result whose verdict is wrong
    "00-start-here":           ("status",         "Status"),
    "10-inspect":              ("status",         "Status"),
    "12-compare-schema":       ("drift",          "Drift"),
    "14-check-health":         ("health",         "Health"),
    "20-plan":                 ("plan",           "Plan"),
    "24-new-revision":         ("draft",          "Draft"),
    "30-rehearse":             ("rehearsal",      "Rehearsal"),
    "40-upgrade":              ("apply",          "Run"),
    "42-downgrade":            ("apply",          "Run"),
    "44-stamp":                ("apply",          "Run"),
    "46-backup":               ("backup",         "Backup"),
    "50-verify":               ("drift",          "Drift"),
    "90-repair":               ("repair",         "Repair"),
}
# fmt: on
LESSON = ("runbook.lesson", "Lesson")
"""What a walkthrough ends with."""


def test_a_new_sandbox_shows_on_another_server_what_it_showed_papermill(
    story: Story, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A look, as it was and with a result that is broken on purpose; all other notebooks are heavy."""
    place = Place(shared_folder(tmp_path_factory, "first"))
    replay(place, story, [STEPS["inspect"]])

    assert_breaks(place, story["inspect"])


def replay(place: Place, story: Story, steps: Iterable[Step]) -> None:
    """Replay some steps of the story, which must show what they showed."""
    paths = [place.prepare(story[name]) for name in replayable(steps)]

    done = place.nbval(*paths)

    assert done.returncode == 0, done.stdout[-6000:]
    assert re.search(rf"\b{cells_of(paths)} passed", done.stdout), "every code cell is a test"


def assert_breaks(place: Place, ran: Ran) -> None:
    """Replay a step with the verdict of its result broken, and see that this is noticed before anything is changed.

    A notebook that changes a database shows its plan first, and nbval stops at the first cell that differs. Only a
    draft is written by then; it is taken back.
    """
    before = set(place.versions)
    broken = breaking(place, *BREAKS.get(ran.step.notebook, LESSON))

    assert_fails(place.nbval(place.prepare(ran), also=broken), "Cell outputs differ")

    for file in set(place.versions) - before:
        file.unlink()


def breaking(place: Place, module: str, result: str) -> Path:
    """Return a folder to import from first, where the verdict of a result is always UNKNOWN.

    In kernels only: a project that has a package of our name must find its own.
    """
    folder = place.folder / f"broken {module}"
    folder.mkdir(exist_ok=True)
    (folder / "sitecustomize.py").write_text(
        "import sys\n"
        "if 'ipykernel_launcher' in sys.orig_argv:\n"
        f"    from ops.{module} import {result}\n"
        "    from ops.values import Verdict\n"
        f"    {result}.verdict = property(lambda self: Verdict.UNKNOWN)\n",
        encoding="utf-8",
    )
    return folder


@pytest.mark.timeout(3600)
def test_every_notebook_shows_on_another_server_what_it_showed_papermill(story: Story, place: Place) -> None:
    """One test, as each replay begins where the one before it has ended. Each notebook is broken once, before that."""
    whole: set[str] = set()
    for steps, prepare in ((UNTOUCHED, None), (EDITED, edit_model)):
        if prepare is not None:
            prepare(place.home)
        for step in (STEPS[name] for name in replayable(steps)):
            if step.notebook not in whole:
                whole.add(step.notebook)
                assert_breaks(place, story[step.name])
            replay(place, story, [step])
    assert whole == {*BREAKS, "walkthroughs/01-a-new-model"}
    assert {step.notebook for step in (*UNTOUCHED, *EDITED) if step.exit_code == 0} == {
        step.notebook for step in (*UNTOUCHED, *EDITED)
    }
    _breaks(story, place)


def _at(home: Path, patch: pytest.MonkeyPatch) -> None:
    for key in set(os.environ) - set(environment(home)):
        patch.delenv(key)
    for key, value in environment(home).items():
        patch.setenv(key, value)


WALKED = [one.name for one in catalogue().notebooks if re.match(r"walkthroughs/(0[2-9]|1[0-3])", one.name)]
"""Those after the one in the story that any Alembic project could be walked through; each is a place of its own."""


@pytest.mark.heavy
@pytest.mark.parametrize("name", WALKED)
def test_a_walkthrough_shows_in_another_copy_what_it_showed_papermill(
    name: str, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = name.removeprefix("walkthroughs/")[:2]
    _at(make_home(shared_folder(tmp_path_factory, f"told{number}")), monkeypatch)
    ran = headless.execute(name, {}, progress=lambda line: None)
    assert ran.exit_code == 0
    taken = Ran(step=Step(name=name.rpartition("/")[2], notebook=name), folder=ran.folder)
    told = [cell for cell in taken.notebook.cells if cell.cell_type == "code"]
    assert [cell.id for cell in told if not cell.execution_count] == [], "nbval compares nothing without a count"

    place = Place(shared_folder(tmp_path_factory, f"seen{number}"))
    replay(place, {taken.step.name: taken}, [taken.step])
    assert_breaks(place, taken)


def _breaks(story: Story, place: Place) -> None:
    reference = place.prepare(story["inspect at last"])
    stripped = place.prepare(story["inspect at last"], stripped=True)
    verdict = breaking(place, "status", "Status")

    assert place.nbval(reference).returncode == 0, "nothing is broken yet"
    assert_fails(place.nbval(reference, also=verdict), "Cell outputs differ")
    assert_fails(place.nbval(stripped, mode="--nbval-lax", also=verdict), "UNKNOWN: sandbox")

    # Without the ledger, which would tell that somebody else moved the version.
    place.change_by_hand(f"DROP SCHEMA alembic_ops CASCADE; UPDATE alembic_version SET version_num = '{INITIAL}'")
    assert_fails(place.nbval(stripped, reference), "Cell outputs differ")  # pending is no error: only outputs tell

    place.change_by_hand("UPDATE alembic_version SET version_num = 'deadbeef0000'")
    assert_fails(place.nbval(stripped, mode="--nbval-lax"), "deadbeef0000")


def assert_fails(done: subprocess.CompletedProcess[str], because: str) -> None:
    assert done.returncode == 1, done.stdout[-3000:]
    assert because in done.stdout, done.stdout[-3000:]
