"""The questions that a look at a live database asks: one statement each, whatever the number of relations.

None waits for a lock of somebody else: a relation is opened (for its size, for an index's definition) only where nobody
holds or awaits its ACCESS EXCLUSIVE lock, and `lock_timeout` catches who takes one in between.
"""

from __future__ import annotations

OWN_SCHEMA = "alembic_ops"
MEASURED_TABLES = 300
"""Opening a relation to ask for its size costs some 0.1 ms the first time. The largest tables are worth that, by what
VACUUM last said of them, and of those that it never saw, by the counters. The heaps of these are measured in any case,
and of those that were empty then: nothing else is known of them."""

BEGIN = """
    BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY;
    SET LOCAL search_path = '';
    SET LOCAL timezone = 'UTC';
    SET LOCAL lock_timeout = '100ms';
    SET LOCAL jit = off;
    SET LOCAL max_parallel_workers_per_gather = 0
"""

FACTS = """
    SELECT to_char(statement_timestamp(), 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS taken,
           current_user::text AS role,
           (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS superuser,
           current_setting('block_size')::int AS block_size,
           (SELECT setting::int / 1000.0 FROM pg_settings WHERE name = 'deadlock_timeout')::float AS deadlock_seconds,
           CASE WHEN current_setting('synchronous_commit') NOT IN ('off', 'local') AND NOT pg_is_in_recovery()
                THEN current_setting('synchronous_standby_names') ELSE '' END AS synchronous,
           ARRAY(SELECT nspname::text FROM pg_namespace
                 WHERE nspname !~ '^pg_' AND nspname NOT IN ('information_schema', %(own)s)
                   AND NOT has_schema_privilege(oid, 'CREATE') ORDER BY nspname) AS closed_schemas
"""

# Where nobody reset the counters of the database, they are as old as the cluster, or as its last crash: the counters
# of the whole server say when that was.
_SINCE = """
    coalesce(pg_stat_get_db_stat_reset_time((SELECT oid FROM pg_database WHERE datname = current_database())),
             least(pg_stat_get_bgwriter_stat_reset_time(), (SELECT stats_reset FROM pg_stat_get_archiver())))
"""

RELATIONS = f"""
    WITH closed AS MATERIALIZED (
        SELECT DISTINCT relation AS oid FROM pg_locks
        WHERE locktype = 'relation' AND mode = 'AccessExclusiveLock'
          AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    ), known AS MATERIALIZED (
        SELECT c.*, n.nspname, i.indrelid, i.indisvalid, coalesce(i.indrelid, c.oid) AS measured_with,
               c.oid IN (SELECT oid FROM closed) OR coalesce(i.indrelid, c.oid) IN (SELECT oid FROM closed) AS is_closed
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        LEFT JOIN pg_index i ON i.indexrelid = c.oid
        WHERE c.relkind IN ('r', 'p', 'm', 'f', 'i', 'I', 'v', 'S') AND c.relpersistence <> 't'
          AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', %(own)s)
    ), measured AS MATERIALIZED (
        (SELECT oid FROM known WHERE relkind IN ('r', 'm') AND reltuples >= 0
         ORDER BY relpages DESC LIMIT %(measured)s)
        UNION ALL
        (SELECT oid FROM known WHERE relkind IN ('r', 'm') AND reltuples < 0
         ORDER BY pg_stat_get_live_tuples(oid) DESC LIMIT %(measured)s)
    ), opened AS MATERIALIZED (
        SELECT c.*, NOT c.is_closed AND %(measured)s > 0 AND (
                   c.measured_with IN (SELECT oid FROM measured)
                   OR c.relkind IN ('r', 'm') AND (c.reltuples < 0 OR c.relpages = 0)
               ) AS is_opened
        FROM known c
    )
    SELECT c.oid::bigint AS oid, c.nspname::text AS schema, c.relname::text AS name, c.relkind::text AS kind,
           c.indrelid::bigint AS table_oid, h.inhparent::bigint AS parent_oid,
           c.relnatts::int AS columns,
           pg_get_userbyid(c.relowner)::text AS owner, pg_has_role(c.relowner, 'USAGE') AS owned,
           CASE WHEN c.reltuples >= 0 OR pg_stat_get_live_tuples(c.oid) > 0
                THEN greatest(c.reltuples::bigint, pg_stat_get_live_tuples(c.oid)) END AS rows,
           c.relpages AS pages, t.relpages AS toast_pages,
           CASE WHEN c.relkind IN ('r', 'm', 'i') AND c.is_opened THEN pg_relation_size(c.oid) END AS bytes,
           CASE WHEN c.is_opened AND t.oid NOT IN (SELECT oid FROM closed)
                THEN pg_relation_size(t.oid) END AS toast_bytes,
           CASE WHEN c.relkind IN ('r', 'm', 'i') THEN pg_stat_get_numscans(c.oid) ELSE 0 END AS scans,
           CASE WHEN c.relkind IN ('r', 'm') THEN pg_stat_get_tuples_inserted(c.oid)
                + pg_stat_get_tuples_updated(c.oid) + pg_stat_get_tuples_deleted(c.oid) ELSE 0 END AS writes,
           extract(epoch FROM statement_timestamp())::float AS asked,
           c.indisvalid AS valid,
           CASE WHEN NOT c.indisvalid AND NOT c.is_closed AND %(measured)s > 0
                THEN pg_get_indexdef(c.oid) END AS definition,
           CASE WHEN NOT c.indisvalid THEN (SELECT min(conname::text) FROM pg_constraint WHERE conindid = c.oid)
                END AS constraint_name,
           CASE WHEN NOT c.indisvalid THEN
                (SELECT min(pid) FROM pg_stat_progress_create_index WHERE index_relid = c.oid) END AS building_pid,
           to_char({_SINCE}, 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS counted_since,
           extract(epoch FROM statement_timestamp() - {_SINCE})::float AS counted_seconds
    FROM opened c
    LEFT JOIN pg_class t ON t.oid = c.reltoastrelid AND c.reltoastrelid <> 0
    LEFT JOIN pg_inherits h ON h.inhrelid = c.oid AND c.relispartition
"""

