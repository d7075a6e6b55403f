"""Many runs at once, up and down mixed: each is done, finds nothing to do, or is told to wait; the state is right."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from ops import database
from ops.catalog import snapshot
from tests.database.conftest import Bench, SetUp, until

HELD = (
    "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)
HEAD = "a10000000005"

# Reads what to do, a line a round, and says how it went.
RACER = """
import json, sys
from ops import targets
from ops.errors import OpsError
target = targets.target("case")
for line in sys.stdin:
    way, wait = json.loads(line)
    act = target.upgrade if way == "up" else target.downgrade
    try:
        run = act("head" if way == "up" else "base", dry_run=False, wait=wait)
        said = {"code": 0, "current": run.current, "applied": len(run.applied), "text": str(run)}
    except OpsError as error:
        said = {"code": error.exit_code, "current": None, "applied": 0, "text": str(error)}
    print(json.dumps(said), flush=True)
"""


@dataclass(frozen=True, kw_only=True)
class End:
    """How one run of one round ended."""

    way: str
    code: int
    current: list[str] | None
    applied: int
    text: str


def race(bench: Bench, rounds: list[list[tuple[str, int]]]) -> None:
    """Have as many processes as a round has entries run at the same time, and look at the state after each round."""
    environment = {**os.environ, "OPS_HOME": str(bench.home)}
    schemas = {"base": schema(bench)}
    command, pipe = [sys.executable, "-c", RACER], subprocess.PIPE
    with ExitStack() as stack:
        racers = [
            stack.enter_context(subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environment))
            for _ in rounds[0]
        ]
        for entries in rounds:
            before = bench.current
            for racer, entry in zip(racers, entries, strict=True):
                assert racer.stdin is not None
                racer.stdin.write(json.dumps(entry) + "\n")
                racer.stdin.flush()
            ends = []
            for racer, (way, _) in zip(racers, entries, strict=True):
                assert racer.stdout is not None
                ends.append(End(way=way, **json.loads(racer.stdout.readline())))
            judge(bench, before, ends, schemas)
        for racer in racers:
            assert racer.stdin is not None
            racer.stdin.close()


def judge(bench: Bench, before: list[str], ends: list[End], schemas: dict[str, str]) -> None:
    assert {one.code for one in ends} <= {0, 5}, [one.text for one in ends]
    assert all("at work on this database" in one.text for one in ends if one.code == 5)
    for one in ends:
        if one.code == 0:
            assert one.current == ([HEAD] if one.way == "up" else [])
            # All five at once, or nothing to do: whoever has the lock sees what the one before has left.
            assert one.applied in (0, 5), one.text
    ups = sum(1 for one in ends if one.applied and one.way == "up")
    downs = sum(1 for one in ends if one.applied and one.way == "down")
    place = "head" if bench.current else "base"
    assert bench.current == ([HEAD] if place == "head" else [])
    assert ups - downs == bool(bench.current) - bool(before), "up and down take turns"
    assert any(one.code == 0 for one in ends)
    assert schema(bench) == schemas.setdefault(place, schema(bench))
    until(lambda: bench.ask(HELD) == [(0,)])


def schema(bench: Bench) -> str:
    with database.connect(bench.target.settings) as connection:
        return snapshot.read(connection, version_table=("public", "alembic_version")).fingerprint


def start(set_up: SetUp) -> Bench:
    """At base, but with the version table, which stays for good."""
    bench = set_up("linear")
    bench.target.upgrade("a10000000001", dry_run=False)
    bench.target.downgrade("base", dry_run=False)
    return bench


def test_several_at_once_up_and_down(set_up: SetUp) -> None:
    race(start(set_up), [[("up", 60), ("up", 0), ("down", 60), ("up", 0)]])


@pytest.mark.heavy
@pytest.mark.timeout(600)
def test_twenty_at_once_one_applies(set_up: SetUp) -> None:
    bench = start(set_up)

    race(bench, [[("up", 0 if number % 2 else 120) for number in range(20)]])

    assert bench.current == [HEAD]


@pytest.mark.heavy
@pytest.mark.timeout(900)
def test_twenty_at_once_up_and_down_ten_times(set_up: SetUp) -> None:
    rounds = [
        [("up" if (number + turn) % 2 else "down", 120 if number % 5 == 0 else 0) for number in range(20)]
        for turn in range(10)
    ]

    race(start(set_up), rounds)
