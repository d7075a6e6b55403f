"""Primary keys, unique, foreign, check and exclusion constraints."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ops.catalog.names import literal
from ops.catalog.values import Key
from ops.remedy import options, words
from ops.remedy.side import Side, altering
from ops.remedy.steps import Change, Phase, Step

_ACTIONS = ("CASCADE", "SET NULL", "SET DEFAULT", "RESTRICT", "NO ACTION")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """A definition whose every word is understood."""

    columns: tuple[str, ...]
    keywords: Mapping[str, str]
    referred: tuple[str, str] = ("", "")
    referred_columns: tuple[str, ...] = ()


def _state(rest: str, found: dict[str, str]) -> str:
    """Take what is said of deferrability from the end of a definition; return the rest."""
    for words_, key, value in (
        (" INITIALLY DEFERRED", "initially", '"DEFERRED"'),
        (" DEFERRABLE", "deferrable", "True"),
    ):
        if rest.endswith(words_):
            rest = rest.removesuffix(words_)
            found[key] = value
    return rest


def parsed_key(definition: str) -> Parsed | None:
    """Return the columns and keywords of a PRIMARY KEY or UNIQUE; None where something in it is unusual."""
    found: dict[str, str] = {}
    rest = _state(definition, found)
    for prefix in ("PRIMARY KEY ", "UNIQUE NULLS NOT DISTINCT ", "UNIQUE "):
        if rest.startswith(prefix):
            if "NULLS" in prefix:
                found["postgresql_nulls_not_distinct"] = "True"
            split = words.inside(rest[len(prefix) :])
            break
    else:
        return None
    if split is None:
        return None
    columns = words.names_list(split[0])
    rest = split[1]
    if rest.startswith("INCLUDE ") and (more := words.inside(rest[len("INCLUDE ") :])) is not None:
        included = words.names_list(more[0])
        if included is None:
            return None
        found["postgresql_include"] = words.python(included)
        rest = more[1]
    return Parsed(columns=columns, keywords=found) if columns and not rest else None


def parsed_foreign_key(definition: str) -> Parsed | None:
    """Return the parts of a FOREIGN KEY; None where something in it is unusual."""
    found: dict[str, str] = {}
    rest = definition
    if rest.endswith(" NOT VALID"):
        rest = rest.removesuffix(" NOT VALID")
        found["postgresql_not_valid"] = "True"
    rest = _state(rest, found)
    for word, key in ((" ON DELETE ", "ondelete"), (" ON UPDATE ", "onupdate")):
        for action in _ACTIONS:
            if rest.endswith(word + action):
                rest = rest.removesuffix(word + action)
                found[key] = words.python(action)
                break
    if rest.endswith(" MATCH FULL"):
        rest = rest.removesuffix(" MATCH FULL")
        found["match"] = '"FULL"'
    head = words.inside(rest.removeprefix("FOREIGN KEY ")) if rest.startswith("FOREIGN KEY ") else None
    if head is None or not head[1].startswith("REFERENCES "):
        return None
    target = head[1].removeprefix("REFERENCES ")
    names = re.match(r"((?:\"(?:[^\"]|\"\")+\"|[\w$]+))\.((?:\"(?:[^\"]|\"\")+\"|[\w$]+))(?=\()", target)
    if names is None:
        return None
    tail = words.inside(target[names.end() :])
    columns = words.names_list(head[0])
    if columns is None or tail is None or tail[1] or (referred := words.names_list(tail[0])) is None:
        return None
    return Parsed(
        columns=columns,
        keywords=found,
        referred=(words.bare(names[1]), words.bare(names[2])),
        referred_columns=referred,
    )


def columns_of(kind: str, definition: str) -> tuple[str, ...] | None:
    """Return the columns of a constraint that is nothing but columns; None where one cannot tell."""
    if kind in ("primary key", "unique"):
        found = parsed_key(definition)
        return None if found is None or "postgresql_include" in found.keywords else found.columns
    if kind == "foreign key" and (parsed := parsed_foreign_key(definition)) is not None:
        return parsed.columns
    return None


def inline(key: Key, own: Mapping[str, Any]) -> str:
    """Return a constraint as CREATE TABLE wants it."""
    return f"CONSTRAINT {words.identifier(key.name)} {own['definition']}"


def python_inline(key: Key, own: Mapping[str, Any]) -> str | None:
    """Return a constraint as `op.create_table` wants it; None where SQLAlchemy has no word for something in it."""
    definition = own["definition"]
    name = f"op.f({words.python(key.name)})"
    if key.kind == "check":
        condition = _condition(definition)
        return None if condition is None else words.call("sa.CheckConstraint", words.as_text(condition), name=name)
    parsed = parsed_key(definition)
    if parsed is None:
        return None
    class_ = "sa.PrimaryKeyConstraint" if key.kind == "primary key" else "sa.UniqueConstraint"
    return words.call(class_, *map(words.python, parsed.columns), name=name, **parsed.keywords)


def _condition(definition: str) -> str | None:
    split = words.inside(definition.removeprefix("CHECK ")) if definition.startswith("CHECK ") else None
    return split[0] if split is not None and not split[1] else None


def create(key: Key, side: Side) -> list[Step]:
    """Return what adds a constraint to a table that exists."""
    own = side.of(key)
    phase = Phase.FOREIGN_KEY if key.kind == "foreign key" else Phase.CONSTRAINT
    only = own.get("index") == "invalid" and "partition key" in side.of(side.relation(key))
    table = altering(side.relation(key))
    sql = f"{table.replace('ALTER TABLE ', 'ALTER TABLE ONLY ', 1) if only else table} ADD {inline(key, own)}"
    provides = (words.qualified(key.schema, key.name),) if _has_index(key) else ()
    step = Step(phase=phase, sql=sql, op="" if only else _op_create(key, side), provides=provides)
    return [step, *extras(key, {}, side)]


def _op_create(key: Key, side: Side) -> str:
    if side.relation(key).kind != "table" or "." in key.parent:
        return ""
    own, name = side.of(key)["definition"], f"op.f({words.python(key.name)})"
    table, schema = words.python(key.parent), words.python(key.schema)
    if key.kind == "check" and (condition := _condition(own)) is not None:
        return words.call("op.create_check_constraint", name, table, words.as_text(condition), schema=schema)
    if key.kind in ("primary key", "unique") and (parsed := parsed_key(own)) is not None:
        if "postgresql_include" in parsed.keywords or (parsed.keywords and key.kind == "primary key"):
            return ""  # the operation does not know the table, where SQLAlchemy looks included columns up
        operation = "op.create_primary_key" if key.kind == "primary key" else "op.create_unique_constraint"
        return words.call(operation, name, table, words.python(parsed.columns), schema=schema, **parsed.keywords)
    if key.kind == "foreign key" and (parsed := parsed_foreign_key(own)) is not None:
        names = (*parsed.columns, *parsed.referred, *parsed.referred_columns)
        if any("." in one for one in names):
            return ""
        return words.call(
            "op.create_foreign_key",
            name,
            table,
            words.python(parsed.referred[1]),
            words.python(parsed.columns),
            words.python(parsed.referred_columns),
            source_schema=schema,
            referent_schema=words.python(parsed.referred[0]),
            **parsed.keywords,
        )
    return ""


def _has_index(key: Key) -> bool:
    return key.kind in ("primary key", "unique", "exclusion")


def extras(key: Key, before: Mapping[str, Any], side: Side) -> list[Step]:
    """Return what sets the index behind a constraint, and whether the triggers behind it fire."""
    after = side.of(key)
    index = words.qualified(key.schema, key.name)
    what = options.settings(before.get("options"), after.get("options"))
    if before.get("tablespace") != after.get("tablespace"):
        what.append(f"SET TABLESPACE {words.identifier(after.get('tablespace', 'pg_default'))}")
    steps = [Step(phase=Phase.INDEX_STATE, sql=f"ALTER INDEX {index} {one}", needs=(index,)) for one in what]
    if before.get("index comment") != after.get("index comment"):
        comment = literal(after["index comment"]) if "index comment" in after else "NULL"
        steps.append(Step(phase=Phase.COMMENT, sql=f"COMMENT ON INDEX {index} IS {comment}", needs=(index,)))
    if before.get("triggers") != after.get("triggers"):
        steps.append(_triggers(key, "DISABLE" if "triggers" in after else "ENABLE"))
    return steps + clustered(key, before.get("index") == "clustered", after.get("index") == "clustered", side)


def _triggers(key: Key, action: str) -> Step:
    """The triggers behind a foreign key have names of the server's choice, which only the server knows."""
    table = words.qualified(key.schema, key.parent)
    sql = (
        "DECLARE command text; BEGIN FOR command IN"
        f" SELECT pg_catalog.format('ALTER TABLE %s {action} TRIGGER %I', t.tgrelid::pg_catalog.regclass, t.tgname)"
        " FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_constraint c ON c.oid = t.tgconstraint"
        f" WHERE c.conrelid = {literal(table)}::pg_catalog.regclass AND c.conname = {literal(key.name)}"
        " LOOP EXECUTE command; END LOOP; END"
    )
    return Step(phase=Phase.PARTITION_SETTING, sql=words.block(sql), needs=(table,))


