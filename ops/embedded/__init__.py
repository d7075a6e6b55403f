"""The PostgreSQL that a wheel embeds: started on first use, stopped with its last user.

Only the wheel's binaries are used, never its Python code. A server is one folder and one major version:

`lease.py`     a process takes a lease and finds or starts the server
`keeper.py`    the process that runs the server while anybody holds a lease; a script of its own
`binaries.py`  where the wheel's binaries lie
`folders.py`   where a server's files and its socket lie

The server has no TCP port and no password: its socket lies in a folder of mode 0700.
"""

from __future__ import annotations

from ops.embedded.binaries import majors
from ops.embedded.lease import Server, scratch_server, server

__all__ = ["Server", "majors", "scratch_server", "server"]
