"""Will values fit into a new type, or become what they are converted to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from ops import commands
from ops.catalog.names import literal, quoted
from ops.commands import Command
from ops.commands.expressions import cast
from ops.probes import constraints, rechecks
from ops.probes.known import Name, type_name
from ops.probes.place import Place
from ops.probes.state import Table
from ops.probes.values import Doubt, Question

_TEXTS = re.compile(r"(?:text|character varying|character|bpchar|name|\"char\")(?:\(\d+\))?\Z")
_INTEGERS = {"smallint": 15, "integer": 31, "bigint": 63}
_NUMERIC = re.compile(r"numeric\((?P<precision>\d+)(?:,\s?(?P<scale>-?\d+))?\)\Z")
_LENGTH = re.compile(r"(?P<kind>character varying|character|bpchar)\((?P<length>\d+)\)\Z")
_BITS = re.compile(r"(?P<kind>bit varying|bit)\((?P<length>\d+)\)\Z")
_FLOATS = ("real", "double precision")

# From each of these every value fits into those behind it.
_WIDER = {
    "smallint": ("integer", "bigint", "numeric", "real", "double precision"),
    "integer": ("bigint", "numeric", "real", "double precision", "oid"),
    "bigint": ("numeric", "real", "double precision"),
    "real": ("double precision", "numeric"),
    "double precision": ("numeric",),
    "boolean": ("integer",),
    "cidr": ("inet",),
}
# Everything becomes text.
_ANYTHING = ("text", "character varying", "bpchar")
_PRECISION = re.compile(r"(?:timestamp|time|interval)\b")


def alter_type(place: Place, command: Command) -> Iterator[Question]:
    """Whether the values of a column fit into its new type, and what must be unique stays so."""
    for table in place.table(command, f"Do all values of {command.column} become {command.type}?"):
        if isinstance(table, Question):
            yield table
            continue
        column = table.columns.get(command.column)
        words = f"Do values of {table.sql}.{quoted(command.column)} not become {command.type}?"
        if column is None:
            yield place.ask(words, doubt=Doubt.of(f"{command.column} is not in the live catalog"))
            continue
        fits = _keeps(command) and _always_fits(column.type, command.type)
        if not fits:
            yield _question(place, command, table, column.type, words)
        if not fits or _rounds(column.type, command.type):
            yield from _still_unique(place, command, table)
            yield from rechecks.constraints(place, command, table)


def _keeps(command: Command) -> bool:
    """Whether the conversion is of the column itself: no USING, or one that only casts."""
    found = cast(command.using) if command.using else None
    return (
        not command.using
        or command.using == quoted(command.column)
        or bool(found and found.column == command.column and found.type == command.type)
    )


def _always_fits(old: str, new: str) -> bool:
    """Whether every value of the old type is one of the new type."""
    plain_old, plain_new = old.partition("(")[0], new.partition("(")[0]
    length_old, length_new = _LENGTH.match(old), _LENGTH.match(new)
    if length_new:
        return bool(length_old and int(length_old["length"]) <= int(length_new["length"]))
    numeric_old, numeric_new = _NUMERIC.match(old), _NUMERIC.match(new)
    if numeric_new:
        if not numeric_old:
            return False
        scale_old, scale_new = int(numeric_old["scale"] or 0), int(numeric_new["scale"] or 0)
        before_old, before_new = int(numeric_old["precision"]) - scale_old, int(numeric_new["precision"]) - scale_new
        # a digit that is rounded up may need one place more
        return before_new >= before_old + (1 if scale_new < scale_old else 0)
    if _BITS.match(new):
        return False
    if new in _ANYTHING:
        return True
    if _PRECISION.match(old) and _zone(old) == _zone(new):
        return True
    return plain_old == plain_new or new in _WIDER.get(plain_old, ())


def _rounds(old: str, new: str) -> bool:
    """Whether values that all fit may become others, and different ones the same."""
    if new in _FLOATS:
        return (old, new) != ("real", "double precision") and old != new
    before, after = _NUMERIC.match(old), _NUMERIC.match(new)
    if after and before:
        return int(after["scale"] or 0) < int(before["scale"] or 0)
    return bool(_PRECISION.match(new) and "(" in new and old != new)


def _zone(written: str) -> str:
    """A type of time without its precision."""
    return re.sub(r"\(\d+\)", "", written)


def _question(place: Place, command: Command, table: Table, old: str, words: str) -> Question:
    """How it can best be found out whether a conversion succeeds: counted where that is possible, tried elsewhere."""
    own = quoted(command.column)
    whole = command.using or own
    conversion = cast(whole)
    explicit = conversion is not None and conversion.type == command.type
    if explicit:
        value = conversion.inner
        nested = cast(value)
        known = old if conversion.column == command.column else nested.type if nested else ""
    else:
        value, known = whole, old if whole == own else ""  # whatever the expression gives is then assigned
    where = _unfit(place, value, known, command.type, explicit=explicit)
    if where:
        columns, doubt = place.mentioned(table, value)
        found = place.counting(words, table, columns, where, doubt=doubt)
        return replace(found, evaluates=bool(found.sql))
    if not explicit and _cut_by_a_cast(place, command.type):
        return place.ask(words, doubt=Doubt.of("no query is known that does not cut what is too long"))
    return place.trying(words, table, f"CAST(({whole}) AS {command.type})")


def _cut_by_a_cast(place: Place, written: str) -> bool:
    """Whether a cast that is written cuts to a type's length, where an assignment would refuse."""
    base = written
    while domain := constraints.domain(place, base):
        base = str(domain["type"])
    return bool(re.search(r"(?:character|character varying|bpchar|bit|bit varying)\(\d+\)", base))


