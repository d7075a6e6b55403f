"""A catalog, by what probes look up in it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cached_property

from ops import commands
from ops.catalog import Catalog, Key
from ops.catalog.names import path, quoted
from ops.catalog.values import properties
from ops.commands import Command

Name = tuple[str, str]
CONSTRAINTS = ("primary key", "unique", "foreign key", "check", "exclusion")
_TABLES = ("table", "foreign table", "materialized view")


class Known:
    """What a catalog holds, table by table."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self._keys: dict[tuple[str, str, str], list[Key]] = defaultdict(list)
        for key in catalog.texts:
            self._keys[key.kind, key.schema, key.parent].append(key)

    def get(self, kind: str, schema: str, parent: str, name: str) -> dict[str, object] | None:
        """Return an object's properties; None where there is no such object."""
        text = self.catalog.texts.get(Key(kind, schema, parent, name))
        return None if text is None else properties(text)

    def table(self, name: Name) -> dict[str, object] | None:
        """Return the properties of a table, with its `kind`."""
        for kind in _TABLES:
            found = self.get(kind, name[0], "", name[1])
            if found is not None:
                return {**found, "kind": kind}
        return None

    def parts(self, kind: str, table: Name) -> Iterator[tuple[str, dict[str, object]]]:
        """Yield name and properties of what a table has of a kind."""
        for key in self._keys.get((kind, *table), ()):
            yield key.name, properties(self.catalog.texts[key])

    def constraints(self, table: Name, *kinds: str) -> Iterator[Command]:
        """Yield a table's constraints as the commands that would add them."""
        for kind in kinds or CONSTRAINTS:
            for name, found in self.parts(kind, table):
                added = self._added(table, name, str(found["definition"]))
                if added:
                    yield added

    def constraint(self, table: Name, name: str) -> Command | None:
        """Return a table's constraint as the command that would add it."""
        for kind in CONSTRAINTS:
            found = self.get(kind, *table, name)
            if found is not None:
                return self._added(table, name, str(found["definition"]))
        return None

    @staticmethod
    def _added(table: Name, name: str, definition: str) -> Command | None:
        on = ".".join(quoted(one) for one in table)
        found = commands.parse(f"ALTER TABLE {on} ADD CONSTRAINT {quoted(name)} {definition}")
        return found[0] if len(found) == 1 and found[0].verb != "?" else None

    def index(self, schema: str, name: str) -> Command | None:
        """Return an index as the command that would create it."""
        key = self._indexes.get((schema, name))
        if key is None:
            return None
        found = commands.parse(str(properties(self.catalog.texts[key])["definition"]))
        return found[0] if found[0].verb != "?" else None

    @cached_property
    def _indexes(self) -> dict[Name, Key]:
        return {
            (key.schema, key.name): key for (kind, *_), keys in self._keys.items() if kind == "index" for key in keys
        }

    def indexes(self, table: Name) -> Iterator[Command]:
        """Yield the indexes of a table that no constraint has."""
        for name, _ in self.parts("index", table):
            found = self.index(table[0], name)
            if found:
                yield found

    def primary_key(self, table: Name) -> tuple[str, ...]:
        """Return the columns of a table's primary key."""
        return next((one.columns for one in self.constraints(table, "primary key")), ())

    def labels(self, name: Name) -> tuple[str, ...] | None:
        """Return an enum's labels; None where there is no such enum."""
        found = self.get("enum", name[0], "", name[1])
        return None if found is None else tuple(map(str, found.get("labels", ())))  # type: ignore[call-overload]

    def named(self, kind: str, name: str) -> Iterator[Key]:
        """Yield the objects of a kind that have a name, whatever their schema."""
        for (found, _, parent), keys in self._keys.items():
            if found == kind and not parent:
                yield from (key for key in keys if key.name == name)

    @cached_property
    def tables(self) -> tuple[Name, ...]:
        """The names of all tables."""
        return tuple(
            (key.schema, key.name) for (kind, *_), keys in self._keys.items() if kind in _TABLES for key in keys
        )

    @cached_property
    def parents(self) -> dict[Name, tuple[Name, ...]]:
        """The tables that each partition, or table that inherits, belongs to."""
        found: dict[Name, tuple[Name, ...]] = {}
        for name in self.tables:
            table = self.table(name) or {}
            of = [table["partition of"]] if "partition of" in table else table.get("inherits", ())
            if of:
                found[name] = tuple(named(str(one)) for one in of)  # type: ignore[attr-defined]
        return found

    @cached_property
    def children(self) -> dict[Name, tuple[Name, ...]]:
        """The partitions of each table, and the tables that inherit from it."""
        found: dict[Name, tuple[Name, ...]] = {}
        for name, parents in self.parents.items():
            for parent in parents:
                found[parent] = (*found.get(parent, ()), name)
        return found

    @cached_property
    def followers(self) -> dict[Name, tuple[Command, ...]]:
        """The foreign keys that write the rows that refer to a table, when its own rows are written."""
        return {
            to: writing
            for to, keys in self._referring.items()
            if (writing := tuple(one for one in keys if any(word.startswith("ON ") for word in one.options)))
        }

    def columns_of_type(self, written: str) -> Iterator[tuple[Name, str]]:
        """Yield the table and the name of each column of a type, as `format_type` writes it."""
        for (kind, schema, parent), keys in self._keys.items():
            if kind == "column":
                for key in keys:
                    if properties(self.catalog.texts[key]).get("type") == written:
                        yield (schema, parent), key.name

    def referring(self, table: Name) -> tuple[Command, ...]:
        """Return the foreign keys that refer to a table, each with the table that has it."""
        return self._referring.get(table, ())

    @cached_property
    def _referring(self) -> dict[Name, tuple[Command, ...]]:
        found: dict[Name, tuple[Command, ...]] = {}
        for (kind, schema, parent), keys in self._keys.items():
            for key in keys if kind == "foreign key" else ():
                one = self._added((schema, parent), key.name, str(properties(self.catalog.texts[key])["definition"]))
                if one and one.references:
                    to = one.references[:2]
                    found[to] = (*found.get(to, ()), one)
        return found

    def domains_over(self, written: str) -> tuple[str, ...]:
        """Return a domain with all that are made of it, directly or not, as `format_type` writes them."""
        found = [written]
        for one in found:
            for (kind, schema, parent), keys in self._keys.items():
                for key in keys if kind == "domain" and not parent else ():
                    name = ".".join(map(quoted, (schema, key.name)))
                    if properties(self.catalog.texts[key]).get("type") == one and name not in found:
                        found.append(name)
        return tuple(found)


def named(text: str) -> Name:
    """Return schema and name from a qualified name as the server writes it."""
    parts = path(text)
    return (parts[-2] if len(parts) > 1 else "", parts[-1])


_TYPE = re.compile(r'(?:[^\W\d]\w*|"(?:[^"]|"")+")(?:\.(?:[^\W\d]\w*|"(?:[^"]|"")+"))?\Z')


def type_name(written: str) -> Name:
    """Return schema and name of a type that is called by its name alone; two empty texts for any other."""
    return named(written) if _TYPE.match(written) else ("", "")
