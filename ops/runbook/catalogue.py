"""The notebooks there are: names, questions, effects and parameters, read from the files themselves."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ops import display
from ops.errors import OpsError, UsageError
from ops.runbook.parameters import Parameter, declared
from ops.settings import notebooks_folder
from ops.values import Result, Verdict

EFFECTS = ("read", "copy", "files", "write")


@dataclass(frozen=True, slots=True, kw_only=True)
class Notebook:
    """One notebook: `effects` is what it may change, `following` says where each verdict leads.

    `cells` is how many of its cells have code.
    """

    name: str
    path: Path
    question: str
    effects: str
    parameters: tuple[Parameter, ...] = ()
    following: tuple[tuple[str, str, str], ...] = ()
    cells: int = 0

    @property
    def stem(self) -> str:
        """The name without its folder, as run folders bear it."""
        return self.name.rpartition("/")[2]

    def to_dict(self) -> dict[str, Any]:
        """Return the notebook as `ops list --json` prints it."""
        return {
            "name": self.name,
            "question": self.question,
            "effects": self.effects,
            "parameters": [parameter.to_dict() for parameter in self.parameters],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue(Result):
    """All notebooks, by name."""

    notebooks: tuple[Notebook, ...]

    def __str__(self) -> str:
        return f"{len(self.notebooks)} notebooks"

    def table(self) -> display.Table:
        """Return one row per notebook."""
        rows = tuple((one.name, one.question, one.effects, tuple(map(str, one.parameters))) for one in self.notebooks)
        return display.Table(columns=("Notebook", "Question", "Effects", "Parameters"), rows=rows)

    def view(self) -> display.View:
        """Return the table with its legend."""
        legend = (
            "Effects: read - changes nothing; copy - changes throw-away copies only; "
            "files - writes files of the project; write - may change the database."
        )
        return display.View(title=str(self), blocks=(self.table(), display.Note(legend)))

    def to_dict(self) -> dict[str, Any]:
        """Return what `ops list --json` prints."""
        return {"notebooks": [one.to_dict() for one in self.notebooks]}


def catalogue() -> Catalogue:
    """Return every notebook of the folder that says what it does; a reader's own drafts are left out."""
    root = notebooks_folder()
    found = []
    for path in sorted(root.rglob("*.ipynb")):
        inside = path.relative_to(root)
        if not any(part.startswith(".") for part in inside.parts):
            one = _load(path, inside.with_suffix("").as_posix())
            if one is not None:
                found.append(one)
    return Catalogue(notebooks=tuple(found))


def find(name: str) -> Notebook:
    """Return the notebook of that name, or of which it is a unique prefix: `10` is `10-inspect`, whatever walkthroughs
    there are, which go by the beginning of their own names where no other notebook does.

    Raises
    ------
    UsageError
        No notebook, or several, go by that name.
    """
    wanted = name.removesuffix(".ipynb").removeprefix("./").removeprefix("notebooks/")
    notebooks = catalogue().notebooks
    for one in notebooks:
        if wanted in (one.name, one.stem):
            return one
    matches = [one for one in notebooks if wanted and one.name.startswith(wanted)]
    matches = matches or [one for one in notebooks if wanted and one.stem.startswith(wanted)]
    if len(matches) == 1:
        return matches[0]
    names = [one.name for one in notebooks]
    if matches:
        raise UsageError(
            f"{name!r} stands for several notebooks: {', '.join(one.name for one in matches)}.",
            next_step="Write more of the name.",
        )
    near = difflib.get_close_matches(wanted, names, n=1, cutoff=0.5)
    hint = f" Did you mean {near[0]}?" if near else ""
    raise UsageError(
        f"There is no notebook {name[:80]!r}.{hint}",
        next_step=f"Name one of: {', '.join(names) or f'none, as {notebooks_folder()} has no notebooks'}.",
    )


def _load(path: Path, name: str) -> Notebook | None:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        described = content.get("metadata", {}).get("ops")
        cells = content.get("cells", [])
    except (OSError, ValueError, AttributeError) as error:
        raise OpsError(
            f"The notebook {path.name} cannot be read: {type(error).__name__}.",
            next_step=f"Restore it: git checkout -- {path.name}",
            code="notebook",
        ) from None
    if not isinstance(described, Mapping):
        return None
    effects = described.get("effects")
    steps = described.get("next") or {}
    if effects not in EFFECTS:
        raise OpsError(
            f"The notebook {path.name} says effects = {effects!r}, which is not one of {', '.join(EFFECTS)}.",
            next_step="Correct `ops.effects` in its metadata.",
            code="notebook",
        )
    return Notebook(
        name=name,
        path=path,
        question=str(described.get("question", "")),
        effects=effects,
        parameters=declared(_parameters_cell(cells), notebook=name),
        # In the order of the verdicts: Jupyter sorts the metadata by name when somebody saves the notebook.
        following=tuple(
            (verdict.value, str(steps[verdict][0]), str(steps[verdict][1])) for verdict in Verdict if verdict in steps
        ),
        cells=sum(1 for cell in cells if cell.get("cell_type") == "code"),
    )


def _parameters_cell(cells: list[Mapping[str, Any]]) -> str:
    for cell in cells:
        if "parameters" in cell.get("metadata", {}).get("tags", ()):
            source = cell.get("source", "")
            return source if isinstance(source, str) else "".join(source)
    return ""
