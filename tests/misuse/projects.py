"""Projects with something broken in them, as one table: which files are put over a sound project of five revisions.

The files lie in the project's folder; None takes one away. Words that the refusal has stand behind them.
"""

from __future__ import annotations

from collections.abc import Mapping

PLANTED = "pl4nted-pw"

Files = Mapping[str, str | bytes | None]

ENV = "migrations/env.py"
INI = "alembic.ini"
FIRST = "migrations/versions/a10000000001_customer.py"
NEXT = "migrations/versions/a10000000006_next.py"


def following(body: str = "pass", **lines: str) -> Files:
    """Return one more version file: the lines at its head, and the body of its upgrade."""
    head = {"revision": '"a10000000006"', "down_revision": '"a10000000005"', **lines}
    text = "".join(f"{name} = {value}\n" for name, value in head.items())
    return {NEXT: f"from alembic import op\n{text}\ndef upgrade():\n    {body}\n\ndef downgrade():\n    pass\n"}


def loading(code: str) -> Files:
    """Return one more version file that does something when it is loaded."""
    (text,) = following().values()
    return {NEXT: f"{code}\n{text!s}"}


def env(code: str) -> Files:
    """Return an env.py of this code alone."""
    return {ENV: code}


CONNECTED = """\
from sqlalchemy import create_engine, pool
from alembic import context

engine = create_engine(context.config.get_main_option("sqlalchemy.url"), poolclass=pool.NullPool)
with engine.connect() as connection:
    {configure}
    {run}
"""
CONFIGURE = "context.configure(connection=connection)"
RUN = "with context.begin_transaction(): context.run_migrations()"


def running(configure: str = CONFIGURE, run: str = RUN) -> Files:
    """Return an env.py whose two decisive lines are others."""
    return env(CONNECTED.format(configure=configure, run=run))


WEIRD = "class Weird(Exception):\n    def __str__(self): raise ValueError('no words')\n"

