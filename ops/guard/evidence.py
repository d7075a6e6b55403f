"""What was rehearsed and backed up, read from the records that those notebooks leave in the home folder.

`.ops/rehearsals/<plan fingerprint>.json` holds `{"fingerprint", "finished", "verdict"}`;
`.ops/backups/<first 16 hex digits of SHA-256 of the database's identity>.json`, of the newest backup of a database,
`{"database", "finished", "verdict", "file"}`. `finished` is a time with its offset from UTC (ISO 8601). Only the
verdict `OK` counts, and a backup only as long as its file is there; a relative path begins at the home folder.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any


def rehearsed(home: Path, fingerprint: str) -> datetime | None:
    """Return when the plan of this fingerprint was rehearsed and all went well; None where there is no such record."""
    found = _read(home / ".ops" / "rehearsals" / f"{fingerprint}.json")
    return _finished(found) if found.get("fingerprint") == fingerprint else None


def rehearsal_verdict(home: Path, fingerprint: str) -> str:
    """Return how the last rehearsal of the plan of this fingerprint ended; nothing where there is no such record."""
    found = _read(home / ".ops" / "rehearsals" / f"{fingerprint}.json")
    return str(found.get("verdict") or "") if found.get("fingerprint") == fingerprint else ""


def record_of(home: Path, identity: str) -> Path:
    """Return where the record of the newest backup of a database is."""
    name = hashlib.sha256(identity.encode()).hexdigest()[:16]
    return home / ".ops" / "backups" / f"{name}.json"


def backed_up(home: Path, identity: str) -> datetime | None:
    """Return when the newest backup of a database that is still there was finished; None where there is none."""
    found = _read(record_of(home, identity))
    file = found.get("file")
    if found.get("database") != identity or not isinstance(file, str) or not os.path.exists(home / file):
        return None
    return _finished(found)


def _read(path: Path) -> Mapping[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}  # no record, or half of one: nothing is on record
    return found if isinstance(found, dict) else {}


def _finished(record: Mapping[str, Any]) -> datetime | None:
    if record.get("verdict") != "OK":
        return None
    try:
        found = datetime.fromisoformat(record["finished"])
    except (KeyError, TypeError, ValueError):
        return None
    return found if found.tzinfo is not None else None
