"""Where workers are born: a process that has imported the libraries and our parts once, and forks for each of them.

A script of its own on the standard library, started by `process.py` as `python forkserver.py`, by the project's
interpreter. Its standard input is a socket. A message there is four bytes of length and then JSON, `{"python",
"script", "folder", "environment"}`; with it come four descriptors: the worker's standard input, output and error, and a
pipe on which is said which process it is and, once it has ended, how. Nothing of a project is imported here: what a
worker imports is its own, and gone with it. What most projects import besides follows once nobody has wanted a worker
for a moment: the first one need not wait for it, and those after it have it.

It ends with the last of its workers once nobody holds the other end of the socket, and is deaf to signals till then:
whoever is told to end lets its workers end first.
"""

import sys

HERE = __file__.rpartition("/")[0]

# A script's folder comes first on the path, and ours must never hide a module of the project's.
sys.path[:] = [entry for entry in sys.path if entry != HERE]

import array
import contextlib
import gc
import json
import os
import runpy
import select
import signal
import socket

LIBRARIES = (
    "alembic.config",
    "alembic.runtime.environment",
    "alembic.script",
    "sqlalchemy.dialects.postgresql",
    "sqlalchemy.dialects.sqlite",
    "psycopg2",
)
LATER = ("sqlalchemy.orm", "alembic.autogenerate", "logging.config")
"""Of what most projects import, what takes longest."""

IDLE_MS = 500

DESCRIPTORS = 4
DEAF_TO = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
INTERPRETERS = ("PYTHON", "LC_", "LANG", "LD_", "TZ", "SQLALCHEMY", "DISABLE_SQLALCHEMY")
"""How the names of variables begin that matter when an interpreter starts, or when the libraries are imported."""


def preload(names):
    """Import libraries as far as they are there; a worker imports them itself, and says what is missing."""
    for name in names:
        try:
            __import__(name)
        except Exception:
            continue
    settle()


def preload_parts():
    """Load the worker's own parts, as it does itself; what is wrong with them, it says as well."""
    with contextlib.suppress(Exception):
        runpy.run_path(HERE + "/__main__.py")["load"]()
    settle()


def settle():
    """Have each worker copy less: what stays as it is, is looked at by no collector any more."""
    gc.collect()
    gc.freeze()


def installed():
    """What changes when one of the libraries is installed anew: the folders that they lie in."""
    found = {}
    for name in {name.partition(".")[0] for name in LIBRARIES}:
        file = getattr(sys.modules.get(name), "__file__", None)
        with contextlib.suppress(OSError, TypeError):  # TypeError: it is not there, or is no file
            folder = os.path.dirname(os.path.dirname(file))
            found[folder] = os.stat(folder).st_mtime_ns
    return found


def essential(environment):
    """The part of an environment that only a new interpreter takes notice of."""
    return {name: value for name, value in environment.items() if name.startswith(INTERPRETERS)}


def receive(control):
    """The next message and its descriptors; None where nobody will send any more."""
    head, more, _, _ = control.recvmsg(4, socket.CMSG_SPACE(DESCRIPTORS * array.array("i").itemsize))
    if len(head) < 4:
        return None
    descriptors = array.array("i")
    for _, _, data in more:
        descriptors.frombytes(data)
    text, wanted = bytearray(), int.from_bytes(head, "big")
    while len(text) < wanted:
        part = control.recv(min(65536, wanted - len(text)))  # behind it the next message may be waiting
        if not part:
            return None
        text += part
    return json.loads(text.decode()), list(descriptors)


class Server:
    """The socket, and the workers that have not been given up yet."""

    def __init__(self):
        self.control = socket.socket(fileno=os.dup(0))
        self.wake, wake = os.pipe()
        os.set_blocking(self.wake, False)
        os.set_blocking(wake, False)
        self.usual = {one: signal.signal(one, signal.SIG_IGN) for one in DEAF_TO}
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        self.own = [self.control.fileno(), self.wake, wake]
        self.said = {}  # by the process id of a worker: the pipe on which it is said how it ended
        self.ended = set()  # workers of which that has been said
        self.poll = select.poll()
        self.poll.register(self.control, select.POLLIN)
        self.poll.register(self.wake, select.POLLIN)
        self.libraries, self.environment = installed(), essential(os.environ)

    def serve(self):
        """Return the message in a process that is a worker from now on; this one never returns."""
        listening, complete = True, False
        while listening or self.said:
            events = self.poll.poll(None if complete else IDLE_MS)
            if not events:
                preload(LATER)
                complete = True
            for descriptor, _ in events:
                if descriptor == self.wake:
                    os.read(self.wake, 4096)
                elif descriptor != self.control.fileno():
                    self.poll.unregister(descriptor)  # its reader is gone
                else:
                    message = receive(self.control)
                    if message is None:
                        listening = False
                        self.poll.unregister(self.control)
                    elif self.born(*message):
                        return message[0]
            self.tell()
        os._exit(0)

    def born(self, message, descriptors):
        """Fork; return whether this is the worker. Where the system refuses, whoever asked sees the pipes end."""
        said = descriptors.pop()
        try:
            pid = os.fork()
        except OSError:
            for one in [*descriptors, said]:
                os.close(one)
            return False
        if pid == 0:
            os.close(said)
            self.become(message, descriptors)
            return True
        for one in descriptors:
            os.close(one)
        self.said[pid] = said
        self.poll.register(said, 0)  # which is to notice that its reader is gone
        self.say(pid, pid)
        return False

    def become(self, message, descriptors):
        """Turn this process into what a new interpreter would be that was started with the same."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for one, handler in self.usual.items():
            signal.signal(one, handler)
        os.setsid()
        for number, one in enumerate(descriptors):
            os.dup2(one, number)
        self.control.detach()
        for one in [*self.own, *self.said.values(), *descriptors]:
            os.close(one)
        os.chdir(message["folder"])
        environment = message["environment"]
        if installed() != self.libraries or essential(environment) != self.environment:
            os.execve(message["python"], [message["python"], message["script"]], environment)
        os.environ.clear()
        os.environ.update(environment)

    def tell(self):
        """Say of the workers that have ended how they did; a process id stays taken until its reader is gone."""
        for pid in list(self.said):
            ended = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if ended is None:
                continue
            if pid not in self.ended:
                self.ended.add(pid)
                self.say(pid, ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status)
            if self.is_given_up(pid):
                with contextlib.suppress(KeyError):
                    self.poll.unregister(self.said[pid])
                os.close(self.said.pop(pid))
                self.ended.discard(pid)
                os.waitpid(pid, 0)

    def say(self, pid, number):
        """Say a number to whoever has had a worker made."""
        with contextlib.suppress(BrokenPipeError):  # nobody wants to know any more
            os.write(self.said[pid], b"%d\n" % number)

    def is_given_up(self, pid):
        """Whether nobody can read any more how a worker ended."""
        poll = select.poll()
        poll.register(self.said[pid], 0)
        return bool(poll.poll(0))


def main():
    preload(LIBRARIES)
    preload_parts()
    os.chdir("/")
    message = Server().serve()
    sys.argv = [message["script"]]
    runpy.run_path(message["script"], run_name="__main__")


if __name__ == "__main__":
    main()
