"""A scratch server that a target's section names: not ours alone, and perhaps without the rights of a superuser."""

from __future__ import annotations

import hashlib
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ops import scratch
from ops.embedded import binaries
from ops.errors import OpsError
from ops.settings import TargetSettings, urls

if TYPE_CHECKING:
    from sqlalchemy.engine import URL


@dataclass(frozen=True, slots=True, kw_only=True)
class Elsewhere:
    """A server on which we may create databases, and drop those that we have made.

    `role` is our login there, `powerful` whether it is a superuser: only one can create roles and give them things.
    `tablespaces` are those that it has beside the two of every server.
    """

    address: URL = field(repr=False)
    folder: Path
    major: int
    role: str
    powerful: bool
    label: str
    tablespaces: frozenset[str] = frozenset()

    @property
    def bin_dir(self) -> Path:
        """The newest programs that there are here: a psql speaks with every server."""
        return binaries.folder_of(max(binaries.majors()))

    @property
    def advice(self) -> str:
        """What to do when it does not answer."""
        return "Check scratch_url in the target's section, and whether that server runs and lets this login in."

    @property
    def is_shared(self) -> bool:
        """Whether others have databases there."""
        return True

    def leases(self) -> tuple[int, ...]:
        """Return descriptors that a child must inherit, so that the server lives as long as the child."""
        return ()

    def url(self, database: str | None = None) -> str:
        """Return the URL of one of its databases, by default of the one that was named; with its password."""
        url = self.address
        if database is not None:
            url = url.difference_update_query(["dbname"]).set(database=database)
        return url.render_as_string(hide_password=False)


def named(settings: TargetSettings) -> Elsewhere | None:
    """Return the scratch server that a target's section names; None where it names none.

    Raises
    ------
    ConnectError
        It does not answer, or does not let us in.
    OpsError
        Nobody may create a database there as this login (code `clone`).
    """
    if settings.scratch_url is None:
        return None
    url = urls.ours(settings.scratch_url, source="scratch_url").url
    where = f"{urls.host_of(url) or 'localhost'}:{url.port or url.query.get('port') or urls.PORT}"
    known = hashlib.sha256(f"{where} {url.username} {url.database}".encode("utf-8", "surrogatepass")).hexdigest()[:12]
    place = Elsewhere(
        address=url,
        folder=settings.home / ".ops" / f"scratch-{known}",
        major=0,
        role="",
        powerful=False,
        label=f"the scratch server at {where}",
    )
    with closing(scratch.connect(place)) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_catalog.current_setting('server_version_num')::int, rolname::text, rolsuper,"
            " rolsuper OR rolcreatedb, pg_catalog.pg_is_in_recovery(),"
            " ARRAY(SELECT spcname::text FROM pg_catalog.pg_tablespace WHERE spcname !~ '^pg_')"
            " FROM pg_catalog.pg_roles WHERE rolname = current_user"
        )
        version, role, powerful, may_create, is_replica, tablespaces = cursor.fetchone()
    if is_replica or not may_create:
        why = "it is a replica" if is_replica else f"the role {role!r} may not create databases there"
        raise OpsError(
            f"{place.label[:1].upper()}{place.label[1:]} cannot be used: {why}.",
            next_step="Name a server and a login that may create databases as scratch_url in the target's section.",
            code="clone",
        )
    place.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return replace(place, major=version // 10000, role=role, powerful=powerful, tablespaces=frozenset(tablespaces))
