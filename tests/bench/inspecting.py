"""`ops run 10-inspect` on the sandbox, beside papermill on one cell that imports what a notebook usually does."""

from __future__ import annotations

import sys
from pathlib import Path

import nbformat
from measure import Claim, Part, environment, pairs, ratios, seconds, spread, table

from ops import embedded, scratch
from ops.runbook import kernel

IMPORTS = "import pandas, sqlalchemy, alembic, ipywidgets"
COUNT = 7


def run(folder: Path) -> Part:
    """Measure pairs; the server is up, as our lease keeps it."""
    server = embedded.server(folder)
    scratch.ensure_database(server, "sandbox")
    env = environment(**kernel.environment(folder))
    one_cell = _one_cell(folder / "imports.ipynb")
    inspect = [sys.executable, "-m", "ops", "run", "10-inspect", "-p", "target=sandbox"]
    papermill = [sys.executable, "-m", "papermill", str(one_cell), str(folder / "out.ipynb")]
    ours, theirs = pairs(
        lambda: seconds(inspect, env=env, cwd=folder), lambda: seconds(papermill, env=env, cwd=folder), count=COUNT
    )
    claim = Claim(
        what="`ops run 10-inspect` beside papermill on one cell of imports", values=ratios(ours, theirs), limit=1.5
    )
    rows = [
        ["`ops run 10-inspect -p target=sandbox`: kernel, worker, report, record", spread(ours, unit="s")],
        [f"`papermill`, one cell: `{IMPORTS}`", spread(theirs, unit="s")],
    ]
    return Part(title="Inspecting the sandbox", claims=(claim,), tables=(table(["process", "seconds"], rows),))


def _one_cell(path: Path) -> Path:
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(IMPORTS)],
        metadata={"kernelspec": {"name": "python3", "language": "python", "display_name": "Python 3"}},
    )
    nbformat.write(notebook, path)
    return path
