"""What a rehearsal of the same plan has measured on a copy with all rows."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ops import commands
from ops.statement import Statement


def rehearsed(
    home: Path, fingerprint: str, statements: Sequence[Statement], direction: str
) -> Mapping[int, tuple[float, int | None, str]]:
    """Return seconds, bytes of WAL, and when, of the statements of a plan, by number; of one that was not run, nothing.

    A rehearsal counts that was of this very plan, with all rows; of a revision whose statements were others, nothing.
    """
    try:
        record = json.loads((home / ".ops" / "rehearsals" / f"{fingerprint}.json").read_bytes())
        if record["fingerprint"] != fingerprint or record["data"] != "all":
            return {}
        entries = [one for one in record["measured"] if one["direction"] == direction]
        return _matched(statements, entries, str(record["finished"]))
    except (OSError, ValueError, KeyError, TypeError):
        return {}  # no record, or not one of this version


def _matched(
    statements: Sequence[Statement], entries: Sequence[Mapping[str, Any]], when: str
) -> dict[int, tuple[float, int | None, str]]:
    found: dict[int, tuple[float, int | None, str]] = {}
    for revision in dict.fromkeys(one.revision for one in statements):
        own = [one for one in statements if one.revision == revision and not one.bookkeeping]
        known = [one for one in entries if one["revision"] == revision]
        if [_verbs(one) for one in own] == [one["verbs"] for one in known]:
            pairs = zip(own, known, strict=True)
            found |= {one.number: (float(entry["seconds"]), entry["wal_bytes"], when) for one, entry in pairs}
    return found


def _verbs(one: Statement) -> list[str]:
    return sorted({command.verb for command in commands.parse(one.sql)})
