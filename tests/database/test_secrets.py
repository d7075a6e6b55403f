"""A password is planted and searched for in everything that a run prints, writes, logs, or shows of itself."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import secrets
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest

from tests import cases, passwords

guarded, make_role = passwords.guarded, passwords.make_role

ENV = """\
import base64
import sys

from alembic import context
from sqlalchemy import create_engine, make_url

url = context.config.get_main_option("sqlalchemy.url")
secret = make_url(url).password
print("connecting to", url)
print({"password": secret}, repr(secret), secret.encode(), [secret], file=sys.stderr)
print("Authorization: Basic", base64.b64encode(("me:" + secret).encode()).decode(), flush=True)
engine = create_engine(url, connect_args={"options": "-c nonsense=" + base64.b64encode(secret.encode()).decode()})
try:
    engine.connect()
except Exception as error:
    raise RuntimeError(f"cannot use {url} with {secret!r}") from error
"""

LINES = """\
[ops:target:right]
url_env = RIGHT_URL
protected = false
config = linear/alembic.ini
env.SHOP_DATABASE = {url}
option.shop.password = {password}

[ops:target:wrong]
url_env = WRONG_URL
config = linear/alembic.ini

[ops:target:prints]
url_env = RIGHT_URL
config = prints_url/alembic.ini
"""

UPGRADE = ("run", "40-upgrade", "--target", "right")
RUNS = {
    "wrong password": (("run", "10-inspect", "--target", "wrong", "--json"), 1, "password authentication failed"),
    "inspect": (("run", "10-inspect", "--target", "right", "--json"), 0, '"verdict": "OK"'),
    "dry run": (UPGRADE, 0, "dry run, would upgrade"),
    "upgrade": ((*UPGRADE, "-p", "dry_run=false"), 0, "upgrade from base to a10000000005 done"),
    "a project that prints and raises": (("run", "10", "--target", "prints"), 1, "cannot use postgresql+psycopg2://"),
    "targets": (("targets",), 0, "postgresql+psycopg2://"),
    "targets as JSON": (("targets", "--json"), 0, ":***@127.0.0.1:"),
}


@pytest.mark.parametrize(("arguments", "code", "said"), RUNS.values(), ids=RUNS)
def test_a_password_appears_nowhere(
    tmp_path: Path, make_role: Callable[..., passwords.Role], arguments: tuple[str, ...], code: int, said: str
) -> None:
    token = secrets.token_hex(6)
    planted = f"pl4nt&€d @:/%+'\"\\<{token}>#"
    role = make_role(planted)
    home = prepared(tmp_path, RIGHT_URL=role.url(), WRONG_URL=role.url(password=f"{planted}wrong"))

    with watched_processes(token) as seen:
        done = subprocess.run(
            [sys.executable, "-m", "ops", *arguments],
            env=clean_environment(tmp_path, home),
            cwd=home,
            capture_output=True,
            timeout=120,
        )

    output = (done.stdout + done.stderr).decode()
    assert done.returncode == code, output
    assert said in output
    assert "Traceback" not in output
    assert seen["cmdline"] == [] and seen["environ"] == []
    assert seen["processes"] > 0
    everything = {
        "output": done.stdout + done.stderr,
        **files_below(tmp_path),
        "server.log": role.server.log.read_bytes(),
    }
    expected = {"notebook.ipynb", "report.html", "result.json"} if arguments[0] == "run" else set()
    assert expected <= {Path(name).name for name in everything}
    if "dry_run=false" in arguments:
        rows = role.ask("SELECT kind, l::text FROM alembic_ops.ledger l")
        assert {kind for kind, _ in rows} == {"intent", "revision", "outcome"}
        everything["ledger"] = "\n".join(row for _, row in rows).encode()
    leaks = [(name, what) for name, content in everything.items() for what in spelled(planted, token, content)]
    assert leaks == []


@pytest.mark.heavy
def test_a_password_that_the_sql_has_too_is_in_no_record(
    tmp_path: Path, make_role: Callable[..., passwords.Role]
) -> None:
    token = f"g{secrets.token_hex(6)}"
    role = make_role(token)
    home = prepared(tmp_path, RIGHT_URL=role.url(), WRONG_URL=role.url())
    path = next(next((home / "linear").rglob("versions")).glob("a10000000005*.py"))
    lines = (
        f"    op.execute(\"CREATE TABLE {token} (a int, t text DEFAULT '{token}')\")",
        f'    op.execute("INSERT INTO {token} SELECT n FROM generate_series(1, 10) AS n")',
        f'    op.execute("CREATE INDEX ix_{token} ON {token} (a)")',
        f'    print("made {token}")',
    )
    text = path.read_text()
    path.write_text(text.replace("def upgrade():\n", "def upgrade():\n" + "\n".join(lines) + "\n", 1))
    assert token in path.read_text()

    for arguments in (("run", "20", "--target", "right"), (*UPGRADE, "-p", "dry_run=false")):
        done = subprocess.run(
            [sys.executable, "-m", "ops", *arguments],
            env=clean_environment(tmp_path, home, again=True),
            cwd=home,
            capture_output=True,
            timeout=300,
        )
        output = (done.stdout + done.stderr).decode()
        assert done.returncode in (0, 3), output
        assert token not in output

    assert role.ask(f"SELECT count(*) FROM {token}") == [(10,)]
    rows = role.ask("SELECT l::text FROM alembic_ops.ledger l")
    assert any("INSERT INTO ***" in row for (row,) in rows)
    ours = {
        name: content
        for name, content in files_below(home).items()
        # what is called so is called so in a schema, in copies of it, and in the project's own files
        if not name.startswith(("linear/", ".ops/cache/", ".ops/scratch"))
    }
    assert {"plan.sql", "plan.json", "notebook.ipynb", "report.html"} <= {Path(name).name for name in ours}
    assert [name for name, content in ours.items() if token.encode() in content] == []
    assert not any(token in row for (row,) in rows)


def test_the_search_finds_what_it_searches_for() -> None:
    token = "0123456789ab"
    planted = f"a&b/{token}>"

    for spelling in (planted, quote(planted), repr(planted), f"x{token}"):
        assert spelled(planted, token, f"... {spelling} ...".encode())
    for before in (b"", b"x", b"xy"):
        assert spelled(planted, token, base64.b64encode(before + planted.encode() + b"zz"))
    assert not spelled(planted, token, b"postgresql://me:***@h/d")


def prepared(folder: Path, **urls: str) -> Path:
    """Make a home with three targets; the URLs stand in `.env`, and in no environment."""
    home = folder / "home"
    known = cases.projects()
    for name in ("linear", "prints_url"):
        cases.copy_to(known[name], home)
    (home / "prints_url" / "migrations" / "env.py").write_text(ENV)
    (home / "ops.ini").write_text(LINES)
    (home / ".env").write_text("".join(f"{name}={url}\n" for name, url in urls.items()))
    return home


def clean_environment(folder: Path, home: Path, *, again: bool = False) -> dict[str, str]:
    """An environment in which everything that is written lands below one folder."""
    for name in ("user", "tmp"):
        (folder / name).mkdir(exist_ok=again)
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "LD_LIBRARY_PATH", "VIRTUAL_ENV") if name in os.environ}
    return {**kept, "HOME": str(folder / "user"), "TMPDIR": str(folder / "tmp"), "OPS_HOME": str(home)}


def files_below(folder: Path) -> dict[str, bytes]:
    """The content of every file but `.env`, by its path."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != ".env"
    }


