"""What a server did not answer, and what nobody could connect to, as errors that say what helps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ops.errors import ConnectError, first_line
from ops.settings import TargetSettings, redact

if TYPE_CHECKING:
    from sqlalchemy.exc import DBAPIError

STATEMENT_TIMEOUT = "1min"
"""No question of ours takes longer; one that does is given up rather than left on a busy server."""

NO_RIGHT = "42501"
_CANCELED = "57014"


def state(error: DBAPIError) -> str | None:
    """Return the SQLSTATE, where the server said one."""
    return getattr(error.orig, "pgcode", None)


def broken(error: DBAPIError, what: str) -> ConnectError:
    """Return the error of a question of ours that the server did not answer. We only ever ask: it changed nothing."""
    if error.connection_invalidated or state(error) is None:
        said = redact(" ".join(str(error.orig).split())).rstrip(".")
        return ConnectError(
            f"{what}: the connection was lost: {said}.",
            next_step="See whether the server runs, then run notebooks/10-inspect.ipynb.",
            code="connection-lost",
        )
    if state(error) == NO_RIGHT:
        step = "Grant the role what is named, or use a target with another role."
        return ConnectError(f"{what}: the role may not look: {first_line(error)}.", next_step=step, code="no-right")
    if state(error) == _CANCELED:
        step = "See what the server is busy with (pg_stat_activity), and run this again."
        said = f"a question of ours was not answered within {STATEMENT_TIMEOUT}"
        return ConnectError(f"{what}: {said}: {first_line(error)}.", next_step=step, code="timeout")
    return ConnectError(
        f"{what}: the server refused a question of ours: {first_line(error)}.",
        next_step="See the server's log, then run notebooks/10-inspect.ipynb.",
        code="question-refused",
    )


# What is said, and what helps. libpq's own words come in the language of this process, and the server's in that of
# its lc_messages, so anything else falls through to the general advice.
_FOR_NOW = (
    ("too many c", "Wait, or raise max_connections or the role's limit: no connection is left."),
    ("starting up", "Wait until the server has started, and run this again."),
    ("shutting down", "The server is being stopped; run this again when it is up."),
    ("in recovery mode", "Wait until the server has recovered, and run this again."),
    ("terminating connection", "The server is being stopped; run this again when it is up."),
)
_ADVICE = (
    ("password authentication failed", "Check user and password in the environment variable that holds the URL."),
    ("no password supplied", "Put the password into the URL, or into ~/.pgpass."),
    ("no pg_hba.conf entry", "Ask the server's administrator to let this host, user and database in (pg_hba.conf)."),
    ("is not permitted to log in", "Use a role that may log in, or GRANT it that right (ALTER ROLE ... LOGIN)."),
    ("permission denied for database", "Grant the role CONNECT on the database."),
    ("not currently accepting connections", "Use another database, or allow connections to this one."),
    ("definition of service", "Check the service's name in the URL and in pg_service.conf."),
    ("Connection refused", "Start the server, or check host and port."),
    ("No such file or directory", "Start the server, or check the socket folder in the URL."),
    ("Permission denied", "Check who may use the socket's folder."),
    ("could not translate host name", "Check the host name in the URL."),
    ("timeout expired", "Check host, port and firewall: nobody answered in time."),
    *_FOR_NOW,
    ("private key", "Check sslkey in the URL, and sslpassword where the key has a password."),
    ("root certificate", "Check sslrootcert in the URL: it names the file with the authority's certificate."),
    ("does not exist", "Check the name in the URL, or create it."),
    ("SSL", "Check sslmode and certificates in the URL."),
    ("certificate", "Check sslmode and certificates in the URL."),
    ("invalid", "Correct that option of the URL."),
)


def lets_nobody_in(said: str) -> str | None:
    """Return what helps where a server lets nobody in for the time being; None where it says something else."""
    return next((advice for words, advice in _FOR_NOW if words in said), None)


def cannot_connect(settings: TargetSettings, error: DBAPIError) -> ConnectError:
    """Return the error of a target that cannot be reached."""
    said = " ".join(str(error.orig).split()).rstrip(".")
    general = "Check the URL, and whether the server runs and accepts connections from here."
    advice = next((advice for words, advice in _ADVICE if words in said), general)
    return ConnectError(
        f"Target {settings.name!r} ({settings.database}) cannot be reached: {redact(said)}.", next_step=advice
    )
