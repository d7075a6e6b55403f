"""Would a change of a file be blocked now: who has it locked, and what was left half done in it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ops import dialects, display
from ops.settings import TargetSettings
from ops.sqlite import file
from ops.sqlite.file import FileFacts
from ops.sqlite.holders import Process, holders
from ops.values import Result, Verdict

NO_SUCH = "SQLite has no server: there are no sessions, locks on tables, replicas or statistics of traffic to tell of."


@dataclass(frozen=True, kw_only=True)
class FileHealth(Result):
    """What goes on in a file now. `processes` is None where this machine does not tell who has it locked.

    `relations` are tables with their rows; `left` are tables that a batch operation made and did not rename.
    """

    target: str
    facts: FileFacts
    processes: tuple[Process, ...] | None
    relations: tuple[tuple[str, int], ...]
    left: tuple[str, ...] = ()
    bytes: int = 0
    free_bytes: int = 0

    @property
    def findings(self) -> tuple[str, ...]:
        """What stands in the way of a change, a sentence each."""
        found = [f"A change would wait: {one} the file." for one in self.processes or () if one.does == "writes"]
        if self.facts.journal_mode != "wal":
            found += [f"A commit would wait: {one} the file." for one in self.processes or () if one.does == "reads"]
        found += [
            f"{name} was left by a batch operation that died: see whether its rows are all in the table that it was "
            "made of, and drop it; until then that operation fails."
            for name in self.left
        ]
        return tuple(found)

    @property
    def unknown(self) -> tuple[str, ...]:
        """What could not be told."""
        return () if self.processes is not None else ("Who has the file locked, this machine does not tell.",)

    @property
    def verdict(self) -> Verdict:
        """ATTENTION where a change would wait or fail; UNKNOWN where nobody can tell."""
        if self.findings:
            return Verdict.ATTENTION
        return Verdict.UNKNOWN if self.unknown else Verdict.OK

    def __str__(self) -> str:
        if self.findings:
            return f"{self.target}: {len(self.findings)} in the way of a change"
        return f"{self.target}: {'not known who has the file locked' if self.unknown else 'nobody has the file locked'}"

    def view(self) -> display.View:
        """Return what stands in the way, and what SQLite has no word for."""
        blocks: list[Any] = [display.Note(one, "attention") for one in self.findings]
        blocks += [display.Note(one, "unknown") for one in self.unknown]
        blocks += [
            display.Note("Seen are processes of this machine, and of this container, that have it locked right now."),
            display.Note(NO_SUCH),
        ]
        return display.View(title=str(self), mark=display.Mark(self.verdict, self.verdict.tone), blocks=tuple(blocks))

    def table(self) -> display.Table:
        """Return one row per process that has the file locked."""
        rows = tuple((one.pid, one.command or None, one.does) for one in self.processes or ())
        return display.Table(columns=("process", "command", "does"), rows=rows, empty="nobody has it locked")

    @property
    def waiting(self) -> display.View:
        """Who has the file locked."""
        return display.View(title="", blocks=(self.table(),))

    @property
    def tables(self) -> display.View:
        """The tables, the largest first."""
        found = sorted(self.relations, key=lambda one: -one[1])
        return display.View(title="", blocks=(display.Table(columns=("table", "rows"), rows=tuple(found)),))

    @property
    def surroundings(self) -> display.View:
        """The file itself."""
        facts = (
            *self.facts.rows,
            ("size", display.size(self.bytes)),
            ("free within it", f"{display.size(self.free_bytes)}: VACUUM would give that back"),
        )
        return display.View(title="", blocks=(display.Facts(facts),))

    def to_dict(self) -> dict[str, Any]:
        """Return the `data` of `14-check-health`."""
        return {
            "blockers": [{"pid": one.pid, "command": one.command, "does": one.does} for one in self.processes or ()],
            "sessions": [],
            "replicas": [],
            "invalid_indexes": [],
            "relations": [{"relation": name, "rows": rows} for name, rows in self.relations],
            "left": list(self.left),
            "bytes": self.bytes,
            "free_bytes": self.free_bytes,
            "findings": list(self.findings),
            "unknown": list(self.unknown),
            "notes": [NO_SUCH],
        }


def read(settings: TargetSettings) -> FileHealth:
    """Return what goes on in a target's file now.

    Raises
    ------
    ConnectError
        It cannot be read.
    """
    with dialects.of(settings).connect(settings, purpose="health") as connection:

        def ask(question: str) -> int:
            return int(connection.exec_driver_sql(question).scalar_one())

        names = connection.exec_driver_sql(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' "
            "AND sql NOT LIKE 'CREATE VIRTUAL%' ORDER BY name"
        ).scalars().all()  # fmt: skip
        page = ask("PRAGMA page_size")
        facts = file.facts(connection)
        return FileHealth(
            target=settings.name,
            facts=facts,
            processes=holders(facts.file),
            relations=tuple((name, ask(f"SELECT count(*) FROM {_quoted(name)}")) for name in names),
            left=tuple(_left(names)),
            bytes=page * ask("PRAGMA page_count"),
            free_bytes=page * ask("PRAGMA freelist_count"),
        )


def _left(names: Iterable[str]) -> Iterable[str]:
    return (one for one in names if one.startswith("_alembic_tmp_"))


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
