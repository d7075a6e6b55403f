"""Every notebook on MariaDB, headless: what it has no word for is said, and none ends in a traceback."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests import maria as maria_server
from tests.cases import PROJECTS
from tests.maria import Account

from .conftest import ops

maria, account = maria_server.maria, maria_server.account

pytestmark = [pytest.mark.heavy, pytest.mark.timeout(1800)]

# Parameters of each run, and the verdict in which it ends, in this order.
RUNS = (
    ("10-inspect", (), "OK"),
    ("40-upgrade", ("revision=d10000000003", "dry_run=false"), "OK"),
    ("12-compare-schema", (), "OK"),
    ("14-check-health", (), "UNKNOWN"),
    ("20-plan", (), "UNKNOWN"),
    ("24-new-revision", ("message=nothing yet", "autogenerate=false"), "OK"),
    ("30-rehearse", (), "UNKNOWN"),
    ("46-backup", (), "FAILED"),
    ("40-upgrade", ("dry_run=false",), "OK"),
    ("42-downgrade", ("dry_run=false",), "OK"),
    ("44-stamp", ("revision=d10000000003", "dry_run=false"), "OK"),
    ("50-verify", (), "OK"),
    ("90-repair", (), "OK"),
    ("00-start-here", (), "OK"),
    ("40-upgrade", ("max_rewrite=1GB",), "FAILED"),
    ("40-upgrade", ("dry_run=false", "backup=full"), "REFUSED"),
)


def test_every_notebook_runs_on_mariadb(tmp_path: Path, account: Account) -> None:
    home = shutil.copytree(PROJECTS / "maria_shop", tmp_path / "shop", ignore=shutil.ignore_patterns("__pycache__"))
    lines = ("[ops:target:shop]", "url_env = SHOP_URL", "scratch_url_env = SHOP_SCRATCH", "protected = false")
    (home / "ops.ini").write_text("\n".join(lines), encoding="utf-8")
    environment: Mapping[str, str] = {
        **os.environ,
        "OPS_HOME": str(home),
        "HOME": str(tmp_path),
        "SHOP_URL": account.url(),
        "SHOP_SCRATCH": account.scratch_url,
    }

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
    secrets = (
        account.password.encode(),
        account.password.replace(" ", "%20").encode(),
        account.scratch_password.encode(),
    )
    told = [one for one in tmp_path.rglob("*") if one.is_file()]
    assert [one for one in told if any(secret in one.read_bytes() for secret in secrets)] == []
