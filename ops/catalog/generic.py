"""The catalog of a database that is not PostgreSQL: what SQLAlchemy's Inspector gives, through its bulk methods."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ops.catalog.queries import KINDS
from ops.catalog.values import Catalog, Key
from ops.errors import ConnectError, first_line

if TYPE_CHECKING:
    from sqlalchemy import Connection
    from sqlalchemy.engine.reflection import Inspector

# Bulk method of the Inspector -> kind of the objects that it gives.
_NAMED = {
    "get_multi_pk_constraint": "primary key",
    "get_multi_foreign_keys": "foreign key",
    "get_multi_unique_constraints": "unique",
    "get_multi_check_constraints": "check",
    "get_multi_indexes": "index",
}
_READ = frozenset({"table", "view", "column", "not null", *_NAMED.values()})


def read(connection: Connection, *, version_table: tuple[str, str] = ("", "alembic_version")) -> Catalog:
    """Return the catalog of the default schema: tables, views, columns, keys, checks and indexes.

    Of every other kind nothing is known, so each is named as unread, and the verdict is UNKNOWN.

    Raises
    ------
    ConnectError
        The database cannot be read.
    """
    from sqlalchemy import inspect
    from sqlalchemy.exc import SQLAlchemyError

    try:
        texts = _texts(inspect(connection), version_table[1])
    except SQLAlchemyError as error:
        raise ConnectError(
            f"The catalog cannot be read: {first_line(error)}.",
            next_step="Check that the database is there, and what the login may read.",
            code="catalog",
        ) from None
    version = connection.dialect.server_version_info or (0,)
    return Catalog(
        database=str(connection.engine.url.database or ""),
        server_version=int(version[0]) * 10000,
        texts=texts,
        unread=tuple(kind for kind in KINDS if kind not in _READ),
    )


def _texts(inspector: Inspector, version_table: str) -> dict[Key, str]:
    from sqlalchemy.engine.reflection import ObjectKind

    texts: dict[Key, str] = {}
    comments = _optional(inspector, "get_multi_table_comment")
    for (_, table), columns in inspector.get_multi_columns(kind=ObjectKind.TABLE).items():
        if table == version_table:
            continue
        comment = comments.get((None, table)) or {}
        texts[Key("table", "", "", table)] = _json(comment=comment.get("text"))
        for column in columns:
            name = column["name"]
            texts[Key("column", "", table, name)] = _json(
                type=str(column["type"]),
                default=column.get("default"),
                generated=(column.get("computed") or {}).get("sqltext"),
                comment=column.get("comment"),
            )
            if not column["nullable"]:
                texts[Key("not null", "", table, name)] = _json(validated=True)
    for method, kind in _NAMED.items():
        for (_, table), found in _optional(inspector, method).items():
            if table != version_table:
                for one in found if isinstance(found, list) else [found]:
                    _add(texts, kind, table, one)
    for view in inspector.get_view_names():
        texts[Key("view", "", "", view)] = _json(definition=inspector.get_view_definition(view))
    return texts


def _optional(inspector: Inspector, method: str) -> Mapping[Any, Any]:
    """A bulk method's answer; nothing where the dialect does not know such things."""
    try:
        found: Mapping[Any, Any] = getattr(inspector, method)()
    except NotImplementedError:
        return {}
    return found


def _add(texts: dict[Key, str], kind: str, table: str, one: Mapping[str, Any] | None) -> None:
    if not one or (kind == "primary key" and not one.get("constrained_columns")) or one.get("duplicates_constraint"):
        return
    # An unnamed constraint is known by what it says.
    definition = {name: value for name, value in one.items() if name not in ("name", "comment") and value}
    name = one.get("name") or f"({json.dumps(definition, sort_keys=True, default=str)})"
    texts[Key(kind, "", table, str(name))] = _json(definition=json.dumps(definition, sort_keys=True, default=str))


def _json(**properties: object) -> str:
    # spelled as PostgreSQL spells it, so that what looks into texts finds the same there
    found = {name: value for name, value in properties.items() if value is not None}
    return json.dumps(found, default=str, separators=(", ", " : "))
