"""What a target demands before a change, met by the notebooks that provide it, as an operator runs them."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.database.conftest import Bench, SetUp
from tests.database.test_guard import git

DEMANDS = "\n  committed\n  hazards < critical\n  backup < 24 hours\n  rehearsal"


def run(bench: Bench, notebook: str, *parameters: str) -> dict[str, Any]:
    """Run a notebook by the command line; return its result."""
    given = [one for parameter in parameters for one in ("-p", parameter)]
    command = [sys.executable, "-m", "ops", "run", notebook, "--target", "case", "--json", *given]
    done = subprocess.run(command, cwd=bench.home, capture_output=True, text=True, timeout=300)
    found: dict[str, Any] = json.loads(done.stdout)
    assert done.returncode == found["exit_code"], done.stderr
    return found


@pytest.mark.heavy
def test_every_demand_is_met_by_the_notebook_that_the_refusal_names(set_up: SetUp) -> None:
    bench = set_up("linear", protected="true", require=DEMANDS)
    git(bench, "init", "-q")

    refused = run(bench, "40", "dry_run=false")
    lines = {one.partition(":")[0]: one for one in run(bench, "40")["data"]["lacking"]}
    named = {"hazards < critical": "20-plan", "backup < 24 hours": "46-backup", "rehearsal": "30-rehearse"}

    assert (refused["exit_code"], refused["error"]["changed"], bench.current) == (4, False, [])
    assert list(lines) == ["committed", *named] or set(lines) == {"committed", *named}
    assert all(notebook in lines[demand] for demand, notebook in named.items())
    git(bench, "add", "linear")
    git(bench, "commit", "-q", "-m", "files")
    for notebook in ("20", "30", "46"):
        assert run(bench, notebook)["verdict"] != "FAILED", notebook

    shown = run(bench, "40")
    assert shown["data"]["lacking"] == []
    fingerprint = shown["data"]["fingerprint"]
    done = run(bench, "40", "dry_run=false", f"confirm={fingerprint}", "backup=schema")

    assert (done["verdict"], done["data"]["current"], bench.current) == ("OK", ["a10000000005"], ["a10000000005"])
    ((plan, backup),) = bench.ask("SELECT details ->> 'plan', details ->> 'backup' FROM alembic_ops.ledger"
                                  " WHERE kind = 'intent'")  # fmt: skip
    assert (plan, backup) == (fingerprint, done["data"]["backup"])
    assert backup and (bench.home / backup).is_dir()
