"""Every notebook on a file of SQLite's, headless: what a file has no word for is said, and none ends in a traceback."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.cases import PROJECTS

from .conftest import ops

pytestmark = [pytest.mark.heavy, pytest.mark.timeout(1800)]

# Parameters of each run, and the verdict in which it ends, in this order.
RUNS = (
    ("10-inspect", (), "OK"),
    ("40-upgrade", ("revision=e10000000003", "dry_run=false"), "OK"),
    ("12-compare-schema", (), "OK"),
    ("14-check-health", (), "OK"),
    ("20-plan", ("allow=drop-column",), "OK"),
    ("24-new-revision", ("message=nothing yet", "autogenerate=false"), "OK"),
    ("30-rehearse", (), "OK"),
    ("46-backup", ("verify=restore",), "OK"),
    ("40-upgrade", ("dry_run=false", "backup=full"), "OK"),
    ("42-downgrade", ("dry_run=false",), "OK"),
    ("44-stamp", ("revision=e10000000003", "dry_run=false"), "OK"),
    ("50-verify", (), "OK"),
    ("90-repair", (), "OK"),
    ("00-start-here", (), "OK"),
    ("40-upgrade", ("max_rewrite=1GB",), "FAILED"),
    ("30-rehearse", ("data=sample",), "FAILED"),
)


def test_every_notebook_runs_on_a_file(tmp_path: Path) -> None:
    home = shutil.copytree(PROJECTS / "file_shop", tmp_path / "shop", ignore=shutil.ignore_patterns("__pycache__"))
    (home / "ops.ini").write_text("[ops:target:shop]\nurl = sqlite:///shop.db\nprotected = false\n", encoding="utf-8")
    (home / "shop.db").touch()
    environment: Mapping[str, str] = {**os.environ, "OPS_HOME": str(home), "HOME": str(tmp_path)}

    ended = []
    for name, parameters, _ in RUNS:
        wanted = [word for one in parameters for word in ("-p", one)]
        finished = ops(environment, "run", name, "--target", "shop", "--json", *wanted)
        assert "Traceback" not in finished.stderr, (name, finished.stderr)
        result = json.loads(finished.stdout)
        problem = (result["error"] or {}).get("problem", "")
        ended.append((name, parameters, result["verdict"] if result["verdict"] != "ATTENTION" else result["summary"]))
        assert "psycopg" not in problem and "pg_catalog" not in problem, (name, problem)

    assert ended == list(RUNS)
