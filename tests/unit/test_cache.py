"""What is kept, for how long, and that nothing wrong ever comes back."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ops import cache
from ops.cache import Cache, Dependencies, ForgottenError
from tests.conftest import CHECKOUT

LONG_AGO = 1_700_000_000


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project of some files, written long ago."""
    folder = tmp_path / "project"
    (folder / "versions").mkdir(parents=True)
    for name in ("env.py", "models.py", "versions/one.py", "README"):
        (folder / name).write_text(name, encoding="utf-8")
        os.utime(folder / name, (LONG_AGO, LONG_AGO))
    return folder


def seen(project: Path) -> dict[str, list[str]]:
    return {
        "files": [str(project / name) for name in ("env.py", "models.py", "versions/one.py", ".env")],
        "folders": [str(project / "versions"), str(project / "nowhere")],
        "variables": ["SHOP_MODE"],
    }


def put(project: Path) -> Cache:
    kept = Cache(project)
    kept.put("answer", ["asked"], {"a": 1}, Dependencies.of(seen(project), since=cache.now()), bulk=[1, "ư"])
    return kept


def rewritten_at_the_same_size(project: Path) -> None:
    (project / "models.py").write_text("MODELS.PY", encoding="utf-8")


# fmt: off
CHANGES: dict[str, tuple[Callable[[Path], object], bool]] = {  # and whether the answer is then still right
    "nothing":                  (lambda folder: None, True),
    "a file rewritten":         (lambda folder: (folder / "models.py").write_text("class New: ...\n"), False),
    "at the same size":         (rewritten_at_the_same_size, False),
    "a file touched":           (lambda folder: (folder / "models.py").touch(), True),
    "a file gone":              (lambda folder: (folder / "env.py").unlink(), False),
    "a version file more":      (lambda folder: (folder / "versions" / "two.py").write_text("2"), False),
    "a version file less":      (lambda folder: (folder / "versions" / "one.py").unlink(), False),
    "a file that was missed":   (lambda folder: (folder / ".env").write_text("SHOP_MODE=x"), False),
    "a folder that was missed": (lambda folder: (folder / "nowhere").mkdir(), False),
    "compiled files":           (lambda folder: (folder / "versions" / "__pycache__").mkdir(), True),
    "another file":             (lambda folder: (folder / "README").write_text("new"), True),
    "a new file elsewhere":     (lambda folder: (folder / "notes.txt").write_text("new"), True),
}
# fmt: on


