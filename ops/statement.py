"""One SQL statement of a migration, with what was measured when it ran on a clone; and the words for locks."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from ops.secrets import Discreet


class Mode(IntEnum):
    """A lock mode on a relation, the weakest first. `Mode.named` reads what `pg_locks` writes.

    Source
    ------
    https://www.postgresql.org/docs/current/explicit-locking.html#LOCKING-TABLES
    """

    ACCESS_SHARE = 1
    ROW_SHARE = 2
    ROW_EXCLUSIVE = 3
    SHARE_UPDATE_EXCLUSIVE = 4
    SHARE = 5
    SHARE_ROW_EXCLUSIVE = 6
    EXCLUSIVE = 7
    ACCESS_EXCLUSIVE = 8

    @classmethod
    def named(cls, name: str) -> Mode:
        """Return the mode that `pg_locks.mode` calls so, such as `AccessExclusiveLock`."""
        return _BY_NAME[name]

    @property
    def pg_name(self) -> str:
        """The mode as `pg_locks` writes it: `AccessExclusiveLock`."""
        return self.name.title().replace("_", "") + "Lock"

    @property
    def sql(self) -> str:
        """The mode as `LOCK TABLE` takes it: `ACCESS EXCLUSIVE`."""
        return self.name.replace("_", " ")

    @property
    def blocks_reads(self) -> bool:
        """Whether SELECT waits for it."""
        return self is Mode.ACCESS_EXCLUSIVE

    @property
    def blocks_writes(self) -> bool:
        """Whether INSERT, UPDATE and DELETE wait for it."""
        return self >= Mode.SHARE

    @property
    def waits(self) -> str:
        """Who waits for it, as words; empty for the modes that ordinary work takes itself."""
        if self.blocks_reads:
            return "reads and writes"
        if self.blocks_writes:
            return "writes"
        return "other schema changes and VACUUM" if self is Mode.SHARE_UPDATE_EXCLUSIVE else ""

    def conflicts_with(self, other: Mode) -> bool:
        """Return whether one session waits for this mode while another has the other; the order does not matter.

        Source
        ------
        https://www.postgresql.org/docs/current/explicit-locking.html#TABLE-LOCK-COMPATIBILITY
        """
        return max(self, other) >= _CLASHES_FROM[min(self, other)]


_BY_NAME = {mode.pg_name: mode for mode in Mode}

# For each mode, the weakest one of those that are as strong or stronger and that it conflicts with.
_CLASHES_FROM = {
    Mode.ACCESS_SHARE: Mode.ACCESS_EXCLUSIVE,
    Mode.ROW_SHARE: Mode.EXCLUSIVE,
    Mode.ROW_EXCLUSIVE: Mode.SHARE,
    Mode.SHARE_UPDATE_EXCLUSIVE: Mode.SHARE_UPDATE_EXCLUSIVE,
    Mode.SHARE: Mode.SHARE_ROW_EXCLUSIVE,
    Mode.SHARE_ROW_EXCLUSIVE: Mode.SHARE_ROW_EXCLUSIVE,
    Mode.EXCLUSIVE: Mode.EXCLUSIVE,
    Mode.ACCESS_EXCLUSIVE: Mode.ACCESS_EXCLUSIVE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """A lock on a relation that existed before the plan.

    `relation` is its qualified name, quoted where SQL wants it (`public.users`); `kind` is `table`, `partitioned
    table`, `index`, `partitioned index`, `sequence`, `view`, `materialized view` or `foreign table`; `parent` is the
    table of an index.
    """

    relation: str
    kind: str
    mode: Mode
    parent: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Statement(Discreet):
    """One statement as it was executed, and what it did on the clone.

    `sql` is as it was written: it is judged. Passwords are taken out where it is shown or recorded.
    `transaction` numbers the transactions of the plan; 0 is a statement outside of one (autocommit). `locks` are those
    that this statement added, on relations that existed before the plan, in any order. `rewrites` are tables and
    materialized views that got a new heap, `scans` those that were read whole, `index_builds` the indexes that were
    built on tables that existed before, as `index on table`. `created` and `dropped` are relations (tables, indexes,
    views, sequences) that came or went. `reads` are tables that existed before and whose rows the project's code was
    given: on real rows it may do something else. `bookkeeping`: it writes Alembic's own version table.
    Where `measured` is false, `why` says why, and the tuples mean nothing. `error` is what the server said where the
    statement failed. `seconds` and `wal_bytes` are known where it ran on a copy with rows.
    """

    number: int
    revision: str
    sql: str
    line: int | None = None
    transaction: int = 0
    locks: tuple[Lock, ...] = ()
    rewrites: tuple[str, ...] = ()
    scans: tuple[str, ...] = ()
    index_builds: tuple[str, ...] = ()
    created: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    bookkeeping: bool = False
    measured: bool = True
    why: str = ""
    error: str = ""
    seconds: float | None = None
    wal_bytes: int | None = None

    @property
    def autocommit(self) -> bool:
        """Whether it ran outside of a transaction block."""
        return self.transaction == 0

    @property
    def strongest(self) -> Lock | None:
        """The strongest lock that it took on a table; None where it took none."""
        return max(self.waited_for, key=lambda one: (one.mode, one.relation), default=None)

    @property
    def waited_for(self) -> tuple[Lock, ...]:
        """Its locks on tables and the like: what others wait for.

        Every query that plans with a table looks at its indexes. The strongest lock on one of them, as ALTER INDEX SET
        TABLESPACE takes it, so stops what that lock on the table would stop, and stands here as one on the table. Not
        so behind CONCURRENTLY, which locks an index like that once no query looks at it any more.
        """
        own = tuple(one for one in self.locks if "index" not in one.kind)
        told = {
            one.relation for one in own if one.mode.blocks_reads or (self.autocommit and not one.mode.blocks_writes)
        }
        through = {one.parent for one in self.locks if "index" in one.kind and one.mode.blocks_reads and one.parent}
        more = (Lock(relation=one, kind="table", mode=Mode.ACCESS_EXCLUSIVE) for one in sorted(through - told))
        return (*own, *more)

    def lock_on(self, relation: str) -> Mode | None:
        """Return the strongest mode in which it locked this relation."""
        return max((one.mode for one in self.locks if one.relation == relation), default=None)


def brief(sql: str, *, limit: int = 160) -> str:
    """Return a statement on one line, with `…` for what is beyond `limit` characters."""
    line = " ".join(sql.split())
    return line if len(line) <= limit else f"{line[: limit - 1]}…"
