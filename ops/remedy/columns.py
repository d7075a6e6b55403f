"""Columns, their defaults, identities and expressions, and whether they may be null."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ops.catalog.values import Key
from ops.remedy import options, sequences, words
from ops.remedy.alembic_types import conversion, is_integer, needs_using, same_base, serial, sqlalchemy_type
from ops.remedy.side import Side, altering, sql_name
from ops.remedy.steps import Change, Phase, Step

_STORAGE = {"p": "PLAIN", "e": "EXTERNAL", "m": "MAIN", "x": "EXTENDED"}
_MAIN = ("numeric", "inet", "cidr")
# What a partition's or a child's column takes over from its parent's.
_TAKEN_OVER = ("type", "collation", "default", "identity", "generated", "compression", "storage")


class Definition:
    """How a new column is written, in SQL and in Python, and what is left to say after that."""

    def __init__(self, key: Key, side: Side, *, postponed: bool, not_null: bool) -> None:
        """`postponed`: the default is set later, as it needs what does not exist yet."""
        self.flag = side.of(key._replace(kind="not null")) if not_null else {}
        self.key, self.side = key, side
        self.own = side.of(key)
        self.not_null = not_null
        self.owned = side.sequences_of(key)
        self.default = None if postponed else self.own.get("default")
        self.serial = self._serial()

    def _serial(self) -> bool:
        """Whether the pseudo-type `serial` makes exactly this."""
        if not self.owned or not serial(self.own["type"]) or not self.not_null or self.default is None:
            return False
        one = self.owned[0]
        usual = f"{self.key.parent}_{self.key.name}_seq"
        return (
            len(self.owned) == 1
            and (one.schema, one.name) == (self.key.schema, usual)
            and len(usual.encode()) <= 63
            and self.default == sequences.next_value(one)
            and not sequences.parameters(one, self.side, self.own["type"])
        )

    @property
    def made(self) -> list[Key]:
        """The sequences that come with the column."""
        return self.owned[:1] if self.serial or self.own.get("identity") else []

    def sql(self) -> str:
        """Return the column as CREATE TABLE and ADD COLUMN want it."""
        own = self.own
        kind, expression = generated(own)
        return words.joined(
            (
                words.identifier(self.key.name),
                serial(own["type"]) or "" if self.serial else own["type"],
                f"COLLATE {own['collation']}" if "collation" in own else "",
                f"GENERATED ALWAYS AS ({expression}) {kind}" if expression is not None else "",
                f"DEFAULT {self.default}" if self.default is not None and not self.serial else "",
                identity_clause(self.key, self.side) if "identity" in own else "",
                f"CONSTRAINT {words.identifier(self.flag['name'])}" if "name" in self.flag else "",
                "NOT NULL" if self.not_null else "",
                "NO INHERIT" if self.flag.get("no inherit") else "",
            )
        )

    def python(self, *, in_primary_key: bool = False) -> str | None:
        """Return the `sa.Column`, or None where SQLAlchemy has no word for something in it."""
        own = self.own
        type_ = sqlalchemy_type(own["type"], self.side)
        if type_ is None or "collation" in own or "%" in own["type"] or not (is_plain(self.flag) or not self.flag):
            return None
        more: dict[str, str | None] = {}
        arguments = [words.python(self.key.name), type_]
        if self.serial:
            if not in_primary_key:
                return None
            more["autoincrement"] = "True"
        elif in_primary_key and is_integer(own["type"]) and "identity" not in own:
            more["autoincrement"] = "False"
        if "identity" in own:
            if not self.owned or sequences.named_unusually(self.owned[0], self.key) or len(self.owned) > 1:
                return None
            arguments.append(sequences.python_identity(self.owned[0], self.side, own))
        kind, expression = generated(own)
        if expression is not None:
            arguments.append(f"sa.Computed({words.python(words.text(expression))}, persisted={kind == 'STORED'})")
        if self.default is not None and not self.serial:
            more["server_default"] = words.as_text(self.default)
        return words.call("sa.Column", *arguments, **more, nullable=str(not self.not_null))


def generated(own: Mapping[str, Any]) -> tuple[str, str | None]:
    """Return STORED or VIRTUAL, and the expression."""
    kind, _, expression = str(own.get("generated", "")).partition(" ")
    return kind.upper(), expression or None


def identity_clause(key: Key, side: Side) -> str:
    """Return GENERATED … AS IDENTITY, with all that is unusual of its sequence."""
    own = side.of(key)
    clause = f"GENERATED {own['identity'].upper()} AS IDENTITY"
    owned = side.sequences_of(key)
    if not owned:
        return clause
    more = sequences.parameters(owned[0], side, own["type"])
    if sequences.named_unusually(owned[0], key):
        more.insert(0, f"SEQUENCE NAME {sql_name(owned[0])}")
    return f"{clause} ({' '.join(more)})" if more else clause


def add(key: Key, side: Side, *, postponed: bool, not_null: bool) -> tuple[list[Step], list[Key]]:
    """Return what adds one column to a table that exists, and the sequences that this makes."""
    definition = Definition(key, side, postponed=postponed, not_null=not_null)
    relation = side.relation(key)
    column = definition.python()
    op = ""
    if column is not None and relation.kind == "table":
        op = words.call("op.add_column", words.python(key.parent), column, schema=words.python(key.schema))
    sql = f"{altering(relation)} ADD COLUMN {definition.sql()}"
    provides = (sql_name(key), *map(sql_name, definition.made))
    phase = Phase.GENERATED if "generated" in side.of(key) else Phase.COLUMN
    steps = [Step(phase=phase, sql=sql, op=op, provides=provides)]
    if postponed:
        steps += default(key, side, side.of(key)["default"])
    return [*steps, *extras(key, {}, side)], definition.made


def drop(key: Key, side: Side) -> Step:
    """Return what drops a column."""
    relation = side.relation(key)
    op = ""
    if relation.kind == "table":
        op = words.call("op.drop_column", *map(words.python, (key.parent, key.name)), schema=words.python(key.schema))
    return Step(
        phase=Phase.DROP_COLUMN,
        sql=f"{altering(relation)} DROP COLUMN {words.identifier(key.name)}",
        op=op,
        frees=(sql_name(key), *map(sql_name, side.sequences_of(key))),
        uses=side.spoken(key),
        loses="" if generated(side.of(key))[1] else f"the values of {key}",
    )


def default(key: Key, side: Side, value: str | None, phase: Phase = Phase.DEFAULT) -> list[Step]:
    """Return what sets a column's default, or takes it away."""
    what = "DROP DEFAULT" if value is None else f"SET DEFAULT {value}"
    given = "None" if value is None else words.as_text(value)
    return [_alter(key, side, what, phase, _op(key, side, server_default=given))]


