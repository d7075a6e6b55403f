"""Whatever comes in, a value or an error of ours comes out: parameters, files, URLs, and what a worker says."""

from __future__ import annotations

import io
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ops.errors import OpsError, SettingsError, UsageError
from ops.project import conversation
from ops.project.protocol import FIELDS
from ops.runbook.parameters import declared, from_namespace, from_text, from_values, injected_names
from ops.settings import home, masked, names, ours, project_url, resolve
from ops.settings.files import environment, sections
from tests.misuse.fuzzing import forgetful, hold, tried

TEXT = st.text(max_size=40)
LITERALS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXT, st.binary(max_size=9), st.lists(TEXT))


# -- parameters -------------------------------------------------------------------------------------

DECLARED = declared("revision: str\ndry_run: bool = True\nwait: int = -1\nratio: float = 0.5\n", notebook="n")


@tried(40, 5000)
def test_a_parameter_is_what_was_typed_or_is_refused(examples: int) -> None:
    @given(st.sampled_from([one.name for one in DECLARED]), TEXT)
    def prop(name: str, text: str) -> None:
        given_texts = [f"{name}={text}"] if name == "revision" else ["revision=head", f"{name}={text}"]
        try:
            value = from_text(DECLARED, given_texts, notebook="n")[name]
        except UsageError as refused:
            assert refused.next_step
            return
        if name == "revision":
            assert value == text
        elif name == "wait":
            assert value == int(text) and type(value) is int
        elif name == "ratio":
            assert value == float(text)
        else:
            assert text.strip().lower() in (("true", "yes", "1") if value else ("false", "no", "0"))

    hold(prop, examples)


@tried(25, 3000)
def test_values_and_names_of_any_kind(examples: int) -> None:
    named = st.dictionaries(st.one_of(st.sampled_from(["revision", "dry_run", "wait", "ratio"]), TEXT), LITERALS)

    @given(named, st.lists(TEXT, max_size=4))
    def prop(values: dict[str, Any], texts: list[str]) -> None:
        for read in (
            lambda: from_values(DECLARED, values, notebook="n"),
            lambda: from_namespace(DECLARED, values, injected=texts, notebook="n"),
            lambda: from_text(DECLARED, texts, notebook="n"),
        ):
            try:
                found = read()
            except UsageError:
                continue
            kinds = {one.name: one.type for one in DECLARED}
            assert {name: type(value).__name__ for name, value in found.items()} == kinds

    hold(prop, examples)


@tried(25, 5000)
def test_a_parameters_cell_of_any_text(examples: int) -> None:
    words = st.sampled_from(
        ["a", ":", "str", "int", "=", "'x'", "1", "\n", "#", "(", '"""', "\\", "None", "-", "\0", "\t"]
    )

    @given(st.one_of(TEXT, st.lists(words, max_size=12).map(" ".join)))
    def prop(source: str) -> None:
        try:
            declared(source, notebook="n")
        except OpsError as refused:
            assert "parameters cell of n" in refused.problem
        injected_names([f"# Parameters\n{source}"])

    hold(prop, examples)


# -- files ------------------------------------------------------------------------------------------

LINES = st.sampled_from(
    [
        "[ops:target:case]",
        "[ops:target:x y]",
        "[ops:target:",
        "[DEFAULT]",
        "[alembic]",
        "url = postgresql://me:s3cret-pw@h/d",
        "url_env = SHOP_URL",
        "url.a = postgresql://h/a",
        "url.b = postgresql://h/a",
        "url_env.a = X",
        "protected = false",
        "lock_timeout = 2s",
        "require =",
        " committed",
        " window daily 22:00-04:00 Nowhere/Land",
        "env.A = {url} {x} {url.a}",
        "section.a.b = c",
        "section.a = b",
        "x =",
        "=",
        ":",
        "python = .",
        "config = .",
        "cwd = ~x",
        "role = \x7f",
        "driver = pg8000",
        "max_rewrite = 1GB",
        "ledger = file",
        "redirect = true",
        "# s3cret-pw",
        "%(here)s",
        "scratch_url = postgresql://h/s",
    ]
)
CONTENT = st.one_of(
    st.binary(max_size=200),
    st.lists(st.one_of(LINES, TEXT), max_size=8).map(lambda lines: "\n".join(lines).encode("utf-8", "replace")),
)


