"""A webhook that is told of every run that did not end with OK.

It gets `result.json`, byte for byte. Whether that works changes neither the verdict nor the exit code: a run that
went well is not worse because a chat server is down, and one that went badly has its exit code already.
"""

from __future__ import annotations

import base64
import ipaddress
import os
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

from ops.errors import UsageError
from ops.settings import home, redact, remember
from ops.settings.files import environment
from ops.values import Verdict

VARIABLE = "OPS_NOTIFY_URL"
SECONDS = 10.0
"""How long all of it may take: looking up the name, connecting, sending, and the first line of the answer."""

_NO_SECRETS = "Its path and query may be secret, so they are not shown."


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """Where to post. It shows itself as scheme and host: of a webhook, the rest is usually the password."""

    host: str
    loopback: bool
    url: str = field(repr=False)
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    def __str__(self) -> str:
        return self.host

    def tell(self, verdict: Verdict, file: Path, say: Callable[[str], None], *, seconds: float = SECONDS) -> bool:
        """Post the file unless the verdict is OK, say what came of it, and return whether it was received.

        Nothing is raised: it is said.
        """
        if verdict is Verdict.OK:
            return False
        answers: queue.SimpleQueue[str | int] = queue.SimpleQueue()
        # A thread, as no timeout of a socket covers a name server that hangs or an answer that trickles in.
        threading.Thread(target=self._post, args=(file, answers, seconds), daemon=True).start()
        try:
            answer = answers.get(timeout=seconds)
        except queue.Empty:
            answer = _reason(TimeoutError(), seconds)
        if isinstance(answer, int) and 200 <= answer < 300:
            say(f"Notified {self} of {verdict.value}.")
            return True
        if isinstance(answer, int):
            redirected = ", and redirects are not followed" if 300 <= answer < 400 else ""
            answer = f"it answered with status {answer}{redirected}"
        say(f"{self} was not notified: {answer}. The verdict stands: {verdict.value}.")
        return False

    def _post(self, file: Path, answers: queue.SimpleQueue[str | int], seconds: float) -> None:
        try:
            answers.put(self._status(file.read_bytes(), seconds))
        except Exception as error:  # a wrong answer, a file that is gone: whatever it is, the run stands
            answers.put(_reason(error, seconds))

    def _status(self, content: bytes, seconds: float) -> int:
        from urllib import request

        # No handler of redirects: one would take the result, or the secret in a header, to somebody whom nobody named.
        opener = request.OpenerDirector()
        proxies = {} if self.loopback else None
        for handler in (request.ProxyHandler(proxies), request.HTTPHandler(), request.HTTPSHandler()):
            opener.add_handler(handler)
        post = request.Request(self.url, data=content, method="POST", headers=dict(self.headers))
        with opener.open(post, timeout=seconds) as answer:
            return answer.status


def webhook(given: str | None) -> Webhook | None:
    """Return where to post: the URL given, else `OPS_NOTIFY_URL` of the environment or of `.env`, else None.

    The variable is taken out of the environment, so that no process that we start, and so no project's code, has it.

    Raises
    ------
    UsageError
        It is no URL that may be posted to.
    """
    text = environment(home()).get(VARIABLE)
    os.environ.pop(VARIABLE, None)
    if given is not None:
        return parsed(given, source="--notify-url")
    return parsed(text, source=VARIABLE) if text else None


def parsed(text: str, *, source: str) -> Webhook:
    """Return the webhook of a URL.

    Raises
    ------
    UsageError
        It is neither https nor http to this machine, or no URL at all. The message does not show it.
    """
    try:
        parts = urlsplit(text.strip())
        host, port = parts.hostname, parts.port
    except ValueError:
        parts, host, port = SplitResult("", "", "", "", ""), None, None
    printable = text.strip().isprintable() and " " not in text.strip()
    if not host or parts.scheme not in ("http", "https") or not printable:
        raise UsageError(
            f"{source} is not a URL such as https://hooks.example.com/alembic. {_NO_SECRETS}",
            next_step=f"Correct {source}.",
        )
    loopback = _is_loopback(host)
    if parts.scheme == "http" and not loopback:
        raise UsageError(
            f"{source} names {host} by plain http: whoever is in between could read the result. {_NO_SECRETS}",
            next_step="Use https, or http to this machine, such as http://127.0.0.1:8080/.",
        )
    where = f"[{host}]" if ":" in host else host
    where += f":{port}" if port else ""
    plain = urlunsplit((parts.scheme, where, parts.path or "/", parts.query, ""))
    headers = [("Content-Type", "application/json"), ("User-Agent", "alembic-ops")]
    if parts.username is not None:
        user, password = unquote(parts.username), unquote(parts.password or "")
        remember(password, public=(user,))
        token = base64.b64encode(f"{user}:{password}".encode()).decode("ascii")
        headers.append(("Authorization", f"Basic {token}"))
    for secret in (text.strip(), plain):
        remember(secret)
    return Webhook(host=f"{parts.scheme}://{where}", loopback=loopback, url=plain, headers=tuple(headers))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _reason(error: object, seconds: float) -> str:
    """Why a post failed, in the system's words where it has some: an exception's own text may hold the URL."""
    error = getattr(error, "reason", error)  # URLError wraps what happened
    if isinstance(error, TimeoutError):
        return f"no answer within {seconds:g} seconds"
    if isinstance(error, OSError) and error.strerror:
        return redact(error.strerror)
    return type(error).__name__
