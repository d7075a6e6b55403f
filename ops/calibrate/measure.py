"""The rates of a plan's trials: measured once on a server, and kept."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from ops import scratch
from ops.cache import Cache, Dependencies
from ops.calibrate.sample import Sample, Took, Untried, sample
from ops.calibrate.shapes import shapes
from ops.estimate.values import Rate, Shape, Trial
from ops.settings import TargetSettings
from ops.settings.urls import host_of

if TYPE_CHECKING:
    from sqlalchemy import Connection

_KIND = "rate"
_SECONDS = 30.0
"""For all samples of one plan; what is left then has no rate."""

_DAYS = 30
"""A rate that is older is measured anew: machines change."""

_HERE = ("localhost", "127.0.0.1", "::1")


def rates(home: Path, place: scratch.Place, connection: Connection, trials: Iterable[Trial]) -> dict[Trial, Rate | str]:
    """Return the rate of each trial on a scratch server, or why there is none.

    `connection` leads to the target, whose tables' statistics say what synthetic rows are to look like. Trials of the
    same table share a sample; one that was measured on this server within the last weeks is not measured again. What
    comes first is tried first, as the time for all of it is limited.

    Raises
    ------
    OpsError
        The scratch server refuses.
    """
    asked: dict[tuple[str, tuple[tuple[str, str], ...]], dict[Trial, None]] = {}
    for one in trials:
        asked.setdefault((one.relation, one.added), {})[one] = None
    if not asked:
        return {}
    found: dict[Trial, Rate | str] = {}
    known = shapes(connection, (relation for relation, _ in asked))
    deadline = time.monotonic() + _SECONDS
    for (relation, added), group in asked.items():
        shape = known.get(relation)
        if shape is None:
            found.update((one, f"{relation} is not there any more") for one in group)
        else:
            found.update(_of_shape(Cache(home), place, shape, added, list(group), deadline))
    return found


def distance(settings: TargetSettings, place: scratch.Place) -> str:
    """Return where rates are measured, and what that leaves uncertain for this target."""
    if settings.embedded and not place.is_shared:
        return "Rates are those of synthetic rows on the same machine, by a server like this one."
    host = host_of(settings.database.url)
    where = place.label if place.is_shared else f"the embedded PostgreSQL {place.major}"
    if not place.is_shared and (not host or host.startswith("/") or host in _HERE):
        return (
            f"Rates are those of synthetic rows on {where}, on the same machine: another server with other settings "
            "may be faster or slower than that."
        )
    return (
        f"Rates are those of synthetic rows on {where}, which is not {host or 'the target'}: its disk, its processor "
        "and its load may make it several times faster or slower, beyond these ranges."
    )


def _of_shape(
    cache: Cache,
    place: scratch.Place,
    shape: Shape,
    added: Sequence[tuple[str, str]],
    trials: Sequence[Trial],
    deadline: float,
) -> dict[Trial, Rate | str]:
    found: dict[Trial, Rate | str] = {}
    for one in trials:
        kept = _kept(cache, place, shape, one)
        if kept is not None:
            found[one] = kept
    missing = [one for one in trials if one not in found]
    if not missing:
        return found
    late = f"the {_SECONDS:.0f} s for trials on synthetic rows were over before it"
    if time.monotonic() > deadline:
        return found | dict.fromkeys(missing, late)
    try:
        with sample(place, shape, added) as rows:
            for one in missing:
                is_over = time.monotonic() > deadline
                found[one] = late if is_over else _tried(cache, place, shape, rows, one)
    except Untried as why:
        found.update((one, str(why)) for one in missing)
    return found


def _tried(cache: Cache, place: scratch.Place, shape: Shape, rows: Sample, one: Trial) -> Rate | str:
    try:
        rate = _rate(rows.run(one), place)
    except Untried as why:
        cache.put(_KIND, _inputs(place, shape, one), {"why": str(why)}, Dependencies())
        return str(why)
    cache.put(_KIND, _inputs(place, shape, one), asdict(rate), Dependencies())
    return rate


def _rate(took: Took, place: scratch.Place) -> Rate:
    return Rate(
        seconds=took.seconds / took.rows,
        wal=took.wal / took.rows,
        bytes=took.bytes / took.rows,
        rows=took.rows,
        heap_bytes=took.heap_bytes,
        server=f"PostgreSQL {place.major}",
        when=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _kept(cache: Cache, place: scratch.Place, shape: Shape, one: Trial) -> Rate | str | None:
    entry = cache.get(_KIND, _inputs(place, shape, one))
    if entry is None:
        return None
    if "why" in entry.payload:
        return str(entry.payload["why"])
    rate = Rate(**entry.payload)
    age = datetime.now(UTC) - datetime.fromisoformat(rate.when)
    return rate if age < timedelta(days=_DAYS) else None


def _inputs(place: scratch.Place, shape: Shape, one: Trial) -> list[object]:
    """What a rate depends on: server, version, types, and what is done; not the name of the table."""
    return [os.uname().nodename, str(place.folder), place.major, asdict(shape), one.kind, one.detail, one.added]
