"""A worker that is told anything, and a project that is asked for any revision: nothing hangs, nothing is changed."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ops import embedded, errors, route, scratch, settings
from ops.project import conversation
from ops.project.visit import Visit, visit
from tests import cases
from tests.misuse.fuzzing import hold, tried

# -- what a worker is told --------------------------------------------------------------------------

JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=9)),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(st.text(max_size=9), inner, max_size=2)),
    max_leaves=5,
)
NAMES = ["history", "probe", "resolve", "sql", "migrate", "stamp", "execute", "draft", "models", "wanted", "nothing"]
TOLD = st.one_of(
    st.binary(max_size=60).map(lambda raw: raw.replace(b"\n", b"")),
    JSON.map(lambda one: json.dumps(one).encode()),
    st.fixed_dictionaries(
        {"request": st.one_of(st.sampled_from(NAMES), JSON)},
        optional={"config": JSON, "read_only": JSON, "proof": JSON, "others": JSON, "revisions": JSON, "steps": JSON},
    ).map(lambda one: json.dumps(one).encode()),
)
QUITS = 3 * [b'{"request": "quit"}']
"""One may be taken for the greeting, another for what comes behind a proof."""
ENDS = {0, 71}
"""The exit codes of a worker that was told to quit, or was told what is no message."""


@tried(3, 150)
def test_a_worker_that_is_told_anything(examples: int, tmp_path: Path) -> None:
    """It hears it all: only when it has ended its standard input does, which by itself would end it at once."""

    @given(st.lists(TOLD, max_size=5))
    @example([b'{"redirect": true}'])
    @example([b'{"session": 3}'])
    @example([b"{}", b'{"proof": 1, "others": 5}'])
    def prop(lines: list[bytes]) -> None:
        with open(tmp_path / "said", "wb+") as said, open(tmp_path / "printed", "wb+") as printed:
            with subprocess.Popen(
                [sys.executable, conversation.WORKER], stdin=subprocess.PIPE, stdout=said, stderr=printed
            ) as worker:
                assert worker.stdin is not None
                with contextlib.suppress(BrokenPipeError):
                    worker.stdin.write(b"".join(line + b"\n" for line in (*lines, *QUITS)))
                    worker.stdin.flush()
                code = worker.wait(timeout=120)
            said.seek(0)
            printed.seek(0)
            stderr = printed.read()
            assert code in ENDS, stderr
            assert b"Traceback" not in stderr
            events = [json.loads(line)["event"] for line in said]
        assert set(events) <= {"ready", "error", "answer", "warning", "bye"}
        assert code == 71 or events[-1] == "bye"

    hold(prop, examples)


# -- which revisions a project is asked for ---------------------------------------------------------

KNOWN = [
    "a8b000000001",
    "a8b000000003",
    "a8c000000001",
    "a8c000000003",
    "a8",
    "a8b",
    "head",
    "heads",
    "base",
    "current",
]
PIECES = st.sampled_from(
    [*KNOWN, "@", "@head", "+", "-", "+1", "-1", "+2", "-99", ":", ",", " ", "0", "1", "shop", "'", "\n"]
)
ASKED = st.one_of(st.lists(PIECES, min_size=1, max_size=4).map("".join), st.text(max_size=12))


@pytest.fixture(scope="module", params=["linear", "two_heads"])
def visited(
    request: pytest.FixtureRequest, server: embedded.Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Visit]:
    """A visit to a database at base, by a project with one head or with two."""
    home = tmp_path_factory.mktemp("visited")
    project = cases.copy_to(cases.projects()[request.param], home).rename(home / "project")
    with scratch.database_on(server, prefix="fuzz") as url:
        (home / "ops.ini").write_text(f"[ops:target:case]\nurl = {url}\nconfig = {project.name}/alembic.ini\n")
        with visit(settings.resolve("case", home), purpose="upgrade") as here:
            yield here


@tried(30, 2000)
def test_any_revision_is_resolved_or_refused(examples: int, visited: Visit) -> None:
    @example("stamp", "@")
    @example("down", "head+1")
    @given(st.sampled_from(["up", "down", "stamp"]), ASKED)
    def prop(direction: str, revision: str) -> None:
        try:
            made = route.make(visited, direction, revision)
        except errors.RevisionError as refused:
            assert refused.next_step and refused.changed is False
            return
        known = set(visited.history.by_id)
        assert set(made.heads) <= known and {one.revision.revision for one in made.steps} <= known
        assert direction != "stamp" or not made.steps

    hold(prop, examples)

    assert visited.heads() is None, "no version table was made"
