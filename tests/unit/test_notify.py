"""A webhook on this machine, and every way in which telling it can go wrong."""

from __future__ import annotations

import base64
import os
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.errors import UsageError
from ops.panel.running import Running
from ops.runbook import notify
from ops.values import Verdict
from tests.webhook import Hook, listening

CONTENT = '{"verdict": "ATTENTION", "summary": "Thêm cột"}\n'.encode()
HIDDEN = ("xoxb-secret", "s3cr3t-word", "T0KEN")


@pytest.fixture
def hook() -> Iterator[Hook]:
    with listening() as it:
        yield it


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "result.json"
    path.write_bytes(CONTENT)
    return path


def _tell(url: str, file: Path, verdict: Verdict = Verdict.ATTENTION, *, seconds: float = 60) -> tuple[bool, str]:
    said: list[str] = []
    told = notify.parsed(url, source="--notify-url").tell(verdict, file, said.append, seconds=seconds)
    return told, "\n".join(said)


@pytest.mark.parametrize("verdict", [one for one in Verdict if one is not Verdict.OK])
def test_every_verdict_but_ok_is_posted_as_the_file_is(verdict: Verdict, hook: Hook, file: Path) -> None:
    told, said = _tell(f"{hook.url}/services/T0KEN?key=s3cr3t-word", file, verdict)

    ((method, path, headers, body),) = hook.received
    assert (told, method, path, body) == (True, "POST", "/services/T0KEN?key=s3cr3t-word", CONTENT)
    assert headers["Content-Type"] == "application/json"
    assert said == f"Notified {hook.url} of {verdict.value}."


def test_ok_is_nobodys_business(hook: Hook, file: Path) -> None:
    assert _tell(hook.url, file, Verdict.OK) == (False, "")
    assert hook.received == []


def test_a_password_in_the_url_becomes_a_header(hook: Hook, file: Path) -> None:
    told, said = _tell(f"http://app:xoxb%2Dsecret@127.0.0.1:{hook.port}", file)

    ((_, path, headers, _),) = hook.received
    assert (told, path) == (True, "/")
    assert headers["Authorization"] == "Basic " + base64.b64encode(b"app:xoxb-secret").decode()
    assert headers["Host"] == f"127.0.0.1:{hook.port}" and "xoxb" not in said


def test_a_proxy_is_not_asked_the_way_to_this_machine(hook: Hook, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")

    assert _tell(hook.url, file)[0]


@pytest.mark.parametrize("status", [204, 301, 302, 307, 308, 404, 500])
def test_an_answer_that_is_no_success_is_said(status: int, hook: Hook, file: Path) -> None:
    hook.status = status
    hook.location = f"{hook.url}/elsewhere" if status // 100 == 3 else ""

    told, said = _tell(f"{hook.url}/T0KEN", file)

    assert len(hook.received) == 1, "a redirect is not followed"
    assert told == (status == 204)
    assert told or f"was not notified: it answered with status {status}" in said
    assert ("redirects are not followed" in said) == (status // 100 == 3)
    assert "T0KEN" not in said


def test_nobody_waits_for_one_that_hangs(hook: Hook, file: Path) -> None:
    hook.hang.clear()

    told, said = _tell(hook.url, file, seconds=0.2)

    assert not told
    assert said == f"{hook.url} was not notified: no answer within 0.2 seconds. The verdict stands: ATTENTION."


def test_nobody_listens(file: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        told, said = _tell(f"http://127.0.0.1:{taken.getsockname()[1]}/T0KEN", file)

    assert not told
    assert "was not notified: Connection refused." in said and "T0KEN" not in said


def test_another_protocol_answers(file: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"220 mail T0KEN\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        told, said = _tell(f"http://127.0.0.1:{server.getsockname()[1]}/", file)
        thread.join()

    assert not told
    assert "was not notified: BadStatusLine." in said


def test_a_file_that_is_gone_is_said(hook: Hook, tmp_path: Path) -> None:
    told, said = _tell(hook.url, tmp_path / "gone.json")

    assert not told and "No such file" in said


# fmt: off
URLS = {  #                                   URL                                           refused for
    "https":                                  ("https://hooks.example.com/T0KEN",             ""),
    "https with a port and a password":       ("https://a:xoxb-secret@hooks.example.com:8443", ""),
    "this machine, by number":                ("http://127.0.0.53:8080/T0KEN",              ""),
    "this machine, by name":                  ("http://localhost/T0KEN",                    ""),
    "this machine, version 6":                ("http://[::1]:8080/T0KEN",                   ""),
    "plain http to elsewhere":                ("http://hooks.example.com/T0KEN",            "by plain http"),
    "a host that begins like this machine":   ("http://127.0.0.1.example.com/T0KEN",        "by plain http"),
    "a user that looks like this machine":    ("http://127.0.0.1@example.com/T0KEN",        "by plain http"),
    "a file":                                 ("file:///etc/T0KEN",                           "is not a URL"),
    "no scheme":                              ("hooks.example.com/T0KEN",                     "is not a URL"),
    "no host":                                ("https:///T0KEN",                              "is not a URL"),
    "a port that is none":                    ("https://hooks.example.com:T0KEN/",            "is not a URL"),
    "two lines":                              ("https://hooks.example.com/T0\nKEN: x",        "is not a URL"),
    "a blank":                                ("https://hooks.example.com/T0 KEN",            "is not a URL"),
}
# fmt: on


@pytest.mark.parametrize(("url", "problem"), URLS.values(), ids=URLS)
def test_where_one_may_post(url: str, problem: str) -> None:
    if not problem:
        found = notify.parsed(url, source="--notify-url")
        assert all(secret not in f"{found} {found!r}" for secret in HIDDEN)
        return

    with pytest.raises(UsageError) as refused:
        notify.parsed(url, source="--notify-url")
    assert problem in str(refused.value) and "T0" not in str(refused.value)


ONE, TWO, THREE = "https://one.example", "https://two.example", "https://three.example"

# fmt: off
PLACES = {  #                            argument  variable  .env    host
    "nowhere":                           (None,    None,     None,   None),
    "an argument":                       (ONE,     None,     None,   ONE),
    "the environment":                   (None,    TWO,      None,   TWO),
    "a file":                            (None,    None,     THREE,  THREE),
    "the argument wins":                 (ONE,     TWO,      THREE,  ONE),
    "the environment beats the file":    (None,    TWO,      THREE,  TWO),
    "an empty variable turns it off":    (None,    "",       THREE,  None),
}
# fmt: on


@pytest.mark.parametrize(("given", "variable", "line", "host"), PLACES.values(), ids=PLACES)
def test_where_the_url_comes_from(
    given: str | None,
    variable: str | None,
    line: str | None,
    host: str | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPS_HOME", str(tmp_path))
    monkeypatch.delenv(notify.VARIABLE, raising=False)
    if variable is not None:
        monkeypatch.setenv(notify.VARIABLE, variable)
    if line is not None:
        (tmp_path / ".env").write_text(f"{notify.VARIABLE}={line}\n")

    found = notify.webhook(given)

    assert (str(found) if found else None) == host
    assert notify.VARIABLE not in os.environ, "no process of ours gets it"


def test_a_run_of_the_control_panel_notifies_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "python"
    program.write_text('#!/bin/sh\nprintf "[%s]" "$OPS_NOTIFY_URL" >"$(dirname "$0")/seen"\n')
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    monkeypatch.setenv(notify.VARIABLE, ONE)

    Running("10-inspect", {}, folder=tmp_path / "run").wait()

    assert (tmp_path / "seen").read_text() == "[]"
