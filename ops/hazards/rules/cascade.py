"""CASCADE: what goes although nobody named it."""

from __future__ import annotations

from ops.catalog.names import paths
from ops.catalog.values import Key
from ops.hazards.fixes import tables as fixes
from ops.hazards.rule import DOCS, REACHES, Finding, Rule
from ops.hazards.rules.tables import referred
from ops.hazards.subject import Subject
from ops.hazards.values import Severity
from ops.remedy.constraints import stands_on
from ops.remedy.side import sql_name
from ops.remedy.words import qualified
from ops.statement import Mode


def _cascade(subject: Subject) -> Finding | None:
    command = subject.command
    if "CASCADE" not in command.options or command.verb not in _CASCADES:
        return None
    roots = _roots(subject)
    dependants = _dependants(subject, roots)
    own = {sql_name(one) for one in roots} | {subject.relation}
    measured = tuple(one for one in subject.statement.dropped if one not in own)
    if subject.statement.measured and not dependants and not measured:
        return None
    names = [f"{one.kind} {one}" for one in dependants] or list(measured)
    told = f"takes {', '.join(names[:8])} along" if names else "takes along whatever depends on it"
    touched = [qualified(one.schema, one.parent) for one in dependants if one.kind == "foreign key"]
    relation = touched[0] if touched else next(iter(sorted(subject.locks)), subject.relation)
    loses = any(one.kind in ("table", "column", "materialized view") for one in dependants)
    return Finding(
        relation=relation,
        harm=f"CASCADE {told}, which the text does not name" + (f" ({len(names)} objects)." if len(names) > 8 else "."),
        mode=Mode.ACCESS_EXCLUSIVE,
        least=Severity.MEDIUM if loses or not names else Severity.LOW,
        most=Severity.MEDIUM,
        work=subject.load(*touched) if touched else None,
        explains=REACHES,
        fix=_by_name(subject, dependants),
    )


_CASCADES = (
    "DROP TABLE", "DROP VIEW", "DROP MATERIALIZED VIEW", "DROP TYPE", "DROP DOMAIN", "DROP FUNCTION", "DROP SEQUENCE",
    "DROP SCHEMA", "DROP EXTENSION", "DROP CONSTRAINT", "DROP COLUMN",
)  # fmt: skip


def _roots(subject: Subject) -> list[Key]:
    """What a DROP names."""
    command, side = subject.command, subject.side
    if command.verb == "DROP CONSTRAINT":
        found = subject.constraint(command.constraint)
        return [found] if found else []
    if command.verb == "DROP COLUMN":
        return [Key("column", subject.key.schema, subject.key.name, command.column)]
    if command.verb == "DROP SCHEMA":
        return [Key("schema", "", "", name) for _, name in command.objects]
    kinds = ("table", "foreign table", "view", "materialized view", "sequence", "enum", "domain", "composite type")
    wanted = {(subject.scene.schema(schema, name), name) for schema, name in command.objects}
    return [key for key in side.catalog.texts if key.kind in kinds and (key.schema, key.name) in wanted]


def _dependants(subject: Subject, roots: list[Key]) -> list[Key]:
    """What goes with objects, the last to depend first: foreign keys of others, views, columns of a type."""
    found: list[Key] = []
    waiting = list(roots)
    while waiting:
        one = waiting.pop(0)
        for other in _right_behind(subject, one):
            inside = (other.schema, other.parent) in {(root.schema, root.name) for root in roots}
            there = subject.scene.is_there(subject.statement, other)
            if other not in found and other not in roots and there and not inside:
                found.append(other)
                waiting.append(other)
    views = [one for one in found if one.kind != "foreign key"]
    return [*(one for one in found if one.kind == "foreign key"), *reversed(views)]


def _right_behind(subject: Subject, one: Key) -> list[Key]:
    side = subject.side
    if one.kind == "schema":
        return sorted(key for key in side.catalog.texts if key.schema == one.name and not key.parent)
    if one.kind in ("primary key", "unique"):
        table = qualified(one.schema, one.parent)
        return [key for key in side.speakers(table) if key.kind == "foreign key" and _stands_on(subject, key, one)]
    if one.kind == "column":
        table = qualified(one.schema, one.parent)
        views = [key for key in side.speakers(table) if key.kind in ("view", "materialized view")]
        return [key for key in views if any(path[-1] == one.name for path in paths(_definition(subject, key)))]
    if one.kind in ("enum", "domain", "composite type"):
        name = sql_name(one)
        columns = [key for key in side.catalog.texts if key.kind == "column"]
        return [key for key in columns if side.of(key).get("type") in (name, f"{name}[]", one.name)]
    kinds = ("view", "materialized view", "foreign key")
    return [key for key in side.speakers(sql_name(one)) if key.kind in kinds]


def _stands_on(subject: Subject, foreign: Key, key: Key) -> bool:
    return referred(subject, foreign) == qualified(key.schema, key.parent) and stands_on(foreign, key, subject.side)


def _definition(subject: Subject, key: Key) -> str:
    return str(subject.side.of(key).get("definition", ""))


_SIMPLE = (
    "DROP TABLE", "DROP VIEW", "DROP MATERIALIZED VIEW", "DROP CONSTRAINT", "DROP COLUMN", "DROP TYPE", "DROP DOMAIN",
)  # fmt: skip


def _by_name(subject: Subject, dependants: list[Key]) -> str:
    """All by name, where nothing goes but foreign keys, views, and the columns of a type."""
    kinds = {one.kind for one in dependants}
    if not dependants or not kinds <= {"foreign key", "view", "materialized view", "column"}:
        return ""
    if subject.command.verb not in _SIMPLE:
        return ""
    return fixes.by_name(dependants, fixes.without_cascade(subject.statement.sql))


CASCADE = Rule(
    code="cascade",
    harm="CASCADE drops whatever depends on an object, also what nobody thought of.",
    advice="List what depends on it, and drop that by name, in an order that works without CASCADE.",
    source=f"{DOCS}ddl-depend.html#DDL-DEPEND",
    spot=_cascade,
    rows=(46,),
)

RULES = (CASCADE,)