COUNTERS = """
    SELECT c.oid::bigint AS oid, i.indrelid::bigint AS table_oid, pg_stat_get_numscans(c.oid) AS scans,
           CASE WHEN c.relkind IN ('r', 'm') THEN pg_stat_get_tuples_inserted(c.oid)
                + pg_stat_get_tuples_updated(c.oid) + pg_stat_get_tuples_deleted(c.oid) ELSE 0 END AS writes,
           extract(epoch FROM statement_timestamp())::float AS asked
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_index i ON i.indexrelid = c.oid
    WHERE c.relkind IN ('r', 'm', 'i') AND c.relpersistence <> 't'
      AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', %(own)s)
"""

# Sessions of this database, and prepared transactions. A prepared one holds the lock on its own transaction id without
# being a process: that is how its locks are found. Whoever is in a transaction holds its virtual id, which everybody
# may see. The query comes as bytes, as a database without an encoding has any.
SESSIONS = """
    WITH here AS MATERIALIZED (
        SELECT oid, pg_encoding_to_char(encoding) AS encoding FROM pg_database WHERE datname = current_database()
    ), locks AS MATERIALIZED (
        SELECT pid, virtualtransaction AS vxid, locktype, database, relation, transactionid, mode, granted
        FROM pg_locks WHERE mode <> 'SIReadLock'  -- of SERIALIZABLE, which makes nobody wait
    ), on_relations AS (
        SELECT l.pid, l.vxid,
               json_agg(DISTINCT jsonb_build_array(n.nspname, c.relname, l.mode))
                   FILTER (WHERE l.granted AND l.locktype = 'relation') AS holds,
               json_agg(DISTINCT jsonb_build_array(n.nspname, c.relname, l.mode))
                   FILTER (WHERE NOT l.granted AND l.locktype = 'relation') AS waits
        FROM locks l JOIN pg_class c ON c.oid = l.relation JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE l.database = (SELECT oid FROM here) AND l.locktype = 'relation' AND c.relpersistence <> 't'
          AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', %(own)s)
        GROUP BY l.pid, l.vxid
    ), waiting AS (
        SELECT DISTINCT pid FROM locks WHERE NOT granted
    ), in_transactions AS (
        SELECT DISTINCT pid FROM locks WHERE locktype = 'virtualxid' AND mode = 'ExclusiveLock' AND granted
    ), vacuums AS (
        SELECT v.pid, v.phase, v.heap_blks_total AS total, v.heap_blks_scanned AS done, n.nspname, c.relname
        FROM pg_stat_progress_vacuum v
        LEFT JOIN pg_class toast ON toast.oid = v.relid AND toast.relkind = 't'
        LEFT JOIN pg_class c ON c.oid = v.relid AND c.relkind <> 't' OR c.reltoastrelid = toast.oid
        LEFT JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE v.datid = (SELECT oid FROM here)
    ), builds AS (
        SELECT pid, phase, blocks_total AS total, blocks_done AS done FROM pg_stat_progress_create_index
        WHERE datid = (SELECT oid FROM here)
    )
    SELECT a.pid, '' AS gid, a.usename::text AS "user", a.application_name AS application,
           coalesce(host(a.client_addr), CASE WHEN a.client_port = -1 THEN 'a local socket' END) AS client,
           a.state, a.backend_type AS kind, a.wait_event_type || ': ' || a.wait_event AS wait,
           to_char(a.xact_start, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS since,
           extract(epoch FROM clock_timestamp() - a.xact_start)::float AS transaction_seconds,
           extract(epoch FROM clock_timestamp() - a.state_change)::float AS state_seconds,
           convert_to(a.query, CASE encoding WHEN 'SQL_ASCII' THEN encoding ELSE 'UTF8' END) AS query,
           a.backend_xmin IS NOT NULL AS snapshot,
           l.holds, l.waits, CASE WHEN w.pid IS NOT NULL THEN pg_blocking_pids(a.pid) END AS blocked_by,
           coalesce(v.phase, b.phase) AS phase, coalesce(v.total, b.total) AS total, coalesce(v.done, b.done) AS done,
           v.nspname::text AS vacuum_schema, v.relname::text AS vacuum_table,
           x.pid IS NOT NULL AS in_transaction, a.pid = pg_backend_pid() AS is_this
    FROM here CROSS JOIN pg_stat_activity a
    LEFT JOIN on_relations l ON l.pid = a.pid LEFT JOIN waiting w ON w.pid = a.pid
    LEFT JOIN in_transactions x ON x.pid = a.pid
    LEFT JOIN vacuums v ON v.pid = a.pid LEFT JOIN builds b ON b.pid = a.pid
    WHERE (a.datid = here.oid OR l.pid IS NOT NULL) AND a.backend_type IS DISTINCT FROM 'parallel worker'
    UNION ALL
    SELECT 0, p.gid, p.owner::text, '', '', 'prepared', 'prepared transaction', NULL,
           to_char(p.prepared, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
           extract(epoch FROM clock_timestamp() - p.prepared)::float,
           extract(epoch FROM clock_timestamp() - p.prepared)::float,
           ''::bytea, false, l.holds, NULL, NULL, NULL, NULL, NULL, NULL, NULL, true, false
    FROM pg_prepared_xacts p
    LEFT JOIN locks x ON x.locktype = 'transactionid' AND x.pid IS NULL AND x.transactionid = p.transaction
    LEFT JOIN on_relations l ON l.pid IS NULL AND l.vxid = x.vxid
    WHERE p.database = current_database()
"""

REPLICAS = """
    WITH at AS (
        SELECT CASE WHEN pg_is_in_recovery() THEN coalesce(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())
                    ELSE pg_current_wal_lsn() END AS lsn
    )
    SELECT r.application_name AS name, host(r.client_addr) AS client, r.state, r.sync_state,
           pg_wal_lsn_diff(at.lsn, r.replay_lsn)::bigint AS lag_bytes, extract(epoch FROM r.replay_lag)::float
               AS lag_seconds,
           s.slot_name::text AS slot, coalesce(s.slot_type = 'logical', false) AS logical, s.wal_status,
           r.state IS NULL AS hidden
    FROM at CROSS JOIN pg_stat_replication r LEFT JOIN pg_replication_slots s ON s.active_pid = r.pid
    UNION ALL
    SELECT s.slot_name::text, NULL, 'inactive', NULL,
           pg_wal_lsn_diff(at.lsn, coalesce(s.confirmed_flush_lsn, s.restart_lsn))::bigint, NULL,
           s.slot_name::text, s.slot_type = 'logical', s.wal_status, false
    FROM at CROSS JOIN pg_replication_slots s
    WHERE NOT s.active AND (s.database IS NULL OR s.database = current_database())
"""
