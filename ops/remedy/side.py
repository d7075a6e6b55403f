"""One of the two catalogs, with what the remedies look up in it."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import Any

from ops.catalog.names import routine
from ops.catalog.roots import PARENTS, RELATIONS
from ops.catalog.values import Catalog, Key, properties
from ops.remedy import words

ROUTINES = ("function", "procedure", "aggregate")
TYPES = ("enum", "domain", "composite type", "range type")
CONSTRAINTS = ("primary key", "unique", "foreign key", "check", "exclusion")
_WORDS = {
    "materialized view": "MATERIALIZED VIEW",
    "foreign table": "FOREIGN TABLE",
    "composite type": "TYPE",
    "range type": "TYPE",
    "enum": "TYPE",
    "foreign server": "SERVER",
    "foreign data wrapper": "FOREIGN DATA WRAPPER",
    "event trigger": "EVENT TRIGGER",
}
_DEPENDENT = (
    *RELATIONS,
    *CONSTRAINTS,
    "rule",
    "policy",
    "trigger",
    "index",
    "column",
    "statistics",
    "event trigger",
)
_DEPENDENT_TOO = ("domain", "composite type", "range type", *ROUTINES)
_OWNER = re.compile(r'"owner" : ("(?:[^"\\]|\\.)*")')


class Lookup:
    """What can be looked up in a catalog, found once for all remedies between it and another one."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self._known: dict[Key, Mapping[str, Any]] = {}

    @classmethod
    def of_catalog(cls, catalog: Catalog) -> Lookup:
        """Return the one of a catalog, which keeps it as it keeps its fingerprint."""
        kept = vars(catalog)
        if "_lookup" not in kept:
            kept["_lookup"] = cls(catalog)
        return kept["_lookup"]

    def of(self, key: Key) -> Mapping[str, Any]:
        """Return an object's properties; none for one that is not there."""
        if key not in self._known:
            text = self.catalog.texts.get(key)
            self._known[key] = {} if text is None else properties(text)
        return self._known[key]

    @cached_property
    def children(self) -> Mapping[tuple[str, str], list[Key]]:
        """What belongs to each relation, by its schema and name, in the order in which the server told it."""
        found: dict[tuple[str, str], list[Key]] = defaultdict(list)
        for key in self.catalog.texts:
            if key.parent:
                found[key.schema, key.parent].append(key)
        return found

    @cached_property
    def owned(self) -> Mapping[str, list[Key]]:
        """The sequences of each column, which is named as SQL."""
        return _owned(self.catalog, self.of)

    @cached_property
    def columns(self) -> Mapping[str, Key]:
        """The columns by their names as SQL."""
        return {sql_name(key): key for key in self.catalog.texts if key.kind == "column"}

    @cached_property
    def owners(self) -> frozenset[str]:
        """The roles that own something; of the schema `public`, that is the database's owner, whoever it is."""
        found = {match[1] for text in self.catalog.texts.values() if (match := _OWNER.search(text))}
        return frozenset(json.loads(one) for one in found) - {"pg_database_owner"}

    @cached_property
    def enums(self) -> Mapping[str, Key]:
        """The enums by their names as SQL."""
        return {words.qualified(key.schema, key.name): key for key in self.catalog.texts if key.kind == "enum"}

    @cached_property
    def tables(self) -> Mapping[str, Key]:
        """The tables by their names as SQL."""
        kinds = ("table", "foreign table")
        return {words.qualified(key.schema, key.name): key for key in self.catalog.texts if key.kind in kinds}

    @cached_property
    def speakers(self) -> Mapping[str, list[Key]]:
        """The objects that speak of each qualified name."""
        return _speakers(self.catalog, lambda key: spoken(key, self.of(key)))


