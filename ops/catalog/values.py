"""A catalog as values."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from ops import display
from ops.values import Result, Verdict


class Key(NamedTuple):
    """What an object is called: `parent` is the table of a column, a constraint, an index, a trigger, a policy."""

    kind: str
    schema: str
    parent: str
    name: str

    def __str__(self) -> str:
        return ".".join(quoted(part) for part in (self.schema, self.parent, self.name) if part)


@dataclass(frozen=True, slots=True)
class Object:
    """One object with its properties."""

    key: Key
    properties: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Catalog(Result):
    """Everything that one database's schema contains, as the server itself wrote it.

    `texts` maps each object's key to its properties as JSON text: two objects are equal exactly when their
    texts are, so nothing has to be decoded to compare two catalogs. `unread` names the kinds of objects that could
    not be read: what they hold is unknown, and so is the verdict.
    """

    database: str
    server_version: int
    texts: Mapping[Key, str] = field(repr=False)
    unread: tuple[str, ...] = ()

    @cached_property
    def fingerprint(self) -> str:
        """A hash that is equal for equal schemas, whatever the OIDs and the order in which things were made."""
        digest = hashlib.sha256()
        for key in sorted(self.texts):
            digest.update("\x1f".join((*key, self.texts[key])).encode("utf-8", "surrogatepass"))
            digest.update(b"\x1e")
        for kind in sorted(self.unread):
            digest.update(f"unread {kind}\x1e".encode())
        return digest.hexdigest()

    def __contains__(self, key: object) -> bool:
        return key in self.texts

    def __len__(self) -> int:
        return len(self.texts)

    def __iter__(self) -> Iterator[Object]:
        for key in sorted(self.texts):
            yield self[key]

    def __getitem__(self, key: Key) -> Object:
        return Object(key, properties(self.texts[key]))

    def without(self, keys: frozenset[Key]) -> Catalog:
        """Return the catalog without some objects."""
        return Catalog(
            database=self.database,
            server_version=self.server_version,
            texts={key: text for key, text in self.texts.items() if key not in keys},
            unread=self.unread,
        )

    @property
    def verdict(self) -> Verdict:
        """UNKNOWN where something could not be read."""
        return Verdict.UNKNOWN if self.unread else Verdict.OK

    def __str__(self) -> str:
        text = f"{self.database}: {len(self.texts)} objects, fingerprint {self.fingerprint[:16]}"
        return text + (f", not readable: {', '.join(self.unread)}" if self.unread else "")

    def table(self) -> display.Table:
        """Return one row per object."""
        rows = tuple(
            (one.key.kind, str(one.key), ", ".join(f"{k}: {words(v)}" for k, v in one.properties.items()))
            for one in self
        )
        return display.Table(columns=("kind", "object", "properties"), rows=rows)

    def view(self) -> display.View:
        """Return how many objects of each kind there are."""
        counts: dict[str, int] = {}
        for key in self.texts:
            counts[key.kind] = counts.get(key.kind, 0) + 1
        notes = tuple(display.Note(f"Could not be read: {kind}.", "unknown") for kind in self.unread)
        rows = tuple(sorted(counts.items()))
        return display.View(title=str(self), blocks=(*notes, display.Table(columns=("kind", "objects"), rows=rows)))

    def to_dict(self) -> dict[str, Any]:
        """Return fingerprint and objects."""
        return {
            "fingerprint": self.fingerprint,
            "unread": list(self.unread),
            "objects": [
                {"kind": one.key.kind, "object": str(one.key), "properties": dict(one.properties)} for one in self
            ],
        }


def properties(text: str) -> dict[str, Any]:
    """Return the properties in a text, without those that are not set."""
    return {name: value for name, value in json.loads(text).items() if value is not None}


def words(value: object) -> str:
    """Return a property's value as a person reads it."""
    if isinstance(value, list):
        return ", ".join(words(one) for one in value)
    if isinstance(value, Mapping):
        return "; ".join(f"{name}: {words(one)}" for name, one in value.items())
    return str(value)


_PLAIN = re.compile(r"[a-z_][a-z0-9_$]*\Z")


def quoted(name: str) -> str:
    """Return an identifier as SQL wants it; function names keep the arguments behind them."""
    head, parenthesis, _ = name.partition("(")
    if parenthesis and name.endswith(")") and _PLAIN.match(head):
        return name
    return name if _PLAIN.match(name) else '"' + name.replace('"', '""') + '"'
