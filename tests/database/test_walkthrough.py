"""The ground of every walkthrough: a copy of the project, a database for it, plain `alembic`, and what may go wrong."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ops import embedded, scratch
from ops.errors import OpsError, UsageError
from ops.runbook.walkthrough import Walkthrough, walkthrough
from ops.values import Verdict

CHECKOUT = Path(__file__).resolve().parents[2]
USER = "ops/models/user.py"


@pytest.fixture(scope="module")
def lesson(home: Path) -> Iterator[Walkthrough]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPS_HOME", str(home))
        yield walkthrough("try-it", start="email-and-age")


def test_plain_alembic_does_to_the_walkthroughs_database_what_it_says(lesson: Walkthrough) -> None:
    upgraded = lesson.alembic("upgrade head")

    assert (upgraded.verdict, upgraded.line) == (Verdict.OK, "alembic upgrade head")
    assert "Running upgrade a3c5f7e91b24 -> c8d1e6047f5a, add age to users" in upgraded.output
    assert lesson.version() == ("c8d1e6047f5a",)
    assert lesson.columns("users")[-2:] == ("email", "age") and "token_llm" in lesson.tables()

    an, binh, em = ({"username": name, "hashed_password": "-"} for name in ("an", "binh", "em"))
    rows = lesson.insert("users", an, em)
    assert rows.column("username") == ("an", "em")
    assert lesson.rows("users", "id", "age").rows == ((1, None), (2, None))
    with pytest.raises(OpsError, match="duplicate key"):
        lesson.insert("users", binh, em)
    assert len(lesson.rows("users").rows) == 2, "all or none"

    shown = lesson.show("alembic/versions/*_add_age_to_users.py")
    assert shown.path == "alembic/versions/c8d1e6047f5a_add_age_to_users.py" and "op.add_column" in shown.text

    failed = lesson.alembic("upgrade nowhere")
    assert failed.verdict is Verdict.FAILED
    assert "Can't locate revision identified by 'nowhere'" in failed.output


# fmt: off
WRONG = {  #                                     what is done to the copy                        what is said
    "a text that is not there":    (lambda one: one.replace(USER, "surname", "name"),            "0 times, not once"),
    "a text that is there twice":  (lambda one: one.replace(USER, "Mapped[", "Map["),            r"\d times, not once"),
    "a pattern that fits several": (lambda one: one.show("ops/models/*.py"),                     "4 files"),
    "a pattern that fits none":    (lambda one: one.read("alembic/versions/*_nothing.py"),       "0 files"),
    "a path out of the copy":      (lambda one: one.write("../outside.py", ""),                  "lies outside"),
    "a pattern out of the copy":   (lambda one: one.read("../../walkthroug*"),                    "lies outside"),
}
# fmt: on


@pytest.mark.parametrize(("done", "said"), WRONG.values(), ids=WRONG)
def test_a_step_that_cannot_be_says_so(done: object, said: str, lesson: Walkthrough) -> None:
    with pytest.raises(UsageError, match=said):
        done(lesson)


def test_a_lesson_begins_before_the_drafts_of_whoever_learns(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPS_HOME", str(home))
    shutil.copytree(CHECKOUT / "alembic", tmp_path / "alembic")
    shutil.copy(CHECKOUT / "alembic.ini", tmp_path)
    shutil.copytree(CHECKOUT / "ops" / "models", tmp_path / "ops" / "models")
    (tmp_path / "alembic" / "versions" / "1234_a_draft.py").write_text("revision, down_revision = '1234', None\n")
    monkeypatch.setattr("ops.runbook.walkthrough.CHECKOUT", tmp_path)

    with closing(walkthrough("drafts", start="two-heads")) as fresh:
        names = sorted(one.name[:12] for one in (fresh.folder / "alembic" / "versions").glob("*.py"))

    assert names == ["54be4477c094", "e1a2d3c4b5f6", "f2b7c6d5e4a3"]


def test_a_start_that_there_is_not_leaves_nothing(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPS_HOME", str(home))
    with pytest.raises(UsageError, match="No walkthrough starts with 'nowhere'") as refused:
        walkthrough("nowhere", start="nowhere")

    assert "email-and-age" in refused.value.next_step
    assert not [one for one in (home / ".ops" / "walkthroughs").iterdir() if one.name.startswith("nowhere")]


KILLED = """
import os, signal
import ops
print(ops.walkthrough("killed").folder, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_nothing_of_it_stays(home: Path, server: embedded.Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a kernel that was killed could not remove is removed by the next walkthrough."""
    monkeypatch.setenv("OPS_HOME", str(home))
    done = subprocess.run([sys.executable, "-c", KILLED], capture_output=True, text=True, cwd=CHECKOUT, check=False)
    left = Path(done.stdout.strip())
    assert left.is_dir() and done.returncode == -signal.SIGKILL, done.stderr

    following = walkthrough("following")
    assert not left.exists() and following.folder.is_dir()
    following.close()

    assert not following.folder.exists()
    with closing(scratch.connect(server)) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT datname FROM pg_database WHERE datname = %s", (following.target.settings.database.url.database,)
        )
        assert cursor.fetchall() == []