def part(key: Key, side: Side) -> list[Step]:
    """Return what is said of a new view's or composite type's column."""
    return list(_of_part(key, {}, side).steps)


def _of_part(key: Key, before: Mapping[str, Any], side: Side) -> Change:
    """Return what changes a column that is listed only as it has something of its own."""
    steps = []
    if before.get("default") != (value := side.of(key).get("default")):
        steps = default(key, side, value, Phase.TABLE_SETTING)
    return Change(steps=(*steps, *extras(key, before, side)))


def not_null(key: Key, side: Side) -> list[Step]:
    """Return what forbids nulls in a column; `key` is that of the NOT NULL."""
    own = side.of(key)
    column = key._replace(kind="column")
    if is_plain(own):
        steps = [_alter(column, side, "SET NOT NULL", Phase.NOT_NULL, _op(column, side, nullable="False"))]
    else:
        more = words.joined(
            (
                f"CONSTRAINT {words.identifier(own['name'])}" if "name" in own else "",
                f"NOT NULL {words.identifier(key.name)}",
                "NO INHERIT" if own.get("no inherit") else "",
                "" if own.get("validated", True) else "NOT VALID",
            )
        )
        steps = [Step(phase=Phase.NOT_NULL, sql=f"{altering(side.relation(key))} ADD {more}")]
    return steps


def is_plain(own: Mapping[str, Any]) -> bool:
    """Return whether a NOT NULL is nothing but that."""
    return bool(own.get("validated", True)) and not own.get("no inherit") and "name" not in own


def nullable(key: Key, side: Side) -> Step:
    """Return what allows nulls in a column; `key` is that of the NOT NULL."""
    column = key._replace(kind="column")
    return _alter(column, side, "DROP NOT NULL", Phase.NULLABLE, _op(column, side, nullable="True"))


