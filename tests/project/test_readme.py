"""Whatever the README and the pages of `docs/` say can be typed is typed, chapter by chapter, each in a fresh copy.

Every line of their `sh`, `console` and `cron` blocks runs as it stands and ends with the exit code that a
comment `# exit code N` promises, else with 0. What cannot be as it stands:

`make …`              not run: the target exists in the Makefile (it would install, or run these tests)
`conda env create …`  not run: its file exists
`ops lab …`           JupyterLab is asked for its version, as it would never end
`plan-0123456789abcdef`   stands for the fingerprint of the dry run before it
`/srv/alembic-ops`, `--target production`   stand for the copy and its sandbox

The targets of the `ini` blocks lead to fresh databases, and `../shop` and `../blog` are projects beside the copy.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import alembic.command
import pytest

from ops import embedded, errors, scratch, settings
from ops.__main__ import main
from ops.runbook.catalogue import catalogue, find
from ops.runbook.parameters import from_text
from ops.settings import mariadb_tls
from ops.values import Verdict
from tests import cases
from tests.project import pages
from tests.project.checkout import ROOT, copy_to, make_targets
from tests.project.pages import PAGES, README, Page

FINGERPRINT = "plan-0123456789abcdef"

SHELL = """\
fingerprint() { "$PYTHON" -c '
import json, pathlib, sys
records = sorted(pathlib.Path("runs").glob(sys.argv[1]), key=lambda path: path.stat().st_mtime)
found = [json.loads(path.read_text())["data"].get("fingerprint") for path in records]
print([one for one in found if one][-1])
' "staging/*/*/result.json"; }
"""


@pytest.fixture
def checkout(tmp_path: Path, server: embedded.Server) -> Iterator[Path]:
    """A fresh copy in a folder with a space, with the targets and neighbours that the pages speak of."""
    copy = copy_to(tmp_path / "my work" / "ops")
    python = f'#!/bin/sh\nexec {shlex.quote(sys.executable)} "$@"\n'
    _script(copy / ".venv/bin/python", python)
    _script(copy / ".venv/bin/ops", python.replace(' "$@"', ' -m ops "$@"'))
    (copy / ".venv/bin/activate").write_text(_activate(copy))
    (copy / "ops.ini").write_text("\n".join(_sections().values()))
    projects = cases.projects()
    for name, case in {"shop": "environment", "blog": "linear"}.items():
        cases.copy_to(projects[case], copy.parent).rename(copy.parent / name)
    _script(copy.parent / "shop/.venv/bin/python", python)
    with ExitStack() as stack:
        staging, shop, blog = (stack.enter_context(scratch.database_on(server, prefix="readme")) for _ in range(3))
        (copy / ".env").write_text(
            f"STAGING_DATABASE_URL={staging}\nPRODUCTION_DATABASE_URL={staging}\nSHOP_DATABASE_URL={shop}\n"
            f"WEB_DATABASE_URL={blog}\n"
        )
        (copy.parent / "blog" / ".env").write_text(f"DATABASE_URL={blog}\n")
        yield copy


def _sections() -> dict[str, str]:
    """Return every target that a page shows, by its name; where two pages show one, they show the same."""
    found: dict[str, str] = {}
    for block in (block for page in PAGES for block in page.blocks("ini")):
        name = block.text.partition("\n")[0]
        assert found.setdefault(name, block.text) == block.text, name
    return found


def _script(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


def _activate(copy: Path) -> str:
    return f'PATH={shlex.quote(str(copy / ".venv/bin"))}:{shlex.quote(str(Path(sys.executable).parent))}:"$PATH"\n'


CHAPTERS = {f"{page}: {chapter}".removesuffix(": "): (page, chapter) for page in PAGES for chapter in page.chapters()}


@pytest.mark.timeout(900)
@pytest.mark.parametrize(("page", "chapter"), CHAPTERS.values(), ids=CHAPTERS)
def test_what_can_be_typed_works(page: Page, chapter: str, checkout: Path, tmp_path: Path) -> None:
    commands = page.commands(chapter)

    outcomes = _type(commands, checkout, tmp_path / "said")

    for command, (code, stdout, stderr) in zip(commands, outcomes, strict=True):
        assert code == command.exit_code, f"{command.text}\nended with {code}\n{stdout}\n{stderr[-4000:]}"
        if command.prints is not None:
            pattern = "\n".join(re.escape(line).replace("…", "[^\n]*") for line in command.prints)
            assert re.fullmatch(pattern, stdout.strip()), stdout
    for block in page.blocks("json"):
        if block.chapter == chapter:
            assert _shape(json.loads(block.text)) == _shape(json.loads((checkout / "upgrade.json").read_text()))


def _type(commands: tuple[pages.Command, ...], checkout: Path, said: Path) -> list[tuple[int | None, str, str]]:
    """Type the commands into one shell, until one ends with another code than promised."""
    said.mkdir()
    lines = [SHELL]
    for number, command in enumerate(commands):
        lines += [
            f'{{ {_typed(command.text, checkout)}\n}} >"$SAID/{number}.out" 2>"$SAID/{number}.err"',
            f'code=$?; echo $code >"$SAID/{number}.code"; [ $code = {command.exit_code} ] || exit 1',
        ]
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith(("OPS_", "JPY_", "JUPYTER"))},
        "PYTHONPATH": f"{checkout}:{checkout / 'tests/notebooks/lean'}",
        "PYTHON": sys.executable,
        "SAID": str(said),
    }
    environment.pop("DATABASE_URL", None)
    environment.pop("VIRTUAL_ENV", None)
    script = _activate(checkout) + "\n".join(lines)
    subprocess.run(["bash", "-c", script], cwd=checkout, env=environment, stdin=subprocess.DEVNULL, check=False)
    outcomes: list[tuple[int | None, str, str]] = []
    for number, _ in enumerate(commands):
        if not (said / f"{number}.code").exists():
            outcomes.append((None, "", "not reached"))
            continue
        code, out, err = (
            (said / f"{number}.{kind}").read_text(encoding="utf-8", errors="replace") for kind in ("code", "out", "err")
        )
        outcomes.append((int(code), out, err))
    return outcomes


def _typed(command: str, checkout: Path) -> str:
    words = shlex.split(command, comments=True)
    if words[0] == "make":
        assert set(words[1:]) <= make_targets()
        return ":"
    if words[:3] == ["conda", "env", "create"]:
        assert (ROOT / words[words.index("-f") + 1]).is_file()
        return ":"
    if words[:2] == ["ops", "lab"]:
        return shlex.join([*words, *(() if "--" in words else ("--",)), "--version"])
    command = command.replace(FINGERPRINT, '"$(fingerprint)"')
    return command.replace("/srv/alembic-ops", shlex.quote(str(checkout))).replace("production", "sandbox")


def _shape(value: object) -> object:
    """The keys of a JSON value, all the way down."""
    if isinstance(value, Mapping):
        return {key: _shape(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_shape(one) for one in value[:1]]
    return None


TARGETS = pages.page("docs/targets.md")

PROGRAMS = ("ops ", "alembic ", "make ")
INLINE = sorted({one for page in PAGES for one in pages.code(page.prose) if one.startswith(PROGRAMS)})


@pytest.mark.parametrize("text", INLINE)
def test_command_in_the_prose_exists(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    program, command, *rest = shlex.split(text)

    if program == "make":
        assert command in make_targets()
    elif program == "alembic":
        assert callable(getattr(alembic.command, command))
    elif command == "run":
        about = find(rest[0])
        given = [rest[number + 1] for number, word in enumerate(rest) if word == "-p"]
        from_text(about.parameters, given, notebook=about.name)
    else:
        with pytest.raises(SystemExit) as ended:
            main([command, "--help"])
        assert ended.value.code == 0


def test_notebooks_are_those_of_the_catalogue() -> None:
    expected = [
        [
            f"`{one.name}`",
            one.question,
            f"`{one.effects}`",
            ", ".join(
                f"`{each.name}={_typed_value(each.default)}`" for each in one.parameters if each.name != "target"
            ),
        ]
        for one in catalogue().notebooks
    ]

    assert [row[:4] for row in README.table("Notebook")] == expected


def _typed_value(default: object) -> str:
    return str(default).lower() if isinstance(default, bool) else str(default)


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_notebooks_that_are_named_exist(page: Page) -> None:
    named = set(re.findall(r"`((?:walkthroughs/)?\d\d-[a-z-]+)`", page.prose))

    assert named <= {one.name for one in catalogue().notebooks}


def test_the_start_in_vietnamese_has_every_notebook_and_exit_code() -> None:
    page = pages.page("README.vi.md")

    assert [pages.code(row[1])[0] for row in page.table("Việc cần làm")] == [
        one.name for one in catalogue().notebooks if "/" not in one.name
    ]
    assert [pages.code(row[0])[0] for row in page.table("Bài")] == [
        one.name for one in catalogue().notebooks if "/" in one.name
    ]
    assert [row[:2] for row in page.table("Mã thoát")] == [row[:2] for row in README.table("Exit code")]


IN_VIETNAMESE = {
    "Start": "Bắt đầu",
    "Find the command": "Chọn notebook theo việc cần làm",
    "Your databases": "Cơ sở dữ liệu của bạn",
    "In JupyterLab": "Trong JupyterLab",
    "Without a person": "Chạy tự động",
    "Beside plain `alembic`": "Lệnh `alembic` vẫn dùng như thường",
    "Good practice": "Nên làm",
    "Troubleshooting": "Khi gặp trục trặc",
    "What it does not do yet": "Những gì chưa làm được",
}
"""Every chapter of the README but the catalogue, which is among the commands there, and the links at its end."""


def test_the_start_in_vietnamese_has_every_chapter_advice_and_trouble() -> None:
    page = pages.page("README.vi.md")
    advice = {"README.md": r"(?s)## Good practice\n(.*?)\n## ", "README.vi.md": r"(?s)## Nên làm\n(.*?)\n## "}
    counted = [re.search(pattern, pages.page(name).text)[1].count("\n- ") for name, pattern in advice.items()]

    assert [one for one in _chapters(README) if one not in ("Notebooks", "Read on")] == list(IN_VIETNAMESE)
    assert _chapters(page) == list(IN_VIETNAMESE.values())
    assert counted[0] == counted[1] > 5
    assert [pages.code(row[0]) for row in page.table("Bạn thấy")] == [
        pages.code(row[0]) for row in README.table("What you see")
    ]


def _chapters(page: Page) -> list[str]:
    return re.findall(r"^## (.+)$", page.prose, re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_parameters_that_are_named_exist(page: Page) -> None:
    named = re.findall(r"-p (\w+)[= ]|`(\w+)\s?=\s?\w+`", page.text)
    known = {one.name for notebook in catalogue().notebooks for one in notebook.parameters}
    keys = {key for row in TARGETS.table("Key") for key in pages.code(row[0])}

    of_others = {"tenant", "include_schemas"}  # an argument of a project's own, and one of Alembic's
    assert {first or second for first, second in named} - keys - of_others - mariadb_tls.WORDS <= known


def test_exit_codes_are_those_of_verdicts_and_errors() -> None:
    said = {(int(code), verdict.strip("`")) for code, verdict, _ in README.table("Exit code")}
    raised = {(error.exit_code, error.verdict.value) for error in _errors() if not issubclass(error, errors.UsageError)}

    assert said == {(one.exit_code, one.value) for one in Verdict} | raised | {(errors.UsageError.exit_code, "–")}


def _errors() -> list[type[errors.OpsError]]:
    found = [one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, errors.OpsError)]
    assert len(found) > 10
    return found


KEYS = {
    "url_env": "SHOP_DATABASE_URL",
    "url": "postgresql://app@db.example.com/shop",
    "url_env.NAME": "SHOP_DATABASE_URL",
    "url.NAME": "postgresql://app@db.example.com/shop",
    "protected": "false",
    "lock_timeout": "500ms",
    "statement_timeout": "5min",
    "lock_timeout_long": "1min",
    "statement_timeout_long": "2h",
    "max_rewrite": "10GB",
    "ignore": "index\n  public.tmp_*",
    "baseline": "baseline.sql",
    "bootstrap": "python -m shop.create --first",
    "scratch_url_env": "SHOP_DATABASE_URL",
    "scratch_url": "postgresql://tester@db.example.com/postgres",
    "ledger": "file",
    "require": "committed\n  hazards < high\n  window Mon-Thu 22:00-04:00 Europe/Berlin",
    "direct_url_env": "SHOP_DATABASE_URL",
    "direct_url": "postgresql://app@db.example.com/shop",
    "role": "shop_owner",
    "config": "alembic.ini",
    "python": sys.executable,
    "cwd": ".",
    "sys_path": "src\n  lib",
    "imports": "shop.models",
    "x": "tenant=acme\n  region=eu",
    "env.NAME": "{url}",
    "option.NAME": "{host}:{port}",
    "section.NAME.OPTION": "{user}/{password}@{database}",
    "driver": "asyncpg",
    "connection_attribute": "true",
    "setup": "shop.alembic:prepare",
    "host": "anyio",
    "redirect": "true",
}


@pytest.mark.parametrize("key", KEYS)
def test_key_of_a_section_is_accepted(key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_DATABASE_URL", KEYS["url"])
    (tmp_path / "alembic.ini").write_text("[alembic]\nscript_location = migrations\n")
    (tmp_path / "baseline.sql").write_text("CREATE TABLE old (id integer);\n")
    needed = {} if key.partition(".")[0] in ("url", "url_env") else {"url": KEYS["url"]}
    lines = [f"{name} = {value}" for name, value in {**needed, key: KEYS[key]}.items()]
    (tmp_path / "ops.ini").write_text("\n".join(["[ops:target:shop]", *lines]))

    target = settings.resolve("shop.NAME" if key.startswith("url") and "." in key else "shop", tmp_path)

    assert target.protected == (key != "protected")


def test_keys_that_are_tried_are_those_of_the_table() -> None:
    assert [key for row in TARGETS.table("Key") for key in pages.code(row[0])] == list(KEYS)


def test_targets_that_are_always_there() -> None:
    assert [name.strip("`") for name, _ in TARGETS.table("Target")] == ["default", *settings.names(ROOT)[1:3]]


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_links_lead_somewhere(page: Page) -> None:
    for link in page.links():
        if link.startswith("https://"):
            continue
        path, _, anchor = link.partition("#")
        there = (ROOT / page.name).parent / path if path else ROOT / page.name
        assert there.exists(), link
        if anchor:
            assert anchor in pages.page(there.resolve().relative_to(ROOT).as_posix()).anchors(), link


def test_the_readme_leads_to_every_page() -> None:
    assert {page.name for page in PAGES if page != README} <= set(README.links())


def test_the_readme_is_read_in_five_minutes() -> None:
    assert len(README.text.splitlines()) <= 300


def test_pictures_are_there_small_and_described() -> None:
    pictures = re.findall(r"!\[([^\]]*)\]\(([^)\s]+)\)", README.prose)

    assert pictures
    for description, path in pictures:
        assert len(description) > 40
        assert (ROOT / path).stat().st_size < 200_000


def test_variables_that_are_named_are_read() -> None:
    sources = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "ops").rglob("*.py"))

    named = set(re.findall(r"\bOPS_[A-Z_]+\b", pages.everything()))
    assert named
    assert all(f'"{name}"' in sources for name in named)
