"""Indexes that are built, and dropped, beside the traffic."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ops.catalog.names import path, quoted
from ops.catalog.values import Key
from ops.commands import Command
from ops.hazards.fixes.code import (
    briefly,
    chosen,
    clean,
    either,
    execute,
    named,
    noted,
    one_by_one,
    outside,
    python,
    qualified,
    revisions,
    taken_in,
)
from ops.hazards.scene import built_index
from ops.hazards.subject import Subject
from ops.remedy import words

_HEAD = re.compile(
    r"\s*CREATE\s+(?P<unique>UNIQUE\s+)?INDEX\s+(?:CONCURRENTLY\s+)?(?:IF\s+NOT\s+EXISTS\s+)?", re.IGNORECASE
)
_NAME = r'(?:"(?:[^"]|"")+"|[^\W\d][\w$]*)'
_NAMED = re.compile(rf"(?P<name>(?!(?i:ON)\s){_NAME}\s+)?(?i:ON)\s+(?:(?i:ONLY)\s+)?(?:{_NAME}\s*\.\s*)?{_NAME}\s*")
_AGAIN = "# If this fails, drop the invalid index that it leaves, and try again."


def index_name(subject: Subject, command: Command) -> str:
    """Return the name of an index, given or chosen."""
    if command.index:
        return command.index
    if len(subject.statement.index_builds) == 1:  # the server has chosen it on the clone
        return path(built_index(subject.statement.index_builds[0]))[-1]
    parts = [*map(_key_name, command.elements), *command.including]
    return chosen(command.name, parts, "idx", taken_in(subject.side, subject.schema))


def _key_name(element: str) -> str:
    """What the server calls an index's key: its column, its function, or `expr`."""
    if not element.startswith("("):
        return words.bare(element.partition(" COLLATE ")[0])
    call = re.match(r"\(+([^\W\d]\w*)\(", element)
    return call[1] if call else "expr"


def _tail(sql: str) -> str | None:
    """What of CREATE INDEX stands behind the table: method, columns, options, predicate."""
    head = _HEAD.match(sql)
    rest = _NAMED.match(sql, head.end()) if head else None
    return clean(sql[rest.end() :]) if rest else None


def concurrently(subject: Subject) -> str:
    """Return CREATE INDEX as CREATE INDEX CONCURRENTLY."""
    building = _building(subject)
    return outside(_AGAIN, building) if building else ""


def _building(subject: Subject) -> str:
    command = subject.command
    name = index_name(subject, command)
    tail = _tail(subject.statement.sql)
    if tail is None:
        return ""
    unique = "UNIQUE " if "UNIQUE" in command.options else ""
    sql = f"CREATE {unique}INDEX CONCURRENTLY {quoted(name)} ON {subject.relation} {tail}"
    return either(_operation(subject, command, name, tail), sql, name, command.name, subject.schema, *command.columns)


def _operation(subject: Subject, command: Command, name: str, tail: str) -> str:
    """`op.create_index`, where the text says nothing that it could not."""
    plain = re.sub(r"(?i)^USING\s+\w+\s*", "", tail)
    if words.inside(plain) is None or words.inside(plain) != (", ".join(command.elements), ""):
        return ""
    if tuple(map(quoted, command.columns)) != command.elements:
        return ""
    method = command.method if command.method not in ("", "btree") else ""
    return words.call(
        "op.create_index",
        named(name),
        python(command.name),
        python(command.columns),
        unique="True" if "UNIQUE" in command.options else None,
        schema=python(subject.schema),
        postgresql_using=python(method) if method else None,
        postgresql_concurrently="True",
    )


def again(subject: Subject, index: str) -> str:
    """Return CREATE INDEX CONCURRENTLY that does not skip what an earlier attempt has left."""
    building = _building(subject)
    if not building:
        return ""
    dropping = execute(f"DROP INDEX CONCURRENTLY IF EXISTS {index}")
    return outside("# An earlier attempt may have left it invalid.", dropping, building)


def by_partition(subject: Subject) -> str:
    """Return the index of a partitioned table: of the parent alone, of each partition, and then put together."""
    tail = _tail(subject.statement.sql)
    if tail is None:
        return ""
    command = subject.command
    name = index_name(subject, command)
    unique = "UNIQUE " if "UNIQUE" in command.options else ""
    taken = set(taken_in(subject.side, subject.schema)) | {name}
    first = execute(f"CREATE {unique}INDEX {quoted(name)} ON ONLY {subject.relation} {tail}")
    parents, building, attaching = [first], [], []
    waiting = [(one, qualified(subject.schema, name)) for one in subject.scene.children(subject.origin)]
    for partition, above in waiting:
        relation = qualified(partition.schema, partition.name)
        known = taken | set(taken_in(subject.side, partition.schema))
        own = chosen(partition.name, [*command.columns] or ["expr"], "idx", known)
        taken.add(own)
        if "partition key" in subject.side.of(partition):
            parents.append(execute(f"CREATE {unique}INDEX {quoted(own)} ON ONLY {relation} {tail}"))
            waiting += [(one, qualified(partition.schema, own)) for one in subject.scene.children(relation)]
        else:
            building.append(execute(f"CREATE {unique}INDEX CONCURRENTLY {quoted(own)} ON {relation} {tail}"))
        attaching.append(execute(f"ALTER INDEX {above} ATTACH PARTITION {qualified(partition.schema, own)}"))
    last = noted("The parent's index is valid once all partitions' are attached.", one_by_one(*attaching))
    whole = noted("The parent's index, without its partitions': nothing is read.", briefly(*parents))
    return revisions(whole, outside(_AGAIN, *building), last) if building else briefly(*parents, *attaching)


def drop(found: Iterable[Key]) -> str:
    """Return DROP INDEX CONCURRENTLY."""
    return outside(*map(dropped, found))


def dropped(found: Key) -> str:
    """Return what drops one index beside the traffic."""
    operation = words.call(
        "op.drop_index",
        named(found.name),
        table_name=python(found.parent),
        schema=python(found.schema),
        postgresql_concurrently="True",
    )
    sql = f"DROP INDEX CONCURRENTLY {qualified(found.schema, found.name)}"
    return either(operation, sql, found.name, found.parent, found.schema)
