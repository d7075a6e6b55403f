"""The corpus in Alembic's words: each case as a complete Alembic project with a history of its own."""

from __future__ import annotations

import ast
from pathlib import Path

from tests.hazards import corpus

INI = """\
[alembic]
script_location = %(here)s/alembic
path_separator = os

[ops:target:corpus]
url_env = CORPUS_DATABASE_URL
protected = false
"""
ENV = """\
from alembic import context
from sqlalchemy import create_engine

engine = create_engine(context.config.get_main_option("sqlalchemy.url"))
with engine.connect() as connection:
    context.configure(connection=connection, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()
engine.dispose()
"""
HEAD = '''"""{about}"""

revision = "{revision}"
down_revision = {down}

'''
TAIL = """

def downgrade():
    raise NotImplementedError("the corpus only goes up")
"""


def revisions(case: corpus.Case) -> tuple[str, ...]:
    """Return the ids of a case's revisions, the oldest first: one for each function of its Alembic file."""
    return tuple(f"c{case.row:02}{number:09}" for number, _ in enumerate(_functions(case), 1))


def write(case: corpus.Case, folder: Path) -> Path:
    """Write a case as an Alembic project into an empty folder; return its `alembic.ini`.

    The database of its target `corpus` is in the variable CORPUS_DATABASE_URL; plain Alembic needs `sqlalchemy.url`.
    """
    versions = folder / "alembic" / "versions"
    versions.mkdir(parents=True)
    (folder / "alembic" / "env.py").write_text(ENV, encoding="utf-8")
    source = case.alembic_file.read_text(encoding="utf-8")
    down = "None"
    for function, revision in zip(_functions(case), revisions(case), strict=True):
        head = HEAD.format(about=case.about.replace('"', "'"), revision=revision, down=down)
        again = "" if function == "upgrade" else f"\n\nupgrade = {function}\n"
        (versions / f"{revision}.py").write_text(head + source + again + TAIL, encoding="utf-8")
        down = f'"{revision}"'
    ini = folder / "alembic.ini"
    ini.write_text(INI, encoding="utf-8")
    return ini


def _functions(case: corpus.Case) -> list[str]:
    """The names of the functions that are a revision each."""
    tree = ast.parse(case.alembic_file.read_text(encoding="utf-8"))
    return [one.name for one in tree.body if isinstance(one, ast.FunctionDef) and one.name.startswith("upgrade")]