class Side:
    """A catalog as one remedy sees it: properties, children, owners, and who speaks of whom."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.major = catalog.server_version // 10000
        self._lookup = Lookup.of_catalog(catalog)
        self._own: dict[Key, Mapping[str, Any]] = {}

    def __contains__(self, key: Key) -> bool:
        return key in self.catalog.texts

    def was(self, key: Key, own: dict[str, Any]) -> None:
        """Let an object have these properties, as what else differs in it is another object's affair."""
        self._own[key] = own

    def of(self, key: Key) -> Mapping[str, Any]:
        """Return an object's properties; none for one that is not there."""
        return self._own[key] if key in self._own else self._lookup.of(key)

    def children(self, key: Key, *kinds: str) -> list[Key]:
        """Return what belongs to a relation, in the order in which the server told it."""
        found = self._lookup.children.get((key.schema, key.name), ())
        return [one for one in found if not kinds or one.kind in kinds]

    def relation(self, key: Key) -> Key:
        """Return the relation that a child belongs to."""
        found = (Key(kind, key.schema, "", key.parent) for kind in PARENTS)
        return next((one for one in found if one in self), Key("table", key.schema, "", key.parent))

    @cached_property
    def _owned(self) -> Mapping[str, list[Key]]:
        return _owned(self.catalog, self.of) if self._own else self._lookup.owned

    def sequences_of(self, column: Key) -> list[Key]:
        """Return the sequences that a column owns, the one with the usual name first."""
        usual = f"{column.parent}_{column.name}_seq"
        return sorted(self._owned.get(sql_name(column), ()), key=lambda one: (one.name != usual, one))

    def is_of_identity(self, sequence: Key) -> bool:
        """Return whether a sequence belongs to an identity column, which nothing takes it from."""
        owner = self.of(sequence).get("owned by")
        return bool(owner) and bool(self.of(self._lookup.columns[owner]).get("identity"))

    @property
    def owners(self) -> frozenset[str]:
        """The roles that own something; of the schema `public`, that is the database's owner, whoever it is."""
        return self._lookup.owners

    @property
    def enums(self) -> Mapping[str, Key]:
        """The enums by their names as SQL."""
        return self._lookup.enums

    @property
    def tables(self) -> Mapping[str, Key]:
        """The tables by their names as SQL."""
        return self._lookup.tables

    def parents(self, table: Key) -> list[Key]:
        """Return the tables that a table is a partition or a child of."""
        own = self.of(table)
        named = (own.get("partition of"), *(own.get("inherits") or ()))
        return [self.tables[name] for name in named if name in self.tables]

    def parent_column(self, column: Key) -> Key | None:
        """Return the column that this one is inherited from."""
        for parent in self.parents(self.relation(column)):
            above = column._replace(schema=parent.schema, parent=parent.name)
            if above in self:
                return above
        return None

    @cached_property
    def _speakers(self) -> Mapping[str, list[Key]]:
        return _speakers(self.catalog, self.spoken) if self._own else self._lookup.speakers

    def speakers(self, name: str) -> list[Key]:
        """Return the objects that speak of a qualified name, without the bodies of functions."""
        return self._speakers.get(name, [])

    def spoken(self, key: Key) -> frozenset[str]:
        """Return the qualified names that an object stands on: not its own, not its function body's."""
        return spoken(key, self.of(key))


def spoken(key: Key, own: Mapping[str, Any]) -> frozenset[str]:
    """Return the qualified names that an object with some properties stands on: see `Side.spoken`."""
    texts = [text if key.kind not in ROUTINES else header(text) for text in _texts(own)]
    found = set(words.names_in(*texts)) - {sql_name(key)}
    if key.kind == "foreign table" and "server" in own:
        found.add(f"server {own['server']}")
    if key.kind == "foreign server":
        found.add(f"wrapper {own.get('wrapper')}")
    return frozenset(found)


def _owned(catalog: Catalog, of: Callable[[Key], Mapping[str, Any]]) -> Mapping[str, list[Key]]:
    found: dict[str, list[Key]] = defaultdict(list)
    for key in catalog.texts:
        if key.kind == "sequence" and (column := of(key).get("owned by")):
            found[column].append(key)
    return found


def _speakers(catalog: Catalog, spoken: Callable[[Key], Iterable[str]]) -> Mapping[str, list[Key]]:
    found: dict[str, list[Key]] = defaultdict(list)
    for key in catalog.texts:
        if key.kind in _DEPENDENT or key.kind in _DEPENDENT_TOO:
            for name in spoken(key):
                found[name].append(key)
    return found


def sql_name(key: Key) -> str:
    """Return an object's qualified name as SQL; of a routine, without its arguments."""
    return words.qualified(*key.path)


def word(key: Key) -> str:
    """Return what SQL calls a kind of object."""
    return _WORDS.get(key.kind, key.kind.upper())


def altering(relation: Key) -> str:
    """Return the beginning of a statement that alters a relation."""
    return f"ALTER {word(relation)} {words.qualified(relation.schema, relation.name)}"


def header(definition: str) -> str:
    """Return a function's definition up to its body, where the body is text; else all of it."""
    return definition.partition("\nAS $")[0]


def spec(key: Key) -> str:
    """Return how COMMENT ON, DROP and GRANT name an object: `TABLE public.users`, `TRIGGER t ON public.users`."""
    name = words.identifier(key.name)
    table = words.qualified(key.schema, key.parent)
    if key.kind in CONSTRAINTS:
        return f"CONSTRAINT {name} ON {table}"
    if key.kind in ("trigger", "policy", "rule"):
        return f"{word(key)} {name} ON {table}"
    if key.kind == "index":
        return f"INDEX {words.qualified(key.schema, key.name)}"
    if key.kind == "column":
        return f"COLUMN {table}.{name}"
    if key.kind in ROUTINES:
        return f"{word(key)} {sql_name(key)}({routine(key.name)[1]})"
    return f"{word(key)} {words.qualified(key.schema, key.name)}"


def _texts(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, Mapping):
        return [text for name, one in value.items() for text in (str(name), *_texts(one))]
    if isinstance(value, list):
        return [text for one in value for text in _texts(one)]
    return []