@pytest.mark.parametrize("case", CHANGES)
def test_an_answer_lasts_as_long_as_what_it_depends_on(
    case: str, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SHOP_MODE", raising=False)
    change, lasts = CHANGES[case]
    kept = put(project)

    change(project)

    assert (kept.get("answer", ["asked"]) is not None) == lasts


@pytest.mark.parametrize(("before", "after"), [(None, "x"), ("x", "y"), ("x", None), ("x", "x"), (None, None)])
def test_environment_variables_count(
    before: str | None, after: str | None, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for value in (before, after):
        monkeypatch.delenv("SHOP_MODE", raising=False)
        if value is not None:
            monkeypatch.setenv("SHOP_MODE", value)
        kept = put(project) if value is before and not (project / ".ops").exists() else Cache(project)

    assert (kept.get("answer", ["asked"]) is not None) == (before == after)


def test_no_value_of_a_variable_is_written(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_MODE", "planted-Secret-1")

    kept = put(project)

    assert [path for path in kept.folder.iterdir() if b"planted" in path.read_bytes()] == []


def test_what_was_kept_comes_back(project: Path) -> None:
    entry = put(project).get("answer", ["asked"])

    assert entry is not None and (entry.payload, entry.bulk()) == ({"a": 1}, [1, "ư"])
    assert entry.bulk() == [1, "ư"]


def test_other_questions_have_other_answers(project: Path) -> None:
    kept = put(project)

    assert kept.get("answer", ["else"]) is None
    assert kept.get("other", ["asked"]) is None


def test_another_version_of_the_program_does_not_trust_it(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = put(project)

    monkeypatch.setattr(cache, "program", lambda: "another")

    assert kept.get("answer", ["asked"]) is None


def test_a_file_written_while_the_answer_was_made_is_not_trusted(project: Path) -> None:
    began = cache.now()
    (project / "models.py").write_text("written meanwhile", encoding="utf-8")
    kept = Cache(project)

    kept.put("answer", ["asked"], {}, Dependencies.of(seen(project), since=began))

    assert kept.get("answer", ["asked"]) is None


# fmt: off
DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "emptied":              lambda content: b"",
    "cut off in the head":  lambda content: content[:40],
    "cut off at the end":   lambda content: content[:-3],
    "longer":               lambda content: content + b"x",
    "not JSON":             lambda content: b"\xff\x00" * 100,
    "JSON of another kind": lambda content: b"[1, 2]\n",
    "another version":      lambda content: content.replace(b'"version": 3', b'"version": 2'),
}
# fmt: on


@pytest.mark.parametrize("case", DAMAGES)
def test_a_damaged_entry_is_as_good_as_none(case: str, project: Path) -> None:
    kept = put(project)
    (path,) = kept.folder.iterdir()
    path.write_bytes(DAMAGES[case](path.read_bytes()))

    assert kept.get("answer", ["asked"]) is None


def test_damage_in_the_larger_part_is_found_when_it_is_read(project: Path) -> None:
    kept = put(project)
    (path,) = kept.folder.iterdir()
    path.write_bytes(path.read_bytes()[:-2] + b"9]")
    entry = kept.get("answer", ["asked"])

    assert entry is not None
    with pytest.raises(ForgottenError):
        entry.bulk()
    assert kept.get("answer", ["asked"]) is None


def test_an_entry_that_was_found_can_be_read_though_it_is_removed(project: Path) -> None:
    kept = put(project)
    entry = kept.get("answer", ["asked"])
    kept.clear()

    assert entry is not None and entry.bulk() == [1, "ư"]
    assert kept.get("answer", ["asked"]) is None


def test_the_oldest_make_room(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Cache(project)
    monkeypatch.setattr(cache, "LARGEST", 3000)
    for number in range(10):
        kept.put("answer", number, {}, Dependencies(), bulk="x" * 500)
        for path in kept.folder.iterdir():
            os.utime(path, (path.stat().st_mtime - 10, path.stat().st_mtime - 10))
        kept.get("answer", 0)  # used every time

    assert kept.get("answer", 0) is not None
    assert kept.get("answer", 1) is None
    assert kept.get("answer", 9) is not None
    assert sum(path.stat().st_size for path in kept.folder.iterdir()) <= 3000


def test_a_folder_that_cannot_be_written_costs_only_time(project: Path) -> None:
    (project / ".ops").write_text("in the way", encoding="utf-8")

    kept = put(project)

    assert kept.get("answer", ["asked"]) is None


MANY = """
import sys
from pathlib import Path
from ops import cache
cache.LARGEST = 20000
kept = cache.Cache(Path(sys.argv[1]))
for number in range(150):
    kept.put("answer", number % 7, {"n": number % 7}, cache.Dependencies(), bulk="x" * 3000)
    entry = kept.get("answer", (number + 3) % 7)
    assert entry is None or (entry.payload["n"] == (number + 3) % 7 and entry.bulk() == "x" * 3000)
"""


def test_two_processes_at_once(tmp_path: Path) -> None:
    command = [sys.executable, "-c", MANY, str(tmp_path)]
    both = [subprocess.Popen(command, cwd=CHECKOUT, stderr=subprocess.PIPE, text=True) for _ in range(2)]

    assert [(one.communicate()[1], one.returncode) for one in both] == [("", 0), ("", 0)]
    assert [path for path in (tmp_path / ".ops" / "cache").iterdir() if path.suffix == ".tmp"] == []
