"""A history of thirty revisions of many kinds, written into a folder as a complete Alembic project."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import alembic

from tests.projects.make_linear import ENV, INI

STEPS = (  # what upgrade() runs; a few change no schema
    "CREATE TABLE author (id integer PRIMARY KEY, name text NOT NULL)",
    "CREATE TABLE book (id integer PRIMARY KEY, author_id integer NOT NULL, title text)",
    "ALTER TABLE book ADD CONSTRAINT book_author FOREIGN KEY (author_id) REFERENCES author (id)",
    "CREATE INDEX book_by_author ON book (author_id)",
    "ALTER TABLE author ADD COLUMN born date",
    "UPDATE author SET name = trim(name)",
    "ALTER TABLE book ALTER COLUMN title SET NOT NULL",
    "CREATE TYPE binding AS ENUM ('cloth', 'paper')",
    "ALTER TABLE book ADD COLUMN binding binding NOT NULL DEFAULT 'paper'",
    "CREATE VIEW living AS SELECT id, name FROM author WHERE born IS NOT NULL",
    "ALTER TABLE book ADD COLUMN pages integer CHECK (pages > 0)",
    "CREATE UNIQUE INDEX author_name ON author (lower(name))",
    "CREATE SEQUENCE shelf_mark START 1000",
    "CREATE TABLE loan (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, book_id integer REFERENCES book)",
    "ALTER TABLE loan ADD COLUMN due timestamptz NOT NULL DEFAULT now()",
    "COMMENT ON TABLE loan IS 'who has what'",
    "CREATE FUNCTION overdue(d timestamptz) RETURNS boolean LANGUAGE sql STABLE RETURN d < now()",
    "UPDATE loan SET due = due + interval '1 day'",
    "DROP VIEW living",
    "ALTER TABLE author RENAME COLUMN born TO born_on",
    "CREATE TABLE shelf (mark integer PRIMARY KEY DEFAULT nextval('shelf_mark'), room varchar(20))",
    "ALTER TABLE shelf ALTER COLUMN room TYPE varchar(40)",
    "ALTER TABLE book ADD COLUMN mark integer REFERENCES shelf (mark)",
    "ALTER TABLE loan ADD CONSTRAINT due_later CHECK (due > '2000-01-01') NOT VALID",
    "ALTER TABLE loan VALIDATE CONSTRAINT due_later",
    "CREATE INDEX loan_due ON loan (due) WHERE due IS NOT NULL",
    "ALTER TABLE author ALTER COLUMN name SET DEFAULT 'anonymous'",
    "DROP INDEX book_by_author",
    "CREATE MATERIALIZED VIEW busy AS SELECT book_id, count(*) AS loans FROM loan GROUP BY 1",
    "ALTER TABLE shelf ENABLE ROW LEVEL SECURITY",
)
SAME = {6: 5, 18: 17}
"""The revisions that change no schema, with the one before each."""

_REVISION = '''\
"""step {number}"""

from alembic import op

revision = {revision!r}
down_revision = {below!r}


def upgrade():
    {body}


def downgrade():
    raise NotImplementedError
'''


def name_of(number: int) -> str:
    """The id of the revision with a number, from 1 on."""
    return f"s{number:03d}"


def revision(name: str, below: str | tuple[str, ...] | None, *statements: str) -> str:
    """The text of a version file."""
    body = "\n    ".join(f"op.execute({one!r})" for one in statements) or "pass"
    return _REVISION.format(number=name, revision=name, below=below, body=body)


def write(folder: Path, steps: tuple[str, ...] = STEPS) -> Path:
    """Write a project of one line of revisions; return the folder of its version files."""
    versions = folder / "migrations" / "versions"
    versions.mkdir(parents=True)
    (folder / "alembic.ini").write_text(INI, encoding="utf-8")
    (folder / "migrations" / "env.py").write_text(ENV, encoding="utf-8")
    template = Path(alembic.__file__).parent / "templates" / "generic" / "script.py.mako"
    shutil.copy(template, folder / "migrations" / "script.py.mako")
    for number, sql in enumerate(steps, 1):
        below = name_of(number - 1) if number > 1 else None
        (versions / f"{name_of(number)}.py").write_text(revision(name_of(number), below, sql), encoding="utf-8")
    return versions


def git(folder: Path, *arguments: str) -> str:
    """Run git in a folder, as somebody whom no machine's configuration knows."""
    who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com", "-c", "init.defaultBranch=main")
    command = ["git", *who, "-C", str(folder), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
