"""Passwords that this process has met, and their removal from everything that is shown or written."""

from __future__ import annotations

import base64
import html
import json
import re
from dataclasses import fields
from functools import lru_cache
from typing import Any

_MASK = "***"
_known: set[str] = set()

# Words that everything we show is made of. Where somebody took one as a password, it hides nothing, and a mask
# in its place would only make text and result.json unreadable: it is removed where it stands as a password.
_OWN_WORDS = frozenset(
    """
    admin alembic app base catalog changed changes column copy current database default demo development
    downgrade error errors failed false file files from head heads history host index inspect local localhost
    main migration migrations name none null ok ops password pending postgres postgresql primary production
    project protected psycopg2 public read refused replica result revision revisions role root run runs sandbox
    schema server sql stamp staging status table tables target targets test tests token true unknown unprotected
    upgrade user username users verdict version write
    """.split()  # noqa: SIM905
)

# A URL that never was a target's (an application's own, in a traceback) still must not show its password. The
# second branch is for one with a slash in it; `http://host:8080/@scope` has none.
_URL_PASSWORD = re.compile(r"(://[^\s:/@'\"<>]*:)([^\s/'\"<>]+(?=@)|(?!\d{1,5}/)[^\s'\"<>]+?(?=@))")

_WORD = r"(?:\b(?i:(?:pg|ssl)?passw(?:or)?d)|\b[A-Z][A-Z0-9_]*PASSWORD)"
_QUOTED = r"(?P<quote>\\*['\"])(?:\\.|(?!(?P=quote))[^\n])*?(?P=quote)"
# `password = 'x'` in a connection string, SQL or Python; `password=x` in a connection string or an environment,
# but neither `password=Column(...)` nor a statement's `password=%(password)s`; `"password": "x"` in a repr or JSON.
_ASSIGNED = re.compile(rf"(?P<head>{_WORD}\s*=\s*){_QUOTED}")
_BARE = re.compile(rf"(?P<head>{_WORD}=)(?![\w.]*[(\[]|%\(\w+\)s\b)[^\s'\"\\&;,)<]+")
_ITEM = re.compile(rf"(?P<head>(?P<q>\\*['\"])(?i:(?:ssl)?passw(?:or)?d)(?P=q)\s*:\s*){_QUOTED}")


def remember(secret: str | None, *, public: tuple[str | None, ...] = ()) -> None:
    """Have `redact` remove this text, in its usual spellings, from now on.

    `public` are words that are shown anyway, such as the user's name: a password that is one of them is only
    removed where it stands as a password, and so is one of fewer than four characters, a number of fewer
    than eight digits, or a word that our own text is made of.
    """
    if secret and secret not in _known and secret not in public and _can_be_told_apart(secret):
        _known.add(secret)
        _pattern.cache_clear()


def redact(text: str) -> str:
    """Return the text without any remembered secret, and without what stands as a password in it."""
    pattern = _pattern()
    if pattern is not None:
        text = pattern.sub(_MASK, text)
    if "://" in text:
        text = _URL_PASSWORD.sub(rf"\g<1>{_MASK}", text)
    if "pass" in text or "PASS" in text or "Pass" in text:
        text = _ASSIGNED.sub(rf"\g<head>\g<quote>{_MASK}\g<quote>", text)
        text = _BARE.sub(rf"\g<head>{_MASK}", text)
        text = _ITEM.sub(rf"\g<head>\g<quote>{_MASK}\g<quote>", text)
    return text


def cleaned(value: Any, *, but: frozenset[str] = frozenset()) -> Any:
    """Return lists, tuples and dicts of the same shape, with `redact` applied to every text in them.

    What stands under one of the keys `but` is left as it is.
    """
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {cleaned(key): one if key in but else cleaned(one, but=but) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(cleaned(one, but=but) for one in value)
    return value


class Discreet:
    """A dataclass whose text is as it was written, for judgement, and is shown without secrets."""

    __slots__ = ()

    def __repr__(self) -> str:
        shown = (f"{one.name}={getattr(self, one.name)!r}" for one in fields(self) if one.repr)  # type: ignore[arg-type]
        return redact(f"{type(self).__qualname__}({', '.join(shown)})")


def _can_be_told_apart(secret: str) -> bool:
    if len(secret) < 4 or secret.lower() in _OWN_WORDS:
        return False
    return not (secret.isdigit() and len(secret) < 8)


@lru_cache(maxsize=1)
def _pattern() -> re.Pattern[str] | None:
    if not _known:
        return None
    forms: list[str] = []
    for secret in sorted(_known, key=len, reverse=True):
        spelled = "".join(_character(one) for one in secret)
        # A short plain word is masked as a word only: "pear" leaves "spearhead" alone.
        plain = len(secret) < 12 and secret.isascii() and secret.isalnum()
        forms.append(rf"(?<![A-Za-z0-9]){spelled}(?![A-Za-z0-9])" if plain else spelled)
        forms.extend(re.escape(core) for core in sorted(_base64_cores(secret.encode("utf-8", "surrogatepass"))))
    return re.compile("|".join(forms))


def _character(one: str) -> str:
    """A pattern for one character however it is spelled: as it is, in a URL, HTML, JSON, SQL, or a repr.

    Character by character, as every writer escapes another set of them.
    """
    if one.isascii() and one.isalnum():
        return one
    forms = {re.escape(json.dumps(one)[1:-1]), re.escape(repr(one)[1:-1]), re.escape(html.escape(one))}
    forms |= {rf"\\*{re.escape(one)}"}
    raw = one.encode("utf-8", "surrogatepass")
    # `%%` stands for `%` in ini files, `%25` in a URL within a URL.
    forms.add("".join(rf"%(?:%|25)*(?i:{byte:02x})" for byte in raw))
    forms.add("".join(rf"\\+x(?i:{byte:02x})" for byte in raw))
    number = ord(one)
    forms.add(rf"\\+u(?i:{number:04x})")
    forms.add(rf"\\+x(?i:{number:02x})")
    forms.add(rf"&#(?:0*{number}|[xX]0*(?i:{number:x}));")
    if one == " ":
        forms.add(r"\+")
    if one in "'\"":
        forms.add(rf"{one}{one}")
    if one == "\\":
        forms.add(r"\\+")
    # The longest first: `''` in SQL before `'`.
    return f"(?:{'|'.join(sorted(forms, key=len, reverse=True))})"


def _base64_cores(raw: bytes) -> set[str]:
    """The part of a base64 text that is the same whatever stands around the secret, per alignment."""
    cores = set()
    for before in range(3):
        padded = b"\0" * before + raw + b"\0\0"
        first = (0, 2, 3)[before]
        last = (before + len(raw)) * 8 // 6
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            core = encode(padded).decode("ascii")[first:last]
            if len(core) >= 6:  # a shorter one turns up by chance, in pictures for example
                cores.add(core)
    return cores
