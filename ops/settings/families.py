"""Several databases behind one env.py: a section with `url.NAME` is a target for each of them, `TARGET.NAME`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from ops.errors import SettingsError
from ops.settings.files import Section

_KEY = re.compile(r"(url|url_env)\.(.*)\Z", re.DOTALL)
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,31}\Z")
_OF_ONE = ("url", "url_env", "direct_url", "direct_url_env", "redirect", "baseline", "bootstrap")
"""Keys that mean one database, and so none of several."""


def members(section: Section) -> tuple[Section, ...]:
    """Return a section for each of its databases; itself where it has one, or where `refuse` has something to say."""
    names = _names(section.values)
    if not names or _problem(section):
        return (section,)
    return tuple(_member(section, name) for name in dict.fromkeys(names.values()))


def siblings(section: Section) -> tuple[str, ...]:
    """Return the names of the other databases of a member."""
    return tuple(_names(section.values).values())


def refuse(section: Section) -> None:
    """Raise SettingsError where a section has keys of several databases that do not fit together."""
    if not section.part and (problem := _problem(section)):
        raise SettingsError(f"{section}: {problem}.", next_step="Correct that line; docs/targets.md shows how.")


def _names(values: Mapping[str, str]) -> dict[str, str]:
    """The keys that name a database, and the names."""
    return {key: match[2] for key in values if (match := _KEY.match(key))}


def _problem(section: Section) -> str:
    names = _names(section.values)
    if not names:
        return ""
    for key, name in names.items():
        if not _NAME.match(name):
            return f"{key[:80]!r} names no database; names are letters, digits, '_' and '-'"
    if len(set(names.values())) < len(names):
        return "one database has both url.NAME and url_env.NAME"
    alone = [key for key in _OF_ONE if key in section.values]
    return f"{alone[0]} is a key of one database, and url.NAME of several" if alone else ""


def _member(section: Section, name: str) -> Section:
    own = (f"url.{name}", f"url_env.{name}")
    values = {key: value for key, value in section.values.items() if key not in own}
    values |= {key.partition(".")[0]: section.values[key] for key in own if key in section.values}
    return replace(section, name=f"{section.name}.{name}", values=values, part=name)
