"""`ops run` with real kernels: every way in which a run can end, and what it leaves behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest

from .answers import PLANTED, PLANTED_IN_URL
from .conftest import Finished, code, ops, write_notebook


def run_folder(home: Path, finished: Finished) -> Path:
    """Return the folder of a run whose result was printed as text."""
    line = next(line for line in finished.stdout.splitlines() if line.endswith("result.json"))
    return Path(line.strip()).parent


def outputs(folder: Path) -> list[Any]:
    """Return all outputs of the executed notebook."""
    notebook = nbformat.read(folder / "notebook.ipynb", as_version=4)
    return [output for cell in notebook.cells for output in cell.get("outputs", ())]


def processes(word: str) -> list[int]:
    """Return the processes whose environment or command holds a word."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            text = (entry / "environ").read_bytes() + (entry / "cmdline").read_bytes()
            state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if word.encode() in text and state != "Z" and int(entry.name) != os.getpid():
            found.append(int(entry.name))
    return found


def wait_until(condition: Any, *, seconds: float = 180) -> None:
    """Wait for a condition; the limit is for a broken test, not for a slow machine."""
    deadline, pause = time.monotonic() + seconds, 0.02
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(pause)
        pause = min(pause * 1.5, 0.2)  # most conditions read what all processes of the machine are called


def test_a_run_that_is_ok(environment: dict[str, str], home: Path, tmp_path: Path) -> None:
    # a home directory of its own: plain papermill, which other tests run, writes into the one that they share
    environment = {**environment, "HOME": str(tmp_path)}
    note = 'a"b\\n {x} %s \u2028 Thêm cột'
    finished = ops(environment, "run", "10", "--json", "-p", f"note={note}", "--target", "sandbox")

    assert finished.code == 0, finished.stderr
    result = json.loads(finished.stdout)
    (folder,) = (home / "runs" / "sandbox").glob("*/*-10-look-*")
    assert finished.stdout == (folder / "result.json").read_text(encoding="utf-8")
    assert (result["verdict"], result["exit_code"], result["error"]) == ("OK", 0, None)
    assert (result["target"], result["database"]) == ("sandbox", "sandbox")
    assert result["server_version"].split(".")[0].isdigit()
    assert result["parameters"] == {
        "target": "sandbox", "mode": "OK", "note": note, "signal_file": "",
        "count": 3, "fraction": 0.5, "fail_on_pending": False,
    }  # fmt: skip
    assert result["data"] == {"note": note, "tuple": [1, 2], "where": "a/b", "endless": "inf"}
    assert result["summary"] == "the answer is OK"
    assert result["artifacts"] == ["plan.sql", "notebook.ipynb", "report.html"]
    assert all((folder / name).is_file() for name in result["artifacts"])
    assert "guard" in finished.stderr and "Traceback" not in finished.stderr

    first = outputs(folder)[0]["data"]["text/plain"]
    assert "[OK]" in first, "the banner shows the verdict once it is known"
    assert any("PostgreSQL" in str(output) for output in outputs(folder))
    assert list(tmp_path.rglob("*")) == [], "nothing is written into the user's home directory"


# fmt: off
ENDINGS = {  #                     notebook     mode          exit  verdict      code           changed
    "something to look at":       ("10-look",   "ATTENTION",  3,    "ATTENTION", None,          None),
    "the guard says no":          ("40-change", "busy",       5,    "REFUSED",   "busy",        False),
    "not foreseen, may write":    ("40-change", "unexpected", 1,    "FAILED",    "unexpected",  None),
    "not foreseen, only reads":   ("10-look",   "unexpected", 1,    "FAILED",    "unexpected",  False),
    "the kernel dies":            ("40-change", "die",        6,    "UNKNOWN",   "interrupted", None),
    "a cell leaves":              ("10-look",   "exit",       1,    "FAILED",    "unexpected",  False),
}
# fmt: on


