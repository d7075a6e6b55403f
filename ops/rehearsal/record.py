"""The record of a rehearsal, in the home folder: what `require = rehearsal` asks for, and what was measured.

See `ops.guard.evidence` for its place and the first three of its keys. `measured` has one entry for each statement:
what it is and on which table, how large that was, and how long it took and how much WAL it wrote. No value of the
database's is in it.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ops import commands
from ops.rehearsal.result import Rehearsal
from ops.statement import Statement

SCHEMA = "ops.rehearsal/1"


def write(home: Path, rehearsal: Rehearsal) -> Path:
    """Write the record in one piece, in place of an older one of the same plan; for its owner's eyes only.

    Raises
    ------
    OSError
        The home folder cannot be written to.
    """
    folder = home / ".ops" / "rehearsals"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{rehearsal.fingerprint}.json"
    text = json.dumps(_content(rehearsal), indent=1, ensure_ascii=False)
    number, name = tempfile.mkstemp(dir=folder, prefix=".", suffix=".tmp")  # mode 0600
    try:
        with os.fdopen(number, "w", encoding="utf-8") as file:
            file.write(text + "\n")
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise
    return path


def _content(rehearsal: Rehearsal) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "fingerprint": rehearsal.fingerprint,
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "verdict": rehearsal.verdict.value,
        "target": rehearsal.route.target,
        "database": rehearsal.route.identity,
        "data": rehearsal.data,
        "server": rehearsal.server,
        "accepted": [one.revision for one in rehearsal.revisions if one.accepted],
        "measured": [*_measured(rehearsal.own, "up"), *_measured(rehearsal.down, "down")],
    }


def _measured(statements: tuple[Statement, ...], direction: str) -> Iterator[dict[str, Any]]:
    for one in statements:
        if one.seconds is None or one.bookkeeping:
            continue
        found = commands.parse(one.sql)
        yield {
            "direction": direction,
            "revision": one.revision,
            "verbs": sorted({command.verb for command in found}),
            "relations": sorted({lock.relation for lock in one.locks if lock.kind not in ("index", "sequence")}),
            "rewrites": list(one.rewrites),
            "scans": list(one.scans),
            "index_builds": list(one.index_builds),
            "seconds": round(one.seconds, 6),
            "wal_bytes": one.wal_bytes,
        }
