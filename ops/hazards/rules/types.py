"""Changes of a column's type: what they write anew, read, build and lock."""

from __future__ import annotations

from ops.catalog.names import mentions, path
from ops.catalog.values import Key
from ops.hazards.conversions import keeps_rows
from ops.hazards.fixes import foreign, retype
from ops.hazards.fixes import types as fixes
from ops.hazards.rule import BUILDS, DOCS, READS, REWRITES, Fact, Finding, Rule
from ops.hazards.scene import built_index, built_on
from ops.hazards.subject import Subject
from ops.hazards.weight import Cost
from ops.remedy.constraints import parsed_foreign_key
from ops.remedy.words import qualified
from ops.statement import Mode

_TYPE = f"{DOCS}sql-altertable.html#SQL-ALTERTABLE-DESC-SET-DATA-TYPE"
_NOTES = f"{DOCS}sql-altertable.html#SQL-ALTERTABLE-NOTES"


def _changes(subject: Subject) -> bool:
    command = subject.command
    return command.verb == "ALTER COLUMN TYPE" and not subject.is_new and bool(command.column)


def _rewrites(subject: Subject) -> bool:
    command = subject.command
    before = str(subject.column(command.column).get("type", ""))
    otherwise = not keeps_rows(before, command.type, command.column, command.using)
    return subject.measured(bool(subject.within(subject.rewrites)), otherwise=otherwise)


def _type_rewrite(subject: Subject) -> Finding | None:
    if not _changes(subject) or not _rewrites(subject):
        return None
    command = subject.command
    obstacles = retype.obstacles(subject)
    advice = f" In the way of that: {', '.join(obstacles)}." if obstacles else ""
    return Finding(
        relation=subject.relation,
        harm=f"{command.column} of {subject.relation} becomes {command.type}: every row and every index is written "
        "anew, while nobody may use the table.",
        mode=Mode.ACCESS_EXCLUSIVE,
        cost=Cost.REWRITE,
        work=subject.load(*subject.within(subject.rewrites)),
        explains=REWRITES,
        advice=TYPE_REWRITE.advice + advice,
        fix=retype.retype(subject),
    )


TYPE_REWRITE = Rule(
    code="type-rewrite",
    harm="Most changes of a type write the table anew with all its indexes, while nobody may use it.",
    advice="Add a second column, let a trigger keep it equal, fill it in batches, and let it take the first's place.",
    source=_NOTES,
    spot=_type_rewrite,
    lock=Mode.ACCESS_EXCLUSIVE,
    rows=(26,),
)


def _built(subject: Subject, *, with_predicate: bool) -> list[Key]:
    """The indexes that are built for a column: those that it is a key of, or those whose predicate mentions it."""
    names = {
        path(built_index(one))[-1]
        for one in subject.statement.index_builds
        if subject.scene.origin(subject.statement, built_on(one)) == subject.origin
    }
    found = []
    for key in subject.children("index", "primary key", "unique"):
        definition = str(subject.side.of(key)["definition"])
        keys, _, predicate = definition.partition(" WHERE ")
        keys = keys.partition(" USING ")[2].partition(" (")[2] if key.kind == "index" else keys
        column = subject.command.column
        spoken = mentions(predicate, column) if with_predicate else mentions(keys, column)
        if spoken and (not subject.statement.measured or key.name in names):
            found.append(key)
    return found


def _checks(subject: Subject) -> list[Key]:
    found = subject.children("check")
    return [one for one in found if mentions(str(subject.side.of(one)["definition"]), subject.command.column)]


def _type_rechecks(subject: Subject) -> Finding | None:
    if not _changes(subject) or _rewrites(subject):
        return None
    checks = _checks(subject) if subject.measured(bool(subject.within(subject.scans)), otherwise=True) else []
    partial = _built(subject, with_predicate=True)
    if not checks and not partial:
        return None
    what = [f"the check {one.name}" for one in checks] + [f"the partial index {one.name}" for one in partial]
    return Finding(
        relation=subject.relation,
        harm=f"{', '.join(what)} stands on {subject.command.column}: although no row of {subject.relation} changes, "
        "all of them are read, while nobody may use the table.",
        mode=Mode.ACCESS_EXCLUSIVE,
        cost=Cost.BUILD if partial else Cost.SCAN,
        explains=BUILDS if partial else READS,
        fix=fixes.without_checks(subject, checks, partial),
    )


