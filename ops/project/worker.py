"""Runs inside the project's own Python: the one file that imports somebody else's env.py and version files.

Started by `ops.project` as a plain script, by whatever interpreter a target names: Python 3.8 or newer, with
Alembic 1.7+ and SQLAlchemy 1.4+, and nothing of `ops`. It reads requests and answers from its standard input and
writes events to a private copy of its standard output, one JSON object a line; what the project prints
goes to standard error. The messages are described in `protocol.py`.

Private names of Alembic that are used here (unchanged from 1.13 to 1.20, covered by tests):
`ScriptDirectory._load_revisions`, `_version_locations`, `_upgrade_revs`, `_downgrade_revs`, `_stamp_revs`, `_rev_path`;
`MigrationStep.upgrade_from_script`, `downgrade_from_script`; `HeadMaintainer`;
`MigrationContext._transaction_per_migration`, `_has_version_table`; of SQLAlchemy: `dispatch._event_names`.
"""

import sys

# A script's folder comes first on the path, and ours must never hide a module of the project's.
sys.path[:] = [entry for entry in sys.path if entry != __file__.rpartition("/")[0]]

import ast
import gc
import hashlib
import io
import json
import os
import re
import select
import signal
import threading
import time
import traceback
import types
import warnings


class Abort(BaseException):
    """Ends a run whatever `except Exception` stands in env.py."""


class Recorder:
    """What the project's code depends on: files read, folders listed, environment variables asked for.

    An answer of the project's stays right as long as none of these changes.
    """

    def __init__(self):
        self.files = set()
        self.folders = set()
        self.variables = set()
        libraries = {os.path.dirname(os.__file__), sys.prefix, sys.base_prefix, "/proc", "/dev", "/sys", "/etc", "/usr"}
        self.elsewhere = tuple(sorted(os.path.realpath(one) + os.sep for one in libraries))

    def start(self):
        sys.addaudithook(self.notice)
        environ = type(os.environ)
        usual = environ.__getitem__
        variables = self.variables

        def asked(mapping, key):
            variables.add(key)
            return usual(mapping, key)

        environ.__getitem__ = asked
        stat = os.stat
        files = self.files

        def looked_for(path, *rest, **keywords):
            try:
                return stat(path, *rest, **keywords)
            except (FileNotFoundError, NotADirectoryError):
                if isinstance(path, (str, os.PathLike)):
                    files.add(os.fspath(path))  # a settings file, say, that may be there the next time
                raise

        for capable in (os.supports_dir_fd, os.supports_fd, os.supports_follow_symlinks):
            if stat in capable:
                capable.add(looked_for)
        os.stat = looked_for

    def notice(self, event, arguments):
        if event == "open" and isinstance(arguments[0], str) and not re.search("[wax+]", arguments[1] or "r"):
            self.files.add(arguments[0])
        elif event in ("os.listdir", "os.scandir") and isinstance(arguments[0], str):
            self.folders.add(arguments[0])

    def seen(self):
        """Everything seen so far that is the project's own, as absolute paths."""
        files = {os.path.abspath(one) for one in list(self.files) if isinstance(one, str)}
        for module in list(sys.modules.values()):
            file = getattr(module, "__file__", None)
            if isinstance(file, str):
                files.add(os.path.abspath(file))
        return {
            "files": sorted({source_of(one) for one in files if self.is_own(one)}),
            # the listing of the library folders tells which versions are installed
            "folders": sorted({os.path.abspath(one) for one in self.folders if self.is_own(one)})
            + [one for one in sys.path if os.path.basename(one) in ("site-packages", "dist-packages")],
            "variables": sorted(one for one in self.variables if isinstance(one, str)),
        }

    def is_own(self, path):
        path = os.path.realpath(path)
        return not (path.startswith(self.elsewhere) or "site-packages" in path or path == os.path.realpath(__file__))


def source_of(path):
    """The source of a compiled file: the import system opens the one and only looks at the time of the other."""
    folder, name = os.path.split(path)
    if os.path.basename(folder) == "__pycache__" and name.endswith(".pyc"):
        return os.path.join(os.path.dirname(folder), name.partition(".")[0] + ".py")
    return path


RECORDER = Recorder()


class State:
    """What the event handlers know of the request that is being served."""

    def __init__(self):
        self.aborted = None  # the error that ended the run for good
        self.read_only = True
        self.proof = None
        self.session = {}
        self.redirect = None
        self.step = None  # {"revision", "direction", "path"} while a revision runs
        self.settings = {}  # to be put in force before the next statement
        self.breaker = None  # {"limit", "name", "role"} where rewrites of large tables are to be stopped
        self.statement = 0
        self.failure = None  # the last failing statement
        self.failed = None  # the driver's exception that it failed with
        self.running = None  # the revision that a request is at, for its error
        self.run = 0  # counts the runs of env.py
        self.refused = []  # statements that would write, refused by a read-only session
        self.left_out = []  # those of them that env.py is run without, to look at what it configures
        self.connected = False
        self.backends = set()  # the server's processes that the parent has been told of
        self.versioned = None  # the version table in which the parent has just read rows, while revisions run
        self.kept = None  # physical connections between two runs of env.py, while revisions run
        self.engines = None  # engines between two runs of env.py, while revisions run
        self.observe = None  # a query to be asked behind every statement, on its own connection, while a clone is used
        self.wrapped = None  # the connection on which a transaction was put round an autocommit statement


STATE = State()
IN = None
OUT = None


# -- speaking ---------------------------------------------------------------------------------------


def take_over_descriptors():
    """Keep the control channel to ourselves: the project gets /dev/null to read and stderr to write."""
    global IN, OUT
    control_out = os.dup(1)
    control_in = os.dup(0)
    os.set_inheritable(control_out, False)
    os.set_inheritable(control_in, False)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    os.dup2(2, 1)
    OUT = os.fdopen(control_out, "wb", buffering=0)
    IN = os.fdopen(control_in, "rb")
    threading.Thread(target=watch, args=(control_in, heed_signals()), daemon=True).start()


def watch(descriptor, signals):
    """End this process when the parent has gone, and tell it of signals, also while a statement runs.

    When the parent has gone, nobody can say "go" any more, and the server notices by itself that we have gone
    (client_connection_check_interval), so that a long statement does not outlive us. A signal must not end us: the
    server would go on. The parent cancels there what runs, and ends us itself.
    """
    poll = select.poll()
    poll.register(descriptor, 0)  # only the hang-up, which cannot be masked; the data is the main thread's
    poll.register(signals, select.POLLIN)
    while True:
        ready = [one for one, _ in poll.poll()]
        if descriptor in ready:
            os._exit(70)
        for number in os.read(signals, 100):
            if number in HEEDED:
                emit("signal", name=signal.Signals(number).name)


HEEDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def heed_signals():
    """Have signals written to a pipe, which is returned: a handler waits until a statement has ended."""
    heard, told = os.pipe()
    os.set_blocking(told, False)
    signal.set_wakeup_fd(told, warn_on_full_buffer=False)
    for number in HEEDED:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, lambda number, frame: None)
    return heard


def hear():
    line = IN.readline()
    if not line:
        os._exit(70)
    return json.loads(line.decode("utf-8"))


SPEAKING = threading.Lock()


def emit(event, **fields):
    fields["event"] = event
    line = json.dumps(fields, default=str).encode("ascii") + b"\n"
    with SPEAKING:
        while line:  # a signal may cut a long one in two
            line = line[OUT.write(line) :]