VERSION_FILES: dict[str, tuple[Files, str]] = {
    "empty": ({NEXT: ""}, "a10000000006_next.py"),
    "of NUL bytes": ({NEXT: b"\0" * 99}, "null bytes"),
    "a picture": ({NEXT: b"\x89PNG\r\n\x1a\n\xff\xd8" * 9}, "a10000000006_next.py"),
    "in UTF-16": ({NEXT: "revision = 'x'\n".encode("utf-16")}, "a10000000006_next.py"),
    "in Latin-1": ({NEXT: b"# f\xfcr\nrevision = 'x'\n"}, "a10000000006_next.py"),
    "of an encoding nobody knows": ({NEXT: "# coding: klingon\nrevision = 'x'\n"}, "klingon"),
    "cut off": ({NEXT: "def upgrade(\n"}, "a10000000006_next.py"),
    "with a conflict of git's": ({NEXT: "<<<<<<< HEAD\nrevision = 'x'\n=======\n"}, "invalid syntax"),
    "indented with tabs and blanks": ({NEXT: "if 1:\n\tx = 1\n        y = 2\n"}, "a10000000006_next.py"),
    "for another Python": ({NEXT: "print 'x'\n"}, "a10000000006_next.py"),
    "nested without end": ({NEXT: f"x = {'(' * 400}{')' * 400}\n"}, "a10000000006_next.py"),
    "without a revision": ({NEXT: "x = 1\n"}, "a10000000006_next.py"),
    "its revision is a number": (following(revision="6"), "a10000000006"),
    "its revision is nothing": (following(revision="None"), "a10000000006"),
    "its revision is empty": (following(revision='""'), ""),
    "its revision has a sign of the command line's": (following(revision='"a+b"'), "a+b"),
    "its revision is a branch's": (following(revision='"a@b"'), "a@b"),
    "its revision has a minus": (following(revision='"a-b"'), "a-b"),
    "its revision is a word of Alembic's": (following(revision='"head"'), "a word of Alembic's"),
    "its revision has a line break": (following(revision='"a\\nb"'), "no id may have"),
    "its parent is a number": (following(down_revision="5"), "revises 5"),
    "its parent is itself": (following(down_revision='"a10000000006"'), "a10000000006"),
    "its parent is lost": (following(down_revision='"feedbeef0000"'), "feedbeef0000"),
    "one of its parents is lost": (following(down_revision='("a10000000005", "feedbeef0000")'), "feedbeef0000"),
    "it depends on what is lost": (following(depends_on='"feedbeef0000"'), "feedbeef0000"),
    "it depends on itself": (following(depends_on='"a10000000006"'), "a10000000006"),
    "it depends on a number": (following(depends_on="5"), "depends on 5"),
    "its label is a revision": (following(branch_labels='("a10000000001",)'), "a10000000001"),
    "it divides by zero": (loading("1 / 0"), "ZeroDivisionError"),
    "it imports what is not there": (loading("import nowhere_to_be_found"), "nowhere_to_be_found"),
    "it leaves": (loading("import sys; sys.exit(0)"), "sys.exit(0)"),
    "it is interrupted": (loading("raise KeyboardInterrupt"), "KeyboardInterrupt"),
    "it calls itself": (loading("def f(): f()\nf()"), "RecursionError"),
    "it says a password": (loading(f"raise ValueError('postgresql://me:{PLANTED}@h/d')"), "ValueError"),
    "its error has no words": (loading(f"{WEIRD}raise Weird()"), "Weird"),
    "its error is a megabyte": (loading("raise ValueError('x' * 2**20)"), "ValueError"),
    "its error is half a character": (loading("raise ValueError('\\ud800')"), "ValueError"),
    "its error is no exception's": (loading("class Odd(BaseException): pass\nraise Odd('odd')"), "odd"),
    "it ends the process": (loading("import os; os._exit(0)"), "exit code 0"),
    "it kills the process": (loading("import os; os.kill(os.getpid(), 9)"), "SIGKILL"),
    "it closes every descriptor": (loading("import os; os.closerange(3, 256)"), ""),
    "it writes to every descriptor": (
        loading("import os\nfor one in range(3, 40):\n    try: os.write(one, b'garbage\\n')\n    except OSError: pass"),
        "",
    ),
}

# What fails once it runs: the five revisions before it stay.
UPGRADES: dict[str, tuple[Files, str]] = {
    "its revision is too long for the table": (following(revision=f'"{"b" * 40}"'), "too long"),
    "SQL that is none": (following("op.execute('SELEC 1')"), "syntax error"),
    "a table that is not there": (following("op.drop_table('nowhere')"), "nowhere"),
    "a NUL in SQL": (following("op.execute('SELECT \\'a\\0b\\'')"), "a10000000006_next.py"),
    "half a character in SQL": (following("op.execute('SELECT \\'\\ud800\\'')"), "a10000000006_next.py"),
    "it leaves": (following("import sys; sys.exit(0)"), "sys.exit(0)"),
    "it ends the process": (following("import os; os._exit(0)"), "exit code 0"),
    "its error has no words": (following("raise type('Weird', (Exception,), {'__str__': lambda s: 1 / 0})()"), "Weird"),
    "it asks for an argument": ({NEXT: str(*following().values()).replace("upgrade()", "upgrade(x)")}, "upgrade()"),
    "it is no function": (
        {NEXT: str(*following().values()).replace("def upgrade():\n    pass", "upgrade = 5")},
        "callable",
    ),
    "it closes the connection": (
        following("op.get_bind().close()\n    op.execute('SELECT 1')"),
        "a10000000006_next.py",
    ),
    "it ends its own session": (following("op.execute('SELECT pg_terminate_backend(pg_backend_pid())')"), "connection"),
    "it drops the version table": (following("op.execute('DROP TABLE alembic_version')"), "alembic_version"),
    "it empties the version table": (following("op.execute('DELETE FROM alembic_version')"), "a10000000006"),
    "it takes the rights away": (
        following("op.execute('SET TRANSACTION READ ONLY'); op.execute('CREATE TABLE x ()')"),
        "",
    ),
    "it says a password": (following(f"raise ValueError('postgresql://me:{PLANTED}@h/d')"), "ValueError"),
}

