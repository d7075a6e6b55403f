"""NOT NULL and CHECK without a scan under a strong lock; what constraints have in common."""

from __future__ import annotations

from collections.abc import Sequence

from ops.catalog.names import paths, quoted
from ops.commands import Command
from ops.hazards.fixes.code import (
    briefly,
    chosen,
    either,
    execute,
    named,
    noted,
    python,
    revisions,
    taken_by_constraints,
)
from ops.hazards.subject import Subject
from ops.remedy import words

READS = "Reads the whole table, while it is read and written as usual."


def alter(subject: Subject) -> str:
    """Return the beginning of a statement that alters the subject's table."""
    return f"ALTER TABLE {subject.relation}"


def validate(subject: Subject, constraint: str) -> str:
    """Return the body that validates a constraint."""
    return noted(READS, execute(f"{alter(subject)} VALIDATE CONSTRAINT {quoted(constraint)}"))


def set_not_null(subject: Subject, columns: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the bodies that make columns NOT NULL without reading the table under a strong lock.

    From 18 on, a NOT NULL can be added NOT VALID; before, a validated CHECK proves it.

    Source
    ------
    https://www.postgresql.org/docs/current/sql-altertable.html#SQL-ALTERTABLE-DESC-SET-DROP-NOT-NULL
    """
    table = subject.command.name
    taken = set(taken_by_constraints(subject.side, subject.key))
    adding, validating, setting = [], [], []
    for column in columns or subject.command.columns:
        name = chosen(table, (column,), "not_null", taken)
        taken.add(name)
        if subject.major >= 18:
            what = f"ADD CONSTRAINT {quoted(name)} NOT NULL {quoted(column)} NOT VALID"
            adding.append(execute(f"{alter(subject)} {what}"))
        else:
            adding.append(add_check(subject, name, f"{quoted(column)} IS NOT NULL"))
            setting += [_nullable(subject, column, False), drop(subject, name, "check")]
        validating.append(execute(f"{alter(subject)} VALIDATE CONSTRAINT {quoted(name)}"))
    steps = (briefly(*adding), noted(READS, *validating))
    proved = "The CHECK proves it, so nothing is read. Then it says nothing new."
    return (*steps, noted(proved, briefly(*setting))) if setting else steps


def _nullable(subject: Subject, column: str, nullable: bool) -> str:
    table, schema = subject.command.name, subject.schema
    operation = words.call(
        "op.alter_column", python(table), python(column), nullable=str(nullable), schema=python(schema)
    )
    sql = f"{alter(subject)} ALTER COLUMN {quoted(column)} {'DROP' if nullable else 'SET'} NOT NULL"
    return either(operation, sql, table, column, schema)


def drop(subject: Subject, name: str, type_: str) -> str:
    """Return what drops a constraint of the subject's table."""
    table, schema = subject.command.name, subject.schema
    operation = words.call("op.drop_constraint", named(name), python(table), schema=python(schema), type_=python(type_))
    return either(operation, f"{alter(subject)} DROP CONSTRAINT {quoted(name)}", name, table, schema)


def add_check(subject: Subject, name: str, condition: str, *, inherit: bool = True) -> str:
    """Return what adds a CHECK that holds for new rows only, until it is validated."""
    table, schema = subject.command.name, subject.schema
    operation = ""
    if inherit:
        operation = words.call(
            "op.create_check_constraint",
            named(name),
            python(table),
            words.as_text(condition),
            schema=python(schema),
            postgresql_not_valid="True",
        )
    tail = "" if inherit else " NO INHERIT"
    sql = f"{alter(subject)} ADD CONSTRAINT {quoted(name)} CHECK ({condition}){tail} NOT VALID"
    return either(operation, sql, name, table, schema)


def check_name(subject: Subject, command: Command) -> str:
    """Return the name of a CHECK, given or chosen."""
    if command.constraint:
        return command.constraint
    known = [column for column in _columns(subject) if _speaks(command, column)]
    columns = command.columns or (known if len(known) == 1 else ())
    return chosen(command.name, columns, "check", taken_by_constraints(subject.side, subject.key))


def _columns(subject: Subject) -> list[str]:
    return [one.name for one in subject.children("column")]


def _speaks(command: Command, column: str) -> bool:
    return any(path[-1] == column for path in paths(command.expression))


def check(subject: Subject) -> str:
    """Return a CHECK in two steps."""
    name = check_name(subject, subject.command)
    inherit = "NO INHERIT" not in subject.command.options
    adding = add_check(subject, name, subject.command.expression, inherit=inherit)
    return revisions(briefly(adding), validate(subject, name))
