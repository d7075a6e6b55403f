"""Schemas, extensions, tables, columns with their NOT NULLs, views, sequences."""

from __future__ import annotations

from ops.catalog.queries.parts import (
    RELATION,
    SCHEMA,
    Query,
    comment,
    default,
    grants,
    json_of,
    options,
    row,
    sorted_list,
    tablespace,
    unowned,
)

_SCHEMA_PROPERTIES = json_of(
    owner="pg_get_userbyid(n.nspowner)",
    grants=grants("n.nspacl", "n", "n.nspowner"),
    comment="d.description",
)

SCHEMAS = Query(
    kinds=("schema",),
    sql=f"""
    {row("'schema'", "''", "''", "n.nspname", _SCHEMA_PROPERTIES)}
    FROM pg_namespace n {comment("pg_namespace", "n.oid")}
    WHERE {SCHEMA} AND {unowned("pg_namespace", "n.oid")}
    """,
)

# A dump leaves the usual one out, and with it what somebody said of it.
_EXTENSION = json_of(
    version="e.extversion",
    schema="n.nspname",
    comment="CASE WHEN e.extname <> 'plpgsql' THEN d.description END",
)

EXTENSIONS = Query(
    kinds=("extension",),
    sql=f"""
    {row("'extension'", "''", "''", "e.extname", _EXTENSION)}
    FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace {comment("pg_extension", "e.oid")}
    """,
)

_TABLE = json_of(
    persistence="CASE c.relpersistence WHEN 'u' THEN 'unlogged' ELSE 'permanent' END",
    partition_key="CASE c.relkind WHEN 'p' THEN pg_get_partkeydef(c.oid) END",
    partition_of="""CASE WHEN c.relispartition THEN
            (SELECT i.inhparent::regclass::text FROM pg_inherits i WHERE i.inhrelid = c.oid) END""",
    bounds="CASE WHEN c.relispartition THEN pg_get_expr(c.relpartbound, c.oid) END",
    inherits="""CASE WHEN NOT c.relispartition THEN
            (SELECT json_agg(i.inhparent::regclass::text ORDER BY i.inhseqno) FROM pg_inherits i
             WHERE i.inhrelid = c.oid) END""",
    options=sorted_list("c.reloptions"),
    toast_options=sorted_list("t.reloptions"),
    access_method="(SELECT amname FROM pg_am WHERE oid = c.relam)",
    tablespace=tablespace("c.reltablespace"),
    row_security="""CASE WHEN c.relforcerowsecurity AND c.relrowsecurity THEN 'forced'
                             WHEN c.relforcerowsecurity THEN 'forced, but disabled'
                             WHEN c.relrowsecurity THEN 'enabled' END""",
    replica_identity="""CASE c.relreplident WHEN 'f' THEN 'full' WHEN 'n' THEN 'nothing' WHEN 'i' THEN
            (SELECT 'index ' || i.indexrelid::regclass::text FROM pg_index i
             WHERE i.indrelid = c.oid AND i.indisreplident) END""",
    of_type="NULLIF(c.reloftype, 0)::regtype::text",
    server="s.srvname",
    server_options=options("f.ftoptions"),
    owner="pg_get_userbyid(c.relowner)",
    grants=grants("c.relacl", "r", "c.relowner"),
    comment="d.description",
)

TABLES = Query(
    kinds=("table", "foreign table"),
    sql=f"""
    {row("CASE c.relkind WHEN 'f' THEN 'foreign table' ELSE 'table' END", "n.nspname", "''", "c.relname", _TABLE)}
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_class t ON t.oid = c.reltoastrelid
    LEFT JOIN pg_foreign_table f ON f.ftrelid = c.oid
    LEFT JOIN pg_foreign_server s ON s.oid = f.ftserver
    {comment("pg_class", "c.oid")}
    WHERE c.relkind IN ('r', 'p', 'f') AND {RELATION}
    """,
)

_IS_TABLE = "c.relkind IN ('r', 'p', 'f')"

# A column of a domain takes what the type under it takes.
_BASE_TYPE = "CASE t.typtype WHEN 'd' THEN t.typbasetype ELSE a.atttypid END"
_BASE_MODIFIER = "CASE t.typtype WHEN 'd' THEN t.typtypmod ELSE a.atttypmod END"

_COLUMN = json_of(
    type=f"CASE WHEN {_IS_TABLE} THEN format_type(a.atttypid, a.atttypmod) END",
    collation=f"""CASE WHEN a.attcollation <> t.typcollation AND {_IS_TABLE}
             THEN a.attcollation::regcollation::text END""",
    default=f"""CASE WHEN a.atthasdef AND a.attgenerated = ''
             THEN {default("pg_get_expr(f.adbin, 0)", _BASE_TYPE, _BASE_MODIFIER)} END""",  # it speaks of no column
    identity="CASE a.attidentity WHEN 'a' THEN 'always' WHEN 'd' THEN 'by default' END",
    generated="""CASE a.attgenerated WHEN 's' THEN 'stored ' WHEN 'v' THEN 'virtual ' END
                     || pg_get_expr(f.adbin, f.adrelid)""",
    compression="CASE a.attcompression WHEN 'p' THEN 'pglz' WHEN 'l' THEN 'lz4' END",
    storage="""CASE WHEN a.attstorage <> t.typstorage AND c.relkind NOT IN ('v', 'c') THEN
            CASE a.attstorage WHEN 'p' THEN 'plain' WHEN 'e' THEN 'external' WHEN 'm' THEN 'main' ELSE 'extended' END
            END""",
    statistics="NULLIF(a.attstattarget, -1)",
    options=sorted_list("a.attoptions"),
    server_options=options("a.attfdwoptions"),
    inherited=f"CASE WHEN NOT a.attislocal AND {_IS_TABLE} THEN true END",
    grants=grants("a.attacl", "c", "c.relowner"),
    comment="d.description",
)

