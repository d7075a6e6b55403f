"""Constraints and indexes, wherever they are written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from postgast import pg_query_pb2 as pb

from ops.catalog.names import quoted
from ops.commands.nodes import Names, Node, expression, given, inner, strings
from ops.commands.values import Command

Table = tuple[str, str]
VERBS = {
    pb.CONSTR_CHECK: "ADD CHECK",
    pb.CONSTR_FOREIGN: "ADD FOREIGN KEY",
    pb.CONSTR_UNIQUE: "ADD UNIQUE",
    pb.CONSTR_PRIMARY: "ADD PRIMARY KEY",
    pb.CONSTR_EXCLUSION: "ADD EXCLUDE",
    pb.CONSTR_NOTNULL: "ADD NOT NULL",
}
_ACTIONS = {"c": "CASCADE", "n": "SET NULL", "d": "SET DEFAULT", "r": "RESTRICT"}
_INDEXED = frozenset({"ADD UNIQUE", "ADD PRIMARY KEY", "ADD EXCLUDE"})


def constraint(
    node: Node, table: Table, names: Names, *, column: str = "", options: frozenset[str] = frozenset()
) -> Command:
    """Return the command that adds one constraint; `column` is the one in whose definition it stands."""
    verb = VERBS[node.contype]
    columns = (column,) if column else strings(node.keys)
    references = None
    if verb == "ADD FOREIGN KEY":
        columns = columns or strings(node.fk_attrs)
        references = (*names.relation(node.pktable), strings(node.pk_attrs))
    indexed = verb in _INDEXED
    elements, operators = tuple(map(quoted, columns)) if indexed else (), ()
    if verb == "ADD EXCLUDE":
        pairs = [inner(one).items for one in node.exclusions]
        columns, elements = keys([pair[0] for pair in pairs])
        operators = tuple(".".join(strings(inner(pair[1]).items)) for pair in pairs)
    options |= given(
        not_valid=node.skip_validation,
        not_enforced=verb in ("ADD CHECK", "ADD FOREIGN KEY") and not column and not node.is_enforced,
        deferrable=node.deferrable,
        initially_deferred=node.initdeferred,
        no_inherit=node.is_no_inherit,
        using_index=node.indexname,
        nulls_not_distinct=node.nulls_not_distinct,
        match_full=node.fk_matchtype == "f",
        period=node.fk_with_period,
        without_overlaps=node.without_overlaps,
    )
    for event, action in (("DELETE", node.fk_del_action), ("UPDATE", node.fk_upd_action)):
        options |= {f"ON {event} {_ACTIONS[action]}"} if action in _ACTIONS else frozenset()
    return Command(
        verb=verb,
        schema=table[0],
        name=table[1],
        columns=columns,
        constraint=node.conname,
        index=node.indexname,
        method=node.access_method,
        expression=expression(node.raw_expr),
        references=references,
        options=options,
        elements=elements,
        operators=operators,
        including=strings(node.including),
        where=expression(node.where_clause),
    )


def keys(nodes: Iterable[Node]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the plain columns among an index's keys, and all keys as SQL that can be selected."""
    found = [inner(one) for one in nodes]
    columns = tuple(one.name for one in found if one.name)
    return columns, tuple(_key(one) for one in found)


def _key(node: Node) -> str:
    text = quoted(node.name) if node.name else f"({expression(node.expr)})"
    collation = ".".join(quoted(one) for one in strings(node.collation))
    return f"{text} COLLATE {collation}" if collation else text


def attributes(nodes: Iterable[Node]) -> Iterator[tuple[Node, frozenset[str]]]:
    """Yield a column's constraints, each with the attributes that stand behind it."""
    waiting: tuple[Node, frozenset[str]] | None = None
    for node in map(inner, nodes):
        words = {
            pb.CONSTR_ATTR_DEFERRABLE: {"DEFERRABLE"},
            pb.CONSTR_ATTR_DEFERRED: {"DEFERRABLE", "INITIALLY DEFERRED"},
            pb.CONSTR_ATTR_NOT_ENFORCED: {"NOT ENFORCED"},
        }.get(node.contype)
        if waiting and words:
            waiting = (waiting[0], waiting[1] | words)
        elif not pb.ConstrType.Name(node.contype).startswith("CONSTR_ATTR"):
            if waiting:
                yield waiting
            waiting = (node, frozenset())
    if waiting:
        yield waiting


def _create_index(node: Node, names: Names) -> Iterable[Command]:
    schema, name = names.relation(node.relation)
    columns, elements = keys(node.index_params)
    return [
        Command(
            verb="CREATE INDEX",
            schema=schema,
            name=name,
            index=node.idxname,
            columns=columns,
            elements=elements,
            including=tuple(inner(one).name for one in node.index_including_params),
            method=node.access_method,
            where=expression(node.where_clause),
            options=given(
                concurrently=node.concurrent,
                unique=node.unique,
                if_not_exists=node.if_not_exists,
                nulls_not_distinct=node.nulls_not_distinct,
                only=not node.relation.inh,
            ),
        )
    ]


def _reindex(node: Node, names: Names) -> Iterable[Command]:
    what = pb.ReindexObjectType.Name(node.kind).removeprefix("REINDEX_OBJECT_").lower()
    schema, name = names.relation(node.relation) if node.HasField("relation") else ("", "")
    options = given(concurrently=any(inner(one).defname == "concurrently" for one in node.params))
    index = name if what == "index" else ""
    name = "" if index else name
    return [Command(verb="REINDEX", schema=schema, name=name, index=index, kind=what, value=node.name, options=options)]


READERS = {"IndexStmt": _create_index, "ReindexStmt": _reindex}
