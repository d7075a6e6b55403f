"""What coverage has led to: a run for each target, where atheris is there, and everything that was ever found."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import CHECKOUT
from tests.misuse.guided import TARGETS, varied, write_seeds, write_words

RUNS = {"cell": 20_000, "parameter": 20_000, "values": 20_000, "worker": 20_000, "parent": 5_000}
SEEDS = 300
DEEP = b"[" * 900 + b"]" * 900
ANSWER = b'{"event": "answer", "value": {"a": %s}}\n'
ERROR = b'{"event": "error", "kind": "x", "message": "", "type": %s}\n'

# fmt: off
FOUND = {  #                                     target       input
    "a whole number that no float holds":       ("values",    b'{"ratio": 1%s}' % (b"0" * 400)),
    "such a default":                           ("cell",      b"a: float = 1" + b"0" * 400),
    "more digits than Python writes":           ("cell",      b"a: int = 0x" + b"f" * 5000),
    "such a number for a text":                 ("cell",      b"a: str = 0x" + b"f" * 5000),
    "more signs than Python reads":             ("cell",      b"a: int = " + b"-" * 100_000 + b"1"),
    "a number behind a sign that nobody sees":  ("parameter", b"\xff\x1d0"),
    "an answer that is nested deeply":          ("worker",    ANSWER % DEEP),
    "an error that is nested deeply":           ("worker",    ERROR % DEEP),
}
# fmt: on


@pytest.mark.parametrize(("target", "data"), FOUND.values(), ids=FOUND)
def test_what_was_found(target: str, data: bytes) -> None:
    TARGETS[target](data)


def test_an_input_is_varied_in_one_place_or_by_bytes() -> None:
    line = b'{"event": "error", "failure": {"message": "x", "lost": true}}\n'

    made = {varied(line, 4096, seed, lambda data, limit: b"by bytes") for seed in range(3000)}

    assert {b"by bytes", line.replace(b"true", b"null"), line.replace(b'"x"', b"[]")} <= made
    assert all(len(varied(line, 10, seed, lambda data, limit: data[:limit])) <= 10 for seed in range(20))


@pytest.mark.heavy
@pytest.mark.timeout(900)
@pytest.mark.parametrize("target", TARGETS)
def test_coverage_leads_to_no_error_that_is_not_ours(target: str, tmp_path: Path) -> None:
    if importlib.util.find_spec("atheris") is None:
        pytest.skip("the extra `fuzz` is not installed")
    corpus, words = tmp_path / "corpus", tmp_path / "words"
    corpus.mkdir()
    write_seeds(target, corpus, SEEDS)
    write_words(words)
    options = [f"-runs={RUNS[target]}", "-seed=1", "-max_len=4096", f"-dict={words}", f"-artifact_prefix={tmp_path}/"]

    command = [sys.executable, "-m", "tests.misuse.guided", target, str(corpus), *options]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, errors="replace", check=False)

    assert done.returncode == 0, done.stderr[-3000:]
    covered = [int(one) for one in re.findall(r" cov: (\d+) ", done.stderr)]
    assert f"Done {RUNS[target]} runs" in done.stderr
    assert covered[-1] > 10, "nothing of ours was led by"
