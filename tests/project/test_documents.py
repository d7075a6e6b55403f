"""What no tracked file may hold, and what the pages beside the README must."""

from __future__ import annotations

import re
import tomllib

import pytest

from tests.project.checkout import ROOT, files
from tests.project.pages import PAGES

CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")

# Written so that this file does not find itself.
FORBIDDEN = {
    "a path of the machine that it was written on": r"(?<![\w.:}-])/(work|root|tmp/dev|home/\w+)/[\w.-]",
    "a host of a package index": r"\b(pypi|pythonhosted|anaconda)\.(org|com)|[-_]index[-_]url|PIP_[I]NDEX",
    "how it was made": r"(?i)\b(cla[u]de|anthrop[i]c|open[a]i|chat[g]pt|copil[o]t|language m[o]del|coding ag[e]nt)",
    "a tracker of its own making": r"(?i)\bissue #?\d|\bsee issue\b",
    "work left undone": r"\b(TO[D]O|FIX[M]E|X[X]X)\b",
}


def _texts() -> dict[str, str]:
    found = {}
    for path in files():
        raw = (ROOT / path).read_bytes()
        if b"\0" not in raw:
            found[path.as_posix()] = raw.decode("utf-8")
    return found


TEXTS = _texts()


@pytest.mark.parametrize("pattern", FORBIDDEN.values(), ids=FORBIDDEN)
def test_no_tracked_file_holds(pattern: str) -> None:
    found = [
        f"{name}:{text.count(chr(10), 0, match.start()) + 1}: {match[0]}"
        for name, text in TEXTS.items()
        for match in re.finditer(pattern, text)
    ]

    assert found == []


@pytest.mark.parametrize("name", ["runs", ".ops", ".env", ".venv"])
def test_what_runs_leave_is_not_tracked(name: str) -> None:
    assert not [path for path in files() if path.parts[0] == name]


def test_contributing_names_every_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["test"]]
    rows = re.findall(r"^\| `([\w-]+)` \| \w+ \| (.+) \|$", CONTRIBUTING, re.MULTILINE)

    assert [name for name, _ in rows] == [re.split(r"[^\w-]", one)[0] for one in wanted]
    assert all(len(reason) > 4 for _, reason in rows)


def test_contributing_names_private_names_that_are_used() -> None:
    table = CONTRIBUTING.partition("### Private names")[2]
    for names, places in re.findall(r"^\| \w+ \| (`.+?`) \| (`.+?`) \|$", table, re.MULTILINE):
        found = [ROOT / place for place in re.findall(r"`([^`]+)`", places)]
        files = [file for one in found for file in (one.glob("*.py") if one.is_dir() else [one])]
        sources = "".join(file.read_text(encoding="utf-8") for file in files)
        for name in re.findall(r"`([^`]+)`", names):
            assert name.rpartition(".")[2] in sources, name


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "CHANGELOG.md", "alembic/README", *map(str, PAGES)])
def test_paths_that_are_named_exist(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    named = set(re.findall(r"(?<![\w./])((?:ops|tests|alembic|notebooks|docs)/[\w./-]*\w/?)", text))
    made_later = {"tests/bench/RESULTS.md", "tests/bench/results/"}  # by `make bench`
    forbidden = {"alembic/__init__.py"}

    assert [name for name in sorted(named - made_later - forbidden) if not (ROOT / name).exists()] == []


def test_alembic_readme_is_plain_text() -> None:
    text = (ROOT / "alembic" / "README").read_text(encoding="utf-8")

    assert text.isascii()
    assert "DATABASE_URL" in text


def test_example_environment_is_all_comments() -> None:
    lines = (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()

    assert all(not line or line.startswith("#") for line in lines)
    assert any(line.startswith("# DATABASE_URL=") for line in lines)
