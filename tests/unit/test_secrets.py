"""What `redact` removes, and what it leaves alone."""

from __future__ import annotations

import base64
import html
import json
import time
from collections.abc import Iterator
from urllib.parse import quote, quote_plus

import pytest
from sqlalchemy import URL

from ops import secrets
from ops.project.conversation import without_secrets
from ops.settings import cleaned, redact, remember

SECRET = "p@ss w/ö%rd&'\"\\<x>:9#"
PLAIN = "hunter2correct"


@pytest.fixture(autouse=True)
def nothing_known() -> Iterator[None]:
    """Each test begins without secrets, and leaves none behind."""
    before = set(secrets._known)
    secrets._known.clear()
    secrets._pattern.cache_clear()
    yield
    secrets._known.clear()
    secrets._known.update(before)
    secrets._pattern.cache_clear()


# fmt: off
SPELLINGS = {
    "as it is":                    lambda s: s,
    "percent-encoded":             lambda s: quote(s, safe=""),
    "percent-encoded, lower case": lambda s: quote(s, safe="").replace("%2F", "%2f").replace("%C3", "%c3"),
    "percent-encoded for a path":  lambda s: quote(s),
    "percent-encoded for a query": lambda s: quote_plus(s),
    "percent-encoded twice":       lambda s: quote(quote(s, safe=""), safe=""),
    "in a URL of SQLAlchemy 2":    lambda s: URL.create("postgresql", "me", s, "h").render_as_string(False)[16:-2],
    "in a URL of SQLAlchemy 1.4":  lambda s: s.replace(":", "%3A").replace("@", "%40").replace("/", "%2F"),
    "in an ini file":              lambda s: quote(s, safe="").replace("%", "%%"),
    "repr":                        lambda s: repr(s),
    "ascii":                       lambda s: ascii(s),
    "repr of bytes":               lambda s: repr(s.encode()),
    "repr of a repr":              lambda s: repr(repr(s)),
    "JSON":                        lambda s: json.dumps(s),
    "JSON with letters":           lambda s: json.dumps(s, ensure_ascii=False),
    "JSON in JSON":                lambda s: json.dumps(json.dumps(s)),
    "HTML":                        lambda s: html.escape(s),
    "HTML, quotes left":           lambda s: html.escape(s, quote=False),
    "SQL literal":                 lambda s: "'" + s.replace("'", "''") + "'",
    "connection string of libpq":  lambda s: "'" + s.replace("\\", "\\\\").replace("'", "\\'") + "'",
    "base64":                      lambda s: base64.b64encode(s.encode()).decode(),
    "base64, after one byte":      lambda s: base64.b64encode(b"u" + s.encode() + b"?!").decode(),
    "base64, after two bytes":     lambda s: base64.b64encode(b"u:" + s.encode() + b"?").decode(),
    "base64 for URLs":             lambda s: base64.urlsafe_b64encode(b"user:" + s.encode()).decode(),
}
# fmt: on


@pytest.mark.parametrize("secret", [SECRET, PLAIN], ids=["special", "plain"])
@pytest.mark.parametrize("spell", SPELLINGS.values(), ids=SPELLINGS)
def test_every_spelling_is_removed(spell, secret: str) -> None:
    text = spell(secret)
    remember(secret)

    shown = redact(f"before <{text}> after")

    assert "***" in shown
    assert shown.startswith("before <") and shown.endswith("> after")
    # What base64 leaves at the edges are parts of a byte.
    assert len(shown) <= len("before <> after") + len("b'***'") + 8


WITHOUT_KNOWING = {
    "URL": ("postgresql://me:s3cret@host/db", "postgresql://me:***@host/db"),
    "URL with a driver": ("postgresql+asyncpg://me:s%40c@h:1/d?ssl=x", "postgresql+asyncpg://me:***@h:1/d?ssl=x"),
    "URL without a user": ("redis://:s3cret@cache:6379/0", "redis://:***@cache:6379/0"),
    "URL with a raw @": ("postgresql://me:a@b@host/db", "postgresql://me:***@host/db"),
    "URL with a raw slash": ("postgresql://me:a/b@host/db", "postgresql://me:***@host/db"),
    "two URLs": ("a://b:c@d/e, f://g:h@i/j", "a://b:***@d/e, f://g:***@i/j"),
    "URL in a repr": ("'a://b:c@d/e' and \"a://b:c@d\"", "'a://b:***@d/e' and \"a://b:***@d\""),
    "connection string": ("host=h password=s3cret dbname=d", "host=h password=*** dbname=d"),
    "quoted connection string": ("host=h password='a b\\'c' dbname=d", "host=h password='***' dbname=d"),
    "URL query": ("host/db?password=s3cret&user=me", "host/db?password=***&user=me"),
    "environment": ("PGPASSWORD=abc psql; POSTGRES_PASSWORD=abc", "PGPASSWORD=*** psql; POSTGRES_PASSWORD=***"),
    "keyword argument": ("connect(user='me', password = 'abc')", "connect(user='me', password = '***')"),
    "repr of a dictionary": ("{'user': 'me', 'password': 'abc'}", "{'user': 'me', 'password': '***'}"),
    "JSON": ('{"password": "a\\"b", "user": "me"}', '{"password": "***", "user": "me"}'),
    "JSON in JSON": (r'"{\"password\": \"abc\", \"u\": \"me\"}"', r'"{\"password\": \"***\", \"u\": \"me\"}"'),
    "certificate's password": ("sslkey=k sslpassword=abc", "sslkey=k sslpassword=***"),
    "another case": ("Password='abc'", "Password='***'"),
}
INNOCENT = {
    "host and port": "http://localhost:8080/@scope/package",
    "port and a mail address": "see http://host:80 or write to me@example.org",
    "IPv6": "http://[::1]:8080/a",
    "URL without a password": "postgresql://me@host/db",
    "column": "hashed_password: Mapped[str] = mapped_column(String(255))",
    "column of that name": "password=Column(String(50)), password=sa.Column()",
    "place of a parameter": "UPDATE users SET password=%(password)s WHERE id = 1",
    "message of the server": 'FATAL:  password authentication failed for user "me"',
    "prose": "Put the password into .env, or use ~/.pgpass.",
    "SQL": "ALTER TABLE users ALTER COLUMN hashed_password SET NOT NULL",
    "null": '{"password": null}',
    "time": "at 12:30:00 me@host did it",
    "masked already": "postgresql://me:***@host/db password=*** 'password': '***'",
}


