"""Revisions that run, a stamp, and statements of the parent's: the requests that change a database."""

import gc
import time

from .below import below, commit, first_line, state_of
from .channel import answer_of_the_parent, ask, emit
from .engines import Engines
from .keeping import let_go, renew
from .limits import put_in_force
from .postgresql import prove_ahead
from .project import migration_step, nothing, version_table_of
from .resolving import several
from .state import STATE, Abandoned


def do_migrate(project, request):
    """Run revisions one by one, each in a run of env.py of its own, asking before each revision and statement.

    Not before each statement, where the request says that nobody wants to be told of them.
    """
    STATE.kept = {}
    STATE.engines = Engines()
    STATE.versioned = None
    STATE.told = request.get("told", True)
    STATE.observe = request.get("observe")
    STATE.breaker = request.get("breaker")
    # Each run of env.py leaves an engine behind; looking for such garbage at every step is a tenth of the time.
    gc.freeze()
    gc.set_threshold(100000, 50, 50)
    try:
        for revision in request["revisions"]:
            migrate_one(project, revision, request["direction"])
            STATE.engines.take_back()
    finally:
        STATE.engines = STATE.versioned = STATE.observe = STATE.breaker = None
        STATE.told = True
        let_go()
    return {"applied": request["revisions"]}


def migrate_one(project, revision, direction):
    """One revision in one run of env.py; it has finished when env.py has, and the revision, too."""
    script = project.script
    path = str(script.get_revision(revision).path)
    STATE.finished = False
    STATE.failure = STATE.failed = None
    STATE.running = revision
    STATE.statement = 0
    started = time.perf_counter()

    def one(heads, context):
        answer = ask("revision", revision=revision, direction=direction, heads=sorted(heads), path=path)
        STATE.settings = dict(answer.get("settings") or {})
        STATE.step = {"revision": revision, "direction": direction, "path": path}
        yield migration_step(script, revision, direction)
        STATE.finished = True
        STATE.step = None
        connection = context.connection
        if context._transaction_per_migration and connection is not None and connection.in_transaction():
            # Otherwise the version row is lost while the DDL stays, which plain Alembic does on histories
            # with an autocommit block in the wrong place.
            commit(connection)

    try:
        contexts = project.run_env(fn=one)
    finally:
        STATE.step = None
    if not STATE.finished:
        failure = STATE.failure or {}
        raise Abandoned(
            "env.py ended without an error, but the revision did not finish%s"
            % (": " + failure["message"] if failure.get("message") else "")
        )
    emit("revision-done", revision=revision, direction=direction, seconds=time.perf_counter() - started)
    # The parent reads the version table back.
    for connection in renew():
        prove_ahead(connection)
    answer_of_the_parent()
    emit("onward")  # the parent writes its record, and we go on to where it is asked again
    # After an upgrade it has rows, which the parent has read before it said "go": Alembic need not look for the table.
    STATE.versioned = version_table_of(contexts[0]) if direction == "up" and len(contexts) == 1 else None


def do_stamp(project, request):
    """Set the version table without running a migration."""
    script = project.script
    revision = STATE.running = request["revision"]

    def stamp(heads, context):
        answer = ask("revision", revision=revision, direction="stamp", heads=sorted(heads), path=None)
        STATE.settings = dict(answer.get("settings") or {})
        STATE.step = {"revision": revision, "direction": "stamp", "path": None}
        return script._stamp_revs(several(revision), () if request.get("purge") else heads)

    try:
        project.run_env(fn=stamp, purge=bool(request.get("purge")))
    finally:
        STATE.step = None
    return {}


def do_execute(project, request):
    """Run statements of the parent's, each by itself, on a connection like env.py's own; say why one failed."""
    answer = {"why": "", "sqlstate": None}

    def execute(context):
        with context.connection.engine.connect() as conn:
            conn = conn.execution_options(isolation_level="AUTOCOMMIT")
            STATE.settings = dict(request["settings"])
            put_in_force(conn)
            try:
                for one in request["statements"]:
                    below(conn, one)
            except Exception as error:
                answer.update(why=first_line(error), sqlstate=state_of(error))

    project.run_env(fn=nothing, instead=execute, dont_mutate=True)
    return answer
