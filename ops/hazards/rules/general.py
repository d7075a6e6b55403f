"""What measurement says of any statement, and no rule of its own has said already."""

from __future__ import annotations

from ops.hazards.fixes import timing
from ops.hazards.rule import DOCS, LOCKS, Finding, Rule
from ops.hazards.rules.constraints import validates_own
from ops.hazards.subject import Subject
from ops.hazards.values import Severity
from ops.hazards.weight import BUSY, QUIET, Cost
from ops.statement import Mode, Statement

_LOCKS = f"{DOCS}explicit-locking.html#LOCKING-TABLES"

# What these do is only known by doing it.
_OPAQUE = frozenset(
    {"DO", "CALL", "SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "COPY", "?", "LOCK TABLE", "EXECUTE"}
)


def strong(subject: Subject) -> dict[str, Mode]:
    """Return the locks of a statement that keep at least writers out of tables and views, the strongest first."""
    sequences = {one.relation for one in subject.statement.locks if one.kind == "sequence"}
    # nobody writes to a materialized view: below the strongest lock, only other refreshes wait
    views = {one.relation for one in subject.statement.locks if one.kind == "materialized view"}
    found = {
        name: mode
        for name, mode in subject.locks.items()
        if mode.blocks_writes and name not in sequences and (mode.blocks_reads or name not in views)
    }
    return dict(sorted(found.items(), key=lambda one: (-one[1], one[0])))


def _names(relations: tuple[str, ...] | list[str]) -> str:
    """Some names, and how many more there are."""
    more = f" and {len(relations) - 4} more" if len(relations) > 4 else ""
    return ", ".join(relations[:4]) + more


def _heaviest(subject: Subject, relations: tuple[str, ...]) -> str:
    sizes = {name: subject.load(name).heap_bytes for name in relations}
    return max(relations, key=lambda name: (sizes[name] is None, sizes[name] or 0, name))


def _is_brief(subject: Subject) -> bool:
    return not (subject.rewrites or subject.scans or subject.builds)


def _is_opaque(subject: Subject) -> bool:
    return any(one.verb in _OPAQUE for one in subject.commands) or not subject.commands


def _most_used(subject: Subject, locks: dict[str, Mode]) -> str:
    def weight(name: str) -> tuple[int, float, str]:
        traffic = subject.load(name).traffic(locks[name])
        return locks[name], float("inf") if traffic is None else traffic, name

    return max(locks, key=weight)


def _brief_lock(subject: Subject) -> Finding | None:
    locks = strong(subject)
    if not locks or not _is_brief(subject) or _is_opaque(subject) or subject.has_lock_timeout:
        return None
    relation = _most_used(subject, locks)
    return Finding(
        relation=relation,
        harm=f"The statement is short, but it waits for everybody who uses {relation}, and nothing limits how long: "
        "meanwhile all others queue behind it.",
        mode=locks[relation],
        most=Severity.MEDIUM,
        explains=LOCKS,
        fix=timing.in_time(subject),
    )


BRIEF_LOCK = Rule(
    code="brief-lock",
    harm="A short statement that waits for its lock makes everybody behind it wait as well, for as long as it waits.",
    advice="Set a short lock_timeout in the transaction, and try again when it runs out.",
    source=f"{DOCS}runtime-config-client.html#GUC-LOCK-TIMEOUT",
    spot=_brief_lock,
    rows=(1, 13),
    whole=True,
)


def _strong_lock(subject: Subject) -> Finding | None:
    locks = {name: mode for name, mode in subject.locks.items() if mode.blocks_writes}
    tables = strong(subject)
    explicit = all(one.verb == "LOCK TABLE" for one in subject.commands)
    opaque = _is_opaque(subject) and not explicit
    if not locks or not (opaque or explicit or subject.has_lock_timeout or not tables):
        return None
    relation = _most_used(subject, tables or locks)
    limit = subject.scene.setting(subject.statement, "lock_timeout")
    if opaque:
        harm = f"It locks {_names(list(locks))}, which its text does not lead to."
    elif limit:
        harm = f"It locks {_names(list(locks))}; lock_timeout lets nobody queue behind it for longer than {limit}."
    else:
        harm = f"It locks {_names(list(locks))}, and waits for that without a limit."
    return Finding(
        relation=relation,
        harm=harm,
        mode=locks[relation],
        least=Severity.LOW if opaque else Severity.INFO,
        most=Severity.INFO if limit and not opaque else Severity.MEDIUM,
        explains=LOCKS,
        fix="" if opaque or limit else timing.in_time(subject),
    )


STRONG_LOCK = Rule(
    code="strong-lock",
    harm="A statement takes a lock that keeps writers or readers out, if only for a moment.",
    advice="Do it when the table is quiet, in a transaction of its own, with a short lock_timeout.",
    source=_LOCKS,
    spot=_strong_lock,
    whole=True,
)


def _work(subject: Subject, relations: tuple[str, ...], cost: Cost, words: str) -> Finding | None:
    relations = tuple(dict.fromkeys(relations))
    if not relations:
        return None
    locks = strong(subject)
    relation = _heaviest(subject, relations)
    mode = max((locks[one] for one in relations if one in locks), default=max(locks.values(), default=None))
    if mode is None:
        return None
    return Finding(
        relation=relation,
        harm=f"{words.format(_names(relations))} while {mode.waits} wait.",
        mode=mode,
        cost=cost,
        work=subject.load(*relations),
        explains=LOCKS,
    )


def _rewrite(subject: Subject) -> Finding | None:
    return _work(subject, subject.rewrites, Cost.REWRITE, "Every row and every index of {} is written anew")


REWRITE = Rule(
    code="rewrite",
    harm="A table is written anew with all its indexes, and nobody may use it meanwhile.",
    advice="Make a new column or table beside the old one, fill it in batches, and swap.",
    source=f"{DOCS}sql-altertable.html#SQL-ALTERTABLE-NOTES",
    spot=_rewrite,
    whole=True,
)


def _scan(subject: Subject) -> Finding | None:
    return _work(subject, subject.scans, Cost.SCAN, "Every row of {} is read")


SCAN = Rule(
    code="scan",
    harm="A table is read whole under a lock that keeps writers or readers out.",
    advice="Split it: what takes the lock first, what reads in a later transaction.",
    source=_LOCKS,
    spot=_scan,
    whole=True,
)


def _index_build(subject: Subject) -> Finding | None:
    return _work(subject, subject.builds, Cost.BUILD, "Indexes on {} are built")


INDEX_BUILD = Rule(
    code="index-build",
    harm="An index is built under a lock that keeps writers or readers out.",
    advice="Build the index CONCURRENTLY beforehand, where there is a way to take it over.",
    source=f"{DOCS}sql-createindex.html#SQL-CREATEINDEX-CONCURRENTLY",
    spot=_index_build,
    whole=True,
)


def _spoken(subject: Subject) -> frozenset[str]:
    """The relations that the text of a statement names."""
    found: set[str] = set()
    for one in subject.commands:
        pairs = [(one.schema, one.name), *one.objects, *one.sources]
        pairs += [one.references[:2]] if one.references else []
        pairs += [one.parent] if one.parent else []
        found.update(subject.named(schema, name) for schema, name in pairs if name)
        for schema, name in one.objects:
            index = subject.scene.index(schema, name) if one.verb == "DROP INDEX" else None
            found.update({subject.named(index.schema, index.parent)} if index else ())
    return frozenset(found)


def _lock_reach(subject: Subject) -> Finding | None:
    spoken = _spoken(subject)
    locks = {name: mode for name, mode in strong(subject).items() if name not in spoken}
    if not locks or _is_opaque(subject) or not subject.statement.measured:
        return None
    relation = _most_used(subject, locks)
    cost = Cost.REWRITE if subject.rewrites else Cost.BUILD if subject.builds else Cost.SCAN
    return Finding(
        relation=relation,
        harm=f"It also locks {_names(list(locks))}, which its text does not name.",
        mode=locks[relation],
        most=Severity.INFO if _is_brief(subject) and subject.has_lock_timeout else Severity.CRITICAL,
        cost=Cost.CATALOG if _is_brief(subject) else cost,
        work=None if _is_brief(subject) else subject.load(*subject.works, relation),
    )


LOCK_REACH = Rule(
    code="lock-reach",
    harm="A statement locks tables that its text does not name: a foreign key's other side, partitions, users of a "
    "type.",
    advice="Count these tables among those that it changes: do it when they are quiet, with a short lock_timeout.",
    source=_LOCKS,
    spot=_lock_reach,
    whole=True,
)


def _lock_held(subject: Subject) -> Finding | None:
    locks = strong(subject)
    works = [one for one in subject.later if _counts(subject, one)]
    if not locks or not works:
        return None
    relation = _most_used(subject, locks)
    done = tuple(dict.fromkeys(name for one in works for name in subject.at(one).works))
    numbers = ", ".join(str(one.number) for one in works[:5]) + (" …" if len(works) > 5 else "")
    which = f"statements {numbers} of its transaction go" if len(works) > 1 else f"statement {numbers} of it goes"
    return Finding(
        relation=relation,
        harm=f"The lock on {_names(list(locks))} is kept while {which} through {_names(done)}.",
        mode=locks[relation],
        cost=max((_cost(subject.at(one)) for one in works), key=lambda cost: cost.value),
        work=subject.load(*done),
        during=tuple(one.number for one in works),
    )


def _counts(subject: Subject, later: Statement) -> bool:
    """Whether a later statement does work for which this one's lock is kept, that is not said elsewhere."""
    other = subject.at(later)
    for command in subject.scene.of(later):
        one = Subject(scene=subject.scene, statement=later, command=command)
        if validates_own(one) is subject.statement:
            return False
    return bool(other.works)


def _cost(subject: Subject) -> Cost:
    if subject.rewrites or subject.written:
        return Cost.REWRITE
    return Cost.BUILD if subject.builds else Cost.SCAN


LOCK_HELD = Rule(
    code="lock-held",
    harm="A strong lock is kept while later statements of the same transaction read, write or build.",
    advice="Commit in between: give what takes the lock, and what takes the time, revisions of their own.",
    source=_LOCKS,
    spot=_lock_held,
    whole=True,
)


def _many_tables(subject: Subject) -> Finding | None:
    mine = _busy(subject, strong(subject))
    before = {name for one in subject.earlier for name in _busy(subject, strong(subject.at(one)))}
    added = mine - before
    if not before or not added or len(before) > 1:
        return None  # told where the second table comes
    later = {name for one in subject.later for name in _busy(subject, strong(subject.at(one)))}
    everything = sorted(before | mine | later)
    crowded = [one for one in everything if _traffic(subject, one) >= BUSY]
    return Finding(
        relation=sorted(added)[0],
        harm=f"One transaction locks {_names(everything)} one after the other: a session that uses them in another "
        "order ends with it in a deadlock, and one of both is cancelled.",
        mode=Mode.ACCESS_EXCLUSIVE,
        severity=Severity.MEDIUM if len(crowded) > 1 else Severity.LOW,
    )


def _traffic(subject: Subject, relation: str) -> float:
    traffic = subject.load(relation).traffic(Mode.ACCESS_EXCLUSIVE)
    return float("inf") if traffic is None else traffic


def _busy(subject: Subject, locks: dict[str, Mode]) -> set[str]:
    return {name for name in locks if _traffic(subject, name) >= QUIET}


MANY_TABLES = Rule(
    code="many-tables",
    harm="One transaction takes strong locks on several busy tables, one after the other: that is how deadlocks arise.",
    advice="Give each table a revision of its own, or lock all of them at once in the order in which others use them.",
    source=f"{DOCS}explicit-locking.html#LOCKING-DEADLOCKS",
    spot=_many_tables,
    whole=True,
)


def _fails(subject: Subject) -> Finding | None:
    if not subject.statement.error:
        return None
    error = subject.statement.error.strip().partition("\n")[0]
    return Finding(
        relation=subject.relation if subject.command.name else "",
        harm=f"It failed on a copy of this database: {error}",
        severity=Severity.CRITICAL,
    )


STATEMENT_FAILS = Rule(
    code="statement-fails",
    harm="The statement failed on a copy of the live schema; it will fail on the live one.",
    advice="Correct the revision; what the server said tells where.",
    source=f"{DOCS}errcodes-appendix.html#ERRCODES-TABLE",
    spot=_fails,
    whole=True,
)

# In this order: what comes first explains its facts to those behind it.
MEASURED = (REWRITE, INDEX_BUILD, SCAN, STRONG_LOCK, BRIEF_LOCK, LOCK_REACH)
ALWAYS = (LOCK_HELD, MANY_TABLES)
RULES = (STATEMENT_FAILS, *MEASURED, *ALWAYS)
