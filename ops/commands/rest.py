"""Everything else: renames and drops, views, types, sequences, code, rights, sessions."""

from __future__ import annotations

from collections.abc import Iterable

from postgast import pg_query_pb2 as pb

from ops.commands.nodes import (
    Names,
    Node,
    cascades,
    given,
    inner,
    kind,
    object_kind,
    string,
    strings,
    type_text,
)
from ops.commands.queries import functions, sources
from ops.commands.values import Command
from ops.statement import Mode

_OF_TABLES = frozenset({"TRIGGER", "POLICY", "RULE", "CONSTRAINT"})


def _named(node: Node, what: str, names: Names) -> tuple[str, str, str]:
    """Schema, name and, of what belongs to a table, its own name."""
    found = inner(node)
    if found is None:
        return "", "", ""
    if kind(found) == "String":
        return "", found.sval, ""
    if kind(found) == "TypeName":
        return *names.listed(found.names), ""
    if kind(found) == "ObjectWithArgs":
        path = strings(found.objname)
        return path[-2] if len(path) > 1 else "", path[-1], ""
    if kind(found) == "RangeVar":
        return *names.relation(found), ""
    if kind(found) != "List":
        return "", string(node), ""
    if what in _OF_TABLES or what == "COLUMN":
        return names.member(found.items)
    return *names.listed(found.items), ""


def _arguments(node: Node) -> str:
    """The argument types of a routine that is named with them, in parentheses."""
    found = inner(node)
    if found is None or kind(found) != "ObjectWithArgs" or found.args_unspecified:
        return ""
    return f"({', '.join(strings(found.objargs))})"


def _drop(node: Node, names: Names) -> Iterable[Command]:
    what = object_kind(node.remove_type)
    found = [_named(one, what, names) for one in node.objects]
    objects = tuple((schema, name) for schema, name, _ in found)
    schema, name, member = found[0]
    index = name if what == "INDEX" else ""
    arguments = tuple(_arguments(one) for one in node.objects)
    return [
        Command(
            verb=f"DROP {what}",
            schema=schema,
            name="" if index else name,
            kind="" if what == "TABLE" else what.lower(),
            index=index,
            value=member,
            objects=objects,
            elements=arguments if any(arguments) else (),
            options=given(cascade=cascades(node.behavior), if_exists=node.missing_ok, concurrently=node.concurrent),
        )
    ]


def _rename(node: Node, names: Names) -> Iterable[Command]:
    what = object_kind(node.rename_type)
    on = object_kind(node.relation_type) if what in ("COLUMN", "ATTRIBUTE") else what
    domain = node.rename_type == pb.OBJECT_DOMCONSTRAINT
    if node.HasField("relation"):
        schema, name, member = *names.relation(node.relation), node.subname
    elif what == "SCHEMA":
        schema, name, member = "", node.subname, ""
    else:
        schema, name, member = _named(node.object, "DOMAIN" if domain else what, names)
    return [
        Command(
            verb=f"RENAME {what}",
            schema=schema,
            name="" if what == "INDEX" else name,
            kind="domain" if domain else "" if on in ("TABLE", "CONSTRAINT") else on.lower(),
            index=name if what == "INDEX" else "",
            columns=(member,) if what in ("COLUMN", "ATTRIBUTE") else (),
            constraint=node.subname if what == "CONSTRAINT" else "",
            value=member if what in ("TRIGGER", "POLICY", "RULE") else "",
            new_name=node.newname,
            options=given(
                cascade=cascades(node.behavior),
                if_exists=node.missing_ok,
                only=node.HasField("relation") and not node.relation.inh,
            ),
        )
    ]


def _moved(verb: str, node: Node, names: Names, what: str, value: str, options: frozenset[str]) -> Iterable[Command]:
    target = names.relation(node.relation) if node.HasField("relation") else _named(node.object, what, names)[:2]
    return [
        Command(
            verb=verb,
            schema=target[0],
            name=target[1],
            kind="" if what == "TABLE" else what.lower(),
            value=value,
            options=options,
        )
    ]


def _set_schema(node: Node, names: Names) -> Iterable[Command]:
    options = given(if_exists=node.missing_ok)
    return _moved("SET SCHEMA", node, names, object_kind(node.object_type), node.newschema, options)


