"""Constraints: what is read, built and locked when they come, and when they go."""

from __future__ import annotations

from ops.catalog.names import quoted
from ops.hazards.fixes import constraints as fixes
from ops.hazards.fixes import foreign, keys
from ops.hazards.rule import BUILDS, DOCS, REACHES, READS, Finding, Rule
from ops.hazards.subject import Subject
from ops.hazards.weight import Cost
from ops.remedy.constraints import columns_of, parsed_foreign_key
from ops.remedy.words import qualified
from ops.statement import Mode, Statement

_INSIDE = frozenset({"IN COLUMN", "IN TABLE"})
_ADDS = frozenset({"ADD CHECK", "ADD FOREIGN KEY", "ADD NOT NULL"})


def _reads(subject: Subject) -> bool:
    """Whether the command's table, or a partition of it, is read whole."""
    return subject.measured(bool(subject.within(subject.scans)), otherwise=not subject.command.options & {"NOT VALID"})


def _set_not_null(subject: Subject) -> Finding | None:
    command = subject.command
    is_named = command.verb == "ADD NOT NULL" and not command.options & _INSIDE
    if (command.verb != "SET NOT NULL" and not is_named) or subject.is_new or not _reads(subject):
        return None
    if all(subject.is_not_null(one) for one in command.columns):
        return None  # it is already: what was read, something else read
    if not subject.statement.measured and all(_is_proved(subject, one) for one in command.columns):
        return None
    columns = ", ".join(command.columns)
    return Finding(
        relation=subject.relation,
        harm=f"Every row of {subject.relation} is read to see that {columns} holds no null, while nobody may use it.",
        mode=Mode.ACCESS_EXCLUSIVE,
        cost=Cost.SCAN,
        work=subject.load(*subject.within(subject.scans)),
        explains=READS,
        fix=fixes.revisions(*fixes.set_not_null(subject)),
    )


def _is_proved(subject: Subject, column: str) -> bool:
    """Whether a valid CHECK, of the catalog or of the plan, says nothing but that the column is not null."""
    said = f"{quoted(column)} IS NOT NULL"
    checks = {key.name: str(subject.side.of(key)["definition"]) for key in subject.children("check")}
    if any(one in (f"CHECK (({said}))", f"CHECK ({said})") for one in checks.values()):
        return True
    before = [
        one
        for statement in subject.scene.statements
        if statement.number < subject.statement.number
        for one in subject.scene.of(statement)
        if subject.named(one.schema, one.name) == subject.relation
    ]
    added = {one.constraint for one in before if one.verb == "ADD CHECK" and one.expression == said}
    return any(one.verb == "VALIDATE CONSTRAINT" and one.constraint in added for one in before)


SET_NOT_NULL = Rule(
    code="set-not-null",
    harm="SET NOT NULL reads the whole table under a lock that stops reads and writes, unless a valid CHECK proves it.",
    advice="Prove it first by a constraint that is added NOT VALID and validated in a later transaction.",
    source=f"{DOCS}sql-altertable.html#SQL-ALTERTABLE-DESC-SET-DROP-NOT-NULL",
    spot=_set_not_null,
    lock=Mode.ACCESS_EXCLUSIVE,
    since=12,
    rows=(14, 15, 16),
)


def _add_check(subject: Subject) -> Finding | None:
    command = subject.command
    if command.verb != "ADD CHECK" or command.options & _INSIDE or subject.is_new or not _reads(subject):
        return None
    return Finding(
        relation=subject.relation,
        harm=f"Every row of {subject.relation} is checked against the new condition, while nobody may use the table.",
        mode=Mode.ACCESS_EXCLUSIVE,
        cost=Cost.SCAN,
        work=subject.load(*subject.within(subject.scans)),
        explains=READS,
        fix=fixes.check(subject),
    )


ADD_CHECK = Rule(
    code="add-check",
    harm="A CHECK reads the whole table under a lock that stops reads and writes.",
    advice="Add it NOT VALID, and validate it in a later transaction: then only that reads, and nobody waits for it.",
    source=f"{DOCS}sql-altertable.html#SQL-ALTERTABLE-NOTES",
    spot=_add_check,
    lock=Mode.ACCESS_EXCLUSIVE,
    rows=(17,),
)


