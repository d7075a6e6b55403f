"""The words of one value: the same in HTML, in plain text and in a picture."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from datetime import date, datetime, time
from decimal import Decimal
from typing import Literal

from ops.display.blocks import Code, Mark, Name, Table, Tone
from ops.secrets import redact

CELL_LIMIT = 600
CODE_LIMIT = 60_000
NOTE_LIMIT = 4_000
ROW_LIMIT = 500
DASH = "–"

Kind = Literal["text", "name", "number", "mark", "none"]

# What has no shape of its own, or reorders its neighbours, can make one name look like another:
# https://www.unicode.org/reports/tr36/#Bidirectional_Text_Spoofing. Joiners shape some scripts and are left
# alone there; beside ASCII they serve disguise only. Surrogates cannot be encoded, noncharacters not parsed.
_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f"
    "\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb\ufffe\uffff\ud800-\udfff\U000e0000-\U000e007f]"
    "|(?<=[!-~])[\u200c\u200d]|[\u200c\u200d](?=[!-~])"
)
_LOOKS_LIKE_ID = re.compile(r"(?=[0-9a-f]*[0-9])[0-9a-f]{8,64}\Z")
_TONE_WORDS: dict[Tone, str] = {
    "plain": "",
    "ok": "Good:",
    "attention": "Attention:",
    "bad": "Problem:",
    "unknown": "Unknown:",
}


def visible(text: str, *, tabs: bool = False) -> str:
    """Return the text with every control, invisible and reordering character made visible.

    Line breaks stay, and so do tabs where `tabs` is true. The result can be encoded as UTF-8 and is made of
    characters that XML allows.
    """
    text = _HIDDEN.sub(_code_point, text.replace("\r\n", "\n"))
    return text if tabs else text.replace("\t", "⟨U+0009⟩")


def _code_point(match: re.Match[str]) -> str:
    # Not the Unicode pictures of control characters: few fonts have them.
    return f"⟨U+{ord(match.group()):04X}⟩"


def cut(text: str, limit: int) -> str:
    """Return at most `limit` characters of the text, and after them how many are missing."""
    if len(text) <= limit:
        return text
    return f"{text[:limit]} … [{len(text) - limit:,} more characters not shown]"


def shown(text: object, *, limit: int = CELL_LIMIT) -> str:
    """Return what is shown of a text: without secrets, cut, then made visible."""
    return visible(cut(redact(str(text)), limit))


def words(value: object, *, limit: int = CELL_LIMIT) -> str:
    """Return what is shown of any value that a cell may hold."""
    return visible(cut(redact(_spelled(value)), limit))


def shown_code(code: Code) -> str:
    """Return what is shown of a code block: line breaks and indentation stay, tabs are four columns."""
    return visible(cut(redact(code.text), CODE_LIMIT), tabs=True).expandtabs(4).strip("\n")


def rows_left_out(table: Table) -> str:
    """Return the remark under a table that is shown in part."""
    return f"… {len(table.rows) - ROW_LIMIT:,} more rows not shown; to_frame() has all {len(table.rows):,}"


def kind(value: object) -> Kind:
    """Return how a value wants to be shown."""
    if isinstance(value, Mark):
        return "mark"
    if value is None or (isinstance(value, tuple | list) and not value):
        return "none"
    if isinstance(value, bool):
        return "text"
    if isinstance(value, int | float | Decimal):
        return "number"
    if isinstance(value, Name):
        return "name"
    if isinstance(value, str):
        return "name" if _LOOKS_LIKE_ID.match(value) else "text"
    if isinstance(value, tuple | list) and all(kind(item) == "name" for item in value):
        return "name"
    return "text"


def numeric(values: Iterable[object]) -> bool:
    """Return whether a column holds numbers and nothing else, apart from gaps; one of gaps alone does not."""
    kinds = {kind(value) for value in values}
    return "number" in kinds and kinds <= {"number", "none"}


def tone_word(text: str, tone: Tone) -> str:
    """Return the word that says a tone, or nothing where the text starts with it already."""
    word = _TONE_WORDS.get(tone, "")
    return "" if text.casefold().startswith(word.rstrip(":").casefold()) else word


def columns_of(text: str) -> int:
    """Return how many terminal columns one line takes: wide characters two, combining ones none."""
    if text.isascii():
        return len(text)
    return sum(_columns_of_one(character) for character in text)


def _columns_of_one(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def fitting(text: str, columns: int) -> int:
    """Return how many characters of one line fit in so many terminal columns; at least one."""
    if text.isascii():
        return max(1, min(len(text), columns))
    used = 0
    for index, character in enumerate(text):
        used += _columns_of_one(character)
        if used > columns:
            return max(1, index)
    return len(text)


def _spelled(value: object) -> str:
    if value is None:
        return DASH
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return _spelled_float(value)
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, bytes):
        return f"\\x{value.hex()}"
    if isinstance(value, tuple | list):
        return ", ".join(map(_spelled, value)) or DASH
    return str(value)


def _spelled_float(value: float) -> str:
    if value and abs(value) < 0.001:
        return f"{value:.3g}"
    text = f"{value:.3f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