@tried(30, 4000)
def test_files_of_any_content(examples: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPS_HOME", str(tmp_path))
    monkeypatch.delenv("DATABASE_URL", raising=False)

    @given(CONTENT, CONTENT, CONTENT)
    def prop(ini: bytes, env: bytes, pyproject: bytes) -> None:
        for name, content in (("ops.ini", ini), (".env", env), ("pyproject.toml", pyproject)):
            (tmp_path / name).write_bytes(content)
        with forgetful():
            for read in (sections, environment, names, lambda where: resolve("case", where), lambda _: home()):
                try:
                    read(tmp_path)
                except UsageError as refused:
                    assert refused.next_step and refused.changed is False
                    assert "s3cret" not in str(refused)

    hold(prop, examples)


# -- URLs -------------------------------------------------------------------------------------------

HOSTS = st.sampled_from(["h", "127.0.0.1", "[::1]", "a,b", "a:1,b:2", "%2Frun%2Fpg", "", "h:0", "h:x", "[::1", "a,b:x"])
OPTIONS = st.sampled_from(
    [
        "",
        "sslmode=require",
        "ssl=true",
        "ssl=x",
        "host=/run/pg&port=5433",
        "host=a&host=b",
        "options=-c%20x%3D1",
        "unix_sock=/x",
        "timeout=3",
        "timeout=x",
        "password=n0body-knows",
        "application_name=%00",
        "=",
        "&&",
        "x",
        "port=x",
        "database=d",
        "user=u",
    ]
)
DRIVERS = st.sampled_from(["", "+psycopg2", "+psycopg", "+asyncpg", "+pg8000", "+x", "+", "+a+b"])
SECRETS = st.text(min_size=6, max_size=20)


@tried(40, 5000)
def test_a_url_is_translated_and_never_repeated(examples: int) -> None:
    @given(DRIVERS, TEXT, SECRETS, HOSTS, TEXT, OPTIONS, st.sampled_from([None, "psycopg2", "asyncpg", "pg8000"]))
    def prop(driver: str, user: str, word: str, host: str, database: str, options: str, wanted: str | None) -> None:
        secret = f"S3{word}S3"
        assume(secret not in user + database)
        text = f"postgresql{driver}://{quote(user, safe='')}:{quote(secret, safe='')}@{host}/{database}?{options}"
        with forgetful():
            try:
                found = ours(text)
                given_on = project_url(text, driver=wanted)
            except SettingsError as refused:
                assert secret not in str(refused) and "n0body" not in str(refused)
                return
            assert found.url.password == secret
            assert secret not in masked(found.url) + repr(found) and "n0body" not in masked(found.url)
            written = found.url.render_as_string(hide_password=False)
            assert ours(written).url.render_as_string(hide_password=False) == written
            assert ours(given_on).url.password == secret

    hold(prop, examples)


@tried(25, 3000)
def test_a_url_of_any_text(examples: int) -> None:
    @given(st.one_of(TEXT, TEXT.map(lambda text: f"postgresql://{text}")))
    def prop(text: str) -> None:
        with forgetful():
            for read in (ours, project_url):
                try:
                    read(text)
                except SettingsError as refused:
                    assert refused.next_step

    hold(prop, examples)


# -- what a worker says -----------------------------------------------------------------------------


class Mouth:
    """As much of a process as a conversation needs: it says some lines, whatever it is told, and ends."""

    def __init__(self, lines: bytes) -> None:
        self.stdout, self.stdin, self.stderr = io.BytesIO(lines), io.BytesIO(), io.BytesIO()
        self.returncode = 0  # nobody is there to be killed
        self.pid = 0

    def wait(self, timeout: float | None = None) -> int:
        return 0


def worker_that_says(lines: bytes) -> conversation.Worker:
    worker = object.__new__(conversation.Worker)
    worker.settings = SimpleNamespace(name="case", project=SimpleNamespace(config=Path("alembic.ini")), database="d")
    worker.backend_pids, worker.warnings, worker.versions = set(), [], {}
    worker._ahead, worker._early, worker._printed = "", {}, []  # type: ignore[assignment]
    worker._process = Mouth(lines)  # type: ignore[assignment]
    return worker


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXT),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXT, inner, max_size=3)),
    max_leaves=8,
)
KINDS = ["statement", "lost", "alembic", "project", "exit", "abandoned", "wrong-database", "pooler", "unresolved", "x"]
EVENTS = st.fixed_dictionaries(
    {"event": st.one_of(st.sampled_from(sorted(FIELDS)), TEXT)},
    optional={
        "kind": st.one_of(st.sampled_from(KINDS), JSON),
        "message": st.one_of(TEXT, JSON),
        "type": st.one_of(TEXT, JSON),
        "value": JSON,
        "failure": JSON,
        "frames": JSON,
        "causes": JSON,
        "revision": JSON,
        "sql": JSON,
        "pid": JSON,
        "name": JSON,
        "heads": JSON,
        "python": JSON,
    },
)
SAID = st.one_of(
    st.binary(max_size=80),
    JSON.map(lambda one: json.dumps(one).encode()),
    EVENTS.map(lambda one: json.dumps(one).encode()),
)


@tried(60, 5000)
def test_a_worker_that_says_anything(examples: int) -> None:
    """It may be a project that writes to file descriptors by number."""

    @given(st.lists(SAID, max_size=4), st.booleans())
    def prop(lines: list[bytes], listens: bool) -> None:
        worker = worker_that_says(b"".join(line + b"\n" for line in lines))
        heard: list[Any] = []
        try:
            answer = worker.request("probe", listener=heard.append if listens else None)
        except OpsError as error:
            assert error.problem and error.next_step
        else:
            assert isinstance(answer, dict)
        assert all(isinstance(one["event"], str) for one in heard)

    hold(prop, examples)


def test_what_is_no_message_is_told() -> None:
    worker = worker_that_says(b"Traceback: postgresql://me:n0body-knows@h/d\n")

    with pytest.raises(OpsError, match="said what is no message") as raised:
        worker.request("probe")

    assert raised.value.code == "interrupted" and "n0body" not in str(raised.value)
