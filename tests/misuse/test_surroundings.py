"""A machine on which something is amiss: a disk that is full or read-only, no home directory, nobody at a terminal.

Each row is a whole command line, on a real database, with mounts of its own. Where it cannot go on, it says what is
wrong and whether anything was changed; a change is never broken off for want of a place to tell of it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from ops import embedded
from tests.database import conftest as benches
from tests.database.conftest import SetUp

set_up = benches.set_up

UP = "40 -p revision=head -p dry_run=false"
DRAFT = "24 -p message=x -p autogenerate=false -p dry_run=false"
SCRATCH = {"OPS_EMBEDDED_DIR": "{home}/scratch"}
ELSEWHERE = {"TMPDIR": "{home}/tmp"}
IN_A_FILE = {"ledger": "file"}
NO_ROOM, NO_RIGHT = "No space left on device", "Read-only file system"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One call, what is amiss around it, and how it ends.

    `read_only` and `full` are folders below the home, these with the KiB that they have room for; `streams` are
    redirections of the shell's, and None in the environment takes a variable away. `code` is the exit code, `said` what
    the complaint or the result has, and `changed` whether the database was.
    """

    call: str = "10"
    read_only: tuple[str, ...] = ()
    full: Mapping[str, int] = field(default_factory=dict)
    environment: Mapping[str, str | None] = field(default_factory=dict)
    keys: Mapping[str, str] = field(default_factory=dict)
    streams: str = ""
    code: int = 0
    said: str = ""
    changed: bool = False


