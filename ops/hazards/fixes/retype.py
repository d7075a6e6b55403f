"""Another type for a column: a second one beside it, filled in batches, which then takes its place."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from ops.catalog.names import MARK, Path, literal, marked, mentions, quoted
from ops.catalog.values import Key
from ops.hazards.fixes import batches
from ops.hazards.fixes.code import (
    briefly,
    chosen,
    execute,
    listed,
    noted,
    outside,
    qualified,
    revisions,
    taken_by_constraints,
    taken_in,
)
from ops.hazards.fixes.columns import kept_by_trigger
from ops.hazards.fixes.constraints import READS, add_check, alter, set_not_null
from ops.hazards.fixes.foreign import own_over, referring_to
from ops.hazards.subject import Subject
from ops.remedy.constraints import columns_of
from ops.remedy.indexes import whole
from ops.remedy.sequences import parameters
from ops.remedy.side import sql_name

_CONSTRAINTS = ("primary key", "unique", "foreign key", "check", "exclusion")
# What of a column this way round cannot take along.
_STICKS = ("generated", "storage", "compression", "statistics", "options", "grants", "inherited")


def obstacles(subject: Subject) -> tuple[str, ...]:
    """Return what stands in the way of a second column: objects that would have to be made anew with it."""
    column, side = subject.command.column, subject.side
    found = [f"its {word}" for word in _STICKS if word in subject.column(column)]
    if subject.is_partitioned or "partition of" in subject.own or subject.scene.children(subject.origin):
        found.append("its partitions or children")
    if not subject.column(column):
        found.append("that the column is not known")
    for one in subject.children("exclusion", "trigger", "policy", "rule"):
        if any(mentions(str(text), column) for text in side.of(one).values()):
            found.append(f"{one.kind} {one.name}")
    for one in subject.children("column"):
        if "generated" in side.of(one) and mentions(str(side.of(one)["generated"]), column):
            found.append(f"the generated column {one.name}")
    for one in subject.speakers("view", "materialized view", "statistics", "function", "procedure"):
        if mentions(str(side.of(one).get("definition", "")), column):
            found.append(f"{one.kind} {one}")
    if {*own_over(subject, column)} & {*referring_to(subject, {one.name for one in subject.children("column")})}:
        found.append("a foreign key from the table to itself")
    if any(side.of(one).get("clustered") or side.of(one).get("state") for one in subject.children("index")):
        found.append("a clustered or invalid index")
    if str(subject.own.get("replica identity", "")).startswith("index "):
        found.append("its replica identity")
    return tuple(dict.fromkeys(found))


@dataclass(slots=True, kw_only=True)
class _Work:
    """What is done beside the old column, and what when the new one takes its place."""

    adding: list[str] = field(default_factory=list)
    validating: list[str] = field(default_factory=list)
    building: list[str] = field(default_factory=list)
    before: list[str] = field(default_factory=list)
    after: list[str] = field(default_factory=list)
    again: list[str] = field(default_factory=list)


def retype(subject: Subject) -> str:
    """Return the steps; nothing where something else would have to be made anew as well."""
    if obstacles(subject):
        return ""
    command, table, schema = subject.command, subject.command.name, subject.schema
    column = command.column
    columns = {one.name for one in subject.children("column")}
    new = chosen(column, (), "new", columns)
    value = command.using or quoted(column)
    function = qualified(schema, chosen(table, (column,), "fill"))
    trigger = quoted(chosen(table, (column,), "fill"))
    collation = f" COLLATE {command.collation}" if command.collation else ""
    work = _Work()
    _constraints(subject, new, work)
    _indexes(subject, new, work)
    _numbers(subject, new, work)
    adding = execute(f"{alter(subject)} ADD COLUMN {quoted(new)} {command.type}{collation}")
    keeping = kept_by_trigger(subject, new, value, function, trigger)
    filling = batches.written(
        subject,
        f"UPDATE {subject.relation} SET {quoted(new)} = {value}",
        f"{quoted(new)} IS NULL AND ({value}) IS NOT NULL",
    )
    steps = [noted("A second column, which a trigger keeps equal.", briefly(adding, *keeping, *work.adding)), filling]
    if subject.is_not_null(column):
        steps += set_not_null(replace(subject, command=replace(command, columns=(new,))))
    if work.validating:
        steps.append(noted(READS, *work.validating))
    if work.building:
        steps.append(outside("# If one fails, drop the invalid index that it leaves, and try again.", *work.building))
    own = subject.column(column)
    if default := own.get("default"):
        work.after.append(execute(f"{alter(subject)} ALTER COLUMN {quoted(column)} SET DEFAULT {default}"))
    if comment := own.get("comment"):
        work.after.append(execute(f"COMMENT ON COLUMN {subject.relation}.{quoted(column)} IS {literal(comment)}"))
    swapping = [
        execute(f"DROP TRIGGER {trigger} ON {subject.relation}"),
        execute(f"DROP FUNCTION {function}()"),
        *work.before,
        execute(f"{alter(subject)} DROP COLUMN {quoted(column)}"),
        execute(f"{alter(subject)} RENAME COLUMN {quoted(new)} TO {quoted(column)}"),
        *work.after,
    ]
    note = "The new column takes the place of the old one; nothing is read. ANALYZE the table afterwards."
    steps.append(noted(note, briefly(*swapping)))
    return revisions(*steps, *(noted(READS, one) for one in work.again))


def _renamed(text: str, old: str, new: str) -> str:
    """A definition that speaks of the new column where it spoke of the old one."""

    def one(path: Path) -> Path | None:
        return (new,) if path == (old,) else None

    return marked(text, one).replace(MARK, "")


def _constraints(subject: Subject, new: str, work: _Work) -> None:
    side, key, column = subject.side, subject.key, subject.command.column
    taken = set(taken_by_constraints(side, key)) | set(taken_in(side, subject.schema))
    for one in subject.children(*_CONSTRAINTS):
        definition = str(side.of(one)["definition"])
        own = definition.partition(" REFERENCES ")[0]
        if not mentions(own, column):
            continue
        name = chosen(one.name, (), "new", taken)
        taken.add(name)
        if one.kind == "check":
            head = definition.removesuffix(" NOT VALID").removesuffix(" NO INHERIT").removeprefix("CHECK ")
            condition = _renamed(head.removeprefix("(").removesuffix(")"), column, new)
            work.adding.append(add_check(subject, name, condition, inherit="NO INHERIT" not in definition))
        elif one.kind == "foreign key":
            changed = _renamed(own, column, new) + definition[len(own) :].removesuffix(" NOT VALID")
            work.adding.append(execute(f"{alter(subject)} ADD CONSTRAINT {quoted(name)} {changed} NOT VALID"))
        else:
            _key(subject, one, definition, name, new, work)
            continue
        if not definition.endswith(" NOT VALID"):
            work.validating.append(execute(f"{alter(subject)} VALIDATE CONSTRAINT {quoted(name)}"))
        work.before.append(execute(f"{alter(subject)} DROP CONSTRAINT {quoted(one.name)}"))
        work.before.append(execute(f"{alter(subject)} RENAME CONSTRAINT {quoted(name)} TO {quoted(one.name)}"))


def _key(subject: Subject, key: Key, definition: str, name: str, new: str, work: _Work) -> None:
    """A primary key or a unique constraint, with the foreign keys that stand on it."""
    side, column = subject.side, subject.command.column
    head, _, state = definition.partition(")")
    columns = columns_of(key.kind, f"{head})") or ()
    renamed = [new if one == column else one for one in columns]
    nulls = " NULLS NOT DISTINCT" if "NULLS NOT DISTINCT" in head else ""
    work.building.append(
        execute(f"CREATE UNIQUE INDEX CONCURRENTLY {quoted(name)} ON {subject.relation} ({listed(renamed)}){nulls}")
    )
    for one in referring_to(subject, columns):
        table = qualified(one.schema, one.parent)
        text = str(side.of(one)["definition"])
        valid = text.removesuffix(" NOT VALID")
        work.before.append(execute(f"ALTER TABLE {table} DROP CONSTRAINT {quoted(one.name)}"))
        work.after.append(execute(f"ALTER TABLE {table} ADD CONSTRAINT {quoted(one.name)} {valid} NOT VALID"))
        if valid == text:
            work.again.append(execute(f"ALTER TABLE {table} VALIDATE CONSTRAINT {quoted(one.name)}"))
    what = "PRIMARY KEY" if key.kind == "primary key" else "UNIQUE"
    work.before.append(execute(f"{alter(subject)} DROP CONSTRAINT {quoted(key.name)}"))
    using = f"ADD CONSTRAINT {quoted(key.name)} {what} USING INDEX {quoted(name)}{state}"
    work.after.insert(0, execute(f"{alter(subject)} {using}"))


def _indexes(subject: Subject, new: str, work: _Work) -> None:
    side, column = subject.side, subject.command.column
    taken = set(taken_in(side, subject.schema))
    for one in subject.children("index"):
        definition = whole(one, side.of(one))
        head, _, tail = definition.partition(" USING ")
        method, parenthesis, rest = tail.partition(" (")
        if not mentions(parenthesis + rest, column):
            continue
        name = chosen(one.name, (), "new", taken)
        taken.add(name)
        unique = "UNIQUE " if head.startswith("CREATE UNIQUE ") else ""
        text = f"{method}{_renamed(parenthesis + rest, column, new)}"
        work.building.append(
            execute(f"CREATE {unique}INDEX CONCURRENTLY {quoted(name)} ON {subject.relation} USING {text}")
        )
        work.after.append(execute(f"ALTER INDEX {qualified(subject.schema, name)} RENAME TO {quoted(one.name)}"))
        if comment := side.of(one).get("comment"):
            work.after.append(execute(f"COMMENT ON INDEX {sql_name(one)} IS {literal(comment)}"))


def _numbers(subject: Subject, new: str, work: _Work) -> None:
    """The sequence behind the column: it changes its owner; that of an identity is made anew and set as far."""
    side, column = subject.side, subject.command.column
    key = Key("column", subject.key.schema, subject.key.name, column)
    own: dict[str, Any] = dict(subject.column(column))
    for sequence in side.sequences_of(key):
        if "identity" not in own:
            work.before.append(
                execute(f"ALTER SEQUENCE {sql_name(sequence)} OWNED BY {subject.relation}.{quoted(new)}")
            )
            continue
        name = qualified(sequence.schema, chosen(sequence.name, (), "new", taken_in(side, sequence.schema)))
        more = " ".join(parameters(sequence, side, str(own["type"])))
        identity = f"ADD GENERATED {str(own['identity']).upper()} AS IDENTITY (SEQUENCE NAME {name} {more})"
        work.before += [
            execute(f"{alter(subject)} ALTER COLUMN {quoted(new)} {identity.replace(' )', ')')}"),
            execute(f"SELECT setval({literal(name)}, nextval({literal(sql_name(sequence))}), false)"),
        ]
        work.after.append(execute(f"ALTER SEQUENCE {name} RENAME TO {quoted(sequence.name)}"))
