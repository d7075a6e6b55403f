"""Whatever comes in, a value or an error of ours comes out: parameters, files, URLs, and what a worker says."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ops.errors import OpsError, SettingsError, UsageError
from ops.settings import home, masked, names, ours, project_url, resolve
from ops.settings.files import environment, sections
from tests.misuse import properties
from tests.misuse.fuzzing import forgetful, hold, tried
from tests.misuse.made_up import BYTES, CELLS, LITERALS, PARAMETERS, TEXT

# -- parameters -------------------------------------------------------------------------------------


@tried(40, 5000)
def test_a_parameter_is_what_was_typed_or_is_refused(examples: int) -> None:
    @given(st.sampled_from(PARAMETERS), TEXT)
    def prop(name: str, text: str) -> None:
        properties.a_parameter_is_what_was_typed_or_is_refused(name, text)

    hold(prop, examples)


@tried(25, 3000)
def test_values_and_names_of_any_kind(examples: int) -> None:
    named = st.dictionaries(st.one_of(st.sampled_from(PARAMETERS), TEXT), LITERALS)

    @given(named, st.lists(TEXT, max_size=4))
    def prop(values: dict[str, Any], texts: list[str]) -> None:
        properties.values_of_any_kind_fit_or_are_refused(values, texts)

    hold(prop, examples)


@tried(25, 5000)
def test_a_parameters_cell_of_any_text(examples: int) -> None:
    @given(CELLS)
    def prop(source: str) -> None:
        properties.a_parameters_cell_declares_or_is_refused(source)

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


# -- what a worker says and is told -----------------------------------------------------------------


@tried(60, 5000)
def test_a_worker_that_says_anything(examples: int) -> None:
    @given(BYTES["worker"], st.booleans())
    def prop(lines: bytes, listens: bool) -> None:
        properties.whatever_a_worker_says_is_an_answer_or_an_error(lines, listens)

    hold(prop, examples)


@tried(40, 5000)
def test_a_worker_that_is_told_anything(examples: int) -> None:
    @given(BYTES["parent"])
    def prop(lines: bytes) -> None:
        properties.whatever_a_worker_is_told_it_answers_or_ends(lines)

    hold(prop, examples)


def test_what_is_no_message_is_told() -> None:
    worker = properties.worker_that_says(b"Traceback: postgresql://me:n0body-knows@h/d\n")

    with pytest.raises(OpsError, match="said what is no message") as raised:
        worker.request("probe")

    assert raised.value.code == "interrupted" and "n0body" not in str(raised.value)
