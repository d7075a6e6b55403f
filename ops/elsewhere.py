"""A scratch server that a target's section names: not ours alone, and perhaps without the rights of a superuser."""

from __future__ import annotations

import hashlib
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from ops import scratch
from ops.addressed import Addressed
from ops.embedded import binaries
from ops.errors import OpsError
from ops.settings import TargetSettings, urls


@dataclass(frozen=True, slots=True, kw_only=True)
class Elsewhere(Addressed):
    """A server on which we may create databases, and drop those that we have made.

    `role` is our login there, `powerful` whether it is a superuser: only one can create roles and give them things.
    `tablespaces` are those that it has beside the two of every server.
    """

    role: str = ""
    powerful: bool = False
    tablespaces: frozenset[str] = frozenset()

    @property
    def label(self) -> str:
        """What it is called in a sentence."""
        return f"the scratch server at {self.where}"

    @property
    def bin_dir(self) -> Path:
        """The newest programs that there are here: a psql speaks with every server."""
        return binaries.folder_of(max(binaries.majors()))

    @property
    def advice(self) -> str:
        """What to do when it does not answer."""
        return "Check scratch_url in the target's section, and whether that server runs and lets this login in."


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
    place = Elsewhere(address=url, folder=settings.home / ".ops")
    known = hashlib.sha256(f"{place.where} {url.username} {url.database}".encode("utf-8", "surrogatepass")).hexdigest()
    place = replace(place, folder=place.folder / f"scratch-{known[:12]}")
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
