"""Names to databases: what a target is, where it comes from, and what must never be shown of it."""

from __future__ import annotations

from ops.settings.home import CHECKOUT, home
from ops.settings.secrets import cleaned, redact, remember
from ops.settings.sections import Limits, TargetSettings, default_url, names, resolve
from ops.settings.urls import Database, masked, ours, project_url

__all__ = [
    "CHECKOUT",
    "Database",
    "Limits",
    "TargetSettings",
    "cleaned",
    "default_url",
    "home",
    "masked",
    "names",
    "ours",
    "project_url",
    "redact",
    "remember",
    "resolve",
]
