"""Passwords that this process has met, and their removal from everything that is shown or written."""

from __future__ import annotations

import base64
import re
from functools import lru_cache
from urllib.parse import quote, quote_plus

_MASK = "***"
_known: set[str] = set()

# A URL that never was a target's (an application's own, in a traceback) still must not show its password.
_URL_PASSWORD = re.compile(r"(?P<head>[a-zA-Z][\w+.-]*://[^\s:/@'\"]*:)(?P<password>[^\s@/'\"]+)(?=@)")
_KEYWORD_PASSWORD = re.compile(r"(?P<head>\bpassword\s*=\s*)(?P<password>'[^']*'|[^\s'\"&;,)]+)", re.IGNORECASE)


def remember(secret: str | None) -> None:
    """Have `redact` remove this text, and its usual encodings, from now on."""
    if secret and secret not in _known:
        _known.add(secret)
        _pattern.cache_clear()


def redact(text: str) -> str:
    """Return the text without any remembered secret, and without the password of any URL in it."""
    pattern = _pattern()
    if pattern is not None:
        text = pattern.sub(_MASK, text)
    text = _URL_PASSWORD.sub(rf"\g<head>{_MASK}", text)
    return _KEYWORD_PASSWORD.sub(rf"\g<head>{_MASK}", text)


@lru_cache(maxsize=1)
def _pattern() -> re.Pattern[str] | None:
    spellings = {form for secret in _known for form in _spellings(secret) if form}
    if not spellings:
        return None
    longest_first = sorted(spellings, key=len, reverse=True)
    return re.compile("|".join(re.escape(form) for form in longest_first))


def _spellings(secret: str) -> set[str]:
    """The ways in which a secret turns up: as it is, in a URL, in a repr, in JSON, in base64."""
    forms = {secret, quote(secret, safe=""), quote(secret), quote_plus(secret), repr(secret)[1:-1]}
    forms.add(secret.replace("\\", "\\\\").replace('"', '\\"'))
    forms.add(secret.replace("%", "%%"))
    forms.add(secret.encode("unicode_escape").decode("ascii"))
    if len(secret) >= 4:  # shorter ones would turn every third word into a mask
        forms |= _base64_cores(secret.encode())
    return forms


def _base64_cores(raw: bytes) -> set[str]:
    """The part of a base64 text that is the same whatever stands around the secret, per alignment."""
    cores = set()
    for before in range(3):
        padded = b"\0" * before + raw
        whole = len(padded) // 3 * 3
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            text = encode(padded[:whole]).decode("ascii")[4 if before else 0 :]
            if len(text) >= 4:
                cores.add(text)
            cores.add(encode(raw).decode("ascii").rstrip("="))
    return cores
