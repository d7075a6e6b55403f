"""The record of what was done and what follows from it; the file: appended, flushed, read whatever a crash left."""

from __future__ import annotations

import json
import os
import resource
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from ops.errors import OpsError
from ops.ledger import NOTEBOOK, Gap, Ledger, Records, whoami
from ops.ledger.in_file import FileStore
from ops.settings import remember
from ops.values import Verdict
from tests.unit.test_git import commit, repository

WHO = {"os_user": "ann", "host": "desk"}


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return in_file(tmp_path, "cluster/16384/shop")


def in_file(home: Path, identity: str, table: str = "public.alembic_version") -> Ledger:
    return Ledger(FileStore(home, identity), identity=identity, version_table=table)


def path_of(ledger: Ledger) -> Path:
    assert isinstance(ledger.store, FileStore)
    return ledger.store.path


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
    assert not path_of(ledger).exists(), "reading leaves nothing behind"


def test_each_database_has_a_file_of_its_own(tmp_path: Path) -> None:
    one, other = in_file(tmp_path, "a/1/shop"), in_file(tmp_path, "a/2/shop")
    begin(one, "r1")

    assert path_of(one) != path_of(other)
    assert other.records() == ()


def test_each_version_table_has_records_of_its_own(tmp_path: Path) -> None:
    one, other = in_file(tmp_path, "x", "acme.alembic_version"), in_file(tmp_path, "x", "bolt.alembic_version")
    begin(one, "r1")

    assert path_of(one) == path_of(other)
    assert ([run.run for run in one.open_runs()], other.open_runs()) == (["r1"], ())


def test_the_last_record_of_a_revision_counts(ledger: Ledger) -> None:
    begin(ledger, "r1")
    applied(ledger, "r1", "b2", sha256="old")
    end(ledger, "r1")
    begin(ledger, "r2", to=(), direction="down")
    applied(ledger, "r2", "b2", direction="down", sha256="new")

    found = ledger.applied()["b2"]

    assert (found.direction, found.sha256, found.seconds, found.by) == ("down", "new", 0.5, "ann@desk")
    assert found.when.endswith("+00:00")


# -- what follows from records ----------------------------------------------------------------------


def told(story: str) -> Records:
    """Read a story: `^1 a>c` a run wants from a to c, `^1 +b` it applied b, `^1 -b` undid it, `$1 c` it ended at c.

    `!1 b` is an end without success, `$1 ?` one that could not read the version table back, `~1 c` a stamp's intent.
    """
    entries: list[dict[str, object]] = []
    for number, line in enumerate(story.split(";")):
        run, what = line.split()
        common = {"run": run[1:], "when": f"2026-01-01T00:00:{number:02}.000+00:00"}
        heads = lambda text: [one for one in text.split(",") if one not in ("", "base")]  # noqa: E731
        if what[0] in "+-":
            direction = "up" if what[0] == "+" else "down"
            fields = {"revision": what[1:], "direction": direction, "sha256": "1", "seconds": 0.5}
            entries.append({"kind": "revision", **common, **fields})
        elif run[0] in "^~":
            before, _, after = what.partition(">")
            direction = "up" if run[0] == "^" else "stamp"
            entries.append(
                {"kind": "intent", **common, "direction": direction, "from": heads(before), "to": heads(after)}
            )
        else:
            verdict = "OK" if run[0] == "$" else "FAILED"
            current = None if what == "?" else heads(what)
            entries.append({"kind": "outcome", **common, "verdict": verdict, "current": current})
    return Records(target="shop", place="nowhere", entries=tuple(entries))


UP = "^1 base>b;^1 +a;^1 +b;$1 b"
# fmt: off
LEFT = {  #                                                           where the last run left it, what it proves applied
    "nothing on record":              ("^1 base>b",                       None,        ""),
    "done":                           (UP,                                ("b",),      "a b"),
    "failed half way":                ("^1 base>c;^1 +a;!1 a",            ("a",),      "a"),
    "could not be read back":         ("^1 base>c;^1 +a;!1 ?",            None,        "a"),
    "died":                           (f"{UP};^2 b>c",                    None,        "a b"),
    "died, and later failed":         (f"{UP};^2 b>c;^3 b>c;!3 b",        ("b",),      "a b"),
    "undone":                         (f"{UP};^2 b>a;^2 -b;$2 a",         ("a",),      "a"),
    "moved by others meanwhile":      (f"{UP};^2 a>b;^2 +b;$2 b",         ("b",),      "b"),
    "stamped":                        (f"{UP};~2 b>a;$2 a",               ("a",),      ""),
    "several heads, in any order":    ("^1 base>a,x;$1 x,a;^2 a,x>b,x;$2 b,x", ("b", "x"), ""),
}
# fmt: on


@pytest.mark.parametrize(("story", "left", "standing"), LEFT.values(), ids=LEFT)
def test_where_the_last_run_left_it(story: str, left: tuple[str, ...] | None, standing: str) -> None:
    found = told(story)

    assert found.left == left
    assert " ".join(sorted(found.standing)) == standing


