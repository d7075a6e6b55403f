"""A target's schema, without its rows, on a scratch server: so that one server writes both sides of a comparison."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from pathlib import Path

from ops import catalog, database, scratch
from ops.cache import Cache, Dependencies
from ops.catalog import Catalog, Key
from ops.errors import OpsError
from ops.replay import Ground, make_roles
from ops.settings import TargetSettings, redact

SECONDS = 600


def as_written_there(settings: TargetSettings, ground: Ground, live: Catalog, table: tuple[str, str]) -> Catalog:
    """Return a live catalog as the scratch server writes it; kept for as long as the live schema is the same.

    Servers of different major versions print the same view, default or constraint differently.

    Raises
    ------
    OpsError
        The schema cannot be dumped, or not be restored there.
    """
    cache = Cache(settings.home)
    inputs = [live.fingerprint, live.server_version, ground.server.major, ground.roles, table]
    found = cache.get("clone", inputs)
    if found is not None:
        texts = {Key._make(row[:4]): row[4] for row in found["texts"]}
        return replace(live, texts=texts, server_version=found["server_version"])
    with scratch.database_on(ground.server, prefix="clone") as url:
        make_roles(ground)
        restore(dump(settings, ground.server.bin_dir), url, ground.server.bin_dir)
        copy = replace(settings.with_url(url), role=None, embedded=False)
        with database.connect(copy, purpose="clone") as connection:
            made = catalog.read(connection, version_table=table)
    payload = {"server_version": made.server_version, "texts": [[*key, text] for key, text in made.texts.items()]}
    cache.put("clone", inputs, payload, Dependencies())
    return replace(live, texts=made.texts, server_version=made.server_version)


def dump(settings: TargetSettings, bin_dir: Path) -> bytes:
    """Return the schema of a target as SQL. The password goes through the environment of the child."""
    url = settings.database.url
    secret = url.password or ""
    plain = url.set(drivername="postgresql", password=None).render_as_string(hide_password=True)
    command = [str(bin_dir / "pg_dump"), "--schema-only", "--no-password", f"--dbname={plain}"]
    if settings.role:
        command.append(f"--role={settings.role}")
    return _run(command, b"", {"PGPASSWORD": secret} if secret else {}, "The schema cannot be dumped")


def restore(script: bytes, url: str, bin_dir: Path) -> None:
    """Run a dump in a scratch database."""
    from sqlalchemy.engine import make_url

    plain = make_url(url).set(drivername="postgresql").render_as_string()
    command = [str(bin_dir / "psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", "--no-password", plain]
    _run(command, script, {}, "The schema cannot be restored on the scratch server")


def _run(command: list[str], given: bytes, environment: dict[str, str], problem: str) -> bytes:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    try:
        done = subprocess.run(
            command, input=given, capture_output=True, timeout=SECONDS, env={**kept, **environment}, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise OpsError(f"{problem}: {type(error).__name__}.", next_step=_ADVICE, code="clone") from None
    if done.returncode != 0:
        lines = [line for line in done.stderr.decode("utf-8", "replace").splitlines() if line.strip()]
        said = redact(lines[0] if lines else f"exit code {done.returncode}")
        raise OpsError(f"{problem}: {said}", next_step=_ADVICE, code="clone")
    return done.stdout


_ADVICE = (
    "Give the role the right to read every table (pg_read_all_data), and see whether the schema needs an extension "
    "that the embedded server lacks."
)
