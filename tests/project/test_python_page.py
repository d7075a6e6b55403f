"""The page on Python names what a target can do, and its example runs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import ops
from ops.errors import OpsError
from tests.project.checkout import ROOT
from tests.project.pages import Page

PAGE = Page(name="docs/python.md")


def test_it_names_every_method_and_no_other() -> None:
    named = {
        name for row in re.findall(r"^\| (`.+?) \|", PAGE.prose, re.MULTILINE) for name in re.findall(r"`(\w+)\(", row)
    }
    there = {name for name, one in vars(ops.Target).items() if callable(one) and not name.startswith("_")}

    assert named == there


def test_it_names_what_an_error_says() -> None:
    error = OpsError("It did not work.", next_step="Try again.")

    assert all(
        f"`{name}`" in PAGE.prose and hasattr(error, name) for name in ("problem", "changed", "next_step", "code")
    )
    assert {f"`{name}`" for name in ops.__all__ if name.endswith("Error")} - {
        "`InterruptedRunError`",
        "`OpsError`",
    } <= set(re.findall(r"`\w+`", PAGE.prose))


@pytest.mark.heavy
def test_its_example_runs(tmp_path: Path) -> None:
    [block] = PAGE.blocks("python")
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("OPS_", "DATABASE_URL"))}

    done = subprocess.run(
        [sys.executable, "-c", block.text],
        cwd=ROOT,
        env={**environment, "OPS_HOME": str(ROOT), "OPS_EMBEDDED_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stderr
    assert "sandbox: at base" in done.stdout and "('54be4477c094',) OK" in done.stdout