def change_not_null(key: Key, first: Side, second: Side) -> Change:
    """Return what makes a NOT NULL that is in both what it is in the second."""
    before, after = _own(first.of(key)), _own(second.of(key))
    if before.pop("inherited", None) != after.pop("inherited", None) and before == after:
        return _inherited(key, first, second)
    if before | {"validated": True} == after:
        if "name" in after:
            sql = f"{altering(second.relation(key))} VALIDATE CONSTRAINT {words.identifier(after['name'])}"
            return Change(steps=(Step(phase=Phase.NOT_NULL, sql=sql),))
        return Change(steps=tuple(not_null(key, second)))
    if "name" in before and before | {"name": after.get("name")} == {"name": None} | after:
        usual = f"{key.parent}_{key.name}_not_null"
        to = after.get("name") or usual
        if len(to.encode()) <= 63:
            sql = f"{altering(second.relation(key))} RENAME CONSTRAINT {words.identifier(before['name'])}"
            return Change(steps=(Step(phase=Phase.RENAME, sql=f"{sql} TO {words.identifier(to)}"),))
    return Change(steps=(nullable(key, first), *not_null(key, second)))


def _own(own: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in own.items() if name not in ("comment", "owner", "grants")}


def inherited_part(key: Key, side: Side) -> dict[str, Any]:
    """Return what a partition's or a child's new column has before anything is said about it."""
    above = side.parent_column(key)
    own = side.of(above) if above else {}
    taken = {name: own[name] for name in _TAKEN_OVER if name in own}
    if "identity" in taken and side.of(side.relation(key)).get("partition of") is None:
        del taken["identity"]
    return taken


def extras(key: Key, before: Mapping[str, Any], side: Side) -> list[Step]:
    """Return what sets compression, storage, statistics and options of a column."""
    after = side.of(key)
    steps = []
    if before.get("compression") != after.get("compression"):
        steps.append(_alter(key, side, f"SET COMPRESSION {after.get('compression', 'default')}"))
    if before.get("storage") != after.get("storage"):
        steps.append(_alter(key, side, f"SET STORAGE {_storage(after, side)}"))
    if before.get("statistics") != after.get("statistics"):
        steps.append(_alter(key, side, f"SET STATISTICS {after.get('statistics', -1)}"))
    for what in options.settings(before.get("options"), after.get("options")):
        steps.append(_alter(key, side, what))
    if foreign := options.foreign(before.get("server options"), after.get("server options")):
        steps.append(_alter(key, side, foreign))
    return steps


def change(key: Key, before: Mapping[str, Any], first: Side, second: Side) -> Change:
    """Return what makes a column that is in both what it is in the second; `before` is what it is."""
    after = second.of(key)
    if "type" not in after:
        return _of_part(key, before, second)
    if before.get("inherited") != after.get("inherited") and _same(before, after, "inherited"):
        return _inherited(key, first, second)
    old_kind, old_expression = generated(before)
    kind, expression = generated(after)
    if (old_expression, old_kind) != (expression, kind):
        anew = expression is not None and old_kind != kind
        anew = anew or (expression is None and old_kind == "VIRTUAL")
        anew = anew or (old_kind == kind != "" and first.major < 17)
        if anew:
            loses = "" if old_expression else f"the values of {key}, as they are computed from then on"
            return Change(anew=True, loses=loses or (f"the values of {key}" if expression is None else ""))
    steps: list[Step] = []
    steps += _identity_gone(key, before, first, second)
    retyped = (before["type"], before.get("collation")) != (after["type"], after.get("collation"))
    if retyped:
        steps += _retyped(key, before, second)
    if old_expression is not None and expression is None:
        steps.append(_alter(key, second, "DROP EXPRESSION", Phase.RELEASE))
    elif old_expression != expression:
        steps.append(_alter(key, second, f"SET EXPRESSION AS ({expression})", Phase.DEFAULT))
    steps += _default_changed(key, before, first, second, retyped=retyped)
    steps += _identity_come(key, before, second)
    steps += extras(key, before, second)
    return Change(steps=tuple(steps))


def _retyped(key: Key, before: Mapping[str, Any], second: Side) -> list[Step]:
    after = second.of(key)
    old, new = before["type"], after["type"]
    collation = f" COLLATE {after['collation']}" if "collation" in after else ""
    using = conversion(words.identifier(key.name), old, new) if needs_using(old, new) else ""
    type_ = sqlalchemy_type(new, second)
    op = ""
    if type_ is not None and not collation and "%" not in using:
        op = _op(key, second, type_=type_, postgresql_using=words.python(using) if using else None)
    note = ""
    if using:
        note = f"No cast leads from {old} to {new} by itself: {key} is converted with USING {using}, which can fail."
    steps = []
    if before.get("default") is not None and not same_base(old, new):
        steps += default(key, second, None, Phase.RELEASE)
    what = f"TYPE {new}{collation}" + (f" USING {using}" if using else "")
    return [*steps, _alter(key, second, what, Phase.COLUMN_TYPE, op, note=note)]