def ask(event, **fields):
    """Emit an event and wait for the answer; a stop ends the run."""
    emit(event, **fields)
    answer = hear()
    if "stop" in answer:
        abort("cancelled", answer["stop"])
    return answer


def abort(kind, message, **fields):
    STATE.aborted = dict(fields, kind=kind, message=message)
    raise Abort(message)


# -- the database -----------------------------------------------------------------------------------


def install_hooks():
    from sqlalchemy import event
    from sqlalchemy.engine import Engine
    from sqlalchemy.pool import Pool

    event.listen(Engine, "do_connect", on_do_connect)
    event.listen(Pool, "connect", on_connect)
    event.listen(Pool, "checkout", on_checkout)
    event.listen(Engine, "before_cursor_execute", on_before, retval=True)
    event.listen(Engine, "after_cursor_execute", on_after)
    event.listen(Engine, "commit", on_commit)
    event.listen(Engine, "rollback", on_rollback)
    event.listen(Engine, "rollback_savepoint", on_rollback)
    event.listen(Engine, "handle_error", on_error)


def on_do_connect(dialect, record, cargs, cparams):
    if record is not None:
        record.info["ops_dialect"] = dialect.name
    if STATE.redirect:
        from sqlalchemy.engine import make_url

        url = make_url(STATE.redirect)
        driver = "%s+%s" % (dialect.name, dialect.driver)
        args, keywords = dialect.create_connect_args(url.set(drivername=driver))
        cargs[:] = args
        cparams.clear()
        cparams.update(keywords)

    if record is not None:
        record.info["ops_again"] = lambda: dialect.connect(*cargs, **cparams)

    if STATE.kept is not None and dialect.driver == "psycopg2" and "connection_factory" not in cparams:
        return kept_connection(cargs, cparams)
    return None


def kept_connection(cargs, cparams):
    """A psycopg2 connection that, when it is closed, is made as good as new and waits for the next run of env.py.

    Most of the price of one run per revision is the new backend with its cold caches. `DISCARD ALL` gives a
    session everything that a new one has (settings, temporary objects, prepared statements, advisory locks), and the
    proof of being at the target is demanded again at the next use.
    """
    import psycopg2

    key = repr((cargs, sorted(cparams.items())))
    waiting = STATE.kept.pop(key, None)
    if waiting is not None and not waiting.closed:
        return waiting

    class Kept(psycopg2.extensions.connection):
        def close(self):
            if STATE.kept is None or STATE.aborted or self.closed or key in STATE.kept or not as_new(self):
                super().close()
            else:
                STATE.kept[key] = self

    connection = psycopg2.connect(*cargs, connection_factory=Kept, **cparams)
    connection.ops_encoding = connection.encoding
    return connection


def as_new(connection):
    """Whether the session could be put back to what it was when it began."""
    import psycopg2

    try:
        if connection.encoding != connection.ops_encoding:
            return False
        connection.rollback()
        if (connection.isolation_level, connection.readonly, connection.deferrable) != (None, None, None):
            connection.set_session(isolation_level="DEFAULT", readonly="DEFAULT", deferrable="DEFAULT")
        connection.autocommit = True
        connection.cursor_factory = psycopg2.extensions.cursor
        with connection.cursor() as cursor:
            cursor.execute("DISCARD ALL")
        connection.autocommit = False
        return True
    except psycopg2.Error:
        return False  # a connection in doubt is closed, and the next run opens its own


def let_go():
    kept, STATE.kept = STATE.kept or {}, None
    for connection in kept.values():
        connection.close()


class Engines:
    """Engines that env.py made in one run, for the next run that asks for the same.

    env.py makes its engine anew at every run, and a new one asks the server who it is and compiles every statement
    again, which was half of the price of one run per revision. Plain Alembic has one engine for all revisions, too.
    One is given again only to a call with the same plain arguments, when nobody has changed it since (added a
    listener, set an option), and to one caller in each run. Its connections are proved like any other.
    """

    def __init__(self):
        self.idle = {}
        self.lent = []

    def give(self, create, url, keywords):
        from sqlalchemy.pool import NullPool

        if keywords.get("poolclass") is not NullPool or not all(map(is_plain, keywords.values())):
            return create(url, **keywords)
        text = url if isinstance(url, str) else url.render_as_string(hide_password=False)
        key = (text, tuple(sorted(keywords.items())))
        engine, before = self.idle.pop(key, (None, None))
        if engine is None:
            engine = create(url, **keywords)
            before = look_of(engine)
        self.lent.append((key, engine, before))
        return engine

    def take_back(self):
        """For the end of a run of env.py."""
        self.idle.update((key, (engine, before)) for key, engine, before in self.lent if look_of(engine) == before)
        self.lent = []


def is_plain(value):
    return value is None or isinstance(value, (str, bool, int, float, type))


def look_of(engine):
    """What env.py may have changed of an engine for whoever uses it next."""
    counts = [
        len(getattr(one.dispatch, name))
        for one in (engine, engine.pool, engine.dialect)
        for name in one.dispatch._event_names
    ]
    return counts, dict(engine.get_execution_options()), type(engine.pool)


def keep_engines():
    """Have env.py's own `create_engine` ask `Engines` while revisions run; a migration's is never touched."""
    import sqlalchemy
    import sqlalchemy.engine
    import sqlalchemy.engine.create

    usual = sqlalchemy.engine.create.create_engine

    def create_engine(*args, **keywords):
        if STATE.engines is None or STATE.step is not None or len(args) != 1:
            return usual(*args, **keywords)
        return STATE.engines.give(usual, args[0], keywords)

    for module in (sqlalchemy, sqlalchemy.engine, sqlalchemy.engine.create):
        module.create_engine = create_engine


def quiet_file_config():
    """Have `logging.config.fileConfig` do the same work once: env.py asks for it at every run."""
    import logging.config

    usual = logging.config.fileConfig
    done = set()

    def once(fname, *args, **keywords):
        key = repr((fname, args, keywords)) if isinstance(fname, str) or hasattr(fname, "__fspath__") else None
        if key is None or key not in done:
            usual(fname, *args, **keywords)
            done.add(key)

    logging.config.fileConfig = once


def on_connect(connection, record):
    """Prove that this physical connection is at the target, before anybody uses it."""
    if STATE.aborted:
        raise Abort(STATE.aborted["message"])
    if STATE.proof is None:
        abort("unexpected-connection", "a connection was opened where none was expected")
    dialect = record.info.get("ops_dialect", "postgresql")
    if dialect != "postgresql":
        abort("wrong-database", "the project opened a %s database" % dialect, found=dialect)
    refuse_shared_session(connection, record)
    settings = dict(STATE.session)
    settings["default_transaction_read_only"] = "on" if STATE.read_only else "off"
    configured = "".join(", " + setter(k, v) for k, v in sorted(settings.items()))
    key = STATE.proof["key"]
    query = (
        "SELECT (SELECT count(*) FROM pg_catalog.pg_locks WHERE locktype = 'advisory' AND granted"
        " AND database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())"
        " AND classid = '%d'::oid AND objid = '%d'::oid AND objsubid = 1),"
        " pg_catalog.pg_backend_pid(), pg_catalog.current_database()%s" % (key >> 32, key & 0xFFFFFFFF, configured)
    )
    kept = hasattr(connection, "ops_encoding")
    if kept:
        connection.autocommit = True  # the driver would send a BEGIN and a COMMIT at each run of env.py
    cursor = connection.cursor()
    try:
        cursor.execute(query)
        row = cursor.fetchone()
    finally:
        cursor.close()
    connection.commit()
    if kept:
        connection.autocommit = False
    if not row[0]:
        abort("wrong-database", "the project connected to the database %r" % (row[2],), found=row[2])
    STATE.connected = True
    record.info["ops_run"] = STATE.run
    if row[1] not in STATE.backends:
        STATE.backends.add(row[1])
        emit("connected", pid=row[1])


