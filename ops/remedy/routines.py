"""Functions, procedures and aggregates."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ops.catalog.names import literal
from ops.catalog.values import Key
from ops.remedy import words
from ops.remedy.side import Side, header, spec, sql_name
from ops.remedy.steps import Change, Phase, Step

_FUNCTIONS = {
    "transition": "SFUNC",
    "final": "FINALFUNC",
    "combine": "COMBINEFUNC",
    "serial": "SERIALFUNC",
    "deserial": "DESERIALFUNC",
    "moving": "MSFUNC",
    "moving inverse": "MINVFUNC",
    "moving final": "MFINALFUNC",
}
_VALUES = {"space": "SSPACE", "moving space": "MSSPACE"}
_TYPES = {"state": "STYPE", "moving state": "MSTYPE"}
_TEXTS = {"initial": "INITCOND", "moving initial": "MINITCOND"}
_FLAGS = {"final extra": "FINALFUNC_EXTRA", "moving final extra": "MFINALFUNC_EXTRA"}
_MODIFY = {"final modify": "FINALFUNC_MODIFY", "moving final modify": "MFINALFUNC_MODIFY"}
_MODIFIED = {"r": "READ_ONLY", "s": "SHAREABLE", "w": "READ_WRITE"}
_PARALLEL = {"s": "SAFE", "r": "RESTRICTED"}
_NONE = ("-", "0", 0, None)
_SQL = re.compile(r"^ LANGUAGE sql\b", re.MULTILINE)


def create(key: Key, side: Side) -> list[Step]:
    """Return what creates a routine, or replaces one with the same arguments and result."""
    own = side.of(key)
    provides = (sql_name(key), spec(key))
    if key.kind == "aggregate":
        return [Step(phase=Phase.ROUTINE, sql=_aggregate(key, own["aggregate"]), provides=provides)]
    definition = str(own["definition"]).rstrip("\n")
    soft = header(definition) != definition
    steps = []
    if soft and _SQL.search(header(definition)):
        # the server would look for all that the body speaks of, which may come later or be in another schema
        steps.append(Step(phase=Phase.SETTINGS, sql="SET LOCAL check_function_bodies = off"))
    return [*steps, Step(phase=Phase.ROUTINE, sql=definition, provides=provides, soft=soft)]


def _aggregate(key: Key, parts: Mapping[str, Any]) -> str:
    given = [f"{word} = {_function(parts[name])}" for name, word in _FUNCTIONS.items() if parts.get(name) not in _NONE]
    for names in (_TYPES, _VALUES):
        given += [f"{word} = {parts[name]}" for name, word in names.items() if parts.get(name) not in _NONE]
    given += [f"{word} = {literal(parts[name])}" for name, word in _TEXTS.items() if parts.get(name) is not None]
    given += [word for name, word in _FLAGS.items() if parts.get(name)]
    usual = "r" if parts.get("kind", "n") == "n" else "w"
    for name, word in _MODIFY.items():
        if parts.get(name, usual) != usual:
            given.append(f"{word} = {_MODIFIED[parts[name]]}")
    if parts.get("sort") not in _NONE:
        schema, dot, operator = str(parts["sort"]).partition("(")[0].rpartition(".")
        given.append(f"SORTOP = OPERATOR({schema}{dot}{operator})" if schema else f"SORTOP = {operator}")
    if parts.get("parallel") in _PARALLEL:
        given.append(f"PARALLEL = {_PARALLEL[parts['parallel']]}")
    if parts.get("kind") == "h":
        given.append("HYPOTHETICAL")
    return f"CREATE AGGREGATE {sql_name(key)}({parts.get('arguments') or '*'}) ({', '.join(given)})"


def _function(text: str) -> str:
    """A function without the types of its arguments, which hold no parentheses outside of quotes."""
    return text[: text.rindex("(")] if text.endswith(")") and '"' not in text else words.split(text, "(")[0]


def drop(key: Key, side: Side) -> Step:
    """Return what drops a routine."""
    return Step(
        phase=Phase.DROP_ROUTINE,
        sql=f"DROP {spec(key)}",
        frees=(sql_name(key), spec(key)),
        uses=side.spoken(key),
    )


def change(key: Key, first: Side, second: Side) -> Change:
    """Return what makes a routine that is in both what it is in the second."""
    if key.kind == "aggregate":
        return Change(anew=True)
    old, new = str(first.of(key)["definition"]), str(second.of(key)["definition"])
    if not _replaceable(_signature(key, old), _signature(key, new)):
        return Change(anew=True)
    return Change(steps=tuple(create(key, second)))


def _replaceable(old: tuple[tuple[str, ...], str], new: tuple[tuple[str, ...], str]) -> bool:
    """Whether CREATE OR REPLACE takes it: the result and the arguments' names stay, and no default goes."""
    if old[1] != new[1] or len(old[0]) != len(new[0]):
        return False
    for before, after in zip(old[0], new[0], strict=True):
        if before != after and not after.startswith(before.partition(" DEFAULT ")[0] + " DEFAULT "):
            return False
    return True


def _signature(key: Key, definition: str) -> tuple[tuple[str, ...], str]:
    """The arguments, and the result, as the definition writes them."""
    start = definition.find(sql_name(key) + "(") + len(sql_name(key))
    split = words.inside(definition[start:])
    if split is None:
        return (definition,), ""
    arguments, rest = split
    result = rest.partition("\n")[0] if rest.startswith("RETURNS ") else ""
    return words.split(arguments), result
