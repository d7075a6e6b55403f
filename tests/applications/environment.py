"""An environment of its own for each application, kept from one test session to the next."""

from __future__ import annotations

import fcntl
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest


def python_with(
    name: str,
    requirements: Sequence[str],
    *,
    interpreter: str = sys.executable,
    told_apart: Sequence[str] | None = None,
) -> Path:
    """Return the Python of an environment with some packages, and a driver. Without a package index, the test skips.

    `told_apart` are words by which it is told from others of that name: by default its packages, but for the first.
    """
    base = Path(tempfile.gettempdir()) / f"alembic-ops-tests-{os.getuid()}"
    base.mkdir(mode=0o700, exist_ok=True)
    assert base.stat().st_uid == os.getuid() and not base.stat().st_mode & 0o077, f"{base} is somebody else's"
    version = ask(interpreter, "import sys; print('py%d%d' % sys.version_info[:2])")
    parts = (name, version, *(requirements[1:] if told_apart is None else told_apart))
    folder = base / re.sub(r"[^\w.-]", "", "-".join(parts))
    with open(base / f"{folder.name}.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "installed").exists():
            subprocess.run([interpreter, "-m", "venv", "--clear", folder], check=True)
            pip = [folder / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
            done = subprocess.run([*pip, *requirements, "psycopg2-binary"], capture_output=True, text=True)
            if done.returncode:
                give_up = pytest.fail if "OPS_CI" in os.environ else pytest.skip
                give_up(f"{name} could not be installed from the package index: {done.stderr[-500:]}")
            (folder / "installed").touch()
    return folder / "bin" / "python"


def ask(python: Path | str, code: str, given: str = "") -> str:
    """Return what a program of an environment prints."""
    done = subprocess.run([python, "-c", code], input=given, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
