"""What git knows of files, asked of a real repository."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from ops import git


def repository(folder: Path) -> Path:
    (folder / "sub").mkdir(parents=True)
    for command in (
        ["init", "-q"], ["config", "user.email", "a@example.org"], ["config", "user.name", "An Nguyễn"],
    ):  # fmt: skip
        subprocess.run(["git", "-C", str(folder), *command], check=True)
    return folder


def commit(folder: Path, *names: str) -> None:
    subprocess.run(["git", "-C", str(folder), "add", "-f", "--", *names], check=True)
    subprocess.run(["git", "-C", str(folder), "commit", "-q", "-m", "x"], check=True)


def test_uncommitted(tmp_path: Path) -> None:
    folder = repository(tmp_path / "dự án")
    for name in ("same", "edited", "staged", "new", "ignored", "it's ' \"new\""):
        (folder / "sub" / f"{name}.py").write_text("1\n")
    (folder / ".gitignore").write_text("ignored.py\n")
    commit(folder, "sub/same.py", "sub/edited.py", "sub/staged.py")
    (folder / "sub" / "edited.py").write_text("2\n")
    (folder / "sub" / "staged.py").write_text("2\n")
    subprocess.run(["git", "-C", str(folder), "add", "sub/staged.py"], check=True)

    found = git.uncommitted(folder / "sub")

    assert found is not None
    assert {path.stem for path in found} == {"edited", "staged", "new", "ignored", "it's ' \"new\""}


def test_without_git_nothing_is_known(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("1\n")

    assert git.uncommitted(tmp_path) is None
    assert git.added(tmp_path) == {}


def test_added_names_the_author(tmp_path: Path) -> None:
    folder = repository(tmp_path / "r")
    (folder / "sub" / "a.py").write_text("1\n")
    commit(folder, "sub/a.py")

    ((path, (date, author)),) = git.added(folder / "sub").items()

    assert (path.name, author) == ("a.py", "An Nguyễn")
    assert date[:2] == "20"


def test_the_files_of_a_folder_are_asked_about_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inside, outside = repository(tmp_path / "shop") / "sub", tmp_path / "elsewhere"
    outside.mkdir()
    asked: list[Path] = []
    top = git.top
    monkeypatch.setattr(git, "top", lambda folder: (asked.append(folder), top(folder))[1])

    found = git.top_of([*(outside / f"{name}.py" for name in range(9)), *(inside / f"{name}.py" for name in range(9))])

    assert found == Path(os.path.realpath(tmp_path / "shop"))
    assert asked == [outside, inside]
    assert git.top_of([outside / "x.py"]) is None and git.top_of([]) is None
