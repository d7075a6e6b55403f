"""What a rehearsal needs of a file: copies of it, all with the same rows, and eyes that see what they hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from ops.catalog import Catalog
from ops.errors import UsageError
from ops.observe import Observed
from ops.observe.of_a_file import observe
from ops.project.visit import Step, Visit
from ops.rehearsal.values import Contents
from ops.settings import TargetSettings
from ops.sqlite import contents, copies


class Eyes:
    """How a copy is looked at, and run on: see `course.Eyes`."""

    def catalog(self, here: Visit) -> Catalog:
        """Everything that the schema contains."""
        return here.catalog()

    def contents(self, here: Visit, before: Contents | None) -> Contents:
        """What the tables hold."""
        return contents.read(here.connection, version_table=here.version_table[1])

    def observe(
        self, here: Visit, steps: Sequence[Step], direction: str, *, timed: bool, behind: Callable[[str], None]
    ) -> Observed:
        """Run revisions, with a look behind each statement."""
        return observe(here, steps, direction, version_table=here.version_table, behind=behind)


@dataclass(frozen=True, slots=True)
class FileCopy:
    """A copy of a file, and where it came from; another one is made of the same first copy."""

    settings: TargetSettings
    source: TargetSettings
    first: Path
    without: tuple[tuple[str, str], ...] = ()

    def eyes(self) -> Eyes:
        """How it is looked at."""
        return Eyes()

    def again(self) -> AbstractContextManager[FileCopy]:
        """Another copy of the same starting state, whatever has happened to this one."""
        return _copied(self.source, self.first)


@contextmanager
def copied(settings: TargetSettings) -> Iterator[FileCopy]:
    """Yield a copy of a target with all its rows; nothing of it is left afterwards.

    It is a copy of a copy: the first one stays as it was, for those that may be needed later.

    Raises
    ------
    OpsError
        It cannot be copied: somebody has it locked, or the disk is full.
    """
    with copies.copy(settings, _path(settings)) as first, _copied(settings, _path(first)) as one:
        yield one


@contextmanager
def _copied(settings: TargetSettings, first: Path) -> Iterator[FileCopy]:
    with copies.copy(settings, first) as at:
        yield FileCopy(at, settings, first)


def _path(settings: TargetSettings) -> Path:
    return Path(str(settings.database.url.database))


def check(*, data: str, exclude_data: str, traffic_sql: str) -> None:
    """Return where nothing is asked for that there is not.

    Raises
    ------
    UsageError
        A sample, rows that stay behind, or traffic.
    """
    if data != "all" or exclude_data.strip():
        raise UsageError(
            "A file of SQLite's is copied as it is, with all rows.",
            next_step="Use data = 'all', and leave exclude_data empty.",
        )
    if traffic_sql.strip():
        raise UsageError(
            "There is no traffic beside a rehearsal on SQLite: whoever writes locks the whole file.",
            next_step="Leave traffic_sql empty.",
        )
