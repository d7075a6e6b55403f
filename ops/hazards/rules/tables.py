"""Whole tables: renamed, created beside others, dropped, emptied."""

from __future__ import annotations

from ops.catalog.values import Key
from ops.hazards.fixes import columns, timing
from ops.hazards.fixes import tables as fixes
from ops.hazards.fixes.code import clean
from ops.hazards.rule import DOCS, LOCKS, REACHES, Finding, Rule
from ops.hazards.rules.clients import broken
from ops.hazards.subject import Subject
from ops.hazards.values import Severity
from ops.remedy.constraints import parsed_foreign_key
from ops.remedy.side import sql_name
from ops.remedy.words import qualified
from ops.statement import Mode

_RENAMES = {"RENAME TABLE": "table", "RENAME COLUMN": "column", "SET SCHEMA": "schema"}


def _rename(subject: Subject) -> Finding | None:
    command = subject.command
    if command.verb not in _RENAMES or command.kind not in ("", "view", "materialized view") or subject.is_new:
        return None
    if subject.indexed or any(_is_view_of(subject, one.number) for one in subject.later):
        return None
    if command.verb == "RENAME COLUMN" and not command.kind and not subject.column(command.column):
        return None  # it came with the plan: no code knows it yet
    what = command.column if command.verb == "RENAME COLUMN" else subject.relation
    new = command.new_name or command.value
    of = f" of {subject.relation}" if command.verb == "RENAME COLUMN" else ""
    fix = ""
    if not command.kind and command.verb == "RENAME COLUMN":
        fix = columns.renamed(subject)
    elif not command.kind and not subject.is_partitioned:
        fix = fixes.renamed(subject, new)
    return Finding(
        relation=subject.relation,
        harm=f"{what}{of} is called {new} from one moment to the next: code that runs now fails until it is replaced.",
        mode=subject.mode(subject.relation) or Mode.ACCESS_EXCLUSIVE,
        severity=broken(subject, subject.relation),
        fix=fix,
    )


def _is_view_of(subject: Subject, number: int) -> bool:
    """Whether a later statement creates a view of the old name."""
    for one in subject.scene.commands.get(number, ()):
        if one.verb == "CREATE VIEW" and subject.named(one.schema, one.name) == subject.relation:
            return True
    return False


RENAME = Rule(
    code="rename",
    harm="A new name breaks the code that runs now, at once.",
    advice="Keep both names for a while: a view under the old name of a table; for a column, a second one that is kept "
    "equal until no code uses the first.",
    source=f"{DOCS}sql-altertable.html#SQL-ALTERTABLE-DESC-RENAME",
    spot=_rename,
    lock=Mode.ACCESS_EXCLUSIVE,
    rows=(32,),
)


def _create_references(subject: Subject) -> Finding | None:
    command = subject.command
    if command.verb != "ADD FOREIGN KEY" or "IN TABLE" not in command.options or command.references is None:
        return None
    other = subject.named(*command.references[:2])
    if other == subject.relation or subject.is_new_relation(other):
        return None
    work = [one for one in subject.later if subject.at(one).works]
    if subject.has_lock_timeout and not work:
        return None
    return Finding(
        relation=other,
        harm=f"The new table {subject.relation} refers to {other}, so all writes to {other} wait until its transaction "
        "ends.",
        mode=Mode.SHARE_ROW_EXCLUSIVE,
        most=Severity.MEDIUM,
        explains=REACHES,
        fix=timing.alone(subject),
    )


CREATE_REFERENCES = Rule(
    code="create-table-references",
    harm="A new table with a foreign key stops writes to the table that it refers to, until its transaction ends.",
    advice="Create it in a short transaction of its own, with a lock_timeout; or add the foreign key later.",
    source=f"{DOCS}sql-createtable.html#SQL-CREATETABLE-PARMS-REFERENCES",
    spot=_create_references,
    rows=(44,),
)


def _dropped(subject: Subject) -> list[Key]:
    """The tables that a DROP TABLE or TRUNCATE lists and that were there before the plan."""
    names = [subject.named(schema, name) for schema, name in subject.command.objects]
    names = [one for one in names if not subject.is_new_relation(one)]
    return [subject.scene.table(subject.scene.origin(subject.statement, one)) for one in names]


def _data_loss(subject: Subject) -> Finding | None:
    command = subject.command
    if command.verb == "DROP COLUMN" and not subject.is_new:
        if "generated" in subject.column(command.column):
            return None
        what, relations = f"The values of {command.column} in {subject.relation}", (subject.relation,)
    elif command.verb == "DROP TABLE" and (tables := [one for one in _dropped(subject) if one in subject.side]):
        relations = tuple(map(sql_name, tables))
        what = f"All rows of {', '.join(relations)}"
    else:
        return None
    return Finding(
        relation=relations[0],
        harm=f"{what} are lost; code that still names them fails at once.",
        severity=Severity.INFO if all(subject.load(one).is_empty for one in relations) else Severity.MEDIUM,
    )