def clustered(key: Key, before: bool, after: bool, side: Side) -> list[Step]:
    """Return what makes an index the one that its table is clustered by, or no longer."""
    if before == after:
        return []
    table = altering(side.relation(key))
    if after:
        sql = f"{table} CLUSTER ON {words.identifier(key.name)}"
        return [Step(phase=Phase.INDEX_STATE, sql=sql)]
    return [Step(phase=Phase.RELEASE, sql=f"{table} SET WITHOUT CLUSTER")]


def drop(key: Key, side: Side) -> Step:
    """Return what drops a constraint."""
    op = ""
    relation = side.relation(key)
    types = {"primary key": "primary", "unique": "unique", "foreign key": "foreignkey", "check": "check"}
    if relation.kind == "table":
        name = f"op.f({words.python(key.name)})"
        type_ = words.python(types[key.kind]) if key.kind in types else None
        op = words.call(
            "op.drop_constraint", name, words.python(key.parent), schema=words.python(key.schema), type_=type_
        )
    return Step(
        phase=Phase.DROP_FOREIGN_KEY if key.kind == "foreign key" else Phase.DROP_INDEX,
        sql=f"{altering(relation)} DROP CONSTRAINT {words.identifier(key.name)}",
        op=op,
        frees=(words.qualified(key.schema, key.name),) if _has_index(key) else (),
        uses=side.spoken(key),
    )