def validates_own(subject: Subject) -> Statement | None:
    """Return the earlier statement of the same transaction that added what this command validates."""
    command = subject.command
    if command.verb != "VALIDATE CONSTRAINT":
        return None
    for statement in subject.earlier:
        for one in subject.scene.of(statement):
            added = one.verb in _ADDS and one.constraint == command.constraint
            if added and subject.named(one.schema, one.name) == subject.relation:
                return statement
    return None


def _validate(subject: Subject) -> Finding | None:
    adding = validates_own(subject)
    if adding is None or subject.is_new:
        return None
    held = subject.at(adding).mode(subject.relation) or Mode.SHARE_ROW_EXCLUSIVE
    name = subject.command.constraint
    return Finding(
        relation=subject.relation,
        harm=f"{name} is validated in the transaction that added it, so the stronger lock of statement {adding.number} "
        f"on {subject.relation} is kept while every row is read.",
        mode=held,
        cost=Cost.SCAN,
        work=subject.load(*subject.within(subject.scans)),
        explains=READS,
        fix=foreign.apart(adding.sql, subject.statement.sql),
    )


VALIDATE = Rule(
    code="validate-same-transaction",
    harm="VALIDATE CONSTRAINT behind ADD ... NOT VALID in one transaction reads under the lock that adding took.",
    advice="Commit before validating: give VALIDATE CONSTRAINT a revision of its own.",
    source=f"{DOCS}sql-altertable.html#SQL-ALTERTABLE-DESC-VALIDATE-CONSTRAINT",
    spot=_validate,
    lock=Mode.SHARE_UPDATE_EXCLUSIVE,
    rows=(18,),
)


def _add_foreign_key(subject: Subject) -> Finding | None:
    command = subject.command
    if command.verb != "ADD FOREIGN KEY" or command.options & _INSIDE or subject.is_new or not command.references:
        return None
    other = subject.named(*command.references[:2])
    both = (subject.relation, other)
    read = (*subject.within(subject.scans), *subject.within(subject.scans, other))
    silent = bool(command.options & {"NOT VALID", "NOT ENFORCED"}) or _partitions_have_it(subject)
    if not subject.measured(bool(read), otherwise=not silent):
        return None
    existing = tuple(one for one in both if not subject.is_new_relation(one))
    return Finding(
        relation=subject.relation,
        harm=f"Every row of {subject.relation} is looked up in {other}, while nobody may write to either.",
        mode=Mode.SHARE_ROW_EXCLUSIVE,
        cost=Cost.SCAN,
        work=subject.load(*existing),
        explains=READS | REACHES,
        fix=foreign.foreign_key(subject),
        since=18 if subject.is_partitioned and subject.major >= 18 else None,
    )


def _partitions_have_it(subject: Subject) -> bool:
    """Whether every partition has got the same foreign key by itself before: then the parent's takes those over."""
    wanted, command = {qualified(one.schema, one.name) for one in subject.leaves}, subject.command
    for statement in subject.scene.statements:
        if statement.number < subject.statement.number:
            for one in subject.scene.of(statement):
                if one.verb == "ADD FOREIGN KEY" and (one.columns, one.references) == (
                    command.columns,
                    command.references,
                ):
                    wanted.discard(subject.named(one.schema, one.name))
    return subject.is_partitioned and not wanted


ADD_FOREIGN_KEY = Rule(
    code="add-foreign-key",
    harm="A foreign key reads both tables under a lock that stops writes to both.",
    advice="Add it NOT VALID, and validate it in a later transaction; index the referencing columns.",
    source=f"{DOCS}sql-altertable.html#SQL-ALTERTABLE-DESC-ADD-TABLE-CONSTRAINT",
    spot=_add_foreign_key,
    lock=Mode.SHARE_ROW_EXCLUSIVE,
    rows=(19,),
)


def _drop_foreign_key(subject: Subject) -> Finding | None:
    command = subject.command
    if command.verb != "DROP CONSTRAINT" or subject.is_new or subject.has_lock_timeout:
        return None
    key = subject.constraint(command.constraint)
    if key is None or key.kind != "foreign key":
        return None
    parsed = parsed_foreign_key(subject.side.of(key)["definition"].removesuffix(" NOT ENFORCED"))
    others = [one for one in subject.locks if one != subject.relation]
    other = qualified(*parsed.referred) if parsed else next(iter(others), "")
    if not other:
        return None
    return Finding(
        relation=subject.relation,
        harm=f"Dropping {command.constraint} locks {other} as well as {subject.relation}: who holds one and waits for "
        "the other ends in a deadlock, and everybody queues behind this statement while it waits.",
        mode=Mode.ACCESS_EXCLUSIVE,
        work=subject.load(subject.relation, other),
        explains=REACHES,
        fix=foreign.drop_foreign_key(subject, other),
    )


