"""Every statement of a migration: told before it runs, and let through when the parent says so."""

import json
import re
import sys
import time

from . import breaker, kinds
from .below import below, driver_of, forget, has_failed, memory
from .channel import ask, emit
from .limits import put_in_force
from .state import STATE, stop_if_aborted

ENDS = re.compile(r"\s*(COMMIT|END|ROLLBACK|ABORT|PREPARE\s+TRANSACTION)\b", re.IGNORECASE)
FIRST = re.compile(r"\s*SET\s+TRANSACTION\b", re.IGNORECASE)  # nothing may be asked before it
READ_ONLY = "25006"


def on_before(conn, cursor, statement, parameters, context, executemany):
    """Ask the parent, and prepare the connection; what is returned is executed."""
    stop_if_aborted()
    if STATE.step is None:
        if STATE.read_only and statement in STATE.left_out:
            # A command without rows, as are those it stands for.
            return kinds.of_target().NOTHING, type(parameters)()
        return statement, parameters
    if kinds.of_target().is_a_question(statement):
        return statement, parameters
    STATE.statement += 1
    if not STATE.told:
        return statement, parameters
    driver = driver_of(conn)
    outside = kinds.of_target().is_outside(driver, statement)
    details = {}
    if STATE.observe is not None:
        details["executed"] = as_executed(conn, cursor, statement, parameters, executemany)
    answer = ask(
        "statement",
        number=STATE.statement,
        sql=statement,
        revision=STATE.step["revision"],
        line=line_in(STATE.step["path"]),
        autocommit=outside,
        many=bool(executemany),
        **details,
    )
    STATE.settings.update(answer.get("settings") or {})
    ends = ENDS.match(statement)
    ready = ends is None and FIRST.match(statement) is None and not has_failed(conn, driver)
    if ready:
        put_in_force(conn)
    if ends is not None:
        leave(conn, ends.group(1))
    if context is not None:
        context._ops_started = time.perf_counter()
    if answer.get("wrap"):
        below(conn, "BEGIN")
        STATE.wrapped = conn
    if STATE.breaker is not None and ready:
        breaker.watch(conn, answer, outside)
    parts = answer.get("parts")
    if parts:
        for part in parts[:-1]:
            below(conn, part)
            emit("observed", observed=observation(conn))
        # SQLAlchemy has it executed with parameters, of which there are none in it any more.
        return parts[-1].replace("%", "%%"), type(parameters)()
    return statement, parameters


def on_after(conn, cursor, statement, parameters, context, executemany):
    """Tell what a statement took, and on a clone what it did."""
    if STATE.step is None or not STATE.told or kinds.of_target().is_a_question(statement):
        return
    started = getattr(context, "_ops_started", None)
    seconds = None if started is None else time.perf_counter() - started
    details = {}
    if STATE.observe is not None:
        if STATE.observe:
            details["observed"] = observation(conn)
        details["returns_rows"] = cursor.description is not None
    if STATE.wrapped is not None:
        breaker.disarm(conn)
        STATE.wrapped = None
        below(conn, "COMMIT")
    rows = getattr(cursor, "rowcount", None)
    emit("statement-done", number=STATE.statement, sql=statement, seconds=seconds, rows=rows, **details)


def on_error(context):
    """Remember what failed, for the error that ends the request."""
    original = context.original_exception
    state = kinds.of_target().state_of(original)
    if state == READ_ONLY and STATE.read_only and context.statement:
        STATE.refused.append(context.statement)
    if STATE.wrapped is not None:
        wrapped, STATE.wrapped = STATE.wrapped, None
        below(wrapped, "ROLLBACK")  # in autocommit mode a statement that fails leaves nothing to roll back
        forget(wrapped)
    elif context.connection is not None and not getattr(driver_of(context.connection), "autocommit", False):
        memory(context.connection).failed = True
    if STATE.failure is not None and STATE.failure["lost"]:
        return  # all that fails behind it comes of that
    STATE.failed = original
    STATE.failure = {
        "sqlstate": state,
        "lost": bool(context.is_disconnect),
        "message": kinds.of_target().words_of(original),
        "sql": context.statement,
        "line": line_in(STATE.step["path"]) if STATE.step else None,
    }


def on_commit(conn):
    """Before a commit of SQLAlchemy's."""
    stop_if_aborted()
    breaker.disarm(conn)
    if STATE.step is not None:
        ask("commit")  # what is committed behind the parent's back nobody could tell afterwards


def on_rollback(conn, *savepoint):
    """Before a rollback of SQLAlchemy's, of a transaction or to a savepoint."""
    forget(conn)


def leave(conn, word):
    """A migration writes the end of its transaction, or of a part of it, out."""
    if word.upper() in ("ROLLBACK", "ABORT"):
        forget(conn)
    else:
        breaker.disarm(conn)


def observation(conn):
    """The answer to the observing query, on the statement's own connection."""
    row = below(conn, STATE.observe)
    return json.loads(row[0]) if isinstance(row[0], str) else row[0]


def as_executed(conn, cursor, statement, parameters, executemany):
    """The statement with its values, where the driver itself puts them in; else None."""
    if executemany:
        return None
    if not hasattr(cursor, "mogrify"):
        doubled = conn.dialect.paramstyle in ("format", "pyformat")  # each % of a text that has values, or could have
        return statement.replace("%%", "%") if doubled and not parameters else None
    try:
        text = cursor.mogrify(statement, parameters)
    except Exception:  # whatever it is, the driver says it again when the statement is executed
        return None
    return text.decode("utf-8", "replace") if isinstance(text, bytes) else text


def line_in(path):
    """The line of the version file that is being executed, if any frame is in it."""
    frame = sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_filename == path:
            return frame.f_lineno
        frame = frame.f_back
    return None
