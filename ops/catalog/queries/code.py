"""Types and routines."""

from __future__ import annotations

from ops.catalog.queries.parts import SCHEMA, Query, comment, default, grants, json_of, row, there, unowned

_TYPE = json_of(
    labels="""CASE t.typtype WHEN 'e' THEN (
            SELECT json_agg(e.enumlabel ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = t.oid) END""",
    type="CASE t.typtype WHEN 'd' THEN format_type(t.typbasetype, t.typtypmod) END",
    collation="""CASE WHEN t.typtype = 'd' AND t.typcollation <> b.typcollation
                     THEN t.typcollation::regcollation::text END""",
    default=f"""CASE t.typtype WHEN 'd' THEN
            coalesce({default("pg_get_expr(t.typdefaultbin, 0)", "t.typbasetype", "t.typtypmod")}, t.typdefault) END""",
    not_null="CASE t.typtype WHEN 'd' THEN NULLIF(t.typnotnull, false) END",
    constraints="""CASE t.typtype WHEN 'd' THEN (
            SELECT json_object_agg(k.conname, pg_get_constraintdef(k.oid) ORDER BY k.conname COLLATE "C")
            FROM pg_constraint k WHERE k.contypid = t.oid AND k.contype = 'c') END""",
    constraint_comments="""CASE t.typtype WHEN 'd' THEN (
            SELECT json_object_agg(k.conname, y.description ORDER BY k.conname COLLATE "C")
            FROM pg_constraint k JOIN pg_description y ON y.objoid = k.oid
              AND y.classoid = 'pg_constraint'::regclass WHERE k.contypid = t.oid) END""",
    attributes="""CASE t.typtype WHEN 'c' THEN (
            SELECT json_agg(quote_ident(a.attname) || ' ' || format_type(a.atttypid, a.atttypmod)
                   || CASE WHEN a.attcollation <> y.typcollation THEN ' collate ' || a.attcollation::regcollation::text
                      ELSE '' END ORDER BY a.attnum)
            FROM pg_attribute a JOIN pg_type y ON y.oid = a.atttypid
            WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped) END""",
    range="""CASE t.typtype WHEN 'r' THEN (
            SELECT json_build_object(
                'subtype', format_type(r.rngsubtype, NULL),
                'operator class', quote_ident(h.nspname) || '.' || quote_ident(o.opcname),
                'collation', NULLIF(r.rngcollation, 0)::regcollation::text,
                'canonical', NULLIF(r.rngcanonical::oid, 0)::regprocedure::text,
                'difference', NULLIF(r.rngsubdiff::oid, 0)::regprocedure::text,
                'multirange', r.rngmultitypid::regtype::text)
            FROM pg_range r JOIN pg_opclass o ON o.oid = r.rngsubopc JOIN pg_namespace h ON h.oid = o.opcnamespace
            WHERE r.rngtypid = t.oid) END""",
    owner="pg_get_userbyid(t.typowner)",
    grants=grants("t.typacl", "T", "t.typowner"),
    comment="d.description",
)

TYPES = Query(
    kinds=("enum", "domain", "composite type", "range type"),
    sql=row(
        """CASE t.typtype WHEN 'e' THEN 'enum' WHEN 'd' THEN 'domain' WHEN 'c' THEN 'composite type'
                          ELSE 'range type' END""",
        "n.nspname",
        "''",
        "t.typname",
        _TYPE,
    )
    + f"""
    FROM pg_type t
    JOIN pg_namespace n ON n.oid = t.typnamespace
    LEFT JOIN pg_type b ON b.oid = t.typbasetype
    LEFT JOIN pg_class c ON c.oid = t.typrelid
    {comment("pg_type", "t.oid")}
    WHERE (t.typtype IN ('e', 'd', 'r') OR (t.typtype = 'c' AND c.relkind = 'c'))
      AND {SCHEMA} AND {unowned("pg_type", "t.oid")} AND {there("pg_type_is_visible", "t.oid")}
    """,
)

_ROUTINE = json_of(
    definition="CASE WHEN p.prokind <> 'a' THEN pg_get_functiondef(p.oid) END",
    aggregate="""CASE WHEN p.prokind = 'a' THEN (
            SELECT json_build_object(
                'arguments', pg_get_function_arguments(p.oid),
                'kind', g.aggkind, 'direct arguments', g.aggnumdirectargs, 'result', p.prorettype::regtype::text,
                'transition', g.aggtransfn::oid::regprocedure::text, 'state', g.aggtranstype::regtype::text,
                'space', g.aggtransspace, 'initial', g.agginitval,
                'final', g.aggfinalfn::oid::regprocedure::text, 'final extra', g.aggfinalextra,
                'final modify', g.aggfinalmodify,
                'combine', g.aggcombinefn::oid::regprocedure::text,
                'serial', g.aggserialfn::oid::regprocedure::text,
                'deserial', g.aggdeserialfn::oid::regprocedure::text,
                'moving', g.aggmtransfn::oid::regprocedure::text,
                'moving inverse', g.aggminvtransfn::oid::regprocedure::text,
                'moving state', g.aggmtranstype::regtype::text, 'moving space', g.aggmtransspace,
                'moving initial', g.aggminitval, 'moving final', g.aggmfinalfn::oid::regprocedure::text,
                'moving final extra', g.aggmfinalextra, 'moving final modify', g.aggmfinalmodify,
                'sort', g.aggsortop::regoperator::text,
                'parallel', p.proparallel)
            FROM pg_aggregate g WHERE g.aggfnoid = p.oid) END""",
    owner="pg_get_userbyid(p.proowner)",
    grants=grants("p.proacl", "f", "p.proowner"),
    comment="d.description",
)

# A routine is known by the types that it takes, as the server knows it: the names of arguments can change.
ROUTINES = Query(
    kinds=("function", "procedure", "aggregate"),
    sql=row(
        "CASE p.prokind WHEN 'p' THEN 'procedure' WHEN 'a' THEN 'aggregate' ELSE 'function' END",
        "n.nspname",
        "''",
        """format('%%s(%%s)', p.proname, CASE WHEN p.prokind = 'a' AND p.pronargs = 0 THEN '*'
                                         ELSE oidvectortypes(p.proargtypes) END)""",
        _ROUTINE,
    )
    + f"""
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace {comment("pg_proc", "p.oid")}
    WHERE {SCHEMA} AND {unowned("pg_proc", "p.oid")} AND {there("pg_function_is_visible", "p.oid")}
      -- the constructors of a range type are the type's own
      AND NOT EXISTS (SELECT FROM pg_depend x WHERE x.classid = 'pg_proc'::regclass AND x.objid = p.oid
                      AND x.refclassid = 'pg_type'::regclass AND x.deptype = 'i')
    """,
)