def _owner(node: Node, names: Names) -> Iterable[Command]:
    return _moved("OWNER TO", node, names, object_kind(node.object_type), node.newowner.rolename, frozenset())


def _comment(node: Node, names: Names) -> Iterable[Command]:
    what = object_kind(node.objtype)
    schema, name, member = _named(node.object, what, names)
    return [
        Command(
            verb="COMMENT",
            schema=schema,
            name=name,
            kind="" if what == "TABLE" else what.lower(),
            columns=(member,) if what == "COLUMN" else (),
            value=member if what != "COLUMN" else "",
        )
    ]


def _view(node: Node, names: Names) -> Iterable[Command]:
    schema, name = names.relation(node.view)
    options = given(or_replace=node.replace, temporary=node.view.relpersistence == "t")
    query = inner(node.query)
    return [
        Command(
            verb="CREATE VIEW",
            schema=schema,
            name=name,
            kind="view",
            columns=strings(node.aliases),
            sources=sources(query, names),
            functions=functions(query),
            options=options,
        )
    ]


def _refresh(node: Node, names: Names) -> Iterable[Command]:
    schema, name = names.relation(node.relation)
    options = given(concurrently=node.concurrent)
    return [
        Command(verb="REFRESH MATERIALIZED VIEW", schema=schema, name=name, kind="materialized view", options=options)
    ]


def _define(node: Node, names: Names) -> Iterable[Command]:
    what = object_kind(node.kind)
    *path, name = strings(node.defnames)
    schema, name = names.full(path[-1] if path else "", name) if what == "TYPE" else (path[-1] if path else "", name)
    options = given(or_replace=node.replace, if_not_exists=node.if_not_exists)
    return [Command(verb=f"CREATE {what}", schema=schema, name=name, kind=what.lower(), options=options)]


def _sequence(node: Node, names: Names) -> Iterable[Command]:
    created = kind(node) == "CreateSeqStmt"
    schema, name = names.relation(node.sequence)
    options = given(
        if_not_exists=created and node.if_not_exists,
        if_exists=not created and node.missing_ok,
        temporary=node.sequence.relpersistence == "t",
    )
    verb = "CREATE SEQUENCE" if created else "ALTER SEQUENCE"
    return [Command(verb=verb, schema=schema, name=name, kind="sequence", options=options)]


def _plain(node: Node, names: Names) -> Iterable[Command]:
    what, name = ("schema", node.schemaname) if kind(node) == "CreateSchemaStmt" else ("extension", node.extname)
    role = node.authrole.rolename if what == "schema" else ""  # CREATE SCHEMA AUTHORIZATION names none
    options = given(if_not_exists=node.if_not_exists)
    return [Command(verb=f"CREATE {what.upper()}", name=name or role, kind=what, options=options)]


def _function(node: Node, names: Names) -> Iterable[Command]:
    path = strings(node.funcname)
    what = "procedure" if node.is_procedure else "function"
    taken = [inner(one) for one in node.parameters]
    given_modes = (pb.FUNC_PARAM_IN, pb.FUNC_PARAM_INOUT, pb.FUNC_PARAM_VARIADIC, pb.FUNC_PARAM_DEFAULT)
    arguments = tuple(type_text(one.arg_type) for one in taken if one.mode in given_modes)
    return [
        Command(
            verb=f"CREATE {what.upper()}",
            schema=path[-2] if len(path) > 1 else "",
            name=path[-1],
            kind=what,
            elements=arguments,
            options=given(or_replace=node.replace),
        )
    ]


def _trigger(node: Node, names: Names) -> Iterable[Command]:
    schema, name = names.relation(node.relation)
    options = given(or_replace=node.replace, deferrable=node.deferrable)
    columns = strings(node.columns)
    return [
        Command(verb="CREATE TRIGGER", schema=schema, name=name, value=node.trigname, columns=columns, options=options)
    ]


def _rule(node: Node, names: Names) -> Iterable[Command]:
    schema, name = names.relation(node.relation)
    options = given(or_replace=node.replace)
    read = tuple(one for action in node.actions for one in sources(inner(action), names))
    return [Command(verb="CREATE RULE", schema=schema, name=name, value=node.rulename, sources=read, options=options)]


