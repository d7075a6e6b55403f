"""The shapes of projects that are tried: what each of them is, and how it comes to stand on a database."""

from __future__ import annotations

import compileall
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from ops import targets
from tests import cases
from tests.applications import libraries
from tests.database.conftest import Bench, SetUp
from tests.projects import make_linear

PROJECTS = cases.projects()
MANY = 1000

STEPS = ("inspect", "plan", "rehearse", "upgrade", "compare", "downgrade")
"""What each of them goes through, in this order."""

Ask = pytest.FixtureRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """One shape: a sentence about it, and what sets it up."""

    about: str
    set_up: Callable[[Ask], Bench]


def _of_a_fixture(name: str, about: str = "", **keys: str) -> Shape:
    return Shape(about=about or PROJECTS[name].about, set_up=lambda ask: _maker(ask)(name, **keys))


def _maker(ask: Ask) -> SetUp:
    made: SetUp = ask.getfixturevalue("set_up")
    return made


def _expecting(bench: Bench, **expect: Any) -> Bench:
    return replace(bench, case=replace(bench.case, expect={**bench.case.expect, **expect}))


def _write_section(bench: Bench, old: str, new: str) -> None:
    section = bench.home / "ops.ini"
    text = section.read_text(encoding="utf-8")
    assert old in text
    section.write_text(text.replace(old, new), encoding="utf-8")


# -- what no fixture of tests/projects/ is ---------------------------------------------------------------


def _compiled(ask: Ask, *, beside: bool) -> Bench:
    """Have compiled files alone, beside where the sources were or in `__pycache__`, as a build leaves them."""
    bench = _maker(ask)("linear")
    ini = bench.project / "alembic.ini"
    ini.write_text(ini.read_text(encoding="utf-8") + "sourceless = true\n", encoding="utf-8")
    versions = bench.project / "migrations" / "versions"
    assert compileall.compile_dir(versions, quiet=1, legacy=beside)
    for file in versions.glob("*.py"):
        file.unlink()
    return bench


def _after_its_first_table(ask: Ask) -> Bench:
    bench = _maker(ask)("no_start")
    start = (bench.project / "start.sql").read_text(encoding="utf-8")
    bench.ask("\n".join(line for line in start.splitlines() if not line.startswith("\\")))
    _write_section(bench, "[ops:target:case]", "[ops:target:case]\nbaseline = no_start/start.sql")
    return replace(bench, target=targets.target("case"))


def _in_an_odd_folder(ask: Ask) -> Bench:
    """Have the project moved to a folder whose name means something to shells, URLs and configuration files."""
    bench = _maker(ask)("linear")
    folder = bench.home / "Tiệm 'nhỏ' & cũ; #2 – $HOME"
    bench.project.rename(folder)
    _write_section(bench, "config = linear/", f"config = {folder.name}/")
    return replace(bench, project=folder, target=targets.target("case"))


def _long(ask: Ask) -> Bench:
    bench = _maker(ask)("linear")
    shutil.rmtree(bench.project / "migrations")
    make_linear.make(bench.project, MANY)
    (bench.project / "models.py").write_text(make_linear.MODELS.format(revisions=MANY), encoding="utf-8")
    env = bench.project / "migrations" / "env.py"
    text = env.read_text(encoding="utf-8")
    assert "MetaData()" in text
    env.write_text("import models\n" + text.replace("MetaData()", "models.metadata"), encoding="utf-8")
    tables = [f"table_{number:04}" for number in range(MANY // (make_linear.COLUMNS_PER_TABLE + 1))]
    return _expecting(bench, heads=[f"r{MANY:05}"], revisions=MANY, tables=tables, rehearsed_to="+20")


def _second_tenant(ask: Ask) -> Bench:
    """Have another tenant beside the one that was there first, and is at its head."""
    bench = _maker(ask)("tenants")
    bench.target.upgrade("head", dry_run=False)
    bench.ask("CREATE SCHEMA globex")
    _write_section(bench, "tenant=acme", "tenant=globex")
    (bench.project / "start.sql").write_text("CREATE SCHEMA globex;\n", encoding="utf-8")
    both = sorted(2 * bench.case.expect["tables"])
    return replace(
        _expecting(bench, version_table_schema="globex", tables=both, unmanaged=["acme"]), target=targets.target("case")
    )


def _one_of_several_databases(ask: Ask) -> Bench:
    shop = ask.getfixturevalue("shop")
    expect = {"heads": ["ab0000000002"], "revisions": 2, "tables": ["purchase"]}
    return _bench(shop.home, shop.orders, "shop.orders", expect)


def _with_a_library(write: Callable[..., dict[str, Any]]) -> Callable[[Ask], Bench]:
    def set_up(ask: Ask) -> Bench:
        home: Path = ask.getfixturevalue("tmp_path")
        url: str = ask.getfixturevalue("database")
        ask.getfixturevalue("monkeypatch").setenv("OPS_HOME", str(home))
        expect = write(home, url)
        return _bench(home, url, "shop", expect)

    return set_up


def _bench(home: Path, url: str, target: str, expect: dict[str, Any]) -> Bench:
    case = cases.Case(name=target, about="", folder=home, target={}, expect=expect)
    return Bench(case=case, home=home, project=home / "shop", url=url, target=targets.target(target))


# -- the table -------------------------------------------------------------------------------------------

# What is broken, or has to be killed, is no shape: `test_projects.py` has its errors.
_NO_SHAPES = {"slow", "no_start"}
_OF_FIXTURES = {
    name: _of_a_fixture(name)
    for name, case in PROJECTS.items()
    if name not in _NO_SHAPES and case.expect.get("when", "downgrade") == "downgrade"
}

SHAPES = {
    **_OF_FIXTURES,
    "start_by_a_file": Shape(
        about="A history that starts after its first table was there, which an SQL file makes (`baseline`).",
        set_up=_after_its_first_table,
    ),
    "second_tenant": Shape(
        about="A second tenant's schema beside that of the first, which is at its head.", set_up=_second_tenant
    ),
    "compiled": Shape(
        about="Compiled version files alone (`sourceless`), where the sources were.",
        set_up=lambda ask: _compiled(ask, beside=True),
    ),
    "compiled_aside": Shape(
        about="Compiled version files alone (`sourceless`), in `__pycache__`.",
        set_up=lambda ask: _compiled(ask, beside=False),
    ),
    "odd_folder": Shape(
        about="A folder with spaces, quotes, signs of the shell and letters beyond ASCII in its name.",
        set_up=_in_an_odd_folder,
    ),
    "multidb": Shape(
        about="The `multidb` template: one `env.py` for several databases.", set_up=_one_of_several_databases
    ),
    "flask_migrate": Shape(
        about="Flask-Migrate, as `flask db init` writes it.", set_up=_with_a_library(libraries.flask_migrate)
    ),
    "entities": Shape(
        about="`alembic-utils` and `alembic-postgresql-enum`: views, functions and the labels of an enum.",
        set_up=_with_a_library(libraries.entities),
    ),
    "thousand": Shape(about=f"{MANY:,} revisions in a row; twenty of them rehearsed.", set_up=_long),
}  # fmt: skip
