"""Smoke tests: what they are read from, how they end, and that they find the copy and not its original."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path

import pytest

from ops.errors import UsageError
from ops.rehearsal import smoke, variables
from ops.settings import TargetSettings, resolve

LIVE = "postgresql+asyncpg://shop_app:pl%40nted-secret@db.internal:5433/shop"
COPY = "postgresql+psycopg2://postgres@/copy_1_ab?host=/run/scratch&port=5432"

INI = """
[ops:target:live]
url_env = SHOP_URL
protected = false
env.SHOP_DSN = {url}
env.SHOP_MODE = migrate

[ops:target:other]
url_env = OTHER_URL
"""


@pytest.fixture
def live(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TargetSettings:
    (tmp_path / "alembic.ini").write_text("[alembic]\nscript_location = nowhere\n", encoding="utf-8")
    (tmp_path / "ops.ini").write_text(INI, encoding="utf-8")
    monkeypatch.setenv("SHOP_URL", LIVE)
    return resolve("live", tmp_path)


@pytest.fixture
def there(live: TargetSettings) -> TargetSettings:
    return live.with_url(COPY)


# fmt: off
GONE = {  #                                        variable          value
    "the password by itself":                      ("SHOP_PASSWORD", "pl@nted-secret"),
    "the password within a text":                  ("OPTIONS",       "user=shop_app password=pl@nted-secret"),
    "the password as a URL has it":                ("ENCODED",       "x pl%40nted-secret x"),
    "the host by itself":                          ("DB_HOST",       "db.internal"),
    "host and port":                               ("DB_ADDRESS",    "db.internal:5433"),
    "a URL of it by somebody else":                ("REPORTS",       "postgresql://reader:h7-elsewhere@db.internal:5433/shop"),
    "a URL of it for another driver":              ("JDBC",          "jdbc:postgresql://db.internal:5433/shop?user=x"),
    "another target's URL":                        ("OTHER_URL",     "postgresql://somebody@elsewhere/orders"),
    "where libpq goes":                            ("PGSERVICE",     "production"),
    "our own switches":                            ("OPS_HOME",      "/somewhere"),
}
STAYS = {
    "what has nothing to do with it":              ("LANG_OF_SHOP",  "vi"),
    "a URL of something else":                     ("BROKER",        "amqp://guest@queue.internal:5672/shop"),
    "another database of another server":          ("REPORTS",       "postgresql://reader@reports.internal/shop"),
}
# fmt: on


@pytest.mark.parametrize(("name", "value"), GONE.values(), ids=GONE)
def test_what_leads_to_the_original_is_not_handed_on(
    live: TargetSettings, there: TargetSettings, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)

    found = variables.of_copy(there, live)

    assert name not in found
    assert not [one for one in found.values() if "db.internal" in one or "nted-secret" in one]


@pytest.mark.parametrize(("name", "value"), STAYS.values(), ids=STAYS)
def test_what_does_not_lead_there_stays(
    live: TargetSettings, there: TargetSettings, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)

    assert variables.of_copy(there, live)[name] == value


def test_what_leads_to_the_copy(live: TargetSettings, there: TargetSettings) -> None:
    found = variables.of_copy(there, live)

    theirs = "postgresql+asyncpg://postgres@/copy_1_ab?host=%2Frun%2Fscratch&port=5432"
    assert {name: found[name] for name in ("DATABASE_URL", "SHOP_URL", "SHOP_DSN")} == dict.fromkeys(
        ("DATABASE_URL", "SHOP_URL", "SHOP_DSN"), theirs
    )
    assert found["OPS_COPY_URL"] == "postgresql://postgres@/copy_1_ab?host=%2Frun%2Fscratch&port=5432"
    assert {name: value for name, value in found.items() if name.startswith("PG")} == {
        "PGHOST": "/run/scratch", "PGPORT": "5432", "PGDATABASE": "copy_1_ab", "PGUSER": "postgres",
    }  # fmt: skip
    assert found["SHOP_MODE"] == "migrate"


def python(script: str) -> str:
    return shlex.join([sys.executable, "-c", script])


# fmt: off
ENDINGS = {  #          what it does                                            code  its output    in words
    "passes":           ("print('fine')",                                          0,    "fine",      "passed"),
    "fails":            ("import sys; print('bad'); sys.exit(3)",                  3,    "bad",       "failed with"),
    "is killed":        ("import os; os.kill(os.getpid(), 9)",                     -9,   "",          "failed with"),
    "takes too long":   ("import time; print(1, flush=True); time.sleep(60)",      None, "1",       "was ended"),
    "tells a password": ("print('it is pl@nted-secret')",                          0,    "it is ***", "passed"),
}
# fmt: on


@pytest.mark.parametrize(("script", "code", "output", "words"), ENDINGS.values(), ids=ENDINGS)
def test_how_a_command_ends(
    live: TargetSettings, there: TargetSettings, script: str, code: int | None, output: str, words: str
) -> None:
    test = smoke.read(python(script), live)
    assert test is not None

    found = test.run(there, live, seconds=2 if code is None else 60)

    assert (found.exit_code, found.output, found.passed) == (code, output, code == 0)
    assert str(found).startswith(words)


def test_it_runs_in_the_projects_folder_with_nothing_to_read(live: TargetSettings, there: TargetSettings) -> None:
    script = "import json, os, sys; print(json.dumps([os.getcwd(), sys.stdin.read(), os.environ['PGDATABASE']]))"
    test = smoke.read(python(script), live)
    assert test is not None

    found = test.run(there, live)

    assert json.loads(found.output) == [str(live.project.config.parent), "", "copy_1_ab"]


def test_only_the_end_of_a_long_output_is_kept(live: TargetSettings, there: TargetSettings) -> None:
    test = smoke.read(python("for n in range(20_000): print('line', n)"), live)
    assert test is not None

    lines = test.run(there, live).output.splitlines()

    assert (len(lines), lines[-1]) == (40, "line 19999")


WRONG = {
    "a file that is not there": ("checks/none.sql", "There is no smoke test"),
    "a program that is not there": ("no-such-program --now", "There is no program 'no-such-program'"),
    "a path that is not there": ("./check.sh", "There is no program './check.sh'"),
    "a quote that is open": ("python -c 'x", "cannot be read"),
}


@pytest.mark.parametrize(("text", "says"), WRONG.values(), ids=WRONG)
def test_what_is_no_test_is_refused_before_anything_runs(live: TargetSettings, text: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        smoke.read(text, live)


def test_nothing_is_no_test(live: TargetSettings) -> None:
    assert smoke.read("  ", live) is None
