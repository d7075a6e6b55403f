"""What statements do, as values: `parse` turns SQL into commands. Pure: no connection, no project."""

from __future__ import annotations

from ops.commands.values import Command

__all__ = ["Command"]
