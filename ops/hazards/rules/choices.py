"""Types that cost nothing to choose, and much to change later."""

from __future__ import annotations

from collections.abc import Iterator

from ops.hazards.rule import DOCS, Finding, Rule
from ops.hazards.subject import Subject
from ops.hazards.values import Severity

_LAST = {
    **dict.fromkeys(("integer", "serial"), 2_147_483_647),
    **dict.fromkeys(("smallint", "smallserial"), 32_767),
}
_CREATES = ("CREATE TABLE", "CREATE PARTITION")


def _chosen(subject: Subject) -> Iterator[tuple[str, str, bool]]:
    """The columns that get a type, each with the type, and whether it counts by itself."""
    command = subject.command
    if command.verb in _CREATES and "TEMPORARY" not in command.options:
        for name, type_ in zip(command.columns, command.types, strict=True):
            yield name, type_, name in command.numbered
    elif command.verb == "ADD COLUMN":
        yield command.column, command.type, bool(command.options & {"SERIAL", "IDENTITY"})
    elif command.verb == "ALTER COLUMN TYPE":
        yield command.column, command.type, False


def _narrow_key(subject: Subject) -> Finding | None:
    narrow = [(name, _LAST[type_]) for name, type_, counts in _chosen(subject) if counts and type_ in _LAST]
    if not narrow:
        return None
    name, last = narrow[0]
    rows = subject.scene.live.of(subject.origin)
    near = rows is not None and (rows.rows or 0) * 2 > last
    return Finding(
        relation=subject.relation,
        harm=f"{name} of {subject.relation} counts to {last:,}: every INSERT fails behind that.",
        severity=Severity.HIGH if near else Severity.LOW if subject.command.verb == "ADD COLUMN" else Severity.INFO,
    )


NARROW_KEY = Rule(
    code="narrow-key",
    harm="A key that counts in an integer ends at 2,147,483,647, which no INSERT gets past; to widen it then writes "
    "the table and its index anew.",
    advice="Make it a bigint from the start: beside a row's header the four bytes more hardly count.",
    source=f"{DOCS}datatype-numeric.html#DATATYPE-INT",
    spot=_narrow_key,
    rows=(112,),
)


def _json_column(subject: Subject) -> Finding | None:
    names = [name for name, type_, _ in _chosen(subject) if type_ == "json"]
    if not names:
        return None
    what = "has" if len(names) == 1 else "have"
    return Finding(
        relation=subject.relation,
        harm=f"{', '.join(names)} of {subject.relation} {what} no equality: SELECT DISTINCT, GROUP BY and UNION over "
        "it are refused, and no ordinary index can be built on it.",
        severity=Severity.INFO,
    )


JSON_COLUMN = Rule(
    code="json-column",
    harm="json keeps its text as it was written, and has no equality operator: DISTINCT, GROUP BY and UNION fail.",
    advice="Choose jsonb, in models sqlalchemy.dialects.postgresql.JSONB; json only where every space has to be kept.",
    source=f"{DOCS}datatype-json.html#DATATYPE-JSON",
    spot=_json_column,
    rows=(112,),
)

RULES = (NARROW_KEY, JSON_COLUMN)
