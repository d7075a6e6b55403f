"""Would a change be blocked now, by whom, and what to do about it.

`blockers.py`  who stands in the way, and who waits behind whom
`words.py`     sentences about them
`values.py`    the result
`of_a_file.py` the same of a file of SQLite's, `of_mariadb.py` of a database of MariaDB's
"""

from __future__ import annotations

from ops import activity, database, dialects
from ops.health import of_a_file, of_mariadb
from ops.health.of_a_file import FileHealth
from ops.health.of_mariadb import MariaHealth
from ops.health.values import Health
from ops.settings import TargetSettings

__all__ = ["Health", "read"]

SAMPLE_SECONDS = 1.0
"""The time between two counts of the traffic: sessions report theirs once a second at most."""


def read(settings: TargetSettings) -> Health | FileHealth | MariaHealth:
    """Return what goes on in a target's database now, over one second.

    Raises
    ------
    ConnectError
        The server cannot be reached, or refuses.
    """
    dialect = dialects.of(settings)
    if not dialect.is_postgresql:
        return of_a_file.read(settings) if dialect.is_file else of_mariadb.read(settings)
    with database.connect(settings, purpose="health") as connection:
        facts = database.facts(connection)
        live = activity.look(connection, sample_seconds=SAMPLE_SECONDS)
    return Health(
        target=settings.name,
        facts=facts,
        live=live,
        lock_timeout=settings.limits.lock_timeout,
        lock_seconds=settings.limits.lock_seconds,
    )