def refuse_shared_session(connection, record):
    """Look for a pooler in transaction mode, before anything is set that it would hand on to the application."""
    known = process_by_driver(connection)
    if known is None or getattr(connection, "ops_own", False):
        return
    # A pooler makes the number up that it gives to its client.
    if known != process(connection) and "ops_again" in record.info:
        other = record.info["ops_again"]()
        try:
            shared = shares_sessions(connection, other)
        finally:
            other.close()
        if shared:
            abort("pooler", "env.py connects through a pooler that shares sessions among its clients")
    if hasattr(connection, "ops_encoding"):
        connection.ops_own = True  # kept, and asked once


def shares_sessions(mine, other):
    """Whether two connections are given each other's server process, or another one each time: see ops.locking."""
    first, second = process(mine), process(other)
    return first == second or any(process(other) != second or process(mine) != first for _ in range(4))


def process(connection):
    """The server's process, as itself says, and no transaction open behind the question."""
    cursor = connection.cursor()
    try:
        cursor.execute("SELECT pg_catalog.pg_backend_pid()")
        return cursor.fetchone()[0]
    finally:
        cursor.close()
        connection.rollback()


def process_by_driver(connection):
    """The server's process as the driver was told when it connected; None where the driver does not say."""
    number = getattr(getattr(connection, "info", None), "backend_pid", None)  # psycopg2, psycopg
    if number is None:
        ask = getattr(getattr(connection, "driver_connection", None), "get_server_pid", None)  # asyncpg
        number = ask() if ask is not None else None
    return number if isinstance(number, int) else None


def on_checkout(connection, record, proxy):
    """Have a pool that outlives a run of env.py connect anew.

    The application's own engine does, where env.py imports it: its connection may be read-only, from a run that
    only looked, or belong to an event loop that has ended.
    """
    if record.info.get("ops_run") != STATE.run:
        from sqlalchemy.exc import DisconnectionError

        raise DisconnectionError("made in an earlier run of env.py")


NEWER = {"client_connection_check_interval": 140000}  # settings that older servers do not know


def setter(name, value):
    call = "pg_catalog.set_config(%s, %s, false)" % (literal(name), literal(value))
    if name not in NEWER:
        return call
    known = "pg_catalog.current_setting('server_version_num')::int >= %d" % NEWER[name]
    return "CASE WHEN %s THEN %s END" % (known, call)


def on_commit(conn):
    if STATE.aborted:
        raise Abort(STATE.aborted["message"])
    disarm(conn)
    if STATE.step is not None:
        emit("commit")


def on_rollback(conn, *savepoint):
    """What was set, or made, since the transaction or the savepoint began is gone."""
    forget(conn)


class Memory:
    """What is known of a physical connection, for as long as one run of env.py has it."""

    def __init__(self):
        self.run = STATE.run
        self.settings = {}  # what we put in force, and nothing has undone since
        self.armed = None  # the name of the event trigger that its transaction has made
        self.sure = False  # and that it is still there
        self.failed = False  # its transaction takes no statement any more


def driver_of(conn):
    """The driver's own connection; None where it is gone, or where this SQLAlchemy does not show it."""
    try:
        return getattr(conn.connection, "dbapi_connection", None)
    except Exception:
        return None


def memory(conn):
    try:
        info = conn.connection.info
    except Exception:  # the connection is gone, and with it all that there was to know
        return Memory()
    found = info.get("ops_memory")
    if found is None or found.run != STATE.run:
        found = info["ops_memory"] = Memory()
    return found


def forget(conn):
    known = memory(conn)
    known.settings, known.failed, known.sure = {}, False, False


def literal(value):
    text = str(value)
    if "\\" in text or "\0" in text:
        raise ValueError("a session setting has a character that no setting needs")
    return "'" + text.replace("'", "''") + "'"


def on_before(conn, cursor, statement, parameters, context, executemany):
    if STATE.aborted:
        raise Abort(STATE.aborted["message"])
    if STATE.step is None:
        if STATE.read_only and statement in STATE.left_out:
            # A command without rows, as are those it stands for.
            return "SET alembic_ops.left_out = 'on'", type(parameters)()
        return statement, parameters
    STATE.statement += 1
    driver = driver_of(conn)
    outside = outside_of_a_transaction(driver)
    details = {}
    if STATE.observe is not None:
        details["executed"] = as_executed(cursor, statement, parameters, executemany)
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
        watch_rewrites(conn, answer, outside)
    parts = answer.get("parts")
    if parts:
        for part in parts[:-1]:
            below(conn, part)
            emit("observed", observed=observation(conn))
        # SQLAlchemy has it executed with parameters, of which there are none in it any more.
        return parts[-1].replace("%", "%%"), type(parameters)()
    return statement, parameters


def outside_of_a_transaction(driver):
    """Whether the next statement runs by itself: in autocommit mode, or behind a COMMIT that a migration wrote out."""
    if getattr(driver, "autocommit", False):
        return True
    if not hasattr(driver, "info") or not hasattr(driver.info, "transaction_status"):
        return False
    # psycopg2 believes that its transaction has begun, and the server knows of none
    return getattr(driver, "status", None) == 2 and driver.info.transaction_status == 0


def as_executed(cursor, statement, parameters, executemany):
    """The statement with its values, where the driver itself puts them in; else None."""
    if executemany or not hasattr(cursor, "mogrify"):
        return None
    try:
        text = cursor.mogrify(statement, parameters)
    except Exception:  # whatever it is, the driver says it again when the statement is executed
        return None
    return text.decode("utf-8", "replace") if isinstance(text, bytes) else text


def below(conn, sql):
    """Execute something below SQLAlchemy, which sees neither it nor what it begins; returns the first row."""
    cursor = conn.connection.cursor()
    try:
        cursor.execute(sql)
        return cursor.fetchone() if cursor.description else None
    finally:
        cursor.close()


def observation(conn):
    row = below(conn, STATE.observe)
    return json.loads(row[0]) if isinstance(row[0], str) else row[0]


ENDS = re.compile(r"\s*(COMMIT|END|ROLLBACK|ABORT|PREPARE\s+TRANSACTION)\b", re.IGNORECASE)
FIRST = re.compile(r"\s*SET\s+TRANSACTION\b", re.IGNORECASE)  # nothing may be asked before it


def has_failed(conn, driver):
    """Whether the transaction takes nothing but its end any more."""
    if hasattr(driver, "info") and hasattr(driver.info, "transaction_status"):
        return driver.info.transaction_status == 3
    return memory(conn).failed


def leave(conn, word):
    """A migration writes the end of its transaction, or of a part of it, out."""
    if word.upper() in ("ROLLBACK", "ABORT"):
        forget(conn)
    else:
        disarm(conn)


