"""The DAG of `notebooks/scheduling/`, read and run by a real Airflow, in an environment of its own."""

from __future__ import annotations

import fcntl
import json
import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.project.checkout import ROOT, copy_to

pytestmark = [pytest.mark.heavy, pytest.mark.timeout(3600)]

PACKAGES = (
    ["apache-airflow>=3", "papermill", "ipykernel"],
    # It wants papermill with every cloud there is, and a resolver then tries old releases of those for half an hour.
    ["--no-deps", "apache-airflow-providers-papermill"],
)
DAG = ROOT / "notebooks" / "scheduling" / "airflow_dag.py"

RUN = """\
import sys
sys.path.insert(0, sys.argv[1])
import airflow_dag
run = airflow_dag.dag.test()
print(sorted((one.task_id, str(one.state)) for one in run.get_task_instances()))
"""


def _airflow() -> Path:
    """Return the Python of an environment with Airflow, kept from one test session to the next."""
    base = Path(tempfile.gettempdir()) / f"alembic-ops-tests-{os.getuid()}"
    base.mkdir(mode=0o700, exist_ok=True)
    assert base.stat().st_uid == os.getuid() and not base.stat().st_mode & 0o077, f"{base} is somebody else's"
    name = f"airflow-py{sys.version_info.major}{sys.version_info.minor}"
    folder = base / name
    with open(base / f"{name}.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "installed").exists():
            subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
            command = [folder / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
            for packages in PACKAGES:
                done = subprocess.run([*command, *packages], capture_output=True, text=True)
                if done.returncode:
                    give_up = pytest.fail if "OPS_CI" in os.environ else pytest.skip
                    give_up(f"Airflow could not be installed from the package index: {done.stderr[-500:]}")
            (folder / "installed").touch()
    return folder / "bin" / "python"


def test_airflow_runs_the_dag(tmp_path: Path) -> None:
    python = _airflow()
    copy = copy_to(tmp_path / "srv" / "alembic-ops")
    for name, module in {"ops": "-m ops ", "python": ""}.items():
        program = copy / ".venv" / "bin" / name
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text(f'#!/bin/sh\nPYTHONPATH={shlex.quote(str(copy))} exec {sys.executable} {module}"$@"\n')
        program.chmod(0o755)
    _install_kernel(copy)
    dags = tmp_path / "dags"
    dags.mkdir()
    text = DAG.read_text(encoding="utf-8").replace("/tmp/alembic-ops", str(tmp_path / "alembic-ops"))
    text = text.replace('TARGET = "production"', 'TARGET = "sandbox"').replace("/srv/alembic-ops", str(copy))
    (dags / "airflow_dag.py").write_text(text)
    environment = {
        "PATH": f"{python.parent}:/usr/bin:/bin",
        "HOME": str(tmp_path),
        "LANG": "C.UTF-8",
        "AIRFLOW_HOME": str(tmp_path / "airflow"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    }

    migrated = subprocess.run(
        [python, "-m", "airflow", "db", "migrate"], env=environment, capture_output=True, text=True
    )
    assert migrated.returncode == 0, migrated.stderr[-3000:]
    done = subprocess.run([python, "-c", RUN, str(dags)], env=environment, cwd=tmp_path, capture_output=True, text=True)

    said = (done.stdout + done.stderr)[-6000:]
    assert done.returncode == 0, said
    assert done.stdout.strip().splitlines()[-1] == "[('backup', 'success'), ('verify', 'success')]", said
    results = {
        path.parent.name.split("-", 1)[1].rpartition("-")[0]: json.loads(path.read_text(encoding="utf-8"))
        for path in (copy / "runs" / "sandbox").glob("*/*/result.json")
    }
    assert {name: one["verdict"] for name, one in results.items()} == {"50-verify": "OK", "46-backup": "OK"}
    (executed,) = tmp_path.glob("alembic-ops-verify-*.ipynb")
    assert '"completed"' in executed.read_text(encoding="utf-8")


def _install_kernel(copy: Path) -> None:
    """What `python -m ipykernel install --sys-prefix` writes, where the copy's environment would have it."""
    folder = copy / ".venv" / "share" / "jupyter" / "kernels" / "alembic-ops"
    folder.mkdir(parents=True)
    argv = [str(copy / ".venv/bin/python"), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {"argv": argv, "display_name": "Alembic Ops", "language": "python"}
    (folder / "kernel.json").write_text(json.dumps(spec))
