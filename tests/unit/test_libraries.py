"""What need not be imported is not."""

from __future__ import annotations

import subprocess
import sys

SOURCE = """
import importlib.util, sys
from ops.runbook.libraries import FORMATS, without_formats
with without_formats():
    from papermill.execute import execute_notebook
assert "jsonschema" in sys.modules
print({*FORMATS, "lark", "arrow"} & {*sys.modules} or "none", all(map(importlib.util.find_spec, FORMATS)))
"""


def test_papermill_is_imported_without_formats_that_others_still_find() -> None:
    done = subprocess.run([sys.executable, "-c", SOURCE], capture_output=True, text=True)

    assert (done.stdout.split(), done.stderr) == (["none", "True"], "")
