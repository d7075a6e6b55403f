"""A copy of a target for a rehearsal: its schema, and as many of its rows as one wants there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field

from ops import clone
from ops.catalog import Catalog
from ops.errors import UsageError
from ops.ground import Ground
from ops.settings import TargetSettings

DATA = ("all", "sample", "none")


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """A copy of a target, which lives as long as the context that made it.

    `settings` lead there, with the role that does the work; `differences` say what is not as in the target, and what
    that leaves uncertain, a sentence each; `missing` says what of the schema itself could not be carried over.
    """

    settings: TargetSettings
    database: str
    server_version: int
    differences: tuple[str, ...]
    missing: tuple[str, ...]
    _again: Callable[[], AbstractContextManager[Copy]] = field(repr=False, compare=False)

    @property
    def major(self) -> int:
        """The major version of the server that it lives on."""
        return self.server_version // 10000

    def again(self) -> AbstractContextManager[Copy]:
        """Another copy of the same starting state, whatever has happened to this one; the target is not asked again.

        It is there as long as its own context, which ends before this one's.
        """
        return self._again()


@contextmanager
def made(
    settings: TargetSettings,
    ground: Ground,
    live: Catalog,
    table: tuple[str, str],
    heads: tuple[str, ...],
    *,
    data: str = "all",
    rows_per_table: int = 1000,
    exclude_data: str = "",
    report: Callable[[str], None] = lambda line: None,
) -> Iterator[Copy]:
    """Yield a copy of a target at the revisions `heads`; nothing of it is left afterwards.

    `table` is schema and name of the version table. `data`: `all` rows, a `sample` of at most `rows_per_table` of each
    table with the rows that they refer to, or `none`. `exclude_data`: tables whose rows must not leave the target, as
    comma-separated patterns. `report` gets a line now and then.

    Raises
    ------
    UsageError
        There is no such choice, or no table that is to be excluded.
    OpsError
        The target cannot be dumped, or not be restored there (code `clone`); the disk has no room for it (code `disk`);
        or the schema is being changed (code `busy`).
    ConnectError
        The target, or the scratch server, does not answer.
    """
    if data not in DATA:
        raise UsageError(f"{data!r} is no choice of rows.", next_step=f"Write one of: {', '.join(DATA)}.")

    @contextmanager
    def again() -> Iterator[Copy]:
        with clone.cloned(settings, ground, live, table, heads) as one:
            yield Copy(
                settings=one.settings,
                database=one.database,
                server_version=one.server_version,
                differences=one.differences,
                missing=one.missing,
                _again=again,
            )

    with again() as first:
        yield first
