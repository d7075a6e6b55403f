"""An Alembic project seen from outside: everything of its own runs in a worker process."""

from __future__ import annotations

from ops.project.conversation import Worker
from ops.project.protocol import ASKING, GO, Answer, Event, Listener, go, stop

__all__ = ["ASKING", "GO", "Answer", "Event", "Listener", "Worker", "go", "stop"]
