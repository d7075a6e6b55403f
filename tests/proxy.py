"""A way over TCP to a server's Unix socket: slower than the straight one, or cut at a query that a test names.

`python tests/proxy.py SOCKET SECONDS` passes on what clients send so much later, and prints its port.
"""

from __future__ import annotations

import re
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

_CHUNK = 1 << 16
_APPLICATION = re.compile(r"alembic-ops (\w+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """Where a connection is cut: at a query of a session, before the server has it, or when the server has done it.

    `session` is the last word of the application name, `query` a regular expression that its beginning has to match,
    `behind` one for what the session asked before it, `nth` which of those it is. `lasting`: nobody gets through any
    more, until the next `Proxy.arm`.
    """

    session: str
    query: str
    after: bool
    behind: str = ""
    nth: int = 1
    lasting: bool = False

    def fits(self, session: str, query: str, before: str) -> bool:
        """Whether it is one of those queries."""
        return session == self.session and bool(_match(self.query, query) and _match(self.behind, before))


def _match(pattern: str, text: str) -> re.Match[str] | None:
    return re.match(pattern, text, re.IGNORECASE | re.DOTALL)


@dataclass(slots=True)
class Proxy:
    """Passes on, keeps what was asked, and cuts once where it is told to."""

    socket_path: str
    port: int = 0
    asked: list[tuple[str, str]] = field(default_factory=list)
    """The session and the text of each query since `arm`."""
    cut: Cut | None = None
    is_down: bool = False
    _fitting: int = 0
    _open: list[socket.socket] = field(default_factory=list)
    _mutex: threading.Lock = field(default_factory=threading.Lock)

    def arm(self, cut: Cut | None = None) -> None:
        """Cut there, once, counted from now on; nowhere without one."""
        with self._mutex:
            self.asked.clear()
            self.cut, self.is_down, self._fitting = cut, False, 0

    @property
    def has_cut(self) -> bool:
        """Whether the query came that was waited for."""
        return self.cut is None

    def serve(self, listener: socket.socket) -> None:
        """Accept clients until the listener is closed."""
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                if self.is_down:
                    client.close()
                    continue
                there = _connected(client, self.socket_path)
                _Session(self, client, there).start()

    def heard(self, session: str, query: str, before: str) -> Cut | None:
        """Note a query, and what the session asked before it; return the cut that is to be made at it."""
        with self._mutex:
            self.asked.append((session, query))
            cut = self.cut
            if cut is None or not cut.fits(session, query, before):
                return None
            self._fitting += 1
            if self._fitting < cut.nth:
                return None
            self.cut, self.is_down = None, cut.lasting
            return cut

    def close_all(self) -> None:
        """Cut every connection that there is."""
        with self._mutex:
            there, self._open = self._open, []
        for one in there:
            _end(one)

    def opened(self, *sockets: socket.socket) -> None:
        """Know of a connection."""
        with self._mutex:
            self._open += sockets


class _Session:
    """One client, with the server's process for it."""

    def __init__(self, proxy: Proxy, client: socket.socket, server: socket.socket) -> None:
        self.proxy, self.client, self.server = proxy, client, server
        self.name = self.asked = ""
        self.cutting = threading.Event()
        proxy.opened(client, server)

    def start(self) -> None:
        for one in (self._questions, self._answers):
            threading.Thread(target=one, daemon=True).start()

    def _questions(self) -> None:
        with suppress(OSError, EOFError):
            self.server.sendall(_startup(self.client))
            while True:
                kind, message = _message(self.client)
                if kind == b"Q" and (cut := self._cut(message[5:-1].decode("utf-8", "replace").strip())):
                    if not cut.after:
                        break
                    self.cutting.set()
                self.server.sendall(message)
        self._end()

    def _answers(self) -> None:
        with suppress(OSError, EOFError):
            while True:
                kind, message = _message(self.server)
                if not self.cutting.is_set():
                    self.client.sendall(message)
                elif kind == b"Z":  # the server is ready for the next query: it has done this one
                    break
        self._end()

    def _cut(self, query: str) -> Cut | None:
        if not self.name and (found := _APPLICATION.search(query)):
            self.name = found[1]
        before, self.asked = self.asked, query
        return self.proxy.heard(self.name, query, before)

    def _end(self) -> None:
        for one in (self.client, self.server):
            _end(one)
        if self.proxy.is_down:
            self.proxy.close_all()


def _end(one: socket.socket) -> None:
    with suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()


def _exactly(source: socket.socket, count: int) -> bytes:
    found = bytearray()
    while len(found) < count:
        chunk = source.recv(count - len(found))
        if not chunk:
            raise EOFError
        found += chunk
    return bytes(found)


def _startup(client: socket.socket) -> bytes:
    """The first message, which has no kind. Whoever asks for encryption first is not understood: `sslmode=disable`."""
    length = _exactly(client, 4)
    return length + _exactly(client, int.from_bytes(length, "big") - 4)


def _message(source: socket.socket) -> tuple[bytes, bytes]:
    head = _exactly(source, 5)
    return head[:1], head + _exactly(source, int.from_bytes(head[1:], "big") - 4)


def _connected(client: socket.socket, path: str) -> socket.socket:
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    there = socket.socket(socket.AF_UNIX)
    there.connect(path)
    return there


@contextmanager
def proxy(socket_path: str) -> Iterator[Proxy]:
    """Yield a proxy that runs in threads of this process."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        one = Proxy(socket_path, port=listener.getsockname()[1])
        threading.Thread(target=one.serve, args=(listener,), daemon=True).start()
        try:
            yield one
        finally:
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)  # else whoever accepts would go on waiting
            one.close_all()


def slow(socket_path: str, seconds: float) -> None:
    """Pass on what comes from clients so much later, and answers at once."""

    def pass_on(source: socket.socket, sink: socket.socket, wait: Callable[[], object]) -> None:
        with suppress(OSError):
            while chunk := source.recv(_CHUNK):
                wait()
                sink.sendall(chunk)
        with suppress(OSError):
            sink.shutdown(socket.SHUT_WR)

    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    while True:
        client, _ = listener.accept()
        there = _connected(client, socket_path)
        threading.Thread(target=pass_on, args=(client, there, lambda: time.sleep(seconds)), daemon=True).start()
        threading.Thread(target=pass_on, args=(there, client, lambda: None), daemon=True).start()


if __name__ == "__main__":
    slow(sys.argv[1], float(sys.argv[2]))