# Columns of views and attributes of composite types are listed there; here are only those that have something of their
# own, a comment for one. The order says nothing of a catalog, but who writes the table anew wants it.
_COLUMNS = f"""
    FROM pg_attribute a
    JOIN pg_class c ON c.oid = a.attrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_type t ON t.oid = a.atttypid
    LEFT JOIN pg_attrdef f ON f.adrelid = a.attrelid AND f.adnum = a.attnum
    {comment("pg_class", "c.oid", "a.attnum")}
    {{join}}
    WHERE c.relkind IN ('r', 'p', 'f', 'v', 'm', 'c') AND a.attnum > 0 AND NOT a.attisdropped AND {RELATION}
      AND ({_IS_TABLE} OR a.atthasdef OR a.attacl IS NOT NULL OR d.description IS NOT NULL OR a.attoptions IS NOT NULL
           OR a.attstattarget >= 0 OR a.attcompression <> '' OR (c.relkind = 'm' AND a.attstorage <> t.typstorage))
    ORDER BY a.attrelid, a.attnum
    """

# Before 18, NOT NULL is only a flag of the column.
_FLAG = json_of(validated="true", inherited="CASE WHEN a.attinhcount > 0 THEN true END")

COLUMNS_WITH_FLAGS = Query(
    kinds=("column", "not null"),
    until=17,
    sql=row(
        "'column'",
        "n.nspname",
        "c.relname",
        "a.attname",
        _COLUMN,
        f"CASE WHEN a.attnotnull AND {_IS_TABLE} THEN {_FLAG} END",
    )
    + _COLUMNS.format(join=""),
)

# Since 18 it is a constraint with a name and a state. A name that the server chose says nothing that the column does
# not, and differs between a table made so and one that was renamed.
_CONSTRAINT = json_of(
    validated="coalesce(k.convalidated, true)",
    no_inherit="NULLIF(k.connoinherit, false)",
    inherited="CASE WHEN NOT k.conislocal THEN true END",
    name="CASE WHEN k.conislocal AND k.conname !~ '_not_null[0-9]*$' THEN k.conname END",
    comment="dk.description",
)

COLUMNS_WITH_CONSTRAINTS = Query(
    kinds=("column", "not null"),
    since=18,
    sql=row(
        "'column'",
        "n.nspname",
        "c.relname",
        "a.attname",
        _COLUMN,
        f"CASE WHEN a.attnotnull AND {_IS_TABLE} THEN {_CONSTRAINT} END",
    )
    + _COLUMNS.format(
        join="LEFT JOIN pg_constraint k ON k.conrelid = a.attrelid AND k.contype = 'n' AND k.conkey[1] = a.attnum\n    "
        + comment("pg_constraint", "k.oid", alias="dk")
    ),
)

_SEQUENCE = json_of(
    type="format_type(s.seqtypid, NULL)",
    start="s.seqstart",
    increment="s.seqincrement",
    minimum="s.seqmin",
    maximum="s.seqmax",
    cache="s.seqcache",
    cycle="s.seqcycle",
    persistence="CASE c.relpersistence WHEN 'u' THEN 'unlogged' ELSE 'permanent' END",
    owned_by="""w.refobjid::regclass::text || '.' || (
            SELECT quote_ident(a.attname) FROM pg_attribute a
            WHERE a.attrelid = w.refobjid AND a.attnum = w.refobjsubid)""",
    owner="pg_get_userbyid(c.relowner)",
    grants=grants("c.relacl", "s", "c.relowner"),
    comment="d.description",
)

SEQUENCES = Query(
    kinds=("sequence",),
    sql=f"""
    {row("'sequence'", "n.nspname", "''", "c.relname", _SEQUENCE)}
    FROM pg_sequence s
    JOIN pg_class c ON c.oid = s.seqrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN LATERAL (
        SELECT x.refobjid, x.refobjsubid FROM pg_depend x
        WHERE x.classid = 'pg_class'::regclass AND x.objid = c.oid AND x.objsubid = 0
          AND x.refclassid = 'pg_class'::regclass AND x.deptype IN ('a', 'i') LIMIT 1) w ON true
    {comment("pg_class", "c.oid")}
    WHERE {RELATION}
    """,
)

_VIEW = json_of(
    # printing a view that was dropped meanwhile would be an error, and not just nothing
    definition="CASE WHEN pg_table_is_visible(c.oid) IS NOT NULL THEN pg_get_viewdef(c.oid) END",
    columns="""(SELECT json_agg(a.attname ORDER BY a.attnum) FROM pg_attribute a
                    WHERE a.attrelid = c.oid AND a.attnum > 0)""",
    options=sorted_list("c.reloptions"),
    toast_options=sorted_list("t.reloptions"),
    access_method="(SELECT amname FROM pg_am WHERE oid = c.relam)",
    tablespace=tablespace("c.reltablespace"),
    owner="pg_get_userbyid(c.relowner)",
    grants=grants("c.relacl", "r", "c.relowner"),
    comment="d.description",
)

VIEWS = Query(
    kinds=("view", "materialized view"),
    also_reads=("pg_rewrite",),
    sql=f"""
    {row("CASE c.relkind WHEN 'm' THEN 'materialized view' ELSE 'view' END", "n.nspname", "''", "c.relname", _VIEW)}
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_class t ON t.oid = c.reltoastrelid
    {comment("pg_class", "c.oid")}
    WHERE c.relkind IN ('v', 'm') AND {RELATION}
    """,
)
