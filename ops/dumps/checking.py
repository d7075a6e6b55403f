"""Whether a dump still is what was written: its files against its manifest, its contents as pg_restore lists them."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from ops import programs
from ops.dumps import manifest
from ops.dumps.manifest import DumpError
from ops.dumps.values import CONTENTS, MANIFEST, NAMES, OF_A_FILE, Dump, File
from ops.errors import OpsError
from ops.sqlite import file

_ENDS = b"-- PostgreSQL database dump complete"
_TAIL_BYTES = 4096


def find(path: Path) -> Dump:
    """Return the dump that a path means: its folder, the dump in it, or its manifest.

    Raises
    ------
    DumpError
        It is none of this toolkit's, or not finished, or of another version.
    """
    inside = path.name in (*NAMES.values(), MANIFEST, CONTENTS) and not (path / MANIFEST).exists()
    return manifest.read(path.parent if inside else path)


def check(dump: Dump, *, sha256: str = "") -> Dump:
    """Return the dump when every file of it is what its manifest says, and nothing else lies among them.

    `sha256` is the hash that somebody remembers; a whole dump in the place of another has another one.

    Raises
    ------
    DumpError
        A file is missing, cut short, or was changed or exchanged; or pg_restore cannot list it.
    """
    if sha256 and sha256 != dump.sha256:
        raise _not_it(dump, f"it is another one than was made: its hash is {dump.sha256[:16]}…, not {sha256[:16]}…")
    for one in dump.files:
        if why := _wrong(dump.folder / one.name, one):
            raise _not_it(dump, f"{one.name} {why}")
    if dump.path.is_dir():
        known = {one.name for one in dump.files}
        more = sorted(one for one in os.listdir(dump.path) if f"{dump.path.name}/{one}" not in known)
        if more:
            raise _not_it(dump, f"{more[0]} lies among its files, and does not belong there")
    if dump.format == "plain":
        _require_end(dump)
        return dump
    if dump.format == OF_A_FILE:
        if why := file.damage(dump.path):
            raise _not_it(dump, why)
        return dump
    try:
        listing = contents(dump)
    except OpsError as error:
        raise _not_it(dump, error.problem) from None
    if entries(listing) != dump.entries:
        raise _not_it(dump, f"pg_restore lists {entries(listing)} entries, and {dump.entries} were written")
    return dump


def contents(dump: Dump) -> bytes:
    """Return the table of contents as pg_restore lists it.

    Raises
    ------
    OpsError
        It cannot read the dump.
    """
    command = [str(program(dump) / "pg_restore"), "--list", str(dump.path)]
    return programs.child(command, b"", {"LC_ALL": "C"}, "pg_restore cannot list it", "Make another backup.")


def entries(listing: bytes) -> int:
    """Return how many entries a table of contents has."""
    return sum(1 for line in listing.splitlines() if line.strip() and not line.startswith(b";"))


def program(dump: Dump, server_major: int = 0) -> Path:
    """Return where the programs are that can read a dump, and speak with a server of that major version."""
    return programs.folder_for(max(dump.program_major, server_major))


def _wrong(path: Path, one: File) -> str:
    try:
        size = path.stat().st_size
        if size != one.bytes:
            return f"has {size:,} bytes, and {one.bytes:,} were written"
        with open(path, "rb") as written:
            digest = hashlib.file_digest(written, "sha256").hexdigest()
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    return "" if digest == one.sha256 else "is not what was written: its SHA-256 is another one"


def _require_end(dump: Dump) -> None:
    with open(dump.path, "rb") as written:
        written.seek(max(0, dump.path.stat().st_size - _TAIL_BYTES))
        if _ENDS not in written.read():
            raise _not_it(dump, f"{dump.path.name} does not end as pg_dump ends a script")


def _not_it(dump: Dump, why: str) -> DumpError:
    return DumpError(
        f"The dump in {dump.folder} cannot be used: {why}.",
        next_step="Use another backup, and find out what happened to this one.",
    )
