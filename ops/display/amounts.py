"""Amounts as people say them."""

from __future__ import annotations

_STEPS = ((86_400, "d", 3_600, "h"), (3_600, "h", 60, "min"), (60, "min", 1, "s"))
_UNITS = ("KiB", "MiB", "GiB", "TiB", "PiB")


def duration(seconds: float) -> str:
    """Return a time in its two largest units, rounded down: `14 min 3 s`, `2 d 4 h`, `0.3 s`."""
    seconds = max(seconds, 0.0)
    for large, its_name, small, below in _STEPS:
        if seconds >= large:
            whole, rest = divmod(int(seconds), large)
            return f"{whole} {its_name}" + (f" {rest // small} {below}" if rest // small else "")
    return f"{int(seconds)} s" if seconds >= 10 else f"{int(seconds * 10) / 10:g} s"


def many(count: int, noun: str) -> str:
    """Return a number with its noun: `1 revision`, `1,234 rows`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def moment(iso: str) -> str:
    """Return a time in UTC, as records have it, without the parts of its second: `2026-11-28 21:40:17 UTC`."""
    return f"{iso[:19].replace('T', ' ')} UTC"


def size(count: int) -> str:
    """Return a number of bytes with three digits or so, in powers of 1,024: `12.4 GiB`, `8 KiB`, `512 bytes`."""
    if count < 1024:
        return many(count, "byte")
    amount = float(count)
    for unit in _UNITS:
        amount /= 1024
        if amount < 1023.95 or unit == _UNITS[-1]:
            break
    return f"{amount:,.0f} {unit}" if amount >= 100 else f"{amount:.1f} {unit}".replace(".0 ", " ")
