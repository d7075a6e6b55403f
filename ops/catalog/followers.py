"""What differs only because another object, which is still there, has changed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from ops.catalog.names import mentions, path, relabelled, without_casts
from ops.catalog.sides import Sides, differing
from ops.catalog.values import Key, properties

_VALUES = frozenset({"type", "minimum", "maximum"})
_WRITTEN_WITH_CASTS = frozenset({"check", "exclusion", "index", "statistics"})
_LEFT_BEHIND = frozenset({"primary key", "unique", "foreign key", "check", "exclusion", "index"})


class Followers:
    """Takes from two sides what only follows from a changed object, and knows whose consequence it is."""

    def __init__(self, sides: Sides) -> None:
        self.sides = sides
        self._of: dict[tuple[Key, str], list[Key]] = defaultdict(list)
        self._facets: set[tuple[Key, str]] = set()
        self.before = {key: properties(one) for key, (one, _) in sides.changed.items()}
        self.after = {key: properties(other) for key, (_, other) in sides.changed.items()}
        self.details = {key: differing(self.before[key], self.after[key]) for key in sides.changed}
        if sides.changed:
            self._inherited()
            self._parentage()
            self._sequences()
            self._casts()
            self._labels()
            self._typed_tables()
            self._columns_of_views()
            self._owners()

    def of(self, key: Key, facet: str = "") -> tuple[Key, ...]:
        """Return what follows from an object's change, or from that of its owner."""
        return tuple(sorted(self._of.get((key, facet), ())))

    def has(self, key: Key, facet: str) -> bool:
        """Return whether an object's facet follows from another's."""
        return (key, facet) in self._facets

    def _settle(self, key: Key, names: Iterable[str], root: Key) -> None:
        """Some properties of a changed object are as they are because of another object."""
        names = [name for name in names if name in self.details[key]]
        self.sides.same_again(key, names)
        for name in names:
            del self.details[key][name]
        if key not in self._of[root, ""]:
            self._of[root, ""].append(key)

    def _inherited(self) -> None:
        """A column of a partition or a child that changed because its parent's did, in the same way.

        Of one that was attached or detached as well nobody can tell whether that was before or after.
        """
        ancestors = self.sides.ancestors()
        above: dict[Key, tuple[Key, list[str]]] = {}
        for key, details in self.details.items():
            if key.kind in ("column", "not null") and details and "inherited" not in details:
                for schema, table in ancestors.get((key.schema, key.parent), ()):
                    parent = key._replace(schema=schema, parent=table)
                    same = [name for name, pair in details.items() if self.details.get(parent, {}).get(name) == pair]
                    if same:
                        above[key] = (parent, same)
        for key, (parent, same) in above.items():
            top = parent
            while top in above:
                top = above[top][0]
            self._settle(key, same, top)

    def _parentage(self) -> None:
        """A partition that was attached or detached, a child that was: what it has of its own now, or no more."""
        for table, details in list(self.details.items()):
            if not {"partition of", "inherits"} & details.keys():
                continue
            named = [
                name
                for own in (self.before[table], self.after[table])
                for name in (own.get("partition of"), *(own.get("inherits") or ()))
                if name
            ]
            for key in [one for one in self.sides.children(table, self.sides.changed) if one in self.details]:
                if key.kind in ("column", "not null"):
                    self._settle(key, ["inherited"], table)
            parents = [(schema, name) for schema, name in (path(one)[:2] for one in named)]
            sides = (self.sides.old, self.sides.new)
            left = [[key for key in self.sides.children(table, one) if key.kind in _LEFT_BEHIND] for one in sides]
            if not any(left):
                continue
            # in both, as the parent may have another name, or another form, on one of them
            theirs = [one.items() for one in (self.sides.first, self.sides.second)]
            forms = {_form(key, text) for one in theirs for key, text in one if (key.schema, key.parent) in parents}
            for where, keys in zip(sides, left, strict=True):
                for key in keys:
                    if _form(key, where[key]) in forms:
                        del where[key]
                        self._of[table, ""].append(key)

    def _sequences(self) -> None:
        """The sequence behind a column: it comes and goes with identity or default, and has the column's type."""
        for where in (self.sides.old, self.sides.new):
            for key in [one for one in where if one.kind == "sequence"]:
                column = _column_of(properties(where[key]))
                details = self.details.get(column, {}) if column else {}
                if column and ("identity" in details or _speaks_of(details.get("default"), key)):
                    del where[key]
                    self._of[column, ""].append(key)
        for key in [one for one in self.details if one.kind == "sequence"]:
            column = _column_of(self.after[key])
            if (
                column
                and "type" in self.details.get(column, {})
                and self.details[key].keys() <= _VALUES
                and self.details[key].get("type") == self.details[column]["type"]
                and self.after[column].get("identity")
            ):
                self._settle(key, _VALUES, column)

    def _casts(self) -> None:
        """A constraint or an index that the server wrote anew because a column's type changed."""
        retyped: dict[tuple[str, str], list[Key]] = defaultdict(list)
        for key, details in self.details.items():
            if key.kind == "column" and "type" in details:
                retyped[key.schema, key.parent].append(key)
        if not retyped:
            return
        for key in [one for one in self.details if one.kind in _WRITTEN_WITH_CASTS]:
            if "definition" not in self.details[key]:
                continue
            before, after = self.details[key]["definition"]
            columns = retyped.get((key.schema, key.parent), ())
            if key.kind == "statistics":
                columns = [one for table, keys in retyped.items() if mentions(after, table[1]) for one in keys]
            column = next((one for one in columns if mentions(after, one.name)), None)
            if column is not None and without_casts(before) == without_casts(after):
                self._settle(key, ["definition"], column)

    def _labels(self) -> None:
        """Defaults, checks and the like in which an enum's label is called by its new name."""
        for enum, details in list(self.details.items()):
            before, after = details["labels"] if enum.kind == "enum" and "labels" in details else ((), ())
            new = {one: other for one, other in zip(before, after, strict=False) if one != other}
            if not new or len(before) != len(after) or set(before) & set(new.values()):
                continue
            for key in [one for one in self.details if one != enum]:
                same = [
                    name
                    for name, (one, other) in self.details[key].items()
                    if isinstance(one, str) and one != other and relabelled(one, enum.path, new) == other
                ]
                if same:
                    self._settle(key, same, enum)

    def _typed_tables(self) -> None:
        """The columns of a table made of a composite type, whose attributes changed."""
        types = {key.path: key for key, details in self.details.items() if "attributes" in details}
        if not types:
            return
        tables = {
            (key.schema, key.name): types[path(properties(text)["of type"])]
            for key, text in self.sides.second.items()
            if key.kind == "table" and '"of type"' in text and path(properties(text).get("of type", "")) in types
        }
        for where in (self.sides.old, self.sides.new):
            for key in [one for one in where if one.kind == "column" and (one.schema, one.parent) in tables]:
                del where[key]
                self._of[tables[key.schema, key.parent], ""].append(key)
        for key in [one for one in self.details if one.kind == "column" and (one.schema, one.parent) in tables]:
            self._settle(key, ["type", "collation"], tables[key.schema, key.parent])

    def _columns_of_views(self) -> None:
        """What was said of a view's column that is not there any more, or was not yet."""
        views = {(key.schema, key.name): key for key, details in self.details.items() if "columns" in details}
        for key in [one for one in self.details if one.kind == "column" and (one.schema, one.parent) in views]:
            view = views[key.schema, key.parent]
            if not all(key.name in names for names in self.details[view]["columns"]):
                del self.sides.changed[key]
                self._of[view, ""].append(key)

    def _owners(self) -> None:
        """A sequence belongs to whom its column's table belongs to."""
        for key in [one for one in self.sides.changed if one.kind == "sequence"]:
            column = _column_of(self.after[key])
            table = Key("table", column.schema, "", column.parent) if column else key
            owners = self.before[key].get("owner"), self.after[key].get("owner")
            if (
                owners[0] != owners[1]
                and table in self.sides.changed
                and table != key
                and owners == (self.before[table].get("owner"), self.after[table].get("owner"))
            ):
                self._facets.add((key, "owner"))
                self._of[table, "owner"].append(key)


def _column_of(own: Mapping[str, Any]) -> Key | None:
    """The column that owns a sequence."""
    name = path(own["owned by"]) if own.get("owned by") else ()
    return Key("column", *name) if len(name) == 3 else None


def _speaks_of(pair: object, key: Key) -> bool:
    texts = [text for text in pair if text] if isinstance(pair, list) else []
    return any(mentions(text, key.name) for text in texts)


def _form(key: Key, text: str) -> tuple[str, str]:
    """What a constraint or an index has in common with its parent's: all but names."""
    definition = str(properties(text).get("definition", ""))
    if key.kind == "index":
        unique = "UNIQUE" if definition.startswith("CREATE UNIQUE") else ""
        definition = unique + definition.partition(" USING ")[2]
    return key.kind, definition
