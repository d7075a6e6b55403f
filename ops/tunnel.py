"""A way to a server that wants TLS, for the embedded programs, which speak none.

Our own connection tells whether it is encrypted, and with which certificates. Where it is, a socket of ours stands in
for the server: what `pg_dump` says there goes on through TLS that is checked as libpq checks it. The socket lies in a
folder that nobody else may enter.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import ssl
import struct
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ops import database, programs, scratch
from ops.errors import OpsError
from ops.settings import TargetSettings
from ops.settings.urls import PORT, host_of

_REQUEST = struct.pack("!ii", 8, 80877103)
"""Asks a server for TLS. Source: https://www.postgresql.org/docs/current/protocol-message-formats.html (SSLRequest)"""
_SASL = struct.pack("!i", 10)
"""Asks a client for a password by SCRAM, and names the ways. Source: the same page (AuthenticationSASL)."""
_KEPT = ("application_name", "client_encoding", "options")
_HOME = Path("~/.postgresql")
_CHUNK = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """Where our own connection is, and what it was encrypted with; as libpq calls it."""

    address: str
    host: str
    port: int
    password: str
    options: Mapping[str, str]


@contextmanager
def way_to(settings: TargetSettings) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield how a program is told of a target, which may be an argument, and the environment with its password.

    Raises
    ------
    ConnectError
        The server cannot be reached.
    OpsError
        It is reached in a way that the embedded programs have no word for.
    """
    url = settings.database.url
    server = None if host_of(url).startswith("/") else _encrypted(settings)
    if server is None:
        yield programs.public(url)
        return
    from psycopg2.extensions import make_dsn

    parts = {name: value for name, value in scratch.options(url).items() if name in _KEPT}
    with tempfile.TemporaryDirectory(prefix="ops-tls-") as folder, _standing_in(Path(folder), server):
        address = make_dsn(
            host=folder,
            port=PORT,
            user=server.options["user"],
            dbname=server.options["dbname"],
            sslmode="disable",
            **parts,
        )
        yield address, {"PGPASSWORD": server.password} if server.password else {}


def _encrypted(settings: TargetSettings) -> Server | None:
    """Where our own connection is, if it is encrypted; None if not."""
    with database.connect(settings, purpose="dump") as connection:
        info = connection.connection.driver_connection.info  # type: ignore[union-attr]
        if not info.ssl_in_use:
            return None
        options = info.dsn_parameters
        address = options.get("hostaddr", "")
        return Server(
            address=address if address and "," not in address else info.host,
            host=info.host,
            port=info.port,
            password=info.password or "",
            options=options,
        )


def context_of(options: Mapping[str, str]) -> ssl.SSLContext:
    """Return how a server is checked, as libpq does with these options.

    Raises
    ------
    OpsError
        An option that is not understood here, or a certificate that cannot be read.

    Source
    ------
    https://www.postgresql.org/docs/current/libpq-ssl.html
    """
    if options.get("sslcrl") or options.get("sslcrldir"):
        raise _refused("sslcrl")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    mode = options.get("sslmode", "prefer")
    context.check_hostname = mode == "verify-full"
    root = _file(options, "sslrootcert", "root.crt")
    try:
        if root == "system":
            context.check_hostname = True
            context.load_default_certs()
        elif root is not None:
            context.load_verify_locations(root)
        elif not mode.startswith("verify"):
            context.verify_mode = ssl.CERT_NONE
        certificate = _file(options, "sslcert", "postgresql.crt")
        if certificate is not None:
            # Always a password: without one, OpenSSL would ask the terminal for it.
            context.load_cert_chain(
                certificate, _file(options, "sslkey", "postgresql.key"), lambda: options.get("sslpassword", "")
            )
    except (OSError, ssl.SSLError) as error:
        raise OpsError(
            f"A certificate of the target's cannot be used: {error.strerror or type(error).__name__}.",
            next_step="Check sslrootcert, sslcert, sslkey and sslpassword in the URL.",
            code="tls",
        ) from None
    return context


def _file(options: Mapping[str, str], name: str, usual: str) -> str | None:
    """The file that an option names, or the one where libpq looks for it; None where there is none."""
    if options.get(name):
        return options[name]
    there = os.path.expanduser(_HOME / usual)
    return there if os.path.isfile(there) else None


def _refused(option: str) -> OpsError:
    return OpsError(
        f"The URL has {option}, which the embedded pg_dump cannot be given.",
        next_step="Use a URL without it for this target.",
        code="tls",
    )


@contextmanager
def _standing_in(folder: Path, server: Server) -> Iterator[None]:
    """Stand in for a server at a socket in a folder, from a thread of its own."""
    context = context_of(server.options)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    path = str(folder / f".s.PGSQL.{PORT}")
    started = asyncio.start_unix_server(lambda reader, writer: _passed_on(reader, writer, server, context), path)
    listening = asyncio.run_coroutine_threadsafe(started, loop).result()
    try:
        yield
    finally:
        asyncio.run_coroutine_threadsafe(_ended(listening), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _ended(listening: asyncio.Server) -> None:
    listening.close()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for one in others:
        one.cancel()
    await asyncio.gather(*others, return_exceptions=True)


async def _passed_on(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, server: Server, context: ssl.SSLContext
) -> None:
    """Pass on what one client says, and what the server answers, until either hangs up."""
    with contextlib.suppress(OSError, EOFError, asyncio.CancelledError), contextlib.closing(writer):
        there, onward = await _connected(server, context)
        with contextlib.closing(onward):
            ways = [asyncio.ensure_future(_pump(reader, onward)), asyncio.ensure_future(_answers(there, writer))]
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for one in ways:
                    one.cancel()


async def _connected(server: Server, context: ssl.SSLContext) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    loop = asyncio.get_running_loop()
    plain = await loop.run_in_executor(None, socket.create_connection, (server.address, server.port), 10)
    plain.setblocking(False)
    await loop.sock_sendall(plain, _REQUEST)
    if await loop.sock_recv(plain, 1) != b"S":
        plain.close()
        raise ConnectionError("the server speaks no TLS any more")
    return await asyncio.open_connection(sock=plain, ssl=context, server_hostname=server.host)


async def _answers(source: asyncio.StreamReader, drain: asyncio.StreamWriter) -> None:
    """Pass on what the server answers, but that a password may be bound to the TLS, which its client does not see."""
    with contextlib.suppress(OSError, EOFError):
        head = await source.readexactly(5)
        body = await source.readexactly(int.from_bytes(head[1:], "big") - 4)
        if head[:1] == b"R" and body[:4] == _SASL:
            known = [one for one in body[4:].split(b"\0") if one and not one.endswith(b"-PLUS")]
            body = _SASL + b"".join(one + b"\0" for one in known) + b"\0"
        drain.write(head[:1] + (len(body) + 4).to_bytes(4, "big") + body)
        await _pump(source, drain)


async def _pump(source: asyncio.StreamReader, drain: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await source.read(_CHUNK):
            drain.write(data)
            await drain.drain()