ROWS = {
    # what cannot be written, and is needed
    "read-only: the home": Row(read_only=(".",), code=2, said=NO_RIGHT),
    "read-only: the folder of runs": Row(read_only=("runs",), call=UP, code=2, said=NO_RIGHT),
    "read-only: the ledger": Row(read_only=(".ops/ledger",), call=UP, keys=IN_A_FILE, code=1, said=NO_RIGHT),
    "read-only: the backups": Row(read_only=("backups",), call="46", code=1, said=NO_RIGHT),
    "read-only: the backups, before a change": Row(
        read_only=("backups",), call=f"{UP} -p backup=full", code=4, said=NO_RIGHT
    ),
    "read-only: the project, a draft": Row(
        read_only=("linear",), call=DRAFT, code=1, said="the project itself is well"
    ),
    "full: the folder of runs": Row(full={"runs": 0}, call=UP, code=2, said=NO_ROOM),
    "full: the folder of runs, soon": Row(full={"runs": 20}, code=1, said=NO_ROOM),
    "full: the folder of runs, before a change": Row(full={"runs": 20}, call=UP, code=1, said=NO_ROOM),
    "full: the folder of runs, behind a change": Row(
        full={"runs": 60}, call=UP, said="could not be kept", changed=True
    ),
    "full: the ledger": Row(full={".ops/ledger": 0}, call=UP, keys=IN_A_FILE, code=1, said=NO_ROOM),
    "full: the ledger, behind a change": Row(
        full={".ops/ledger": 4}, call=UP, keys=IN_A_FILE, code=1, said="The database is at a1000000000", changed=True
    ),
    "full: the project, a draft": Row(
        full={"linear/migrations/versions": 0}, call=DRAFT, code=1, said="the project itself is well"
    ),
    "full: the disk of scratch": Row(full={"scratch": 4000}, call="20", environment=SCRATCH, code=3, said=NO_ROOM),
    # what cannot be written, and can be missed
    "read-only: the cache": Row(read_only=(".ops/cache",)),
    "read-only: the project": Row(read_only=("linear",), call=UP, changed=True),
    "read-only: the temporary folder": Row(read_only=("tmp",), environment=ELSEWHERE),
    "full: the cache": Row(full={".ops/cache": 0}),
    "full: the temporary folder": Row(full={"tmp": 0}, environment=ELSEWHERE),
    # nobody's home, nobody's terminal
    "no HOME": Row(environment={"HOME": None}, call=UP, changed=True),
    "a HOME that is not there": Row(environment={"HOME": "/nowhere/at/all"}, call="20"),
    "a HOME that is a file": Row(environment={"HOME": "/etc/passwd"}, call="46"),
    "a HOME where nothing can be written": Row(environment={"HOME": "{home}/house"}, read_only=("house",), call="20"),
    "a terminal that nobody knows": Row(environment={"TERM": "klingon", "COLUMNS": "x", "LINES": "-1"}),
    "a locale that nobody has": Row(environment={"LC_ALL": "kl_KL.KLINGON", "LANG": "x"}),
    "letters of ASCII alone": Row(environment={"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}),
    "no streams at all": Row(streams="<&- >&- 2>&-"),
    "its output onto a full disk": Row(streams=">/dev/full", said=f"The output could not be written: {NO_ROOM}"),
    "its progress onto a full disk": Row(streams="2>/dev/full", call=UP, changed=True),
}
SOON = {"read-only: the home", "full: the folder of runs", "its progress onto a full disk"}
"""Those that `make test` tries; the first two end before there is a kernel."""


@cache
def namespace() -> tuple[str, ...]:
    """Return the command that gives a process mounts of its own; where nobody may have them, the test skips."""
    command = ("unshare", "-m") if os.getuid() == 0 else ("unshare", "-rm")
    done = subprocess.run([*command, "mount", "-t", "tmpfs", "tmpfs", "/mnt"], capture_output=True)
    if done.returncode:
        pytest.skip("no file system of one's own can be mounted here")
    return command


def script(home: Path, row: Row) -> str:
    """Return the lines of a shell's that make things amiss, call, and keep what is on record then."""
    lines = ["set -e"]
    for name, room in row.full.items():
        place = f"'{home}/{name}'"
        old = f"'{home.parent}/old'"
        lines.append(f"cp -r {place} {old}; mount -t tmpfs -o size={room or 64}k tmpfs {place}; cp -r {old}/. {place}/")
        if room == 0:
            lines.append(f"cat /dev/zero > {place}/filled 2>/dev/null || true")
    for name in row.read_only:
        place = f"'{home}/{name}'"
        lines.append(f"mount --bind {place} {place}; mount -o remount,bind,ro {place}")
    keep = f"cat '{home}'/runs/case/*/*/result.json > '{home.parent}/kept.json' 2>/dev/null"
    return "\n".join([*lines, "set +e", f'"$@" {row.streams}', f"code=$?; {keep}; exit $code"])


@pytest.mark.parametrize(
    "row", [row if what in SOON else pytest.param(row, marks=pytest.mark.heavy) for what, row in ROWS.items()], ids=ROWS
)
def test_it_goes_on_or_says_why_not(row: Row, set_up: SetUp, scratch_server: embedded.Server) -> None:
    bench = set_up("linear", **row.keys)
    for name in ("runs", ".ops/cache", ".ops/ledger", "backups", "tmp", "house", "scratch"):
        (bench.home / name).mkdir(parents=True, exist_ok=True, mode=0o700)
    before = files(bench.project)
    variables = {**os.environ, **{name: (text or "").format(home=bench.home) for name, text in row.environment.items()}}
    for name in ("DATABASE_URL", "OPS_RUN_DIR", *(name for name, text in row.environment.items() if text is None)):
        variables.pop(name, None)
    call = [sys.executable, "-m", "ops", "run", *row.call.split(), "--target", "case", "--json"]

    done = subprocess.run(
        [*namespace(), "sh", "-c", script(bench.home, row), "sh", *call],
        env=variables,
        capture_output=True,
        text=True,
        timeout=170,
    )

    assert done.returncode == row.code, done.stderr
    assert row.said in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr and "not foreseen" not in done.stderr
    assert not (bench.home / ".ops" / "errors.log").exists()
    assert bench.tables == (["customer", "purchase"] if row.changed else [])
    assert files(bench.project) == before
    told = json.loads(done.stdout) if done.stdout else None
    if row.code == 2:
        assert told is None and "\nThe database was not changed.\nNext: " in done.stderr
    for result in (told, recorded(bench.home)):
        assert result is None or row.changed or not (result["error"] or {}).get("changed")
        assert result is None or not row.changed or not result["error"] or result["error"]["changed"] is not False
        assert result is None or not result["error"] or result["error"]["next_step"]
    assert list((bench.home / "house").iterdir()) == []


def recorded(home: Path) -> dict[str, Any] | None:
    """Return the result that was on the disk in the end, if there was one."""
    file = home.parent / "kept.json"
    return json.loads(file.read_text("utf-8")) if file.is_file() and file.stat().st_size else None


def files(folder: Path) -> list[Path]:
    """Return the files of a project, but those that Python makes of them."""
    return sorted(one for one in folder.rglob("*") if one.is_file() and "__pycache__" not in one.parts)
