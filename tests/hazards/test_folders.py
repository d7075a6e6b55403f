"""The corpus is whole, and what observes it is independent of what it is to check."""

from __future__ import annotations

import ast

import pytest

from tests.hazards import corpus, spelling

CASES = {case.id: case for case in corpus.cases()}
FOLDERS = sorted({case.folder for case in CASES.values()})
ROWS = (*(f"A{number}" for number in range(1, 61)), "B", *(f"C{number}" for number in range(1, 13)))
ROOT = corpus.FOLDER.parents[1]
OBSERVER = ("observer.py", "watching.py", "copies.py", "corpus.py")
ALLOWED = {"ops", "ops.embedded", "ops.scratch", "ops.statement"}  # connections, and the words for locks


def rows() -> dict[str, str]:
    """Where each row of `rows.txt` is shown, or why nowhere."""
    lines = (corpus.FOLDER / "rows.txt").read_text(encoding="utf-8").splitlines()
    pairs = [line.split("|") for line in lines if line and not line.startswith("#")]
    return {what.split()[0]: where.strip() for what, where in pairs}


def test_no_row_is_forgotten() -> None:
    assert tuple(rows()) == ROWS


@pytest.mark.parametrize(("row", "where"), rows().items(), ids=rows())
def test_a_row_is_shown_or_it_is_said_why_not(row: str, where: str) -> None:
    folders = {folder.name for folder in FOLDERS}
    if where.startswith("-"):
        assert len(where.split()) > 5, "say why"
        return
    for one in where.split():
        file, _, test = one.partition("::")
        if test:
            assert f"def {test}(" in (ROOT / file).read_text(encoding="utf-8"), one
        else:
            assert one in folders | CASES.keys(), one


def test_every_folder_stands_for_a_row() -> None:
    said = {one.partition("/")[0] for where in rows().values() for one in where.split()}

    assert {folder.name for folder in FOLDERS} <= said


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_case_is_whole(case: corpus.Case) -> None:
    observed = {major: case.expected(major) for major in (15, 16, 18) if case.runs_on(major)}

    assert case.about.endswith("."), "the first comment says what the file shows"
    assert case.steps
    assert case.kind == "unsafe" or not case.fires
    assert spelling.revisions(case)
    assert observed or case.needs, "somebody has to observe it"
    for seen in observed.values():
        assert seen is not None
        assert [one.sql for one in seen] == [corpus.one_line(step.sql) for step in case.steps]
        assert [one.error.partition(" ")[0] for one in seen] == [step.fails for step in case.steps]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_folder_has_both_ways_and_nothing_else(folder: object) -> None:
    cases = [case for case in CASES.values() if case.folder == folder]
    files = {file for case in cases for file in (case.sql_file, case.alembic_file)}
    there = {file for file in cases[0].folder.iterdir() if file.name != "__pycache__"}

    assert {case.kind for case in cases} == {"unsafe", "safe"}
    assert any(case.fires for case in cases)
    assert there - files <= {cases[0].folder / "setup.sql", cases[0].folder / "expected.txt"}


@pytest.mark.parametrize("name", OBSERVER)
def test_the_observer_knows_nothing_of_what_it_is_to_check(name: str) -> None:
    tree = ast.parse((corpus.FOLDER / name).read_text(encoding="utf-8"))
    plain = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    froms = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    names = {*plain, *(node.module or "" for node in froms)}
    names |= {f"ops.{alias.name}" for node in froms if node.module == "ops" for alias in node.names}

    assert {one for one in names if one.partition(".")[0] == "ops"} <= ALLOWED