TYPE_RECHECKS = Rule(
    code="type-rechecks",
    harm="A change of a type that keeps the rows still reads all of them for a CHECK, and rebuilds partial indexes.",
    advice="Drop the check or the index, change the type, add the check NOT VALID and validate it later; then ANALYZE.",
    source=_TYPE,
    spot=_type_rechecks,
    lock=Mode.ACCESS_EXCLUSIVE,
    rows=(27,),
)


def _type_index_rebuild(subject: Subject) -> Finding | None:
    if not _changes(subject) or _rewrites(subject):
        return None
    built = _built(subject, with_predicate=False)
    otherwise = bool(subject.command.collation) or "citext" in subject.command.type
    if not built or not subject.measured(True, otherwise=otherwise):
        return None
    return Finding(
        relation=subject.relation,
        harm=f"The rows of {subject.relation} stay, but {', '.join(one.name for one in built)} is built anew, while "
        "nobody may use the table.",
        mode=Mode.ACCESS_EXCLUSIVE,
        cost=Cost.BUILD,
        explains=BUILDS,
        fix=fixes.without_checks(subject, (), built),
    )


TYPE_INDEX_REBUILD = Rule(
    code="type-index-rebuild",
    harm="Another collation, or citext for text, sorts otherwise: the column's indexes are built anew under the lock.",
    advice="Drop the index concurrently, change the type, and build the index concurrently.",
    source=_TYPE,
    spot=_type_index_rebuild,
    lock=Mode.ACCESS_EXCLUSIVE,
    rows=(28,),
)


def _type_foreign_key(subject: Subject) -> Finding | None:
    if not _changes(subject):
        return None
    column = subject.command.column
    keys = [*foreign.own_over(subject, column), *foreign.referring_to(subject, (column,))]
    if not keys:
        return None
    others = sorted({_other(subject, one) for one in keys} - {subject.relation})
    if not others:
        return None
    cost = Cost.REWRITE if _rewrites(subject) else Cost.SCAN if subject.scans else Cost.CATALOG
    if cost is Cost.CATALOG and subject.has_lock_timeout:
        return None
    return Finding(
        relation=others[0],
        harm=f"{column} is part of a foreign key ({', '.join(one.name for one in keys)}), so {', '.join(others)} is "
        f"locked as strongly as {subject.relation}.",
        mode=Mode.ACCESS_EXCLUSIVE,
        cost=cost,
        work=subject.load(subject.relation, *others),
        explains=frozenset({Fact.REACH}),
        fix=retype.retype(subject) if cost is Cost.REWRITE else foreign.around(subject, keys),
    )


def _other(subject: Subject, key: Key) -> str:
    """The table at the other end of a foreign key."""
    if (key.schema, key.parent) != (subject.key.schema, subject.key.name):
        return qualified(key.schema, key.parent)
    parsed = parsed_foreign_key(subject.side.of(key)["definition"].removesuffix(" NOT ENFORCED"))
    return qualified(*parsed.referred) if parsed else subject.relation


TYPE_FOREIGN_KEY = Rule(
    code="type-foreign-key",
    harm="Changing the type of a column in a foreign key stops reads and writes of both tables.",
    advice="Drop the foreign key, change the type, add the key NOT VALID, and validate it in a later transaction.",
    source=_TYPE,
    spot=_type_foreign_key,
    lock=Mode.ACCESS_EXCLUSIVE,
    rows=(29,),
)

RULES = (TYPE_REWRITE, TYPE_RECHECKS, TYPE_INDEX_REBUILD, TYPE_FOREIGN_KEY)
