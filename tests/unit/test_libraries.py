"""What need not be imported is not."""

from __future__ import annotations

import subprocess
import sys

SOURCE = """
import importlib.util, sys
from ops.runbook.libraries import GRAMMARS, without_grammars
with without_grammars():
    from papermill.execute import execute_notebook
assert "jsonschema" in sys.modules
print(GRAMMARS in sys.modules, "lark" in sys.modules, importlib.util.find_spec(GRAMMARS) is not None)
"""


def test_papermill_is_imported_without_grammars_that_others_still_find() -> None:
    done = subprocess.run([sys.executable, "-c", SOURCE], capture_output=True, text=True)

    assert (done.stdout.split(), done.stderr) == (["False", "False", "True"], "")
