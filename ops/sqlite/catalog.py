"""What a file's schema contains: what SQLAlchemy's Inspector tells, and what that leaves out.

SQLite keeps the text of every CREATE, and has no catalog of its own. The Inspector reads most of it; types as they were
declared, options of tables, indexes with their order, expressions and conditions, and triggers are read here.
"""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from ops.catalog import Catalog, Key, generic
from ops.errors import ConnectError

if TYPE_CHECKING:
    from sqlalchemy import Connection

_OPTIONS = (
    (re.compile(r"\bAUTOINCREMENT\b", re.IGNORECASE), "AUTOINCREMENT"),
    (re.compile(r"\)[\w\s,]*\bWITHOUT\s+ROWID\b[\w\s,]*\Z", re.IGNORECASE), "WITHOUT ROWID"),
    (re.compile(r"\)[\w\s,]*\bSTRICT\b[\w\s,]*\Z", re.IGNORECASE), "STRICT"),
)
_TERMS = re.compile(r"\bON\b\s*(?:\"(?:[^\"]|\"\")*\"|\[[^\]]*\]|`[^`]*`|\w+)\s*(\(.*)\Z", re.IGNORECASE | re.DOTALL)


def read(connection: Connection, *, version_table: tuple[str, str] = ("main", "alembic_version")) -> Catalog:
    """Return the catalog of a file. Collations of columns are not told apart.

    Raises
    ------
    ConnectError
        The file cannot be read.
    """
    from sqlalchemy.exc import DBAPIError, SAWarning

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SAWarning)  # it skips indexes on expressions, which are read below
            found = generic.read(connection, version_table=version_table)
        texts = dict(found.texts)
        for key, properties in _exactly(connection, version_table[1]):
            texts[key] = _json({**json.loads(texts.get(key, "{}")), **properties})
    except DBAPIError as error:
        raise ConnectError(
            f"The catalog cannot be read: {str(error.orig).rstrip('.')}.",
            next_step="Check the file with PRAGMA integrity_check.",
            code="catalog",
        ) from None
    # Whatever kind is left is none of SQLite's.
    return replace(found, texts=texts, unread=())


def _exactly(connection: Connection, version_table: str) -> Iterator[tuple[Key, dict[str, object]]]:
    """Objects with the properties that the Inspector does not tell, or not as they are written."""
    rows = connection.exec_driver_sql(
        "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' "
        "ESCAPE '\\' AND lower(tbl_name) <> lower(?) ORDER BY type, name",
        (version_table,),
    ).all()
    for kind, name, table, sql in rows:
        if kind == "table":
            options = [word for pattern, word in _OPTIONS if pattern.search(sql)]
            virtual = " ".join(sql.split()) if re.match(r"\s*CREATE\s+VIRTUAL", sql, re.IGNORECASE) else None
            yield Key("table", "", "", name), {"options": options or None, "virtual": virtual}
            for column, declared in connection.exec_driver_sql(
                "SELECT name, type FROM pragma_table_xinfo(?) WHERE hidden <> 1", (name,)
            ):
                yield Key("column", "", name, column), {"type": declared or "(none)"}
        elif kind == "index":
            yield Key("index", "", table, name), {"definition": _index(connection, name, sql)}
        elif kind == "trigger":
            yield Key("trigger", "", table, name), {"definition": " ".join(sql.split())}


def _index(connection: Connection, name: str, sql: str) -> str:
    """What an index is, without its name: built from its columns; as it is written where it has more than these."""
    unique = "UNIQUE " if re.match(r"\s*CREATE\s+UNIQUE", sql, re.IGNORECASE) else ""
    columns = connection.exec_driver_sql(
        'SELECT name, "desc", coll FROM pragma_index_xinfo(?) WHERE "key" = 1 ORDER BY seqno', (name,)
    ).all()
    partial = re.search(r"\)\s*WHERE\b", sql, re.IGNORECASE)
    if partial or any(column is None for column, _, _ in columns):
        written = _TERMS.search(sql)
        return unique + " ".join((written[1] if written else sql).split())
    terms = (
        f"{column}{'' if collation == 'BINARY' else f' COLLATE {collation}'}{' DESC' if descending else ''}"
        for column, descending, collation in columns
    )
    return f"{unique}({', '.join(terms)})"


def _json(properties: dict[str, object]) -> str:
    found = {name: value for name, value in properties.items() if value is not None}
    return json.dumps(found, default=str, separators=(", ", " : "))
