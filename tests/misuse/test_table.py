"""Whatever is wrong is said: the problem, that nothing was changed, the next step; never a traceback or a password."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.__main__ import main
from tests import cases
from tests.misuse import table
from tests.misuse.fuzzing import forgetful

CASES = dict(table.cases())


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home with a sound project, in which the command line is called."""
    for name in ("DATABASE_URL", "OPS_RUN_DIR", "OPS_NOTEBOOKS", "OPS_NOTIFY_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OPS_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    cases.copy_to(cases.projects()["linear"], tmp_path).rename(tmp_path / "shop")
    with forgetful():
        yield tmp_path


def content(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, but the settings of Jupyter that a command line puts there."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path): path.read_bytes() for path in files if ".ops" not in path.parts}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_it_is_refused_in_words(
    case: table.Case, home: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    for name, text in case.files.items():
        (home / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    for name, value in case.environment.items():
        monkeypatch.setenv(name, value)
    before = content(home)

    try:
        code = main(case.call)
    except SystemExit as ended:  # argparse has a way of its own
        code = int(str(ended.code))

    said = capfd.readouterr()
    assert code == 2, said.err
    assert said.out == ""
    assert case.said in said.err
    assert "Traceback" not in said.err and "not foreseen" not in said.err
    assert table.PLANTED not in said.err
    assert "usage:" in said.err or "\nThe database was not changed.\nNext: " in said.err
    assert "\x1b" not in said.err and len(said.err) < 4000
    assert content(home) == before
    assert not (home / "runs").exists() and not (home / ".ops" / "errors.log").exists()
