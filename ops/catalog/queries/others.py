"""What stands beside the relations: event triggers, publications, foreign servers, default privileges."""

from __future__ import annotations

from ops.catalog.queries.parts import (
    Query,
    comment,
    enabled,
    grants,
    json_of,
    options,
    row,
    sorted_list,
    unowned,
    who,
)

_EVENT_TRIGGER = json_of(
    event="e.evtevent",
    function="e.evtfoid::regprocedure::text",
    enabled=enabled("e.evtenabled"),
    tags=sorted_list("e.evttags"),
    owner="pg_get_userbyid(e.evtowner)",
    comment="d.description",
)

EVENT_TRIGGERS = Query(
    kinds=("event trigger",),
    sql=f"""
    {row("'event trigger'", "''", "''", "e.evtname", _EVENT_TRIGGER)}
    FROM pg_event_trigger e {comment("pg_event_trigger", "e.oid")}
    WHERE {unowned("pg_event_trigger", "e.oid")}
    """,
)

_PUBLICATION = json_of(
    all_tables="p.puballtables",
    insert="p.pubinsert",
    update="p.pubupdate",
    delete="p.pubdelete",
    truncate="p.pubtruncate",
    via_root="p.pubviaroot",
    # a column since 18; read by its name as text, one query does for all versions
    generated_columns="CASE to_json(p) ->> 'pubgencols' WHEN 's' THEN 'stored' END",
    tables="""(SELECT json_object_agg(r.prrelid::regclass::text,
                       concat_ws(' ', (SELECT '(' || string_agg(quote_ident(a.attname), ', ' ORDER BY a.attname) || ')'
                                       FROM pg_attribute a WHERE a.attrelid = r.prrelid
                                       AND a.attnum = ANY (r.prattrs::int2[])),
                                 'where ' || pg_get_expr(r.prqual, r.prrelid))
                       ORDER BY r.prrelid::regclass::text COLLATE "C")
                   FROM pg_publication_rel r WHERE r.prpubid = p.oid)""",
    schemas="""(SELECT json_agg(n.nspname ORDER BY n.nspname) FROM pg_publication_namespace s
                    JOIN pg_namespace n ON n.oid = s.pnnspid WHERE s.pnpubid = p.oid)""",
    owner="pg_get_userbyid(p.pubowner)",
    comment="d.description",
)

PUBLICATIONS = Query(
    kinds=("publication",),
    sql=f"""
    {row("'publication'", "''", "''", "p.pubname", _PUBLICATION)}
    FROM pg_publication p {comment("pg_publication", "p.oid")}
    WHERE {unowned("pg_publication", "p.oid")}
    """,
)

_WRAPPER = json_of(
    handler="NULLIF(w.fdwhandler, 0)::regprocedure::text",
    validator="NULLIF(w.fdwvalidator, 0)::regprocedure::text",
    options=options("w.fdwoptions"),
    owner="pg_get_userbyid(w.fdwowner)",
    grants=grants("w.fdwacl", "F", "w.fdwowner"),
    comment="d.description",
)

WRAPPERS = Query(
    kinds=("foreign data wrapper",),
    sql=f"""
    {row("'foreign data wrapper'", "''", "''", "w.fdwname", _WRAPPER)}
    FROM pg_foreign_data_wrapper w {comment("pg_foreign_data_wrapper", "w.oid")}
    WHERE {unowned("pg_foreign_data_wrapper", "w.oid")}
    """,
)

_SERVER = json_of(
    wrapper="w.fdwname",
    type="s.srvtype",
    version="s.srvversion",
    options=options("s.srvoptions"),
    owner="pg_get_userbyid(s.srvowner)",
    grants=grants("s.srvacl", "S", "s.srvowner"),
    comment="d.description",
)

SERVERS = Query(
    kinds=("foreign server",),
    sql=f"""
    {row("'foreign server'", "''", "''", "s.srvname", _SERVER)}
    FROM pg_foreign_server s JOIN pg_foreign_data_wrapper w ON w.oid = s.srvfdw
    {comment("pg_foreign_server", "s.oid")}
    WHERE {unowned("pg_foreign_server", "s.oid")}
    """,
)

_DEFAULT_PRIVILEGES = json_of(
    rights=f"""(
        SELECT json_object_agg(role, rights ORDER BY role COLLATE "C") FROM (
            SELECT {who("a.grantee")} AS role,
                   json_agg(DISTINCT (a.privilege_type
                       || CASE WHEN a.is_grantable THEN ' with grant option' ELSE '' END) COLLATE "C") AS rights
            FROM aclexplode(p.defaclacl) a GROUP BY 1) AS by_role)"""
)

DEFAULT_PRIVILEGES = Query(
    kinds=("default privileges",),
    sql=row(
        "'default privileges'",
        "coalesce(n.nspname::text, '')",
        "pg_get_userbyid(p.defaclrole)",
        """CASE p.defaclobjtype WHEN 'r' THEN 'tables' WHEN 'S' THEN 'sequences' WHEN 'f' THEN 'functions'
                         WHEN 'T' THEN 'types' WHEN 'n' THEN 'schemas' ELSE 'large objects' END""",
        _DEFAULT_PRIVILEGES,
    )
    + """
    FROM pg_default_acl p LEFT JOIN pg_namespace n ON n.oid = p.defaclnamespace
    WHERE n.nspname IS NULL OR n.nspname <> ALL (%(ignored_schemas)s)
    """,
)
