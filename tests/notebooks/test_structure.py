"""The notebooks as files: their cells, parameters, words and hygiene. No kernel is started."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest

import ops
from ops.runbook import catalogue
from ops.runbook.session import Session
from ops.runbook.walkthrough import Walkthrough
from ops.status import Status
from ops.targets import Target
from ops.values import Verdict

CHECKOUT = Path(__file__).resolve().parents[2]
FOLDER = CHECKOUT / "notebooks"
NAMES = tuple(sorted(path.relative_to(FOLDER).with_suffix("").as_posix() for path in FOLDER.rglob("[!.]*.ipynb")))

COMPARISON = 'ignore: str = "", expect_pending: bool = True, strict: bool = False'
DRAFT = "message: str = '', autogenerate: bool = True, adopt: bool = False, dry_run: bool = True"
PLAN = "revision: str = 'head', direction: str = 'up', fail_on: str = 'high', allow: str = '', annotate: str = ''"
REHEARSAL = (
    "revision: str = 'head', data: str = 'all', rows_per_table: int = 1000, exclude_data: str = '', "
    "smoke_test: str = '', traffic_sql: str = '', accept: str = ''"
)
BACKUP = "data: str = 'full', format: str = 'directory', verify: str = 'list', keep: int = 0"
CHANGE = (
    "dry_run: bool = True, confirm: str = '', wait: int = 0, retries: int = 5, backup: str = 'none', "
    "max_rewrite: str = ''"
)

# fmt: off
CONTRACT = {  # effects: 0 start, 1 look, 2 judge, 3 rehearse, 4 change, 5 confirm, 9 repair; other parameters
    "00-start-here":     ("write", ""),
    "10-inspect":        ("read",  "fail_on_pending: bool = False"),
    "12-compare-schema": ("read",  COMPARISON),
    "14-check-health":   ("read",  ""),
    "20-plan":           ("read",  PLAN),
    "24-new-revision":   ("files", DRAFT),
    "30-rehearse":       ("copy",  REHEARSAL),
    "40-upgrade":        ("write", f"revision: str = 'head', {CHANGE}"),
    "42-downgrade":      ("write", f"revision: str = '-1', {CHANGE}"),
    "44-stamp":          ("write", f"revision: str = '', {CHANGE}"),
    "46-backup":         ("write", BACKUP),
    "50-verify":         ("read",  COMPARISON),
    "90-repair":         ("write", "case: str = '', dry_run: bool = True, confirm: str = ''"),
}
# fmt: on
CONTRACT |= {name: ("copy", None) for name in NAMES if name.startswith("walkthroughs/")}

NOT_YET = {
    "44-stamp": {"retries", "max_rewrite"},
}
"""Parameters that the contract has and a notebook has not: whoever adds one takes it out of here."""

EFFECTS = {"0": "write", "1": "read", "3": "copy", "4": "write", "5": "read", "9": "write"}
"""What the first digit promises; the 2s judge, and 24 alone writes a file of the project's."""

EVIDENCE = ("banner", "parameters", "guard", "evidence+", "verdict", "next")
CHANGING = ("banner", "parameters", "guard", "plan", "act", "prove", "verdict", "next")
DRAFTING = ("banner", "parameters", "guard", "act", "verdict", "next")
LEARNING = ("banner", "evidence+", "verdict", "next")

FACTS = ("Answers", "Reads", "Changes", "Takes", "Come from / go to")
KNOWN = {"ops": set(ops.__all__), "run": set(dir(Session)), "db": set(dir(Target)), "status": set(dir(Status))}
KNOWN["lesson"] = set(dir(Walkthrough)) | {"target"}  # which a walkthrough sets itself

LOGIC = (
    ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda | ast.For | ast.AsyncFor | ast.While
    | ast.If | ast.IfExp | ast.Match | ast.Try | ast.With | ast.AsyncWith | ast.ListComp | ast.SetComp
    | ast.DictComp | ast.GeneratorExp
)  # fmt: skip
SQL = re.compile(r"\b(select|insert|update|delete|create|alter|drop|truncate|grant|revoke|vacuum)\s", re.IGNORECASE)
WORD = re.compile(r"[a-z]+(_[a-z0-9]+)*\Z")


def path_of(name: str) -> Path:
    return FOLDER / f"{name}.ipynb"


