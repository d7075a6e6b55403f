"""Where `runs/` and `.ops/` live, and which project is meant when nobody says."""

from __future__ import annotations

import os
import sysconfig
import tomllib
from pathlib import Path

from ops.errors import SettingsError

CHECKOUT = Path(__file__).resolve().parents[2]
"""The folder that holds the `ops` package: the repository, in a checkout."""

SHARED = Path(sysconfig.get_path("data")) / "share" / "alembic-ops"
"""Where an installation has what a checkout has beside the package."""


def home() -> Path:
    """Return the home folder.

    `OPS_HOME`; else the nearest folder upwards from the working directory that holds an Alembic project;
    else the checkout that contains `ops`.

    Raises
    ------
    SettingsError
        `OPS_HOME` names a folder that does not exist; or there is no Alembic project, and `ops` is no checkout.
    """
    named = os.environ.get("OPS_HOME")
    if named:
        folder = Path(os.path.abspath(os.path.expanduser(named)))
        if not os.path.isdir(folder):
            raise SettingsError(
                f"OPS_HOME names {str(folder)[:300]!r}, which is not a folder.",
                next_step="Create it, or unset OPS_HOME to use the nearest Alembic project.",
            )
        return folder.resolve()
    try:
        start = Path.cwd()
    except FileNotFoundError:
        return _checkout()
    for folder in (start, *start.parents):
        if is_project(folder):
            return folder
    return _checkout()


def _checkout() -> Path:
    if is_checkout():
        return CHECKOUT
    raise SettingsError(
        "There is no Alembic project here: neither this folder nor one above it has an alembic.ini, nor a "
        "pyproject.toml with [tool.alembic].",
        next_step="Go to the folder of your project, or name it in OPS_HOME.",
    )


def is_checkout() -> bool:
    """Return whether `ops` lies in its repository, and is not installed among other packages."""
    return is_project(CHECKOUT)


def unwritable(folder: Path, error: OSError) -> SettingsError:
    """Return the error for a home folder in which nothing can be written."""
    return SettingsError(
        f"Nothing can be written in {str(folder)!r}: {error.strerror}.",
        next_step="Make room, or give the right to write there; or name a folder of your own in OPS_HOME, with an "
        "ops.ini whose `config` leads to the project.",
        code="unwritable",
    )


def notebooks_folder() -> Path:
    """Return where the notebooks are: `OPS_NOTEBOOKS`, else beside the package, else where they were installed."""
    named = os.environ.get("OPS_NOTEBOOKS")
    if named:
        return Path(os.path.realpath(os.path.expanduser(named)))
    return (CHECKOUT if is_checkout() else SHARED) / "notebooks"


def is_project(folder: Path) -> bool:
    """Return whether a folder holds `alembic.ini`, or a `pyproject.toml` with `[tool.alembic]`."""
    # os.path, as a folder above us may be one that we are not allowed to look into.
    if os.path.isfile(folder / "alembic.ini"):
        return True
    pyproject = folder / "pyproject.toml"
    if not os.path.isfile(pyproject):
        return False
    try:
        tools = tomllib.loads(pyproject.read_text(encoding="utf-8")).get("tool")
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError):
        return False
    return isinstance(tools, dict) and "alembic" in tools


def config_file(folder: Path) -> Path | None:
    """Return the file that configures the Alembic project in a folder, if there is one."""
    if os.path.isfile(folder / "alembic.ini"):
        return folder / "alembic.ini"
    return folder / "pyproject.toml" if is_project(folder) else None
