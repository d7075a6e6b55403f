"""A catalog as values."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from ops import display
from ops.catalog.names import Path, quoted, routine
from ops.values import Result, Verdict

ROUTINES = frozenset({"function", "procedure", "aggregate"})


class Key(NamedTuple):
    """What an object is called: `parent` is the table of a column, a constraint, an index, a trigger, a policy.

    Names are as they are, without quotes. The name of a routine has the types of its arguments behind it.
    """

    kind: str
    schema: str
    parent: str
    name: str

    def __str__(self) -> str:
        """Return the name in full, each part quoted as SQL wants it."""
        name = quoted(self.name)
        if self.kind in ROUTINES:
            bare, arguments = routine(self.name)
            name = f"{quoted(bare)}({arguments})"
        return ".".join([*(quoted(part) for part in (self.schema, self.parent) if part), name])

    @property
    def path(self) -> Path:
        """The parts by which definitions speak of the object; a routine's are without its arguments."""
        name = routine(self.name)[0] if self.kind in ROUTINES else self.name
        return tuple(part for part in (self.schema, self.parent, name) if part)


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
    not be read: what they hold is unknown, and so is the verdict. `doubts` say why even what was read may not be
    all: a server that is newer than what is known here, for one; then, too, nothing is certain. `notes` go with it.
    """

    database: str
    server_version: int
    texts: Mapping[Key, str] = field(repr=False)
    unread: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @cached_property
    def fingerprint(self) -> str:
        """A hash that is equal for equal schemas, whatever the OIDs and the order in which things were made."""
        objects = sorted("\0".join((*key, text)) for key, text in self.texts.items())
        objects += (f"unread\0{kind}" for kind in sorted(self.unread))
        # no text of the server's holds a zero byte: two different catalogs never are the same text
        return hashlib.sha256("\0\0".join(objects).encode("utf-8", "surrogatepass")).hexdigest()

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
            doubts=self.doubts,
            notes=self.notes,
        )

    @property
    def verdict(self) -> Verdict:
        """UNKNOWN where something could not be read, or nobody knows whether all was."""
        return Verdict.UNKNOWN if self.unread or self.doubts else Verdict.OK

    def __str__(self) -> str:
        text = f"{self.database}: {len(self.texts)} objects, fingerprint {self.fingerprint[:16]}"
        text += f", not readable: {', '.join(self.unread)}" if self.unread else ""
        return " ".join((text, *(f"({doubt})" for doubt in self.doubts)))

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
        notes += tuple(display.Note(doubt, "unknown") for doubt in self.doubts)
        notes += tuple(display.Note(note) for note in self.notes)
        rows = tuple(sorted(counts.items()))
        return display.View(title=str(self), blocks=(*notes, display.Table(columns=("kind", "objects"), rows=rows)))

    def to_dict(self) -> dict[str, Any]:
        """Return fingerprint and objects."""
        return {
            "fingerprint": self.fingerprint,
            "unread": list(self.unread),
            "doubts": list(self.doubts),
            "notes": list(self.notes),
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
