"""What is read of a PostgreSQL catalog: one query per kind of object, each giving one row per object.

Every query yields `kind, schema, parent, name, properties`. The properties are JSON text, written by the
server in a fixed order, so that two objects are equal exactly when their texts are. Nothing in them depends on
OIDs, on the order in which things were created, or on who asks: they are read with an empty `search_path`,
so that every name in a definition is qualified.

What differs between versions of PostgreSQL (15 to 18) is data: see `SINCE`.
"""

from __future__ import annotations

from dataclasses import dataclass

OLDEST, NEWEST = 15, 18

# A relation is ours to look at when it is in a user's schema, belongs to no extension, and is not the version table.
_RELATION = """
    n.nspname !~ '^pg_' AND n.nspname <> ALL (%(ignored_schemas)s)
    AND (n.nspname, c.relname) IS DISTINCT FROM (%(version_schema)s, %(version_table)s)
    AND NOT EXISTS (SELECT FROM pg_depend x WHERE x.classid = 'pg_class'::regclass AND x.objid = c.oid
                    AND x.objsubid = 0 AND x.deptype = 'e')
"""

_SCHEMA = "n.nspname !~ '^pg_' AND n.nspname <> ALL (%(ignored_schemas)s)"


def _unowned(catalog: str, oid: str) -> str:
    """A condition: the object belongs to no extension."""
    return (
        f"NOT EXISTS (SELECT FROM pg_depend x WHERE x.classid = '{catalog}'::regclass AND x.objid = {oid}"
        " AND x.deptype = 'e')"
    )


def _grants(acl: str, kind: str, owner: str) -> str:
    """What was granted beyond the default, and what of the default was revoked, per role."""
    default = f"acldefault('{kind}', {owner})"
    listed = "SELECT grantee, privilege_type, is_grantable FROM aclexplode({})"
    return f"""
        CASE WHEN {acl} IS NULL THEN NULL ELSE (
            SELECT json_object_agg(role, rights ORDER BY role COLLATE "C") FROM (
                SELECT CASE grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(grantee)::text END AS role,
                       json_agg(word || privilege_type || CASE WHEN is_grantable THEN ' with grant option' ELSE '' END
                                ORDER BY privilege_type, word) AS rights
                FROM (
                    SELECT '' AS word, * FROM ({listed.format(acl)} EXCEPT {listed.format(default)}) AS more
                    UNION ALL
                    SELECT 'no ', * FROM ({listed.format(default)} EXCEPT {listed.format(acl)}) AS less
                ) AS every_one
                GROUP BY 1
            ) AS by_role
        ) END"""


def _comment(catalog: str, oid: str, column: str = "0") -> str:
    return (
        f"LEFT JOIN pg_description d ON d.objoid = {oid} AND d.classoid = '{catalog}'::regclass"
        f" AND d.objsubid = {column}"
    )


