"""Which of several objects that came, or went, together is the news, and which only follow it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from ops.catalog.names import mentions, path, paths
from ops.catalog.values import Key, properties

RELATIONS = frozenset({"table", "foreign table", "view", "materialized view"})
PARENTS = (*sorted(RELATIONS), "composite type")
ON_COLUMNS = frozenset(
    {"not null", "primary key", "unique", "foreign key", "check", "exclusion", "index", "policy", "trigger"}
)
_EXPRESSIONS = ("definition", "using", "check")

Ancestors = Mapping[tuple[str, str], tuple[tuple[str, str], ...]]


class Family:
    """Objects that came, or went, together.

    `ancestors` tells the tables that a partition or a child has its columns from, as (schema, name) pairs.
    """

    def __init__(self, texts: Mapping[Key, str], ancestors: Ancestors) -> None:
        self.properties: dict[Key, dict[str, Any]] = {key: properties(text) for key, text in texts.items()}
        self._ancestors = ancestors
        self._columns: dict[tuple[str, str], list[Key]] = defaultdict(list)
        self._primary_keys: dict[tuple[str, str], Key] = {}
        for key in self.properties:
            if key.kind == "column":
                self._columns[(key.schema, key.parent)].append(key)
            elif key.kind == "primary key":
                self._primary_keys[(key.schema, key.parent)] = key

    def groups(self) -> dict[Key, tuple[Key, ...]]:
        """Return each root with everything that follows it, near or far."""
        followed = {key: self._root(key) for key in self.properties}
        found: dict[Key, list[Key]] = {}
        for key in self.properties:
            top, seen = key, {key}
            while (above := followed.get(top)) is not None and above not in seen:
                top = above
                seen.add(top)
            found.setdefault(top, [])
            if top != key:
                found[top].append(key)
        return {root: tuple(sorted(keys)) for root, keys in found.items()}

    def _root(self, key: Key) -> Key | None:
        """The object because of which this one came or went, if there is one."""
        return next((one for one in self._candidates(key) if one in self.properties and one != key), None)

    def _candidates(self, key: Key) -> Iterable[Key]:
        own = self.properties[key]
        if key.schema:
            yield Key("schema", "", "", key.schema)
        if key.parent and key.kind != "default privileges":
            yield from (Key(kind, key.schema, "", key.parent) for kind in PARENTS)
        if own.get("partition of"):
            yield from _tables(path(own["partition of"]))
        if key.kind == "sequence" and own.get("owned by"):
            yield Key("column", *path(own["owned by"]))
        if own.get("inherited"):
            for schema, table in self._ancestors.get((key.schema, key.parent), ()):
                yield key._replace(schema=schema, parent=table)
        if key.kind == "statistics":
            yield from self._under_statistics(str(own.get("definition", "")))
        if key.kind in ON_COLUMNS:
            yield from self._column_of(key, own)

    def _column_of(self, key: Key, own: Mapping[str, Any]) -> Iterable[Key]:
        if key.kind == "not null":
            yield key._replace(kind="column")
            primary = self._primary_keys.get((key.schema, key.parent))
            if primary is not None and mentions(str(self.properties[primary].get("definition", "")), key.name):
                yield primary
            return
        columns = self._columns.get((key.schema, key.parent), ())
        if columns:
            texts = [str(own[name]) for name in _EXPRESSIONS if name in own]
            yield from (column for column in columns if any(mentions(text, column.name) for text in texts))

    def _under_statistics(self, definition: str) -> Iterable[Key]:
        table = (*paths(definition),)[-1]
        yield from _tables(table)
        for column in self._columns.get(table, ()) if len(table) == 2 else ():
            if mentions(definition, column.name):
                yield column


def _tables(name: tuple[str, ...]) -> Iterable[Key]:
    if len(name) == 2:
        for kind in ("table", "foreign table", "materialized view"):
            yield Key(kind, name[0], "", name[1])