PROJECTS: dict[str, tuple[Files, str]] = {
    "alembic.ini: empty": ({INI: ""}, "script_location"),
    "alembic.ini: no section": ({INI: "script_location = migrations\n"}, "alembic.ini"),
    "alembic.ini: another section": ({INI: "[alembik]\nscript_location = migrations\n"}, "script_location"),
    "alembic.ini: a picture": ({INI: b"\x89PNG\r\n\x1a\n\xff\xd8"}, ""),
    "alembic.ini: in UTF-16": ({INI: "[alembic]\n".encode("utf-16")}, ""),
    "alembic.ini: a template that is none": ({INI: "[alembic]\nscript_location = %(nowhere)s/x\n"}, "nowhere"),
    "alembic.ini: a stray %": ({INI: "[alembic]\nscript_location = 100%\n"}, "%"),
    "alembic.ini: a folder that is not there": ({INI: "[alembic]\nscript_location = nowhere\n"}, "nowhere"),
    "alembic.ini: a file for a folder": ({INI: "[alembic]\nscript_location = %(here)s/shop.py\n"}, ""),
    "alembic.ini: a package that is not there": ({INI: "[alembic]\nscript_location = nowhere:migrations\n"}, "nowhere"),
    "alembic.ini: a separator nobody knows": (
        {INI: "[alembic]\nscript_location = %(here)s/migrations\npath_separator = comma\nversion_locations = a,b\n"},
        "path_separator",
    ),
    "env.py: missing": ({ENV: None}, "env.py"),
    "env.py: empty": (env(""), "run_migrations"),
    "env.py: of NUL bytes": (env("\0" * 9), "null bytes"),
    "env.py: cut off": (env("from alembic import (\n"), "env.py"),
    "env.py: imports what is not there": (env("import nowhere_to_be_found"), "nowhere_to_be_found"),
    "env.py: raises with a password": (env(f"raise RuntimeError('postgresql://me:{PLANTED}@h/d')"), "RuntimeError"),
    "env.py: prints a password and leaves": (
        env(f"print('postgresql://me:{PLANTED}@h/d')\nraise SystemExit(3)"),
        "sys.exit(3)",
    ),
    "env.py: ends the process": (env("import os; os._exit(3)"), "exit code 3"),
    "env.py: configures nothing": (running(configure="pass"), "env.py"),
    "env.py: runs nothing": (running(run="pass"), "run_migrations"),
    "env.py: knows no connection": (running(configure="context.configure(url='postgresql://')"), "env.py"),
    "env.py: a connection that is closed": (running(run="connection.close(); context.run_migrations()"), ""),
    "env.py: another database": (env("import sqlalchemy\nsqlalchemy.create_engine('sqlite://').connect()"), "sqlite"),
    "env.py: a server that is not there": (
        env(
            f"import sqlalchemy\nsqlalchemy.create_engine('postgresql+psycopg2://me:{PLANTED}@127.0.0.1:1/d').connect()"
        ),
        "Connection refused",
    ),
    "env.py: a driver that is not there": (
        env("import sqlalchemy\nsqlalchemy.create_engine('postgresql+pigeon://')"),
        "pigeon",
    ),
    "env.py: a session of its own making": (env("import os; os.setsid()\nraise SystemExit('gone')"), ""),
    "env.py: goes away": (env("import os; os.chdir('/'); import shop"), "run_migrations"),
    "env.py: writes between the lines": (
        env("import os\nfor one in range(3, 60):\n    try: os.write(one, b'{}\\n')\n    except OSError: pass"),
        "",
    ),
}
