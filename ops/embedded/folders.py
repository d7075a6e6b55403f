"""The folders of an embedded server: its files, and its socket, whose path must be short."""

from __future__ import annotations

import hashlib
import os
import pwd
import re
import stat
import tempfile
from pathlib import Path

from ops.embedded import keeper
from ops.errors import OpsError

SOCKET_BYTES = 103 if os.uname().sysname == "Darwin" else 107  # the longest path that the kernel takes
CHOICE = "Set OPS_EMBEDDED_DIR to a folder of your own, or run this as the account that owns it."


def of_server(home: Path, major: int, kind: str = "postgres") -> Path:
    """Return the folder of one server: under `OPS_EMBEDDED_DIR` where that is set, else under `home`."""
    parent = os.environ.get("OPS_EMBEDDED_DIR") or os.path.join(home, ".ops")
    return Path(os.path.abspath(parent)) / f"{kind}-{major}"


def prepare(folder: Path) -> None:
    """Make the folder, for us alone.

    Raises
    ------
    OpsError
        It belongs to another account, or cannot be made.
    """
    who = f"this process runs as {_account(os.geteuid())}"
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.stat()
    except PermissionError as error:
        problem = f"The embedded PostgreSQL cannot use {folder}: {who}, which may not reach or make it."
        raise OpsError(problem, next_step=CHOICE, code="embedded") from error
    if found.st_uid != os.geteuid():
        owner = _account(found.st_uid)
        problem = f"The embedded PostgreSQL in {folder} belongs to {owner}, but {who}."
        raise OpsError(problem, next_step=CHOICE, code="embedded")
    if stat.S_IMODE(found.st_mode) & 0o066:
        folder.chmod(0o700)


def for_socket(folder: Path) -> Path:
    """Return where the server's socket is to lie: beside its files, or where that path would be too long,
    in a folder of ours in the temporary folder. Nothing is made yet.

    Raises
    ------
    OpsError
        No place has a path that is short enough.
    """
    digest = hashlib.sha256(os.fsencode(os.path.realpath(folder))).hexdigest()[:20]
    ours = Path(f"alembic-ops-{os.geteuid()}", digest)
    for place in (folder / "socket", Path(tempfile.gettempdir(), ours), Path("/tmp", ours)):
        # A comma means "several hosts" to libpq and SQLAlchemy; the others mean something in settings.
        strange = re.search(r"[\x00-\x1f,:;%'\"\\\ud800-\udfff]", str(place))
        if not strange and len(os.fsencode(place / keeper.SOCKET)) <= SOCKET_BYTES:
            return place
    raise OpsError(
        "No folder for the embedded PostgreSQL's socket has a path that is short enough.",
        next_step="Set TMPDIR or OPS_EMBEDDED_DIR to a folder with a short path.",
        code="embedded",
    )


def _account(uid: int) -> str:
    try:
        return f"account {pwd.getpwuid(uid).pw_name!r}"
    except KeyError:
        return f"account number {uid}"
