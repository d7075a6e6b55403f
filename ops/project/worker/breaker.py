"""Rewrites of large tables are stopped by an event trigger in the migration's transaction, which nobody else sees."""

from .below import below, driver_of, first_line, has_failed, literal, memory, outside_of_a_transaction, state_of
from .state import STATE, abort

TOO_LARGE = "OPS54"
"""The SQLSTATE with which the trigger ends a statement."""

BREAKER = """
CREATE FUNCTION pg_temp.{name}() RETURNS event_trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $ops$
DECLARE
    relation oid := pg_event_trigger_table_rewrite_oid();
    bytes bigint := pg_total_relation_size(relation);
    before bigint := CAST(coalesce(nullif(current_setting('alembic_ops.rewritten', true), ''), '0') AS bigint);
BEGIN
    IF pg_backend_pid() <> {pid} THEN
        RETURN;
    END IF;
    IF before + bytes > {limit} THEN
        RAISE EXCEPTION USING ERRCODE = '{code}', MESSAGE = concat(
            'this would write ', CAST(relation AS regclass), ' anew, ', pg_size_pretty(bytes), ' with its indexes',
            CASE WHEN before > 0 THEN concat(', after ', pg_size_pretty(before), ' in the same transaction') END,
            '; max_rewrite is ', pg_size_pretty(CAST({limit} AS bigint)));
    END IF;
    PERFORM set_config('alembic_ops.rewritten', CAST(before + bytes AS text), true);
END
$ops$
"""

# -- before and behind a statement


def watch(conn, answer, outside):
    """Before a statement: refuse it where its size is known, and have the server stop it where that shows later."""
    if answer.get("weigh") is not None:
        weigh(conn, answer["weigh"])
    if not outside or answer.get("wrap"):
        try:
            arm(conn)
        except Exception as error:
            abort("breaker", first_line(error))


def arm(conn):
    """Have this transaction end with an error as soon as it begins to write a large table anew."""
    known = memory(conn)
    if known.armed and not known.sure:
        query = "SELECT 1 FROM pg_catalog.pg_event_trigger WHERE evtname = %s" % literal(known.armed)
        known.armed = known.armed if below(conn, query) else None
    known.sure = True
    if known.armed:
        return
    pid = below(conn, "SELECT pg_catalog.pg_backend_pid()")[0]
    name = "%s_%d" % (STATE.breaker["name"], pid)
    function = BREAKER.format(name=name, pid=pid, limit=int(STATE.breaker["limit"]), code=TOO_LARGE)
    as_breaker(
        conn,
        function,
        "CREATE EVENT TRIGGER %s ON table_rewrite EXECUTE FUNCTION pg_temp.%s()" % (name, name),
        "ALTER EVENT TRIGGER %s ENABLE ALWAYS" % name,
    )
    known.armed = name


def disarm(conn):
    """Take the trigger away again, before anything is committed."""
    known = memory(conn)
    if not known.armed:
        return
    name, known.armed = known.armed, None
    if has_failed(conn, driver_of(conn)):
        return  # what is called a commit will be a rollback
    try:
        as_breaker(
            conn,
            "DROP EVENT TRIGGER IF EXISTS %s" % name,
            "DROP FUNCTION IF EXISTS pg_temp.%s()" % name,
            "SELECT pg_catalog.set_config('alembic_ops.rewritten', '', true)",
        )
    except Exception as error:
        abort("breaker", first_line(error))


def as_breaker(conn, *statements):
    """Execute as the role that may create event triggers; the migration's own is put back."""
    role = None
    if STATE.breaker["role"]:
        role = below(conn, "SELECT pg_catalog.current_setting('role')")[0]
        below(conn, "SELECT pg_catalog.set_config('role', %s, true)" % literal(STATE.breaker["role"]))
    for one in statements:
        below(conn, one)
    if role is not None:
        below(conn, "SELECT pg_catalog.set_config('role', %s, true)" % literal(role))


# -- where no trigger sees it


def weigh(conn, what):
    """End the run before a statement that writes tables anew where no trigger sees it, when they are too large."""
    query = (
        "SELECT bytes, pg_catalog.pg_size_pretty(bytes) FROM (SELECT CAST(coalesce(pg_catalog.sum("
        "pg_catalog.pg_total_relation_size(oid)), 0) AS bigint) AS bytes FROM (%s) AS tables) AS total"
        % tables_of(what)
    )
    try:
        size, words = below(conn, query)
    except Exception as error:
        STATE.failed = error
        STATE.failure = {"sqlstate": state_of(error), "message": str(error).strip(), "sql": query, "line": None}
        raise
    if size > STATE.breaker["limit"]:
        subject = ", ".join(what["names"]) or "all tables"
        abort(
            "max-rewrite",
            "%s would write %s anew, %s with indexes; max_rewrite is %d bytes"
            % (what["verb"], subject, words, STATE.breaker["limit"]),
            revision=STATE.running,
        )


def tables_of(what):
    """The query for the tables that a statement names, with their partitions; for all tables where it names none."""
    if not what["names"]:
        return (
            "SELECT oid FROM pg_catalog.pg_class WHERE relkind IN ('r', 'm') AND relpersistence <> 't'"
            " AND relnamespace <> 'pg_catalog'::regnamespace"
        )
    names = "pg_catalog.unnest(ARRAY[%s]) AS n" % ", ".join(map(literal, what["names"]))
    query = "SELECT CAST(pg_catalog.to_regclass(n) AS oid) AS oid FROM " + names
    if what["partitions"]:
        query += " UNION SELECT CAST(p.relid AS oid) FROM %s, pg_catalog.pg_partition_tree(%s) AS p" % (
            names,
            "pg_catalog.to_regclass(n)",
        )
    return query


# -- the proof that it works


def do_breaker(project, request):
    """Prove that a rewrite would be stopped, in a transaction that is rolled back; else say why it would not."""
    answer = {}

    def prove(context):
        for role in ("", "none"):
            if answer.get("proved"):
                return
            STATE.breaker = {"limit": -1, "name": request["trigger"], "role": role}
            with context.connection.engine.connect() as mine:
                why = not_stopped(mine)
            answer.update(proved=not why, role=role, why=answer.get("why") or why)

    try:
        project.look_at_env(prove)
    finally:
        STATE.breaker = None
    return answer


def not_stopped(conn):
    """Why a rewrite of an empty table is not stopped by a limit below nothing; empty where it is."""
    if outside_of_a_transaction(driver_of(conn)):
        below(conn, "BEGIN")
    try:
        below(conn, "SET TRANSACTION READ WRITE")
        arm(conn)
        below(conn, "CREATE TEMPORARY TABLE ops_breaker (a integer)")
        below(conn, "ALTER TABLE pg_temp.ops_breaker ALTER a TYPE bigint")
    except Exception as error:
        return "" if state_of(error) == TOO_LARGE else first_line(error)
    finally:
        below(conn, "ROLLBACK")
        memory(conn).armed = None
    return "the server does not fire event triggers"
