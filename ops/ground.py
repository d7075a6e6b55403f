"""Where replays happen: scratch databases with the roles of the target, and what is there before the first revision."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ops import elsewhere, embedded, programs, scratch
from ops.catalog import Catalog, properties
from ops.elsewhere import Elsewhere
from ops.errors import OpsError
from ops.project.visit import Visit
from ops.project.visit import visit as visit_target
from ops.settings import TargetSettings

if TYPE_CHECKING:
    from sqlalchemy import Connection

_OURS = "made by alembic-ops for comparisons on scratch databases"

# The last are those that own something in this database, or have a right there; of the first superuser, whose OID is
# always 10, the server does not note that.
_ROLES = """
    SELECT pg_catalog.current_setting('server_version_num')::int, current_user::text,
           (SELECT pg_catalog.pg_get_userbyid(c.relowner)::text FROM pg_catalog.pg_class c
            JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
            WHERE n.nspname = :schema AND c.relname = :table),
           ARRAY(SELECT rolname::text FROM pg_catalog.pg_roles WHERE rolname !~ '^pg_' ORDER BY rolname),
           ARRAY(SELECT rolname::text FROM pg_catalog.pg_roles WHERE oid = 10 OR oid IN (
                     SELECT d.refobjid FROM pg_catalog.pg_shdepend d
                     WHERE d.refclassid = 'pg_catalog.pg_authid'::regclass AND d.dbid = (
                         SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database()))
                 ORDER BY rolname),
           ARRAY(SELECT spcname::text FROM pg_catalog.pg_tablespace WHERE spcname !~ '^pg_' ORDER BY spcname)
