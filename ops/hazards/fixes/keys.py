"""UNIQUE and PRIMARY KEY whose index is built beside the traffic."""

from __future__ import annotations

from collections.abc import Sequence

from ops.catalog.names import path, quoted
from ops.commands import Command
from ops.hazards.fixes.code import (
    briefly,
    chosen,
    clean,
    either,
    execute,
    listed,
    named,
    noted,
    one_by_one,
    outside,
    python,
    qualified,
    revisions,
    taken_in,
)
from ops.hazards.fixes.constraints import alter, set_not_null
from ops.hazards.scene import built_index
from ops.hazards.subject import Subject
from ops.remedy import words


def key_name(subject: Subject, command: Command) -> str:
    """Return the name of a UNIQUE or a PRIMARY KEY, given or chosen."""
    if command.constraint:
        return command.constraint
    if len(subject.statement.index_builds) == 1:  # the server has chosen it on the clone
        return path(built_index(subject.statement.index_builds[0]))[-1]
    taken = taken_in(subject.side, subject.schema)
    if command.verb == "ADD PRIMARY KEY":
        return chosen(command.name, (), "pkey", taken)
    return chosen(command.name, (*command.columns, *command.including), "key", taken)


def key(subject: Subject) -> str:
    """Return a UNIQUE or a PRIMARY KEY whose index is built beside the traffic, and then taken over."""
    command = subject.command
    if command.options & {"WITHOUT OVERLAPS"}:
        return ""
    if subject.is_partitioned:
        return _key_by_partition(subject)
    before: tuple[str, ...] = ()
    if command.verb == "ADD PRIMARY KEY":
        nullable = [one for one in command.columns if not subject.becomes_not_null(one)]
        before = set_not_null(subject, nullable) if nullable else ()
    name = key_name(subject, command)
    return revisions(*before, *build_and_attach(subject, command, name))


def build_and_attach(subject: Subject, command: Command, name: str) -> tuple[str, str]:
    """Return the bodies that build a unique index beside the traffic, and make it a constraint."""
    building = outside(
        "# If this fails, drop the invalid index that it leaves, and try again.",
        unique_index(subject.relation, subject.schema, command, name),
    )
    return building, noted("Takes the index over: nothing is read.", briefly(attach(alter(subject), command, name)))


def unique_index(relation: str, schema: str, command: Command, name: str) -> str:
    """Return what builds the index of a constraint beside the traffic."""
    table = command.name
    more: dict[str, str | None] = {}
    sql = f"CREATE UNIQUE INDEX CONCURRENTLY {quoted(name)} ON {relation} ({listed(command.columns)})"
    if command.including:
        more["postgresql_include"] = python(command.including)
        sql += f" INCLUDE ({listed(command.including)})"
    if "NULLS NOT DISTINCT" in command.options:
        more["postgresql_nulls_not_distinct"] = "True"
        sql += " NULLS NOT DISTINCT"
    operation = words.call(
        "op.create_index",
        named(name),
        python(table),
        python(command.columns),
        unique="True",
        schema=python(schema),
        postgresql_concurrently="True",
        **more,
    )
    known = relation == qualified(schema, table)
    return either(operation if known else "", sql, name, table, schema, *command.columns)


def attach(altering: str, command: Command, name: str) -> str:
    """Return what makes a unique index a constraint; Alembic has no operation for it."""
    what = "PRIMARY KEY" if command.verb == "ADD PRIMARY KEY" else "UNIQUE"
    state = " ".join(one for one in ("DEFERRABLE", "INITIALLY DEFERRED") if one in command.options)
    sql = f"{altering} ADD CONSTRAINT {quoted(name)} {what} USING INDEX {quoted(name)} {state}"
    return execute(sql.rstrip())


def _key_by_partition(subject: Subject) -> str:
    """A partitioned table takes no index over; its own comes valid when all partitions have theirs."""
    command = subject.command
    if command.including or tuple(subject.scene.children(subject.origin)) != subject.leaves:
        return ""
    name = key_name(subject, command)
    what = "PRIMARY KEY" if command.verb == "ADD PRIMARY KEY" else "UNIQUE"
    label = "pkey" if command.verb == "ADD PRIMARY KEY" else "key"
    before: tuple[str, ...] = ()
    if command.verb == "ADD PRIMARY KEY":
        nullable = [one for one in command.columns if not subject.becomes_not_null(one)]
        before = set_not_null(subject, nullable) if nullable else ()
    taken = set(taken_in(subject.side, subject.schema)) | {name}
    building, taking, attaching = [], [], []
    for partition in subject.leaves:
        relation = qualified(partition.schema, partition.name)
        columns = () if label == "pkey" else command.columns
        own = chosen(partition.name, columns, label, taken | set(taken_in(subject.side, partition.schema)))
        taken.add(own)
        sql = f"CREATE UNIQUE INDEX CONCURRENTLY {quoted(own)} ON {relation} ({listed(command.columns)})"
        building.append(execute(sql))
        taking.append(briefly(attach(f"ALTER TABLE {relation}", command, own)))
        index, child = qualified(subject.schema, name), qualified(partition.schema, own)
        attaching.append(execute(f"ALTER INDEX {index} ATTACH PARTITION {child}"))
    nulls = " NULLS NOT DISTINCT" if "NULLS NOT DISTINCT" in command.options else ""
    only = (
        f"ALTER TABLE ONLY {subject.relation} ADD CONSTRAINT {quoted(name)} {what}{nulls} ({listed(command.columns)})"
    )
    whole = noted("Nothing is built: the partitions have their indexes already.", briefly(execute(only)))
    last = noted("It is valid once all of them are attached.", one_by_one(*attaching))
    return revisions(*before, outside(*building), *taking, whole, last)


def primary_key_over_nullable(subject: Subject, columns: Sequence[str]) -> str:
    """Return what makes the columns NOT NULL first; then the index is taken over without reading anything."""
    nullable = [one for one in columns if not subject.becomes_not_null(one)]
    return revisions(*set_not_null(subject, nullable), briefly(execute(clean(subject.statement.sql))))
