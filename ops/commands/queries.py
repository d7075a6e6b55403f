"""Statements that read and write rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from postgast import pg_query_pb2 as pb

from ops.commands.nodes import Names, Node, children, expression, given, inner, kind, listed, statement, strings
from ops.commands.values import Command

_WRITES = {"InsertStmt": "INSERT", "UpdateStmt": "UPDATE", "DeleteStmt": "DELETE", "MergeStmt": "MERGE"}


def sources(message: Node, names: Names, *, skip: frozenset[str] = frozenset()) -> tuple[tuple[str, str], ...]:
    """Return the tables that a statement reads, each once, in their order; not what its own WITH names.

    `skip`: fields of the statement itself that are no query, such as the table that it writes.
    """
    found = (names.relation(one) for one in _reached(message, skip) if kind(one) == "RangeVar")
    return tuple(dict.fromkeys(found))


def functions(message: Node) -> tuple[tuple[str, str], ...]:
    """Return schema and name of the functions that a statement calls, each once; no schema where the text has none."""
    calls = (strings(one.funcname) for one in _reached(message, frozenset()) if kind(one) == "FuncCall")
    return tuple(dict.fromkeys((path[-2] if len(path) > 1 else "", path[-1]) for path in calls if path))


def _reached(message: Node, skip: frozenset[str]) -> Iterator[Node]:
    """Each message of a statement, in the order of the text, without the parts of a WITH that write.

    What a WITH names is no table where it can be seen.
    """
    waiting = [(message, frozenset[str](), skip)]
    while waiting:
        one, hidden, without = waiting.pop()
        if kind(one) == "RangeVar" and not one.schemaname and one.relname in hidden:
            continue
        yield one
        below = [(field, child) for field, child in children(one) if field not in without]
        if kind(one) == "WithClause":
            continue  # its parts were taken by the statement that it belongs to
        parts = _parts(one)
        names = {part.ctename for part in parts}
        nested = [(child, hidden | names, _targets(child)) for _, child in below]
        seen: set[str] = set(names) if parts and one.with_clause.recursive else set()
        with_parts = []
        for part in parts:
            query = inner(part.ctequery)
            if kind(query) not in _WRITES:
                with_parts.append((query, hidden | seen, _targets(query)))
            seen.add(part.ctename)
        waiting.extend(reversed([*with_parts, *nested]))


def _parts(message: Node) -> list[Node]:
    """The parts of a statement's own WITH."""
    if "with_clause" not in message.DESCRIPTOR.fields_by_name or not message.HasField("with_clause"):
        return []
    return [inner(one) for one in message.with_clause.ctes]


def _targets(message: Node) -> frozenset[str]:
    return frozenset({"relation"}) if kind(message) in _WRITES else frozenset({"into_clause"})


def _writing_parts(message: Node, names: Names) -> Iterator[Command]:
    """A command for each part of a WITH that writes, wherever the WITH stands."""
    for part in _parts(message):
        query = inner(part.ctequery)
        if kind(query) in _WRITES:
            yield from _write(query, names)
    for field, child in children(message):
        if field != "with_clause" and kind(child) == "SelectStmt":
            yield from _writing_parts(child, names)


def _write(message: Node, names: Names) -> Iterator[Command]:
    yield from _writing_parts(message, names)
    schema, name = names.relation(message.relation)
    fields = message.DESCRIPTOR.fields_by_name
    condition = expression(message.where_clause) if "where_clause" in fields else ""
    set_columns = message.cols if "cols" in fields else message.target_list if "target_list" in fields else ()
    updates, inserts = kind(message) == "UpdateStmt", kind(message) == "InsertStmt"
    others = message.from_clause if updates else message.using_clause if "using_clause" in fields else ()
    yield Command(
        verb=_WRITES[kind(message)],
        schema=schema,
        name=name,
        columns=tuple(inner(one).name for one in set_columns),
        sources=sources(message, names, skip=frozenset({"relation"})),
        functions=functions(message),
        elements=tuple(_value(inner(one)) for one in set_columns) if updates else (),
        value="" if inserts else message.relation.alias.aliasname,
        where=condition,
        # with a WITH of its own the query is more than its text
        expression=(statement(message.select_stmt) if inserts else listed(others)) if not _parts(message) else "",
        options=given(
            **{"with": bool(_parts(message))},
            do_nothing=inserts and _does_nothing(message),
            where=bool(condition),
            returning=message.HasField("returning_clause"),
            on_conflict="on_conflict_clause" in fields and message.HasField("on_conflict_clause"),
            only=not message.relation.inh,
        ),
    )


