"""One database's schema as values, and its fingerprint."""

from __future__ import annotations

from ops.catalog.generic import fingerprint

__all__ = ["fingerprint"]
