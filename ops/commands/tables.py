"""Tables: what creates and what alters them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from postgast import pg_query_pb2 as pb

from ops.commands import constraints
from ops.commands.nodes import (
    Names,
    Node,
    cascades,
    expression,
    given,
    inner,
    kind,
    object_kind,
    serial,
    string,
    strings,
    type_text,
    words,
)
from ops.commands.queries import functions, sources
from ops.commands.values import Command

Table = tuple[str, str]


def _persistence(relation: Node) -> frozenset[str]:
    return given(temporary=relation.relpersistence == "t", unlogged=relation.relpersistence == "u")


def _create(node: Node, names: Names) -> Iterator[Command]:
    table = names.relation(node.relation)
    elements = [inner(one) for one in node.table_elts]
    columns = [one for one in elements if kind(one) == "ColumnDef"]
    parents = tuple(names.relation(inner(one)) for one in node.inh_relations)
    partition = node.HasField("partbound")
    partition_keys = constraints.keys([_partition_key(one) for one in node.partspec.part_params])[1]
    strategy = pb.PartitionStrategy.Name(node.partspec.strategy).removeprefix("PARTITION_STRATEGY_").lower()
    like = tuple(names.relation(one.relation) for one in elements if kind(one) == "TableLikeClause")
    yield Command(
        verb="CREATE PARTITION" if partition else "CREATE TABLE",
        schema=table[0],
        name=table[1],
        columns=tuple(one.colname for one in columns),
        types=tuple(type_text(one.type_name) for one in columns),
        numbered=tuple(one.colname for one in columns if _is_numbered(one)),
        parent=parents[0] if partition else None,
        objects=() if partition else parents,
        value=bounds(node.partbound) if partition else "",
        bounds=datums(node.partbound) if partition else (),
        sources=like,
        method=strategy if node.HasField("partspec") else "",
        elements=partition_keys,
        options=_persistence(node.relation)
        | given(
            if_not_exists=node.if_not_exists,
            partitioned=node.HasField("partspec"),
            default=partition and node.partbound.is_default,
        ),
    )
    for one in elements:
        if kind(one) == "Constraint":
            yield constraints.constraint(one, table, names, options=frozenset({"IN TABLE"}))
    for column in columns:
        for command in _in_column(column, table, names):
            yield replace(command, options=command.options | {"IN TABLE"})


def _is_numbered(node: Node) -> bool:
    """Whether a column takes a number from a sequence of its own."""
    return serial(node.type_name) or any(inner(one).contype == pb.CONSTR_IDENTITY for one in node.constraints)


def _partition_key(node: Node) -> Node:
    """A key of a partitioned table as one of an index: they are written alike."""
    one = inner(node)
    return pb.Node(index_elem=pb.IndexElem(name=one.name, expr=one.expr, collation=one.collation))


def _create_as(node: Node, names: Names) -> Iterator[Command]:
    schema, name = names.relation(node.into.rel)
    query = inner(node.query)
    verb = "CREATE MATERIALIZED VIEW" if node.objtype == pb.OBJECT_MATVIEW else "CREATE TABLE AS"
    yield Command(
        verb=verb,
        schema=schema,
        name=name,
        kind="materialized view" if node.objtype == pb.OBJECT_MATVIEW else "",
        sources=sources(query, names),
        functions=functions(query),
        options=_persistence(node.into.rel) | given(if_not_exists=node.if_not_exists),
    )


def bounds(node: Node) -> str:
    """Return a partition's bounds as the server writes them: `FOR VALUES IN (1, 2)`, `DEFAULT`."""
    if node.is_default:
        return "DEFAULT"
    first, *second = [", ".join(one) for one in datums(node)]
    if node.strategy == "h":
        return f"FOR VALUES WITH (modulus {node.modulus}, remainder {node.remainder})"
    return f"FOR VALUES FROM ({first}) TO ({second[0]})" if second else f"FOR VALUES IN ({first})"


