"""Processes that a server forks: they are what new interpreters would be, and told of truly."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.project import process
from ops.project.process import Process

SCRIPT = """
import os, signal, sys
for line in sys.stdin:
    print(eval(line), flush=True)
"""


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "script.py"
    path.write_text(SCRIPT, encoding="utf-8")
    return path


@pytest.fixture
def child(script: Path) -> Iterator[Process]:
    made = Process(sys.executable, script, folder=script.parent, environment={**os.environ, "WHOSE": "mine"})
    yield made
    made.stdin.close()
    made.wait()


def ask(child: Process, expression: str) -> str:
    child.stdin.write(f"{expression}\n".encode())
    child.stdin.flush()
    return child.stdout.readline().decode().strip()


def server_of(child: Process) -> int:
    return int(ask(child, "os.getppid()"))


def interpreter(folder: Path) -> str:
    """An interpreter that has no server yet."""
    path = folder / "python"
    path.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n', encoding="utf-8")
    path.chmod(0o755)
    return str(path)


def test_it_has_what_it_was_given_and_nothing_of_its_servers(child: Process, script: Path) -> None:
    assert ask(child, "os.getpid()") == str(child.pid)
    assert ask(child, "os.getcwd()") == str(script.parent)
    assert ask(child, "(os.environ['WHOSE'], sys.argv, __name__, __file__)") == str(
        ("mine", [str(script)], "__main__", str(script))
    )
    assert ask(child, "(os.getpid() == os.getsid(0), signal.getsignal(signal.SIGTERM) is signal.SIG_DFL)") == str(
        (True, True)
    )
    assert (
        ask(
            child,
            "[os.readlink(f'/proc/self/fd/{one}') for one in range(3, 64) if os.path.exists(f'/proc/self/fd/{one}')]",
        )
        == "[]"
    )
    assert ask(child, "[one for one in sys.path if 'project' in one]") == "[]"


def test_libraries_and_parts_are_there_already_and_the_server_stays(child: Process, script: Path) -> None:
    other = Process(sys.executable, script, folder=script.parent, environment=os.environ)

    assert server_of(child) == server_of(other)
    there = "{'sqlalchemy.dialects.sqlite', 'alembic.script', '_alembic_ops_worker.serving'} <= {*sys.modules}"
    assert ask(other, there) == "True"
    assert ask(other, "'WHOSE' in os.environ") == "False"
    other.stdin.close()
    assert other.wait() == 0


# fmt: off
ENDS = {  #                what it does                                  code
    "well":               ("sys.exit(0)",                                0),
    "with a code":        ("sys.exit(3)",                                3),
    "at once":            ("os._exit(4)",                                4),
    "with an error":      ("1 / 0",                                      1),
    "killed":             ("os.kill(os.getpid(), signal.SIGKILL)",       -signal.SIGKILL),
    "told to":            ("os.kill(os.getpid(), signal.SIGTERM)",       -signal.SIGTERM),
}
# fmt: on


@pytest.mark.parametrize(("expression", "code"), ENDS.values(), ids=ENDS)
def test_how_it_ended_is_told_as_of_any_process(script: Path, expression: str, code: int) -> None:
    child = Process(sys.executable, script, folder=script.parent, environment=os.environ)
    pid = child.pid
    with pytest.raises(subprocess.TimeoutExpired):
        child.wait(timeout=0)

    assert ask(child, expression) == ""

    assert Path(f"/proc/{pid}").exists(), "nobody else gets its number before it is waited for"
    assert (child.wait(timeout=60), child.returncode, child.pid) == (code, code, pid)


def test_many_may_be_wanted_before_the_first_one_is_there(script: Path, tmp_path: Path) -> None:
    python = interpreter(tmp_path)
    long = {"LONG": "x" * 100_000}

    made = [Process(python, script, folder=tmp_path, environment={**os.environ, **long}) for _ in range(4)]

    assert [ask(one, "len(os.environ['LONG'])") for one in made] == ["100000"] * 4
    for one in made:
        one.stdin.close()
        assert one.wait() == 0


def test_an_interpreter_that_would_start_otherwise_is_started(child: Process, script: Path) -> None:
    own = Process(sys.executable, script, folder=script.parent, environment={**os.environ, "PYTHONUTF8": "1"})

    assert ask(own, "(sys.flags.utf8_mode, os.environ['PYTHONUTF8'], 'sqlalchemy' in sys.modules)") == "(1, '1', False)"
    assert ask(child, "sys.flags.utf8_mode") == "0"
    assert server_of(own) == server_of(child)
    own.stdin.close()
    assert own.wait() == 0


def test_a_library_that_was_installed_anew_is_imported_anew(script: Path, tmp_path: Path) -> None:
    python = interpreter(tmp_path)
    library = tmp_path / "libraries" / "alembic"
    environment = {**os.environ, "PYTHONPATH": str(library.parent)}
    said = []
    for version in ("1", "2"):
        if library.exists():
            library.rename(library.with_name("old"))
        library.mkdir(parents=True)
        (library / "__init__.py").write_text(f"VERSION = {version}\n", encoding="utf-8")
        (library / "config.py").touch()
        child = Process(python, script, folder=tmp_path, environment=environment)
        said.append(ask(child, "__import__('alembic').VERSION"))
        child.stdin.close()
        child.wait()

    assert said == ["1", "2"]


def test_a_server_that_was_killed_is_followed_by_another(script: Path) -> None:
    first = Process(sys.executable, script, folder=script.parent, environment=os.environ)
    os.kill(server_of(first), signal.SIGKILL)
    assert first.wait(timeout=60) == -signal.SIGKILL, "nobody is left who could know"
    process._servers[sys.executable]._process.wait()

    second = Process(sys.executable, script, folder=script.parent, environment=os.environ)

    assert ask(second, "6 * 7") == "42"
    second.stdin.close()
    first.stdin.close()
    assert second.wait() == 0


FULL = """
import os, runpy, sys

