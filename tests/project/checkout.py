"""The files of this checkout, as a clone of it would have them."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

_NOT_OURS = {".git", ".venv", ".ops", "runs", "build", "dist"}


def files(*, untracked: bool = False) -> tuple[Path, ...]:
    """Return the tracked files, relative; `untracked`: those that wait to be added as well."""
    options = ["--cached", "--others", "--exclude-standard"] if untracked else ["--cached"]
    try:
        listed = subprocess.run(["git", "ls-files", "-z", *options], cwd=ROOT, capture_output=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):  # unpacked from an archive: there everything is ours
        found = [path.relative_to(ROOT) for path in ROOT.rglob("*") if path.is_file()]
        return tuple(path for path in sorted(found) if not _NOT_OURS.intersection(path.parts))
    names = sorted({name.decode() for name in listed.split(b"\0") if name})
    return tuple(Path(name) for name in names if (ROOT / name).is_file())


def copy_to(folder: Path) -> Path:
    """Copy the checkout, without what is ignored, and return the copy.

    What Python has compiled comes along: it is as valid there, and takes a second to make.
    """
    for path in files(untracked=True):
        compiled = Path(importlib.util.cache_from_source(os.fspath(path)) if path.suffix == ".py" else path)
        for one in {path, compiled}:
            if (ROOT / one).is_file():
                (folder / one.parent).mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / one, folder / one)
    return folder


def make_targets() -> set[str]:
    """Return the targets of the Makefile."""
    lines = (ROOT / "Makefile").read_text(encoding="utf-8").splitlines()
    return {line.partition(":")[0] for line in lines if line[:1].isalpha() and ":" in line and ":=" not in line}
