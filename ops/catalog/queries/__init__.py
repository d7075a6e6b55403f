"""What is read of a PostgreSQL catalog: one query per kind of object, each giving one row per object.

Properties are JSON text, written by the server in a fixed order, so that two objects are equal exactly when
their texts are. Nothing in them depends on OIDs, on the order in which things were created, or on who
asks: they are read with an empty `search_path` and fixed settings, so that every name in a definition is qualified.

What differs between versions of PostgreSQL (15 to 18) is data: `since` and `until` of a query.
"""

from __future__ import annotations

from ops.catalog.queries.code import ROUTINES, TYPES
from ops.catalog.queries.constraints import CONSTRAINTS, INDEXES, POLICIES, RULES, STATISTICS, TRIGGERS
from ops.catalog.queries.others import DEFAULT_PRIVILEGES, EVENT_TRIGGERS, PUBLICATIONS, SERVERS, WRAPPERS
from ops.catalog.queries.parts import NEWEST, OLDEST, UNTRIED, Query
from ops.catalog.queries.relations import (
    COLUMNS_WITH_CONSTRAINTS,
    COLUMNS_WITH_FLAGS,
    EXTENSIONS,
    SCHEMAS,
    SEQUENCES,
    TABLES,
    VIEWS,
)

__all__ = ["ALL", "KINDS", "NEWEST", "OLDEST", "UNTRIED", "Query"]

ALL: tuple[tuple[Query, ...], ...] = (
    (SCHEMAS, EXTENSIONS, TABLES, VIEWS, SEQUENCES, TYPES, ROUTINES),
    (TRIGGERS, RULES, POLICIES, STATISTICS, EVENT_TRIGGERS, PUBLICATIONS, WRAPPERS, SERVERS, DEFAULT_PRIVILEGES),
    (COLUMNS_WITH_FLAGS, COLUMNS_WITH_CONSTRAINTS),
    (CONSTRAINTS, INDEXES),
)
"""The queries in groups: each group is one round trip."""

KINDS = tuple(dict.fromkeys(kind for group in ALL for query in group for kind in query.kinds))