def datums(node: Node) -> tuple[tuple[str, ...], ...]:
    """Return the values of a partition's bounds: a list's, both ends of a range, or a hash's modulus and remainder."""
    if node.is_default:
        return ()
    if node.strategy == "h":
        return ((str(node.modulus), str(node.remainder)),)
    if node.strategy == "l":
        return (tuple(expression(one) for one in node.listdatums),)
    return tuple(map(_datum, node.lowerdatums)), tuple(map(_datum, node.upperdatums))


def _datum(node: Node) -> str:
    text = expression(node)
    return text.upper() if text.lower() in ("minvalue", "maxvalue") else text


def _alter(node: Node, names: Names) -> Iterator[Command]:
    table = names.relation(node.relation)
    what = object_kind(node.objtype).lower()
    common = given(only=what == "table" and not node.relation.inh, if_exists=node.missing_ok)
    for one in node.cmds:
        for command in _action(inner(one), table, names, what):
            yield replace(command, kind="" if what == "table" else what, options=command.options | common)


def _action(node: Node, table: Table, names: Names, what: str) -> Iterator[Command]:
    schema, name = table
    detail = inner(getattr(node, "def"))
    action = pb.AlterTableType.Name(node.subtype).removeprefix("AT_")
    base = Command(verb=_WORDS.get(action, words(action)), schema=schema, name=name, columns=_columns(node))
    dropped = given(cascade=cascades(node.behavior), if_exists=node.missing_ok)
    if what == "type":
        verb = base.verb.replace("COLUMN", "ATTRIBUTE")
        yield replace(base, verb="ALTER TYPE", value=verb, type=_type_of(detail), options=dropped)
    elif action == "AddColumn":
        yield from _add_column(detail, table, names, given(if_not_exists=node.missing_ok))
    elif action == "AddConstraint":
        yield constraints.constraint(detail, table, names)
    elif action == "AlterColumnType":
        collation = ".".join(strings(detail.coll_clause.collname))
        using = expression(detail.raw_default)
        yield replace(base, type=type_text(detail.type_name), collation=collation, using=using)
    elif action == "ColumnDefault":
        text = expression(getattr(node, "def"))
        yield replace(base, verb="SET DEFAULT" if text else "DROP DEFAULT", default=text or None)
    elif action in ("AttachPartition", "DetachPartition", "DetachPartitionFinalize"):
        yield _partition(base, detail, names, what)
    elif action in ("ValidateConstraint", "DropConstraint"):
        yield replace(base, columns=(), constraint=node.name, options=dropped)
    elif action == "AlterConstraint":
        options = given(
            not_enforced=detail.alter_enforceability and not detail.is_enforced,
            enforced=detail.alter_enforceability and detail.is_enforced,
            deferrable=detail.alter_deferrability and detail.deferrable,
        )
        yield replace(base, columns=(), constraint=detail.conname, options=options)
    elif action == "ChangeOwner":
        yield replace(base, columns=(), value=node.newowner.rolename)
    elif action in ("AddInherit", "DropInherit"):
        yield replace(base, columns=(), objects=(names.relation(detail),))
    elif "Trig" in action:
        mode = given(always="Always" in action, replica="Replica" in action)
        scope = {"All": "ALL", "User": "USER"}.get(action.partition("Trig")[2], node.name)
        yield replace(base, columns=(), value=scope, options=mode)
    elif action in ("SetExpression", "SetStatistics", "SetStorage", "SetCompression"):
        text = string(getattr(node, "def"))
        yield replace(base, **{"expression" if action == "SetExpression" else "value": text})
    elif action in _OF_COLUMNS:
        yield replace(base, options=dropped)
    else:
        yield replace(base, columns=(), value=node.name, options=dropped)