def _does_nothing(message: Node) -> bool:
    """Whether an INSERT leaves out whatever row is in conflict with any other."""
    found = message.on_conflict_clause
    return bool(found.action == pb.ONCONFLICT_NOTHING and not found.HasField("infer"))


def _value(target: Node) -> str:
    """What a column is set to; empty where that is a part of it, its default, or one of several from one query."""
    value = inner(target.val)
    if target.indirection or kind(value) in ("SetToDefault", "MultiAssignRef"):
        return ""
    return expression(target.val)


def _select(message: Node, names: Names) -> Iterator[Command]:
    yield from _writing_parts(message, names)
    if message.HasField("into_clause"):
        schema, name = names.relation(message.into_clause.rel)
        options = given(
            temporary=message.into_clause.rel.relpersistence == "t",
            unlogged=message.into_clause.rel.relpersistence == "u",
        )
        yield Command(
            verb="CREATE TABLE AS",
            schema=schema,
            name=name,
            sources=sources(message, names, skip=frozenset({"into_clause"})),
            functions=functions(message),
            options=options,
        )
        return
    yield Command(
        verb="SELECT",
        sources=sources(message, names),
        functions=functions(message),
        where=expression(message.where_clause) if message.HasField("where_clause") else "",
        options=given(where=message.HasField("where_clause"), for_update=_locks_rows(message)),
    )


def _locks_rows(message: Node) -> bool:
    return any(kind(one) == "LockingClause" for one in _reached(message, frozenset()))


def _copy(message: Node, names: Names) -> Iterator[Command]:
    query = inner(message.query)
    schema, name = names.relation(message.relation) if message.HasField("relation") else ("", "")
    options = given(program=message.is_program, where=message.HasField("where_clause"))
    options |= {"FROM" if message.is_from else "TO"}
    if query is not None and kind(query) in _WRITES:
        yield from _write(query, names)
    elif query is not None:
        yield from _writing_parts(query, names)
    read = sources(query, names, skip=_targets(query)) if query is not None else ()
    yield Command(
        verb="COPY",
        schema=schema,
        name=name,
        columns=strings(message.attlist),
        sources=read or (((schema, name),) if name and not message.is_from else ()),
        functions=functions(query) if query is not None else (),
        options=options,
    )


def _explain(message: Node, names: Names) -> Iterator[Command]:
    query = inner(message.query)
    analyze = any(inner(one).defname == "analyze" for one in message.options)
    if analyze and kind(query) in _WRITES:
        yield from _write(query, names)
    elif analyze and kind(query) == "SelectStmt":
        yield from _writing_parts(query, names)
    yield Command(
        verb="EXPLAIN",
        sources=sources(query, names, skip=_targets(query)),
        functions=functions(query) if analyze else (),
        options=given(analyze=analyze),
    )


def _cursor(message: Node, names: Names) -> Iterable[Command]:
    query = inner(message.query)
    return [Command(verb="DECLARE CURSOR", sources=sources(query, names), functions=functions(query))]


def _call(message: Node, names: Names) -> Iterable[Command]:
    path = strings(message.funccall.funcname)
    schema, name = (path[-2] if len(path) > 1 else "", path[-1])
    return [
        Command(
            verb="CALL",
            schema=schema,
            name=name,
            kind="procedure",
            sources=sources(message, names),
            functions=functions(message),
        )
    ]


def _do(message: Node, names: Names) -> Iterable[Command]:
    parts = {inner(one).defname: inner(inner(one).arg) for one in message.args}
    body, language = parts.get("as"), parts.get("language")
    return [
        Command(
            verb="DO", expression=body.sval if body else "", method=language.sval if language is not None else "plpgsql"
        )
    ]


def _truncate(message: Node, names: Names) -> Iterable[Command]:
    objects = tuple(names.relation(inner(one)) for one in message.relations)
    options = given(
        cascade=message.behavior == pb.DROP_CASCADE,
        restart_identity=message.restart_seqs,
        only=any(not inner(one).inh for one in message.relations),
    )
    schema, name = objects[0]
    return [Command(verb="TRUNCATE", schema=schema, name=name, objects=objects, options=options)]


READERS = {
    **dict.fromkeys(_WRITES, _write),
    "SelectStmt": _select,
    "CopyStmt": _copy,
    "ExplainStmt": _explain,
    "DeclareCursorStmt": _cursor,
    "CallStmt": _call,
    "DoStmt": _do,
    "TruncateStmt": _truncate,
}