def _policy(node: Node, names: Names) -> Iterable[Command]:
    schema, name = names.relation(node.table)
    return [Command(verb="CREATE POLICY", schema=schema, name=name, value=node.policy_name)]


def _lock(node: Node, names: Names) -> Iterable[Command]:
    objects = tuple(names.relation(inner(one)) for one in node.relations)
    schema, name = objects[0]
    return [Command(verb="LOCK TABLE", schema=schema, name=name, objects=objects, value=Mode(node.mode).sql)]


def _vacuum(node: Node, names: Names) -> Iterable[Command]:
    objects = tuple(names.relation(inner(one).relation) for one in node.rels)
    schema, name = objects[0] if objects else ("", "")
    verb = "VACUUM" if node.is_vacuumcmd else "ANALYZE"
    on = {inner(one).defname for one in node.options}
    options = given(full="full" in on, analyze="analyze" in on)
    return [Command(verb=verb, schema=schema, name=name, objects=objects, options=options)]


def _cluster(node: Node, names: Names) -> Iterable[Command]:
    schema, name = names.relation(node.relation) if node.HasField("relation") else ("", "")
    return [Command(verb="CLUSTER", schema=schema, name=name, index=node.indexname)]


def _set(node: Node, names: Names) -> Iterable[Command]:
    verb = "RESET" if node.kind in (pb.VAR_RESET, pb.VAR_RESET_ALL) else "SET"
    value = ", ".join(strings(node.args)) if node.kind != pb.VAR_SET_MULTI else ""
    value = "DEFAULT" if node.kind == pb.VAR_SET_DEFAULT else value
    name = "ALL" if node.kind == pb.VAR_RESET_ALL else node.name
    return [Command(verb=verb, name=name, kind="setting", value=value, options=given(local=node.is_local))]


_TRANSACTION = {
    "BEGIN": "BEGIN",
    "START": "BEGIN",
    "ROLLBACK TO": "ROLLBACK TO SAVEPOINT",
    "RELEASE": "RELEASE SAVEPOINT",
    "PREPARE": "PREPARE TRANSACTION",
}


def _transaction(node: Node, names: Names) -> Iterable[Command]:
    word = pb.TransactionStmtKind.Name(node.kind).removeprefix("TRANS_STMT_").replace("_", " ")
    return [Command(verb=_TRANSACTION.get(word, word), value=node.savepoint_name or node.gid)]


def _grant(node: Node, names: Names) -> Iterable[Command]:
    verb = "GRANT" if node.is_grant else "REVOKE"
    if kind(node) == "GrantRoleStmt":
        return [Command(verb=verb, kind="role", options=given(cascade=cascades(node.behavior)))]
    within = node.targtype == pb.ACL_TARGET_ALL_IN_SCHEMA
    what = "SCHEMA" if within else object_kind(node.objtype)
    objects = tuple(_named(one, what, names)[:2] for one in node.objects)
    schema, name = objects[0] if objects else ("", "")
    return [
        Command(
            verb=verb,
            schema=schema,
            name=name,
            kind="" if what == "TABLE" else what.lower(),
            objects=objects,
            options=given(cascade=cascades(node.behavior)),
        )
    ]


READERS = {
    "DropStmt": _drop,
    "RenameStmt": _rename,
    "AlterObjectSchemaStmt": _set_schema,
    "AlterOwnerStmt": _owner,
    "CommentStmt": _comment,
    "ViewStmt": _view,
    "RefreshMatViewStmt": _refresh,
    "DefineStmt": _define,
    "CreateSeqStmt": _sequence,
    "AlterSeqStmt": _sequence,
    "CreateSchemaStmt": _plain,
    "CreateExtensionStmt": _plain,
    "CreateFunctionStmt": _function,
    "CreateTrigStmt": _trigger,
    "RuleStmt": _rule,
    "CreatePolicyStmt": _policy,
    "LockStmt": _lock,
    "VacuumStmt": _vacuum,
    "ClusterStmt": _cluster,
    "VariableSetStmt": _set,
    "TransactionStmt": _transaction,
    "GrantStmt": _grant,
    "GrantRoleStmt": _grant,
}
