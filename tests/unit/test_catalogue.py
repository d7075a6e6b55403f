"""The catalogue reads the notebooks' own words."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ops.errors import OpsError, UsageError
from ops.runbook.catalogue import catalogue, find
from ops.runbook.parameters import Parameter


def write(folder: Path, name: str, *, parameters: str | list[str] = "", **described: object) -> None:
    """Write the least that a notebook is."""
    cell = {"cell_type": "code", "metadata": {"tags": ["parameters"]}, "source": parameters}
    content = {"cells": [cell], "metadata": {"ops": described} if described else {}}
    path = folder / f"{name}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")


@pytest.fixture
def notebooks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with notebooks, one draft, and a checkpoint."""
    folder = tmp_path / "notebooks"
    monkeypatch.setenv("OPS_NOTEBOOKS", str(folder))
    lines = ['target: str = "default"  # which\n', "strict: bool = False"]
    write(
        folder,
        "10-inspect",
        parameters=lines,
        effects="read",
        question="Where?",
        next={"OK": ["20-plan", "go on"]},
    )
    write(folder, "12-compare-schema", effects="read", question="What differs?")
    write(folder, "40-upgrade", effects="write", question="Do it <b>")
    write(folder, "walkthroughs/01-a-new-model", effects="files", question="How?")
    write(folder, "Untitled")
    write(folder, ".ipynb_checkpoints/10-inspect-checkpoint", effects="read")
    return folder


def test_every_notebook_is_listed_with_what_it_says(notebooks: Path) -> None:
    listed = catalogue()

    names = [one.name for one in listed.notebooks]
    assert names == ["10-inspect", "12-compare-schema", "40-upgrade", "walkthroughs/01-a-new-model"]
    first = listed.notebooks[0]
    assert (first.question, first.effects) == ("Where?", "read")
    assert first.parameters == (
        Parameter(name="target", type="str", default="default", help="which"),
        Parameter(name="strict", type="bool", default=False),
    )
    assert first.following == (("OK", "20-plan", "go on"),)
    assert listed.to_dict()["notebooks"][0]["parameters"][1] == {
        "name": "strict",
        "type": "bool",
        "default": False,
        "required": False,
        "help": "",
    }
    assert "Do it <b>" not in listed._repr_mimebundle_()["text/html"]
    assert len(listed.to_frame()) == 4


# fmt: off
FOUND = {
    "the whole name":             ("10-inspect", "10-inspect"),
    "a unique prefix":            ("4", "40-upgrade"),
    "a number":                   ("12", "12-compare-schema"),
    "as a file":                  ("notebooks/10-inspect.ipynb", "10-inspect"),
    "a walkthrough by its stem":  ("01-a-new-model", "walkthroughs/01-a-new-model"),
    "a walkthrough by a prefix":  ("walkthroughs/01", "walkthroughs/01-a-new-model"),
    "a walkthrough by its number": ("01", "walkthroughs/01-a-new-model"),
}
# fmt: on


@pytest.mark.parametrize(("wanted", "name"), FOUND.values(), ids=FOUND)
def test_names_and_prefixes(notebooks: Path, wanted: str, name: str) -> None:
    assert find(wanted).name == name


def test_a_walkthrough_of_the_same_number_is_in_nobodys_way(notebooks: Path) -> None:
    write(notebooks, "walkthroughs/10-made-safe", question="How?", effects="copy")

    assert find("10").name == "10-inspect"
    assert find("10-made").name == "walkthroughs/10-made-safe"


# fmt: off
NOT_FOUND = {
    "ambiguous":           ("1", "several notebooks: 10-inspect, 12-compare-schema"),
    "misspelt":            ("10-inspct", "Did you mean 10-inspect"),
    "nothing near":        ("zzz", "There is no notebook 'zzz'"),
    "empty":               ("", "There is no notebook ''"),
    "a way out":           ("../../etc/passwd", "There is no notebook"),
    "a draft is not ours": ("Untitled", "There is no notebook"),
    "a checkpoint":        ("10-inspect-checkpoint", "There is no notebook"),
    "endless":             ("1" * 10_000, "There is no notebook"),
}
# fmt: on


@pytest.mark.parametrize(("wanted", "says"), NOT_FOUND.values(), ids=NOT_FOUND)
def test_what_is_not_found_says_what_there_is(notebooks: Path, wanted: str, says: str) -> None:
    with pytest.raises(UsageError, match=says) as refusal:
        find(wanted)

    assert refusal.value.exit_code == 2
    assert len(str(refusal.value)) < 600


def test_a_broken_notebook_is_named(notebooks: Path) -> None:
    (notebooks / "99-broken.ipynb").write_text("{", encoding="utf-8")
    with pytest.raises(OpsError, match=r"99-broken\.ipynb cannot be read"):
        catalogue()


def test_effects_must_be_one_of_the_four(notebooks: Path) -> None:
    write(notebooks, "99-odd", effects="everything")
    with pytest.raises(OpsError, match="effects = 'everything'"):
        catalogue()


def test_a_folder_without_notebooks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPS_NOTEBOOKS", str(tmp_path / "nowhere"))

    assert catalogue().notebooks == ()
    with pytest.raises(UsageError, match="There is no notebook"):
        find("10")