def spelled(planted: str, token: str, content: bytes) -> list[str]:
    """How the password, or a part of it, is spelled in a content."""
    forms = {
        "plain": planted,
        "token": token,
        "URL": quote(planted, safe=""),
        "path": quote(planted),
        "query": quote_plus(planted),
        "repr": repr(planted)[1:-1],
        "JSON": json.dumps(planted)[1:-1],
    }
    found = [name for name, form in forms.items() if form.encode() in content]
    for text in (planted, token):
        for before in range(3):
            raw = b"\0" * before + text.encode()
            core = base64.b64encode(raw[: len(raw) // 3 * 3])[4 if before else 0 :]
            found += [f"base64 of {text!r}"] * (core in content or core.translate(URL_SAFE) in content)
    return found


URL_SAFE = bytes.maketrans(b"+/", b"-_")


@contextlib.contextmanager
def watched_processes(token: str) -> Iterator[dict[str, list[str] | int]]:
    """Look into the command line and the environment of every process, again and again."""
    seen: dict[str, list[str] | int] = {"cmdline": [], "environ": [], "processes": 0}
    done = threading.Event()
    needle = token.encode()
    looks: Counter[str] = Counter()  # by the process id

    def look() -> None:
        while not done.wait(0.02):
            for process in Path("/proc").glob("[0-9]*"):
                looks[process.name] += 1
                if looks[process.name] > 25 and looks[process.name] % 25:
                    continue  # one that is new has yet to become another program, an old one hardly will
                for part in ("cmdline", "environ"):
                    with contextlib.suppress(OSError):  # it has ended, or belongs to somebody else
                        if needle in (process / part).read_bytes():
                            seen[part].append((process / "cmdline").read_text())  # type: ignore[union-attr]
            seen["processes"] += 1  # type: ignore[operator]

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        done.set()
        thread.join()