_SORTED = '(SELECT json_agg(o ORDER BY o COLLATE "C") FROM unnest({}) AS o)'


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One query: `reads` are the catalogs that it needs, `since` and `until` the major versions it is for."""

    kinds: tuple[str, ...]
    sql: str
    reads: tuple[str, ...]
    since: int = OLDEST
    until: int = NEWEST


SCHEMAS = Query(
    kinds=("schema",),
    reads=("pg_namespace",),
    sql=f"""
    SELECT 'schema' AS kind, '' AS schema, '' AS parent, n.nspname::text AS name, json_build_object(
        'owner', pg_get_userbyid(n.nspowner),
        'grants', {_grants("n.nspacl", "n", "n.nspowner")},
        'comment', d.description)::text AS properties
    FROM pg_namespace n {_comment("pg_namespace", "n.oid")}
    WHERE {_SCHEMA} AND {_unowned("pg_namespace", "n.oid")}
    """,
)

EXTENSIONS = Query(
    kinds=("extension",),
    reads=("pg_extension",),
    sql=f"""
    SELECT 'extension', '', '', e.extname::text, json_build_object(
        'version', e.extversion, 'schema', n.nspname)::text
    FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace {_comment("pg_extension", "e.oid")}
    WHERE e.extname <> 'plpgsql'
    """,
)

TABLES = Query(
    kinds=("table", "foreign table"),
    reads=("pg_class", "pg_inherits", "pg_foreign_table"),
    sql=f"""
    SELECT CASE c.relkind WHEN 'f' THEN 'foreign table' ELSE 'table' END, n.nspname::text, '', c.relname::text,
    json_build_object(
        'persistence', CASE c.relpersistence WHEN 'u' THEN 'unlogged' ELSE 'permanent' END,
        'partition key', CASE c.relkind WHEN 'p' THEN pg_get_partkeydef(c.oid) END,
        'partition of', CASE WHEN c.relispartition THEN
            (SELECT i.inhparent::regclass::text FROM pg_inherits i WHERE i.inhrelid = c.oid) END,
        'bounds', pg_get_expr(c.relpartbound, c.oid),
        'inherits', CASE WHEN c.relhassubclass OR NOT c.relispartition THEN
            (SELECT json_agg(i.inhparent::regclass::text ORDER BY i.inhseqno) FROM pg_inherits i
             WHERE i.inhrelid = c.oid AND NOT c.relispartition) END,
        'options', {_SORTED.format("c.reloptions")},
        'toast options', (SELECT {_SORTED.format("t.reloptions")} FROM pg_class t WHERE t.oid = c.reltoastrelid),
        'access method', CASE WHEN c.relkind = 'r' THEN (SELECT amname FROM pg_am WHERE oid = c.relam) END,
        'tablespace', (SELECT spcname FROM pg_tablespace WHERE oid = c.reltablespace),
        'row security', CASE WHEN c.relforcerowsecurity AND c.relrowsecurity THEN 'forced'
                             WHEN c.relforcerowsecurity THEN 'forced, but disabled'
                             WHEN c.relrowsecurity THEN 'enabled' END,
        'replica identity', CASE c.relreplident WHEN 'f' THEN 'full' WHEN 'n' THEN 'nothing' WHEN 'i' THEN
            (SELECT 'index ' || i.indexrelid::regclass::text FROM pg_index i
             WHERE i.indrelid = c.oid AND i.indisreplident) END,
        'of type', NULLIF(c.reloftype, 0)::regtype::text,
        'server', (SELECT s.srvname FROM pg_foreign_table f JOIN pg_foreign_server s ON s.oid = f.ftserver
                   WHERE f.ftrelid = c.oid),
        'server options', (SELECT {_SORTED.format("f.ftoptions")} FROM pg_foreign_table f WHERE f.ftrelid = c.oid),
        'owner', pg_get_userbyid(c.relowner),
        'grants', {_grants("c.relacl", "r", "c.relowner")},
        'comment', d.description)::text
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace {_comment("pg_class", "c.oid")}
    WHERE c.relkind IN ('r', 'p', 'f') AND c.relpersistence <> 't' AND {_RELATION}
    """,
)

_COLUMNS = f"""
    SELECT 'column', n.nspname::text, c.relname::text, a.attname::text, json_build_object(
        'type', format_type(a.atttypid, a.atttypmod),
        'collation', CASE WHEN a.attcollation <> t.typcollation THEN a.attcollation::regcollation::text END,
        'default', CASE WHEN a.attgenerated = '' THEN pg_get_expr(f.adbin, f.adrelid) END,
        'identity', CASE a.attidentity WHEN 'a' THEN 'always' WHEN 'd' THEN 'by default' END,
        'generated', CASE a.attgenerated WHEN 's' THEN 'stored ' WHEN 'v' THEN 'virtual ' END
                     || pg_get_expr(f.adbin, f.adrelid),
        'compression', CASE a.attcompression WHEN 'p' THEN 'pglz' WHEN 'l' THEN 'lz4' END,
        'storage', CASE WHEN a.attstorage <> t.typstorage THEN a.attstorage END,
        'statistics', NULLIF(a.attstattarget, -1),
        'options', {_SORTED.format("a.attoptions")},
        'server options', {_SORTED.format("a.attfdwoptions")},
        'inherited', CASE WHEN NOT a.attislocal THEN true END,
        'grants', {_grants("a.attacl", "c", "c.relowner")},
        'comment', d.description)::text
    FROM pg_attribute a
    JOIN pg_class c ON c.oid = a.attrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_type t ON t.oid = a.atttypid
    LEFT JOIN pg_attrdef f ON f.adrelid = a.attrelid AND f.adnum = a.attnum
    {_comment("pg_class", "c.oid", "a.attnum")}
    WHERE c.relkind IN ('r', 'p', 'f') AND c.relpersistence <> 't' AND a.attnum > 0 AND NOT a.attisdropped
      AND {_RELATION}
    """

COLUMNS = Query(kinds=("column",), reads=("pg_attribute", "pg_attrdef", "pg_type"), sql=_COLUMNS)

# Since 18 a NOT NULL is a constraint with a name and a state; before, only a flag of the column. The name says
# nothing that the column does not, and differs between a table made so and one that was renamed.
_NOT_NULL = """
    SELECT 'not null', n.nspname::text, c.relname::text, a.attname::text, json_build_object(
        'validated', {validated}, 'no inherit', {no_inherit}, 'inherited', {inherited})::text
    FROM pg_attribute a
    JOIN pg_class c ON c.oid = a.attrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace
    {join}
    WHERE c.relkind IN ('r', 'p', 'f') AND c.relpersistence <> 't' AND a.attnum > 0 AND NOT a.attisdropped
      AND a.attnotnull AND {relation}
    """

NOT_NULLS_AS_FLAGS = Query(
    kinds=("not null",),
    reads=("pg_attribute",),
    until=17,
    sql=_NOT_NULL.format(
        validated="true",
        no_inherit="NULL",
        inherited="CASE WHEN NOT a.attislocal THEN true END",
        join="",
        relation=_RELATION,
    ),
)

NOT_NULLS_AS_CONSTRAINTS = Query(
    kinds=("not null",),
    reads=("pg_attribute", "pg_constraint"),
    since=18,
    sql=_NOT_NULL.format(
        validated="coalesce(k.convalidated, true)",
        no_inherit="NULLIF(k.connoinherit, false)",
        inherited="CASE WHEN NOT k.conislocal THEN true END",
        join="LEFT JOIN pg_constraint k ON k.conrelid = c.oid AND k.contype = 'n' AND k.conkey = ARRAY[a.attnum]",
        relation=_RELATION,
    ),
)

# Constraints that a partition has from its parent are the parent's, and come and go with it.
CONSTRAINTS = Query(
    kinds=("primary key", "unique", "foreign key", "check", "exclusion"),
    reads=("pg_constraint", "pg_index"),
    sql=f"""
    SELECT CASE k.contype WHEN 'p' THEN 'primary key' WHEN 'u' THEN 'unique' WHEN 'f' THEN 'foreign key'
                          WHEN 'c' THEN 'check' ELSE 'exclusion' END,
    n.nspname::text, c.relname::text, k.conname::text, json_build_object(
        'definition', pg_get_constraintdef(k.oid),
        'options', {_SORTED.format("ic.reloptions")},
        'index', CASE WHEN NOT i.indisvalid THEN 'invalid' WHEN i.indisclustered THEN 'clustered' END,
        'comment', d.description)::text
    FROM pg_constraint k
    JOIN pg_class c ON c.oid = k.conrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_index i ON i.indexrelid = k.conindid AND k.contype IN ('p', 'u', 'x')
    LEFT JOIN pg_class ic ON ic.oid = i.indexrelid
    {_comment("pg_constraint", "k.oid")}
    WHERE k.contype IN ('p', 'u', 'f', 'c', 'x') AND k.conparentid = 0 AND (k.contype <> 'c' OR k.conislocal)
      AND c.relpersistence <> 't' AND {_RELATION}
    """,
)

INDEXES = Query(
    kinds=("index",),
    reads=("pg_index", "pg_constraint"),
    sql=f"""
    SELECT 'index', n.nspname::text, c.relname::text, ic.relname::text, json_build_object(
        'definition', pg_get_indexdef(i.indexrelid),
        'state', CASE WHEN NOT i.indisvalid THEN 'invalid' WHEN NOT i.indisready THEN 'not ready' END,
        'clustered', NULLIF(i.indisclustered, false),
        'tablespace', (SELECT spcname FROM pg_tablespace WHERE oid = ic.reltablespace),
        'comment', d.description)::text
    FROM pg_index i
    JOIN pg_class c ON c.oid = i.indrelid
    JOIN pg_class ic ON ic.oid = i.indexrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_constraint k ON k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x')
    {_comment("pg_class", "ic.oid")}
    WHERE k.oid IS NULL AND c.relkind IN ('r', 'p', 'm') AND NOT ic.relispartition AND c.relpersistence <> 't'
      AND {_RELATION}
    """,
)

SEQUENCES = Query(
    kinds=("sequence",),
    reads=("pg_sequence", "pg_class", "pg_depend"),
    sql=f"""
    SELECT 'sequence', n.nspname::text, '', c.relname::text, json_build_object(
        'type', format_type(s.seqtypid, NULL), 'start', s.seqstart, 'increment', s.seqincrement,
        'minimum', s.seqmin, 'maximum', s.seqmax, 'cache', s.seqcache, 'cycle', s.seqcycle,
        'persistence', CASE c.relpersistence WHEN 'u' THEN 'unlogged' ELSE 'permanent' END,
        'owned by', o.column_name,
        'owner', pg_get_userbyid(c.relowner),
        'grants', {_grants("c.relacl", "s", "c.relowner")},
        'comment', d.description)::text
    FROM pg_sequence s
    JOIN pg_class c ON c.oid = s.seqrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN LATERAL (
        SELECT w.refobjid::regclass::text || '.' || quote_ident(a.attname) AS column_name
        FROM pg_depend w JOIN pg_attribute a ON a.attrelid = w.refobjid AND a.attnum = w.refobjsubid
        WHERE w.classid = 'pg_class'::regclass AND w.objid = c.oid AND w.refclassid = 'pg_class'::regclass
          AND w.deptype IN ('a', 'i')) o ON true
    {_comment("pg_class", "c.oid")}
    WHERE c.relpersistence <> 't' AND {_RELATION}
    """,
)

VIEWS = Query(
    kinds=("view", "materialized view"),
    reads=("pg_class",),
    sql=f"""
    SELECT CASE c.relkind WHEN 'm' THEN 'materialized view' ELSE 'view' END, n.nspname::text, '', c.relname::text,
    json_build_object(
        'definition', pg_get_viewdef(c.oid),
        'columns', (SELECT json_agg(a.attname ORDER BY a.attnum) FROM pg_attribute a
                    WHERE a.attrelid = c.oid AND a.attnum > 0),
        'options', {_SORTED.format("c.reloptions")},
        'access method', CASE WHEN c.relkind = 'm' THEN (SELECT amname FROM pg_am WHERE oid = c.relam) END,
        'owner', pg_get_userbyid(c.relowner),
        'grants', {_grants("c.relacl", "r", "c.relowner")},
        'comment', d.description)::text
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace {_comment("pg_class", "c.oid")}
    WHERE c.relkind IN ('v', 'm') AND c.relpersistence <> 't' AND {_RELATION}
    """,
)

ROUTINES = Query(
    kinds=("function", "procedure", "aggregate"),
    reads=("pg_proc", "pg_aggregate"),
    sql=f"""
    SELECT CASE p.prokind WHEN 'p' THEN 'procedure' WHEN 'a' THEN 'aggregate' ELSE 'function' END,
    n.nspname::text, '', p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')', json_build_object(
        'definition', CASE WHEN p.prokind <> 'a' THEN pg_get_functiondef(p.oid) END,
        'aggregate', CASE WHEN p.prokind = 'a' THEN (
            SELECT json_build_object(
                'kind', g.aggkind, 'direct arguments', g.aggnumdirectargs, 'result', p.prorettype::regtype::text,
                'transition', g.aggtransfn::text, 'state', g.aggtranstype::regtype::text,
                'final', g.aggfinalfn::text, 'combine', g.aggcombinefn::text, 'serial', g.aggserialfn::text,
                'deserial', g.aggdeserialfn::text, 'moving', g.aggmtransfn::text,
                'sort', g.aggsortop::regoperator::text,
                'initial', g.agginitval, 'parallel', p.proparallel)
            FROM pg_aggregate g WHERE g.aggfnoid = p.oid) END,
        'owner', pg_get_userbyid(p.proowner),
        'grants', {_grants("p.proacl", "f", "p.proowner")},
        'comment', d.description)::text
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace {_comment("pg_proc", "p.oid")}
    WHERE {_SCHEMA} AND {_unowned("pg_proc", "p.oid")}
      -- the constructors of a range type are the type's own
      AND NOT EXISTS (SELECT FROM pg_depend x WHERE x.classid = 'pg_proc'::regclass AND x.objid = p.oid
                      AND x.refclassid = 'pg_type'::regclass AND x.deptype = 'i')
    """,
)

TRIGGERS = Query(
    kinds=("trigger",),
    reads=("pg_trigger",),
    sql=f"""
    SELECT 'trigger', n.nspname::text, c.relname::text, t.tgname::text, json_build_object(
        'definition', pg_get_triggerdef(t.oid),
        'enabled', CASE t.tgenabled WHEN 'O' THEN 'yes' WHEN 'D' THEN 'no' WHEN 'R' THEN 'replica' ELSE 'always' END,
        'comment', d.description)::text
    FROM pg_trigger t
    JOIN pg_class c ON c.oid = t.tgrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace
    {_comment("pg_trigger", "t.oid")}
    WHERE NOT t.tgisinternal AND t.tgparentid = 0 AND {_RELATION}
    """,
)

RULES = Query(
    kinds=("rule",),
    reads=("pg_rewrite",),
    sql=f"""
    SELECT 'rule', n.nspname::text, c.relname::text, r.rulename::text, json_build_object(
        'definition', pg_get_ruledef(r.oid),
        'enabled', CASE r.ev_enabled WHEN 'O' THEN 'yes' WHEN 'D' THEN 'no' WHEN 'R' THEN 'replica' ELSE 'always' END,
        'comment', d.description)::text
    FROM pg_rewrite r
    JOIN pg_class c ON c.oid = r.ev_class
    JOIN pg_namespace n ON n.oid = c.relnamespace
    {_comment("pg_rewrite", "r.oid")}
    WHERE r.rulename <> '_RETURN' AND {_RELATION}
    """,
)

TYPES = Query(
    kinds=("enum", "domain", "composite type", "range type"),
    reads=("pg_type", "pg_enum", "pg_constraint", "pg_range"),
    sql=f"""
    SELECT CASE t.typtype WHEN 'e' THEN 'enum' WHEN 'd' THEN 'domain' WHEN 'c' THEN 'composite type'
                          ELSE 'range type' END,
    n.nspname::text, '', t.typname::text, json_build_object(
        'labels', CASE t.typtype WHEN 'e' THEN (
            SELECT json_agg(e.enumlabel ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = t.oid) END,
        'type', CASE t.typtype WHEN 'd' THEN format_type(t.typbasetype, t.typtypmod) END,
        'collation', CASE WHEN t.typtype = 'd' AND t.typcollation <> b.typcollation
                     THEN t.typcollation::regcollation::text END,
        'default', CASE t.typtype WHEN 'd' THEN coalesce(pg_get_expr(t.typdefaultbin, 0), t.typdefault) END,
        'not null', CASE t.typtype WHEN 'd' THEN NULLIF(t.typnotnull, false) END,
        'constraints', CASE t.typtype WHEN 'd' THEN (
            SELECT json_object_agg(k.conname, pg_get_constraintdef(k.oid) ORDER BY k.conname COLLATE "C")
            FROM pg_constraint k WHERE k.contypid = t.oid AND k.contype = 'c') END,
        'attributes', CASE t.typtype WHEN 'c' THEN (
            SELECT json_agg(quote_ident(a.attname) || ' ' || format_type(a.atttypid, a.atttypmod)
                   || CASE WHEN a.attcollation <> y.typcollation THEN ' collate ' || a.attcollation::regcollation::text
                      ELSE '' END ORDER BY a.attnum)
            FROM pg_attribute a JOIN pg_type y ON y.oid = a.atttypid
            WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped) END,
        'range', CASE t.typtype WHEN 'r' THEN (
            SELECT json_build_object(
                'subtype', format_type(r.rngsubtype, NULL), 'operator class', o.opcname,
                'collation', NULLIF(r.rngcollation, 0)::regcollation::text,
                'canonical', NULLIF(r.rngcanonical::oid, 0)::regproc::text,
                'difference', NULLIF(r.rngsubdiff::oid, 0)::regproc::text,
                'multirange', r.rngmultitypid::regtype::text)
            FROM pg_range r JOIN pg_opclass o ON o.oid = r.rngsubopc WHERE r.rngtypid = t.oid) END,
        'owner', pg_get_userbyid(t.typowner),
        'grants', {_grants("t.typacl", "T", "t.typowner")},
        'comment', coalesce(d.description, (
            SELECT y.description FROM pg_description y
            WHERE t.typtype = 'c' AND y.objoid = t.typrelid AND y.classoid = 'pg_class'::regclass
              AND y.objsubid = 0)))::text
    FROM pg_type t
    JOIN pg_namespace n ON n.oid = t.typnamespace
    LEFT JOIN pg_type b ON b.oid = t.typbasetype
    LEFT JOIN pg_class c ON c.oid = t.typrelid
    {_comment("pg_type", "t.oid")}
    WHERE (t.typtype IN ('e', 'd', 'r') OR (t.typtype = 'c' AND c.relkind = 'c'))
      AND {_SCHEMA} AND {_unowned("pg_type", "t.oid")}
    """,
)

POLICIES = Query(
    kinds=("policy",),
    reads=("pg_policy",),
    sql=f"""
    SELECT 'policy', n.nspname::text, c.relname::text, p.polname::text, json_build_object(
        'command', CASE p.polcmd WHEN 'r' THEN 'select' WHEN 'a' THEN 'insert' WHEN 'w' THEN 'update'
                                 WHEN 'd' THEN 'delete' ELSE 'all' END,
        'kind', CASE WHEN p.polpermissive THEN 'permissive' ELSE 'restrictive' END,
        'roles', (SELECT json_agg(role ORDER BY role COLLATE "C") FROM (
            SELECT CASE r WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(r)::text END AS role FROM unnest(p.polroles) AS r
            ) AS named),
        'using', pg_get_expr(p.polqual, p.polrelid),
        'check', pg_get_expr(p.polwithcheck, p.polrelid),
        'comment', d.description)::text
    FROM pg_policy p
    JOIN pg_class c ON c.oid = p.polrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace
    {_comment("pg_policy", "p.oid")}
    WHERE {_RELATION}
    """,
)

STATISTICS = Query(
    kinds=("statistics",),
    reads=("pg_statistic_ext",),
    sql=f"""
    SELECT 'statistics', n.nspname::text, '', s.stxname::text, json_build_object(
        'definition', pg_get_statisticsobjdef(s.oid),
        'target', NULLIF(s.stxstattarget, -1),
        'owner', pg_get_userbyid(s.stxowner),
        'comment', d.description)::text
    FROM pg_statistic_ext s JOIN pg_namespace n ON n.oid = s.stxnamespace {_comment("pg_statistic_ext", "s.oid")}
    WHERE {_SCHEMA}
    """,
)

EVENT_TRIGGERS = Query(
    kinds=("event trigger",),
    reads=("pg_event_trigger",),
    sql=f"""
    SELECT 'event trigger', '', '', e.evtname::text, json_build_object(
        'event', e.evtevent, 'function', e.evtfoid::regprocedure::text,
        'enabled', CASE e.evtenabled WHEN 'O' THEN 'yes' WHEN 'D' THEN 'no' WHEN 'R' THEN 'replica' ELSE 'always' END,
        'tags', {_SORTED.format("e.evttags")},
        'owner', pg_get_userbyid(e.evtowner),
        'comment', d.description)::text
    FROM pg_event_trigger e {_comment("pg_event_trigger", "e.oid")}
    WHERE {_unowned("pg_event_trigger", "e.oid")}
    """,
)

PUBLICATIONS = Query(
    kinds=("publication",),
    reads=("pg_publication", "pg_publication_rel", "pg_publication_namespace"),
    sql=f"""
    SELECT 'publication', '', '', p.pubname::text, json_build_object(
        'all tables', p.puballtables, 'insert', p.pubinsert, 'update', p.pubupdate, 'delete', p.pubdelete,
        'truncate', p.pubtruncate, 'via root', p.pubviaroot,
        'tables', (SELECT json_object_agg(r.prrelid::regclass::text,
                       concat_ws(' ', (SELECT '(' || string_agg(quote_ident(a.attname), ', ' ORDER BY a.attname) || ')'
                                       FROM pg_attribute a WHERE a.attrelid = r.prrelid
                                       AND a.attnum = ANY (r.prattrs::int2[])),
                                 'where ' || pg_get_expr(r.prqual, r.prrelid))
                       ORDER BY r.prrelid::regclass::text COLLATE "C")
                   FROM pg_publication_rel r WHERE r.prpubid = p.oid),
        'schemas', (SELECT json_agg(n.nspname ORDER BY n.nspname) FROM pg_publication_namespace s
                    JOIN pg_namespace n ON n.oid = s.pnnspid WHERE s.pnpubid = p.oid),
        'owner', pg_get_userbyid(p.pubowner),
        'comment', d.description)::text
    FROM pg_publication p {_comment("pg_publication", "p.oid")}
    """,
)

FOREIGN = Query(
    kinds=("foreign data wrapper", "foreign server"),
    reads=("pg_foreign_data_wrapper", "pg_foreign_server"),
    sql=f"""
    SELECT 'foreign data wrapper', '', '', w.fdwname::text, json_build_object(
        'handler', NULLIF(w.fdwhandler, 0)::regprocedure::text,
        'validator', NULLIF(w.fdwvalidator, 0)::regprocedure::text,
        'options', {_SORTED.format("w.fdwoptions")},
        'owner', pg_get_userbyid(w.fdwowner),
        'grants', {_grants("w.fdwacl", "F", "w.fdwowner")},
        'comment', d.description)::text
    FROM pg_foreign_data_wrapper w {_comment("pg_foreign_data_wrapper", "w.oid")}
    WHERE {_unowned("pg_foreign_data_wrapper", "w.oid")}
    UNION ALL
    SELECT 'foreign server', '', '', s.srvname::text, json_build_object(
        'wrapper', w.fdwname, 'type', s.srvtype, 'version', s.srvversion,
        'options', {_SORTED.format("s.srvoptions")},
        'owner', pg_get_userbyid(s.srvowner),
        'grants', {_grants("s.srvacl", "S", "s.srvowner")},
        'comment', d.description)::text
    FROM pg_foreign_server s JOIN pg_foreign_data_wrapper w ON w.oid = s.srvfdw
    {_comment("pg_foreign_server", "s.oid")}
    WHERE {_unowned("pg_foreign_server", "s.oid")}
    """,
)

DEFAULT_PRIVILEGES = Query(
    kinds=("default privileges",),
    reads=("pg_default_acl",),
    sql="""
    SELECT 'default privileges', coalesce(n.nspname::text, ''), pg_get_userbyid(p.defaclrole)::text,
    CASE p.defaclobjtype WHEN 'r' THEN 'tables' WHEN 'S' THEN 'sequences' WHEN 'f' THEN 'functions'
                         WHEN 'T' THEN 'types' WHEN 'n' THEN 'schemas' ELSE 'large objects' END,
    json_build_object('rights', (
        SELECT json_object_agg(role, rights ORDER BY role COLLATE "C") FROM (
            SELECT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(a.grantee)::text END AS role,
                   json_agg(a.privilege_type || CASE WHEN a.is_grantable THEN ' with grant option' ELSE '' END
                            ORDER BY a.privilege_type) AS rights
            FROM aclexplode(p.defaclacl) a GROUP BY 1) AS by_role))::text
    FROM pg_default_acl p LEFT JOIN pg_namespace n ON n.oid = p.defaclnamespace
    """,
)

ALL: tuple[tuple[Query, ...], ...] = (
    (SCHEMAS, EXTENSIONS, TABLES, VIEWS, SEQUENCES, TYPES),
    (COLUMNS,),
    (NOT_NULLS_AS_FLAGS, NOT_NULLS_AS_CONSTRAINTS, INDEXES),
    (CONSTRAINTS,),
    (ROUTINES, TRIGGERS, RULES, POLICIES, STATISTICS, EVENT_TRIGGERS, PUBLICATIONS, FOREIGN, DEFAULT_PRIVILEGES),
)
"""The queries in groups: each group is one round trip."""

KINDS = tuple(dict.fromkeys(kind for group in ALL for query in group for kind in query.kinds))
