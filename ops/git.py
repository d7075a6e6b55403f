"""What git knows of a project's files; nothing where there is no git."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

GIT_SECONDS = 10

_PLAIN_ID = re.compile(r"[\w-][\w.-]*\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A file as one commit has it; `path` is relative to the top of the repository, `branches` have that commit."""

    commit: str
    path: str
    date: str
    author: str
    content: bytes
    branches: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The content as text."""
        return self.content.decode("utf-8", "replace")

    @property
    def restore(self) -> str:
        """The command that brings the file back as it was."""
        return f"git checkout {self.commit[:12]} -- {shlex.quote(':/' + self.path)}"


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


def top(folder: Path) -> Path | None:
    """Return the top of the repository that a folder belongs to; None where there is no git."""
    said = _ask(folder, "rev-parse", "--show-toplevel")
    return Path(said.rstrip("\n")) if said else None


def top_of(files: Iterable[Path]) -> Path | None:
    """Return the top of the first repository that has one of some files; a folder of them is asked once."""
    folders = dict.fromkeys(file.parent for file in files)
    return next(filter(None, map(top, folders)), None)


def commit(folder: Path) -> str | None:
    """Return the hash of the commit that a folder's checkout is at; None where there is no git, or no commit."""
    said = _ask(folder, "rev-parse", "--verify", "--quiet", "HEAD")
    return said.strip() if said else None


def uncommitted(folder: Path) -> frozenset[Path] | None:
    """Return the files of a folder that the last commit does not hold as they are; None where there is no git."""
    listed = _ask(folder, "ls-files", "-z", "--", ".")
    changed = _ask(folder, "status", "--porcelain", "--no-renames", "-z", "--untracked-files=no", "--", ".")
    above = top(folder)
    if listed is None or changed is None or above is None:
        return None
    base = Path(os.path.realpath(folder))
    known = {base / name for name in listed.split("\0") if name}
    modified = {above / line[3:] for line in changed.split("\0") if line}
    # a file that git ignores is not committed either, so what is there counts, and not what git says of it
    there = {path for path in base.rglob("*.py") if path.is_file()}
    return frozenset((there - known) | {Path(os.path.realpath(path)) for path in modified})


def with_revision(folder: Path, revision: str) -> tuple[Kept, ...]:
    """Return the version files that ever had a revision id, the newest copy of each, on whatever branch, or on none.

    Empty where there is no git, where nobody committed such a file, and for an id that no file would have.
    """
    if not _PLAIN_ID.match(revision):
        return ()
    line = f"^revision[^=]*=[ ]*[\"']{revision.replace('.', '[.]')}[\"']"
    found: dict[str, Kept] = {}
    for commit, names in _commits(folder, "-G", line, "--name-only", "--", ":/*.py"):
        for name in names:
            if name not in found and (kept := _kept(folder, commit, name)) is not None:
                found[name] = kept
    return tuple(found.values())


def versions_of(file: Path) -> Iterator[Kept]:
    """Yield a file as every commit that changed it has it, the newest first."""
    folder = file.parent
    for commit, names in _commits(folder, "--name-only", "--", file.name):
        for name in names:
            if (kept := _kept(folder, commit, name)) is not None:
                yield kept


def _commits(folder: Path, *arguments: str) -> Iterator[tuple[tuple[str, str, str], list[str]]]:
    """Commits of every branch, and of those that none has any more, with the files that they changed."""
    log = ("log", "--all", "--reflog", "--no-renames", "-z", "--format=%x1e%H%x1f%aI%x1f%an%x1f")
    for one in (_ask(folder, *log, *arguments) or "").split("\x1e")[1:]:
        commit, date, author, names = one.split("\x1f", 3)
        yield (commit, date, author), [name for name in names.replace("\n", "").split("\0") if name]


def _kept(folder: Path, commit: tuple[str, str, str], name: str) -> Kept | None:
    """A file as a commit has it; None where that commit removed it."""
    content = _ask(folder, "show", f"{commit[0]}:{name}")
    if content is None:
        return None
    listed = _ask(folder, "branch", "--all", "--contains", commit[0], "--format=%(refname:short)") or ""
    return Kept(
        commit=commit[0],
        path=name,
        date=commit[1],
        author=commit[2],
        content=os.fsencode(content),
        branches=tuple(one for one in listed.splitlines() if one and not one.startswith("(")),
    )


def _ask(folder: Path, *arguments: str) -> str | None:
    # inside of a hook these would lead to another repository
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    command = ["git", "-C", str(folder), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, timeout=GIT_SECONDS, check=False, env=environment)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return os.fsdecode(done.stdout) if done.returncode == 0 else None