@pytest.mark.parametrize(("text", "shown"), WITHOUT_KNOWING.values(), ids=WITHOUT_KNOWING)
def test_what_stands_as_a_password_is_removed(text: str, shown: str) -> None:
    assert redact(text) == shown


@pytest.mark.parametrize("text", INNOCENT.values(), ids=INNOCENT)
def test_innocent_text_stays(text: str) -> None:
    assert redact(text) == text


WEAK = {
    "empty": ("", (), "nothing ''", "nothing ''"),
    "one letter": ("a", (), "a banana", "a banana"),
    "three letters": ("abc", (), "abc abcd", "abc abcd"),
    "three letters in a URL": ("abc", (), "x://u:abc@h", "x://u:***@h"),
    "a word of ours": ("postgres", (), "postgresql://postgres:postgres@h", "postgresql://postgres:***@h"),
    "our name": ("ops", (), "ops.result/1 by ops run", "ops.result/1 by ops run"),
    "our name, capital": ("Ops", (), "Ops", "Ops"),
    "the user's name": ("warehouse", ("warehouse",), "role warehouse", "role warehouse"),
    "the user's name in a URL": ("warehouse", ("warehouse",), "x://warehouse:warehouse@h", "x://warehouse:***@h"),
    "a short number": ("5432", (), "port 5432", "port 5432"),
    "a long number": ("48151623", (), "pin 48151623", "pin ***"),
    "a short word is a word": ("pear", (), "pear spearhead pear.", "*** spearhead ***."),
    "in quotes": ("pear", (), "'pear'", "'***'"),
    "a long word is found anywhere": (PLAIN, (), f"x{PLAIN}y", "x***y"),
    "spaces": ("a b c d", (), "a b c d, a+b+c+d", "***, ***"),
    "like a pattern": ("a.*b(c", (), "axxb(c a.*b(c", "axxb(c ***"),
}


@pytest.mark.parametrize(("password", "public", "text", "shown"), WEAK.values(), ids=WEAK)
def test_a_password_that_is_no_secret_does_not_make_text_unreadable(
    password: str, public: tuple[str, ...], text: str, shown: str
) -> None:
    remember(password, public=public)

    assert redact(text) == shown


def test_the_longer_of_two_secrets_goes_first() -> None:
    remember("correct-horse")
    remember("correct-horse-battery")

    assert redact("correct-horse-battery correct-horse") == "*** ***"


def test_values_keep_their_shape() -> None:
    remember(PLAIN)

    shown = cleaned({"a": [PLAIN, 1, None, (True, f"<{PLAIN}>")], PLAIN: 1.5})

    assert shown == {"a": ["***", 1, None, (True, "<***>")], "***": 1.5}


def test_removing_is_stable() -> None:
    remember(SECRET)
    once = redact(f"{SECRET} a://b:{SECRET}@c password='{SECRET}'")

    assert redact(once) == once


def test_a_large_picture_costs_little() -> None:
    remember(SECRET)
    picture = base64.b64encode(bytes(range(256)) * 4000).decode()
    small = picture[: len(picture) // 8]

    def seconds(text: str) -> float:
        times = []
        for _ in range(5):
            started = time.thread_time()
            assert redact(text) == text
            times.append(time.thread_time() - started)
        return min(times)

    # Eight times the text, with room to spare; what is quadratic takes sixty-four times as long.
    assert seconds(picture) < 30 * max(seconds(small), 0.001)


def test_a_version_file_is_found_in_a_folder_that_is_called_as_the_password_is() -> None:
    remember(PLAIN)
    path = f"/srv/{PLAIN}/versions/a1.py"

    answer = without_secrets({"event": "answer", "value": {"revisions": [{"path": path, "message": PLAIN}]}})
    error = without_secrets({"event": "error", "frames": [{"path": path}], "message": PLAIN})

    assert answer["value"]["revisions"] == [{"path": path, "message": "***"}]
    assert error == {"event": "error", "frames": [{"path": "/srv/***/versions/a1.py"}], "message": "***"}


def test_of_which_kind_an_error_is_stays_known_whatever_the_password() -> None:
    remember("wrong")

    error = without_secrets({"event": "error", "kind": "wrong-database", "message": "the wrong one"})

    assert error == {"event": "error", "kind": "wrong-database", "message": "the *** one"}