def change(key: Key, first: Side, second: Side) -> Change:
    """Return what makes a constraint that is in both what it is in the second."""
    before, after = first.of(key), second.of(key)
    old, new = before["definition"], after["definition"]
    table, name = altering(second.relation(key)), words.identifier(key.name)
    steps: list[Step] = []
    if old != new:
        what = _altered(key.kind, old, new, first.major)
        if what is None:
            return Change(anew=True)
        steps += [Step(phase=Phase.FOREIGN_KEY, sql=f"{table} {one.format(name)}") for one in what]
    states = (before.get("index"), after.get("index"))
    if states[0] != states[1] and {"invalid", "not ready"} & set(states):
        valid = validity(key, after.get("index"))
        if valid.why:
            return valid
        steps += valid.steps
    return Change(steps=(*steps, *extras(key, before, second)))


def _altered(kind: str, old: str, new: str, major: int) -> Sequence[str] | None:
    """Return the actions that turn one definition into the other without dropping it; None where there are none."""
    brace = "{}"
    if old == new + " NOT VALID":
        return [f"VALIDATE CONSTRAINT {brace}"]
    if kind != "foreign key":
        return None
    states = {
        "": "NOT DEFERRABLE",
        " DEFERRABLE": "DEFERRABLE INITIALLY IMMEDIATE",
        " DEFERRABLE INITIALLY DEFERRED": "DEFERRABLE INITIALLY DEFERRED",
    }
    old_tail, new_tail = {}, {}
    old_rest, new_rest = _state(old, old_tail), _state(new, new_tail)
    if old_rest == new_rest:
        return [f"ALTER CONSTRAINT {brace} {states[new.removeprefix(new_rest)]}"]
    if major >= 18 and new == old + " NOT ENFORCED":
        return [f"ALTER CONSTRAINT {brace} NOT ENFORCED"]
    if major >= 18 and old == new + " NOT ENFORCED":
        return [f"ALTER CONSTRAINT {brace} ENFORCED"]
    return None


def referring(key: Key, side: Side) -> list[Key]:
    """Return the foreign keys that stand on a primary key or a unique constraint (or a unique index)."""
    table = words.qualified(key.schema, key.parent)
    found = []
    for one in side.speakers(table):
        if one.kind == "foreign key":
            parsed = parsed_foreign_key(side.of(one)["definition"].removesuffix(" NOT ENFORCED"))
            if parsed is None or parsed.referred == (key.schema, key.parent):
                found.append(one)
    return found


def stands_on(foreign: Key, key: Key, side: Side) -> bool:
    """Return whether a foreign key refers to exactly the columns of a primary key or unique constraint."""
    parsed = parsed_foreign_key(side.of(foreign)["definition"].removesuffix(" NOT ENFORCED"))
    mine = columns_of(key.kind, side.of(key)["definition"])
    return parsed is None or mine is None or set(mine) == set(parsed.referred_columns)


def validity(key: Key, after: str | None) -> Change:
    """Return what makes an invalid index valid; nothing makes a valid one invalid."""
    if after in ("invalid", "not ready"):
        return Change(why=f"No statement makes the index {key} {after}: it was left so by a build that failed.")
    sql = f"REINDEX INDEX {words.qualified(key.schema, key.name)}"
    return Change(steps=(Step(phase=Phase.INDEX_STATE, sql=sql),))
