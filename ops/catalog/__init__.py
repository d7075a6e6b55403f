"""A schema as values, its fingerprint, and what differs between two of them: pure. `snapshot` reads one."""

from __future__ import annotations

from ops.catalog.diff import Difference, diff
from ops.catalog.values import Catalog, Key, Object, properties

__all__ = ["Catalog", "Difference", "Key", "Object", "diff", "properties"]
