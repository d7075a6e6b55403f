"""Storage options, written name=value, and the options of foreign objects."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ops.catalog.names import literal
from ops.remedy import words

_BARE = re.compile(r"-?\d+(\.\d+)?\Z|true\Z|false\Z|on\Z|off\Z")


SECRET = "=***"


def secrets(given: Iterable[str] | None) -> list[str]:
    """Return the names of the options whose values are secrets, which no catalog holds."""
    return [one.removesuffix(SECRET) for one in given or () if one.endswith(SECRET)]


def pairs(given: Iterable[str] | None) -> dict[str, str]:
    """Return options as a mapping."""
    known = (one.partition("=") for one in given or () if not one.endswith(SECRET))
    return {name: value for name, _, value in known}


def listed(given: Iterable[str] | None, prefix: str = "") -> str:
    """Return options as WITH wants them, without the parentheses."""
    return ", ".join(
        f"{prefix}{words.identifier(name)}={value if _BARE.match(value) else literal(value)}"
        for name, value in pairs(given).items()
    )


def settings(before: Iterable[str] | None, after: Iterable[str] | None, prefix: str = "") -> list[str]:
    """Return SET (…) and RESET (…), as far as they are needed."""
    old, new = pairs(before), pairs(after)
    gone = [prefix + words.identifier(name) for name in old if name not in new]
    come = [f"{name}={value}" for name, value in new.items() if old.get(name) != value]
    found = [f"RESET ({', '.join(gone)})"] if gone else []
    return [*found, f"SET ({listed(come, prefix)})"] if come else found


def foreign(before: Iterable[str] | None, after: Iterable[str] | None) -> str:
    """Return OPTIONS (…) as ALTER wants it for a foreign object; empty where nothing differs."""
    old, new = pairs(before), pairs(after)
    parts = [f"DROP {words.identifier(name)}" for name in old if name not in new]
    for name, value in new.items():
        if name not in old:
            parts.append(f"ADD {words.identifier(name)} {literal(value)}")
        elif old[name] != value:
            parts.append(f"SET {words.identifier(name)} {literal(value)}")
    return f"OPTIONS ({', '.join(parts)})" if parts else ""


def foreign_clause(given: Iterable[str] | None) -> str:
    """Return OPTIONS (…) as CREATE wants it for a foreign object; empty where there are none."""
    parts = [f"{words.identifier(name)} {literal(value)}" for name, value in pairs(given).items()]
    return f"OPTIONS ({', '.join(parts)})" if parts else ""
