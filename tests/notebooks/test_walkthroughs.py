"""Every walkthrough, run headlessly: what it claims really happened, and it opens anywhere."""

from __future__ import annotations

import json
import os
from pathlib import Path

import nbformat
import pytest

from ops.runbook import catalogue, headless
from tests.notebooks.story import SHOWN, STEPS, environment
from tests.notebooks.test_notebooks import Page

pytestmark = pytest.mark.timeout(600)

QUICK = ("walkthroughs/04-a-migration-by-hand",)
"""What `make test` runs, beside the one in the story: that which goes through most, in the least time."""

TOLD = {step.notebook for step in STEPS.values()}
NAMES = sorted(
    one.name for one in catalogue.catalogue().notebooks if one.name.startswith("walkthroughs/") and one.name not in TOLD
)


@pytest.fixture
def learner(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home folder of somebody who learns, as the environment has it."""
    for key in set(os.environ) - set(environment(home)):
        monkeypatch.delenv(key)
    for key, value in environment(home).items():
        monkeypatch.setenv(key, value)
    return home


@pytest.mark.parametrize("name", [pytest.param(one, marks=() if one in QUICK else pytest.mark.heavy) for one in NAMES])
def test_what_a_walkthrough_claims_really_happened(name: str, learner: Path) -> None:
    ran = headless.execute(name, {}, progress=lambda line: None)

    content = json.loads((ran.folder / "result.json").read_text(encoding="utf-8"))
    assert (ran.exit_code, content["verdict"], content["error"]) == (0, "OK", None), content
    claims = content["data"]["claims"]
    assert len(claims) >= 5
    assert [one["claim"] for one in claims if not one["holds"]] == []

    outputs = [one for cell in executed(ran.folder) if cell.cell_type == "code" for one in cell.outputs]
    assert [one for one in outputs if one.output_type == "error" or one.get("name") == "stderr"] == []
    shown = [set(one.data) for one in outputs if "data" in one]
    assert [kinds for kinds in shown if "text/plain" not in kinds or not kinds <= SHOWN] == []
    page = Page((ran.folder / "report.html").read_text(encoding="utf-8"))
    assert (page.fetched, "script" in page.tags) == ([], False)


def executed(folder: Path) -> list[nbformat.NotebookNode]:
    return nbformat.read(folder / "notebook.ipynb", as_version=4).cells
