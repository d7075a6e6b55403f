"""The application's own command that creates its first tables, run where every connection is seen.

It is a program of the project's Python, and runs in this process: so what it connects to has to prove itself, as what
env.py connects to, and what it reads is recorded.
"""

import os
import runpy
import sys

from .state import Abandoned, stop_if_aborted

PYTHON = ("python", "python3")


def do_bootstrap(project, request):
    """Run the command to its end; what it asks the environment for leads to the database that the parent named."""
    os.environ.update(request["environment"])
    arguments, path = list(sys.argv), list(sys.path)
    try:
        run(request["command"])
    except SystemExit as ended:
        if ended.code not in (None, 0):
            raise
    finally:
        sys.argv[:], sys.path[:] = arguments, path
    stop_if_aborted()
    return {}


def run(command):
    """Do what the interpreter does with `python -m NAME …`, `python FILE …`, or a script that was installed with it."""
    name, rest = command[0], command[1:]
    if name in PYTHON and rest[:1] == ["-m"] and len(rest) > 1:
        sys.argv[:] = rest[1:]
        sys.path.insert(0, os.getcwd())
        runpy.run_module(rest[1], run_name="__main__", alter_sys=True)
    elif name in PYTHON and rest and not rest[0].startswith("-"):
        start(rest[0], rest)
    else:
        start(installed(name), command)


def start(file, arguments):
    """Run a file as the main program."""
    sys.argv[:] = arguments
    sys.path.insert(0, os.path.dirname(os.path.abspath(file)))
    runpy.run_path(file, run_name="__main__")


def installed(name):
    """The script of that name beside this Python; anything else could connect unseen."""
    file = os.path.join(os.path.dirname(sys.executable), name)
    try:
        with open(file, "rb") as script:
            first = script.readline()
    except OSError:
        first = b""
    if os.path.basename(name) != name or not (first.startswith(b"#!") and b"python" in first):
        raise Abandoned("%s is no program of the project's Python" % name)
    return file
