"""Will rows point to rows that are not there."""

from __future__ import annotations

from collections.abc import Iterator

from ops.catalog.names import quoted
from ops.commands import Command
from ops.probes import source
from ops.probes.place import Place, listed
from ops.probes.state import Table
from ops.probes.values import Doubt, Question


def orphans(place: Place, command: Command) -> Iterator[Question]:
    """Whether rows of the referring table lack the row that they refer to."""
    if command.options & {"NOT VALID", "NOT ENFORCED"} or command.references is None:
        return
    parent_name = place.state.full(*command.references[:2])
    lacked = f"by {listed(command.columns)} to rows that {'.'.join(one for one in parent_name if one)} lacks?"
    for child in place.table(command, f"Do rows refer {lacked}"):
        if isinstance(child, Question):
            yield child
            continue
        words = f"Do rows of {child.sql} refer {lacked}"
        parent = place.state.find(parent_name)
        if parent is None:
            yield place.ask(words, doubt=Doubt.of(f"{'.'.join(parent_name)} is not in the live catalog"))
            continue
        to = command.references[2] or _primary_key(place, parent)
        if "PERIOD" in command.options or (not parent.empty and len(to) != len(command.columns)):
            yield place.ask(words, doubt=Doubt.of("no query is known for such a foreign key"))
        else:
            yield _lacking(place, command, words, child, parent, to)


def _primary_key(place: Place, parent: Table) -> tuple[str, ...]:
    """The columns of a table's primary key under the names that they have now."""
    for one in parent.constraints.values():
        if one and one.verb == "ADD PRIMARY KEY":
            return one.columns
    by_live = {column.live: name for name, column in parent.columns.items()}
    return tuple(by_live[name] for name in parent.key if name in by_live)


def _lacking(place: Place, command: Command, words: str, child: Table, parent: Table, to: tuple[str, ...]) -> Question:
    columns = command.columns
    full = "MATCH FULL" in command.options and len(columns) > 1
    doubt = place.state.doubt(child, columns)
    some = " AND ".join(source.present(quoted(one)) for one in columns)
    # A row that has none of the columns refers to nothing; under MATCH FULL one that has only some may not be.
    half = " OR ".join(source.present(quoted(one)) for one in columns)
    only = child.partition_key is None
    if parent.empty:
        return place.counting(words, child, columns, half if full else some, only=only, doubt=doubt)
    doubt |= place.state.doubt(parent, to, growing=False)
    if doubt.settled or child.live is None or parent.live is None:
        return place.ask(words, doubt=doubt)
    name = "alembic_ops_parent" if child.name[1] != "alembic_ops_parent" else "alembic_ops_other"
    there = source.rows(parent, to, key=False, only=parent.partition_key is None, name=name)
    of = quoted(child.name[1])
    pairs = " AND ".join(f"{name}.{quoted(its)} = {of}.{quoted(own)}" for own, its in zip(columns, to, strict=True))
    lacks = f"{some} AND NOT EXISTS (SELECT FROM {there} WHERE {pairs})"
    where = f"(({lacks}) OR (({half}) AND NOT ({some})))" if full else f"({lacks})"
    with_key, without = (source.rows(child, columns, key=key, only=only) for key in (True, False))
    return place.ask(
        words,
        sql=source.counted(with_key, where),
        without_keys=source.counted(without, where),
        tables=(child.on_live, parent.on_live),
        doubt=doubt,
    )
