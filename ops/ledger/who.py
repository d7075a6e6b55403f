"""Who is at work here, and with which files."""

from __future__ import annotations

import getpass
import os
import socket
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from ops import git

NOTEBOOK = "OPS_NOTEBOOK"
"""The variable in which a notebook's kernel has its name."""


def whoami(project: Path | None = None) -> dict[str, str]:
    """Return operating-system user, host, process, notebook, version of this tool, and the commit of a folder.

    `project` is that folder. What cannot be told is empty.
    """
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's user id without a name
        user = str(os.getuid())
    return {
        "os_user": user,
        "host": socket.gethostname(),
        "process": str(os.getpid()),
        "notebook": os.environ.get(NOTEBOOK, ""),
        "tool": _tool(),
        "commit": (git.commit(project) or "") if project is not None else "",
    }


def _tool() -> str:
    try:
        return version("alembic-ops")
    except PackageNotFoundError:  # imported from a checkout that was never installed
        return ""
