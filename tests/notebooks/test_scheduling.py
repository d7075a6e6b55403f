"""The files of `notebooks/scheduling/`: each as its scheduler reads it, and what it runs, run as the scheduler would.

`/srv/alembic-ops` and `production` stand for a copy of the checkout and its sandbox.
"""

from __future__ import annotations

import configparser
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from ops.runbook.catalogue import find
from ops.runbook.parameters import from_text, from_values
from tests.project.checkout import ROOT, copy_to

FOLDER = ROOT / "notebooks" / "scheduling"
PLACE = "/srv/alembic-ops"
MINIMAL = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}


def _text(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


def _cron() -> tuple[dict[str, str], list[tuple[str, str]]]:
    """Return the variables of the crontab, and its lines as (when, command)."""
    variables, lines = {}, []
    for line in _text("crontab").splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        if assigned := re.match(r"(\w+)=(.*)$", line):
            variables[assigned[1]] = assigned[2]
        else:
            *when, command = line.split(maxsplit=5)
            lines.append((" ".join(when), command))
    return variables, lines


def _unit(name: str) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str
    parser.read_string(_text(name))
    return parser


WORKFLOW: dict[Any, Any] = yaml.safe_load(_text("github-actions.yml"))


def _steps(job: str) -> list[str]:
    return [step["run"] for step in WORKFLOW["jobs"][job]["steps"] if "run" in step]


COMMANDS = [
    *(command for _, command in _cron()[1]),
    _unit("alembic-ops-verify.service")["Service"]["ExecStart"],
    *(step for job in WORKFLOW["jobs"] for step in _steps(job)),
    *re.findall(r'bash_command=f"(.+?)"', _text("airflow_dag.py")),
]


@pytest.mark.parametrize("command", [one for one in COMMANDS if "ops run" in one])
def test_every_command_names_a_notebook_and_parameters_that_there_are(command: str) -> None:
    words = shlex.split(re.search(r"\bops run ([^|)2]|2(?!>))*", command)[0].replace("$(", ""))  # type: ignore[index]
    about = find(words[2])
    given = [words[number + 1] for number, word in enumerate(words) if word == "-p"]

    from_text(about.parameters, [*given, "target=production"], notebook=about.name)


def test_cron_understands_every_line() -> None:
    variables, lines = _cron()

    assert variables["SHELL"] == "/bin/sh" and "@" in variables["MAILTO"]
    assert len(lines) == 2
    for when, command in lines:
        fields = when.split()
        for field, (lowest, highest) in zip(fields, [(0, 59), (0, 23), (1, 31), (1, 12), (0, 7)], strict=True):
            assert field == "*" or lowest <= int(field) <= highest
        assert "%" not in command, "cron takes it for the end of the line"
        subprocess.run(["/bin/sh", "-n", "-c", command], check=True)


@pytest.mark.parametrize("chosen", ["", "# SuccessExitStatus=3"])
def test_systemd_understands_the_units(chosen: str, tmp_path: Path) -> None:
    """As they are, and with what a comment offers."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed here")
    program = tmp_path / "ops"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    for name in ("alembic-ops-verify.service", "alembic-ops-verify.timer"):
        text = _text(name).replace(f"{PLACE}/.venv/bin/ops", str(program))
        assert name.endswith(".timer") or f"\n{chosen}" in text
        (tmp_path / name).write_text(text.replace(chosen, chosen.removeprefix("# ")))

    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *sorted(tmp_path.glob("alembic-ops-*"))],
        capture_output=True,
        text=True,
        env={**os.environ, "SYSTEMD_LOG_LEVEL": "warning", "SYSTEMD_UNIT_PATH": f"{tmp_path}:"},
    )
    ours = [line for line in done.stderr.splitlines() if "alembic-ops" in line]

    assert (done.returncode, ours) == (0, []), done.stderr


def test_systemd_understands_when() -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed here")
    when = _unit("alembic-ops-verify.timer")["Timer"]["OnCalendar"]

    subprocess.run(["systemd-analyze", "calendar", when], check=True, capture_output=True)


def test_the_workflow_is_one() -> None:
    started = WORKFLOW[True]  # YAML 1.1 reads the key `on` as a boolean, and so does GitHub
    assert set(started) == {"pull_request", "schedule", "workflow_dispatch"}
    for path in started["pull_request"]["paths"]:
        assert (ROOT / path.removesuffix("/**")).is_dir()
    assert WORKFLOW["defaults"]["run"]["shell"] == "bash", (
        "which GitHub starts with -o pipefail: a pipe hides no exit code"
    )
    for job in WORKFLOW["jobs"].values():
        *_, upload = job["steps"]
        assert upload["uses"].startswith("actions/upload-artifact@") and upload["if"] == "always()"
        outs = re.findall(r"--out (\w+/)", " ".join(step.get("run", "") for step in job["steps"]))
        assert outs and set(outs) == {upload["with"]["path"]}


def test_the_parameters_for_jupyters_scheduler_are_those_of_a_notebook() -> None:
    job = json.loads(_text("jupyter-scheduler.json"))
    about = find(job["input_uri"].removeprefix("notebooks/"))

    assert (ROOT / job["input_uri"]).is_file()
    assert from_values(about.parameters, job["parameters"], notebook=about.name)["target"] == "production"
    assert all(isinstance(value, str) for value in job["parameters"].values()), "of other types it makes numbers"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the checkout where the files expect it, with the `ops` of its own environment."""
    copy = copy_to(tmp_path / "srv" / "alembic-ops")
    program = copy / ".venv" / "bin" / "ops"
    program.parent.mkdir(parents=True)
    lean = shlex.quote(str(copy / "tests/notebooks/lean"))
    python = shlex.quote(sys.executable)
    program.write_text(f'#!/bin/sh\nPYTHONPATH={shlex.quote(str(copy))}:{lean} exec {python} -m ops "$@"\n')
    program.chmod(0o755)
    return copy


def _here(command: str, checkout: Path) -> str:
    return command.replace(PLACE, shlex.quote(str(checkout))).replace("production", "sandbox")


def _run(words: list[str], cwd: Path, **more: str) -> subprocess.CompletedProcess[str]:
    environment = {**MINIMAL, "HOME": str(cwd), "LOGNAME": "ops", "SHELL": "/bin/sh", **more}
    return subprocess.run(words, cwd=cwd, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True)


@pytest.mark.heavy
@pytest.mark.timeout(900)
def test_cron_mails_what_is_wrong(checkout: Path, tmp_path: Path) -> None:
    verify, _ = (command for _, command in _cron()[1])
    home = tmp_path / "home"
    home.mkdir()

    pending = _run(["/bin/sh", "-c", _here(verify, checkout)], home)

    assert "ATTENTION  50-verify on sandbox" in pending.stdout, pending
    assert pending.stderr == ""


@pytest.mark.heavy
@pytest.mark.timeout(1800)
def test_cron_is_silent_when_all_is_well(checkout: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    assert _run([str(checkout / ".venv/bin/ops"), "run", "40", "-p", "dry_run=false"], checkout).returncode == 0

    for _, command in _cron()[1]:
        done = _run(["/bin/sh", "-c", _here(command, checkout)], home)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.heavy
@pytest.mark.timeout(900)
def test_systemd_sees_the_exit_code(checkout: Path) -> None:
    service = _unit("alembic-ops-verify.service")["Service"]
    assert _here(service["WorkingDirectory"], checkout) == str(checkout)

    done = _run(shlex.split(_here(service["ExecStart"], checkout)), checkout)

    assert done.returncode == 3, done.stderr


@pytest.mark.heavy
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("job", WORKFLOW["jobs"])
def test_the_steps_of_the_workflow_run(job: str, checkout: Path, tmp_path: Path) -> None:
    summary = tmp_path / "summary.md"
    install, *steps = _steps(job)
    said = ""
    assert install == "python -m pip install --editable .", "done already: by the environment of the tests"

    for step in steps:
        done = _run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", _here(step, checkout)],
            checkout,
            PATH=f"{checkout / '.venv/bin'}:{MINIMAL['PATH']}",
            GITHUB_STEP_SUMMARY=str(summary),
        )
        assert done.returncode == 0, done.stderr
        said += done.stdout

    assert len(re.findall(r"^OK  ", said, re.MULTILINE)) == len(steps)
    if "tee" in " ".join(steps):
        assert summary.read_text(encoding="utf-8") == said
    reports = sorted((checkout / "reports").glob("*/report.html"))
    assert len(reports) == len(steps)