def below(names: object) -> set[str]:
    """A history a <- b <- c <- d."""
    return {one for name in names if name in "abcd" for one in "abcd"[: "abcd".index(name) + 1]}  # type: ignore[attr-defined]


# fmt: off
OUTSIDE = {  #                                                                  where it is now   what others applied
    "nobody else":                    (UP,                                               "b",     ""),
    "since the last run":             (UP,                                               "d",     "c d"),
    "before the last run":            (f"{UP};^2 c>d;^2 +d;$2 d",                        "d",     "c"),
    "undone and applied again":       (f"{UP};^2 a>a;$2 a",                              "b",     "b"),
    "applied again on record":        (f"{UP};^2 c>a;^2 -c;^2 -b;$2 a;^3 a>c;^3 +b;^3 +c;$3 c", "c", ""),
    "from a revision without a file": (f"{UP};^2 b>z;^2 +z;$2 z",                        "c",     ""),
    "while a run is open":            (f"{UP};^2 b>c",                                   "c",     ""),
}
# fmt: on


@pytest.mark.parametrize(("story", "now", "wanted"), OUTSIDE.values(), ids=OUTSIDE)
def test_what_others_applied(story: str, now: str, wanted: str) -> None:
    assert " ".join(sorted(told(story).outside(below, [now]))) == wanted


def test_a_jump_between_two_runs_stays_on_record() -> None:
    assert told(f"{UP};^2 d>b;$2 b").gaps == (Gap(left=("b",), found=("d",), when="2026-01-01T00:00:04.000+00:00"),)
    assert told(UP).gaps == told("^1 c>d;$1 d").gaps == ()


def test_a_run_that_could_not_read_the_state_back_stays_open() -> None:
    found = told("^1 base>b;!1 ?")

    assert [(one.run, one.ended) for one in found.open_runs] == [("1", True)]
    assert "could not read back" in str(found.view())
    assert found.verdict is Verdict.ATTENTION
    assert told("^1 base>b;!1 ?;^2 a>b;$2 b").open_runs == ()


def test_the_run_that_is_at_work_is_not_called_dead() -> None:
    found = replace(told(f"{UP};^2 b>c"), at_work=True)

    assert (found.open_runs, found.verdict) == ((), Verdict.OK)
    assert list(found.to_frame()["outcome"]) == ["at work", "OK"]
    assert list(told(f"{UP};^2 b>c").to_frame()["outcome"]) == ["open", "OK"]


SKEWS = {
    "ahead": ("2026-01-01T02:00:00.000+00:00", "was 2 h ahead of the server's"),
    "behind": ("2025-12-31T23:58:30.000+00:00", "was 1 min 30 s behind the server's"),
    "together": ("2026-01-01T00:00:03.000+00:00", ""),
}


@pytest.mark.parametrize(("written", "said"), SKEWS.values(), ids=SKEWS)
def test_clocks_that_differ_are_told(written: str, said: str) -> None:
    first = {**told("^1 base>b").entries[0], "written": written}
    found = Records(target="shop", place="nowhere", entries=(first,))

    assert (said in found.skew) and bool(said) == bool(found.skew)
    assert found.runs[0].when == "2026-01-01T00:00:00.000+00:00", "the server's clock counts"


def test_a_ledger_that_cannot_be_read_is_unknown() -> None:
    found = Records(target="shop", place="nowhere", unreadable="Nobody may.", next_step="Ask.")

    assert (found.verdict, str(found)) == (Verdict.UNKNOWN, "shop: the ledger could not be read")
    assert "Nobody may. Ask." in found._repr_mimebundle_()["text/plain"]


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
    with path_of(ledger).open("ab") as file:
        file.write(rest)
    applied(ledger, "r1", "b2")

    assert [one["kind"] for one in ledger.records()] == ["intent", "revision"]
    assert [one.run for one in ledger.open_runs()] == ["r1"]
    assert list(ledger.applied()) == ["b2"]


def test_every_record_is_one_line_whatever_is_in_it(ledger: Ledger) -> None:
    ledger.write("outcome", "r1", verdict="FAILED", error={"problem": "a\nb\u2028c\x85d", "path": Path("x")})

    assert len(path_of(ledger).read_bytes().splitlines()) == 1
    assert ledger.records()[0]["error"] == {"problem": "a\nb\u2028c\x85d", "path": "x"}


def test_no_secret_is_written_and_the_line_stays_json(ledger: Ledger) -> None:
    remember('n0body"knows\\it')

    said = 'cannot connect to postgresql://me:n0body%22knows%5Cit@h/d, password=\'n0body"knows\\it\', "quoted"'
    ledger.write("outcome", "r1", verdict="FAILED", error={"problem": said, 'n0body"knows\\it': (1,)})

    text = path_of(ledger).read_text()
    assert "n0body" not in text and "knows" not in text
    problem = "cannot connect to postgresql://me:***@h/d, password='***', \"quoted\""
    assert json.loads(text)["error"] == {"problem": problem, "***": [1]}