def _unfit(place: Place, value: str, old: str, new: str, *, explicit: bool) -> str:
    """The condition for a value that cannot be converted; empty where none can be written, and one has to try."""
    name = enum_name(place, new)
    labels = place.state.labels(name) if name else None
    if labels is not None:
        among = ", ".join(map(literal, labels))
        return f"({value})::text NOT IN ({among})" if labels else f"({value}) IS NOT NULL"
    # A cast that is written cuts silently what is too long; one that is not refuses, unless only spaces are cut.
    length, bits = _LENGTH.match(new), _BITS.match(new)
    if length and not explicit:
        return f"btrim(substr(({value})::text, {int(length['length']) + 1}), ' ') <> ''"
    array = _LENGTH.match(new.removesuffix("[]")) if new.endswith("[]") else None
    if array and not explicit:
        too_long = f"btrim(substr(one::text, {int(array['length']) + 1}), ' ') <> ''"
        return f"EXISTS (SELECT FROM unnest({value}) AS one WHERE {too_long})"
    if bits and not explicit and old.startswith("bit"):
        return f"length({value}) {'<>' if bits['kind'] == 'bit' else '>'} {bits['length']}"
    if old in (*_INTEGERS, *_FLOATS) or old.partition("(")[0] == "numeric":
        return _out_of_range(value, old, new)
    cut = explicit and _cut_by_a_cast(place, new)
    if _TEXTS.match(old) and not cut and not bits and place.version >= 160000:
        return f"NOT pg_input_is_valid(({value})::text, {literal(new)})"
    return ""


def _out_of_range(value: str, old: str, new: str) -> str:
    """The condition for a number that a type of numbers cannot hold."""
    numeric = _NUMERIC.match(new)
    odd = () if old in _INTEGERS else ("NaN", "Infinity", "-Infinity")
    number = f"({value})::numeric"
    if new in _INTEGERS:
        power = 2 ** _INTEGERS[new]
        refused = f"{number} IN ({', '.join(map(literal, odd))}) OR " if odd else ""
        # both round, but at a half to the even number from floats
        rounded = f"round({number})" if old not in _FLOATS else f"(round(({value})::double precision))::numeric"
        return f"({refused}{rounded} NOT BETWEEN {-power} AND {power - 1})"
    if numeric:
        scale = int(numeric["scale"] or 0)
        most = f"10::numeric ^ {int(numeric['precision']) - scale}"
        infinite = f"{number} IN ('Infinity', '-Infinity') OR " if odd else ""
        finite = f"{number} <> 'NaN' AND " if odd else ""
        return f"({infinite}({finite}abs(round({number}, {scale})) >= {most}))"
    return ""


