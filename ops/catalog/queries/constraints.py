"""What stands on a relation's columns: constraints, indexes, triggers, rules, policies, statistics."""

from __future__ import annotations

from ops.catalog.queries.parts import (
    RELATION,
    Query,
    comment,
    enabled,
    json_of,
    row,
    sorted_list,
    tablespace,
    unowned,
    who,
)


def _column(table: str, columns: str, number: int) -> str:
    return f"""(SELECT quote_ident(a.attname) FROM pg_attribute a
                WHERE a.attrelid = k.{table} AND a.attnum = k.{columns}[{number}])"""


_COLUMNS = f"""'(' || {_column("conrelid", "conkey", 1)}
            || CASE cardinality(k.conkey) WHEN 2 THEN ', ' || {_column("conrelid", "conkey", 2)} ELSE '' END || ')'"""

# Most constraints and indexes are plain, and a new session has to look up a lot before the functions of the server can
# say so: several times what it takes to write the same here. A test compares both.
PLAIN_CONSTRAINT = f"""CASE
            WHEN k.contype IN ('p', 'u') AND NOT k.condeferrable AND cardinality(k.conkey) <= 2
                AND i.indnatts = cardinality(k.conkey) AND ic.relam = 403 AND NOT i.indnullsnotdistinct
            THEN CASE k.contype WHEN 'p' THEN 'PRIMARY KEY ' ELSE 'UNIQUE ' END || {_COLUMNS}
            WHEN k.contype = 'f' AND NOT k.condeferrable AND k.convalidated AND cardinality(k.conkey) = 1
                AND k.confmatchtype = 's' AND k.confupdtype = 'a' AND k.confdeltype IN ('a', 'c')
            THEN 'FOREIGN KEY ' || {_COLUMNS} || ' REFERENCES ' || k.confrelid::regclass::text || '('
                || {_column("confrelid", "confkey", 1)} || ')'
                || CASE k.confdeltype WHEN 'c' THEN ' ON DELETE CASCADE' ELSE '' END END"""

_CONSTRAINT = json_of(
    definition=f"coalesce({PLAIN_CONSTRAINT}, pg_get_constraintdef(k.oid))",
    options=sorted_list("ic.reloptions"),
    tablespace=tablespace("ic.reltablespace"),
    index="""CASE WHEN NOT i.indisvalid THEN 'invalid' WHEN NOT i.indisready THEN 'not ready'
                      WHEN i.indisclustered THEN 'clustered' END""",
    triggers="""CASE WHEN k.contype = 'f' AND k.oid IN (
            SELECT g.tgconstraint FROM pg_trigger g WHERE g.tgisinternal AND g.tgenabled = 'D') THEN 'disabled' END""",
    comment="d.description",
    index_comment="di.description",
)

# Constraints that a partition has from its parent are the parent's, and come and go with it.
CONSTRAINTS = Query(
    kinds=("primary key", "unique", "foreign key", "check", "exclusion"),
    sql=row(
        """CASE k.contype WHEN 'p' THEN 'primary key' WHEN 'u' THEN 'unique' WHEN 'f' THEN 'foreign key'
                          WHEN 'c' THEN 'check' ELSE 'exclusion' END""",
        "n.nspname",
        "c.relname",
        "k.conname",
        _CONSTRAINT,
    )
    + f"""
    FROM pg_constraint k
    JOIN pg_class c ON c.oid = k.conrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_index i ON i.indexrelid = k.conindid AND k.contype IN ('p', 'u', 'x')
    LEFT JOIN pg_class ic ON ic.oid = i.indexrelid
    {comment("pg_constraint", "k.oid")}
    {comment("pg_class", "i.indexrelid", alias="di")}
    WHERE k.contype IN ('p', 'u', 'f', 'c', 'x') AND k.conparentid = 0 AND (k.contype <> 'c' OR k.conislocal)
      AND {RELATION}
    """,
)


def _key(number: int) -> str:
    """A column of an index; NULL when there is more to be said than its name. A varchar has the class of text."""
    usual = f"o{number}.opcdefault AND o{number}.opcintype = CASE a.atttypid WHEN 1043 THEN 25 ELSE a.atttypid END"
    return f"""(SELECT quote_ident(a.attname) FROM pg_attribute a
                WHERE a.attrelid = i.indrelid AND a.attnum = i.indkey[{number}] AND i.indoption[{number}] = 0
                  AND a.attcollation = i.indcollation[{number}] AND {usual})"""


PLAIN_INDEX = f"""CASE WHEN i.indnatts <= 2 AND i.indnkeyatts = i.indnatts AND ic.relam = 403 AND c.relkind <> 'p'
            AND i.indexprs IS NULL AND i.indpred IS NULL AND ic.reloptions IS NULL AND NOT i.indnullsnotdistinct
        THEN 'CREATE ' || CASE WHEN i.indisunique THEN 'UNIQUE ' ELSE '' END || 'INDEX ' || quote_ident(ic.relname)
            || ' ON ' || quote_ident(n.nspname) || '.' || quote_ident(c.relname) || ' USING btree (' || {_key(0)}
            || CASE i.indnatts WHEN 2 THEN ', ' || {_key(1)} ELSE '' END || ')' END"""

