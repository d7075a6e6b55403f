"""Which folder is home."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ops.errors import SettingsError
from ops.settings import CHECKOUT, home

TOML = "[tool.alembic]\nscript_location = 'm'\n"


# fmt: off
CASES = {
    "alembic.ini here":                 ({"a/alembic.ini": ""},                                    "a",     "a"),
    "alembic.ini above":                ({"a/alembic.ini": ""},                                    "a/b/c", "a"),
    "the nearest":                      ({"alembic.ini": "", "a/b/alembic.ini": ""},               "a/b/c", "a/b"),
    "[tool.alembic]":                   ({"a/pyproject.toml": TOML},                               "a/b",   "a"),
    "a pyproject.toml of another kind": ({"alembic.ini": "", "a/pyproject.toml": "[tool.ruff]\n"}, "a/b",   ""),
    "a broken pyproject.toml":          ({"alembic.ini": "", "a/pyproject.toml": "[tool"},         "a/b",   ""),
    "a folder named alembic.ini":       ({"alembic.ini": "", "a/alembic.ini/x": ""},               "a/b",   ""),
    "ops.ini is not enough":            ({"alembic.ini": "", "a/ops.ini": ""},                     "a",     ""),
    "nothing at all":                   ({},                                                       "a/b",   None),
}
# fmt: on


@pytest.mark.parametrize(("files", "cwd", "expected"), CASES.values(), ids=CASES)
def test_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str], cwd: str, expected: str | None
) -> None:
    monkeypatch.delenv("OPS_HOME", raising=False)
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    (tmp_path / cwd).mkdir(parents=True, exist_ok=True)
    monkeypatch.chdir(tmp_path / cwd)

    assert home() == (CHECKOUT if expected is None else tmp_path / expected)


def test_ops_home_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "alembic.ini").touch()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPS_HOME", "elsewhere")

    assert home() == tmp_path / "elsewhere"


@pytest.mark.parametrize("named", ["nowhere", "file"])
def test_ops_home_must_be_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: str) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("OPS_HOME", str(tmp_path / named))

    with pytest.raises(SettingsError, match="which is not a folder") as refused:
        home()
    assert "unset OPS_HOME" in refused.value.next_step


def test_a_working_directory_that_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPS_HOME", raising=False)
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    os.rmdir(gone)

    assert home() == CHECKOUT
