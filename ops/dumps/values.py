"""What a dump is, as a value and as the manifest that lies beside it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SCHEMA = "ops.dump/1"
MANIFEST = "manifest.json"
CONTENTS = "contents.txt"
FORMATS: Mapping[str, str] = {"directory": "dump", "custom": "dump.custom", "plain": "dump.sql"}
"""The formats, and what the dump is called in its folder."""
OF_A_FILE = "file"
"""The format of what SQLite's backup API writes: a database like the one that it is of."""
NAMES: Mapping[str, str] = {**FORMATS, OF_A_FILE: "dump.db"}
"""What a dump of each format is called in its folder."""
DATA = ("full", "schema", "some")
"""Rows of all tables, of none, or of some."""

LOCALE = (
    "datcollate", "datctype", "datlocprovider", "daticulocale", "datlocale", "daticurules", "datcollversion",
)  # fmt: skip
"""What of a database's row in the catalog its locale is; a server has those of its version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """One file of a dump; `name` is relative to its folder."""

    name: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignKey:
    """A foreign key that the rows of a dump do not keep, as rows that they refer to are not in it.

    `oid` is the constraint's in the database that was dumped, `definition` as the server writes it.
    """

    oid: int
    schema: str
    table: str
    name: str
    definition: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Dump:
    """A dump, and what is known of it. It lies in `folder`, together with its manifest and table of contents.

    `identity` is the database's that was dumped, `program` the version of the pg_dump that did it. `started` is when
    its snapshot was taken, by the server's clock: what came later is not in it. `tables` are schema, name and bytes
    (heap and TOAST, when it was made) of the tables whose rows are in it, `without` schema and name of those whose rows
    are not. `broken` are foreign keys that these rows cannot keep. `absent` is what a new database has and this one had
    not, as kind and name. `sha256` is that of the file, or, of a directory, of the manifest, which has that of each
    file. `note` is what whoever made it wanted to be remembered.
    """

    folder: Path
    format: str
    data: str
    database: str
    identity: str
    server_version: int
    program: str
    encoding: str
    locale: Mapping[str, str | None]
    started: str
    finished: str
    files: tuple[File, ...]
    sha256: str
    entries: int = 0
    tables: tuple[tuple[str, str, int], ...] = field(default=(), repr=False)
    without: tuple[tuple[str, str], ...] = ()
    broken: tuple[ForeignKey, ...] = ()
    absent: tuple[tuple[str, str], ...] = ()
    note: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def path(self) -> Path:
        """What pg_restore, or psql, is given: a file, or the folder of the directory format."""
        return self.folder / NAMES[self.format]

    @property
    def bytes(self) -> int:
        """The size of all its files, without the manifest."""
        return sum(one.bytes for one in self.files)

    @property
    def origin(self) -> str:
        """What was dumped, and by what, in words."""
        if self.format == OF_A_FILE:
            return f"{self.database}, by the backup API of SQLite {self.program}"
        return f"{self.database}, PostgreSQL {self.major}, by pg_dump {self.program}"

    @property
    def major(self) -> int:
        """The major version of the server that was dumped."""
        return self.server_version // 10000

    @property
    def program_major(self) -> int:
        """The major version of the pg_dump that made it: an older pg_restore cannot read it."""
        return int(re.split(r"\D", self.program)[0])  # 19beta1 is one as well

    def manifest(self) -> dict[str, Any]:
        """Return what the manifest says; all but the folder and the hash, which it cannot know."""
        return {
            "schema": SCHEMA,
            "format": self.format,
            "data": self.data,
            "database": self.database,
            "identity": self.identity,
            "server_version": self.server_version,
            "program": self.program,
            "encoding": self.encoding,
            "locale": dict(self.locale),
            "started": self.started,
            "finished": self.finished,
            "entries": self.entries,
            "files": [[one.name, one.bytes, one.sha256] for one in self.files],
            "tables": [list(one) for one in self.tables],
            "without": [list(one) for one in self.without],
            "broken": [[one.oid, one.schema, one.table, one.name, one.definition] for one in self.broken],
            "absent": [list(one) for one in self.absent],
            "note": dict(self.note),
        }

    @classmethod
    def from_manifest(cls, folder: Path, said: Mapping[str, Any], sha256: str) -> Dump:
        """Return what a manifest says; `sha256` is that of the manifest.

        Raises
        ------
        KeyError, TypeError, ValueError
            It does not say what a manifest says.
        """
        files = tuple(File(name=str(name), bytes=int(size), sha256=str(one)) for name, size, one in said["files"])
        keys = ("oid", "schema", "table", "name", "definition")
        return cls(
            folder=folder,
            files=files,
            sha256=sha256 if said["format"] == "directory" else files[0].sha256,
            locale=dict(said["locale"]),
            note=dict(said["note"]),
            tables=tuple((schema, name, int(size)) for schema, name, size in said["tables"]),
            without=tuple((schema, name) for schema, name in said["without"]),
            broken=tuple(ForeignKey(**dict(zip(keys, one, strict=True))) for one in said["broken"]),
            absent=tuple((kind, name) for kind, name in said["absent"]),
            **{name: said[name] for name in _PLAIN},
        )


_PLAIN = (
    "format", "data", "database", "identity", "server_version", "program", "encoding", "started", "finished", "entries",
)  # fmt: skip
