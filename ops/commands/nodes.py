"""The parser's tree: its nodes, names, expressions and types as text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import postgast
from postgast import pg_query_pb2 as pb

from ops.catalog.names import quoted

Node = Any
"""A protobuf message; postgast types each of them."""

# What the grammar makes of type names, as `format_type` writes them.
_TYPES = {
    "int2": "smallint",
    "int4": "integer",
    "int8": "bigint",
    "float4": "real",
    "float8": "double precision",
    "bool": "boolean",
    "varchar": "character varying",
    "varbit": "bit varying",
    "timestamp": "timestamp without time zone",
    "timestamptz": "timestamp with time zone",
    "time": "time without time zone",
    "timetz": "time with time zone",
}
_SERIALS = {
    "serial": "serial",
    "serial4": "serial",
    "bigserial": "bigserial",
    "serial8": "bigserial",
    "smallserial": "smallserial",
    "serial2": "smallserial",
}


@dataclass(frozen=True, slots=True)
class Names:
    """Completes names that stand without their schema."""

    resolve: Callable[[str], str] | None = None

    def full(self, schema: str, name: str) -> tuple[str, str]:
        """Return schema and name, the schema looked up where it is missing."""
        if schema or not self.resolve:
            return schema, name
        return self.resolve(name), name

    def relation(self, node: Node) -> tuple[str, str]:
        """Return schema and name of a relation."""
        return self.full(node.schemaname, node.relname)

    def listed(self, nodes: Iterable[Node]) -> tuple[str, str]:
        """Return schema and name from a list of strings."""
        *path, name = strings(nodes) or ("",)
        return self.full(path[-1] if path else "", name)

    def member(self, nodes: Iterable[Node]) -> tuple[str, str, str]:
        """Return schema, table and name of what belongs to a table, from a list of strings."""
        *path, table, name = ("", *strings(nodes))[-3:]
        return *self.full(path[-1] if path else "", table), name


def inner(node: Node) -> Node:
    """Return what a node wraps; None where it wraps nothing."""
    which = node.WhichOneof("node")
    return getattr(node, which) if which else None


def kind(message: Node) -> str:
    """Return the parser's name of a message, such as `AlterTableStmt`."""
    return message.DESCRIPTOR.name


def string(node: Node) -> str:
    """Return the text of a node that is a string or a constant; of anything else, its SQL."""
    found = inner(node)
    if found is None:
        return ""
    if kind(found) == "String":
        return found.sval
    if kind(found) == "A_Const" and found.WhichOneof("val") == "sval":
        return found.sval.sval
    if kind(found) == "TypeName":
        return type_text(found)
    return str(found.ival) if kind(found) == "Integer" else expression(node)


def strings(nodes: Iterable[Node]) -> tuple[str, ...]:
    """Return the texts of a list of nodes."""
    return tuple(string(one) for one in nodes)


def is_row(column: Node) -> bool:
    """Return whether a reference is to all columns: `*` or `t.*`."""
    return any(kind(inner(one)) == "A_Star" for one in column.fields)


def expression(node: Node) -> str:
    """Return an expression as SQL; empty where there is none."""
    if node.WhichOneof("node") is None:
        return ""
    select = pb.SelectStmt(target_list=[pb.Node(res_target=pb.ResTarget(val=node))], limit_option=1, op=1)
    return _deparsed(pb.Node(select_stmt=select)).removeprefix("SELECT ")


def listed(tables: Iterable[Node]) -> str:
    """Return what stands behind a FROM as SQL; empty where there is nothing."""
    select = pb.SelectStmt(from_clause=tables, limit_option=1, op=1)
    return _deparsed(pb.Node(select_stmt=select)).partition("FROM ")[2] if select.from_clause else ""


def statement(node: Node) -> str:
    """Return a whole statement as SQL; empty where there is none."""
    return _deparsed(node) if node.WhichOneof("node") else ""


def _deparsed(node: Node) -> str:
    return postgast.deparse(pb.ParseResult(stmts=[pb.RawStmt(stmt=node)]))


_SIMPLE = re.compile(r"(?:pg_catalog\.)?(?P<name>\w+)\Z")


def serial(node: Node) -> bool:
    """Return whether a type is one of the serials, which are a type and a sequence."""
    return not node.typmods and strings(node.names) in {(one,) for one in _SERIALS}


def type_text(node: Node) -> str:
    """Return a type as `format_type` writes it; names without a schema stay without."""
    path = strings(node.names)
    if serial(node):
        return _SERIALS[path[0]]
    system = path[:1] == ("pg_catalog",)
    name = path[-1] if path else ""
    arrays = "[]" if node.array_bounds else ""
    if name == "interval" and node.typmods:
        return _interval(node) + arrays
    modifiers = ",".join(expression(one) for one in node.typmods)
    modifiers = f"({modifiers})" if modifiers else ""
    if len(path) == 1 or system:
        if name == "bpchar":
            return (f"character{modifiers}" if modifiers else "bpchar") + arrays
        if name in _TYPES:
            first, _, rest = _TYPES[name].partition(" with")
            return first + modifiers + (f" with{rest}" if rest else "") + arrays
        if system:
            return name + modifiers + arrays
        # these are words of the grammar only: in quotes they are names like others
        if name in ("numeric", "bit", "interval"):
            return name + modifiers + arrays
    return ".".join(quoted(one) for one in path) + modifiers + arrays


def _interval(node: Node) -> str:
    cast = pb.TypeCast(arg=pb.Node(a_const=pb.A_Const(isnull=True)), type_name=node)
    text = expression(pb.Node(type_cast=cast))
    return text.removeprefix("NULL::").partition("[")[0]


def words(enum: str) -> str:
    """Return the words of an enum's label or a CamelCase name: `OBJECT_FOREIGN_TABLE` is `FOREIGN TABLE`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", enum).upper()


def object_kind(value: int) -> str:
    """Return the kind of an object as SQL writes it, in capitals: `MATERIALIZED VIEW`."""
    name = pb.ObjectType.Name(value).removeprefix("OBJECT_").replace("_", " ")
    return _KINDS.get(name, name)


_KINDS = {
    "MATVIEW": "MATERIALIZED VIEW",
    "TABCONSTRAINT": "CONSTRAINT",
    "DOMCONSTRAINT": "CONSTRAINT",
    "STATISTIC EXT": "STATISTICS",
    "TSCONFIGURATION": "TEXT SEARCH CONFIGURATION",
    "TSDICTIONARY": "TEXT SEARCH DICTIONARY",
    "TSPARSER": "TEXT SEARCH PARSER",
    "TSTEMPLATE": "TEXT SEARCH TEMPLATE",
    "OPCLASS": "OPERATOR CLASS",
    "OPFAMILY": "OPERATOR FAMILY",
    "FOREIGN SERVER": "SERVER",
}


def given(**words: object) -> frozenset[str]:
    """Return the option words that hold; `_` in a keyword is a space."""
    return frozenset(name.replace("_", " ").upper() for name, holds in words.items() if holds)


def cascades(behaviour: int) -> bool:
    """Return whether a DROP takes along what depends on it."""
    return bool(behaviour == pb.DROP_CASCADE)


def children(message: Node) -> Iterator[tuple[str, Node]]:
    """Yield the field and the message of all that a message holds, lists apart and wrappers removed."""
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        for one in [value] if hasattr(value, "DESCRIPTOR") else value:
            found = inner(one) if kind(one) == "Node" else one
            if found is not None:
                yield field.name, found
