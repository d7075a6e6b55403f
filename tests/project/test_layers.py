"""Imports go one way: the layers are those of the table in CONTRIBUTING.md."""

from __future__ import annotations

import ast
import re
import sys
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from tests.project.checkout import ROOT, files

PACKAGE = ROOT / "ops"
MODULES = [ROOT / path for path in files() if path.parts[0] == "ops" and path.suffix == ".py"]
WORKER = PACKAGE / "project" / "worker"  # belongs to the project that it drives, not to us
IN_ENV_PY = PACKAGE / "locking.py"  # what a project's env.py may import, under plain Alembic
APPLICATION = "models"  # what this repository's own migrations are about
MAY_SEE = {
    "words": {"words"},
    "facts": {"words", "facts"},
    "judgement": {"words", "judgement"},
    "together": {"words", "facts", "judgement", "together"},
    "action": {"words", "facts", "judgement", "together", "action"},
    "face": {"words", "facts", "judgement", "together", "action", "face"},
}


def _layers() -> dict[str, str]:
    """The layer of every room, as the page has it; a room within a room may have a layer of its own."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("## The house")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (\w+) \| (`.+`) \|", text, re.MULTILINE)
    return {room: layer for layer, rooms in rows for room in re.findall(r"`([\w.]+)`", rooms)}


def _room(name: str) -> str:
    """The innermost room that a module, or a name in one, belongs to; its first part where no page knows it."""
    parts = name.split(".")
    inward = [".".join(parts[:count]) for count in range(len(parts), 0, -1)]
    return next((one for one in inward if one in LAYERS), parts[0])


@cache  # and not at import: every process that collects tests would read all files
def _imports() -> dict[str, set[str]]:
    """The rooms that each room imports, wherever in the file."""
    found: dict[str, set[str]] = {}
    for path in MODULES:
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        room = _room(".".join(parts))
        if WORKER not in path.parents and room not in ("__init__", APPLICATION):
            found.setdefault(room, set()).update(_of_ours(path) - {room})
    return found


def _of_ours(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {_room(one.name.removeprefix("ops.")) for one in node.names if one.name.startswith("ops.")}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            first, _, rest = (node.module or "").partition(".")
            if first == "ops":
                names |= {_room(f"{rest}.{one.name}" if rest else one.name) for one in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert WORKER in path.parents, f"{path}: a relative import"
    return names


LAYERS = _layers()


def test_every_room_has_a_layer() -> None:
    assert set(LAYERS) == set(_imports())
    assert set(LAYERS.values()) == set(MAY_SEE)


@pytest.mark.parametrize("room", sorted(LAYERS))
def test_imports_go_one_way(room: str) -> None:
    wrong = {one for one in _imports()[room] if LAYERS.get(one) not in MAY_SEE.get(LAYERS.get(room, ""), set())}

    assert wrong == set()


def test_rooms_do_not_go_round_in_circles() -> None:
    assert list(TopologicalSorter(_imports()).static_order())


PARTS = sorted(WORKER.glob("*.py"))


@pytest.mark.parametrize("part", PARTS, ids=[path.name for path in PARTS])
def test_worker_stands_on_the_standard_library_and_its_own_parts(part: Path) -> None:
    tree = ast.parse(part.read_text(encoding="utf-8"), feature_version=(3, 8))
    own = {path.stem for path in PARTS}

    named: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.Import):
            named |= {one.name.partition(".")[0] for one in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level:
            assert ({node.module} if node.module else {one.name for one in node.names}) <= own
        elif isinstance(node, ast.ImportFrom):
            named.add((node.module or "").partition(".")[0])

    assert named <= set(sys.stdlib_module_names)
    assert not re.search(r"^\s*(import|from) ops\b", part.read_text(encoding="utf-8"), re.MULTILINE)


def test_only_what_runs_in_a_project_imports_alembic() -> None:
    found = [
        path.relative_to(ROOT).as_posix()
        for path in MODULES
        if WORKER not in path.parents
        and path != IN_ENV_PY
        and re.search(r"^\s*(import|from) alembic\b", path.read_text(encoding="utf-8"), re.MULTILINE)
    ]

    assert found == []


# Judgement, and the values that it shares with facts: no connection, no clock, no file, nothing left to chance.
PURE = (
    "drift",
    "hazards",
    "limits",
    "threeway",
    "remedy",
    "history",
    "commands",
    "statement",
    "live",
    "values",
    "errors",
    "rehearsal.values",
    "rehearsal.losses",
    "rehearsal.judge",
)
REACHING_OUT = {
    "asyncio", "datetime", "glob", "io", "logging", "multiprocessing", "os", "pathlib", "platform", "psycopg2",
    "random", "secrets", "shutil", "signal", "socket", "sqlalchemy", "subprocess", "sys", "tempfile", "threading",
    "time", "uuid",
}  # fmt: skip
OURS_REACHING_OUT = {
    "settings", "embedded", "scratch", "database", "versiontables", "project", "cache", "replay", "modelled", "lock",
    "ledger", "catalog.snapshot",
}  # fmt: skip
BUILT_IN = {"open", "input", "print", "exec", "eval", "compile", "__import__"}


@pytest.mark.parametrize("room", [*PURE, "catalog"])
def test_judgement_is_pure(room: str) -> None:
    paths = [path for path in MODULES if _room(".".join(path.relative_to(PACKAGE).with_suffix("").parts)) == room]
    assert paths

    for path in paths:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        called = {one.func.id for one in ast.walk(tree) if isinstance(one, ast.Call) and isinstance(one.func, ast.Name)}
        assert _at_run_time(tree) & REACHING_OUT == set(), path
        assert _of_ours(path) & OURS_REACHING_OUT == set(), path
        assert called & BUILT_IN == set(), path


def test_only_the_ledger_opens_the_connection_that_may_write() -> None:
    name = "connect_for_ledger"
    found = {
        _room(".".join(path.relative_to(PACKAGE).with_suffix("").parts)) for path in MODULES if name in path.read_text()
    }

    assert found == {"database", "ledger"}


def test_nobody_but_the_migrations_imports_the_applications_models() -> None:
    outside = [path for path in MODULES if not path.is_relative_to(PACKAGE / APPLICATION)]

    assert [str(path) for path in outside if APPLICATION in _of_ours(path)] == []


def _at_run_time(tree: ast.Module) -> set[str]:
    """The libraries that a module imports, but for those that only a type checker sees."""
    hidden = {
        id(below)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for below in ast.walk(node)
    }
    found: set[str] = set()
    for node in ast.walk(tree):
        if id(node) in hidden:
            continue
        if isinstance(node, ast.Import):
            found |= {one.name.partition(".")[0] for one in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "").partition(".")[0])
    return found
