"""How replays of migrations, and models that were made, are kept: what they depend on, and how catalogs are written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ops.cache import Dependencies
from ops.catalog import Key
from ops.ground import Ground
from ops.settings import TargetSettings


def inputs(settings: TargetSettings, ground: Ground, current: Sequence[str]) -> list[object]:
    """Return by what a result is found again: the project, its section, the server, the target's current revisions."""
    project = settings.project
    values = dict(settings.section.values) if settings.section else {}
    return [
        str(project.config),
        {name: value for name, value in values.items() if name not in _NOT_OF_REPLAYS},
        project.python,
        *ground.key,
        list(current),
        str(project.baseline),
    ]


_NOT_OF_REPLAYS = (
    "url", "url_env", "scratch_url", "scratch_url_env", "protected", "ignore", "lock_timeout", "statement_timeout",
    "ledger",
)  # fmt: skip


def dependencies(settings: TargetSettings, seen: Mapping[str, Any], since: int) -> Dependencies:
    """Return the files and variables that the project has read meanwhile, and those that we read for it."""
    files = list(seen["files"])
    if settings.project.baseline is not None:
        files.append(str(settings.project.baseline))
    return Dependencies.of({**seen, "files": files}, without=settings.variables(), since=since)


def rows(texts: Mapping[Key, str | None]) -> list[list[str | None]]:
    """Return the objects of a catalog as they are written; None is gone."""
    return [[*key, text] for key, text in texts.items()]


def texts(rows: list[list[Any]]) -> dict[Key, Any]:
    """Return the objects that were written so."""
    return {Key._make(row[:4]): row[4] for row in rows}
