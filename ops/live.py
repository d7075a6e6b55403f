"""What is going on in a live database, as values: sizes, traffic, sessions, replicas, rights. `activity` reads them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveRelation:
    """One table, partitioned table, materialized view, foreign table or index, with its size and its traffic.

    `name` is qualified, and quoted where SQL wants it; `parent` is the table of an index, or the partitioned table of a
    partition. `rows` is the server's estimate (`reltuples` or its counters, the larger), None where there is neither.
    `heap_bytes` is the main fork, `index_bytes` all its indexes, `total_bytes` both and TOAST, without its index; a
    partitioned table has the sum of its partitions. Where `estimated`, the heap is as the last VACUUM or ANALYZE found
    it, and 0 says nothing: the relation is locked, or there are too many to ask for each. `reads` (scans begun) and
    `writes` (rows inserted, updated, deleted) are since `Live.counted_since`, and per second as averages over that
    time; `reads_now` and `writes_now` are per second while we looked, None where nobody counted twice. `columns` are
    those of a table, and those that were dropped: they keep their numbers.
    """

    name: str
    kind: str
    parent: str = ""
    rows: int | None = None
    heap_bytes: int = 0
    index_bytes: int = 0
    total_bytes: int = 0
    reads: int = 0
    writes: int = 0
    reads_per_second: float = 0.0
    writes_per_second: float = 0.0
    reads_now: float | None = None
    writes_now: float | None = None
    estimated: bool = False
    owner: str = ""
    columns: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One other session of the database, or a prepared transaction (`pid` 0), that holds, waits or may make wait.

    `transaction_seconds` and `state_seconds` are the age of its transaction and of its state; None where there is none,
    or where it is not `seen`: this role may not see state, age and query of others. `since` is when the transaction
    began, by the server's clock. `query` is normalised: no literal of it is left. `holds` and `waits_for` are locks on
    relations of users, as (relation, mode as `pg_locks` writes it); `blocked_by` are process ids, 0 for a prepared
    transaction. `snapshot`: CREATE INDEX CONCURRENTLY waits for it whatever table it works on. `wraparound`: a vacuum
    that nobody's waiting interrupts, on `vacuums`. `progress` says how far a vacuum or an index build is. `ours`: a
    session of this toolkit.
    """

    pid: int
    user: str
    application: str
    client: str
    state: str
    transaction_seconds: float | None
    state_seconds: float | None
    query: str
    holds: tuple[tuple[str, str], ...] = ()
    waits_for: tuple[tuple[str, str], ...] = ()
    blocked_by: tuple[int, ...] = ()
    wait: str = ""
    snapshot: bool = False
    gid: str = ""
    kind: str = "client backend"
    since: str = ""
    seen: bool = True
    ours: bool = False
    wraparound: bool = False
    vacuums: str = ""
    progress: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replica:
    """One standby or logical subscriber, with how far it is behind; None where the server does not say.

    `slot` is its replication slot; a slot that nobody uses has the state `inactive`, and keeps that much WAL.
    """

    name: str
    client: str
    state: str
    synchronous: bool
    lag_bytes: int | None
    lag_seconds: float | None
    slot: str = ""
    logical: bool = False
    wal_status: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class InvalidIndex:
    """An index that the server keeps up to date, or not even that, and uses for no query.

    `definition` is its CREATE INDEX, empty where its table is locked too strongly to ask; `constraint` the one that it
    stands behind; `building_pid` the session that builds it now, 0 where none is known to.
    """

    name: str
    table: str
    definition: str = ""
    constraint: str = ""
    partitioned: bool = False
    building_pid: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rights:
    """What the role may change: it alters and drops what it owns, itself or as a member of the owner.

    `not_owned` are the tables, views and sequences that it may not alter, `closed_schemas` those in which it may not
    create.
    """

    role: str
    superuser: bool = False
    not_owned: frozenset[str] = frozenset()
    closed_schemas: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Live:
    """What one look at the live database found.

    `unseen` says what this role may not see, a sentence each; `notes` what else to know about the figures. `taken` and
    `counted_since` are times of the server. `deadlock_seconds` is `deadlock_timeout`: an ordinary autovacuum gives way
    to a change that has waited for so long. `synchronous` is what `synchronous_standby_names` asks of a commit; empty
    where it asks nothing, or where the role does not see the replicas.
    """

    relations: Mapping[str, LiveRelation] = field(default_factory=dict)
    sessions: tuple[Session, ...] = ()
    replicas: tuple[Replica, ...] = ()
    invalid: tuple[InvalidIndex, ...] = ()
    rights: Rights | None = None
    counted_since: str = ""
    taken: str = ""
    deadlock_seconds: float = 1.0
    synchronous: str = ""
    unseen: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def invalid_indexes(self) -> tuple[str, ...]:
        """The names of the indexes that no query uses."""
        return tuple(one.name for one in self.invalid)

    def of(self, relation: str) -> LiveRelation | None:
        """Return what is known of a relation by its qualified name."""
        return self.relations.get(relation)
