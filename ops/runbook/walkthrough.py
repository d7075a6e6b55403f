"""Throw-away copies of this project, each with a database of its own, to learn on."""

from __future__ import annotations

import atexit
import difflib
import fcntl
import os
import secrets
import shutil
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ops import display, embedded, scratch, targets
from ops.errors import UsageError
from ops.settings import CHECKOUT, home
from ops.settings.sections import ProjectSettings, TargetSettings
from ops.values import Result, Verdict

_COPIED = ("alembic", "alembic.ini", "ops")
_CLAIM = ".claim"


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit(Result):
    """What was written into a file of the copy."""

    path: str
    difference: str

    @property
    def verdict(self) -> Verdict:
        """OK: a file that cannot be written raises."""
        return Verdict.OK

    def __str__(self) -> str:
        return f"wrote {self.path}"

    def view(self) -> display.View:
        """Return the difference to what the file held before."""
        return display.View(title=str(self), blocks=(display.Code(text=self.difference, language="diff"),))


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson(Result):
    """What a walkthrough claimed, and whether it really happened."""

    name: str
    claims: tuple[tuple[str, bool], ...]

    @property
    def verdict(self) -> Verdict:
        """OK when every claim holds; UNKNOWN when nothing was checked."""
        if not self.claims:
            return Verdict.UNKNOWN
        return Verdict.OK if all(holds for _, holds in self.claims) else Verdict.FAILED

    def __str__(self) -> str:
        good = sum(1 for _, holds in self.claims if holds)
        return f"{self.name}: {good} of {len(self.claims)} steps really happened"

    def table(self) -> display.Table:
        """Return one row per claim."""
        rows = tuple(
            (claim, display.Mark("yes", "ok") if holds else display.Mark("no", "bad")) for claim, holds in self.claims
        )
        return display.Table(columns=("what should have happened", "did it?"), rows=rows)

    def view(self) -> display.View:
        """Return the claims."""
        return display.View(title=str(self), mark=display.Mark(self.verdict, self.verdict.tone), blocks=(self.table(),))

    def to_dict(self) -> dict[str, Any]:
        """Return the claims as objects."""
        return {"claims": [{"claim": claim, "holds": holds} for claim, holds in self.claims]}


class Walkthrough:
    """A copy of this repository's project, and a database for it; both are gone when the kernel ends."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._claims: list[tuple[str, bool]] = []
        self._undo = ExitStack()
        atexit.register(self._undo.close)
        parent = home() / ".ops" / "walkthroughs"
        parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _remove_leftovers(parent)
        self.folder = parent / f"{name}-{secrets.token_hex(3)}"
        self._copy()
        url = self._undo.enter_context(scratch.database_on(embedded.server(home()), prefix="walkthrough"))
        self.target = targets.Target(
            TargetSettings(
                name="walkthrough",
                source="the walkthrough's own database",
                protected=False,
                project=ProjectSettings(config=self.folder / "alembic.ini"),
                home=self.folder,
                raw_url=url,
            )
        )

    def _copy(self) -> None:
        self.folder.mkdir(mode=0o700)
        self._undo.callback(shutil.rmtree, self.folder, ignore_errors=True)
        claim = os.open(self.folder / _CLAIM, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(claim, fcntl.LOCK_EX)
        self._undo.callback(os.close, claim)
        for part in _COPIED:
            source = CHECKOUT / part
            if source.is_dir():
                shutil.copytree(source, self.folder / part, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy2(source, self.folder / part)

    def read(self, path: str) -> str:
        """Return the text of a file of the copy."""
        return self._inside(path).read_text(encoding="utf-8")

    def write(self, path: str, text: str) -> Edit:
        """Write a file of the copy, and return what that changed."""
        file = self._inside(path)
        before = file.read_text(encoding="utf-8") if file.exists() else ""
        after = text.strip() + "\n"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(after, encoding="utf-8")
        lines = difflib.unified_diff(before.splitlines(), after.splitlines(), "before", "after", lineterm="", n=2)
        return Edit(path=path, difference="\n".join(list(lines)[2:]))

    def append(self, path: str, line: str) -> Edit:
        """Add a line at the end of a file of the copy, and return what that changed."""
        return self.write(path, self.read(path).rstrip() + "\n" + line)

    def tables(self) -> tuple[str, ...]:
        """Return the names of the tables that the walkthrough's database has now."""
        from sqlalchemy import inspect

        from ops import database

        with database.connect(self.target.settings, purpose="walkthrough") as connection:
            return tuple(sorted(inspect(connection).get_table_names()))

    def claim(self, sentence: str, holds: bool) -> None:
        """Note whether a step really happened; the verdict is made of these."""
        self._claims.append((sentence, bool(holds)))

    def lesson(self) -> Lesson:
        """Return what was claimed so far."""
        return Lesson(name=self.name, claims=tuple(self._claims))

    def _inside(self, path: str) -> Path:
        file = (self.folder / path).resolve()
        if not file.is_relative_to(self.folder.resolve()):
            raise UsageError(
                f"{path!r} lies outside of the walkthrough's copy.", next_step="Name a file of the project."
            )
        return file


def walkthrough(name: str) -> Walkthrough:
    """Return a fresh throw-away copy of the project, with an empty database of its own."""
    return Walkthrough(name)


def _remove_leftovers(parent: Path) -> None:
    """Remove copies whose kernel was killed: nobody holds their claim any more."""
    for folder in parent.iterdir():
        try:
            claim = os.open(folder / _CLAIM, os.O_RDWR)
        except FileNotFoundError:
            continue  # another process is just making it
        try:
            fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
        except BlockingIOError:
            continue  # somebody is learning there
        finally:
            os.close(claim)
