"""Changes of a type that leave the rows alone, and yet read them or build indexes."""

from __future__ import annotations

from collections.abc import Sequence

from ops.catalog.names import quoted
from ops.catalog.values import Key
from ops.hazards.fixes.code import briefly, clean, execute, noted, outside, qualified, revisions
from ops.hazards.fixes.constraints import READS, alter
from ops.hazards.fixes.foreign import referring_to
from ops.hazards.fixes.indexes import dropped
from ops.hazards.subject import Subject
from ops.remedy.constraints import columns_of
from ops.remedy.indexes import whole


def without_checks(subject: Subject, checks: Sequence[Key], indexes: Sequence[Key]) -> str:
    """Return the change with the checks on the column added again as not valid, and its indexes built beside it."""
    statement = execute(clean(subject.statement.sql))
    before, after, validating = [], [], []
    for key in checks:
        definition = str(subject.side.of(key)["definition"])
        valid = definition.removesuffix(" NOT VALID")
        before.append(execute(f"{alter(subject)} DROP CONSTRAINT {quoted(key.name)}"))
        after.append(execute(f"{alter(subject)} ADD CONSTRAINT {quoted(key.name)} {valid} NOT VALID"))
        if valid == definition:
            validating.append(execute(f"{alter(subject)} VALIDATE CONSTRAINT {quoted(key.name)}"))
    plain = [key for key in indexes if key.kind == "index"]
    backed = [key for key in indexes if key.kind != "index"]
    if any(_foreign(subject, key) for key in backed):
        return ""
    before += [execute(f"{alter(subject)} DROP CONSTRAINT {quoted(key.name)}") for key in backed]
    building = [execute(_concurrently(subject, key)) for key in indexes]
    attaching = [_attached(subject, key) for key in backed]
    steps = [
        outside(*map(dropped, plain)) if plain else "",
        briefly(*before, statement, *after),
        noted(READS, *validating) if validating else "",
        outside("# If one fails, drop the invalid index that it leaves, and try again.", *building) if building else "",
        briefly(*attaching) if attaching else "",
    ]
    return revisions(*steps)


def _foreign(subject: Subject, key: Key) -> bool:
    """Whether foreign keys may stand on a constraint."""
    columns = columns_of(key.kind, str(subject.side.of(key)["definition"]))
    return columns is None or bool(referring_to(subject, columns))


def _concurrently(subject: Subject, key: Key) -> str:
    if key.kind == "index":
        definition = whole(key, subject.side.of(key))
        return definition.replace("INDEX ", "INDEX CONCURRENTLY ", 1)
    columns = ", ".join(map(quoted, columns_of(key.kind, str(subject.side.of(key)["definition"])) or ()))
    return f"CREATE UNIQUE INDEX CONCURRENTLY {quoted(key.name)} ON {qualified(key.schema, key.parent)} ({columns})"


def _attached(subject: Subject, key: Key) -> str:
    what = "PRIMARY KEY" if key.kind == "primary key" else "UNIQUE"
    sql = f"{alter(subject)} ADD CONSTRAINT {quoted(key.name)} {what} USING INDEX {quoted(key.name)}"
    return execute(sql)