fork = os.fork


def full():
    os.fork = fork
    raise BlockingIOError(11, "Resource temporarily unavailable")


os.fork = full
del sys.argv[0]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def test_a_server_that_may_not_fork_says_so_and_stays(script: Path, tmp_path: Path) -> None:
    full = tmp_path / "full.py"
    full.write_text(FULL, encoding="utf-8")
    python = Path(interpreter(tmp_path))
    python.write_text(python.read_text(encoding="utf-8").replace('"$@"', f'"{full}" "$@"'), encoding="utf-8")

    first, second = (Process(str(python), script, folder=tmp_path, environment=os.environ) for _ in range(2))

    assert (first.pid, first.stdout.read(), first.wait(timeout=60)) == (0, b"", -signal.SIGKILL)
    assert ask(second, "6 * 7") == "42"
    first.stdin.close()
    second.stdin.close()
    assert second.wait() == 0


NO_PYTHON = """
from pathlib import Path
from ops.errors import ProjectError
from ops.project import Worker
from ops.settings import TargetSettings
from ops.settings.projects import ProjectSettings

project = ProjectSettings(config=Path("/alembic.ini"), python={program!r})
settings = TargetSettings(name="shop", source="url", protected=False, project=project, home=Path("/"),
                          raw_url="sqlite:///shop.db")
Worker(settings).close()  # nobody has told it anything, so it is ended by force
try:
    worker = Worker(settings)
    worker.greet()
    worker.request("history")
except ProjectError as error:
    print(error)
"""


def test_what_begins_no_process_ends_nobody_else(tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\nsleep 0.5\n", encoding="utf-8")
    program.chmod(0o755)
    code = NO_PYTHON.format(program=str(program))

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, start_new_session=True)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"The Python of target 'shop' ({program}) began no process.\n")


def test_what_is_not_there_is_an_error_at_once(script: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Process(str(tmp_path / "python"), script, folder=tmp_path, environment=os.environ)
    with pytest.raises(FileNotFoundError):
        Process(sys.executable, script, folder=tmp_path / "nowhere", environment=os.environ)
    with pytest.raises(NotADirectoryError):
        Process(sys.executable, script, folder=script, environment=os.environ)


def test_a_server_ends_with_whoever_wanted_it() -> None:
    code = (
        "import os, sys; from pathlib import Path; from ops.project.process import Process, FORKSERVER\n"
        "child = Process(sys.executable, Path(os.devnull), folder=Path('/'), environment=os.environ)\n"
        "child.wait(); from ops.project import process; print(process._servers[sys.executable]._process.pid)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    gone = Path(f"/proc/{int(done.stdout)}")
    give_up = time.monotonic() + 60
    while gone.exists():
        assert time.monotonic() < give_up, "it has not ended"
        time.sleep(0.02)


def test_a_fork_of_ours_has_servers_of_its_own(child: Process) -> None:
    assert process._servers
    pid = os.fork()
    if pid == 0:
        os._exit(len(process._servers))

    assert os.waitpid(pid, 0)[1] == 0
