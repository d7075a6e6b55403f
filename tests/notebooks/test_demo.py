"""The whole story, as `make run` plays it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import CHECKOUT

STEPS = (
    ("10-inspect", "OK"),
    ("12-compare-schema", "ATTENTION"),
    ("20-plan", "OK"),
    ("40-upgrade", "OK"),
    ("40-upgrade", "OK"),
    ("50-verify", "OK"),
    ("42-downgrade", "OK"),
    ("40-upgrade", "OK"),
)


@pytest.mark.timeout(420)
def test_the_demo_tells_its_story_and_says_where_to_look(home: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ops", "demo"],
        cwd=CHECKOUT,
        env={**os.environ, "OPS_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=400,
    )

    assert done.returncode == 0, done.stderr
    reports = [Path(one) for one in re.findall(r"file://(\S+report\.html)", done.stdout)]
    results = [json.loads(one.with_name("result.json").read_text(encoding="utf-8")) for one in reports]
    assert [(one["notebook"], one["verdict"]) for one in results] == list(STEPS)
    assert all(one.with_name("notebook.ipynb").is_file() for one in reports)
    assert "make lab" in done.stdout

    compared, planned, dry, _, verified, undone, _ = (one["data"] for one in results[1:])
    causes = {one["object"]: one["cause"] for one in compared["changes"]}
    assert causes["public.users"] == "ahead-by-hand"
    assert causes["public.traffic_data"] == "changed-by-hand"
    assert dry["dry_run"] and dry["applied"] == []
    assert planned["fingerprint"] == dry["fingerprint"] and planned["unknown"] == []
    assert verified["changes"] == []
    assert undone["current"] == []
