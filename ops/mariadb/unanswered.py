"""What is said where a server cannot be reached, or does not answer a question of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ops.errors import ConnectError
from ops.settings import TargetSettings, redact

if TYPE_CHECKING:
    from sqlalchemy.exc import DBAPIError

_LOST = (2006, 2013, 2055, 1927, 1053)
_NO_RIGHT = (1044, 1142, 1143, 1227, 1370)
_TIMED_OUT = (1969, 1205)

_ADVICE = {
    1045: "Check user and password in the environment variable that holds the URL; and whether the account wants TLS "
    "(ssl_ca in the URL) or a certificate (ssl_cert and ssl_key): SHOW CREATE USER says so behind REQUIRE.",
    1698: "That account is let in by its socket only: use another one, or that socket.",
    1044: "Grant the account rights on that database.",
    1049: "Check the name in the URL, or create it: CREATE DATABASE.",
    1040: "Wait, or raise max_connections: no connection is left.",
    1203: "Wait, or raise max_user_connections: that account has no connection left.",
    1226: "Wait, or raise what that account may use.",
    1053: "The server is being stopped; run this again when it is up.",
    1130: "Ask the server's administrator to let this host in.",
    3159: "Write ssl_ca into the URL: the server wants TLS.",
    2003: "Start the server, or check host and port; one that listens on a socket alone wants ?unix_socket=/path.",
    2002: "Start the server, or check the socket in the URL.",
    2013: "Check host, port and firewall, and whether that is a MariaDB.",
    2026: "Check what the URL says of TLS, and whether the server speaks it (ssl_cert and ssl_key there).",
}
_UNVERIFIED = (
    "Check ssl_ca in the URL, and the host: the certificate has to be signed by the one, and made for the other. "
    "Whether it is another server that answers there, only its administrator can tell."
)


def cannot_connect(settings: TargetSettings, error: DBAPIError) -> ConnectError:
    """Return the error of a server that cannot be reached, or lets nobody in."""
    general = "Check the URL, and whether the server runs and accepts connections from here."
    text = said(error)
    advice = _UNVERIFIED if "certificate verify failed" in text.lower() else _ADVICE.get(errno(error), general)
    return ConnectError(f"Target {settings.name!r} ({settings.database}) cannot be reached: {text}.", next_step=advice)


def broken(error: DBAPIError, what: str) -> ConnectError:
    """Return the error of a question of ours that the server did not answer. We only ever ask: it changed nothing."""
    code = errno(error)
    if error.connection_invalidated or code in _LOST or code == 0:
        return ConnectError(
            f"{what}: the connection was lost: {said(error)}.",
            next_step="See whether the server runs, then run notebooks/10-inspect.ipynb.",
            code="connection-lost",
        )
    if code in _NO_RIGHT:
        step = "Grant the account what is named, or use a target with another one."
        return ConnectError(f"{what}: the account may not look: {said(error)}.", next_step=step, code="no-right")
    if code in _TIMED_OUT:
        step = "See what the server is busy with (SHOW FULL PROCESSLIST), and run this again."
        return ConnectError(
            f"{what}: a question of ours was not answered in time: {said(error)}.", next_step=step, code="timeout"
        )
    return ConnectError(
        f"{what}: the server refused a question of ours: {said(error)}.",
        next_step="See the server's log, then run notebooks/10-inspect.ipynb.",
        code="question-refused",
    )


def errno(error: DBAPIError) -> int:
    """Return the server's or the driver's number of an error; 0 where it has none."""
    return number_of(error.orig)


def number_of(error: BaseException | None) -> int:
    """Return the same of the driver's own exception."""
    args = getattr(error, "args", None) or (0,)
    return args[0] if isinstance(args[0], int) else 0


def said(error: DBAPIError) -> str:
    """Return what the server said, in one line, without secrets."""
    args = getattr(error.orig, "args", None) or ("",)
    return redact(" ".join(str(args[-1] or type(error.orig).__name__).split())).rstrip(".")
