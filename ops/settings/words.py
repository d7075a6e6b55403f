"""The values of a target's keys: truth values, durations, paths, lists."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from ops.errors import SettingsError
from ops.settings.files import Section

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

Values = Mapping[str, str]

_TRUTH = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
_DURATION = re.compile(r"([0-9]{1,10})(ms|s|min|h)\Z")
_MILLISECONDS = {"ms": 1, "s": 1000, "min": 60_000, "h": 3_600_000}
_LONGEST = 2**31 - 1  # milliseconds, as PostgreSQL keeps them
_SIZE = re.compile(r"([0-9]{1,12})\s*(B|kB|MB|GB|TB)\Z", re.IGNORECASE)
_BYTES = {"b": 1, "kb": 1024, "mb": 1024**2, "gb": 1024**3, "tb": 1024**4}
_FUNCTION = re.compile(r"[^\W\d][\w.]*:[^\W\d]\w*\Z")


def several(value: str | None) -> tuple[str, ...]:
    """Return the lines of a value."""
    return tuple(line.strip() for line in (value or "").splitlines() if line.strip())


def path(value: str | None, beside: Path) -> Path | None:
    """Return a path, which is relative to the file that names it."""
    # os.path, as a `~somebody` whom nobody knows is no reason to fail: there is no such file.
    return (beside / os.path.expanduser(value)).absolute() if value else None


def folder(values: Values, key: str, beside: Path, section: Section) -> Path | None:
    """Return a folder, which must exist."""
    found = path(values.get(key), beside)
    if found is not None and not os.path.isdir(found):
        _refuse(values, key, section, "is not a folder", "Write a folder, relative to this file.")
    return found


def interpreter(values: Values, key: str, beside: Path, section: Section) -> str | None:
    """Return the path of an executable file."""
    found = path(values.get(key), beside)
    if found is None:
        return None
    if not (os.path.isfile(found) and os.access(found, os.X_OK)):
        step = "Point it at the application's interpreter, for example ../shop/.venv/bin/python."
        _refuse(values, key, section, "is not an executable file", step)
    return str(found)


def boolean(values: Values, key: str, default: bool, section: Section) -> bool:
    """Return a truth value."""
    if key not in values:
        return default
    known = _TRUTH.get(values[key].strip().lower())
    if known is None:
        _refuse(values, key, section, "is neither true nor false", "Write true or false.")
    return known


def duration(values: Values, key: str, default: str, section: Section, *, may_be_off: bool = False) -> str:
    """Return a time limit as PostgreSQL writes it; 0, which is none at all, only where that may be."""
    value = values.get(key, default)
    if value == "0" and may_be_off:
        return value
    match = _DURATION.match(value)
    if match is None or not 0 < int(match[1]) * _MILLISECONDS[match[2]] <= _LONGEST:
        hint = ", or as 0 for none" if may_be_off else ""
        _refuse(values, key, section, "is no duration", f"Write it as 500ms, 2s, 5min or 1h{hint}.")
    return value


def seconds(value: str) -> float:
    """Return a time limit that is written as `duration` wants it, in seconds; 0 for none."""
    match = _DURATION.match(value)
    return int(match[1]) * _MILLISECONDS[match[2]] / 1000 if match else 0.0


def size(values: Values, key: str, section: Section) -> int | None:
    """Return a number of bytes, written with its unit as PostgreSQL does; None where there is no limit."""
    value = values.get(key, "")
    if not value:
        return None
    found = bytes_of(value)
    if found is None:
        _refuse(values, key, section, "is no size", "Write it as 500MB, 1GB or 2TB.")
    return found


def bytes_of(text: str) -> int | None:
    """Return the bytes of `500MB`, `1GB`; None for what is no size. 0 needs no unit."""
    match = _SIZE.match(text.strip())
    if match is None:
        return 0 if text.strip() == "0" else None
    return int(match[1]) * _BYTES[match[2].lower()]


def word(values: Values, key: str, known: tuple[str, ...], section: Section) -> str | None:
    """Return one of the words that a key knows."""
    value = values.get(key) or None
    if value is not None and value not in known:
        _refuse(values, key, section, "is not known", f"Write {' or '.join(known)}, or remove that line.")
    return value


def function(values: Values, key: str, section: Section) -> str | None:
    """Return `module:function`."""
    value = values.get(key) or None
    if value is not None and not _FUNCTION.match(value):
        _refuse(values, key, section, "names no function", "Write it as package.module:function.")
    return value


def command(values: Values, key: str, section: Section) -> tuple[str, ...]:
    """Return the words of a command, as a shell takes them apart; no shell runs it."""
    try:
        return tuple(shlex.split(values.get(key) or ""))
    except ValueError:
        _refuse(values, key, section, "is no command", "Close what is quoted.")


def driver(url: URL, known: tuple[str, ...], source: str) -> str:
    """Return the driver that a URL was written for; the first that is known where it names none.

    Raises
    ------
    SettingsError
        It names another.
    """
    found = url.drivername.partition("+")[2] or known[0]
    if found not in known:
        raise SettingsError(
            f"{source} asks for the driver {found[:40]!r}, which is not one of {', '.join(sorted(known))}.",
            next_step="Correct the part behind the plus sign, or leave it out.",
        )
    return found


def _refuse(values: Values, key: str, section: Section, why: str, next_step: str) -> NoReturn:
    hint = " Comments stand on lines of their own." if "#" in values[key] or ";" in values[key] else ""
    raise SettingsError(f"{section}: {key} = {values[key][:200]!r} {why}.{hint}", next_step=next_step)