"""

_HAS_TABLES = """
    SELECT EXISTS (SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                   WHERE c.relkind IN ('r', 'p') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema')
"""

Needed = tuple[tuple[str, str, str], ...]
"""Kind, name and properties of schemas and extensions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """Where replays happen: the scratch server, the role that owns what they make, and the roles that there are.

    `named` are those of them that own something in the target, or have a right there: a replay may depend on these. The
    others are made for it, too, as a revision to come may name them. `owner` is whose the target's objects are; `role`
    is somebody else only where the scratch server gives us no roles. `tablespaces` are those of the target's server
    beside the two that every one has. `elsewhere` is a server that the section names.
    """

    home: Path
    major: int
    role: str
    roles: tuple[str, ...]
    named: tuple[str, ...] = ()
    owner: str = ""
    tablespaces: tuple[str, ...] = ()
    elsewhere: Elsewhere | None = None

    @classmethod
    def of(cls, settings: TargetSettings, connection: Connection, table: tuple[str, str]) -> Ground:
        """Return where replays and copies of a target happen.

        That is the server that its section names, or the embedded one nearest at or above its major version. What is
        made there belongs to whoever owns the version table, and so ran the migrations, whoever asks now.

        Raises
        ------
        OpsError
            The server that the section names does not answer, or cannot be used.
        """
        from sqlalchemy import text

        row = connection.execute(text(_ROLES), {"schema": table[0], "table": table[1]}).one()
        version, role, owner, roles, named, tablespaces = row
        there = embedded.majors()
        major = min((one for one in there if one >= version // 10000), default=max(there))
        worker = owner = settings.role or owner or role
        place = elsewhere.named(settings)
        if place is not None:
            major = place.major
            worker = owner if place.powerful else place.role
        return cls(
            home=settings.home,
            major=major,
            role=worker,
            roles=tuple(roles),
            named=tuple(named),
            owner=owner,
            tablespaces=tuple(tablespaces),
            elsewhere=place,
        )

    @property
    def key(self) -> list[object]:
        """What a replay or a copy depends on, of all this."""
        where = self.elsewhere.folder.name if self.elsewhere else ""
        return [where, self.major, self.role, self.owner, self.has_roles, self.named, self.lacking]

    @property
    def has_roles(self) -> bool:
        """Whether the target's roles are there, so that owners and grants can be the same."""
        return self.elsewhere is None or self.elsewhere.powerful

    @property
    def lacking(self) -> tuple[str, ...]:
        """The tablespaces of the target's server that the scratch server has not: on somebody else's we make none."""
        there = frozenset(self.tablespaces) if self.elsewhere is None else self.elsewhere.tablespaces
        return tuple(one for one in self.tablespaces if one not in there)

    def as_owned(self, made: Catalog) -> Catalog:
        """Return a catalog in which what belongs to us, for want of roles, belongs to whom it would belong."""
        if self.has_roles or not self.owner:
            return made
        ours, theirs = (f'"owner" : {json.dumps(one, ensure_ascii=False)}' for one in (self.role, self.owner))
        return replace(made, texts={key: text.replace(ours, theirs) for key, text in made.texts.items()})

    @property
    def server(self) -> scratch.Place:
        """The scratch server; an embedded one is started when it is needed."""
        if self.elsewhere is not None:
            return self.elsewhere
        return embedded.scratch_server(self.home, major=self.major)

    @contextmanager
    def visit(self, settings: TargetSettings, *, baseline: bool = True) -> Iterator[Visit]:
        """A visit to a scratch database with the roles of the target, and with what its history starts from.

        That is nothing where its section has neither a baseline nor a bootstrap. `baseline` is False for models, which
        are to make all of their tables themselves.

        Raises
        ------
        OpsError
            What the history starts from cannot be made there.
        """
        from sqlalchemy.engine import make_url

        with scratch.database_on(self.server, prefix="replay") as url:
            name = str(make_url(url).database)
            self.furnish()
            self._give(name)
            copy = replace(settings.with_url(url), role=self.role, embedded=False)
            if baseline and settings.project.baseline is not None:
                self._run(name, settings.project.baseline)
            with visit_target(copy, purpose="replay") as here:
                if baseline and settings.project.bootstrap:
                    _bootstrap(here, settings)
                yield here

    def furnish(self) -> None:
        """Have on the scratch server what belongs to no database, and statements name: roles and tablespaces."""
        self._make_roles()
        self._make_tablespaces()

    def _make_roles(self) -> None:
        """Have the target's roles on the scratch server, without login: owners and grants name them.

        A role that was there before is left as it is: somebody else may live on that server, the target itself perhaps.
        The one that replays may do everything, as an extension that the target has already needs more to be created.
        """
        import psycopg2
        from psycopg2 import sql

        if not self.has_roles:
            return
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

    def _make_tablespaces(self) -> None:
        """Have the target's tablespaces on our own scratch server, in its own folder: nothing lies on another disk.

        As roles do, they stay: an empty folder for each name that a server of ours has ever had.
        https://www.postgresql.org/docs/current/runtime-config-developer.html#GUC-ALLOW-IN-PLACE-TABLESPACES
        """
        import psycopg2
        from psycopg2 import sql

        if self.elsewhere is not None or not self.tablespaces:
            return
        with closing(scratch.connect(self.server)) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT spcname FROM pg_catalog.pg_tablespace")
            there = {name for (name,) in cursor.fetchall()}
            cursor.execute("SET allow_in_place_tablespaces = on")
            for one in self.tablespaces:
                if one in there:
                    continue
                name = sql.Identifier(one)
                try:
                    cursor.execute(sql.SQL("CREATE TABLESPACE {} LOCATION ''").format(name))
                except (psycopg2.errors.DuplicateObject, psycopg2.errors.UniqueViolation):
                    continue  # another process was quicker
                cursor.execute(sql.SQL("COMMENT ON TABLESPACE {} IS {}").format(name, sql.Literal(_OURS)))

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
            script = f"SET ROLE {role};\n".encode() + file.read_bytes()
            programs.run(script, self.server.url(name), self.server.bin_dir)
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


def _bootstrap(here: Visit, live: TargetSettings) -> None:
    """Have the application make its first tables where a visit is, and see that it did.

    The variable that holds the target's URL leads there, too, for as long as that process lives.
    """
    command = " ".join(live.project.bootstrap)
    variable = live.section.values.get("url_env") if live.section else None
    environment = {variable: here.settings.project_url()} if variable else {}
    why = ""
    try:
        here.worker.request("bootstrap", read_only=False, command=list(live.project.bootstrap), environment=environment)
        if here.heads():
            why = f"It sets the version table, to {', '.join(here.heads() or ())}; the history starts behind it."
        elif not here.connection.exec_driver_sql(_HAS_TABLES).scalar():
            why = "It ended well, and there is no table: what it connected to was another database, or none."
    except OpsError as error:
        why = error.problem
    if why:
        raise OpsError(
            f"The bootstrap command {command!r} does not make what the history of {live.name!r} starts from: {why}",
            next_step="Correct it in the target's section: it must run by itself, on an empty database, and take the "
            "URL from env.NAME = {url}.",
            code="bootstrap",
        )
