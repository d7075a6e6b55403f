"""A look at a target through a pooler that shares sessions: env.py is asked offline, and nothing is held."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property

from ops import database
from ops.catalog.names import quoted
from ops.project.conversation import Worker
from ops.project.visit import Setup, Visit
from ops.settings import TargetSettings

_WHERE = """
    SELECT (SELECT n.nspname::text FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
            WHERE c.oid = pg_catalog.to_regclass(:name)),
           pg_catalog.current_schema()::text, current_user::text
"""


class Glance(Visit):
    """A worker that connects nowhere, and a connection of which nothing is kept from one question to the next."""

    @cached_property
    def setup(self) -> Setup:
        """What env.py configures, as far as it says so offline; where its version table is, the database says."""
        from sqlalchemy import text

        said = self.worker.request("probe")
        name = ".".join(quoted(one) for one in (said["version_table_schema"], said["version_table"]) if one)
        there, default, role = self.connection.execute(text(_WHERE), {"name": name}).one()
        found = {
            "version_table_schema": said["version_table_schema"] or there or default or "public",
            "version_table_exists": there is not None,
            "default_schema": default,
            "role": role,
        }
        return Setup.from_dict({**said, **found})


@contextmanager
def glance(settings: TargetSettings) -> Iterator[Glance]:
    """Yield a look at a target in which the project opens no connection; for what needs plain reads alone.

    Raises
    ------
    ConnectError
        The server cannot be reached.
    ProjectError
        The project's interpreter cannot be started.
    """
    with Worker(settings) as worker:
        worker.greet(nowhere=True)
        worker.begin("history")
        with database.connect_through_pooler(settings) as connection:
            yield Glance(settings, connection, worker)
