"""Plain papermill on the real notebooks: from anywhere, strict all the same, and honest about verdicts."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import pytest

from ops.runbook import kernel
from tests.notebooks.story import CHECKOUT, INITIAL, environment


@dataclass(frozen=True, kw_only=True)
class Done:
    """A papermill that has ended."""

    code: int
    said: str
    out: Path
    home: Path

    @property
    def cells(self) -> list[nbformat.NotebookNode]:
        return nbformat.read(self.out, as_version=4).cells

    @property
    def shown(self) -> str:
        """Every output as text, errors included."""
        outputs = [output for cell in self.cells if cell.cell_type == "code" for output in cell.outputs]
        return "\n".join(str(one.get("data", one)) for one in outputs)

    @property
    def records(self) -> list[dict[str, Any]]:
        """Every result.json, oldest first."""
        return [
            json.loads(file.read_text(encoding="utf-8")) for file in sorted(self.home.glob("runs/*/*/*/result.json"))
        ]


Papermill = Callable[..., Done]


@pytest.fixture(scope="module")
def server_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose embedded server all tests of this module use; each has its own runs."""
    return tmp_path_factory.mktemp("papermill home")


@pytest.fixture
def papermill(server_home: Path, tmp_path: Path) -> Papermill:
    """Run papermill in a folder of its own, away from the checkout."""
    for folder in server_home.glob("runs"):
        folder.rename(tmp_path / "earlier")
    here = tmp_path / "somewhere else"
    here.mkdir()
    env = environment(server_home) | kernel.environment(server_home)

    def run(notebook: str, *arguments: str) -> Done:
        out = here / "out.ipynb"
        command = [sys.executable, "-m", "papermill", str(CHECKOUT / "notebooks" / f"{notebook}.ipynb"), "out.ipynb"]
        done = subprocess.run([*command, *arguments], cwd=here, env=env, capture_output=True, text=True)
        return Done(code=done.returncode, said=done.stdout + done.stderr, out=out, home=server_home)

    return run


def test_from_another_folder_it_ends_well_and_leaves_its_record(papermill: Papermill) -> None:
    done = papermill("10-inspect", "-p", "target", "sandbox")

    assert done.code == 0, done.said
    [record] = done.records
    assert (record["notebook"], record["target"], record["verdict"]) == ("10-inspect", "sandbox", "OK")
    assert record["data"]["pending"] == [INITIAL]
    assert [path.name for path in done.out.parent.iterdir()] == ["out.ipynb"], "nothing else is left there"
    [graph] = [cell for cell in done.cells if cell.id == "graph"]
    assert {"image/svg+xml", "text/vnd.mermaid", "text/plain"} <= set(graph.outputs[0].data)


def test_pending_where_none_may_be_fails_papermill_and_is_on_record(papermill: Papermill) -> None:
    done = papermill("10-inspect", "-p", "target", "sandbox", "-p", "fail_on_pending", "True")

    assert done.code != 0
    [record] = done.records
    assert (record["verdict"], record["exit_code"], record["error"]) == ("ATTENTION", 3, None)
    assert record["parameters"] == {"target": "sandbox", "fail_on_pending": True}
    assert f"Pending where none may be: {INITIAL}" in done.shown
    assert "ATTENTION" in done.said


# fmt: off
REFUSED = {  #                  notebook      given                           what it says
    "an unknown parameter":    ("10-inspect", "-p fail_on_pendin True",       ("has no parameter 'fail_on_pendin'",
                                                                              "Did you mean fail_on_pending?")),
    "an unknown target":       ("10-inspect", "-p target sandbx",             ("There is no target 'sandbx'",
                                                                              "Did you mean 'sandbox'?")),
    "a revision as a number":  ("40-upgrade", "-p revision 12e456789012",     ("arrived as float inf",
                                                                              "-r revision VALUE")),
    "a bool in small letters": ("10-inspect", "-p fail_on_pending true",      ("takes a bool", "arrived as str 'true'",
                                                                              "-p fail_on_pending True")),
}
# fmt: on


@pytest.mark.parametrize(("notebook", "given", "words"), REFUSED.values(), ids=REFUSED)
def test_what_papermill_lets_pass_the_guard_cell_refuses(
    papermill: Papermill, notebook: str, given: str, words: tuple[str, ...]
) -> None:
    done = papermill(notebook, *given.split())

    assert done.code != 0
    assert all(word in done.said for word in words), done.said
    assert all(word in done.shown for word in words)
    assert done.records == [], "nothing was begun, so nothing is on record"
    after_the_guard = [cell for cell in done.cells if "act" in cell.metadata.tags or "verdict" in cell.metadata.tags]
    assert all(cell.execution_count is None for cell in after_the_guard if cell.cell_type == "code")


def test_a_revision_given_as_text_arrives_as_it_was_written(papermill: Papermill) -> None:
    done = papermill("40-upgrade", "-p", "target", "sandbox", "-r", "revision", "0012345678")

    assert done.code != 0, "no file has that revision"
    [record] = done.records
    assert record["parameters"]["revision"] == "0012345678"
    assert (record["verdict"], record["error"]["code"], record["error"]["changed"]) == ("FAILED", "revision", False)
    assert "0012345678" in record["error"]["problem"]