def put_in_force(conn):
    """Set what the parent asked for on this very connection, and say what the server made of it."""
    settings, STATE.settings = STATE.settings, {}
    known = memory(conn).settings
    settings = {name: value for name, value in settings.items() if known.get(name) != value}
    if not settings:
        return
    names = sorted(settings)
    # Below SQLAlchemy, so that it neither begins a transaction of its own nor sees the statement.
    cursor = conn.connection.cursor()
    try:
        put = ", ".join("pg_catalog.set_config(%s, %s, false)" % (literal(n), literal(settings[n])) for n in names)
        get = ", ".join("pg_catalog.current_setting(%s)" % literal(n) for n in names)
        if conn.dialect.driver == "psycopg2":  # sends both at once, and has the rows of the last
            cursor.execute("SELECT %s; SELECT %s" % (put, get))
        else:
            cursor.execute("SELECT " + put)
            cursor.fetchone()
            cursor.execute("SELECT " + get)
        found = cursor.fetchone()
    finally:
        cursor.close()
    found = dict(zip(names, found))
    emit("settings", asked=settings, found=found)
    wrong = [name for name in names if not same_setting(str(settings[name]), str(found[name]))]
    if wrong:
        abort("settings", "the server did not take %s, and says %s" % (settings, found))
    known.update(settings)


# Rewrites of large tables: an event trigger that lives in the migration's transaction, and that nobody else ever sees.

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


def watch_rewrites(conn, answer, outside):
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


