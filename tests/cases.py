"""The fixture projects of tests/projects: tiny complete Alembic projects, each with a `case.toml`.

`[target]` holds the keys of an `[ops:target:NAME]` section, without the URL; its paths are relative to the
project's folder, and its templates are the section's own (`{url}`, `{host}`, ...), but for `{other}` in
`other_database`: the test puts the URL of another database there.

`[expect]` says what is so, as far as the keys are there:

heads, bases, labels, revisions    what the version files say; `revisions` is their number
tables                             after `upgrade head`, sorted, without the version table
version_table, version_table_schema    where they are not the usual ones
otherwise                          what is said at the steps that do not end OK: words of each, by its name
unimported, unimported_tables      modules, and their tables, that `target_metadata` misses
error                              a regular expression that fits what goes wrong; empty: the process just ends
when                               what goes wrong then: `scripts` (reading the version files), `env` (running
                                   env.py), `upgrade`, `downgrade`
applied                            what stays applied after the failed upgrade to head
failing, failing_file              the revision and the file that are to blame
warning                            a regular expression that fits a warning of Alembic's
quick_to                           the last revision before the slow one
"""

from __future__ import annotations

import shutil
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROJECTS = Path(__file__).with_name("projects")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One fixture project."""

    name: str
    about: str
    folder: Path
    target: dict[str, str]
    expect: dict[str, Any]


def projects() -> dict[str, Case]:
    """Return every fixture project by its name."""
    return {file.parent.name: _read(file) for file in sorted(PROJECTS.glob("*/case.toml"))}


def copy_to(case: Case, folder: Path) -> Path:
    """Copy a project below a folder, and return the copy: tests never run one in place."""
    copy = folder / case.name
    shutil.copytree(case.folder, copy, ignore=shutil.ignore_patterns("__pycache__", "case.toml"))
    return copy


def _read(file: Path) -> Case:
    content = tomllib.loads(file.read_text(encoding="utf-8"))
    return Case(
        name=file.parent.name,
        about=content["about"],
        folder=file.parent,
        target=content["target"],
        expect=content["expect"],
    )
