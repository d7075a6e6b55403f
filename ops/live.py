"""What is going on in a live database, as values: sizes, traffic, sessions, replicas, rights. `activity` reads them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveRelation:
    """One table, partitioned table, materialized view or index, with its size and its traffic.

    `name` is qualified, and quoted where SQL wants it; `parent` is the table of an index, or the partitioned table of a
    partition. `rows` is the server's estimate (`reltuples`), None where it was never counted. `heap_bytes` is the main
    fork, `index_bytes` all its indexes, `total_bytes` both and TOAST; a partitioned table has the sum of its
    partitions. `reads` (scans begun) and `writes` (rows inserted, updated, deleted) are since `Live.counted_since`,
    and per second as averages over that time.
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
    owner: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One other session, or a prepared transaction (`pid` 0), that holds or waits for locks on relations.

    Times are seconds since then. `query` is normalised: no literal of it is left. `holds` and `waits_for` are
    (relation, mode as `pg_locks` writes it); `blocked_by` are process ids.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Replica:
    """One standby or logical subscriber, with how far it is behind; None where the server does not say."""

    name: str
    client: str
    state: str
    synchronous: bool
    lag_bytes: int | None
    lag_seconds: float | None


@dataclass(frozen=True, kw_only=True)
class Live:
    """What one look at the live database found. `unseen` says what this role may not see, a sentence each."""

    relations: Mapping[str, LiveRelation] = field(default_factory=dict)
    sessions: tuple[Session, ...] = ()
    replicas: tuple[Replica, ...] = ()
    invalid_indexes: tuple[str, ...] = ()
    counted_since: str = ""
    unseen: tuple[str, ...] = ()

    def of(self, relation: str) -> LiveRelation | None:
        """Return what is known of a relation by its qualified name."""
        return self.relations.get(relation)
