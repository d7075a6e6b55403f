"""A server that others have as well, reached by a URL, as a `scratch.Place`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ops.settings.urls import PORT, host_of

if TYPE_CHECKING:
    from sqlalchemy.engine import URL


@dataclass(frozen=True, slots=True, kw_only=True)
class Addressed:
    """What is alike wherever the server is not ours alone. `address` names a database that is always there."""

    address: URL = field(repr=False)
    folder: Path
    major: int = 0

    @property
    def where(self) -> str:
        """Its host and port."""
        return f"{host_of(self.address) or 'localhost'}:{self.address.port or self.address.query.get('port') or PORT}"

    @property
    def is_shared(self) -> bool:
        """Whether others have databases there."""
        return True

    def leases(self) -> tuple[int, ...]:
        """Return descriptors that a child must inherit, so that the server lives as long as the child: none."""
        return ()

    def url(self, database: str | None = None) -> str:
        """Return the URL of one of its databases, by default of the one that is always there; with its password."""
        return (self.address if database is None else at(self.address, database)).render_as_string(hide_password=False)


def at(address: URL, database: str) -> URL:
    """Return the URL of another database of the same server."""
    return address.difference_update_query(["dbname"]).set(database=database)
