"""Which of several objects that came, or went, together is the news, and which only follow it."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from ops.catalog.values import Key, properties, quoted

RELATIONS = frozenset({"table", "foreign table", "view", "materialized view"})
ON_COLUMNS = frozenset(
    {"not null", "primary key", "unique", "foreign key", "check", "exclusion", "index", "policy", "trigger"}
)


class Family:
    """Objects that came, or went, together.

    `ancestors` tells the tables that a partition or a child has its columns from, as (schema, name) pairs.
    """

    def __init__(
        self, texts: Mapping[Key, str], ancestors: Mapping[tuple[str, str], tuple[tuple[str, str], ...]]
    ) -> None:
        self.properties: dict[Key, dict[str, Any]] = {key: properties(text) for key, text in texts.items()}
        self._ancestors = ancestors
        self._named: dict[tuple[str, str], Key] = {}
        self._columns: dict[tuple[str, str], list[Key]] = defaultdict(list)
        self._primary_keys: dict[tuple[str, str], Key] = {}
        for key in self.properties:
            self._named[(key.kind, str(key))] = key
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
        if key.parent:
            yield from (Key(kind, key.schema, "", key.parent) for kind in RELATIONS)
        if key.kind == "table" and own.get("partition of"):
            yield self._named.get(("table", str(own["partition of"])), key)
        if key.kind == "sequence" and own.get("owned by"):
            owner = str(own["owned by"])
            column = self._named.get(("column", owner))
            if column is not None:
                yield column
        if own.get("inherited"):
            for schema, table in self._ancestors.get((key.schema, key.parent), ()):
                yield key._replace(schema=schema, parent=table)
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
            definition = json.dumps(own, ensure_ascii=False)
            yield from (column for column in columns if mentions(definition, column.name))


def mentions(text: str, name: str) -> bool:
    """Return whether a definition, plain or as JSON, speaks of a column."""
    return name_pattern(quoted(name)).search(text) is not None


@lru_cache(maxsize=4096)
def name_pattern(name: str) -> re.Pattern[str]:
    """Return a pattern that finds a name as a whole word, as it stands inside of JSON."""
    inside = re.escape(json.dumps(name, ensure_ascii=False)[1:-1])
    start = r"(?<![\w$])" if re.match(r"\w", name) else ""
    end = r"(?![\w$])" if re.search(r"\w\Z", name) else ""
    return re.compile(start + inside + end)