def _drop_generated(subject: Subject) -> Finding | None:
    command = subject.command
    if command.verb != "DROP COLUMN" or subject.is_new or "generated" not in subject.column(command.column):
        return None
    return Finding(
        relation=subject.relation,
        harm=f"{command.column} of {subject.relation} is computed from other columns, so nothing is lost; code that "
        "still names it fails at once.",
        severity=Severity.INFO if subject.load().is_empty else Severity.LOW,
    )


DROP_GENERATED = Rule(
    code="drop-generated",
    harm="A computed column that goes takes no values along, but code that reads it fails from one moment to the next.",
    advice="Take it out of the code first. To bring it back writes the table anew, where it was stored.",
    source=f"{DOCS}ddl-generated-columns.html#DDL-GENERATED-COLUMNS",
    spot=_drop_generated,
    lock=Mode.ACCESS_EXCLUSIVE,
    rows=(12,),
)

DATA_LOSS = Rule(
    code="data-loss",
    harm="What is dropped takes its values along; nothing but a backup brings them back.",
    advice="Take it out of the code first, wait until nobody misses it, and keep a dump of what it holds.",
    source=f"{DOCS}sql-droptable.html#SQL-DROPTABLE",
    spot=_data_loss,
    lock=Mode.ACCESS_EXCLUSIVE,
    rows=(12, 45),
)


def _drop_references(subject: Subject) -> Finding | None:
    command = subject.command
    if command.verb != "DROP TABLE":
        return None
    tables = _dropped(subject)
    keys = [key for table in tables for key in subject.side.children(table, "foreign key")]
    keys = [key for key in keys if subject.scene.is_there(subject.statement, key)]
    others = {referred(subject, key): key for key in keys}
    own = {sql_name(one) for one in tables}
    others = {name: key for name, key in others.items() if name and name not in own}
    if subject.statement.measured:
        others = {name: key for name, key in others.items() if (subject.mode(name) or 0) >= Mode.SHARE}
    if not others or subject.has_lock_timeout:
        return None
    statement = clean(subject.statement.sql)
    return Finding(
        relation=max(others, key=lambda one: (subject.load(one).traffic(Mode.ACCESS_EXCLUSIVE) or 0.0, one)),
        harm=f"Dropping {', '.join(sorted(own))} also locks {', '.join(sorted(others))}, to which foreign keys lead.",
        mode=Mode.ACCESS_EXCLUSIVE,
        work=subject.load(*others),
        explains=REACHES,
        fix=fixes.after_its_keys([one for one in keys if one in others.values()], statement),
    )


def referred(subject: Subject, key: Key) -> str:
    """Return the table that a foreign key refers to; empty where that cannot be told."""
    parsed = parsed_foreign_key(subject.side.of(key)["definition"].removesuffix(" NOT ENFORCED"))
    return qualified(*parsed.referred) if parsed else ""


DROP_REFERENCES = Rule(
    code="drop-table-references",
    harm="Dropping a table stops reads and writes of every table that it refers to.",
    advice="Drop its foreign keys first, each in a short transaction, and keep the drop out of long ones.",
    source=f"{DOCS}sql-droptable.html#SQL-DROPTABLE",
    spot=_drop_references,
    lock=Mode.ACCESS_EXCLUSIVE,
    rows=(45,),
)


def _truncate(subject: Subject) -> Finding | None:
    command = subject.command
    if command.verb != "TRUNCATE":
        return None
    tables = [sql_name(one) for one in _dropped(subject)]
    if not tables:
        return None
    named = set(tables)
    also = sorted(one for one, mode in subject.locks.items() if mode is Mode.ACCESS_EXCLUSIVE and one not in named)
    also = [one for one in also if not subject.within((one,), tables[0])] if "CASCADE" in command.options else []
    every = (*tables, *also)
    told = f", and of {', '.join(also)}, which refer to it" if also else ""
    return Finding(
        relation=tables[0],
        harm=f"All rows of {', '.join(tables)} are gone at once{told}, also for transactions that began before; "
        "everybody waits until this one ends.",
        mode=Mode.ACCESS_EXCLUSIVE,
        work=subject.load(*every),
        least=Severity.INFO if subject.load(*every).is_empty else Severity.MEDIUM,
        explains=LOCKS if not also else REACHES,
        fix=fixes.emptied(subject, [*also, *tables]) if "RESTART IDENTITY" not in command.options else "",
    )


TRUNCATE = Rule(
    code="truncate",
    harm="TRUNCATE takes the strongest lock, empties what refers to the table with CASCADE, and leaves nothing to old "
    "snapshots.",
    advice="Delete in batches, or drop a partition; keep a copy of what is still wanted.",
    source=f"{DOCS}sql-truncate.html#SQL-TRUNCATE",
    spot=_truncate,
    lock=Mode.ACCESS_EXCLUSIVE,
    rows=(47,),
)

RULES = (RENAME, CREATE_REFERENCES, DATA_LOSS, DROP_GENERATED, DROP_REFERENCES, TRUNCATE)
