"""JupyterLab on a dated copy of the notebooks: the sources stay clean, and what was done stays on record."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from ops.errors import OpsError
from ops.runbook.kernel import environment
from ops.runbook.record import now, write_atomically
from ops.settings import home as find_home
from ops.settings import notebooks_folder

START = "00-start-here.ipynb"

# Asking for news is a pop-up on first start, and a request to somebody else's server after it.
_OVERRIDES = {
    "@jupyterlab/apputils-extension:notification": {
        "fetchNews": "false",
        "checkForUpdates": False,
        "doNotDisturbMode": False,
    }
}

# A picture is a document of its own: it goes by the colours that the browser prefers, unless it is told the theme's.
_CSS = """\
[data-jp-theme-light="true"] .jp-OutputArea-output{color-scheme:light}
[data-jp-theme-light="false"] .jp-OutputArea-output{color-scheme:dark}
"""


def main(extra: Sequence[str]) -> int:
    """Become JupyterLab: its process takes the place of this one, so that signals reach it.

    `extra` are arguments for `jupyter lab`.

    Raises
    ------
    OpsError
        There are no notebooks, or the copy cannot be written.
    """
    home = find_home()
    folder = copy(home)
    env = {**os.environ, **environment(home)}
    env["npm_config_cache"] = str(home / ".ops" / "jupyter" / "npm")  # Lab asks npm for language servers
    settings = {"labconfig/default_setting_overrides.json": json.dumps(_OVERRIDES, indent=2), "custom/custom.css": _CSS}
    for name, text in settings.items():
        file = Path(env["JUPYTER_CONFIG_DIR"]) / name
        file.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(file, text)
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(sys.executable, command(folder, extra), env)


def copy(home: Path) -> Path:
    """Return a new folder `runs/lab/<date-time>` with a copy of the notebooks."""
    source = notebooks_folder()
    if not (source / START).is_file():
        raise OpsError(
            f"There is no {START} in {source}.",
            next_step="Run this from a checkout, or set OPS_NOTEBOOKS to the folder of notebooks.",
            code="notebook",
        )
    base = home / "runs" / "lab"
    stamp = now().strftime("%Y-%m-%d-%H%M%S")
    folder, number = base / stamp, 1
    while folder.exists():
        number += 1
        folder = base / f"{stamp}-{number}"
    shutil.copytree(source, folder, ignore=shutil.ignore_patterns(".*", "__pycache__"))
    return folder


def command(folder: Path, extra: Sequence[str]) -> list[str]:
    """Return the command that opens JupyterLab on a folder of notebooks."""
    # Jupyter refuses to run as root unless told; on a machine where root is all there is, that is no choice.
    root = ["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    return [
        sys.executable,
        "-m",
        "jupyterlab",
        # The records of all runs lie there, too: so the panel can open their notebooks and reports.
        f"--ServerApp.root_dir={folder.parent.parent}",
        f"--LabApp.default_url=/lab/tree/{folder.parent.name}/{folder.name}/{START}",
        "--LabApp.custom_css=True",
        *root,
        *extra,
    ]
