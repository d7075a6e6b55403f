"""Whose a difference is: the revision that last touched the object, and who wrote its file."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ops import git
from ops.catalog import Key
from ops.catalog.roots import PARENTS
from ops.history import History, Revision
from ops.replay import Replay
from ops.threeway import Cause, Judged


@dataclass(frozen=True, slots=True, kw_only=True)
class Blame:
    """The revision that last touched an object, and who wrote its file.

    `file` is relative to the project's folder where it lies in it. Date and author are those of the commit that added
    the file; without git the date is the one that the file itself gives.
    """

    revision: str
    message: str
    file: str
    date: str | None = None
    author: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the blame as `result.json` has it."""
        return {name: getattr(self, name) for name in self.__slots__}


def blame(
    judged: Iterable[Judged], replayed: Replay, history: History, project: Path
) -> Mapping[tuple[Cause, Key], Blame]:
    """Return who is to be asked about each difference, where that is known. `project` is the project's folder."""
    named: dict[tuple[Cause, Key], Revision] = {}
    for item in judged:
        revision = history.by_id.get(revision_of(item, replayed) or "")
        if revision is not None:
            named[(item.cause, item.difference.key)] = revision
    folders = {Path(one.path).parent for one in named.values()}
    added = {path: commit for folder in folders for path, commit in git.added(folder).items()}
    found = {one.revision: _of(one, added, project) for one in named.values()}
    return {key: found[one.revision] for key, one in named.items()}


def revision_of(item: Judged, replayed: Replay) -> str | None:
    """Return the revision that last touched an object, or else what it belongs to; of what is pending, the first."""
    one = item.difference
    key = one.before or one.key
    place = replayed.current or 0
    if item.cause in (Cause.PENDING, Cause.AHEAD_BY_HAND):
        coming = replayed.first_touch((key, one.key, *one.consequences), place)
        if coming is not None:
            return coming
    until = len(replayed.revisions) if item.cause is Cause.MODEL_WITHOUT_MIGRATION else place
    relations = (Key(kind, key.schema, "", key.parent) for kind in PARENTS) if key.parent else ()
    return replayed.last_touch((key, *relations), until)


def _of(revision: Revision, added: Mapping[Path, tuple[str, str]], project: Path) -> Blame:
    path = Path(os.path.realpath(revision.path))
    date, author = added.get(path, (revision.created, None))
    base = Path(os.path.realpath(project))
    return Blame(
        revision=revision.revision,
        message=revision.message,
        file=str(path.relative_to(base)) if path.is_relative_to(base) else str(path),
        date=date,
        author=author,
    )
