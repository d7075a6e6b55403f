"""Which rights a role lacks for what it is about to do, asked by queries that change nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ops.catalog.names import quoted
from ops.guard.needs import Need

if TYPE_CHECKING:
    from sqlalchemy import Connection

Rows = Mapping[tuple[str, str], Mapping[str, Any]]

_SYSTEM = "n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'"
# Ownership as the server checks it: whether the role has, by membership, the rights of the owner.
_RELATIONS = f"""
    SELECT n.nspname::text AS schema, c.relname::text AS name, pg_catalog.pg_get_userbyid(c.relowner)::text AS owner,
           pg_catalog.pg_has_role(r.oid, c.relowner, 'USAGE') AS owns,
           pg_catalog.pg_has_role(r.oid, n.nspowner, 'USAGE') AS owns_schema,
           pg_catalog.has_schema_privilege(r.oid, n.oid, 'USAGE') AS uses,
           CASE WHEN c.relkind IN ('r', 'p', 'v', 'f', 'm') THEN pg_catalog.has_any_column_privilege(
               r.oid, c.oid, 'REFERENCES') END AS "REFERENCES",
           CASE WHEN c.relkind IN ('r', 'p', 'v', 'f', 'm') THEN pg_catalog.has_any_column_privilege(
               r.oid, c.oid, 'INSERT') OR pg_catalog.has_table_privilege(r.oid, c.oid, 'INSERT') END AS "INSERT",
           CASE WHEN c.relkind IN ('r', 'p', 'v', 'f', 'm') THEN pg_catalog.has_any_column_privilege(
               r.oid, c.oid, 'UPDATE') OR pg_catalog.has_table_privilege(r.oid, c.oid, 'UPDATE') END AS "UPDATE",
           CASE WHEN c.relkind IN ('r', 'p', 'v', 'f', 'm') THEN pg_catalog.has_table_privilege(
               r.oid, c.oid, 'DELETE') END AS "DELETE",
           CASE WHEN c.relkind IN ('r', 'p', 'v', 'f', 'm') THEN pg_catalog.has_table_privilege(
               r.oid, c.oid, 'TRUNCATE') END AS "TRUNCATE",
           CASE WHEN c.relkind IN ('r', 'p', 'v', 'f', 'm') THEN pg_catalog.has_table_privilege(
               r.oid, c.oid, 'TRIGGER') END AS "TRIGGER"
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
         JOIN pg_catalog.pg_roles r ON r.rolname = :role
    WHERE c.relname = ANY(:names) AND {_SYSTEM}
"""
_TYPES = f"""
    SELECT n.nspname::text AS schema, t.typname::text AS name, pg_catalog.pg_get_userbyid(t.typowner)::text AS owner,
           pg_catalog.pg_has_role(r.oid, t.typowner, 'USAGE') AS owns,
           pg_catalog.pg_has_role(r.oid, n.nspowner, 'USAGE') AS owns_schema,
           pg_catalog.has_schema_privilege(r.oid, n.oid, 'USAGE') AS uses
    FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
         JOIN pg_catalog.pg_roles r ON r.rolname = :role
    WHERE t.typname = ANY(:names) AND {_SYSTEM}
"""
_SCHEMAS = """
    SELECT n.nspname::text AS name, pg_catalog.has_schema_privilege(r.oid, n.oid, 'CREATE') AS "CREATE"
    FROM pg_catalog.pg_namespace n JOIN pg_catalog.pg_roles r ON r.rolname = :role WHERE n.nspname = ANY(:names)
"""
_TABLE_RIGHTS = ("INSERT", "UPDATE", "DELETE")


def only_reads(connection: Connection, login: str) -> tuple[str, ...]:
    """Return, as a sentence, that somebody wants this session to be read-only; nothing where nobody does."""
    # What the session began with: our own setting, which is "on" in any case, stands beside it.
    began = connection.exec_driver_sql(
        "SELECT reset_val FROM pg_catalog.pg_settings WHERE name = 'default_transaction_read_only'"
    ).scalar()
    if began != "on":
        return ()
    return (
        f"default_transaction_read_only is on for role {login}, this database or this server: somebody wants it only "
        "read.",
    )


def on_version_table(connection: Connection, role: str, schema: str, table: str, *, exists: bool) -> tuple[str, ...]:
    """Return what a role lacks to write a version table, or to make it where it is missing; a sentence at most."""
    from sqlalchemy import text

    if exists:
        name = f"{quoted(schema)}.{quoted(table)}"
        asked = ", ".join(f"pg_catalog.has_table_privilege(:role, :name, '{right}')" for right in _TABLE_RIGHTS)
        row = connection.execute(text(f"SELECT {asked}"), {"role": role, "name": name}).one()
        lacking = [right for right, has in zip(_TABLE_RIGHTS, row, strict=True) if not has]
        return (f"Role {role} may not {', '.join(lacking)} on the version table {name}.",) if lacking else ()
    may = connection.execute(
        text("SELECT pg_catalog.has_schema_privilege(:role, oid, 'CREATE') FROM pg_catalog.pg_namespace"
             " WHERE nspname = :schema"),
        {"role": role, "schema": schema},
    ).scalar()  # fmt: skip
    # None: the project's own first revision makes the schema.
    return (f"Role {role} may not create the version table in schema {schema}.",) if may is False else ()


def lacking(connection: Connection, role: str, wanted: Sequence[Need]) -> tuple[str, ...]:
    """Return which of the rights a role certainly has not, a sentence each.

    Nothing is said of an object that is not there, or of which there are several by that name and none was meant
    for certain.
    """
    if not wanted:
        return ()
    relations = _asked(connection, _RELATIONS, role, [one.name for one in wanted if one.kind == "relation"])
    types = _asked(connection, _TYPES, role, [one.name for one in wanted if one.kind == "type"])
    schemas = _asked(connection, _SCHEMAS, role, [one.name for one in wanted if one.kind == "schema"])
    found = (_lacks(one, role, {"relation": relations, "type": types, "schema": schemas}[one.kind]) for one in wanted)
    return tuple(dict.fromkeys(one for one in found if one))


def _asked(connection: Connection, query: str, role: str, names: list[str]) -> Rows:
    from sqlalchemy import text

    if not names:
        return {}
    rows = connection.execute(text(query), {"role": role, "names": sorted(set(names))}).mappings()
    return {(row.get("schema", ""), row["name"]): dict(row) for row in rows}


def _lacks(need: Need, role: str, rows: Rows) -> str:
    if need.kind == "schema":
        row = rows.get(("", need.name))
        if row is None or row["CREATE"]:
            return ""
        return f"Role {role} may not create anything in schema {quoted(need.name)} ({need.why})."
    meant = [row for (schema, name), row in rows.items() if name == need.name and need.schema in ("", schema)]
    if len(meant) != 1:
        return ""
    (row,) = meant
    what = f"{quoted(row['schema'])}.{quoted(row['name'])}"
    if need.schema and not row["uses"]:
        return f"Role {role} may not use schema {quoted(row['schema'])} ({need.why})."
    if need.right == "OWNER" and not row["owns"]:
        return f"Role {role} does not own {what}, which belongs to {row['owner']} ({need.why})."
    if need.right == "DROP" and not (row["owns"] or row["owns_schema"]):
        return f"Role {role} may not drop {what}, which belongs to {row['owner']} ({need.why})."
    if row.get(need.right) is False:
        return f"Role {role} has not the right {need.right} on {what} ({need.why})."
    return ""
