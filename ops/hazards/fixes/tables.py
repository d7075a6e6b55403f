"""Tables that are renamed, dropped and emptied."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ops.catalog.names import quoted
from ops.catalog.values import Key
from ops.hazards.fixes import batches
from ops.hazards.fixes.code import briefly, clean, either, execute, named, noted, python, qualified, revisions
from ops.hazards.subject import Subject
from ops.remedy import words
from ops.remedy.side import sql_name, word


def renamed(subject: Subject, new: str) -> str:
    """Return the new name with a view under the old one, through which old code goes on reading and writing."""
    table, schema = subject.command.name, subject.schema
    if subject.command.verb == "SET SCHEMA":
        moving = execute(clean(subject.statement.sql))
        target = qualified(new, table)
    else:
        moving = words.call("op.rename_table", python(table), python(new), schema=python(schema))
        moving = either(moving, clean(subject.statement.sql), table, new, schema)
        target = qualified(schema, new)
    view = execute(f"CREATE VIEW {subject.relation} AS SELECT * FROM {target}")
    note = "Old code reads and writes through the view; drop that when nobody uses it any more."
    return noted(note, briefly(moving, view))


def after_its_keys(foreign: Sequence[Key], statement: str) -> str:
    """Return foreign keys dropped one by one, and then the statement, which locks no other table any more."""
    return revisions(*(briefly(_without(one)) for one in foreign), briefly(execute(statement)))


def _without(key: Key) -> str:
    operation = words.call(
        "op.drop_constraint", named(key.name), python(key.parent), schema=python(key.schema), type_=python("foreignkey")
    )
    sql = f"ALTER TABLE {qualified(key.schema, key.parent)} DROP CONSTRAINT {quoted(key.name)}"
    return either(operation, sql, key.name, key.parent, key.schema)


def by_name(dependants: Sequence[Key], statement: str) -> str:
    """Return what depends on an object dropped by name, in this order, and then the object alone."""
    lines = [_without(one) if one.kind == "foreign key" else _gone(one) for one in dependants]
    return noted("All that goes, by name: nothing else can go with it.", briefly(*lines, execute(statement)))


def _gone(key: Key) -> str:
    if key.kind == "column":
        table, schema = key.parent, key.schema
        operation = words.call("op.drop_column", python(table), python(key.name), schema=python(schema))
        sql = f"ALTER TABLE {qualified(schema, table)} DROP COLUMN {quoted(key.name)}"
        return either(operation, sql, key.name, table, schema)
    return execute(f"DROP {word(key)} {sql_name(key)}")


def without_cascade(sql: str) -> str:
    """Return a DROP without CASCADE."""
    return re.sub(r"\s+CASCADE\Z", "", clean(sql), flags=re.IGNORECASE)


def emptied(subject: Subject, relations: Sequence[str]) -> str:
    """Return a DELETE in batches for each table."""
    return revisions(*(batches.of_table(subject, one, f"DELETE FROM {one}", "") for one in relations))
