"""Enums, domains, composite and range types."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ops.catalog.names import literal
from ops.catalog.values import Key
from ops.remedy import words
from ops.remedy.side import Side, altering, sql_name
from ops.remedy.steps import Change, Phase, Step

_RANGE = {
    "subtype": "SUBTYPE",
    "operator class": "SUBTYPE_OPCLASS",
    "collation": "COLLATION",
    "canonical": "CANONICAL",
    "difference": "SUBTYPE_DIFF",
    "multirange": "MULTIRANGE_TYPE_NAME",
}


def create(key: Key, side: Side) -> list[Step]:
    """Return what creates a type."""
    own, name = side.of(key), sql_name(key)
    provides = [name]
    if key.kind == "enum":
        sql = f"CREATE TYPE {name} AS ENUM ({', '.join(map(literal, own.get('labels') or ()))})"
    elif key.kind == "composite type":
        sql = f"CREATE TYPE {name} AS ({', '.join(own.get('attributes') or ())})"
    elif key.kind == "range type":
        parts = own["range"]
        given = []
        for part, word in _RANGE.items():
            if parts.get(part) is not None:
                value = parts[part].partition("(")[0] if part in ("canonical", "difference") else parts[part]
                given.append(f"{word} = {value}")
        sql = f"CREATE TYPE {name} AS RANGE ({', '.join(given)})"
        provides.append(parts["multirange"])
    else:
        checks = own.get("constraints") or {}
        late = {one for one, check in checks.items() if check.endswith(" NOT VALID")}
        sql = words.joined(
            (
                f"CREATE DOMAIN {name} AS {own['type']}",
                f"COLLATE {own['collation']}" if "collation" in own else "",
                f"DEFAULT {own['default']}" if "default" in own else "",
                "NOT NULL" if own.get("not null") else "",
                *(f"CONSTRAINT {words.identifier(one)} {checks[one]}" for one in checks if one not in late),
            )
        )
        later = [_add_check(key, one, checks[one]) for one in checks if one in late]
        return [Step(phase=Phase.TYPE, sql=sql, provides=(name,)), *later, *_check_comments(key, {}, own)]
    return [Step(phase=Phase.TYPE, sql=sql, provides=tuple(provides))]


def _add_check(key: Key, name: str, definition: str) -> Step:
    return Step(phase=Phase.CONSTRAINT, sql=f"{altering(key)} ADD CONSTRAINT {words.identifier(name)} {definition}")


def _check_comments(key: Key, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Step]:
    old, new = before.get("constraint comments") or {}, after.get("constraint comments") or {}
    return [
        Step(
            phase=Phase.COMMENT,
            sql=f"COMMENT ON CONSTRAINT {words.identifier(one)} ON DOMAIN {sql_name(key)} IS"
            f" {literal(new[one]) if one in new else 'NULL'}",
        )
        for one in dict.fromkeys((*old, *new))
        if old.get(one) != new.get(one) and one in (after.get("constraints") or {})
    ]


def drop(key: Key, side: Side) -> Step:
    """Return what drops a type."""
    own = side.of(key)
    frees = (sql_name(key), *([own["range"]["multirange"]] if key.kind == "range type" else []))
    sql = f"DROP {altering(key).partition(' ')[2]}"
    return Step(phase=Phase.DROP_TYPE, sql=sql, frees=frees, uses=side.spoken(key))


def change(key: Key, first: Side, second: Side) -> Change:
    """Return what makes a type that is in both what it is in the second."""
    if key.kind == "enum":
        return _enum(key, first.of(key).get("labels") or [], second.of(key).get("labels") or [])
    if key.kind == "domain":
        return _domain(key, first, second)
    if key.kind == "composite type":
        return _composite(key, first, second)
    return Change(anew=True, why="A range type cannot be altered")


def _enum(key: Key, before: Sequence[str], after: Sequence[str]) -> Change:
    gone = [label for label in before if label not in after]
    come = [label for label in after if label not in before]
    name = altering(key)
    if len(gone) == len(come) == 1 and before.index(gone[0]) == after.index(come[0]):
        old, new = literal(gone[0]), literal(come[0])
        note = (
            f"In {key}, {old} became {new}: a new name is the likely reason, and rows that hold it follow. "
            "If it is another value, what the rows mean changes."
        )
        sql = f"{name} RENAME VALUE {old} TO {new}"
        return Change(steps=(Step(phase=Phase.TYPE, sql=sql, note=note, new_label=come[0]),))
    if gone:
        listed = ", ".join(map(literal, gone))
        return Change(anew=True, why=f"No statement removes a label of an enum ({listed} of {key})")
    if [label for label in after if label in before] != list(before):
        return Change(anew=True, why=f"No statement puts the labels of {key} in another order")
    steps, known = [], list(before)
    for position, label in enumerate(after):
        if label in known:
            continue
        place = f" AFTER {literal(after[position - 1])}" if position else ""
        if not position and known:
            place = f" BEFORE {literal(known[0])}"
        if position == len(known):
            place = ""
        known.insert(position, label)
        sql = f"{name} ADD VALUE {literal(label)}{place}"
        steps.append(Step(phase=Phase.TYPE, sql=sql, new_label=label))
    return Change(steps=tuple(steps))


def _domain(key: Key, first: Side, second: Side) -> Change:
    before, after, name = first.of(key), second.of(key), altering(key)
    if (before["type"], before.get("collation")) != (after["type"], after.get("collation")):
        return Change(anew=True, why=f"No statement gives a domain another type or collation ({key})")
    steps: list[Step] = []
    if before.get("default") != after.get("default"):
        what = f"SET DEFAULT {after['default']}" if "default" in after else "DROP DEFAULT"
        steps.append(Step(phase=Phase.DEFAULT, sql=f"{name} {what}"))
    old, new = before.get("constraints") or {}, after.get("constraints") or {}
    gone = {one: check for one, check in old.items() if new.get(one) != check}
    come = {one: check for one, check in new.items() if old.get(one) != check}
    for one, check in list(gone.items()):
        if check == f"{come.get(one)} NOT VALID":
            sql = f"{name} VALIDATE CONSTRAINT {words.identifier(one)}"
            steps.append(Step(phase=Phase.CONSTRAINT, sql=sql))
            del gone[one], come[one]
            continue
        same = [other for other, definition in come.items() if definition == check]
        if one not in come and len(same) == 1 and same[0] not in old:
            to = words.identifier(same[0])
            sql = f"{name} RENAME CONSTRAINT {words.identifier(one)} TO {to}"
            steps.append(Step(phase=Phase.RENAME, sql=sql))
            del gone[one], come[same[0]]
    steps += [Step(phase=Phase.RELEASE, sql=f"{name} DROP CONSTRAINT {words.identifier(one)}") for one in gone]
    steps += [_add_check(key, one, check) for one, check in come.items()]
    if before.get("not null") != after.get("not null"):
        what = "SET NOT NULL" if after.get("not null") else "DROP NOT NULL"
        steps.append(Step(phase=Phase.NOT_NULL, sql=f"{name} {what}"))
    for one in come:
        # a constraint made anew has lost its comment
        before = {**before, "constraint comments": {**(before.get("constraint comments") or {}), one: None}}
    return Change(steps=(*steps, *_check_comments(key, before, after)))


def _composite(key: Key, first: Side, second: Side) -> Change:
    old, new = ({_attribute(one): one for one in side.of(key).get("attributes") or ()} for side in (first, second))
    kept = [name for name in old if name in new]
    if list(new) != kept + [name for name in new if name not in old]:
        return Change(anew=True, why=f"No statement puts the attributes of {key} in another order")
    actions = [f"DROP ATTRIBUTE {name}" for name in old if name not in new]
    for name in kept:
        if old[name] != new[name]:
            type_ = new[name][len(name) + 1 :]
            actions.append(f"ALTER ATTRIBUTE {name} TYPE {type_}")
    actions += [f"ADD ATTRIBUTE {new[name]}" for name in new if name not in old]
    gone = [name for name in old if name not in new]
    loses = f"the values of {', '.join(gone)} in {key}" if gone else ""
    if any(first.of(one).get("of type") == sql_name(key) for one in first.speakers(sql_name(key))):
        actions = [f"{action} CASCADE" for action in actions]
    sql = f"{altering(key)} {', '.join(actions)}"
    retyped = any(old[name] != new[name] for name in kept)
    if retyped and any(one.kind == "column" for one in first.speakers(sql_name(key))):
        return Change(anew=True, why=f"No statement changes an attribute's type while a column is of the type {key}")
    return Change(steps=(Step(phase=Phase.TYPE, sql=sql, loses=loses),))


def _attribute(text: str) -> str:
    match = words.IDENTIFIER.match(text)
    return match.group() if match else text
