"""Targets: what their sections, `.env` and the environment say."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ops.errors import SettingsError, UsageError
from ops.require import Require
from ops.settings import TargetSettings, names, redact, resolve

URL = "url = postgresql://me:k%40wl3d#e@h:5433/shop"
Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Write the files of a home folder by their names, each line without its indentation."""
    for name in ("DATABASE_URL", "STAGING_URL", "OPS_HOME", "PGPASSWORD"):
        monkeypatch.delenv(name, raising=False)

    def write_files(**files: str) -> Path:
        (tmp_path / "alembic.ini").touch()
        for name, content in files.items():
            path = tmp_path / {"alembic": "alembic.ini", "ops": "ops.ini", "env": ".env"}.get(name, name)
            path.write_text(content, encoding="utf-8")
        return tmp_path

    return write_files


def section(body: str, name: str = "staging") -> str:
    return f"[ops:target:{name}]\n{body}\n"


def part(resolved: TargetSettings, name: str) -> Any:
    """Return an attribute of a target, of its project or of its limits."""
    for one in (resolved, resolved.project, resolved.limits):
        if hasattr(one, name):
            return getattr(one, name)
    raise AttributeError(name)


KEYS = {
    "protected by default": ("", "protected", True),
    "not protected": ("protected = false", "protected", False),
    "not protected, in other words": ("protected = No", "protected", False),
    "protected in words": ("protected = ON", "protected", True),
    "role": ("role = shop_owner", "role", "shop_owner"),
    "no role": ("role =", "role", None),
    "lock_timeout": ("lock_timeout = 500ms", "lock_timeout", "500ms"),
    "lock_timeout by default": ("", "lock_timeout", "2s"),
    "statement_timeout": ("statement_timeout = 5min", "statement_timeout", "5min"),
    "statement_timeout off": ("statement_timeout = 0", "statement_timeout", "0"),
    "lock_timeout_long": ("lock_timeout_long = 1min", "lock_timeout_long", "1min"),
    "lock_timeout_long by default": ("", "lock_timeout_long", "30s"),
    "lock_timeout_long, never the shorter one": ("lock_timeout = 2min", "lock_timeout_long", "2min"),
    "statement_timeout_long": ("statement_timeout_long = 2h", "statement_timeout_long", "2h"),
    "statement_timeout_long by default": ("statement_timeout = 5min", "statement_timeout_long", "0"),
    "max_rewrite": ("max_rewrite = 2GB", "max_rewrite", 2 * 1024**3),
    "max_rewrite, in other words": ("max_rewrite = 500 kb", "max_rewrite", 500 * 1024),
    "max_rewrite, nothing at all": ("max_rewrite = 0", "max_rewrite", 0),
    "max_rewrite by default": ("", "max_rewrite", None),
    "driver": ("driver = asyncpg", "driver", "asyncpg"),
    "x": ("x = tenant=acme", "x", ("tenant=acme",)),
    "x, several": ("x =\n  tenant=acme\n  # a comment\n\n  mode=100%", "x", ("tenant=acme", "mode=100%")),
    "imports": ("imports =\n  a.b\n  c", "imports", ("a.b", "c")),
    "setup": ("setup = app.ops:configure", "setup", "app.ops:configure"),
    "connection_attribute": ("connection_attribute = true", "connection_attribute", True),
    "host": ("host = anyio", "host", "anyio"),
    "redirect": ("redirect = yes", "redirect", True),
    "ledger": ("ledger = file", "ledger", "file"),
    "ledger by default": ("", "ledger", "database"),
    "require": ("require = committed, hazards < high", "require", Require(committed=True, hazards_below="high")),
    "no require": ("", "require", Require()),
    "environment, case and %": ("env.Shop_Db = a%(b)s%%{user}", "environment", (("Shop_Db", "a%(b)s%%me"),)),
    "option": ("option.db.url = {host}:{port}/{database}", "options", (("db.url", "h:5433/shop"),)),
    "section's option": ("section.my.part.URL = {password}", "section_options", (("my.part", "URL", "k@wl3d#e"),)),
    "url in a template": (
        "env.U = <{url}>",
        "environment",
        (("U", "<postgresql+psycopg2://me:k%40wl3d%23e@h:5433/shop>"),),
    ),
    "url for another driver": (
        "driver = asyncpg\nenv.U = {url}",
        "environment",
        (("U", "postgresql+asyncpg://me:k%40wl3d%23e@h:5433/shop"),),
    ),
    "braces that are no template": ('env.J = {"a": {}}', "environment", (("J", '{"a": {}}'),)),
    "a comment line": ("# protected = false\n; role = x", "protected", True),
    "a value with a hash": ("env.A = b # c", "environment", (("A", "b # c"),)),
}


