"""Names to databases: what a target is, where it comes from, and what must never be shown of it."""

from __future__ import annotations

from ops.secrets import cleaned, redact, remember
from ops.settings.home import CHECKOUT, home, is_checkout, notebooks_folder, unwritable
from ops.settings.sections import Limits, TargetSettings, default_url, names, resolve
from ops.settings.urls import Database, masked, ours, project_url
from ops.settings.words import bytes_of, seconds

__all__ = [
    "CHECKOUT",
    "Database",
    "Limits",
    "TargetSettings",
    "bytes_of",
    "cleaned",
    "default_url",
    "home",
    "is_checkout",
    "masked",
    "names",
    "notebooks_folder",
    "ours",
    "project_url",
    "redact",
    "remember",
    "resolve",
    "seconds",
    "unwritable",
]
