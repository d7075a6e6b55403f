"""Foreign keys without a scan of both tables under a strong lock."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from ops.catalog.names import quoted
from ops.catalog.values import Key
from ops.commands import Command
from ops.hazards.fixes.code import (
    body,
    briefly,
    chosen,
    clean,
    either,
    execute,
    listed,
    named,
    noted,
    python,
    qualified,
    revisions,
    taken_by_constraints,
)
from ops.hazards.fixes.constraints import READS, alter, drop, validate
from ops.hazards.subject import Subject
from ops.remedy import words
from ops.remedy.constraints import columns_of, parsed_foreign_key


def foreign_key_name(subject: Subject, command: Command) -> str:
    """Return the name of a foreign key, given or chosen."""
    taken = taken_by_constraints(subject.side, subject.key)
    return command.constraint or chosen(command.name, command.columns, "fkey", taken)


def add_foreign_key(subject: Subject, command: Command, name: str) -> str:
    """Return what adds a foreign key that holds for new rows only, until it is validated."""
    assert command.references is not None
    schema, table, columns = command.references
    schema = subject.scene.schema(schema, table)
    columns = columns or _primary_key(subject, qualified(schema, table))
    names = (name, command.name, subject.schema, schema, table, *command.columns, *columns)
    keywords = foreign_key_keywords(command)
    operation = words.call(
        "op.create_foreign_key",
        named(name),
        python(command.name),
        python(table),
        python(command.columns),
        python(columns),
        source_schema=python(subject.schema),
        referent_schema=python(schema),
        **keywords,
        postgresql_not_valid="True",
    )
    sql = f"{alter(subject)} ADD {foreign_key_sql(subject, command, name)} NOT VALID"
    return either(operation if columns else "", sql, *names)


def foreign_key_keywords(command: Command) -> dict[str, str | None]:
    """Return what Alembic wants to hear of a foreign key beside its columns."""
    found: dict[str, str | None] = {}
    for option in sorted(command.options):
        for word, keyword in (("ON DELETE ", "ondelete"), ("ON UPDATE ", "onupdate")):
            if option.startswith(word):
                found[keyword] = python(option.removeprefix(word))
    if "MATCH FULL" in command.options:
        found["match"] = python("FULL")
    if "DEFERRABLE" in command.options:
        found["deferrable"] = "True"
    if "INITIALLY DEFERRED" in command.options:
        found["initially"] = python("DEFERRED")
    return found


def foreign_key_sql(subject: Subject, command: Command, name: str) -> str:
    """Return a foreign key as SQL, without its state."""
    assert command.references is not None
    schema, table, columns = command.references
    words_ = [one for one in sorted(command.options) if one.startswith(("ON DELETE ", "ON UPDATE "))]
    words_ = [one for one in ("MATCH FULL",) if one in command.options] + words_
    words_ += [one for one in ("DEFERRABLE", "INITIALLY DEFERRED") if one in command.options]
    target = subject.named(schema, table) + (f" ({listed(columns)})" if columns else "")
    text = f"CONSTRAINT {quoted(name)} FOREIGN KEY ({listed(command.columns)}) REFERENCES {target}"
    return " ".join((text, *words_))


def _primary_key(subject: Subject, relation: str) -> tuple[str, ...]:
    for key in subject.side.children(subject.scene.table(relation), "primary key"):
        return columns_of("primary key", subject.side.of(key)["definition"]) or ()
    return ()


def foreign_key(subject: Subject) -> str:
    """Return a foreign key in two steps; before 18, partition by partition."""
    command = subject.command
    name = foreign_key_name(subject, command)
    if subject.is_partitioned and subject.major < 18:
        return _foreign_key_by_partition(subject, name)
    return revisions(briefly(add_foreign_key(subject, command, name)), validate(subject, name))


def _foreign_key_by_partition(subject: Subject, name: str) -> str:
    """NOT VALID is refused on the parent; it takes over the keys that its partitions have already."""
    adding, validating = [], []
    for partition in subject.leaves:
        relation = qualified(partition.schema, partition.name)
        taken = taken_by_constraints(subject.side, partition)
        own = chosen(partition.name, subject.command.columns, "fkey", taken)
        key = foreign_key_sql(subject, subject.command, own)
        adding.append(briefly(execute(f"ALTER TABLE {relation} ADD {key} NOT VALID")))
        validating.append(noted(READS, execute(f"ALTER TABLE {relation} VALIDATE CONSTRAINT {quoted(own)}")))
    whole = execute(f"{alter(subject)} ADD {foreign_key_sql(subject, subject.command, name)}")
    last = noted("The partitions have it already, so nothing is read.", briefly(whole))
    return revisions(*adding, *validating, last)


def drop_foreign_key(subject: Subject, other: str) -> str:
    """Return what drops a foreign key once both tables are locked, in an order that is always the same."""
    both = ", ".join(sorted({subject.relation, other}))
    locking = execute(f"LOCK TABLE {both} IN ACCESS EXCLUSIVE MODE")
    return noted(
        "Both tables at once, or neither.", briefly(locking, drop(subject, subject.command.constraint, "foreignkey"))
    )


def apart(first: str, *later: str) -> str:
    """Return statements as they are, each in a revision of its own."""
    return revisions(briefly(execute(clean(first))), *(body(execute(clean(one))) for one in later))


def referring_to(subject: Subject, columns: Collection[str]) -> list[Key]:
    """Return the foreign keys of other tables that refer to columns of the subject's."""
    found = []
    for key in subject.speakers("foreign key"):
        parsed = parsed_foreign_key(subject.side.of(key)["definition"].removesuffix(" NOT ENFORCED"))
        mine = parsed is not None and parsed.referred == (subject.key.schema, subject.key.name)
        if parsed is not None and mine and set(columns) & set(parsed.referred_columns):
            found.append(key)
    return found


def own_over(subject: Subject, column: str) -> list[Key]:
    """Return the foreign keys of the subject's table that a column is part of."""
    found = []
    for key in subject.children("foreign key"):
        parsed = parsed_foreign_key(subject.side.of(key)["definition"].removesuffix(" NOT ENFORCED"))
        if parsed is None or column in parsed.columns:
            found.append(key)
    return found


def around(subject: Subject, keys: Sequence[Key]) -> str:
    """Return a statement with foreign keys dropped before it, and added again and validated behind it."""
    dropping, adding, validating = [], [], []
    for key in keys:
        table, name = qualified(key.schema, key.parent), quoted(key.name)
        definition = str(subject.side.of(key)["definition"])
        valid = definition.removesuffix(" NOT VALID")
        dropping.append(execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}"))
        adding.append(execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} {valid} NOT VALID"))
        if valid == definition:
            validating.append(noted(READS, execute(f"ALTER TABLE {table} VALIDATE CONSTRAINT {name}")))
    return revisions(
        noted("From here until the last part, nothing checks the references.", briefly(*dropping)),
        briefly(execute(clean(subject.statement.sql))),
        briefly(*adding),
        *validating,
    )