def _default_changed(key: Key, before: Mapping[str, Any], first: Side, second: Side, *, retyped: bool) -> list[Step]:
    old, new = before.get("default"), second.of(key).get("default")
    again = retyped and new is not None
    if old == new and not again:
        return []
    steps = []
    fresh = [one for one in second.sequences_of(key) if one not in first and "identity" not in second.of(key)]
    for one in fresh:
        steps += sequences.create(one, second)
        steps += sequences.owned_by(one, second)
        steps += sequences.position(one, key, second)
    if new is None and not retyped:
        steps += default(key, second, None, Phase.RELEASE)
    elif new is not None:
        steps += default(key, second, new)
    if "identity" not in before:
        steps += [sequences.drop(one, first) for one in first.sequences_of(key) if _made_way(one, key, second)]
    return steps


def _made_way(sequence: Key, column: Key, second: Side) -> bool:
    """Whether a default's sequence goes with it: it is no more, or an identity takes its name."""
    return sequence not in second or ("identity" in second.of(column) and sequence in second.sequences_of(column)[:1])


def _identity_gone(key: Key, before: Mapping[str, Any], first: Side, second: Side) -> list[Step]:
    if "identity" not in before or "identity" in second.of(key):
        return []
    sequence = first.sequences_of(key)[:1]
    step = _alter(key, second, "DROP IDENTITY", Phase.RELEASE, frees=tuple(map(sql_name, sequence)))
    again = [one for one in sequence if one in second]
    more = []
    for one in again:
        more += sequences.create(one, second)
        more += sequences.owned_by(one, second)
        more += sequences.position(one, key, second)
    return [step, *more]


def _identity_come(key: Key, before: Mapping[str, Any], second: Side) -> list[Step]:
    after = second.of(key)
    if "identity" not in after or before.get("identity") == after["identity"]:
        return []
    if "identity" in before:
        return [_alter(key, second, f"SET GENERATED {after['identity'].upper()}", Phase.IDENTITY)]
    owned = second.sequences_of(key)[:1]
    step = _alter(
        key,
        second,
        f"ADD {identity_clause(key, second)}",
        Phase.IDENTITY,
        provides=tuple(map(sql_name, owned)),
    )
    return [step, *(one for sequence in owned for one in sequences.position(sequence, key, second))]


def _inherited(key: Key, first: Side, second: Side) -> Change:
    """Attaching and detaching tables changes it; nothing else does."""
    column = key._replace(kind="column")
    if first.parents(first.relation(column)) != second.parents(second.relation(column)):
        return Change()
    if second.parent_column(column) is None or first.parent_column(column) is None:
        return Change()
    return Change(why=f"Whether {key} is a table's own or only inherited cannot be altered: make the table anew.")


def _same(before: Mapping[str, Any], after: Mapping[str, Any], but: str) -> bool:
    return {k: v for k, v in before.items() if k != but} == {k: v for k, v in after.items() if k != but}


def _storage(own: Mapping[str, Any], side: Side) -> str:
    if "storage" in own:
        return _STORAGE.get(own["storage"], str(own["storage"]).upper())
    if side.major >= 16:
        return "DEFAULT"
    return "MAIN" if str(own["type"]).startswith(_MAIN) else "EXTENDED"


def _alter(
    key: Key,
    side: Side,
    what: str,
    phase: Phase = Phase.TABLE_SETTING,
    op: str = "",
    *,
    note: str = "",
    provides: tuple[str, ...] = (),
    frees: tuple[str, ...] = (),
) -> Step:
    sql = f"{altering(side.relation(key))} ALTER COLUMN {words.identifier(key.name)} {what}"
    return Step(phase=phase, sql=sql, op=op, note=note, provides=provides, frees=frees)


def _op(key: Key, side: Side, **keywords: str | None) -> str:
    if side.relation(key).kind != "table":
        return ""
    names = map(words.python, (key.parent, key.name))
    return words.call("op.alter_column", *names, **keywords, schema=words.python(key.schema))
