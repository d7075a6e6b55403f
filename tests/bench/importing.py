"""`import ops` in a fresh interpreter."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from measure import Claim, Part, environment

CODE = """\
import sys, time
began = time.perf_counter()
import ops
took = time.perf_counter() - began
print(took * 1000, *sorted({"pandas", "IPython", "sqlalchemy", "alembic"} & set(sys.modules)))
"""
FORBIDDEN = {"pandas", "IPython"}


def run(folder: Path) -> Part:
    """Measure fifteen times, after one that is left out."""
    found = [_once(folder) for _ in range(16)][1:]
    loaded = {name for _, names in found for name in names}
    if loaded & FORBIDDEN:
        raise SystemExit(f"import ops loads {', '.join(sorted(loaded & FORBIDDEN))}")
    return Part(
        title="import ops",
        claims=(Claim(what="`import ops`", values=tuple(took for took, _ in found), limit=100, unit="ms"),),
        remarks=("Neither pandas nor IPython is loaded" + ("." if loaded else ", nor SQLAlchemy, nor Alembic."),),
    )


def _once(folder: Path) -> tuple[float, list[str]]:
    command = [sys.executable, "-c", CODE]
    out = subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True, check=True).stdout
    took, *names = out.split()
    return float(took), names
