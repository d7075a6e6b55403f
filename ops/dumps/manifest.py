"""The manifest beside a dump: written last, so that what has none was never finished."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import replace
from pathlib import Path

from ops.dumps.values import MANIFEST, NAMES, SCHEMA, Dump
from ops.errors import RefusedError
from ops.settings import cleaned


class DumpError(RefusedError):
    """What should be restored is not a whole dump of this toolkit's. Nothing was changed."""

    code = "dump"


def write(dump: Dump, *, durable: bool = True) -> Dump:
    """Write the manifest of a dump, and return the dump with its hash."""
    content = json.dumps(cleaned(dump.manifest()), indent=1, ensure_ascii=False, default=str).encode(
        "utf-8", "surrogateescape"
    )
    path = dump.folder / MANIFEST
    making = path.with_suffix(".part")
    with open(os.open(making, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        if durable:
            os.fsync(file.fileno())
    os.replace(making, path)
    if durable:
        held = os.open(dump.folder, os.O_RDONLY)
        try:
            os.fsync(held)
        finally:
            os.close(held)
    own = hashlib.sha256(content).hexdigest()
    return replace(dump, sha256=own if dump.format == "directory" else dump.files[0].sha256)


def read(folder: Path) -> Dump:
    """Return the dump that lies in a folder, as its manifest has it. Its files are not looked at.

    Raises
    ------
    DumpError
        There is no manifest, or one that this version cannot read.
    """
    path = folder / MANIFEST
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DumpError(
            f"{folder} has no {MANIFEST} that can be read ({error.strerror}): it is no dump of this toolkit's, or one "
            "that was never finished.",
            next_step="Name the folder of a backup. What pg_dump made otherwise is restored by pg_restore itself.",
        ) from None
    try:
        said = json.loads(content)
        if said["schema"] != SCHEMA or said["format"] not in NAMES:
            raise DumpError(
                f"{path} is of the format {str(said['schema'])[:40]!r}, and this version reads {SCHEMA!r}.",
                next_step="Use the version of this toolkit that wrote it, or pg_restore itself.",
            )
        return Dump.from_manifest(folder, said, hashlib.sha256(content).hexdigest())
    except (ValueError, KeyError, TypeError, IndexError):
        raise DumpError(
            f"{path} is damaged: it does not say what a manifest says.",
            next_step="Take another backup; pg_restore itself may still read what lies beside it.",
        ) from None
