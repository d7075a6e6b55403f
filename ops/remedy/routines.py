"""Functions, procedures and aggregates."""

from __future__ import annotations

import re
from typing import Any

from ops.catalog.values import Key
from ops.remedy import words
from ops.remedy.side import Side, header, spec, sql_name
from ops.remedy.steps import Change, Phase, Step

_PARTS = {
    "transition": "SFUNC",
    "state": "STYPE",
    "final": "FINALFUNC",
    "combine": "COMBINEFUNC",
    "serial": "SERIALFUNC",
    "deserial": "DESERIALFUNC",
}
_PARALLEL = {"s": "SAFE", "r": "RESTRICTED"}
_NONE = ("-", "0", None)
_SQL = re.compile(r"^ LANGUAGE sql\b", re.MULTILINE)


def create(key: Key, side: Side) -> list[Step]:
    """Return what creates a routine, or replaces one with the same arguments and result."""
    own = side.of(key)
    provides = (sql_name(key), spec(key, own))
    if key.kind == "aggregate":
        return [Step(phase=Phase.ROUTINE, sql=_aggregate(key, own, side), provides=provides)]
    definition = str(own["definition"]).rstrip("\n")
    soft = header(definition) != definition
    steps = []
    if soft and _SQL.search(header(definition)):
        # the server would look for all that the body speaks of, which may come later or be in another schema
        steps.append(Step(phase=Phase.SETTINGS, sql="SET LOCAL check_function_bodies = off"))
    return [*steps, Step(phase=Phase.ROUTINE, sql=definition, provides=provides, soft=soft)]


def _aggregate(key: Key, own: dict[str, Any], side: Side) -> str:
    parts = own["aggregate"]
    given = [f"{word} = {parts[name]}" for name, word in _PARTS.items() if parts.get(name) not in _NONE]
    if parts.get("initial") is not None:
        given.append(f"INITCOND = {words.literal(parts['initial'])}")
    if parts.get("sort") not in _NONE:
        schema, dot, operator = str(parts["sort"]).partition("(")[0].rpartition(".")
        given.append(f"SORTOP = OPERATOR({schema}{dot}{operator})" if schema else f"SORTOP = {operator}")
    if parts.get("parallel") in _PARALLEL:
        given.append(f"PARALLEL = {_PARALLEL[parts['parallel']]}")
    if parts.get("kind") == "h":
        given.append("HYPOTHETICAL")
    return f"CREATE {spec(key, own)} ({', '.join(given)})"


def doubt(key: Key, side: Side) -> str:
    """Return why a routine cannot be made from what the catalog tells; empty where it can."""
    parts = side.of(key).get("aggregate") or {}
    if parts.get("moving") not in _NONE:
        return f"The aggregate {key} has a moving-aggregate mode, which the catalog does not tell in full."
    return ""


def drop(key: Key, side: Side) -> Step:
    """Return what drops a routine."""
    own = side.of(key)
    return Step(
        phase=Phase.DROP_ROUTINE,
        sql=f"DROP {spec(key, own)}",
        frees=(sql_name(key), spec(key, own)),
        uses=side.spoken(key),
    )


def change(key: Key, first: Side, second: Side) -> Change:
    """Return what makes a routine that is in both what it is in the second."""
    if key.kind == "aggregate":
        return Change(anew=True)
    old, new = str(first.of(key)["definition"]), str(second.of(key)["definition"])
    (old_head, old_result), (new_head, new_result) = _signature(old), _signature(new)
    if old_result != new_result or old_head.count(" DEFAULT ") > new_head.count(" DEFAULT "):
        return Change(anew=True)
    return Change(steps=tuple(create(key, second)))


def _signature(definition: str) -> tuple[str, str]:
    head, _, rest = header(definition).partition("\n RETURNS ")
    return head, rest.partition("\n")[0]
