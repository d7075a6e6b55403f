"""What differs between what two stops of a rehearsal hold: lost, left behind, or only moved. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

from ops.catalog import Catalog, Key, properties
from ops.catalog.names import path
from ops.rehearsal.values import Column, Contents, Extra, Loss, Name, Table, written

Part = tuple[Name, str]
"""A table (or a sequence) and a column of it; without one, its rows."""

ELSEWHERE = "they stand in other rows now"
MADE_ANEW = "of a materialized view: REFRESH makes them anew"


class Compared(NamedTuple):
    """What is lost, and what is left behind."""

    lost: tuple[Loss, ...] = ()
    left: tuple[Extra, ...] = ()

    @property
    def parts(self) -> frozenset[Part]:
        """What they are about."""
        return frozenset(one.part for one in (*self.lost, *self.left))


def compare(before: Contents, after: Contents) -> Compared:
    """Return what was there before and is not there after, and the other way round.

    A table or a column that has another name and holds the same is only moved. Empty ones are the catalog's business,
    and so are materialized views, and columns of these, that are gone: what they held is made of other rows.
    """
    lost: list[Loss] = []
    left: list[Extra] = []
    moved = _moved_tables(before, after)
    for name, table in before.tables.items():
        other = after.tables.get(name)
        if other is table or table.unread or (other is not None and other.unread) or name in moved:
            continue
        if other is None:
            if table.rows:
                lost.append(Loss(kind="table", table=name, amount=table.rows, of=table.rows))
            continue
        for one in _of_table(table, other):
            (lost if isinstance(one, Loss) else left).append(one)  # type: ignore[arg-type]
    lost += _sequences(before, after)
    for one in _of_views(before, after):
        (lost if isinstance(one, Loss) else left).append(one)  # type: ignore[arg-type]
    return Compared(tuple(lost), tuple(left))


def touched(before: Contents, after: Contents) -> frozenset[Part]:
    """Return every part that came, went, or holds something else."""
    found: set[Part] = set()
    first_ones, second_ones = ({**some.tables, **some.views} for some in (before, after))
    for name in first_ones.keys() | second_ones.keys():
        one, other = first_ones.get(name), second_ones.get(name)
        if one is other:
            continue
        if one is None or other is None:
            there = one or other
            assert there is not None  # one of the two has it
            found |= {(name, ""), *((name, column) for column in there.columns)}
            continue
        if one.rows != other.rows or _other_rows(one, other):
            found.add((name, ""))
        for column in one.columns.keys() | other.columns.keys():
            first, second = one.columns.get(column), other.columns.get(column)
            if first is None or second is None or _differs(one, other, first, second):
                found.add((name, column))
    found |= {
        (name, "")
        for name in before.counters.keys() | after.counters.keys()
        if before.counters.get(name) != after.counters.get(name)
    }
    return frozenset(found)


def unlike(first: Contents, second: Contents, before: Contents, anew: frozenset[Part]) -> Mapping[Part, str]:
    """Return what a second way up made otherwise than the first, a sentence for each part.

    `anew` are columns that get another value each time; so does, perhaps, what was not there `before` the revision: of
    these only the number of values counts.
    """
    found: dict[Part, str] = {}
    for name, table in first.tables.items():
        other = second.tables.get(name)
        if other is None or other is table or table.unread or other.unread:
            continue
        if table.rows != other.rows:
            found[name, ""] = _counted_twice(name, table, other)
            continue
        known = before.tables.get(name)
        for column, one in table.columns.items():
            again = other.columns.get(column)
            if again is None or one.values == again.values or (name, column) in anew:
                continue
            if one.filled != again.filled:
                counts = f"{one.filled:,} values the first time, and {again.filled:,} the second"
                found[name, column] = f"{written(name, column)} has {counts}."
            elif known is not None and column in known.columns:
                found[name, column] = f"{written(name, column)} has other values the second time than the first."
    for name, view in first.views.items():  # whose values may be made of some that are other ones each time
        other = second.views.get(name)
        if view is not None and other is not None and view.rows != other.rows:
            found[name, ""] = _counted_twice(name, view, other)
    return found


def _counted_twice(name: Name, table: Table, other: Table) -> str:
    return f"{written(name)} has {table.rows:,} rows the first time, and {other.rows:,} the second."


def made_anew(catalog: Catalog) -> frozenset[Part]:
    """Return the columns whose values are other ones each time: numbered, dated or drawn by lot, and what refers there.

    A default that calls a function is taken for one of these.
    """
    found: set[Part] = set()
    keys: list[tuple[Key, str]] = []
    for key, text in catalog.texts.items():
        if key.kind == "foreign key":
            keys.append((key, text))
        if key.kind == "column" and ('"default"' in text or '"identity"' in text):
            own = properties(text)
            if "identity" in own or _CALLS.search(_CASTS.sub("", str(own.get("default", "")))):
                found.add(((key.schema, key.parent), key.name))
    references = [one for key, text in keys for one in _references(key, text)]
    more = True
    while more:
        more = False
        for child, parent in references:
            if parent in found and child not in found:
                found.add(child)
                more = True
    return frozenset(found)


_CASTS = re.compile(r"::[\w .\"]+(\(\d+(,\s*\d+)?\))?(\[\])*")
_CALLS = re.compile(r"[\w\"]\s*\(|\b(CURRENT|LOCAL)_?(TIME|DATE|TIMESTAMP|USER)", re.IGNORECASE)
_FOREIGN = re.compile(r"FOREIGN KEY \((.+?)\) REFERENCES (.+?)\((.+?)\)")


def _references(key: Key, text: str) -> Iterator[tuple[Part, Part]]:
    match = _FOREIGN.match(str(properties(text).get("definition", "")))
    if match is None:
        return
    there = path(match[2])
    name = (there[-2] if len(there) > 1 else key.schema, there[-1])
    for child, parent in zip(match[1].split(", "), match[3].split(", "), strict=False):
        yield ((key.schema, key.parent), path(child)[-1]), (name, path(parent)[-1])


def _of_views(before: Contents, after: Contents) -> Iterator[Loss | Extra]:
    """What materialized views that are still there have not any more, or have besides."""
    for name, view in sorted(before.views.items()):
        other = after.views.get(name)
        if view is None or name not in after.views or view.unread or (other is not None and other.unread):
            continue
        if other is None:
            yield Loss(kind="rows", table=name, why="the materialized view is not populated any more: REFRESH fills it")
            continue
        for one in _of_table(view, other):
            if isinstance(one, Extra):
                yield one
            elif one.kind != "column":
                yield replace(one, why=MADE_ANEW)


# -- one table --------------------------------------------------------------------------------------


def _moved_tables(before: Contents, after: Contents) -> frozenset[Name]:
    """Tables that are gone under their name, and stand with all of their values under a new one."""
    new = [one for name, one in after.tables.items() if name not in before.tables and one.rows]
    found = set()
    for name, table in before.tables.items():
        if name not in after.tables and table.rows:
            same = next((one for one in new if one.signature == table.signature), None)
            if same is not None:
                new.remove(same)
                found.add(name)
    return frozenset(found)


def _of_table(table: Table, other: Table) -> Iterator[Loss | Extra]:
    yield from _columns_gone(table, other)
    gone, come = _rows(table, other)
    if gone and gone == come:  # each under another key
        yield from (
            Loss(kind="values", table=table.name, column=name, amount=gone, of=table.columns[name].filled)
            for name in table.key
            if name in other.columns and table.columns[name].values != other.columns[name].values
        )
    else:
        if gone:
            yield Loss(kind="rows", table=table.name, amount=gone, of=table.rows, at_least=not _counted(table, other))
        if come:
            yield Extra(kind="rows", table=table.name, amount=come)
    values = list(_values(table, other, balanced=not (gone or come)))
    yield from values
    if not values and _is_paired_otherwise(table, other):
        yield Loss(kind="values", table=table.name, why=ELSEWHERE)


def _columns_gone(table: Table, other: Table) -> Iterator[Loss]:
    new = [one.values for name, one in other.columns.items() if name not in table.columns]
    for name, one in table.columns.items():
        if name in other.columns or not one.filled:
            continue
        if one.values in new:
            new.remove(one.values)
        else:
            yield Loss(kind="column", table=table.name, column=name, amount=one.filled, of=one.filled)


def _rows(table: Table, other: Table) -> tuple[int, int]:
    """How many rows are gone, and how many came; of a large table only the balance is known."""
    if _counted(table, other):
        first, second = set(_split(table.noted, 8)), set(_split(other.noted, 8))
        return len(first - second), len(second - first)
    return max(0, table.rows - other.rows), max(0, other.rows - table.rows)


def _values(table: Table, other: Table, *, balanced: bool) -> Iterator[Loss | Extra]:
    """Values that are others, in the rows that are still there; `balanced`: there are as many rows as before."""
    counted = _counted(table, other)
    for name, one in table.columns.items():
        again = other.columns.get(name)
        if again is None or (counted and name in table.key) or not _differs(table, other, one, again):
            continue
        gone, come = _changed(table, other, one, again)
        why = ELSEWHERE if one.values == again.values else ""
        if counted and (gone or come or not balanced):
            if gone:
                yield Loss(kind="values", table=table.name, column=name, amount=gone, of=one.filled, why=why)
            if come:
                yield Extra(kind="values", table=table.name, column=name, amount=come)
        elif gone:
            about = min(gone * max(table.share, other.share), one.filled)
            yield Loss(kind="values", table=table.name, column=name, amount=about, of=one.filled, about=True, why=why)
        elif balanced and one.filled:
            least = min(max(one.filled - again.filled, 1), one.filled)
            exact = least == one.filled
            yield Loss(kind="values", table=table.name, column=name, amount=least, of=one.filled, at_least=not exact)
        elif balanced:
            yield Extra(kind="values", table=table.name, column=name, amount=again.filled)


def _changed(table: Table, other: Table, one: Column, again: Column) -> tuple[int, int]:
    """In how many noted rows that both have a value is another one or gone, and in how many there was none."""
    if not _is_noted(table, other) or one.marks is again.marks:
        return 0, 0
    first = zip(_split(table.noted, 8), _split(one.marks, 4), strict=True)
    second = dict(zip(_split(other.noted, 8), _split(again.marks, 4), strict=True))
    changed = [mark for key, mark in first if key in second and second[key] != mark]
    come = changed.count(_NULL)
    return len(changed) - come, come


_NULL = b"\xff\xff\xff\xff"


def _differs(table: Table, other: Table, one: Column, again: Column) -> bool:
    return one.values != again.values or _changed(table, other, one, again) != (0, 0)


def _is_paired_otherwise(table: Table, other: Table) -> bool:
    """Whether a table has the same values in each column, and other rows."""
    same = all(
        name in other.columns and one.values == other.columns[name].values for name, one in table.columns.items()
    )
    return same and table.rows == other.rows and _other_rows(table, other)


def _other_rows(table: Table, other: Table) -> bool:
    """Whether it is known that the rows are not the same ones; only where both have the same columns in one order."""
    if table.whole is None or other.whole is None or table.whole == other.whole:
        return False
    return [(one.number, name) for name, one in table.columns.items()] == [
        (one.number, name) for name, one in other.columns.items()
    ]


def _is_noted(table: Table, other: Table) -> bool:
    """Whether some rows of both are known by the same key."""
    return bool(table.key_numbers) and bool(other.key_numbers) and table.key == other.key


def _counted(table: Table, other: Table) -> bool:
    """Whether all of them are."""
    return _is_noted(table, other) and table.share == other.share == 1


def _split(data: bytes, width: int) -> list[bytes]:
    return [data[place : place + width] for place in range(0, len(data), width)]


def _sequences(before: Contents, after: Contents) -> Iterator[Loss]:
    """Sequences that will give numbers again; of a table that is empty now nobody can notice that."""
    for name, one in before.counters.items():
        other = after.counters.get(name)
        if other is None or not other.is_behind(one):
            continue
        table = after.tables.get(other.owner) if other.owner else None
        if table is None or table.rows:
            amount = abs(one.next - other.next) // abs(one.step)
            why = f"the next number was {one.next}, and is {other.next} now"
            yield Loss(kind="sequence", table=name, amount=amount, why=why)


def unread(*stops: Contents) -> tuple[str, ...]:
    """Return why something of these stops is not known, a sentence each."""
    found = {
        one.name: one.unread
        for stop in stops
        for one in (*stop.tables.values(), *stop.views.values())
        if one is not None and one.unread
    }
    return tuple(f"{written(name)} cannot be compared: {why}." for name, why in sorted(found.items()))