@pytest.mark.parametrize(("lines", "attribute", "value"), KEYS.values(), ids=KEYS)
@pytest.mark.parametrize("file", ["alembic", "ops"])
def test_keys(write: Write, file: str, lines: str, attribute: str, value: object) -> None:
    home = write(**{file: section(f"{URL}\n{lines}")})

    resolved = resolve("staging", home)

    assert part(resolved, attribute) == value
    assert "k@wl3d" not in repr(resolved) and "k%40wl3d" not in repr(resolved)


def test_paths_are_relative_to_the_file_that_names_them(write: Write, tmp_path: Path) -> None:
    shop = tmp_path / "the shop"
    (shop / "lib").mkdir(parents=True)
    (shop / "alembic.ini").touch()
    (shop / "python").symlink_to(sys.executable)
    keys = (
        "config = the shop/alembic.ini\npython = the shop/python\ncwd = the shop\nsys_path =\n the shop\n the shop/lib"
    )

    project = resolve("staging", write(ops=section(f"{URL}\n{keys}"))).project

    assert project.config == shop / "alembic.ini"
    assert project.python == str(shop / "python"), "the link itself: an environment's interpreter is one"
    assert project.cwd == shop
    assert project.sys_path == (str(shop), str(shop / "lib"))


def test_a_project_that_has_only_pyproject(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.alembic]\nscript_location = 'm'\n")
    (tmp_path / "ops.ini").write_text(section(URL))

    assert resolve("staging", tmp_path).project.config == tmp_path / "pyproject.toml"


WRONG = {
    "a slip of the pen": ("protectd = true", "the key 'protectd', which nobody knows. Did you mean 'protected'?"),
    "a slip in a family": ("evn.SHOP = 1", "the key 'evn.SHOP', which nobody knows."),
    "a family alone": ("env. = 1", "the key 'env.', which nobody knows."),
    "capital letters": ("URL_ENV = X", "the key 'URL_ENV', which nobody knows."),
    "url and url_env": ("url_env = STAGING_URL", "has both url and url_env"),
    "protected": ("protected = maybe", "protected = 'maybe' is neither true nor false"),
    "a comment behind": ("protected = false # for now", "Comments stand on lines of their own"),
    "lock_timeout, no unit": ("lock_timeout = 2000", "lock_timeout = '2000' is no duration"),
    "lock_timeout, none": ("lock_timeout = 0", "is no duration"),
    "lock_timeout, none, unit": ("lock_timeout = 0s", "is no duration"),
    "lock_timeout, SQL": ("lock_timeout = 2s'; drop table x", "is no duration"),
    "lock_timeout_long, none": ("lock_timeout_long = 0", "is no duration"),
    "max_rewrite, no unit": ("max_rewrite = 1000", "max_rewrite = '1000' is no size"),
    "max_rewrite, in words": ("max_rewrite = a lot", "is no size"),
    "statement_timeout, days": ("statement_timeout = 600h", "is no duration"),
    "python": ("python = nowhere/python", "python = 'nowhere/python' is not an executable file"),
    "python, a plain file": ("python = alembic.ini", "is not an executable file"),
    "config": ("config = nowhere/alembic.ini", "there is no Alembic config file"),
    "config, a folder": ("config = .", "there is no Alembic config file"),
    "cwd": ("cwd = nowhere", "cwd = 'nowhere' is not a folder"),
    "setup": ("setup = app.configure", "setup = 'app.configure' names no function"),
    "host": ("host = trio", "host = 'trio' is not known"),
    "driver": ("driver = pigeon", "asks for the driver 'pigeon'"),
    "template": ("env.A = {passwort}", "the template {passwort} is not one of url, user, password"),
    "section without an option": ("section.url = x", "section.url needs a section and an option"),
    "url and url.NAME": ("url.billing = postgresql://h/b", "url is a key of one database, and url.NAME of several"),
    "direct_url": ("direct_url = mysql://h/s", "direct_url of [ops:target:staging] in ops.ini leads to another kind"),
    "direct_url and direct_url_env": (
        "direct_url = postgresql://h/s\ndirect_url_env = X",
        "has both direct_url and direct_url_env",
    ),
    "require": ("require =\n  committed\n  hazards < severe", "require: 'hazards < severe' names no severity"),
    "require, a comment behind": ("require = committed # always", "require: 'committed # always' is not understood"),
    "bootstrap, half a quotation": ("bootstrap = shop 'init", "is no command"),
    "bootstrap and baseline": ("bootstrap = shop init\nbaseline = alembic.ini", "has both baseline and bootstrap"),
    "baseline": ("baseline = start.sql", "baseline = 'start.sql' is not a file"),
    "scratch_url": (
        "scratch_url = mysql://h/s",
        "scratch_url of [ops:target:staging] in ops.ini leads to another kind",
    ),
    "scratch_url, no URL": ("scratch_url = server", "is not a database URL"),
    "scratch_url and scratch_url_env": (
        "scratch_url = postgresql://h/s\nscratch_url_env = X",
        "has both scratch_url and scratch_url_env",
    ),
    "scratch_url_env": ("scratch_url_env = A B", "scratch_url_env = 'A B' is no name of an environment variable"),
    "another ledger": ("ledger = paper", "ledger = 'paper' is not known"),
    "twice the same key": ("url = postgresql://h/d", "ops.ini cannot be read"),
}