def test_only_its_owner_may_read_it(ledger: Ledger) -> None:
    begin(ledger, "r1")

    assert path_of(ledger).stat().st_mode & 0o777 == 0o600
    assert path_of(ledger).parent.stat().st_mode & 0o777 == 0o700


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
        begin(in_file(tmp_path, "x"), "r1")

    assert refused.value.code == "ledger"
    assert refused.value.changed is False
    assert "nothing more is changed without a record" in refused.value.next_step


def test_a_record_of_which_the_disk_took_half_is_not_taken_for_written(ledger: Ledger) -> None:
    begin(ledger, "r1")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path_of(ledger).stat().st_size + 100, before[1]))
    try:
        with pytest.raises(OpsError, match="cannot be written: File too large"):
            applied(ledger, "r1", "b2")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    end(ledger, "r1")

    assert [one["kind"] for one in ledger.records()] == ["intent", "outcome"]


def test_a_ledger_that_cannot_be_read_is_not_an_empty_one(ledger: Ledger) -> None:
    path_of(ledger).mkdir(parents=True)

    with pytest.raises(OpsError, match="cannot be read") as refused:
        ledger.records()
    assert refused.value.code == "ledger"
    assert "cannot be read" in ledger.look().unreadable


def test_a_file_of_the_first_release_is_read(tmp_path: Path) -> None:
    ledger = in_file(tmp_path, "x", "acme.alembic_version")
    lines = (
        {"kind": "intent", "run": "r1", "when": "2026-01-01T00:00:00.000+00:00", "database": "x", "target": "shop",
         "direction": "up", "from": [], "to": ["b2"], "revisions": [{"revision": "b2", "sha256": "1"}],
         "plan": "plan-0123456789abcdef", "who": {**WHO, "process": "1", "notebook": "", "role": "app"}},
        {"kind": "revision", "run": "r1", "when": "2026-01-01T00:00:01.000+00:00", "database": "x", "revision": "b2",
         "direction": "up", "seconds": 0.5, "sha256": "1"},
        {"kind": "outcome", "run": "r1", "when": "2026-01-01T00:00:02.000+00:00", "database": "x", "verdict": "OK",
         "current": ["b2"], "error": None},
    )  # fmt: skip
    path_of(ledger).parent.mkdir(parents=True)
    path_of(ledger).write_text("".join(f"{json.dumps(one)}\n" for one in lines))

    found = ledger.read()

    assert (found.left, found.open_runs) == (("b2",), ())
    (run,) = found.runs
    assert (run.by, run.role, run.plan, run.verdict) == ("ann@desk", "app", "plan-0123456789abcdef", "OK")
    assert (run.seconds, run.ahead, [one.count for one in run.revisions]) == (None, None, [None])
    assert found.edited({"b2": "2"}) == ("b2",)


def test_statements_are_read_where_they_are_asked_for(ledger: Ledger) -> None:
    one = {"sql": "SELECT 1", "seconds": 0.1, "rows": 1}
    begin(ledger, "r1")
    ledger.write("revision", "r1", revision="b2", direction="up", seconds=0.5, sha256="1", count=1, statements=[one])

    assert "statements" not in ledger.records()[1]
    found = ledger.read(statements=True)
    assert [row[3:] for row in found.statements().rows] == [("SELECT 1", 0.1, None, 1)]


# -- who --------------------------------------------------------------------------------------------


def test_who_is_at_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NOTEBOOK, "40-upgrade")
    project = repository(tmp_path / "project")
    (project / "sub" / "a.py").write_text("1\n")

    assert whoami(project / "sub")["commit"] == "", "there is none yet"
    commit(project, "sub/a.py")
    who = whoami(project / "sub")

    assert (who["process"], who["notebook"]) == (str(os.getpid()), "40-upgrade")
    assert who["os_user"] and who["host"] and who["tool"]
    assert len(who["commit"]) == 40
    assert whoami(tmp_path)["commit"] == whoami()["commit"] == "", "no git there"


def test_what_a_later_version_writes_of_an_estimate_besides_is_passed_over(ledger: Ledger) -> None:
    begin(ledger, "run")
    estimate = {"sql": "ALTER TABLE a ADD b int", "low": 0.0, "high": 1.0, "seconds": 0.5, "confidence": "high"}
    fields = {"revision": "b2", "direction": "up", "seconds": 0.5, "sha256": "0" * 64, "heads": ["b2"]}
    ledger.write("revision", "run", estimates=[estimate], **fields)

    [one] = (each for run in ledger.read().runs for revision in run.revisions for each in revision.estimates)

    assert (one.sql, one.is_inside) == ("ALTER TABLE a ADD b int", True)
