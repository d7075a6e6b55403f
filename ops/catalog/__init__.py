"""One database's schema as values, its fingerprint, and what differs between two of them."""

from __future__ import annotations

from ops.catalog.diff import Difference, diff
from ops.catalog.queries import KINDS
from ops.catalog.snapshot import read
from ops.catalog.values import Catalog, Key, Object, properties

__all__ = ["KINDS", "Catalog", "Difference", "Key", "Object", "diff", "properties", "read"]