_INDEX = json_of(
    definition=f"coalesce({PLAIN_INDEX}, pg_get_indexdef(i.indexrelid))",
    state="CASE WHEN NOT i.indisvalid THEN 'invalid' WHEN NOT i.indisready THEN 'not ready' END",
    clustered="NULLIF(i.indisclustered, false)",
    tablespace=tablespace("ic.reltablespace"),
    statistics="""CASE WHEN i.indexprs IS NOT NULL THEN (
            SELECT json_object_agg(a.attnum, a.attstattarget ORDER BY a.attnum) FROM pg_attribute a
            WHERE a.attrelid = i.indexrelid AND a.attstattarget >= 0) END""",
    comment="d.description",
)

INDEXES = Query(
    kinds=("index",),
    sql=f"""
    {row("'index'", "n.nspname", "c.relname", "ic.relname", _INDEX)}
    FROM pg_index i
    JOIN pg_class c ON c.oid = i.indrelid
    JOIN pg_class ic ON ic.oid = i.indexrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_opclass o0 ON o0.oid = i.indclass[0]
    LEFT JOIN pg_opclass o1 ON o1.oid = i.indclass[1]
    {comment("pg_class", "ic.oid")}
    WHERE i.indexrelid NOT IN (SELECT k.conindid FROM pg_constraint k WHERE k.contype IN ('p', 'u', 'x'))
      AND c.relkind IN ('r', 'p', 'm') AND NOT ic.relispartition AND {RELATION}
    """,
)

_TRIGGER = json_of(
    definition="CASE WHEN t.tgparentid = 0 THEN pg_get_triggerdef(t.oid) END",
    enabled=enabled("t.tgenabled"),
    comment="d.description",
)

# A partition's trigger is its parent's, unless it fires at other times.
TRIGGERS = Query(
    kinds=("trigger",),
    sql=f"""
    {row("'trigger'", "n.nspname", "c.relname", "t.tgname", _TRIGGER)}
    FROM pg_trigger t
    JOIN pg_class c ON c.oid = t.tgrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_trigger p ON p.oid = t.tgparentid
    {comment("pg_trigger", "t.oid")}
    WHERE NOT t.tgisinternal AND (t.tgparentid = 0 OR t.tgenabled <> p.tgenabled) AND {RELATION}
      AND {unowned("pg_trigger", "t.oid")}
    """,
)

_RULE = json_of(
    definition="CASE WHEN pg_table_is_visible(c.oid) IS NOT NULL THEN pg_get_ruledef(r.oid) END",
    enabled=enabled("r.ev_enabled"),
    comment="d.description",
)

RULES = Query(
    kinds=("rule",),
    sql=f"""
    {row("'rule'", "n.nspname", "c.relname", "r.rulename", _RULE)}
    FROM pg_rewrite r
    JOIN pg_class c ON c.oid = r.ev_class
    JOIN pg_namespace n ON n.oid = c.relnamespace
    {comment("pg_rewrite", "r.oid")}
    WHERE r.rulename <> '_RETURN' AND {RELATION}
    """,
)

_POLICY = json_of(
    command="""CASE p.polcmd WHEN 'r' THEN 'select' WHEN 'a' THEN 'insert' WHEN 'w' THEN 'update'
                                 WHEN 'd' THEN 'delete' ELSE 'all' END""",
    kind="CASE WHEN p.polpermissive THEN 'permissive' ELSE 'restrictive' END",
    roles=f"""(SELECT json_agg(role ORDER BY role COLLATE "C") FROM (
            SELECT {who("r")} AS role FROM unnest(p.polroles) AS r) AS named)""",
    using="pg_get_expr(p.polqual, p.polrelid)",
    check="pg_get_expr(p.polwithcheck, p.polrelid)",
    comment="d.description",
)

POLICIES = Query(
    kinds=("policy",),
    sql=f"""
    {row("'policy'", "n.nspname", "c.relname", "p.polname", _POLICY)}
    FROM pg_policy p
    JOIN pg_class c ON c.oid = p.polrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace
    {comment("pg_policy", "p.oid")}
    WHERE {RELATION}
    """,
)

# The server lists columns as they lie in the table, and then expressions; here columns are in the order of their names.
_LISTED = """(SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY {0}) FROM pg_attribute a
            WHERE a.attrelid = s.stxrelid AND a.attnum = ANY (s.stxkeys::int2[]))"""
_LIST = "pg_get_statisticsobjdef_columns(s.oid)"
_FROM = "' FROM ' || s.stxrelid::regclass::text"
_DEFINED = f"""left(pg_get_statisticsobjdef(s.oid), -length(' ON ' || {_LIST} || {_FROM})) || ' ON '
            || coalesce({_LISTED.format("a.attname")}, '')
            || substr({_LIST}, coalesce(length({_LISTED.format("a.attnum")}), 0) + 1) || {_FROM}"""

_STATISTICS = json_of(
    definition=_DEFINED,
    target="NULLIF(s.stxstattarget, -1)",
    owner="pg_get_userbyid(s.stxowner)",
    comment="d.description",
)

STATISTICS = Query(
    kinds=("statistics",),
    sql=f"""
    {row("'statistics'", "m.nspname", "''", "s.stxname", _STATISTICS)}
    FROM pg_statistic_ext s
    JOIN pg_namespace m ON m.oid = s.stxnamespace
    JOIN pg_class c ON c.oid = s.stxrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace
    {comment("pg_statistic_ext", "s.oid")}
    WHERE {RELATION} AND {unowned("pg_statistic_ext", "s.oid")}
    """,
)
