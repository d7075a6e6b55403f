"""What the worker knows of the request that it serves, and how one is ended for good."""


class Abort(BaseException):
    """Ends a run whatever `except Exception` stands in env.py."""


class Abandoned(Exception):
    """env.py returned, but did not do what it was run for."""


class Unresolved(Exception):
    """Alembic stumbled over a request instead of refusing it."""


class State:
    """What the event handlers know of the request that is being served."""

    def __init__(self):
        # of the greeting, and what follows it
        self.dialect = "postgresql"  # the kind of the target's database
        self.proof = None  # what shows that a connection is at the target: see the module of its kind
        self.others = ()  # the same of the other databases that env.py opens
        self.session = {}  # settings of every connection
        self.redirect = None  # the URL that every connection is moved to
        self.nowhere = False  # no connection may be opened

        # of the request
        self.read_only = True
        self.aborted = None  # the error that ended it for good
        self.connected = False
        self.failure = None  # the last failing statement
        self.failed = None  # the driver's exception that it failed with
        self.refused = []  # statements that would write, refused by a read-only session

        # of the revision
        self.running = None  # the one that a request is at, for its error
        self.step = None  # {"revision", "direction", "path"} while it runs
        self.finished = False  # it has run, and what is left is the end of env.py
        self.statement = 0
        self.settings = {}  # to be put in force before the next statement
        self.wrapped = None  # the connection on which a transaction was put round an autocommit statement
        self.versioned = None  # the version table in which the parent has just read rows

        # while revisions run
        self.kept = None  # physical connections between two runs of env.py
        self.engines = None  # engines between two runs of env.py
        self.told = True  # whether the parent is told of each statement, and asked
        self.observe = None  # asked behind every statement, on its connection, while a clone is used; empty: nothing
        self.breaker = None  # {"limit", "name", "role"} where rewrites of large tables are to be stopped

        # of the process
        self.run = 0  # counts the runs of env.py
        self.left_out = []  # statements that env.py is run without, to look at what it configures
        self.backends = set()  # the server's processes that the parent has been told of

    def shown(self, message):
        """Take note of the numbers of the parent's locks."""
        self.proof = message["proof"]
        self.others = tuple(message.get("others") or ())

    def begin(self, read_only):
        """Forget the request before."""
        self.read_only = read_only
        self.aborted = self.failure = self.failed = None
        self.connected = False
        self.running = self.step = self.wrapped = None
        self.finished = False


STATE = State()


def abort(kind, message, **fields):
    """End the request: what comes back is `fields`, with kind and message."""
    STATE.aborted = dict(fields, kind=kind, message=message)
    raise Abort(message)


def stop_if_aborted():
    """Raise again what an `except BaseException` of the project's has swallowed."""
    if STATE.aborted:
        raise Abort(STATE.aborted["message"])
