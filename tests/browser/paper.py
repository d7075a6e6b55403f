"""The words of a PDF that Chromium has printed: what is on the paper, and nothing that was left out.

Only as much of the format as Chromium writes: glyphs by number, and for each font a table from those to letters.
"""

from __future__ import annotations

import re
import unicodedata
import zlib
from pathlib import Path

_OBJECT = re.compile(rb"\n(\d+) 0 obj\n(.*?)\nendobj", re.DOTALL)
_STREAM = re.compile(rb"stream\r?\n(.*)\nendstream", re.DOTALL)
_LETTERS = re.compile(rb"/ToUnicode (\d+) 0 R")
_RANGE = re.compile(rb"^<(\w+)> (?:<(\w+)> )?<(\w+)>$", re.MULTILINE)
_SAID = re.compile(rb"/F(\d+) [\d.]+ Tf|<([0-9A-F]+)> Tj")


def words_on(pdf: Path) -> str:
    """Return the words, without what parts them: where lines end is up to the paper."""
    objects = {int(number): body for number, body in _OBJECT.findall(pdf.read_bytes())}
    fonts = {
        number: _letters(_stream(objects[int(found[1])]))
        for number, body in objects.items()
        if (found := _LETTERS.search(body))
    }
    said = []
    for body in objects.values():
        font: dict[int, str] = {}
        for name, glyphs in _SAID.findall(_stream(body)):
            if name:
                font = fonts.get(int(name), {})
            said += [font.get(int(glyphs[at : at + 4], 16), "") for at in range(0, len(glyphs), 4)]
    return unparted("".join(said))


def unparted(text: str) -> str:
    """Return text as it is compared with words on paper: no space, and no two letters in one sign."""
    return "".join(unicodedata.normalize("NFKC", text).split())


def _stream(body: bytes) -> bytes:
    found = _STREAM.search(body)
    if found is None or b"/Image" in body[: found.start()].replace(b"/ImageB /ImageC /ImageI", b""):
        return b""
    return zlib.decompress(found[1]) if b"/FlateDecode" in body[: found.start()] else found[1]


def _letters(table: bytes) -> dict[int, str]:
    found = {}
    for first, last, letters in _RANGE.findall(table):
        begin, end = int(first, 16), int(last or first, 16)
        text = bytes.fromhex(letters.decode()).decode("utf-16-be")
        for glyph in range(begin, end + 1):
            found[glyph] = text[:-1] + chr(ord(text[-1]) + glyph - begin)
    return found
