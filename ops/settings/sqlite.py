"""A SQLite target: where its file is, and which keys of a section mean nothing there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ops.errors import SettingsError
from ops.settings import words

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

DIALECT = "sqlite"
OURS = "sqlite+pysqlite"
DRIVERS = ("pysqlite", "aiosqlite")

_MEMORY = ("", ":memory:")
_OF_A_SERVER = (
    "role", "direct_url", "direct_url_env", "scratch_url", "scratch_url_env", "max_rewrite", "statement_timeout",
    "lock_timeout_long", "statement_timeout_long", "bootstrap",
)  # fmt: skip


def is_one(text: str) -> bool:
    """Return whether a URL leads to SQLite, by whatever driver."""
    return text.strip().lower().startswith((f"{DIALECT}:", f"{DIALECT}+"))


def driver_of(url: URL, source: str) -> str:
    """Return the driver that a URL was written for; pysqlite where it names none.

    Raises
    ------
    SettingsError
        A driver that nobody knows here.
    """
    return words.driver(url, DRIVERS, source)


def file_of(url: URL, source: str) -> Path:
    """Return the file that a URL names.

    Raises
    ------
    SettingsError
        It names none: a database in memory ends with the process that made it. Or it is written as a URI of SQLite's
        own, whose options nobody reads here.
    """
    name = url.database or ""
    if name in _MEMORY or url.query.get("mode") == "memory":
        raise SettingsError(
            f"{source} is a SQLite database in memory, which ends with its process.",
            next_step="Name a file: sqlite:///folder/file.db, or sqlite:////absolute/path/file.db.",
        )
    if name.startswith("file:"):
        raise SettingsError(
            f"{source} is written as a URI of SQLite's own (file:…).",
            next_step="Write the path itself: sqlite:///folder/file.db, or sqlite:////absolute/path/file.db.",
        )
    return Path(name)


def anchored(url: URL, folder: Path, source: str) -> str:
    """Return the URL with the whole path of its file, which is relative to the folder that env.py is run in."""
    whole = url.set(database=str((folder / file_of(url, source)).absolute()))
    return whole.render_as_string(hide_password=False)


def check_keys(values: Mapping[str, str], section: object) -> None:
    """Return where a section has no key that only a server could heed: silence would be taken for a promise.

    Raises
    ------
    SettingsError
        It has one.
    """
    found = [key for key in _OF_A_SERVER if values.get(key)]
    found += [key for key in values if key.startswith(("url.", "url_env."))]
    found += ["ledger = database"] if values.get("ledger") == "database" else []
    if found:
        raise SettingsError(
            f"{section} leads to a file of SQLite's, for which {', '.join(found)} means nothing.",
            next_step="Remove that line. A SQLite target has lock_timeout, and its ledger is a file.",
        )


def refuse_sibling(text: str, section: object) -> None:
    """Raise SettingsError where one of several databases behind one env.py is a file: they are all on servers."""
    if is_one(text):
        raise SettingsError(
            f"{section}: of several databases behind one env.py none may be a file of SQLite's.",
            next_step="Give the file a target and an env.py of its own.",
        )
