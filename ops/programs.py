"""The programs of PostgreSQL that are run as children: `psql` and `pg_dump`."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from ops import scratch
from ops.embedded import binaries
from ops.errors import OpsError
from ops.settings import redact

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

SECONDS = 600


def folder_for(major: int) -> Path:
    """Return where the programs are that are not older than a server of this major version, and no newer than needed.

    A newer pg_dump writes settings that an older server does not know; an older one refuses a newer server, and says so
    itself where there is none that is new enough.
    """
    there = binaries.majors()
    return binaries.folder_of(min((one for one in there if one >= major), default=max(there)))


def run(script: bytes, url: str, bin_dir: Path) -> None:
    """Run a script as psql does, with its meta-commands: what pg_dump writes has some.

    Raises
    ------
    OpsError
        A statement failed, or all of them took longer than `SECONDS`.
    """
    from sqlalchemy.engine import make_url

    address, environment = public(make_url(url))
    command = [str(bin_dir / "psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", "--no-password", "-f", "-", address]
    child(command, script, environment, "The script cannot be run on the scratch server", "Look at that statement.")


def public(url: URL) -> tuple[str, dict[str, str]]:
    """Return how libpq is told of a database, which may be an argument, and the environment with its password.

    Raises
    ------
    OpsError
        It has a password for a client key, which libpq takes from nowhere else.
    """
    if url.query.get("sslpassword"):
        raise OpsError(
            "The URL has an sslpassword, which pg_dump and psql take from their arguments only, where everybody on "
            "this machine could read it.",
            next_step="Use a client key without a password, in a file that only its owner can read.",
            code="clone",
        )
    from psycopg2.extensions import make_dsn

    options = scratch.options(url)
    secret = options.pop("password", "")
    return make_dsn(**options), {"PGPASSWORD": secret} if secret else {}


def child(
    command: list[str], given: bytes, environment: dict[str, str], problem: str, advice: str, *, inherit: bool = False
) -> bytes:
    """Return what a program of PostgreSQL's printed; passwords go through its environment, never its arguments.

    `inherit`: whether it sees our own environment's settings for libpq, as our own connections do.

    Raises
    ------
    OpsError
        It cannot be started, failed, or took longer than `SECONDS`.
    """
    try:
        done = subprocess.run(
            command,
            input=given,
            capture_output=True,
            timeout=SECONDS,
            env=variables(environment, inherit=inherit),
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise OpsError(f"{problem}: {type(error).__name__}.", next_step=advice, code="clone") from None
    if done.returncode != 0:
        lines = [line for line in done.stderr.decode("utf-8", "replace").splitlines() if line.strip()]
        said = redact(lines[0] if lines else f"exit code {done.returncode}")
        raise OpsError(f"{problem}: {said}", next_step=advice, code="clone")
    return done.stdout


def variables(more: dict[str, str], *, inherit: bool = False) -> dict[str, str]:
    """Return the environment of such a program: ours, without settings for libpq that were meant for another one.

    It does not wait for ever for a server that takes the connection and says nothing.
    """
    ours = {name: value for name, value in os.environ.items() if inherit or not name.startswith("PG")}
    return {"PGCONNECT_TIMEOUT": str(scratch.CONNECT_SECONDS), **ours, **more}
