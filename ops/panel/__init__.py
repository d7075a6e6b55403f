"""The control panel: where a database is, what can be done now, and what comes of it, in JupyterLab."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ops.status import Status


def control_panel(status: Status) -> Any:
    """Return the panel for a target, to be shown as the last value of a cell.

    Where no person's Jupyter session owns the kernel, it is the state and a table of what can be done now, with the
    commands.
    """
    import os

    from ops.panel.desk import Desk
    from ops.panel.shown import plain
    from ops.runbook.catalogue import catalogue

    notebooks = catalogue().notebooks
    if os.environ.get("JPY_SESSION_NAME"):
        from ops.panel.app import Panel

        return Panel(status, notebooks)
    return plain(status, Desk.of(status, notebooks))
