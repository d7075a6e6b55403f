"""What git knows of files, asked of a real repository."""

from __future__ import annotations

import subprocess
from pathlib import Path

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