def weigh(conn, what):
    """End the run before a statement that writes tables anew where no trigger sees it, when they are too large."""
    if what["names"]:
        names = "pg_catalog.unnest(ARRAY[%s]) AS n" % ", ".join(map(literal, what["names"]))
        tables = "SELECT CAST(pg_catalog.to_regclass(n) AS oid) AS oid FROM " + names
        if what["partitions"]:
            tables += " UNION SELECT CAST(p.relid AS oid) FROM %s, pg_catalog.pg_partition_tree(%s) AS p" % (
                names,
                "pg_catalog.to_regclass(n)",
            )
    else:
        tables = (
            "SELECT oid FROM pg_catalog.pg_class WHERE relkind IN ('r', 'm') AND relpersistence <> 't'"
            " AND relnamespace <> 'pg_catalog'::regnamespace"
        )
    query = (
        "SELECT bytes, pg_catalog.pg_size_pretty(bytes) FROM (SELECT CAST(coalesce(pg_catalog.sum("
        "pg_catalog.pg_total_relation_size(oid)), 0) AS bigint) AS bytes FROM (%s) AS tables) AS total" % tables
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


def first_line(error):
    return (str(error).strip() or type(error).__name__).splitlines()[0]


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


UNITS = {"": 1, "ms": 1, "s": 1000, "min": 60000, "h": 3600000, "d": 86400000}


def same_setting(asked, found):
    """Whether two spellings mean the same: PostgreSQL writes 2000ms as 2s."""
    return asked == found or (milliseconds(asked) is not None and milliseconds(asked) == milliseconds(found))


def milliseconds(text):
    match = re.match(r"(\d+)\s*([a-z]*)$", text.strip())
    return int(match.group(1)) * UNITS[match.group(2)] if match and match.group(2) in UNITS else None


def on_after(conn, cursor, statement, parameters, context, executemany):
    if STATE.step is not None:
        started = getattr(context, "_ops_started", None)
        seconds = None if started is None else time.perf_counter() - started
        details = {}
        if STATE.observe is not None:
            details["observed"] = observation(conn)
            details["returns_rows"] = cursor.description is not None
        if STATE.wrapped is not None:
            disarm(conn)
            STATE.wrapped = None
            below(conn, "COMMIT")
        emit(
            "statement-done",
            number=STATE.statement,
            sql=statement,
            seconds=seconds,
            rows=getattr(cursor, "rowcount", None),
            **details,
        )


READ_ONLY = "25006"


def state_of(error):
    """The SQLSTATE that a driver's exception carries, if any."""
    state = getattr(error, "pgcode", None) or getattr(error, "sqlstate", None)
    if state is None and getattr(error, "args", None) and isinstance(error.args[0], dict):
        state = error.args[0].get("C")  # pg8000
    return state


def on_error(context):
    original = context.original_exception
    state = state_of(original)
    if state == READ_ONLY and STATE.read_only and context.statement:
        STATE.refused.append(context.statement)
    if STATE.wrapped is not None:
        wrapped, STATE.wrapped = STATE.wrapped, None
        below(wrapped, "ROLLBACK")  # in autocommit mode a statement that fails leaves nothing to roll back
        forget(wrapped)
    elif context.connection is not None and not getattr(driver_of(context.connection), "autocommit", False):
        memory(context.connection).failed = True
    STATE.failed = original
    STATE.failure = {
        "sqlstate": state,
        "message": str(original).strip(),
        "sql": context.statement,
        "line": line_in(STATE.step["path"]) if STATE.step else None,
    }


def line_in(path):
    """The line of the version file that is being executed, if any frame is in it."""
    frame = sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_filename == path:
            return frame.f_lineno
        frame = frame.f_back
    return None


# -- the project ------------------------------------------------------------------------------------


class Project:
    """One Alembic project, with the Config and the ScriptDirectory that all requests share."""

    def __init__(self, hello):
        self.hello = hello
        for name, value in hello.get("environment", {}).items():
            os.environ[name] = value
        sys.path[:0] = hello.get("sys_path", [])
        for name in hello.get("imports", []):
            __import__(name)
        self.config = self.make_config()
        self._script = None

    def make_config(self):
        from alembic.config import Config

        hello = self.hello
        file = hello["config"]
        if file.endswith(".toml"):
            config = Config(toml_file=file)
        else:
            config = Config(file)
        config.set_main_option("sqlalchemy.url", hello["url"].replace("%", "%%"))
        for name, value in hello.get("options", []):
            config.set_main_option(name, value.replace("%", "%%"))
        for section, name, value in hello.get("section_options", []):
            config.set_section_option(section, name, value.replace("%", "%%"))
        config.cmd_opts = types.SimpleNamespace(x=list(hello.get("x", [])) or None, name=config.config_ini_section)
        if hello.get("setup"):
            module, _, function = hello["setup"].partition(":")
            getattr(__import__(module, fromlist=[function]), function)(config)
        return config

    @property
    def script(self):
        if self._script is None:
            from alembic.script import ScriptDirectory
            from alembic.script.revision import RevisionMap

            self._script = ScriptDirectory.from_config(self.config)
            drafts = self.hello.get("drafts")
            if drafts:
                # Version files that do not stand where they belong yet.
                known = [str(one) for one in self._script._version_locations]
                self._script.version_locations = known + drafts
                self._script.__dict__.pop("_version_locations", None)
                self._script.revision_map = RevisionMap(last_of_each(self._script._load_revisions))
        return self._script

    def run_env(self, fn=None, instead=None, change=None, **options):
        """Run env.py once.

        `fn` yields the steps, `instead` takes the place of `run_migrations`, `change` may alter the
        keywords of `configure`. Returns the contexts that env.py configured.
        """
        from alembic.runtime.environment import EnvironmentContext

        STATE.run += 1
        env = EnvironmentContext(self.config, self.script, fn=fn, **options)
        contexts = []
        ran = []
        configure, run_migrations = env.configure, env.run_migrations

        def configured(*args, **keywords):
            if change is not None:
                change(keywords)
            configure(*args, **keywords)
            context = env.get_context()
            if STATE.versioned == version_table_of(context):
                context._has_version_table = lambda: True
            contexts.append(context)

        def run(**keywords):
            ran.append(True)
            if instead is not None:
                instead(env.get_context())
            else:
                run_migrations(**keywords)

        # Instance attributes: the proxies behind `alembic.context` are made for the exact class.
        env.configure = configured
        env.run_migrations = run

        def enter():
            with env, self.connection_attribute(options.get("as_sql", False)):
                self.script.run_env()

        self.host(enter)
        if STATE.aborted:
            raise Abort(STATE.aborted["message"])
        if not ran:
            raise Abandoned("env.py ended without calling context.run_migrations()")
        return contexts

    def look_at_env(self, instead, **options):
        """Run env.py in a session that cannot write, without what it would write before it migrates.

        Some create a schema or widen the version table first. The server refuses that here, whatever it is; env.py is
        then run again without the statement, so that what it sets (a search path, say) is still in force.
        """
        while True:
            STATE.refused = []
            try:
                self.run_env(fn=nothing, instead=instead, dont_mutate=True, **options)
                return
            except (Exception, SystemExit):
                new = [one for one in STATE.refused if one not in STATE.left_out]
                if not new:
                    raise
                STATE.left_out.extend(new)
                STATE.failure = STATE.failed = None

    def host(self, function):
        if self.hello.get("host") == "anyio":
            import anyio
            import anyio.to_thread

            anyio.run(anyio.to_thread.run_sync, function)
        else:
            function()

    def connection_attribute(self, as_sql):
        if as_sql or not self.hello.get("connection_attribute"):
            return Nothing()
        from sqlalchemy import create_engine
        from sqlalchemy.pool import NullPool

        config = self.config

        class Given:
            def __enter__(self):
                self.connection = create_engine(config.get_main_option("sqlalchemy.url"), poolclass=NullPool).connect()
                config.attributes["connection"] = self.connection

            def __exit__(self, *error):
                config.attributes.pop("connection", None)
                self.connection.close()

        return Given()


def last_of_each(load):
    """A draft takes the place of the file that has its revision id: it is loaded behind that."""

    def loaded():
        found = list(load())
        last = {one.revision: one for one in found}
        return [one for one in found if last[one.revision] is one]

    return loaded


def version_table_of(context):
    return context.version_table, context.version_table_schema


class Nothing:
    def __enter__(self):
        return None

    def __exit__(self, *error):
        return None


class Abandoned(Exception):
    """env.py returned, but did not do what it was run for."""


class Unresolved(Exception):
    """Alembic stumbled over a request instead of refusing it."""


def migration_step(script, revision, direction):
    from alembic.runtime.migration import MigrationStep

    found = script.get_revision(revision)
    if direction == "up":
        return MigrationStep.upgrade_from_script(script.revision_map, found)
    return MigrationStep.downgrade_from_script(script.revision_map, found)


# -- requests ---------------------------------------------------------------------------------------


def do_history(project, request):
    """Every version file as data, also where they do not fit together."""
    script = project.script
    found = []
    for one in script._load_revisions():
        found.append(describe(one))
    known = {one["revision"] for one in found}
    labels = {label for one in found for label in one["branch_labels"]}
    problems = []
    for one in found:
        lost = [("revises", name) for name in one["down_revisions"] if name not in known]
        lost += [("depends on", name) for name in one["depends_on"] if name not in known | labels]
        problems += ["%s %s %s, which no file has." % (one["path"], verb, name) for verb, name in lost]
    heads = []
    try:
        heads = list(script.get_heads())
        for one in script.walk_revisions():
            pass
    except Exception as error:
        if not problems:  # a missing parent is a bare KeyError here
            problems.append(describe_error(error))
    seen = {}
    for one in found:
        if one["revision"] in seen:
            problems.append(
                "Revision %s is in two files: %s and %s." % (one["revision"], seen[one["revision"]], one["path"])
            )
        seen[one["revision"]] = one["path"]
    return {"revisions": found, "heads": heads, "problems": problems}


def describe(script):
    from alembic.util import to_tuple

    module = script.module
    path = str(script.path)
    with open(path, "rb") as file:
        content = file.read()
    long_text = (getattr(module, "__doc__", None) or "").strip()
    created = re.search(r"^Create Date: (.+)$", long_text, re.MULTILINE)
    return {
        "revision": script.revision,
        "down_revisions": list(to_tuple(script.down_revision, default=())),
        "depends_on": list(to_tuple(getattr(module, "depends_on", None), default=())),
        "branch_labels": sorted(to_tuple(getattr(module, "branch_labels", None), default=())),
        "message": script.doc or "",
        "text": prose(long_text),
        "created": created.group(1).strip() if created else None,
        "path": path,
        "sha256": hashlib.sha256(content).hexdigest(),
        "can_upgrade": hasattr(module, "upgrade"),
        "can_downgrade": hasattr(module, "downgrade"),
    }


def prose(text):
    """A version file's docstring without the lines that Alembic's template puts there."""
    kept = [line for line in text.splitlines() if not re.match(r"(Revision ID|Revises|Create Date): ?", line)]
    return "\n".join(kept).strip()


def do_probe(project, request):
    """What env.py configures, from a run that migrates nothing."""
    answer = {}

    def look(context):
        if answer:
            return
        answer.update(describe_context(context))
        answer["models"] = describe_models(context)

    project.look_at_env(look)
    answer["left_out"] = STATE.left_out
    return answer


def nothing(heads, context):
    return []


def describe_context(context):
    opts = context.opts
    table = opts.get("version_table") or "alembic_version"
    schema = opts.get("version_table_schema")
    connection = context.connection
    if connection is None:
        raise Abandoned("env.py configured no connection")
    from sqlalchemy import text

    quote = connection.dialect.identifier_preparer.quote_identifier
    name = quote(table) if schema is None else "%s.%s" % (quote(schema), quote(table))
    row = connection.execute(
        text(
            "SELECT (SELECT n.nspname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n"
            " ON n.oid = c.relnamespace WHERE c.oid = pg_catalog.to_regclass(:name)),"
            " pg_catalog.current_schema(), current_user::text"
        ),
        {"name": name},
    ).fetchone()
    return {
        "version_table": table,
        "version_table_schema": schema or row[0] or row[1] or "public",
        "version_table_exists": row[0] is not None,
        "role": row[2],
        "default_schema": row[1],
        "transaction_per_migration": bool(opts.get("transaction_per_migration")),
        "has_filters": opts.get("include_name") is not None or opts.get("include_object") is not None,
        "include_schemas": bool(opts.get("include_schemas")),
        "driver": connection.dialect.driver,
    }


def metadatas(context):
    from alembic.util import to_list

    found = context.opts.get("target_metadata")
    return [] if found is None else list(to_list(found))


def describe_models(context):
    wanted = metadatas(context)
    tables = sorted({key for one in wanted for key in one.tables})
    return {"metadata": len(wanted), "tables": tables, "missing": missing_models(wanted, set(tables))}


def missing_models(wanted, known):
    """Mapped classes that the project has and `target_metadata` has not: usually a model nobody imported."""
    found = []
    folders = set()
    loaded = set()
    root = os.getcwd()
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if not file or "site-packages" in file or not file.endswith(".py"):
            continue
        loaded.add(os.path.realpath(file))
        for value in list(vars(module).values()):
            if not isinstance(value, type) or value.__module__ != module.__name__:
                continue
            metadata = getattr(value, "metadata", None)
            if any(metadata is one for one in wanted):
                folders.add(os.path.dirname(os.path.realpath(file)))
            table = getattr(value, "__table__", None)
            if table is not None and getattr(table, "key", None) not in known:
                found.append({"class": value.__name__, "table": table.key, "path": file, "imported": True})
    for folder in sorted(folders):
        if folder in (root, "/"):
            continue
        for directory, subfolders, files in os.walk(folder):
            subfolders[:] = sorted(one for one in subfolders if not one.startswith((".", "__")))
            for name in sorted(files):
                path = os.path.realpath(os.path.join(directory, name))
                if name.endswith(".py") and path not in loaded:
                    for cls, table in mapped_classes(path):
                        if table not in known and not any(one.endswith("." + table) for one in known):
                            found.append({"class": cls, "table": table, "path": path, "imported": False})
    unique = {(one["path"], one["class"]): one for one in found}
    return [unique[key] for key in sorted(unique)]


def mapped_classes(path):
    """Classes with a `__tablename__` in a file, read without running it."""
    try:
        with open(path, "rb") as file:
            tree = ast.parse(file.read())
    except (SyntaxError, ValueError, OSError):
        return  # not a module that could be imported; nothing to warn of
    for node in ast.walk(tree):
        if not isinstance(node, ast.ClassDef):
            continue
        for statement in node.body:
            targets = statement.targets if isinstance(statement, ast.Assign) else []
            if isinstance(statement, ast.AnnAssign):
                targets = [statement.target]
            if any(isinstance(one, ast.Name) and one.id == "__tablename__" for one in targets):
                value = statement.value
                if isinstance(value, ast.Constant) and isinstance(value.value, str):
                    yield node.name, value.value


def do_resolve(project, request):
    """Which revisions a request means, from where the database is: ids in the order in which they would run."""
    script = project.script
    heads = tuple(request["heads"])
    direction = request["direction"]
    if direction == "stamp":
        return resolve_stamp(script, request["revision"], heads)
    lacking = [(one.module, name) for one in script.walk_revisions() for name in functions_without(one.module)]
    for module, name in lacking:
        setattr(module, name, nothing)  # Alembic looks at the functions of a step before it names the revision
    try:
        steps = (script._upgrade_revs if direction == "up" else script._downgrade_revs)(request["revision"], heads)
    except (AssertionError, LookupError, TypeError, ValueError, AttributeError) as error:
        raise Unresolved(
            "Alembic cannot tell what %r means from here (%s)" % (request["revision"], describe_error(error))
        )
    finally:
        for module, name in lacking:
            delattr(module, name)
    after = set(heads)
    found = []
    for step in steps:
        after = heads_after(step, after)
        found.append({"revision": step.revision.revision, "heads": sorted(after)})
    return {"steps": found, "heads": sorted(after)}


def functions_without(module):
    return [name for name in ("upgrade", "downgrade") if not hasattr(module, name)]


def describe_error(error):
    return ("%s: %s" % (type(error).__name__, str(error).strip())).strip(": ")


def resolve_stamp(script, revision, heads):
    after = set(heads)
    for step in script._stamp_revs(several(revision), heads):
        after = heads_after(step, after)
    return {"steps": [], "heads": sorted(after)}


def several(revision):
    """What is to be stamped: one row, or one for each branch."""
    return tuple(revision.split(",")) if "," in revision else revision


def heads_after(step, heads):
    """The version table's rows after a step, as Alembic's own HeadMaintainer computes them."""
    from alembic.runtime.migration import HeadMaintainer

    class Silent(HeadMaintainer):
        def _insert_version(self, version):
            self.heads.add(version)

        def _delete_version(self, version):
            self.heads.remove(version)

        def _update_version(self, from_, to_):
            self.heads.remove(from_)
            self.heads.add(to_)

    maintainer = Silent(None, set(heads))
    maintainer.update_to_step(step)
    return set(maintainer.heads)


MARKER = "-- ops:revision:"


def do_sql(project, request):
    """The SQL of some revisions as `--sql` writes it: no connection is opened.

    Each step says which rows the version table has before it.
    """
    steps = request["steps"]
    try:
        return {"sql": offline(project, steps, request["direction"])}
    except (Exception, SystemExit):
        # One of them needs a database: one by one, so that it is named and the others are shown.
        return {"sql": [offline_one(project, step, request["direction"]) for step in steps]}


def offline(project, steps, direction):
    buffer = io.StringIO()
    previous = project.config.output_buffer
    project.config.output_buffer = buffer

    def change(keywords):
        keywords.pop("output_buffer", None)

    def run(heads, context):
        for step in steps:
            context.impl.static_output(MARKER + step["revision"])
            yield migration_step(project.script, step["revision"], direction)
        # What comes after is not the revisions': `--sql` drops the version table at base, a real run keeps it.
        context.impl.static_output(MARKER)

    try:
        # Not the comma-separated text of the command line: that is one revision's name to what reads it here.
        project.run_env(fn=run, change=change, as_sql=True, starting_rev=tuple(steps[0]["heads"]) or None)
    finally:
        project.config.output_buffer = previous
    parts = re.split("^" + re.escape(MARKER) + r"(.*)$", buffer.getvalue(), flags=re.MULTILINE)
    found = dict(zip(parts[1::2], parts[2::2]))
    return [{"revision": one["revision"], "sql": tidy(found.get(one["revision"], ""))} for one in steps]


def offline_one(project, step, direction):
    try:
        return offline(project, [step], direction)[0]
    except (Exception, SystemExit) as error:
        return {"revision": step["revision"], "sql": None, "why": "%s: %s" % (type(error).__name__, error)}


def tidy(sql):
    return re.sub(r"\n{3,}", "\n\n", re.sub(r"^(BEGIN|COMMIT);$", "", sql, flags=re.MULTILINE)).strip()


def name_of(thing):
    table = getattr(thing, "table", None)
    if table is None:
        return dotted(getattr(thing, "schema", None), getattr(thing, "name", None) or str(thing))
    name = thing.name
    if name is None or not isinstance(name, str):
        name = "(unnamed on %s)" % ", ".join(column.name for column in getattr(thing, "columns", ()))
    return dotted(table.schema, table.name, name)


def dotted(*parts):
    return ".".join(str(part) for part in parts if part)


def do_dependencies(project, request):
    """What the answers so far depended on."""
    return RECORDER.seen()


def do_models(project, request):
    """Make what the models say in an empty database: whatever cannot be made is left out and named."""
    from sqlalchemy import event

    answer = {"failed": []}

    def create(context):
        connection = context.connection
        answer["models"] = describe_models(context)
        current = []

        def before(conn, element, *rest):
            current[:] = [element]

        event.listen(connection, "before_execute", before)
        for metadata in metadatas(context):
            create_all(connection, metadata, current, answer["failed"])
        if getattr(context, "_transaction", None) is None and connection.in_transaction():
            commit(connection)

    project.run_env(fn=nothing, instead=create, dont_mutate=True)
    return answer


def make_taken_for_granted(connection, metadata):
    """Types that are said to be there already (`create_type=False`), as the models describe them.

    In a history it is a revision that creates them; whether it does so as they say is what is to be compared.
    """
    from sqlalchemy.exc import SQLAlchemyError

    made = set()
    for table in metadata.tables.values():
        for column in table.columns:
            kind = getattr(column.type, "item_type", column.type)
            if getattr(kind, "create_type", True) or kind.name in made:
                continue
            made.add(kind.name)
            savepoint = connection.begin_nested()
            try:
                kind.create(connection, checkfirst=True)
            except SQLAlchemyError:
                savepoint.rollback()  # the table that needs it says so
            else:
                savepoint.commit()


DUPLICATE = "42710"
EXHAUSTED = "53"  # the class of insufficient resources: memory, room, locks
REFUSALS = 500


def create_all(connection, metadata, current, failed):
    """All of it, or all but the elements that the server refuses: each is taken out, and all is tried again.

    An entry of `failed` whose `object` is None means that nothing of this metadata was made.
    """
    from sqlalchemy.exc import SQLAlchemyError

    check = False
    default = connection.dialect.default_schema_name
    make_taken_for_granted(connection, metadata)
    for _ in range(REFUSALS):
        savepoint = connection.begin_nested()
        try:
            metadata.create_all(connection, checkfirst=check)
        except SQLAlchemyError as error:
            element = current[0] if current else None
            savepoint.rollback()  # which is an element of its own to `before_execute`
            original = getattr(error, "orig", None) or error
            state = getattr(original, "pgcode", None) or getattr(original, "sqlstate", None) or ""
            if not check and state == DUPLICATE:
                check = True  # a type that another metadata has made already
                continue
            if state.startswith(EXHAUSTED):  # no fault of the element that happened to come last
                found = {"object": None, "keys": []}
            else:
                found = take_out(metadata, element, default)
            found["why"] = str(original).strip().split("\n")[0]
            failed.append(found)
            if found["object"] is None:
                return
        else:
            savepoint.commit()
            return
    failed.append({"object": None, "keys": [], "why": "the server refused more than %d objects" % REFUSALS})


CONSTRAINTS = {
    "PrimaryKeyConstraint": "primary key",
    "UniqueConstraint": "unique",
    "ForeignKeyConstraint": "foreign key",
    "CheckConstraint": "check",
    "ExcludeConstraint": "exclusion",
}


def take_out(metadata, element, default):
    """Remove from the metadata what a DDL element would have made, and say what is lost with it.

    `object` is its name, None where nothing could be removed. `keys` are kind, schema, table and name of all that is
    lost; a name of None stands for whatever the server would have called it.
    """
    thing = getattr(element, "element", None)
    kind = type(element).__name__
    if thing is None:
        return {"object": None, "keys": []}

    def key(kind, one):
        name = one.name if isinstance(one.name, str) else None
        return [kind, one.table.schema or default, one.table.name, name]

    if kind == "CreateTable":
        keys = [["table", thing.schema or default, "", thing.name]]
        for column in thing.columns:
            if getattr(column.type, "native_enum", False) or type(column.type).__name__ == "DOMAIN":
                word = "domain" if type(column.type).__name__ == "DOMAIN" else "enum"
                keys.append([word, getattr(column.type, "schema", None) or default, "", column.type.name])
        for other in list(metadata.tables.values()):
            for constraint in list(other.foreign_key_constraints):
                if other is not thing and constraint.referred_table is thing:
                    keys.append(key("foreign key", constraint))
                    other.constraints.discard(constraint)
        metadata.remove(thing)
    elif kind == "CreateIndex":
        keys = [key("index", thing)]
        thing.table.indexes.discard(thing)
    elif kind == "AddConstraint":
        keys = [key(CONSTRAINTS.get(type(thing).__name__, "constraint"), thing)]
        thing.table.constraints.discard(thing)
    else:
        return {"object": None, "keys": []}
    word = kind[6:].lower() if kind.startswith("Create") else "constraint"
    return {"object": "%s %s" % (word, name_of(thing)), "keys": keys}


def do_wanted(project, request):
    """Which objects the project's include_name and include_object let take part in a comparison."""
    answer = {"wanted": [True] * len(request["objects"])}

    def ask_project(context):
        include_name = context.opts.get("include_name")
        include_object = context.opts.get("include_object")
        default = context.connection.dialect.default_schema_name
        wanted = metadatas(context)
        for position, one in enumerate(request["objects"]):
            schema = None if one["schema"] == default else one["schema"]
            if one["type"] == "schema":
                # Alembic calls the default schema None, whatever it is called
                keep = include_name is None or include_name(schema, "schema", {})
                answer["wanted"][position] = bool(keep)
                continue
            table = one["name"] if one["table"] is None else one["table"]
            parents = {
                "schema_name": schema,
                "schema_qualified_table_name": table if schema is None else "%s.%s" % (schema, table),
            }
            if one["type"] != "table":
                parents["table_name"] = table
            if include_name is not None and not include_name(one["name"], one["type"], parents):
                answer["wanted"][position] = False
            elif include_object is not None:
                modelled = model_of(wanted, schema, table, one)
                thing = stand_in(schema, table, one) if modelled is None else modelled
                keep = include_object(thing, one["name"], one["type"], modelled is None, None)
                answer["wanted"][position] = bool(keep)

    project.look_at_env(ask_project)
    return answer


def model_of(wanted, schema, table, one):
    """The models' own object of that name, with its `info`; None where they have none."""
    for metadata in wanted:
        holder = metadata.tables.get(table if schema is None else "%s.%s" % (schema, table))
        if holder is None:
            continue
        if one["type"] == "table":
            return holder
        if one["type"] == "column":
            return next((column for column in holder.columns if column.name == one["name"]), None)
        among = holder.indexes if one["type"] == "index" else holder.constraints
        return next((thing for thing in among if thing.name == one["name"]), None)
    return None


def stand_in(schema, table, one):
    """Something of that type and name, for hooks that look at more than its name."""
    from sqlalchemy import Column, ForeignKeyConstraint, Index, MetaData, Table, UniqueConstraint
    from sqlalchemy.types import NullType

    holder = Table(table, MetaData(), Column("_", NullType()), schema=schema)
    if one["type"] == "table":
        return holder
    if one["type"] == "column":
        thing = Column(one["name"], NullType())
        holder.append_column(thing)
        return thing
    if one["type"] == "unique_constraint":
        thing = UniqueConstraint(holder.c["_"], name=one["name"])
    elif one["type"] == "foreign_key_constraint":
        thing = ForeignKeyConstraint(["_"], ["%s._" % holder.fullname], name=one["name"])
    else:
        return Index(one["name"], holder.c["_"])
    holder.append_constraint(thing)
    return thing


def do_migrate(project, request):
    """Run revisions one by one, each in a run of env.py of its own, asking before each revision and statement."""
    STATE.kept = {}
    STATE.engines = Engines()
    STATE.versioned = None
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
        let_go()
    return {"applied": request["revisions"]}


def migrate_one(project, revision, direction):
    script = project.script
    path = script.get_revision(revision).path
    outcome = {"finished": False}
    STATE.failure = STATE.failed = None
    STATE.running = revision
    STATE.statement = 0
    started = time.perf_counter()

    def one(heads, context):
        answer = ask("revision", revision=revision, direction=direction, heads=sorted(heads), path=str(path))
        STATE.settings = dict(answer.get("settings") or {})
        STATE.step = {"revision": revision, "direction": direction, "path": str(path)}
        yield migration_step(script, revision, direction)
        outcome["finished"] = True
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
    if not outcome["finished"]:
        failure = STATE.failure or {}
        raise Abandoned(
            "env.py ended without an error, but the revision did not finish%s"
            % (": " + failure["message"] if failure.get("message") else "")
        )
    ask("revision-done", revision=revision, direction=direction, seconds=time.perf_counter() - started)
    # After an upgrade it has rows, which the parent has read before it said "go": Alembic need not look for the table.
    STATE.versioned = version_table_of(contexts[0]) if direction == "up" and len(contexts) == 1 else None


def commit(connection):
    if hasattr(connection, "commit"):
        connection.commit()
    else:  # SQLAlchemy 1.4 without the 2.0 interface
        connection.get_transaction().commit()


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


def do_stamp(project, request):
    """Set the version table without running a migration."""
    script = project.script

    STATE.running = request["revision"]

    def stamp(heads, context):
        answer = ask("revision", revision=request["revision"], direction="stamp", heads=sorted(heads), path=None)
        STATE.settings = dict(answer.get("settings") or {})
        STATE.step = {"revision": request["revision"], "direction": "stamp", "path": None}
        return script._stamp_revs(several(request["revision"]), () if request.get("purge") else heads)

    try:
        project.run_env(fn=stamp, purge=bool(request.get("purge")))
    finally:
        STATE.step = None
    return {}


OURS = "alembic_ops"


def without_ours(keywords):
    """Leave the schema of the parent's ledger out of a draft: no model has it, and nobody means to drop it."""
    theirs = keywords.get("include_name")

    def include_name(name, kind, parents):
        return not (kind == "schema" and name == OURS) and (theirs is None or theirs(name, kind, parents))

    keywords["include_name"] = include_name


def do_draft(project, request):
    """A new version file: written where it belongs, or, to look at, into a folder of the parent's."""
    from alembic.autogenerate import RevisionContext
    from alembic.util import rev_id

    script = project.script
    arguments = {
        "message": request["message"],
        "autogenerate": request["autogenerate"],
        "sql": False,
        "head": request.get("head") or "head",
        "splice": False,
        "branch_label": None,
        "version_path": None,
        "rev_id": request.get("rev_id") or rev_id(),
        "depends_on": None,
    }
    context = RevisionContext(project.config, script, arguments)
    body = request.get("body")
    if body:
        # the template puts them behind the indentation of their first line
        context.template_args.update({name: "\n    ".join(text.splitlines()) for name, text in body.items()})
    probe = {}

    def instead(migration_context):
        if probe:
            return
        probe["models"] = describe_models(migration_context)
        heads = migration_context.get_current_heads()
        if request["autogenerate"]:
            context.run_autogenerate(heads, migration_context)
        else:
            context.run_no_autogenerate(heads, migration_context)

    if request["autogenerate"] or (project.config.get_main_option("revision_environment") or "") in (
        "true",
        "1",
    ):
        project.look_at_env(instead, change=without_ours, template_args=context.template_args, revision_context=context)
    keep = {}
    if not request["write"]:
        from pathlib import Path

        usual = script._rev_path

        def elsewhere(folder, *rest):
            keep["path"] = str(usual(folder, *rest))
            return Path(request["folder"]) / Path(keep["path"]).name

        script._rev_path = elsewhere
    written = [one for one in context.generate_scripts() if one is not None]
    if not written:
        return {"revision": None, "models": probe.get("models")}
    found = written[-1]
    with open(str(found.path), encoding="utf-8") as file:
        content = file.read()
    answer = describe(found)
    answer.update(
        path=keep.get("path", str(found.path)),
        content=content,
        models=probe.get("models"),
        upgrade_sql=None,
        downgrade_sql=None,
    )
    for direction, key, heads in (
        ("up", "upgrade_sql", answer["down_revisions"]),
        ("down", "downgrade_sql", [answer["revision"]]),
    ):
        one = offline_one(project, {"revision": answer["revision"], "heads": heads}, direction)
        answer[key] = one["sql"]
        answer[key + "_why"] = one.get("why")
    return answer


REQUESTS = {
    "history": do_history,
    "probe": do_probe,
    "resolve": do_resolve,
    "sql": do_sql,
    "dependencies": do_dependencies,
    "models": do_models,
    "wanted": do_wanted,
    "migrate": do_migrate,
    "stamp": do_stamp,
    "breaker": do_breaker,
    "execute": do_execute,
    "draft": do_draft,
}


# -- errors -----------------------------------------------------------------------------------------


def explain(error):
    """An exception as data: what happened, and where in the project's own files."""
    if STATE.aborted is not None:
        return dict(STATE.aborted)
    kind = "project"
    message = str(error).strip()
    if isinstance(error, SystemExit):
        kind, message = "exit", "sys.exit(%r) was called" % (error.code,)
    elif isinstance(error, Abandoned):
        kind = "abandoned"
    elif isinstance(error, Unresolved):
        kind = "unresolved"
    elif type(error).__module__.startswith("alembic."):
        kind = "alembic"
    elif STATE.failed is not None and getattr(error, "orig", None) is STATE.failed:
        kind = "statement"
        message = STATE.failure["message"]
    frames = []
    here = os.path.realpath(__file__)
    for frame in traceback.extract_tb(error.__traceback__):
        if os.path.realpath(frame.filename) != here and not is_library(frame.filename):
            frames.append({"path": frame.filename, "line": frame.lineno, "name": frame.name, "text": frame.line})
    if isinstance(error, SyntaxError) and error.filename:
        frames.append({"path": error.filename, "line": error.lineno, "name": "", "text": (error.text or "").strip()})
        message = error.msg
    causes = []
    cause = error.__cause__ or error.__context__
    while cause is not None and len(causes) < 5:
        causes.append(describe_error(cause).split("\n")[0])
        cause = cause.__cause__ or cause.__context__
    return {
        "kind": kind,
        "type": type(error).__name__,
        "message": message,
        "causes": causes,
        "frames": frames[-5:],
        "missing": error.name if isinstance(error, ImportError) else None,
        "sys_path": list(sys.path) if isinstance(error, ImportError) else None,
        "failure": STATE.failure,
        "revision": STATE.running,
        "connected": STATE.connected,
    }


def is_library(path):
    return "site-packages" in path or "dist-packages" in path or path.startswith(("<", os.path.dirname(os.__file__)))


def serve(project, request):
    STATE.failure = STATE.failed = None
    STATE.connected = False
    STATE.aborted = None
    STATE.step = STATE.running = STATE.wrapped = None
    STATE.read_only = bool(request.get("read_only", True))
    emit("answer", value=REQUESTS[request["request"]](project, request))


def main():
    take_over_descriptors()
    sys._alembic_ops_worker = True  # ops.locking: the parent holds the lock for us
    RECORDER.start()
    project = None

    def warn(message, category, filename, lineno, file=None, line=None):
        emit("warning", message=str(message), category=category.__name__, path=filename, line=lineno)

    warnings.showwarning = warn
    try:
        # Before the greeting: it comes once the parent has connected, which takes it as long as this.
        import alembic.config
        import alembic.runtime.environment
        import alembic.script
        import sqlalchemy
        import sqlalchemy.dialects.postgresql  # noqa: F401
    except ImportError as error:
        hear()  # the greeting
        hear()  # the first request, and its answer
        emit("error", kind="missing-library", type="ImportError", message=str(error), frames=[], causes=[])
        return
    hello = hear()
    STATE.proof = hello.get("proof")
    STATE.session = hello.get("session") or {}
    STATE.redirect = hello["url"] if hello.get("redirect") else None
    emit("ready", python=sys.version.split()[0], alembic=alembic.__version__, sqlalchemy=sqlalchemy.__version__)
    install_hooks()
    quiet_file_config()
    keep_engines()
    while True:
        request = hear()
        if request.get("request") == "quit":
            emit("bye")
            os._exit(0)  # nothing is left to tidy up, and an interpreter takes its time to do so
        try:
            if project is None:
                project = Project(hello)
            serve(project, request)
        except (KeyboardInterrupt, SystemExit, Exception, Abort) as error:
            emit("error", **explain(error))


if __name__ == "__main__":
    main()
