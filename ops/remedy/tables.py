"""Tables, partitions and foreign tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ops.catalog.values import Key
from ops.remedy import columns, constraints, options, words
from ops.remedy.side import Side, altering, sql_name
from ops.remedy.steps import Change, Phase, Step

_SECURITY = {
    None: (False, False),
    "enabled": (True, False),
    "forced": (True, True),
    "forced, but disabled": (False, True),
}


class Creation:
    """A new table with everything that is said in its CREATE TABLE, and what has to be said after that."""

    def __init__(self, key: Key, side: Side, *, postponed: frozenset[str]) -> None:
        """`postponed` are names that do not exist yet when the table is created: what speaks of them comes later."""
        self.key, self.side = key, side
        self.own = side.of(key)
        self.postponed = postponed
        self.done: set[Key] = set()
        every = side.children(key, "column")
        self.local = [one for one in every if not side.of(one).get("inherited")]
        self.inherited = [one for one in every if side.of(one).get("inherited")]
        if self.own.get("of type"):
            order = self._type_order()
            self.local.sort(key=lambda one: order.index(one.name) if one.name in order else len(order))

    def _type_order(self) -> list[str]:
        for key in self.side.catalog.texts:
            if key.kind == "composite type" and sql_name(key) == self.own["of type"]:
                found = (words.IDENTIFIER.match(one) for one in self.side.of(key).get("attributes") or ())
                return [words.bare(match.group()) for match in found if match]
        return []

    def _late(self, *texts: object) -> bool:
        return bool(words.names_in(*map(str, texts)) & self.postponed)

    def steps(self) -> list[Step]:
        """Return every step."""
        self.done.update(self.side.children(self.key, "column"))
        definitions, steps = [], []
        for one in self.local:
            late = self._late(self.side.of(one).get("default", ""))
            definition = columns.Definition(one, self.side, postponed=late, not_null=self._plain_not_null(one))
            definitions.append(definition)
            self.done.update(definition.made)
            if late:
                steps += columns.default(one, self.side, self.side.of(one)["default"])
            steps += columns.extras(one, {}, self.side)
        inline = [one for one in self.side.children(self.key, "primary key", "unique", "check") if self._inline(one)]
        self.done.update(inline)
        made = [sql_name(one) for definition in definitions for one in definition.made]
        indexes = [words.qualified(one.schema, one.name) for one in inline if one.kind != "check"]
        head = Step(
            phase=Phase.TABLE,
            sql=self._sql(definitions, inline),
            op=self._python(definitions, inline) or "",
            provides=(sql_name(self.key), *made, *indexes),
            needs=(f"server {self.own.get('server')}",),
        )
        for one in inline:
            steps += constraints.extras(one, {}, self.side)
        for one in self.inherited:
            self.done.update(self.side.sequences_of(one)[:1] if self.side.of(one).get("identity") else ())
            steps += self._taken_over(one)
        steps += self._not_nulls()
        steps += _settings(self.key, self._said(), self.side)
        return [head, *steps]

    def _said(self) -> dict[str, Any]:
        said = ("options", "toast options", "access method", "tablespace", "persistence", "server options")
        return {name: self.own[name] for name in said if name in self.own}

    def _plain_not_null(self, column: Key) -> bool:
        flag = column._replace(kind="not null")
        own = self.side.of(flag)
        if flag not in self.side or not own.get("validated", True):
            return False
        self.done.add(flag)
        return True

    def _not_nulls(self) -> list[Step]:
        steps = []
        for flag in self.side.children(self.key, "not null"):
            if flag not in self.done:
                self.done.add(flag)
                if not self.side.of(flag).get("inherited"):
                    steps += columns.not_null(flag, self.side)
        return steps

    def _inline(self, key: Key) -> bool:
        own = self.side.of(key)
        if self.own.get("partition of") or str(own["definition"]).endswith((" NOT VALID", " NOT ENFORCED")):
            return False
        return own.get("index") != "invalid" and not self._late(own["definition"])

    def _taken_over(self, key: Key) -> list[Step]:
        before = columns.inherited_part(key, self.side) | {"inherited": True}
        change = columns.change(key, before, self.side, self.side)
        return list(change.steps)

    def _sql(self, definitions: Iterable[columns.Definition], inline: Iterable[Key]) -> str:
        own = self.own
        lines = [definition.sql() for definition in definitions]
        lines += [constraints.inline(one, self.side.of(one)) for one in inline]
        body = "(\n    " + ",\n    ".join(lines) + "\n)" if lines else "()"
        partition = own.get("partition of")
        given = words.joined(
            (options.listed(own.get("options")), options.listed(own.get("toast options"), "toast.")), ", "
        )
        foreign = self.key.kind == "foreign table"
        return words.joined(
            (
                "CREATE",
                "UNLOGGED" if own["persistence"] == "unlogged" else "",
                f"{'FOREIGN ' if foreign else ''}TABLE {sql_name(self.key)}",
                f"PARTITION OF {partition} {own['bounds']}" if partition else body,
                f"INHERITS ({', '.join(own['inherits'])})" if own.get("inherits") else "",
                f"PARTITION BY {own['partition key']}" if own.get("partition key") else "",
                f"SERVER {words.identifier(own['server'])}" if foreign else "",
                options.foreign_clause(own.get("server options")),
                f"USING {words.identifier(own['access method'])}" if own.get("access method", "heap") != "heap" else "",
                f"WITH ({given})" if given else "",
                f"TABLESPACE {words.identifier(own['tablespace'])}" if own.get("tablespace") else "",
            )
        )

    def _python(self, definitions: Iterable[columns.Definition], inline: Iterable[Key]) -> str | None:
        own = self.own
        unusual = ("partition of", "inherits", "options", "toast options", "tablespace", "server", "of type")
        if any(own.get(name) for name in unusual) or own.get("access method", "heap") != "heap":
            return None
        if own["persistence"] == "unlogged" or "%" in own.get("partition key", "") or "." in self.key.name:
            return None
        primary = [one for one in inline if one.kind == "primary key"]
        named = constraints.columns_of("primary key", self.side.of(primary[0])["definition"]) if primary else ()
        parts = [one.python(in_primary_key=one.key.name in (named or ())) for one in definitions]
        parts += [constraints.python_inline(one, self.side.of(one)) for one in inline]
        if None in parts or (named is not None and len(named) > 1 and any(one.serial for one in definitions)):
            return None
        partition = words.python(own["partition key"]) if own.get("partition key") else None
        return words.call(
            "op.create_table",
            words.python(self.key.name),
            *(part for part in parts if part is not None),
            schema=words.python(self.key.schema),
            postgresql_partition_by=partition,
        )


def create(key: Key, side: Side, *, postponed: frozenset[str]) -> tuple[list[Step], set[Key]]:
    """Return what creates a table, and the keys of all that comes with it."""
    creation = Creation(key, side, postponed=postponed)
    return creation.steps(), creation.done


def drop(key: Key, side: Side, with_it: Iterable[Key]) -> Step:
    """Return what drops a table; `with_it` are the keys of what goes with it."""
    op = ""
    if key.kind == "table":
        op = words.call("op.drop_table", words.python(key.name), schema=words.python(key.schema))
    frees, uses = {sql_name(key)}, set(side.spoken(key))
    for one in with_it:
        uses |= side.spoken(one)
        if one.kind in ("index", "primary key", "unique", "exclusion", "table", "sequence"):
            frees.add(words.qualified(one.schema, one.name))
    if key.kind == "foreign table":
        return Step(
            phase=Phase.DROP_TABLE,
            sql=f"DROP FOREIGN TABLE {sql_name(key)}",
            frees=tuple(sorted(frees)),
            uses=frozenset(uses - frees),
        )
    return Step(
        phase=Phase.DROP_TABLE,
        sql=f"DROP TABLE {sql_name(key)}",
        op=op,
        frees=tuple(sorted(frees)),
        uses=frozenset(uses - frees),
        loses=f"the rows of {key}",
    )


def change(key: Key, first: Side, second: Side) -> Change:
    """Return what makes a table that is in both what it is in the second."""
    before, after = first.of(key), second.of(key)
    if before.get("partition key") != after.get("partition key"):
        return Change(
            why=f"No statement changes the partition key of {key}: make a new table, copy the rows and swap the names."
        )
    if before.get("server") != after.get("server"):
        return Change(anew=True)
    name, steps = altering(key), []
    old, new = (
        (before.get("partition of"), before.get("bounds")),
        (after.get("partition of"), after.get("bounds")),
    )
    if old != new:
        if old[0]:
            steps.append(Step(phase=Phase.DETACH, sql=f"ALTER TABLE {old[0]} DETACH PARTITION {sql_name(key)}"))
        if new[0]:
            sql = f"ALTER TABLE {new[0]} ATTACH PARTITION {sql_name(key)} {new[1]}"
            steps.append(Step(phase=Phase.ATTACH, sql=sql))
    heirs = _inheritance(name, before.get("inherits") or [], after.get("inherits") or [])
    why = ""
    if any(step.phase == Phase.ATTACH for step in heirs):
        only = [one.name for one in second.children(key, "column") if second.of(one).get("inherited")]
        if only:
            why = f"A table that begins to inherit keeps its columns as its own: {', '.join(only)} of {key}."
    steps += [*heirs, *_settings(key, before, second)]
    return Change(steps=tuple(steps), why=why, loses=_unlogged(key, before, after))


def _unlogged(key: Key, before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    if before["persistence"] != after["persistence"] == "unlogged":
        return f"the rows of {key} at the next crash, as the table is no longer logged"
    return ""


def _inheritance(name: str, before: list[str], after: list[str]) -> list[Step]:
    kept = [one for one in before if one in after]
    if after[: len(kept)] != kept:
        kept = []
    steps = [Step(phase=Phase.DETACH, sql=f"{name} NO INHERIT {one}") for one in before if one not in kept]
    return steps + [Step(phase=Phase.ATTACH, sql=f"{name} INHERIT {one}") for one in after if one not in kept]


def _settings(key: Key, before: Mapping[str, Any], side: Side) -> list[Step]:
    after, name = side.of(key), altering(key)
    actions = []
    if before.get("persistence", "permanent") != after.get("persistence", "permanent"):
        actions.append(f"SET {'UNLOGGED' if after['persistence'] == 'unlogged' else 'LOGGED'}")
    actions += options.settings(before.get("options"), after.get("options"))
    actions += options.settings(before.get("toast options"), after.get("toast options"), "toast.")
    if before.get("access method", "heap") != after.get("access method", "heap"):
        actions.append(f"SET ACCESS METHOD {words.identifier(after.get('access method', 'heap'))}")
    if before.get("tablespace") != after.get("tablespace"):
        actions.append(f"SET TABLESPACE {words.identifier(after.get('tablespace', 'pg_default'))}")
    if before.get("of type") != after.get("of type"):
        actions.append(f"OF {after['of type']}" if after.get("of type") else "NOT OF")
    actions.append(options.foreign(before.get("server options"), after.get("server options")))
    old, new = _SECURITY[before.get("row security")], _SECURITY[after.get("row security")]
    if old[0] != new[0]:
        actions.append(f"{'ENABLE' if new[0] else 'DISABLE'} ROW LEVEL SECURITY")
    if old[1] != new[1]:
        actions.append(f"{'' if new[1] else 'NO '}FORCE ROW LEVEL SECURITY")
    if key.kind == "table" and before.get("replica identity") != after.get("replica identity"):
        actions.append(f"REPLICA IDENTITY {_replica_identity(key, after)}")
    return [Step(phase=Phase.TABLE_SETTING, sql=f"{name} {action}") for action in actions if action]


def _replica_identity(key: Key, own: Mapping[str, Any]) -> str:
    value = own.get("replica identity")
    if value in (None, "full", "nothing"):
        return (value or "default").upper()
    index = value.removeprefix("index ").removeprefix(words.identifier(key.schema) + ".")
    return f"USING INDEX {index}"
