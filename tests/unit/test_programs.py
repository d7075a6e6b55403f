"""The programs of PostgreSQL's, run as children."""

from __future__ import annotations

import socket

import pytest

from ops import embedded, programs, scratch
from ops.errors import OpsError


def test_a_server_that_says_nothing_is_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scratch, "CONNECT_SECONDS", 2)
    monkeypatch.setattr(programs, "SECONDS", 20)
    folder = programs.folder_for(max(embedded.majors()))

    with socket.create_server(("127.0.0.1", 0)) as silent:  # it takes the connection, and no more
        host, port = silent.getsockname()
        with pytest.raises(OpsError, match="timeout expired"):
            programs.child([str(folder / "psql"), f"host={host} port={port} user=u"], b"", {}, "Nothing", "Wait.")
