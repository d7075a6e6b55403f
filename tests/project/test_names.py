"""What the package offers, what importing it costs, and names that must not exist."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import ops
from tests.project.checkout import ROOT, files

HEAVY = ("pandas", "IPython", "sqlalchemy", "alembic", "psycopg2", "papermill", "nbformat", "ipywidgets", "postgast")
PYTHON = [path for path in files() if path.suffix == ".py"]


def test_the_public_names() -> None:
    assert list(ops.__all__) == sorted(set(ops.__all__))
    assert 10 <= len(ops.__all__) <= 20
    assert set(ops.__all__) <= set(dir(ops))


@pytest.mark.parametrize("name", ops.__all__)
def test_every_public_name_resolves_and_says_what_it_is(name: str) -> None:
    found = getattr(ops, name)

    assert found.__name__ == name
    assert (found.__doc__ or "").strip()


def test_a_name_that_is_missing_is_an_ordinary_error() -> None:
    with pytest.raises(AttributeError, match="module 'ops' has no attribute 'targt'"):
        ops.targt  # noqa: B018


LIGHT = (
    "import ops",
    "import ops.commands",
    "from ops import OpsError, Verdict",
    "import ops.__main__",
    "from ops import settings; settings.resolve('sandbox', settings.home())",
)


@pytest.mark.parametrize("statement", LIGHT)
def test_importing_loads_nothing_heavy(statement: str, tmp_path: Path) -> None:
    program = f"{statement}\nimport json, sys\nprint(json.dumps([one for one in {HEAVY!r} if one in sys.modules]))"
    environment = {"HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}

    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )

    assert json.loads(done.stdout) == []
    assert list(tmp_path.iterdir()) == [], "nothing is opened, and nothing is written"


FORBIDDEN = {
    "a module for whatever": r"(^|/)(utils?|helpers?|misc|common)\.py$",
    "a package that hides the library": r"^alembic/__init__\.py$",
    "compiled files": r"\.pyc$",
    "secrets": r"(^|/)\.env$",
    "records of runs": r"^(runs|\.ops)/",
}


@pytest.mark.parametrize("pattern", FORBIDDEN.values(), ids=FORBIDDEN)
def test_files_that_must_not_exist(pattern: str) -> None:
    assert [path.as_posix() for path in files() if re.search(pattern, path.as_posix())] == []


# Spelled in two parts, so that this file does not find itself.
WORDS = ("TO" + "DO", "FIX" + "ME", "XX" + "X")


@pytest.mark.parametrize("word", WORDS)
def test_nothing_is_left_to_be_done(word: str) -> None:
    suffixes = (".py", ".md", ".ini", ".toml", ".yml", ".ipynb", ".mako", "")
    pattern = re.compile(rf"\b{word}\b")
    found = [
        path.as_posix()
        for path in files()
        if path.suffix in suffixes and pattern.search((ROOT / path).read_text(encoding="utf-8", errors="replace"))
    ]

    assert found == []


LONG = {
    "ops/catalog/queries.py",  # nothing but queries
}
OURS = [path for path in PYTHON if path.parts[0] == "ops"]


@pytest.mark.parametrize("path", OURS, ids=map(str, OURS))
def test_a_module_says_what_it_is_and_stays_short(path: Path) -> None:
    text = (ROOT / path).read_text(encoding="utf-8")
    tree = ast.parse(text)

    assert ast.get_docstring(tree)
    assert path.as_posix() in LONG or len(text.splitlines()) <= 400
    bare = [node.lineno for node in ast.walk(tree) if isinstance(node, ast.ExceptHandler) and node.type is None]
    assert bare == [], "an except that catches everything"


@pytest.mark.parametrize("path", OURS, ids=map(str, OURS))
def test_public_things_have_docstrings(path: Path) -> None:
    if path.as_posix() in LONG:
        return
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    bare = []
    for parent in [tree, *(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name[0] != "_")]:
        for node in parent.body:
            public = (
                isinstance(node, (ast.FunctionDef, ast.ClassDef))
                and not node.name.startswith("_")
                and node.name != "main"
            )
            if public and not ast.get_docstring(node):
                bare.append(f"{node.name}, line {node.lineno}")  # type: ignore[attr-defined]

    assert bare == []