def read(name: str) -> nbformat.NotebookNode:
    return nbformat.read(path_of(name), as_version=4)


def code_cells(name: str) -> list[nbformat.NotebookNode]:
    return [cell for cell in read(name).cells if cell.cell_type == "code"]


def nodes(name: str) -> Iterator[tuple[str, ast.AST]]:
    """Every node of the code, with the id of its cell; a shell or magic line does not even parse."""
    for cell in code_cells(name):
        for node in ast.walk(ast.parse(cell.source)):
            yield cell.id, node


def tag(cell: nbformat.NotebookNode) -> str:
    [only] = cell.metadata.tags
    return only


def test_every_notebook_has_its_row_in_the_contract() -> None:
    assert sorted(CONTRACT) == list(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_committed_as_jupyter_saves_it_and_without_results(name: str) -> None:
    text = path_of(name).read_text(encoding="utf-8")
    notebook = read(name)

    nbformat.validate(notebook)
    assert text == nbformat.writes(notebook) + "\n", "saving it in Jupyter would change it"
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code_cells(name))
    assert set(notebook.metadata) == {"kernelspec", "language_info", "ops"}
    assert notebook.metadata.language_info == {"name": "python"}


@pytest.mark.parametrize("name", NAMES)
def test_cells_stand_in_order_each_with_one_tag(name: str) -> None:
    cells = read(name).cells
    order = DRAFTING if name[:2] == "24" else {"4": CHANGING, "9": CHANGING, "w": LEARNING}.get(name[0], EVIDENCE)

    tags = " ".join(tag(cell) for cell in cells if cell.cell_type == "code")
    pattern = " ".join(f"{one[:-1]}( {one[:-1]})*" if one.endswith("+") else one for one in order)
    assert re.fullmatch(pattern, tags), tags
    assert tag(cells[0]) == "title" and cells[0].cell_type == "markdown"
    assert all(cell.cell_type in ("markdown", "code") and tag(cell) for cell in cells)


@pytest.mark.parametrize("name", NAMES)
def test_the_title_asks_and_says_what_to_expect(name: str) -> None:
    first, *others = (cell.source for cell in read(name).cells if cell.cell_type == "markdown")

    assert re.match(r"# \S.*\n\n\*\*Answers\*\*", first)
    facts = re.findall(r"^\*\*(.+?)\*\*: (\S.*)$", first, re.MULTILINE)
    assert tuple(fact for fact, _ in facts) == FACTS
    assert all(source.startswith("## ") for source in others), "each part below asks its own question"


@pytest.mark.parametrize("name", NAMES)
def test_parameters_are_those_of_the_contract(name: str) -> None:
    wanted = CONTRACT[name][1]
    found = catalogue.find(name).parameters

    if wanted is None:
        assert found == ()
        return
    expected = ast.parse("\n".join(re.split(r", (?=\w+: )", f"target: str = 'default', {wanted}".rstrip(", ")))).body
    kept = [ast.unparse(one) for one in expected if ast.unparse(one.target) not in NOT_YET.get(name, ())]
    assert [str(one) for one in found] == kept
    assert all(one.help for one in found)


@pytest.mark.parametrize("name", NAMES)
def test_effects_are_what_the_first_digit_promises(name: str) -> None:
    effects = read(name).metadata.ops.effects

    assert effects == CONTRACT[name][0]
    if name.startswith("walkthroughs/"):
        assert effects == "copy"
    elif name[0] == "2":
        assert effects == ("files" if name.startswith("24") else "read")
    else:
        assert effects == EFFECTS[name[0]]


@pytest.mark.parametrize("name", NAMES)
def test_the_catalogue_and_the_notebook_say_the_same(name: str) -> None:
    notebook = read(name)
    listed = next(one for one in catalogue.catalogue().notebooks if one.name == name)

    assert (listed.question, listed.effects) == (notebook.metadata.ops.question, notebook.metadata.ops.effects)
    assert listed.question and listed.question == listed.question.strip() and "\n" not in listed.question
    assert f'ops.notebook("{name}")' in code_cells(name)[0].source


