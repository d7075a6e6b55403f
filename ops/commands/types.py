"""Types and domains."""

from __future__ import annotations

from collections.abc import Iterable

from postgast import pg_query_pb2 as pb

from ops.commands.constraints import VERBS
from ops.commands.nodes import Names, Node, cascades, expression, given, inner, kind, strings, type_text
from ops.commands.values import Command


def _create_type(node: Node, names: Names) -> Iterable[Command]:
    labels: tuple[str, ...] = ()
    if kind(node) == "CompositeTypeStmt":
        schema, name = names.relation(node.typevar)
    else:
        schema, name = names.listed(node.type_name)
        labels = strings(node.vals) if kind(node) == "CreateEnumStmt" else ()
    return [Command(verb="CREATE TYPE", schema=schema, name=name, kind="type", elements=labels)]


def _enum(node: Node, names: Names) -> Iterable[Command]:
    schema, name = names.listed(node.type_name)
    base = {"schema": schema, "name": name, "kind": "type"}
    if node.old_val:
        return [Command(verb="RENAME VALUE", **base, value=node.old_val, new_name=node.new_val)]
    options = given(if_not_exists=node.skip_if_new_val_exists)
    return [Command(verb="ADD VALUE", **base, value=node.new_val, options=options)]


def _create_domain(node: Node, names: Names) -> Iterable[Command]:
    schema, name = names.listed(node.domainname)
    parts = [inner(one) for one in node.constraints]
    checks = [expression(one.raw_expr) for one in parts if one.contype == pb.CONSTR_CHECK]
    default = next((expression(one.raw_expr) for one in parts if one.contype == pb.CONSTR_DEFAULT), None)
    return [
        Command(
            verb="CREATE DOMAIN",
            schema=schema,
            name=name,
            kind="domain",
            type=type_text(node.type_name),
            default=default,
            expression=" AND ".join(f"({one})" for one in checks) if len(checks) > 1 else "".join(checks),
            options=given(not_null=any(one.contype == pb.CONSTR_NOTNULL for one in parts)),
        )
    ]


_DOMAIN = {
    "T": "SET DEFAULT",
    "N": "DROP NOT NULL",
    "O": "SET NOT NULL",
    "C": "ADD CONSTRAINT",
    "X": "DROP CONSTRAINT",
    "V": "VALIDATE CONSTRAINT",
}


def _alter_domain(node: Node, names: Names) -> Iterable[Command]:
    schema, name = names.listed(node.type_name)
    detail = inner(getattr(node, "def"))
    value, made_of, constraint, options = _DOMAIN.get(node.subtype, node.subtype), "", node.name, frozenset[str]()
    if node.subtype == "C":
        value, constraint = VERBS.get(detail.contype, "ADD CONSTRAINT"), detail.conname
        made_of = expression(detail.raw_expr)
        options = given(not_valid=detail.skip_validation)
    default = expression(getattr(node, "def")) if node.subtype == "T" and detail is not None else None
    if node.subtype == "T" and default is None:
        value = "DROP DEFAULT"
    return [
        Command(
            verb="ALTER DOMAIN",
            schema=schema,
            name=name,
            kind="domain",
            value=value,
            constraint=constraint,
            expression=made_of,
            default=default,
            options=options | given(cascade=cascades(node.behavior), if_exists=node.missing_ok),
        )
    ]


READERS = {
    "CreateEnumStmt": _create_type,
    "CompositeTypeStmt": _create_type,
    "CreateRangeStmt": _create_type,
    "AlterEnumStmt": _enum,
    "CreateDomainStmt": _create_domain,
    "AlterDomainStmt": _alter_domain,
}
