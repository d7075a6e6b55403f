"""New columns, step by step: nothing that exists is written anew or read under a strong lock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ops.catalog.names import literal, quoted
from ops.catalog.values import Key
from ops.commands import Command
from ops.hazards.fixes import batches, indexes, keys
from ops.hazards.fixes.code import (
    briefly,
    chosen,
    either,
    execute,
    noted,
    python,
    qualified,
    revisions,
    taken_in,
)
from ops.hazards.fixes.constraints import READS, add_check, alter, check_name, drop, set_not_null
from ops.hazards.fixes.foreign import add_foreign_key, foreign_key_name
from ops.hazards.subject import Subject
from ops.remedy import words
from ops.remedy.alembic_types import sqlalchemy_type
from ops.remedy.side import sql_name

_SERIALS = {"serial": "integer", "bigserial": "bigint", "smallserial": "smallint"}


def column_command(subject: Subject) -> Command | None:
    """Return the ADD COLUMN that a command belongs to, or is."""
    names = subject.command.columns
    for one in subject.commands:
        if one.verb == "ADD COLUMN" and one.columns == names and one.name == subject.command.name:
            return one
    return None


def inner_commands(subject: Subject, column: Command) -> tuple[Command, ...]:
    """Return the constraints in the definition of a column."""
    return tuple(one for one in subject.commands if "IN COLUMN" in one.options and one.columns == column.columns)


def add(subject: Subject, column: Command, *, late_default: bool) -> str:
    """Return a new column in steps; `late_default`: it differs from row to row, so old rows are filled later."""
    subject = replace(subject, command=column)
    name, type_ = column.columns[0], column.type
    inner = inner_commands(subject, column)
    is_key = any(one.verb == "ADD PRIMARY KEY" for one in inner)
    is_filled = late_default or "SERIAL" in column.options or "IDENTITY" in column.options
    must = bool({"NOT NULL", "SERIAL", "IDENTITY", "PRIMARY KEY"} & column.options) or is_key
    if must and not is_filled and column.default is None:
        return ""  # it fails on any row, however it is done
    adding = [_plain(subject, column, _SERIALS.get(type_, type_), late=is_filled, not_null=must and not is_filled)]
    ending: list[str] = []
    if "SERIAL" in column.options or "IDENTITY" in column.options:
        more, ending = _numbered(subject, column)
        adding += more
    elif is_filled and column.default is not None:
        adding.append(_default(subject, name, column.default))
    validating, last = _constraints(subject, inner, adding)
    steps = [briefly(*adding)]
    if is_filled:
        steps.append(
            batches.written(
                subject, f"UPDATE {subject.relation} SET {quoted(name)} = DEFAULT", f"{quoted(name)} IS NULL"
            )
        )
    if must and is_filled:
        steps += set_not_null(subject, (name,))
    if validating:
        steps.append(noted(READS, *validating))
    steps += last
    if ending:
        steps.append(noted("From here on the identity gives the numbers.", briefly(*ending)))
    return revisions(*steps)


def _constraints(subject: Subject, inner: tuple[Command, ...], adding: list[str]) -> tuple[list[str], list[str]]:
    """Add what holds for new rows only; return what validates it, and the bodies that build and attach indexes."""
    validating, last = [], []
    for one in inner:
        if one.verb == "ADD CHECK":
            name = check_name(subject, one)
            adding.append(add_check(subject, name, one.expression, inherit="NO INHERIT" not in one.options))
            validating.append(execute(f"{alter(subject)} VALIDATE CONSTRAINT {quoted(name)}"))
        elif one.verb == "ADD FOREIGN KEY":
            name = foreign_key_name(subject, one)
            adding.append(add_foreign_key(subject, one, name))
            validating.append(execute(f"{alter(subject)} VALIDATE CONSTRAINT {quoted(name)}"))
        elif one.verb in ("ADD UNIQUE", "ADD PRIMARY KEY"):
            last += keys.build_and_attach(subject, one, keys.key_name(subject, one))
    return validating, last


def _plain(subject: Subject, column: Command, type_: str, *, late: bool, not_null: bool) -> str:
    """ADD COLUMN with no more than the catalog has to note down."""
    name, table, schema = column.columns[0], column.name, subject.schema
    default = None if late else column.default
    known = sqlalchemy_type(type_, subject.side) or sqlalchemy_type(f"{quoted(schema)}.{type_}", subject.side)
    operation = ""
    if known is not None and not column.collation:
        more = {"server_default": words.as_text(default)} if default is not None else {}
        definition = words.call("sa.Column", python(name), known, **more, nullable=str(not not_null))
        operation = words.call("op.add_column", python(table), definition, schema=python(schema))
    sql = f"{alter(subject)} ADD COLUMN {quoted(name)} {type_}"
    sql += f" COLLATE {column.collation}" if column.collation else ""
    sql += f" DEFAULT {default}" if default is not None else ""
    sql += " NOT NULL" if not_null else ""
    return either(operation, sql, name, table, schema)


def _default(subject: Subject, column: str, default: str) -> str:
    table, schema = subject.command.name, subject.schema
    operation = words.call(
        "op.alter_column",
        python(table),
        python(column),
        server_default=words.as_text(default),
        schema=python(schema),
    )
    sql = f"{alter(subject)} ALTER COLUMN {quoted(column)} SET DEFAULT {default}"
    return either(operation, sql, column, table, schema)


def _numbered(subject: Subject, column: Command) -> tuple[list[str], list[str]]:
    """A sequence that numbers the rows; what makes it, and what turns it into an identity at the end."""
    name, schema = column.columns[0], subject.schema
    taken = taken_in(subject.side, schema)
    usual = chosen(column.name, (name,), "seq", taken)
    kind = _SERIALS.get(column.type, column.type)
    is_identity = "IDENTITY" in column.options
    own = chosen(column.name, (name,), "fill", taken) if is_identity else usual
    sequence, target = qualified(schema, own), f"{subject.relation}.{quoted(name)}"
    making = [
        execute(f"CREATE SEQUENCE {sequence} AS {kind} OWNED BY {target}"),
        _default(subject, name, f"nextval({literal(sequence)}::regclass)"),
    ]
    if not is_identity:
        return making, []
    always = "ALWAYS" if "ALWAYS" in column.options else "BY DEFAULT"
    identity = qualified(schema, usual)
    changing = f"{alter(subject)} ALTER COLUMN {quoted(name)}"
    ending = [
        execute(f"{changing} DROP DEFAULT"),
        execute(f"{changing} ADD GENERATED {always} AS IDENTITY"),
        execute(f"SELECT setval({literal(identity)}, nextval({literal(sequence)}), false)"),
        execute(f"DROP SEQUENCE {sequence}"),
    ]
    return making, ending


def shared_default(subject: Subject) -> str:
    """Return a column whose default holds for new rows only: what was there before stays empty."""
    column = subject.command
    if "NOT NULL" in column.options or inner_commands(subject, column) or column.default is None:
        return ""
    adding = _plain(subject, column, column.type, late=True, not_null=False)
    setting = _default(subject, column.columns[0], column.default)
    return noted("Rows that are there already get no value.", briefly(adding, setting))


def generated(subject: Subject) -> str:
    """Return a generated column that needs no rewrite: virtual from 18 on, else kept by a trigger."""
    column = subject.command
    if inner_commands(subject, column):
        return ""
    name, schema = column.columns[0], subject.schema
    if subject.major >= 18 and "NOT NULL" not in column.options:
        sql = f"{alter(subject)} ADD COLUMN {quoted(name)} {column.type}"
        computed = execute(f"{sql} GENERATED ALWAYS AS ({column.expression}) VIRTUAL")
        return noted("Computed when it is read; it cannot be indexed.", briefly(computed))
    function = qualified(schema, chosen(column.name, (name,), "fill"))
    trigger = quoted(chosen(column.name, (name,), "fill", _triggers(subject.children("trigger"))))
    filled = kept_by_trigger(subject, name, column.expression, function, trigger)
    adding = _plain(subject, replace(column, default=None), column.type, late=True, not_null=False)
    value = f"({column.expression})"
    filling = batches.written(
        subject,
        f"UPDATE {subject.relation} SET {quoted(name)} = {value}",
        f"{quoted(name)} IS NULL AND {value} IS NOT NULL",
    )
    more = set_not_null(subject, (name,)) if "NOT NULL" in column.options else ()
    return revisions(briefly(adding, *filled), filling, *more)


def _triggers(found: list[Key]) -> frozenset[str]:
    return frozenset(one.name for one in found)


def kept_by_trigger(subject: Subject, column: str, value: str, function: str, trigger: str) -> tuple[str, str]:
    """Return what makes a trigger keep a column equal to an expression over the others of its row."""
    table = quoted(subject.command.name)
    code = f"BEGIN NEW.{quoted(column)} := (SELECT {value} FROM (SELECT NEW.*) AS {table}); RETURN NEW; END"
    tag = words.block(code).split(" ")[1]
    return (
        execute(f"CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS {tag} {code} {tag}"),
        execute(
            f"CREATE TRIGGER {trigger} BEFORE INSERT OR UPDATE ON {subject.relation}"
            f" FOR EACH ROW EXECUTE FUNCTION {function}()"
        ),
    )


def renamed(subject: Subject) -> str:
    """Return a second column under the new name, which a trigger keeps equal to the first while code uses that."""
    command, own = subject.command, subject.column(subject.command.column)
    inherits = "partition of" in subject.own or "inherits" in subject.own or subject.scene.children(subject.origin)
    if not own or subject.is_partitioned or inherits or "generated" in own:
        return ""
    old, new = quoted(command.column), quoted(command.new_name)
    name = chosen(command.name, (command.new_name,), "fill")
    trigger = quoted(chosen(command.name, (command.new_name,), "fill", _triggers(subject.children("trigger"))))
    collation = f" COLLATE {own['collation']}" if own.get("collation") else ""
    adding = execute(f"{alter(subject)} ADD COLUMN {new} {own['type']}{collation}")
    keeping = kept_by_trigger(subject, command.new_name, old, qualified(subject.schema, name), trigger)
    filling = batches.written(
        subject, f"UPDATE {subject.relation} SET {new} = {old}", f"{new} IS NULL AND {old} IS NOT NULL"
    )
    note = (
        "Code reads either column, and goes on writing the old one. Constraints and indexes of the old one are to be\n"
        "made for the new one. When no code knows the old one any more: drop the trigger, its function and the column."
    )
    return revisions(noted(note, briefly(adding, *keeping)), filling)


_TYPES = {"primary key": "primary", "unique": "unique", "check": "check"}


def drop_apart(subject: Subject, users: Sequence[Key]) -> str:
    """Return a column's end in steps: foreign keys, indexes and constraints by name, and then the column alone."""
    command = subject.command
    names = (command.name, command.column, subject.schema)
    operation = words.call("op.drop_column", python(names[0]), python(names[1]), schema=python(names[2]))
    dropping = either(operation, f"{alter(subject)} DROP COLUMN {quoted(command.column)}", *names)
    steps = [briefly(drop(subject, one.name, "foreignkey")) for one in users if one.kind == "foreign key"]
    plain = [one for one in users if one.kind == "index"]
    beside = bool(plain) and not subject.is_partitioned
    if beside:
        steps.append(indexes.drop(plain))
    lines = [] if beside else [execute(f"DROP INDEX {sql_name(one)}") for one in plain]
    lines += [drop(subject, one.name, _TYPES[one.kind]) for one in users if one.kind in _TYPES]
    for one in users:
        if one.kind == "exclusion":
            lines.append(execute(f"{alter(subject)} DROP CONSTRAINT {quoted(one.name)}"))
        elif one.kind == "statistics":
            lines.append(execute(f"DROP STATISTICS {sql_name(one)}"))
    return revisions(*steps, briefly(*lines, dropping))
