"""What two catalogs do not have in common, while it is being explained."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from ops.catalog.names import path
from ops.catalog.roots import PARENTS, Ancestors
from ops.catalog.values import Catalog, Key, properties

FACETS = ("owner", "comment", "grants")


class Sides:
    """Objects that only the first catalog has, that only the second has, and that differ; others take from these."""

    def __init__(self, first: Catalog, second: Catalog) -> None:
        unread = {*first.unread, *second.unread}
        a, b = first.texts, second.texts
        self.first, self.second = a, b
        self.old = {key: a[key] for key in a.keys() - b.keys() if key.kind not in unread}
        self.new = {key: b[key] for key in b.keys() - a.keys() if key.kind not in unread}
        self.changed = {
            key: (a[key], b[key]) for key in a.keys() & b.keys() if a[key] != b[key] and key.kind not in unread
        }
        self._complete()

    def _complete(self) -> None:
        """A column that is listed only when it has something of its own: it did not come or go, it changed."""
        for key in [key for key, text in self.old.items() if _is_partial(key, text) and self._stays(key)]:
            self.changed[key] = (self.old.pop(key), "{}")
        for key in [key for key, text in self.new.items() if _is_partial(key, text) and self._stays(key)]:
            self.changed[key] = ("{}", self.new.pop(key))

    def _stays(self, key: Key) -> bool:
        parents = [Key(kind, key.schema, "", key.parent) for kind in PARENTS]
        return any(one in self.first and one in self.second for one in parents)

    def children(self, parent: Key, where: Mapping[Key, str]) -> list[Key]:
        """Return what belongs to a relation."""
        return [key for key in where if key.parent == parent.name and key.schema == parent.schema]

    def ancestors(self, tables: Iterable[tuple[str, str]] = ()) -> Ancestors:
        """The tables from which partitions and children have their columns: of these tables, else of all that differ.

        What one of the two catalogs says of a table is enough.
        """
        wanted = set(tables) or {
            (key.schema, key.parent)
            for where in (self.old, self.new, self.changed)
            for key in where
            if key.kind in ("column", "not null")
        }
        found: dict[tuple[str, str], dict[tuple[str, str], None]] = {}
        for key in [Key(kind, schema, "", name) for schema, name in wanted for kind in ("table", "foreign table")]:
            for text in (self.first.get(key), self.second.get(key)):
                if text is not None and ('"partition of"' in text or '"inherits"' in text):
                    own = properties(text)
                    for name in (own.get("partition of"), *(own.get("inherits") or ())):
                        if name:
                            found.setdefault((key.schema, key.name), {})[path(name)[:2]] = None  # type: ignore[index]
        return {name: tuple(sorted(parents)) for name, parents in found.items()}

    def same_again(self, key: Key, names: Iterable[str]) -> None:
        """Let the second catalog's object have some properties as the first's has them."""
        before, after = (properties(text) for text in self.changed[key])
        for name in names:
            if name in before:
                after[name] = before[name]
            else:
                after.pop(name, None)
        if before == after:
            del self.changed[key]
        else:
            self.changed[key] = (self.changed[key][0], json.dumps(after, ensure_ascii=False))


def _is_partial(key: Key, text: str) -> bool:
    wanted = {"column": "type", "trigger": "definition"}.get(key.kind)
    return wanted is not None and f'"{wanted}" : ' not in text and wanted not in properties(text)


def differing(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Return the properties that differ, facets left out, each with what it was and what it is."""
    return {
        name: [before.get(name), after.get(name)]
        for name in dict.fromkeys((*before, *after))
        if name not in FACETS and before.get(name) != after.get(name)
    }
