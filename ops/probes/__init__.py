"""Read-only questions to the live database that foretell whether a plan's statements will fail on its rows."""

from __future__ import annotations

from ops.probes.asking import ask
from ops.probes.values import Probe

__all__ = ["Probe", "ask"]
