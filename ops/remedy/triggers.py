"""Triggers, rules, policies and event triggers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ops.catalog.names import literal
from ops.catalog.values import Key
from ops.remedy import words
from ops.remedy.side import Side, altering, spec
from ops.remedy.steps import Change, Phase, Step

_STATES = {"yes": "ENABLE", "no": "DISABLE", "replica": "ENABLE REPLICA", "always": "ENABLE ALWAYS"}


def create(key: Key, side: Side) -> list[Step]:
    """Return what creates a trigger or a rule."""
    own = side.of(key)
    if "definition" not in own:
        return _of_partition(key, side)
    sql = str(own["definition"]).rstrip().removesuffix(";")
    return [Step(phase=Phase.TRIGGER, sql=sql), *_enabled(key, "yes", own["enabled"], side)]


def _enabled(key: Key, before: str, after: str, side: Side) -> list[Step]:
    if before == after:
        return []
    state, word = _STATES[after], key.kind.upper()
    sql = f"{altering(side.relation(key))} {state} {word} {words.identifier(key.name)}"
    return [Step(phase=Phase.TABLE_SETTING, sql=sql)]


def _of_partition(key: Key, side: Side) -> list[Step]:
    """A partition's trigger is its parent's, and listed only as it fires at other times."""
    state, above, seen = side.of(key).get("enabled"), key, {key}
    while state is None:
        parents = side.parents(side.relation(above))
        above = above._replace(schema=parents[0].schema, parent=parents[0].name) if parents else above
        state = "yes" if above in seen else side.of(above).get("enabled")
        seen.add(above)
    sql = f"{altering(side.relation(key))} {_STATES[state]} TRIGGER {words.identifier(key.name)}"
    return [Step(phase=Phase.PARTITION_SETTING, sql=sql)]


def drop(key: Key, side: Side) -> Step:
    """Return what drops a trigger, a rule or a policy."""
    phase = Phase.DROP_POLICY if key.kind == "policy" else Phase.DROP_TRIGGER
    return Step(phase=phase, sql=f"DROP {spec(key)}", uses=side.spoken(key))


def change(key: Key, first: Side, second: Side) -> Change:
    """Return what makes a trigger or a rule that is in both what it is in the second."""
    before, after = first.of(key), second.of(key)
    if "definition" not in after:
        return Change(steps=tuple(_of_partition(key, second)))
    if before.get("definition") != after["definition"]:
        return Change(anew=True)
    return Change(steps=tuple(_enabled(key, before["enabled"], after["enabled"], second)))


# -- policies ---------------------------------------------------------------------------------------------


def create_policy(key: Key, side: Side) -> list[Step]:
    """Return what creates a policy."""
    own = side.of(key)
    sql = words.joined(
        (
            f"CREATE {spec(key)} AS {own['kind'].upper()} FOR {own['command'].upper()}",
            f"TO {_roles(own)}",
            f"USING ({own['using']})" if "using" in own else "",
            f"WITH CHECK ({own['check']})" if "check" in own else "",
        )
    )
    return [Step(phase=Phase.POLICY, sql=sql)]


def _roles(own: Mapping[str, Any]) -> str:
    return ", ".join(map(words.role, own["roles"]))


def change_policy(key: Key, first: Side, second: Side) -> Change:
    """Return what makes a policy that is in both what it is in the second."""
    before, after = first.of(key), second.of(key)
    gone = any(name in before and name not in after for name in ("using", "check"))
    if gone or (before["command"], before["kind"]) != (after["command"], after["kind"]):
        return Change(anew=True)
    sql = words.joined(
        (
            f"ALTER {spec(key)}",
            f"TO {_roles(after)}" if before["roles"] != after["roles"] else "",
            f"USING ({after['using']})" if before.get("using") != after.get("using") else "",
            f"WITH CHECK ({after['check']})" if before.get("check") != after.get("check") else "",
        )
    )
    return Change(steps=(Step(phase=Phase.POLICY, sql=sql),))


# -- event triggers ---------------------------------------------------------------------------------------


def create_event_trigger(key: Key, side: Side) -> list[Step]:
    """Return what creates an event trigger."""
    own = side.of(key)
    tags = ", ".join(map(literal, own.get("tags") or ()))
    sql = words.joined(
        (
            f"CREATE {spec(key)} ON {words.identifier(own['event'])}",
            f"WHEN TAG IN ({tags})" if tags else "",
            f"EXECUTE FUNCTION {own['function']}",
        )
    )
    step = Step(phase=Phase.EVENT_TRIGGER, sql=sql, provides=(f"event trigger {key.name}",))
    return [step, *_event_enabled(key, "yes", own["enabled"])]


def _event_enabled(key: Key, before: str, after: str) -> list[Step]:
    if before == after:
        return []
    sql = f"ALTER EVENT TRIGGER {words.identifier(key.name)} {_STATES[after]}"
    return [Step(phase=Phase.EVENT_TRIGGER, sql=sql, needs=(f"event trigger {key.name}",))]


def drop_event_trigger(key: Key, side: Side) -> Step:
    """Return what drops an event trigger."""
    return Step(
        phase=Phase.DROP_EVENT_TRIGGER,
        sql=f"DROP EVENT TRIGGER {words.identifier(key.name)}",
        frees=(f"event trigger {key.name}",),
        uses=side.spoken(key),
    )


def change_event_trigger(key: Key, first: Side, second: Side) -> Change:
    """Return what makes an event trigger that is in both what it is in the second."""
    before, after = first.of(key), second.of(key)
    if any(before.get(name) != after.get(name) for name in ("event", "function", "tags")):
        return Change(anew=True)
    return Change(steps=tuple(_event_enabled(key, before["enabled"], after["enabled"])))