@pytest.mark.parametrize(("lines", "said"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_said(write: Write, lines: str, said: str) -> None:
    home = write(ops=section(f"{URL}\n{lines}"))

    with pytest.raises(SettingsError) as refused:
        resolve("staging", home)

    error = refused.value
    assert said in error.problem
    assert "ops.ini" in error.problem
    assert error.next_step and error.exit_code == 2
    assert "wl3d" not in str(error)


# fmt: off
UNREADABLE = {
    "no section":        ("url = postgresql://me:k%40wl3d#e@h/d\n", "cannot be read: File contains no section headers"),
    "no equals sign":    (section("postgresql"),                    "cannot be read"),
    "not UTF-8":         (section("url = \udcff"),                  "cannot be read"),
    "section twice":     (section(URL) + section(URL),              "already exists"),
    "a name with signs": (section(URL, "../x"),                     "names a target '../x'"),
    "a name of dots":    (section(URL, ".."),                       "names a target '..'"),
    "no name":           (section(URL, ""),                         "names a target ''"),
    "a long name":       (section(URL, "x" * 64),                   "names a target"),
}
# fmt: on


@pytest.mark.parametrize(("content", "said"), UNREADABLE.values(), ids=UNREADABLE)
def test_a_file_that_cannot_be_read(write: Write, content: str, said: str) -> None:
    home = write()
    (home / "ops.ini").write_bytes(content.encode("utf-8", "surrogateescape"))

    for ask in (lambda: names(home), lambda: resolve("sandbox", home)):
        with pytest.raises(SettingsError) as refused:
            ask()
        assert said in refused.value.problem
        assert "wl3d" not in str(refused.value)


def test_two_files_may_not_describe_the_same_target(write: Write) -> None:
    home = write(alembic=section(URL), ops=section("url = postgresql://other/d"))

    with pytest.raises(SettingsError, match=r"Both alembic\.ini and ops\.ini describe the target 'staging'"):
        resolve("staging", home)


def test_what_other_sections_say_does_not_matter(write: Write) -> None:
    home = write(
        alembic=f"[DEFAULT]\nrole = somebody\nurl = x\n[alembic]\nscript_location = %(here)s/m\n{section(URL)}"
    )

    assert resolve("staging", home).role is None
    assert str(resolve("staging", home).database) == "postgresql+psycopg2://me:***@h:5433/shop"


def test_a_byte_order_mark_is_no_reason_to_fail(write: Write) -> None:
    home = write(ops="\ufeff" + section(URL))

    assert "staging" in names(home)


URL_ENV = {
    "from .env": (None, "STAGING_URL=postgresql://me:pw@file/d", "file"),
    "from .env, quoted": (None, "STAGING_URL='postgresql://me:p#w@file/d'", "file"),
    "exported in .env": (None, "export STAGING_URL=postgresql://file/d", "file"),
    "from the environment": ("postgresql://given/d", "", "given"),
    "the environment wins": ("postgresql://given/d", "STAGING_URL=postgresql://file/d", "given"),
    "unset": (None, "OTHER=1", "STAGING_URL, which is not set"),
    "empty": ("", "STAGING_URL=postgresql://file/d", "STAGING_URL, which is not set"),
    "without a value": (None, "STAGING_URL", "STAGING_URL, which is not set"),
    "malformed": ("n0body-knows", "", "STAGING_URL, which target 'staging' uses, is not a database URL"),
}


@pytest.mark.parametrize(("given", "file", "expected"), URL_ENV.values(), ids=URL_ENV)
def test_url_env(write: Write, monkeypatch: pytest.MonkeyPatch, given: str | None, file: str, expected: str) -> None:
    home = write(alembic=section("url_env = STAGING_URL"), env=file)
    if given is not None:
        monkeypatch.setenv("STAGING_URL", given)

    if " " not in expected:
        assert resolve("staging", home).database.url.host == expected
        return
    with pytest.raises(SettingsError) as refused:
        resolve("staging", home)
    assert expected in refused.value.problem
    assert "n0body" not in str(refused.value)
    assert refused.value.next_step


def test_the_scratch_server_is_named_by_a_url_or_a_variable(write: Write) -> None:
    home = write(
        ops=section(f"{URL}\nscratch_url_env = SCRATCH") + section(f"{URL}\nscratch_url = postgresql://h/s", "other"),
        env="SCRATCH=postgresql://tester:scr%40tch3d@h/s\n",
    )

    named = resolve("staging", home)

    assert named.scratch_url == "postgresql://tester:scr%40tch3d@h/s"
    assert resolve("other", home).scratch_url == "postgresql://h/s"
    assert resolve("sandbox", home).scratch_url is None
    assert "tch3d" not in repr(named)
    assert redact("it was scr@tch3d") == "it was ***"


def test_a_direct_url_goes_round_the_pooler_and_keeps_the_projects_driver(write: Write) -> None:
    home = write(
        ops=section("url_env = POOLED\ndirect_url_env = DIRECT\nenv.U = {url}"),
        env="POOLED=postgresql+asyncpg://me:p00led-pw@pooler:6432/shop\nDIRECT=postgresql://me:d1rect-pw@db/shop\n",
    )

    found = resolve("staging", home)

    assert str(found.database) == "postgresql+psycopg2://me:***@db/shop"
    assert found.project_url() == "postgresql+asyncpg://me:d1rect-pw@db/shop"
    assert dict(found.project.environment) == {"U": found.project_url()}
    assert found.source == "DIRECT, which target 'staging' uses,"
    assert "p00led" not in repr(found) and "d1rect" not in repr(found)
    assert redact("p00led-pw and d1rect-pw") == "*** and ***"


# fmt: off
LEADS = {  #                        lines of the section                       what env.py finds in its environment
    "another variable":            ("url_env = LIVE",                          {"LIVE": "{}", "DATABASE_URL": "{}"}),
    "round a pooler":              ("url_env = LIVE\ndirect_url_env = DIRECT", {"LIVE": "{}", "DIRECT": "{}"}),
    "a URL":                       ("url = postgresql+psycopg2://h/live",      {"DATABASE_URL": "{}"}),
    "what the section says stays": ("url_env = LIVE\nenv.LIVE = y\nenv.O = x", {"LIVE": "y", "O": "x"}),
}
# fmt: on


@pytest.mark.parametrize(("lines", "expected"), LEADS.values(), ids=LEADS)
def test_variables_that_name_the_url_lead_to_where_the_project_works(
    write: Write, lines: str, expected: dict[str, str]
) -> None:
    variables = "LIVE=postgresql+psycopg2://h/live\nDIRECT=postgresql+psycopg2://d/live\n"
    live = resolve("staging", write(ops=section(lines), env=variables))
    copy = "postgresql+psycopg2://postgres@/copy?host=%2Frun"

    for where, url in ((live, live.project_url()), (live.with_url(copy), copy)):
        found = where.variables()
        assert [(name, found.get(name)) for name in expected] == [
            (name, expected[name].format(url)) for name in expected
        ]


def test_a_variable_for_the_scratch_server_that_is_not_set(write: Write) -> None:
    home = write(ops=section(f"{URL}\nscratch_url_env = NO_SCRATCH"))

    with pytest.raises(SettingsError, match="takes scratch_url from the environment variable NO_SCRATCH") as refused:
        resolve("staging", home)

    assert refused.value.code == "url-unset"


@pytest.mark.parametrize("line", ["", "url_env =", "url_env = A B", "url_env = X # prod", "url_env = ${X}"])
def test_a_section_without_a_usable_url(write: Write, line: str) -> None:
    home = write(alembic=section(line))

    with pytest.raises(SettingsError, match=r"neither url nor url_env|no name of an environment variable"):
        resolve("staging", home)


def test_an_unreadable_dot_env(write: Write) -> None:
    home = write()
    (home / ".env").write_bytes(b"A=\xff\n")

    with pytest.raises(SettingsError, match=r"\.env cannot be read"):
        resolve("sandbox", home)


def test_what_dot_env_holds_of_secrets_is_remembered(write: Write) -> None:
    home = write(
        env="OTHER_URL=redis://:zebra-crossing-1@cache/0\nAPI_KEY=zebra-crossing-2\nDB_PASSWORD=zebra-crossing-3\n"
        "MAX_TOKENS=10\nDEBUG=zebra-crossing-4\n"
    )

    resolve("sandbox", home)

    shown = redact("zebra-crossing-1 zebra-crossing-2 zebra-crossing-3 zebra-crossing-4 10")
    assert shown == "*** *** *** zebra-crossing-4 10"


def test_default_is_the_sandbox_until_database_url_is_set(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    home = write()
    before = resolve("default", home)
    monkeypatch.setenv("DATABASE_URL", "postgresql+asyncpg://me:pw@h/d?ssl=require")

    after = resolve("default", home)

    assert (before.name, before.embedded, before.protected) == ("sandbox", True, False)
    assert (after.name, after.embedded, after.protected) == ("default", False, True)
    assert str(after.database) == "postgresql+psycopg2://me:***@h/d?sslmode=require"
    assert after.project_url().startswith("postgresql+asyncpg://")


def test_a_section_may_describe_default_and_sandbox(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://elsewhere/d")
    home = write(
        alembic=section("url = postgresql://one/d", "default") + section("url = postgresql://two/d", "sandbox")
    )

    assert resolve("default", home).database.url.host == "one"
    assert resolve("sandbox", home).database.url.host == "two"
    assert resolve("sandbox", home).protected


def test_embedded_targets(write: Write) -> None:
    home = write()

    sandbox, demo = resolve("sandbox", home), resolve("demo", home)

    assert sandbox.project.config == home / "alembic.ini"
    assert demo.project.config != home / "alembic.ini", "the demonstration tells this repository's own story"
    assert not sandbox.protected and not demo.protected
    with pytest.raises(SettingsError, match="known once the embedded server runs"):
        sandbox.project_url()


# fmt: off
UNKNOWN = {  #       asked for                hint
    "near":         ("stagng",                " Did you mean 'staging'?"),
    "far":          ("qqqqqq",                ""),
    "empty":        ("",                      ""),
    "another case": ("Staging",               " Did you mean 'staging'?"),
    "a path":       ("../../etc/passwd",      ""),
    "SQL":          ("staging; drop table x", ""),
    "long":         ("x" * 300,               ""),
}
# fmt: on


@pytest.mark.parametrize(("asked", "hint"), UNKNOWN.values(), ids=UNKNOWN)
def test_an_unknown_target_lists_those_there_are(write: Write, asked: str, hint: str) -> None:
    home = write(alembic=section(URL), ops=section(URL, "billing"))

    with pytest.raises(UsageError) as refused:
        resolve(asked, home)

    error = refused.value
    assert error.problem == (
        f"There is no target {asked[:80]!r}.{hint} There are: default, sandbox, demo, billing, staging."
    )
    assert error.code == "unknown-target" and error.exit_code == 2
    assert "[ops:target:NAME] to alembic.ini" in error.next_step


WRITTEN_FOR = {
    "no driver": ("postgresql://me@h/d", "", "postgresql+psycopg2://postgres@/copy?host=%2Frun"),
    "asyncpg": ("postgresql+asyncpg://me@h/d?ssl=require", "", "postgresql+asyncpg://postgres@/copy?host=%2Frun"),
    "its own choice": ("postgresql://me@h/d", "driver = psycopg", "postgresql+psycopg://postgres@/copy?host=%2Frun"),
}


@pytest.mark.parametrize(("url", "line", "expected"), WRITTEN_FOR.values(), ids=WRITTEN_FOR)
def test_on_a_copy_the_project_keeps_its_driver(write: Write, url: str, line: str, expected: str) -> None:
    resolved = resolve("staging", write(ops=section(f"url = {url}\nenv.U = {{url}}\n{line}")))

    copy = resolved.with_url("postgresql+psycopg2://postgres@/copy?host=%2Frun")

    assert copy.project_url() == expected
    assert copy.project.environment == (("U", expected),)
    assert copy.database.url.drivername == "postgresql+psycopg2"
