"""Where replays happen: scratch databases with the roles of the target, and what is there before the first revision."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from ops import embedded, scratch
from ops.catalog import properties
from ops.errors import OpsError
from ops.project.visit import Visit
from ops.project.visit import visit as visit_target
from ops.settings import TargetSettings, redact

_OURS = "made by alembic-ops for comparisons on scratch databases"

Needed = tuple[tuple[str, str, str], ...]
"""Kind, name and properties of schemas and extensions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """Where replays happen: the scratch server, the role that owns what they make, and the roles that there are."""

    home: Path
    major: int
    role: str
    roles: tuple[str, ...]

    @property
    def server(self) -> embedded.Server:
        """The scratch server, started when it is needed."""
        return embedded.server(self.home, major=self.major)

    @contextmanager
    def visit(self, settings: TargetSettings) -> Iterator[Visit]:
        """A visit to an empty scratch database with the roles of the target, and with its baseline where it has one."""
        from sqlalchemy.engine import make_url

        with scratch.database_on(self.server, prefix="replay") as url:
            name = str(make_url(url).database)
            self.make_roles()
            self._give(name)
            copy = replace(settings.with_url(url), role=self.role, embedded=False)
            if settings.project.baseline is not None:
                self._run(name, settings.project.baseline)
            with visit_target(copy, purpose="replay") as here:
                yield here

    def make_roles(self) -> None:
        """Have the target's roles on the scratch server, without login: owners and grants name them.

        A role that was there before is left as it is: somebody else may live on that server, the target itself perhaps.
        The one that replays may do everything, as an extension that the target has already needs more to be created.
        """
        import psycopg2
        from psycopg2 import sql

        with closing(scratch.connect(self.server)) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT rolname, rolsuper, shobj_description(oid, 'pg_authid') FROM pg_roles")
            there = {name: (power, note) for name, power, note in cursor.fetchall()}
            for role in dict.fromkeys((self.role, *self.roles)):
                name = sql.Identifier(role)
                if role not in there:
                    statement = sql.SQL("CREATE ROLE {0} NOLOGIN; COMMENT ON ROLE {0} IS {1}")
                    try:
                        cursor.execute(statement.format(name, sql.Literal(_OURS)))
                    except (psycopg2.errors.DuplicateObject, psycopg2.errors.UniqueViolation):
                        continue  # another process was quicker
                    there[role] = (False, _OURS)
                if role == self.role and there[role] == (False, _OURS):
                    cursor.execute(sql.SQL("ALTER ROLE {} SUPERUSER").format(name))

    def _give(self, name: str) -> None:
        """Make a scratch database the replaying role's own, as it may not be a superuser there."""
        from psycopg2 import sql

        with closing(scratch.connect(self.server)) as connection, connection.cursor() as cursor:
            statement = sql.SQL("ALTER DATABASE {} OWNER TO {}")
            cursor.execute(statement.format(sql.Identifier(name), sql.Identifier(self.role)))

    def _run(self, name: str, file: Path) -> None:
        from psycopg2.extensions import quote_ident

        try:
            with closing(scratch.connect(self.server)) as connection:
                role = quote_ident(self.role, connection)
            run(f"SET ROLE {role};\n".encode() + file.read_bytes(), self.server, name)
        except (OpsError, OSError) as error:
            said = error.problem if isinstance(error, OpsError) else str(error)
            raise OpsError(
                f"The baseline {file} does not run on an empty database: {said}",
                next_step="Make it plain SQL that runs by itself, for example with pg_dump --schema-only.",
                code="baseline",
            ) from None

    def prepare(self, name: str, needed: Needed) -> None:
        """Create what metadata takes for granted: schemas and extensions."""
        from psycopg2 import sql

        with closing(scratch.connect(self.server, name)) as connection, connection.cursor() as cursor:
            cursor.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(self.role)))
            # schemas first: an extension may live in one
            for kind, one, text in sorted(needed, key=lambda row: row[0] != "schema"):
                if kind == "schema":
                    cursor.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(one)))
                else:
                    where = sql.Identifier(properties(text)["schema"])
                    cursor.execute(
                        sql.SQL("CREATE EXTENSION IF NOT EXISTS {} SCHEMA {}").format(sql.Identifier(one), where)
                    )


SECONDS = 600


def run(script: bytes, server: embedded.Server, name: str) -> None:
    """Run a script as psql does, with its meta-commands: what pg_dump writes has some.

    Raises
    ------
    OpsError
        A statement failed, or all of them took longer than `SECONDS`.
    """
    from sqlalchemy.engine import make_url

    url = make_url(server.url(name)).set(drivername="postgresql").render_as_string()
    command = [str(server.bin_dir / "psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", "--no-password", "-f", "-", url]
    child(command, script, {}, "The script cannot be run on the scratch server", "Look at that statement.")


def child(command: list[str], given: bytes, environment: dict[str, str], problem: str, advice: str) -> bytes:
    """Return what a program of PostgreSQL's printed; passwords go through its environment, never its arguments.

    Raises
    ------
    OpsError
        It cannot be started, failed, or took longer than `SECONDS`.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    try:
        done = subprocess.run(
            command, input=given, capture_output=True, timeout=SECONDS, env={**kept, **environment}, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise OpsError(f"{problem}: {type(error).__name__}.", next_step=advice, code="clone") from None
    if done.returncode != 0:
        lines = [line for line in done.stderr.decode("utf-8", "replace").splitlines() if line.strip()]
        said = redact(lines[0] if lines else f"exit code {done.returncode}")
        raise OpsError(f"{problem}: {said}", next_step=advice, code="clone")
    return done.stdout