@pytest.mark.parametrize("name", [one for one in NAMES if not one.startswith("walkthroughs/")])
def test_whatever_opens_a_target_goes_through_the_guard(name: str) -> None:
    """Which also tells of a run that died; `test_repair_open_run.py` has that for each of these notebooks."""
    [guard] = [cell.source for cell in code_cells(name) if tag(cell) == "guard"]

    broken = ", even_broken=True" if name == "90-repair" else ""
    assert guard == f"db, status = run.guard(target{broken})"


def test_every_question_is_asked_once() -> None:
    questions = [one.question for one in catalogue.catalogue().notebooks]

    assert len(set(questions)) == len(questions)


@pytest.mark.parametrize("name", NAMES)
def test_every_verdict_leads_to_a_notebook_that_exists(name: str) -> None:
    leads = read(name).metadata.ops.next

    assert set(leads) == set(Verdict)
    assert all(len(step) == 2 and step[0] in NAMES and step[1] for step in leads.values())


@pytest.mark.parametrize("name", NAMES)
def test_notebooks_that_are_named_in_words_exist(name: str) -> None:
    words = "\n".join(cell.source for cell in read(name).cells if cell.cell_type == "markdown")

    named = set(re.findall(r"`((?:walkthroughs/)?\d\d-[a-z0-9-]+)`", words))
    assert named <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_no_logic_in_cells(name: str) -> None:
    assert [(where, ast.unparse(node)) for where, node in nodes(name) if isinstance(node, LOGIC)] == []
    shows_a_file = re.compile(r"\.(write|replace)\(")
    written = [
        cell
        for cell in code_cells(name)
        if not shows_a_file.search(cell.source) and "parameters" not in cell.metadata.tags
    ]
    assert max(len(cell.source.splitlines()) for cell in written) <= 6


@pytest.mark.parametrize("name", [one for one in NAMES if not one.startswith("walkthroughs/")])
def test_no_sql_in_cells(name: str) -> None:
    texts = [node.value for _, node in nodes(name) if isinstance(node, ast.Constant) and isinstance(node.value, str)]

    assert [text for text in texts if SQL.search(text)] == []


@pytest.mark.parametrize("name", NAMES)
def test_cells_import_ops_alone_and_use_names_that_it_has(name: str) -> None:
    found = [node for _, node in nodes(name)]

    imported = [alias.name for node in found if isinstance(node, ast.Import) for alias in node.names]
    assert imported == ["ops"] and not any(isinstance(node, ast.ImportFrom) for node in found)
    used = {
        (node.value.id, node.attr)
        for node in found
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in KNOWN
    }
    assert {(owner, attribute) for owner, attribute in used if attribute not in KNOWN[owner]} == set()
    assert ("ops", "notebook") in used


@pytest.mark.parametrize("name", NAMES)
def test_cells_have_ids_of_their_own_that_no_tool_made_up(name: str) -> None:
    ids = [cell.id for cell in read(name).cells]

    assert len(set(ids)) == len(ids)
    assert [one for one in ids if not WORD.match(one)] == []


@pytest.mark.parametrize("name", NAMES)
def test_sources_end_where_they_end(name: str) -> None:
    cells = read(name).cells

    assert [cell.id for cell in cells if cell.source != cell.source.strip()] == []
    code = [line for cell in cells if cell.cell_type == "code" for line in cell.source.splitlines()]
    assert [line for line in code if line != line.rstrip() or "\t" in line] == []


@pytest.mark.parametrize("name", NAMES)
def test_nothing_of_one_machine_is_written_down(name: str) -> None:
    text = path_of(name).read_text(encoding="utf-8")

    assert not re.search(r"/home/|/root/|/tmp/|/Users/|[A-Za-z]:\\\\|postgres(ql)?(\+\w+)?://", text)


@pytest.mark.parametrize("command", [("check",), ("format", "--check")], ids=" ".join)
def test_ruff_has_nothing_to_say(command: tuple[str, ...]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ruff", *command, "--no-cache", str(FOLDER)],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stdout + done.stderr


def test_a_notebook_with_logic_is_caught() -> None:
    """The tests above look for what really turns up."""

    assert isinstance(ast.parse("[one for one in x]", mode="eval").body, LOGIC)
    assert isinstance(ast.parse("if x:\n    y").body[0], LOGIC)
    assert SQL.search("drop table users") and not SQL.search("10-inspect")
    with pytest.raises(SyntaxError):
        ast.parse("!ls")
