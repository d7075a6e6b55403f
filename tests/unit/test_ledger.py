"""The record of what was done: appended, flushed, and read whatever a crash has left."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import pytest

from ops.errors import OpsError
from ops.ledger import Ledger, whoami
from ops.settings import remember

WHO = {"os_user": "ann", "host": "desk"}


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path, "cluster/16384/shop")


def begin(ledger: Ledger, run: str, to: tuple[str, ...] = ("b2",), direction: str = "up") -> None:
    ledger.write("intent", run, direction=direction, to=to, who=WHO)


def applied(ledger: Ledger, run: str, revision: str, direction: str = "up", sha256: str = "1") -> None:
    ledger.write("revision", run, revision=revision, direction=direction, seconds=0.5, sha256=sha256)


def end(ledger: Ledger, run: str, verdict: str = "OK") -> None:
    ledger.write("outcome", run, verdict=verdict, current=["b2"], error=None)


def test_nothing_was_done_yet(ledger: Ledger) -> None:
    assert ledger.records() == ()
    assert ledger.applied() == {}
    assert ledger.open_runs() == ()
    assert not ledger.path.exists(), "reading leaves nothing behind"


def test_each_database_has_a_file_of_its_own(tmp_path: Path) -> None:
    one, other = Ledger(tmp_path, "a/1/shop"), Ledger(tmp_path, "a/2/shop")
    begin(one, "r1")

    assert one.path != other.path
    assert other.records() == ()


def test_the_last_record_of_a_revision_counts(ledger: Ledger) -> None:
    begin(ledger, "r1")
    applied(ledger, "r1", "b2", sha256="old")
    end(ledger, "r1")
    begin(ledger, "r2", to=(), direction="down")
    applied(ledger, "r2", "b2", direction="down", sha256="new")

    found = ledger.applied()["b2"]

    assert (found.direction, found.sha256, found.seconds, found.by) == ("down", "new", 0.5, "ann@desk")
    assert found.when.endswith("+00:00")


OPEN_RUNS = {
    "one that still runs": ("B1", ["r1"]),
    "one that ended": ("B1 E1", []),
    "one that failed": ("B1 F1", []),
    "one died, another came": ("B1 B2", ["r1", "r2"]),
    "one died, a later one succeeded": ("B1 B2 E2", []),
    "one died, a later one failed": ("B1 B2 F2", ["r1"]),
    "succeeded, then one died": ("B1 E1 B2", ["r2"]),
    "its intent is lost": ("E1", []),
}


@pytest.mark.parametrize(("story", "still_open"), OPEN_RUNS.values(), ids=OPEN_RUNS)
def test_open_runs(ledger: Ledger, story: str, still_open: list[str]) -> None:
    for event in story.split():
        run = f"r{event[1]}"
        if event[0] == "B":
            begin(ledger, run)
        else:
            end(ledger, run, "OK" if event[0] == "E" else "FAILED")

    found = ledger.open_runs()

    assert [one.run for one in found] == still_open
    assert all((one.by, one.direction, one.wanted) == ("ann@desk", "up", ("b2",)) for one in found)


LEFT_BEHIND = {
    "half a line": b'{"kind": "inte',
    "half a letter": b'{"kind": "outcome", "run": "\xc3',
    "an empty line": b"\n",
    "another language": b"\xff\xfe\n",
    "JSON that is no record": b'[1]\n"x"\n3\n{}\n{"kind": null}\n',
    "a kind of a later version": b'{"kind": "backup", "run": "r9"}\n',
    "a record that lacks something": b'{"kind": "intent", "run": "r9"}\n',
}


@pytest.mark.parametrize("rest", LEFT_BEHIND.values(), ids=LEFT_BEHIND)
def test_what_a_crash_left_does_not_hide_the_rest(ledger: Ledger, rest: bytes) -> None:
    begin(ledger, "r1")
    with ledger.path.open("ab") as file:
        file.write(rest)
    applied(ledger, "r1", "b2")

    assert [one["kind"] for one in ledger.records()] == ["intent", "revision"]
    assert [one.run for one in ledger.open_runs()] == ["r1"]
    assert list(ledger.applied()) == ["b2"]


def test_every_record_is_one_line_whatever_is_in_it(ledger: Ledger) -> None:
    ledger.write("outcome", "r1", verdict="FAILED", error={"problem": "a\nb\u2028c\x85d", "path": Path("x")})

    assert len(ledger.path.read_bytes().splitlines()) == 1
    assert ledger.records()[0]["error"] == {"problem": "a\nb\u2028c\x85d", "path": "x"}


def test_no_secret_is_written_and_the_line_stays_json(ledger: Ledger) -> None:
    remember('n0body"knows\\it')

    said = 'cannot connect to postgresql://me:n0body%22knows%5Cit@h/d, password=\'n0body"knows\\it\', "quoted"'
    ledger.write("outcome", "r1", verdict="FAILED", error={"problem": said, 'n0body"knows\\it': (1,)})

    text = ledger.path.read_text()
    assert "n0body" not in text and "knows" not in text
    problem = "cannot connect to postgresql://me:***@h/d, password='***', \"quoted\""
    assert json.loads(text)["error"] == {"problem": problem, "***": [1]}


def test_only_its_owner_may_read_it(ledger: Ledger) -> None:
    begin(ledger, "r1")

    assert ledger.path.stat().st_mode & 0o777 == 0o600
    assert ledger.path.parent.stat().st_mode & 0o777 == 0o700


def test_several_at_once_keep_their_lines_apart(ledger: Ledger) -> None:
    def work(name: str) -> None:
        for _ in range(50):
            end(ledger, name)

    threads = [threading.Thread(target=work, args=(f"r{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(ledger.records()) == 200


def test_nothing_is_changed_without_a_record(tmp_path: Path) -> None:
    (tmp_path / ".ops").write_text("a file where a folder should be")

    with pytest.raises(OpsError, match="cannot be written") as refused:
        begin(Ledger(tmp_path, "x"), "r1")

    assert refused.value.code == "ledger"
    assert refused.value.changed is False
    assert "nothing is changed without a record" in refused.value.next_step


def test_a_ledger_that_cannot_be_read_is_not_an_empty_one(ledger: Ledger) -> None:
    ledger.path.mkdir(parents=True)

    with pytest.raises(OpsError, match="cannot be read") as refused:
        ledger.records()
    assert refused.value.code == "ledger"


def test_who_is_at_work() -> None:
    who = whoami()

    assert who["process"] == str(os.getpid())
    assert who["os_user"] and who["host"]
