"""What git knows of a project's files; nothing where there is no git."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

GIT_SECONDS = 10


def added(folder: Path) -> dict[Path, tuple[str, str]]:
    """Return date and author of the commit that added each file of a folder."""
    found: dict[Path, tuple[str, str]] = {}
    base = Path(os.path.realpath(folder))
    said = _ask(
        folder,
        *("log", "--diff-filter=A", "--no-renames", "--name-only", "--relative", "-z"),
        *("--format=%x1e%aI%x1f%an%x1f", "--", "."),
    )
    for commit in (said or "").split("\x1e")[1:]:
        date, author, names = commit.split("\x1f", 2)
        for name in names.replace("\n", "").split("\0"):
            if name:
                found.setdefault(base / name, (date, author))
    return found


def commit(folder: Path) -> str | None:
    """Return the hash of the commit that a folder's checkout is at; None where there is no git, or no commit."""
    said = _ask(folder, "rev-parse", "--verify", "--quiet", "HEAD")
    return said.strip() if said else None


def uncommitted(folder: Path) -> frozenset[Path] | None:
    """Return the files of a folder that the last commit does not hold as they are; None where there is no git."""
    listed = _ask(folder, "ls-files", "-z", "--", ".")
    changed = _ask(folder, "status", "--porcelain", "--no-renames", "-z", "--untracked-files=no", "--", ".")
    top = _ask(folder, "rev-parse", "--show-toplevel")
    if listed is None or changed is None or top is None:
        return None
    base = Path(os.path.realpath(folder))
    known = {base / name for name in listed.split("\0") if name}
    modified = {Path(top.rstrip("\n")) / line[3:] for line in changed.split("\0") if line}
    # a file that git ignores is not committed either, so what is there counts, and not what git says of it
    there = {path for path in base.rglob("*.py") if path.is_file()}
    return frozenset((there - known) | {Path(os.path.realpath(path)) for path in modified})


def _ask(folder: Path, *arguments: str) -> str | None:
    # inside of a hook these would lead to another repository
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    command = ["git", "-C", str(folder), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, timeout=GIT_SECONDS, check=False, env=environment)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return os.fsdecode(done.stdout) if done.returncode == 0 else None
