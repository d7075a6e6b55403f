"""Plain papermill, and a live Jupyter session: the cells judge for themselves."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest


def papermill(
    environment: dict[str, str], notebooks: Path, out: Path, *arguments: str, name: str = "10-look"
) -> subprocess.CompletedProcess[str]:
    """Run plain papermill from a folder that has nothing to do with the project."""
    # Papermill takes paths for format strings, so the braces of the fixture's folder are doubled.
    source = str(notebooks / f"{name}.ipynb").replace("{", "{{").replace("}", "}}")
    command = [sys.executable, "-m", "papermill", "--no-progress-bar", source, str(out), *arguments]
    return subprocess.run(command, env=environment, cwd=out.parent, capture_output=True, text=True)


def records(home: Path) -> list[dict[str, Any]]:
    """Return all records of a home folder."""
    return [json.loads(path.read_text(encoding="utf-8")) for path in home.glob("runs/*/*/*/result.json")]


@pytest.fixture
def own_home(environment: dict[str, str], home: Path, tmp_path: Path) -> Path:
    """A home of its own for records; the embedded server's files are the shared ones."""
    folder = tmp_path / "home"
    folder.mkdir()
    (home / ".ops").mkdir(exist_ok=True)
    (folder / ".ops").symlink_to(home / ".ops")
    return folder


# fmt: off
ENDINGS = {  #             mode          exit  verdict      error        shown at the end
    "ok":                 ("OK",         0,    "OK",        None,        ""),
    "attention":          ("ATTENTION",  1,    "ATTENTION", None,        "ATTENTION: the answer is ATTENTION"),
    "refused":            ("busy",       1,    "REFUSED",   "busy",      "REFUSED: Another run holds the lock."),
}
# fmt: on


@pytest.mark.parametrize(("mode", "code", "verdict", "error", "shown"), ENDINGS.values(), ids=ENDINGS)
def test_plain_papermill_tells_by_its_exit_code(
    environment: dict[str, str],
    notebooks: Path,
    own_home: Path,
    tmp_path: Path,
    mode: str,
    code: int,
    verdict: str,
    error: str | None,
    shown: str,
) -> None:
    # A papermill that a live session's kernel has started inherits the session's name.
    environment = {**environment, "OPS_HOME": str(own_home), "JPY_SESSION_NAME": "x.ipynb"}

    finished = papermill(environment, notebooks, tmp_path / "out.ipynb", "-p", "mode", mode, "-r", "note", "1.10")

    assert finished.returncode == code, finished.stderr
    (record,) = records(own_home)
    assert record["verdict"] == verdict
    assert (record["error"] or {}).get("code") == error
    assert record["parameters"]["note"] == "1.10"
    assert shown in finished.stderr
    assert "ops/runbook" not in finished.stderr, "an error of ours shows no stack"
    banner = nbformat.read(tmp_path / "out.ipynb", as_version=4)
    text = next(cell for cell in banner.cells if cell.cell_type == "code").outputs[0]["data"]["text/plain"]
    assert f"[{verdict}]" in text


# fmt: off
REFUSED = {
    "a revision that became a number": (["-p", "note", "12e456789012"], "papermill -r note VALUE"),
    "an unknown parameter":            (["-p", "cont", "3"],            "Did you mean count?"),
    "an unknown target":               (["-p", "target", "sandbx"],     "There is no target 'sandbx'"),
    "a target that became a number":   (["-p", "target", "1"],          "papermill -r target VALUE"),
}
# fmt: on


@pytest.mark.parametrize(("arguments", "says"), REFUSED.values(), ids=REFUSED)
def test_plain_papermill_is_refused_by_the_guard(
    environment: dict[str, str], notebooks: Path, tmp_path: Path, arguments: list[str], says: str
) -> None:
    environment = {**environment, "OPS_HOME": str(tmp_path)}

    finished = papermill(environment, notebooks, tmp_path / "out.ipynb", *arguments)

    assert finished.returncode == 1
    assert says in finished.stderr
    assert not (tmp_path / "runs").exists()
    assert "evidence" not in [
        tag
        for cell in nbformat.read(tmp_path / "out.ipynb", as_version=4).cells
        if cell.get("execution_count")
        for tag in cell.metadata.get("tags", ())
    ]


def test_a_live_session_goes_on_after_an_error(
    environment: dict[str, str], notebooks: Path, own_home: Path, tmp_path: Path
) -> None:
    """A front end's requests, without the front end: wrong parameter, corrected; then a draft of one's own."""
    environment = {**environment, "OPS_HOME": str(own_home), "JPY_SESSION_NAME": "10-look.ipynb"}
    script = tmp_path / "live.py"
    script.write_text(
        """
import json, sys
from jupyter_client.manager import start_new_kernel
import nbformat

cells = {
    cell.metadata.get("tags", [""])[0]: cell.source
    for cell in nbformat.read(sys.argv[1], as_version=4).cells
    if cell.cell_type == "code"
}
manager, client = start_new_kernel()

def run(source):
    message = client.session.msg("execute_request", {
        "code": source, "silent": False, "store_history": True, "user_expressions": {},
        "allow_stdin": False, "stop_on_error": False,
    })
    message["metadata"] = {"cellId": "c1"}
    client.shell_channel.send(message)
    reply = client._recv_reply(message["header"]["msg_id"], timeout=60)
    return reply["content"]["status"]

try:
    statuses = [
        run(cells["banner"]),
        run(cells["parameters"]),
        run("mode = 'busy'"),
        run(cells["guard"]),
        run(cells["evidence"]),
        run("mode = 'ATTENTION'"),
        run(cells["guard"]),
        run(cells["evidence"]),
        run(cells["verdict"]),
        run(cells["next"]),
        run("1 / 0"),
    ]
finally:
    client.stop_channels()
    manager.shutdown_kernel()
print(json.dumps(statuses))
"""
    )

    command = [sys.executable, str(script), str(notebooks / "10-look.ipynb")]
    finished = subprocess.run(command, env=environment, capture_output=True, text=True)

    assert finished.returncode == 0, finished.stderr
    statuses = json.loads(finished.stdout.strip().splitlines()[-1])
    assert statuses == ["ok"] * 4 + ["error"] + ["ok"] * 5 + ["error"]
    ended = sorted(records(own_home), key=lambda record: record["started"])
    assert [record["verdict"] for record in ended] == ["REFUSED", "ATTENTION"]
    assert ended[1]["error"] is None, "a person's own mistake afterwards is no part of the run"
