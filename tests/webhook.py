"""A webhook that remembers what it was sent."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Hook:
    """A server that remembers what it was sent, and answers as it is told."""

    port: int = 0
    status: int = 200
    location: str = ""
    hang: threading.Event = field(default_factory=threading.Event)
    received: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def listening() -> Iterator[Hook]:
    """Listen on this machine until the block ends."""
    it = Hook()
    it.hang.set()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            it.received.append((self.command, self.path, dict(self.headers), body))
            it.hang.wait(60)
            self.send_response(it.status)
            if it.location:
                self.send_header("Location", it.location)
            self.end_headers()

        do_GET = do_POST

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        it.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield it
        it.hang.set()
        server.shutdown()
        thread.join()
