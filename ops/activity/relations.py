"""Tables and indexes with their sizes and traffic, from the rows of one query. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from ops.catalog.names import quoted
from ops.live import InvalidIndex, LiveRelation

Row = Mapping[str, Any]

_KINDS = {
    "r": "table",
    "p": "partitioned table",
    "m": "materialized view",
    "f": "foreign table",
    "i": "index",
    "I": "partitioned index",
}


def qualified(schema: str, name: str) -> str:
    """Return the name of a relation as SQL wants it."""
    return f"{quoted(schema)}.{quoted(name)}"


def relations(rows: Iterable[Row], *, block_size: int) -> dict[str, LiveRelation]:
    """Return every relation of the rows by its name; tables have what their indexes and partitions have in theirs."""
    rows = [one for one in rows if one["kind"] in _KINDS]
    names = {one["oid"]: qualified(one["schema"], one["name"]) for one in rows}
    seconds = max(rows[0]["counted_seconds"] or 0.0, 1.0) if rows else 1.0
    found = {one["oid"]: _single(one, names, block_size) for one in rows}
    for one in rows:
        if one["kind"] == "i" and one["table_oid"] in found:
            table, index = found[one["table_oid"]], found[one["oid"]]
            table["index_bytes"] += index["heap_bytes"]
            table["total_bytes"] += index["heap_bytes"]
            table["reads"] += index["reads"]
    for below, above in _upwards(rows):
        if above in found:
            _add(found[above], found[below])
    return {
        one["name"]: LiveRelation(
            **one, reads_per_second=one["reads"] / seconds, writes_per_second=one["writes"] / seconds
        )
        for one in found.values()
    }


def _single(row: Row, names: Mapping[int, str], block_size: int) -> dict[str, Any]:
    """The fields of one relation by itself."""
    stored = row["kind"] in "rmi"
    heap = row["bytes"] if row["bytes"] is not None else row["pages"] * block_size
    toast = row["toast_bytes"] if row["toast_bytes"] is not None else (row["toast_pages"] or 0) * block_size
    return {
        "name": names[row["oid"]],
        "kind": _KINDS[row["kind"]],
        "parent": names.get(row["table_oid"] or row["parent_oid"], ""),
        "rows": row["rows"] if row["kind"] in "rmf" else None,
        "heap_bytes": heap if stored else 0,
        "index_bytes": 0,
        "total_bytes": heap + toast if stored else 0,
        "reads": row["scans"],
        "writes": row["writes"],
        "estimated": stored and row["bytes"] is None,
        "owner": row["owner"],
        "columns": row["columns"] if row["kind"] in "rpmf" else 0,
    }


def _upwards(rows: list[Row]) -> list[tuple[int, int]]:
    """Partitions with what they are parts of, the lowest first."""
    above = {one["oid"]: one["parent_oid"] for one in rows if one["parent_oid"]}

    def depth(oid: int) -> int:
        steps = 0
        while oid in above and steps <= len(above):
            oid, steps = above[oid], steps + 1
        return steps

    return [(oid, above[oid]) for oid in sorted(above, key=depth, reverse=True)]


def _add(whole: dict[str, Any], part: dict[str, Any]) -> None:
    if part["rows"] is not None:
        whole["rows"] = (whole["rows"] or 0) + part["rows"]
    for name in ("heap_bytes", "index_bytes", "total_bytes", "reads", "writes"):
        whole[name] += part[name]
    whole["estimated"] = whole["estimated"] or part["estimated"]


def with_rates(found: Mapping[str, LiveRelation], rows: Iterable[Row], later: Iterable[Row]) -> dict[str, LiveRelation]:
    """Return the same relations, with reads and writes per second between two counts of the same counters."""
    rows = [one for one in rows if one["kind"] in _KINDS]
    names = {one["oid"]: qualified(one["schema"], one["name"]) for one in rows}
    first = {one["oid"]: one for one in rows}
    rates: dict[int, tuple[float, float]] = {}
    for one in later:
        before = first.get(one["oid"])
        if before is None:
            continue
        seconds = max(one["asked"] - before["asked"], 0.001)
        # counters that were reset meanwhile are smaller than before
        reads, writes = (max(one[name] - before[name], 0) / seconds for name in ("scans", "writes"))
        for oid in {one["oid"], one["table_oid"] or one["oid"]}:
            has = rates.get(oid, (0.0, 0.0))
            rates[oid] = (has[0] + reads, has[1] + writes)
    for below, above in _upwards([one for one in rows if one["kind"] not in "iI"]):
        part, whole = rates.get(below, (0.0, 0.0)), rates.get(above, (0.0, 0.0))
        rates[above] = (whole[0] + part[0], whole[1] + part[1])
    by_name = {names[oid]: rate for oid, rate in rates.items() if oid in names}
    return {
        name: replace(one, reads_now=by_name[name][0], writes_now=by_name[name][1]) if name in by_name else one
        for name, one in found.items()
    }


def invalid_indexes(rows: Iterable[Row], builder: Callable[[str], int]) -> tuple[InvalidIndex, ...]:
    """Return the indexes that no query uses; `builder` says who may be building one on a table, 0 for nobody."""
    rows = list(rows)
    names = {one["oid"]: qualified(one["schema"], one["name"]) for one in rows}
    found = []
    for one in rows:
        if one["valid"] is False:
            table = names.get(one["table_oid"], "")
            found.append(
                InvalidIndex(
                    name=names[one["oid"]],
                    table=table,
                    definition=one["definition"] or "",
                    constraint=one["constraint_name"] or "",
                    partitioned=one["kind"] == "I",
                    building_pid=one["building_pid"] or builder(table),
                )
            )
    return tuple(sorted(found, key=lambda one: one.name))


def not_owned(rows: Iterable[Row]) -> frozenset[str]:
    """Return the tables, views and sequences that the role may not alter."""
    return frozenset(
        qualified(one["schema"], one["name"]) for one in rows if not one["owned"] and one["kind"] not in "iI"
    )
