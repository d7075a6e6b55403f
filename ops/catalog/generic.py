"""The schema as SQLAlchemy's Inspector shows it, through its bulk methods: any dialect, few kinds of objects."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy import Connection

OWN_SCHEMA = "alembic_ops"

_PARTS = (
    "get_multi_columns",
    "get_multi_pk_constraint",
    "get_multi_foreign_keys",
    "get_multi_unique_constraints",
    "get_multi_check_constraints",
    "get_multi_indexes",
    "get_multi_table_comment",
)


def fingerprint(connection: Connection, *, without: tuple[str, str]) -> str:
    """Return a hash of the schema: equal for equal schemas, whatever the order in which things were created.

    It knows tables, columns, keys, checks, indexes, comments, views, sequences and enums; functions,
    triggers, policies and grants it does not see. `without` is the (schema, name) of the version table, which
    is a state and not a part of the schema.
    """
    return hashlib.sha256(json.dumps(_snapshot(connection, without), sort_keys=True).encode()).hexdigest()


def _snapshot(connection: Connection, without: tuple[str, str]) -> dict[str, Any]:
    from sqlalchemy import inspect
    from sqlalchemy.engine.reflection import ObjectKind

    inspector = inspect(connection)
    found: dict[str, Any] = {}
    for schema in sorted(inspector.get_schema_names()):
        if schema in (OWN_SCHEMA, "information_schema") or schema.startswith("pg_"):
            continue
        tables: dict[str, dict[str, Any]] = {}
        for part in _PARTS:
            for (_, name), value in getattr(inspector, part)(schema=schema, kind=ObjectKind.ANY).items():
                if (schema, name) != without:
                    tables.setdefault(name, {})[part] = _plain(value)
        views = {
            name: inspector.get_view_definition(name, schema=schema) for name in inspector.get_view_names(schema=schema)
        }
        own: dict[str, Any] = {"tables": tables, "views": views}
        own["sequences"] = sorted(inspector.get_sequence_names(schema=schema))
        if hasattr(inspector, "get_enums"):
            own["enums"] = sorted((enum["name"], tuple(enum["labels"])) for enum in inspector.get_enums(schema=schema))
        found[schema] = own
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        many = [_plain(one) for one in value]
        # Constraints and indexes come in no order that means anything; so do columns, as far as a plan cares.
        return sorted(many, key=lambda one: json.dumps(one, sort_keys=True)) if _named(many) else many
    return value if isinstance(value, str | int | bool | None) else repr(value)


def _named(many: list[Any]) -> bool:
    return bool(many) and all(isinstance(one, dict) for one in many)
