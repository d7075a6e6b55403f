"""A target's schema, without its rows, on a scratch server: so that one server writes both sides of a comparison."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from ops import database, scratch
from ops.cache import Cache, Dependencies
from ops.catalog import Catalog, Key, snapshot
from ops.catalog.later import later
from ops.ground import Ground, child, run
from ops.settings import TargetSettings


def as_written_there(settings: TargetSettings, ground: Ground, live: Catalog, table: tuple[str, str]) -> Catalog:
    """Return a live catalog as the scratch server writes it; kept for as long as the live schema is the same.

    Servers of different major versions print the same view, default or constraint differently.

    Raises
    ------
    OpsError
        The schema cannot be dumped, or not be restored there.
    """
    kept = Cache(settings.home)
    inputs = [live.fingerprint, live.server_version, ground.major, ground.roles, table]
    found = kept.get("clone", inputs)
    if found is not None:
        return later(
            database=live.database,
            server_version=found.payload["server_version"],
            fingerprint=found.payload["fingerprint"],
            load=lambda: {Key._make(row[:4]): row[4] for row in found.bulk()},
        )
    with scratch.database_on(ground.server, prefix="clone") as url:
        ground.make_roles()
        copy = replace(settings.with_url(url), role=None, embedded=False)
        script = dump(settings, ground.server.bin_dir)
        name = copy.database.url.database or ""
        # It has a schema `public` as the dump knows it, and the dump has no word on it unless somebody changed it.
        run(script, ground.server, name)
        with database.connect(copy, purpose="clone") as connection:
            made = snapshot.read(connection, version_table=table)
    made = replace(made, database=live.database, unread=live.unread)
    payload = {"server_version": made.server_version, "fingerprint": made.fingerprint}
    kept.put("clone", inputs, payload, Dependencies(), bulk=[[*key, text] for key, text in made.texts.items()])
    return made


def usual_versions(settings: TargetSettings, ground: Ground, names: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Return which version of some extensions the target's server, and the scratch server, would create."""
    query = "SELECT name::text, default_version FROM pg_catalog.pg_available_extensions WHERE name = ANY (%s)"
    with database.connect(settings, purpose="compare") as connection:
        here = dict(tuple(row) for row in connection.exec_driver_sql(query, (list(names),)))
    with closing(scratch.connect(ground.server)) as there, there.cursor() as cursor:
        cursor.execute(query, (list(names),))
        return {name: (here[name], version) for name, version in cursor.fetchall() if name in here}


def dump(settings: TargetSettings, bin_dir: Path) -> bytes:
    """Return the schema of a target as SQL. The password goes through the environment of the child."""
    url = settings.database.url
    secret = url.password or ""
    plain = url.set(drivername="postgresql", password=None).render_as_string(hide_password=True)
    command = [str(bin_dir / "pg_dump"), "--schema-only", "--no-password", f"--dbname={plain}"]
    if settings.role:
        command.append(f"--role={settings.role}")
    return child(command, b"", {"PGPASSWORD": secret} if secret else {}, "The schema cannot be dumped", _ADVICE)


_ADVICE = (
    "Give the role the right to read every table (pg_read_all_data), and see whether the schema needs an extension "
    "that the embedded server lacks."
)