def enum_name(place: Place, written: str) -> Name | None:
    """Return schema and name of an enum; None where a type is none."""
    schema, name = type_name(written)
    for one in (schema,) if schema else place.state.path:
        if place.state.labels((one, name)) is not None:
            return one, name
    return None


def _still_unique(place: Place, command: Command, table: Table) -> Iterator[Question]:
    """Whether different values become the same in what must be unique."""
    if table.live is None:
        return
    value = f"CAST(({command.using or quoted(command.column)}) AS {command.type})"
    keys = [*place.known.constraints(table.live, "primary key", "unique"), *place.known.indexes(table.live)]
    for one in keys:
        is_index = one.verb == "CREATE INDEX"
        gone = one.constraint in table.constraints and table.constraints[one.constraint] is None
        if (is_index and "UNIQUE" not in one.options) or (gone and not is_index) or command.column not in one.columns:
            continue
        if one.where or len(one.columns) != len(one.elements) or not set(one.columns) <= table.columns.keys():
            continue
        elements = [value if name == command.column else quoted(name) for name in one.columns]
        words = f"Do rows of {table.sql} share the same {', '.join(one.columns)} once they are {command.type}?"
        yield place.shared(words, table, elements, nulls_equal="NULLS NOT DISTINCT" in one.options)


def alter_domain(place: Place, command: Command) -> Iterator[Question]:
    """Whether values of a domain break what it demands from now on."""
    schemas = (command.schema,) if command.schema else place.state.path
    name = next(((one, command.name) for one in schemas if place.known.get("domain", one, "", command.name)), ("", ""))
    domain = place.known.get("domain", name[0], "", name[1])
    if domain is None:
        return
    condition = ""
    if command.value == "SET NOT NULL" and not domain.get("not null"):
        condition = "value IS NULL"
    elif command.value == "ADD CHECK" and "NOT VALID" not in command.options:
        condition = f"({command.expression}) IS FALSE"
    elif command.value == "VALIDATE CONSTRAINT":
        held = domain.get("constraints") or {}
        text = str(held.get(command.constraint, ""))  # type: ignore[attr-defined]
        found = commands.parse(f"ALTER TABLE x ADD {text}") if text else ()
        condition = f"({found[0].expression}) IS FALSE" if found and found[0].expression else ""
    if not condition:
        return
    written = ".".join(map(quoted, name))
    held_by = [one for type_ in place.known.domains_over(written) for one in place.known.columns_of_type(type_)]
    for owner, column in held_by:
        table = place.state.by_live(owner)
        if table is None or table.empty or column not in table.columns or owner in place.known.parents:
            continue
        words = f"Do values of {table.sql}.{quoted(column)} break what the domain {written} demands?"
        yield place.of_domain(words, table, column, condition)


def label(place: Place, command: Command) -> Iterator[Question]:
    """Whether an enum has a label that is to be new, or lacks one that is to be renamed."""
    written = ".".join(map(quoted, (command.schema, command.name) if command.schema else (command.name,)))
    name = enum_name(place, written)
    labels = place.state.labels(name) if name else None
    if labels is None or (command.verb == "ADD VALUE" and "IF NOT EXISTS" in command.options):
        return
    new = command.value if command.verb == "ADD VALUE" else command.new_name
    yield place.ask(f"Has the type {written} the label {new} already?", known=int(new in labels))
    if command.verb == "RENAME VALUE":
        yield place.ask(
            f"Does the type {written} lack the label {command.value}?", known=int(command.value not in labels)
        )