DROP_FOREIGN_KEY = Rule(
    code="drop-foreign-key",
    harm="Dropping a foreign key stops reads and writes of both tables, also of the one that the text does not name.",
    advice="Lock both tables at once in one known order, with a short lock_timeout, in a transaction of its own.",
    source=f"{DOCS}sql-altertable.html#SQL-ALTERTABLE-DESC-DROP-CONSTRAINT",
    spot=_drop_foreign_key,
    lock=Mode.ACCESS_EXCLUSIVE,
    rows=(22,),
)


def _add_unique(subject: Subject) -> Finding | None:
    command = subject.command
    if command.verb not in ("ADD UNIQUE", "ADD PRIMARY KEY") or command.options & (_INSIDE | {"USING INDEX"}):
        return None
    built = subject.within(subject.builds)
    alone = subject.is_partitioned and "ONLY" in command.options
    if subject.is_new or not subject.measured(bool(built), otherwise=not alone):
        return None
    what = "UNIQUE" if command.verb == "ADD UNIQUE" else "PRIMARY KEY"
    return Finding(
        relation=subject.relation,
        harm=f"The index of the new {what} on {subject.relation} is built while nobody may use the table.",
        mode=Mode.ACCESS_EXCLUSIVE,
        cost=Cost.BUILD,
        work=subject.load(*built),
        explains=BUILDS,
        fix=keys.key(subject),
    )


ADD_UNIQUE = Rule(
    code="add-unique",
    harm="UNIQUE and PRIMARY KEY build their index under a lock that stops reads and writes.",
    advice="Build a unique index concurrently, then make it the constraint with USING INDEX.",
    source=f"{DOCS}sql-altertable.html#SQL-ALTERTABLE-DESC-ADD-TABLE-CONSTRAINT-USING-INDEX",
    spot=_add_unique,
    lock=Mode.ACCESS_EXCLUSIVE,
    rows=(23,),
)


def _using_index(subject: Subject) -> Finding | None:
    command = subject.command
    if command.verb != "ADD PRIMARY KEY" or "USING INDEX" not in command.options or subject.is_new:
        return None
    columns = _indexed(subject)
    nullable = [one for one in columns if not subject.becomes_not_null(one)]
    read = subject.measured(bool(subject.within(subject.scans)), otherwise=bool(nullable) or not columns)
    if not read:
        return None
    return Finding(
        relation=subject.relation,
        harm=f"A column of the new primary key of {subject.relation} may hold nulls, so every row is read to see that "
        "none does, while nobody may use the table.",
        mode=Mode.ACCESS_EXCLUSIVE,
        cost=Cost.SCAN,
        work=subject.load(),
        explains=READS,
        fix=keys.primary_key_over_nullable(subject, columns) if nullable else "",
    )


def _indexed(subject: Subject) -> tuple[str, ...]:
    """The columns of the index that becomes a primary key; it may have come with the plan."""
    for statement in subject.scene.statements:
        for one in subject.scene.of(statement):
            same = one.verb == "CREATE INDEX" and one.index == subject.command.index
            if same and subject.named(one.schema, one.name) == subject.relation:
                return one.columns
    for key in subject.children("index"):
        if key.name == subject.command.index:
            definition = str(subject.side.of(key)["definition"])
            return columns_of("unique", "UNIQUE " + definition[definition.rindex("(") :]) or ()
    return ()


PRIMARY_KEY_USING_INDEX = Rule(
    code="primary-key-using-index",
    harm="A primary key over a column that may be null makes it NOT NULL, and reads the whole table for that.",
    advice="Make the columns NOT NULL first, by a constraint that is added NOT VALID and validated later.",
    source=f"{DOCS}sql-altertable.html#SQL-ALTERTABLE-DESC-ADD-TABLE-CONSTRAINT-USING-INDEX",
    spot=_using_index,
    lock=Mode.ACCESS_EXCLUSIVE,
    rows=(24,),
)

RULES = (
    SET_NOT_NULL,
    ADD_CHECK,
    VALIDATE,
    ADD_FOREIGN_KEY,
    DROP_FOREIGN_KEY,
    ADD_UNIQUE,
    PRIMARY_KEY_USING_INDEX,
)