@pytest.mark.parametrize(
    ("notebook", "mode", "exit_code", "verdict", "error", "changed"), ENDINGS.values(), ids=ENDINGS
)
def test_endings(
    environment: dict[str, str],
    home: Path,
    notebook: str,
    mode: str,
    exit_code: int,
    verdict: str,
    error: str | None,
    changed: bool | None,
) -> None:
    finished = ops(environment, "run", notebook, "-p", f"mode={mode}")

    folder = run_folder(home, finished)
    result = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    assert finished.code == result["exit_code"] == exit_code
    assert result["verdict"] == verdict
    assert finished.stdout.startswith(verdict)
    if error is None:
        assert result["error"] is None
    else:
        assert (result["error"]["code"], result["error"]["changed"]) == (error, changed)
        assert result["error"]["next_step"] in finished.stdout
        assert any(result["error"]["problem"].split(":")[0] in str(output) for output in outputs(folder))
    files = [path for path in folder.rglob("*") if path.is_file()]
    everything = finished.stdout + finished.stderr + "".join(path.read_text("utf-8") for path in files)
    assert PLANTED not in everything and PLANTED_IN_URL not in everything
    assert "Traceback" not in finished.stdout + finished.stderr


# fmt: off
USAGE = {  # arguments, and what the refusal says
    "unknown notebook":                 (["run", "99"], "There is no notebook '99'"),
    "unknown parameter":                (["run", "10", "-p", "cont=1"], "Did you mean count"),
    "mistyped parameter":               (["run", "10", "-p", "count=many"], "a whole number"),
    "doubled parameter":                (["run", "10", "-p", "count=1", "-p", "count=2"], "given twice"),
    "target given in two ways":         (["run", "10", "-p", "target=demo", "--target", "demo"], "given twice"),
    "unknown target":                   (["run", "10", "--target", "sandbx"], "There is no target 'sandbx'"),
    "hostile target":                   (["run", "10", "--target", "../../x"], "There is no target '../../x'"),
    "no such command":                  (["walk"], "invalid choice"),
    "no such option":                   (["run", "10", "--tar", "demo"], "unrecognized"),
    "no command":                       ([], "required"),
    "a file in the way of the folder":  (["run", "10", "--out", __file__], "cannot be used"),
}
# fmt: on


@pytest.mark.parametrize(("arguments", "says"), USAGE.values(), ids=USAGE)
def test_usage_errors_start_nothing(
    environment: dict[str, str], tmp_path: Path, arguments: list[str], says: str
) -> None:
    finished = ops({**environment, "OPS_HOME": str(tmp_path)}, *arguments)

    assert (finished.code, finished.stdout) == (2, "")
    assert says in finished.stderr
    assert "Traceback" not in finished.stderr
    assert not (tmp_path / "runs").exists()


