"""What the version files and git say of one revision beyond the history: who wrote it, and its SQL."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ops import git
from ops.errors import OpsError
from ops.project.visit import visit
from ops.settings import redact

if TYPE_CHECKING:
    from ops.history import Revision
    from ops.settings import TargetSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """Who added a revision's file to git and when, and what it runs; `why` says why there is no SQL."""

    author: str = ""
    committed: str = ""
    sql: str = ""
    why: str = ""


def about(settings: TargetSettings, revision: Revision, direction: str) -> About:
    """Return what is known of a revision; a worker writes its SQL as `alembic upgrade --sql` does, and runs nothing."""
    path = Path(os.path.realpath(revision.path))
    committed, author = git.added(path.parent).get(path, ("", ""))
    sql, why = "", ""
    try:
        with visit(settings, purpose="look") as here:
            before = (revision.revision,) if direction == "down" else revision.down_revisions
            (found,) = here.worker.request(
                "sql", direction=direction, steps=[{"revision": revision.revision, "heads": list(before)}]
            )["sql"]
            sql, why = found["sql"] or "", found.get("why") or ""
    except OpsError as error:
        why = error.problem
    return About(author=author, committed=committed[:16].replace("T", " "), sql=redact(sql), why=redact(why))
