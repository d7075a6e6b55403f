"""What the project needs, and that every file which says so says the same."""

from __future__ import annotations

import contextlib
import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from tests.project.checkout import ROOT, make_targets

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT: dict[str, Any] = PYPROJECT["project"]
CONDA: dict[str, Any] = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))


def _by_name(requirements: list[str]) -> dict[str, SpecifierSet]:
    parsed = [Requirement(one) for one in requirements]
    assert len({canonicalize_name(one.name) for one in parsed}) == len(parsed)
    return {canonicalize_name(one.name): one.specifier for one in parsed}


def test_conda_environment_agrees_with_pyproject() -> None:
    plain = [one for one in CONDA["dependencies"] if isinstance(one, str)]
    (from_pip,) = [one["pip"] for one in CONDA["dependencies"] if isinstance(one, dict)]
    *packages, ourselves = from_pip

    conda = _by_name([*plain, *packages])

    assert ourselves == "--editable ."
    assert conda.pop("python") == SpecifierSet(PROJECT["requires-python"])
    assert conda.pop("pip") == SpecifierSet()
    assert conda == _by_name([*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["test"]])


def test_conda_environment_has_our_name_and_one_channel() -> None:
    assert CONDA["name"] == PROJECT["name"]
    assert CONDA["channels"] == ["conda-forge"]


def test_every_dependency_has_a_lower_bound() -> None:
    specifiers = _by_name([*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["test"]])

    assert all(any(one.operator == ">=" for one in each) for each in specifiers.values())


def test_python_version_is_the_same_everywhere() -> None:
    (lowest,) = re.findall(r">=(\d+\.\d+)", PROJECT["requires-python"])

    assert PYPROJECT["tool"]["ruff"]["target-version"] == "py" + lowest.replace(".", "")
    assert f"Python {lowest} or newer" in (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"({lowest.replace('.', ', ')})" in (ROOT / "Makefile").read_text(encoding="utf-8")


def test_license_is_mit() -> None:
    assert (ROOT / "LICENSE").read_text(encoding="utf-8").startswith("MIT License\n")
    assert PROJECT["license"] == "MIT"


def test_version_has_a_section_in_the_changelog() -> None:
    assert f"\n## {PROJECT['version']} " in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_console_script_is_there() -> None:
    scripts = {one.name: one for one in metadata.distribution(PROJECT["name"]).entry_points}

    assert PROJECT["scripts"] == {"ops": scripts["ops"].value}
    assert callable(scripts["ops"].load())


def test_makefile_has_the_commands() -> None:
    assert {"run", "test", "test-all", "bench", "lab", "lint", "clean"} <= make_targets()


@pytest.mark.parametrize("target", ["run", "test", "test-all", "bench", "lab", "lint"])
def test_make_knows_how(target: str, tmp_path: Path) -> None:
    folder = tmp_path / "with a space"
    folder.mkdir()
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, folder)

    done = subprocess.run(["make", "-n", target], cwd=folder, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert "-m venv .venv" in done.stdout
    assert '-m pip install --quiet --editable ".[test]"' in done.stdout
    assert not list(folder.glob(".venv"))


def test_packaged_are_only_ours() -> None:
    assert PYPROJECT["tool"]["setuptools"]["packages"]["find"]["include"] == ["ops*"]
    assert not (ROOT / "alembic" / "__init__.py").exists()


# fmt: off
LICENCES = {  #                          metadata                                                        refused
    "GPL by expression":                 ("GPL-3.0-or-later",                                            True),
    "GPL by classifier":                 ("GNU General Public License v3 (GPLv3)",                       True),
    "old GPL, in short":                 ("GPL",                                                         True),
    "AGPL by expression":                ("AGPL-3.0-only",                                               True),
    "AGPL by classifier":                ("GNU Affero General Public License v3",                        True),
    "GPL in addition to another":        ("MIT AND GPL-2.0-only",                                        True),
    "GPL as a choice":                   ("MIT OR GPL-2.0-only",                                         False),
    "LGPL by expression":                ("LGPL-3.0-or-later",                                           False),
    "LGPL by classifier":                ("GNU Library or Lesser General Public License (LGPL)",         False),
    "LGPL with an exception":            ("LGPL with exceptions",                                        False),
    "LGPL, whole name":                  ("GNU Lesser General Public License v3 (LGPLv3)",               False),
    "permissive":                        ("BSD-3-Clause AND 0BSD AND MIT",                               False),
}
# fmt: on


@pytest.mark.parametrize(("licence", "refused"), LICENCES.values(), ids=LICENCES)
def test_what_counts_as_gpl(licence: str, refused: bool) -> None:
    assert _is_gpl(licence) == refused


def test_nothing_that_we_depend_on_is_gpl() -> None:
    found = {one.metadata["Name"]: _licences(one) for one in _dependencies(PROJECT["name"])}

    assert len(found) > 50
    assert [name for name, licences in found.items() if not licences] == []
    assert {name: licences for name, licences in found.items() if all(map(_is_gpl, licences))} == {}


def test_licences_in_the_contributing_page_are_those_of_the_distributions() -> None:
    rows = re.findall(
        r"^\| `([\w-]+)` \| (\w+) \|", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), re.MULTILINE
    )

    assert len(rows) == len(_by_name([*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["test"]]))
    for name, licence in rows:
        assert licence in " ".join(_licences(metadata.distribution(name))), name


def test_what_only_the_fuzzer_needs_is_an_extra_of_its_own_and_not_gpl() -> None:
    extras = PROJECT["optional-dependencies"]
    (name,) = _by_name(extras["fuzz"])
    said = re.search(rf"extra `fuzz` is `{name}` \((\w+),", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"))

    assert name not in _by_name([*PROJECT["dependencies"], *extras["test"]])
    assert said is not None and not _is_gpl(said[1])
    with contextlib.suppress(metadata.PackageNotFoundError):
        assert said[1] in " ".join(_licences(metadata.distribution(name)))


def _is_gpl(licence: str) -> bool:
    """Whether a licence is the GPL or AGPL, and not merely one that may be chosen."""
    choices = re.split(r"\s+OR\s+", licence)
    return all(re.search(r"\bA?GPL|\bGNU (Affero )?General Public", one) for one in choices)


def _licences(distribution: metadata.Distribution) -> list[str]:
    """What a distribution says of its licence; a whole licence text in that field says nothing short."""
    about = distribution.metadata
    classifiers = about.get_all("Classifier") or []
    words = [about.get("License-Expression") or "", (about.get("License") or "").strip()]
    words += [one.rpartition(" :: ")[2] for one in classifiers if one.startswith("License ::")]
    if not any(words):  # then the licence itself has to say its name
        texts = (one.read_text() for one in distribution.files or () if one.name.startswith("LICEN"))
        words = [text.lstrip().partition("\n")[0].strip() for text in texts]
    return [one for one in words if one and one != "UNKNOWN" and "\n" not in one]


def _dependencies(name: str) -> Iterator[metadata.Distribution]:
    """Every installed distribution that one needs at run time, itself included."""
    asked: set[tuple[str, str]] = set()
    queue = [(name, "")]
    seen: set[str] = set()
    while queue:
        wanted = queue.pop()
        if wanted in asked:
            continue
        asked.add(wanted)
        name, extra = wanted
        distribution = metadata.distribution(name)
        if name not in seen:
            seen.add(name)
            yield distribution
        for text in distribution.requires or ():
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
                key = canonicalize_name(requirement.name)
                queue += [(key, one) for one in ("", *requirement.extras)]