@pytest.fixture
def waiting(environment: dict[str, str], tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], Path, str]]:
    """An `ops run` whose evidence cell waits, the file it signals by, and the word that marks its processes."""
    signal_file = tmp_path / "signal"
    mark = f"OPS_TEST_MARK={tmp_path}"
    command = [
        sys.executable,
        "-m",
        "ops",
        "run",
        "40",
        "--json",
        "-p",
        "mode=wait",
        "-p",
        f"signal_file={signal_file}",
    ]
    name, _, value = mark.partition("=")
    process = subprocess.Popen(
        [*command, "--out", str(tmp_path / "out")],
        env={**environment, name: value},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        wait_until(lambda: signal_file.exists() and signal_file.read_text().isdigit())
        yield process, signal_file, mark
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_a_signal_lets_the_cell_clean_up(
    waiting: tuple[subprocess.Popen[str], Path, str], number: signal.Signals
) -> None:
    process, signal_file, mark = waiting

    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=30)

    result = json.loads(stdout)
    assert process.returncode == result["exit_code"] == 6, stderr
    assert (result["verdict"], result["error"]["code"]) == ("UNKNOWN", "interrupted")
    assert result["error"]["changed"] is None
    assert signal_file.read_text() == "cleaned up"
    assert "Traceback" not in stderr
    kernels = [pid for pid in processes(mark) if b"ipykernel" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    assert kernels == []
    shown = "".join(map(str, outputs(signal_file.parent / "out")))
    assert "The run was interrupted." in shown and "time.sleep" not in shown


def test_a_killed_run_leaves_a_truthful_file_and_no_kernel(
    waiting: tuple[subprocess.Popen[str], Path, str],
) -> None:
    process, signal_file, _ = waiting
    kernel = int(signal_file.read_text())

    process.kill()
    process.wait()

    result = json.loads((signal_file.parent / "out" / "result.json").read_text(encoding="utf-8"))
    assert (result["verdict"], result["finished"], result["error"]) == ("UNKNOWN", None, None)
    wait_until(lambda: not Path(f"/proc/{kernel}").exists())


def test_a_notebook_without_verdict_and_a_folder_of_ones_own(
    environment: dict[str, str], notebooks: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "note books"
    write_notebook(folder / "10-mute.ipynb", [code("import ops\nrun = ops.notebook('10-mute')")])
    write_notebook(folder / "11-broken.ipynb", [code("import ops\nrun = ops.notebook('nobody')")])
    environment = {**environment, "OPS_NOTEBOOKS": str(folder)}
    out = tmp_path / "out" / "here"
    out.mkdir(parents=True)
    (out / "report.html").write_text("of an earlier run")

    mute = ops(environment, "run", "10", "--json", "--out", "out/here", cwd=tmp_path)
    broken = ops(environment, "run", "11", "--json", "--out", "out/there", cwd=tmp_path)

    assert (mute.code, json.loads(mute.stdout)["error"]["code"]) == (3, "no-verdict")
    assert json.loads(mute.stdout)["target"] is None
    assert (broken.code, json.loads(broken.stdout)["error"]["code"]) == (1, "unexpected")
    assert (out / "notebook.ipynb").is_file()
    assert "of an earlier run" not in (out / "report.html").read_text(encoding="utf-8")


def test_list_is_quick_and_survives_a_closed_pipe(environment: dict[str, str]) -> None:
    listed = ops(environment, "list", "--json")
    piped = subprocess.run(
        ["/bin/sh", "-c", '"$0" -m ops list | true; "$0" -m ops list | head -n 1', sys.executable],
        env=environment,
        capture_output=True,
        text=True,
    )
    loaded = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "ops", "list"], env=environment, capture_output=True, text=True
    )

    names = [one["name"] for one in json.loads(listed.stdout)["notebooks"]]
    assert names == ["10-look", "40-change", "walkthroughs/01-learn"]
    assert (piped.stdout.strip(), piped.stderr) == ("3 notebooks", "")
    for heavy in ("papermill", "pandas", "IPython", "nbformat", "sqlalchemy", "alembic"):
        assert f" {heavy}\n" not in loaded.stderr


def test_what_nobody_foresaw_is_one_line(environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / ".ops").mkdir()
    script = (
        "import ops.runbook.catalogue as catalogue, sys, ops.__main__\n"
        "def broken():\n"
        f"    raise RuntimeError('postgresql://me:{PLANTED_IN_URL}@host/db\\nsecond line')\n"
        "catalogue.catalogue = broken\n"
        "sys.exit(ops.__main__.main(['list']))\n"
    )
    finished = subprocess.run(
        [sys.executable, "-c", script],
        env={**environment, "OPS_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
    )

    log = (tmp_path / ".ops" / "errors.log").read_text(encoding="utf-8")
    assert (finished.returncode, finished.stdout) == (1, "")
    assert len(finished.stderr.strip().splitlines()) == 1
    assert "errors.log" in finished.stderr and "RuntimeError" in finished.stderr
    assert "Traceback" in log
    assert PLANTED_IN_URL not in finished.stderr + log