_OF_COLUMNS = frozenset(
    {"DropColumn", "DropNotNull", "SetNotNull", "DropExpression", "AddIdentity", "SetIdentity", "DropIdentity"}
    | {"SetOptions", "ResetOptions", "AlterColumnGenericOptions"}
)
_WORDS = {
    "AlterColumnType": "ALTER COLUMN TYPE",
    "DetachPartitionFinalize": "DETACH PARTITION",
    "ChangeOwner": "OWNER TO",
    "AddInherit": "INHERIT",
    "DropInherit": "NO INHERIT",
    "SetUnLogged": "SET UNLOGGED",
    "SetTableSpace": "SET TABLESPACE",
    "SetRelOptions": "SET OPTIONS",
    "ResetRelOptions": "RESET OPTIONS",
    "SetOptions": "SET COLUMN OPTIONS",
    "ResetOptions": "SET COLUMN OPTIONS",
    "DropCluster": "SET WITHOUT CLUSTER",
    **dict.fromkeys(
        ("EnableTrig", "EnableAlwaysTrig", "EnableReplicaTrig", "EnableTrigAll", "EnableTrigUser"), "ENABLE TRIGGER"
    ),
    **dict.fromkeys(("DisableTrig", "DisableTrigAll", "DisableTrigUser"), "DISABLE TRIGGER"),
}


def _columns(node: Node) -> tuple[str, ...]:
    # an expression index has columns without a name, which ALTER INDEX calls by number
    return (node.name,) if node.name else (str(node.num),) if node.num else ()


def _type_of(detail: Node) -> str:
    return type_text(detail.type_name) if detail is not None and kind(detail) == "ColumnDef" else ""


def _partition(base: Command, detail: Node, names: Names, what: str) -> Command:
    other = names.relation(detail.name)
    if what == "index":
        return replace(base, verb="ATTACH INDEX", name="", columns=(), index=base.name, objects=(other,))
    text = bounds(detail.bound) if detail.HasField("bound") else ""
    options = given(concurrently=detail.concurrent, default=detail.HasField("bound") and detail.bound.is_default)
    values = datums(detail.bound) if detail.HasField("bound") else ()
    return replace(base, columns=(), objects=(other,), value=text, bounds=values, options=options)


def _add_column(node: Node, table: Table, names: Names, options: frozenset[str]) -> Iterator[Command]:
    default, made_of = None, ""
    for one, _ in constraints.attributes(node.constraints):
        if one.contype == pb.CONSTR_DEFAULT:
            default = expression(one.raw_expr)
        elif one.contype == pb.CONSTR_GENERATED:
            made_of = expression(one.raw_expr)
            options |= {"VIRTUAL" if one.generated_kind == "v" else "STORED"}
        elif one.contype in _COLUMN_WORDS:
            options |= {_COLUMN_WORDS[one.contype]} | given(always=one.generated_when == "a")
    yield Command(
        verb="ADD COLUMN",
        schema=table[0],
        name=table[1],
        columns=(node.colname,),
        type=type_text(node.type_name),
        collation=".".join(strings(node.coll_clause.collname)),
        default=default,
        expression=made_of,
        options=options | given(serial=serial(node.type_name)),
    )
    yield from _in_column(node, table, names)


_COLUMN_WORDS = {
    pb.CONSTR_NOTNULL: "NOT NULL",
    pb.CONSTR_IDENTITY: "IDENTITY",
    pb.CONSTR_PRIMARY: "PRIMARY KEY",
    pb.CONSTR_UNIQUE: "UNIQUE",
}


def _in_column(node: Node, table: Table, names: Names) -> Iterator[Command]:
    """The constraints in a column's definition; NOT NULL is a word of the column."""
    for one, attributes in constraints.attributes(node.constraints):
        if one.contype in constraints.VERBS and one.contype != pb.CONSTR_NOTNULL:
            yield constraints.constraint(one, table, names, column=node.colname, options=attributes | {"IN COLUMN"})


READERS: dict[str, Callable[[Node, Names], Iterable[Command]]] = {
    **constraints.READERS,
    "CreateStmt": _create,
    "CreateTableAsStmt": _create_as,
    "AlterTableStmt": _alter,
}
