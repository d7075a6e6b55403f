"""Views and materialised views."""

from __future__ import annotations

import re

from ops.catalog.values import Key
from ops.remedy import options, words
from ops.remedy.side import Side, altering, sql_name
from ops.remedy.steps import Change, Phase, Step

_AFTER_FROM = re.compile(r"\n +(?:WHERE|GROUP BY|HAVING|ORDER BY|LIMIT|OFFSET|WINDOW) ")
_SET = re.compile(r"\bUNION\b|\bINTERSECT\b|\bEXCEPT\b")


def create(key: Key, side: Side, *, replace: bool = False) -> list[Step]:
    """Return what creates a view, or replaces it and keeps what stands on it."""
    own = side.of(key)
    materialized = key.kind == "materialized view"
    given = words.joined((options.listed(own.get("options")), options.listed(own.get("toast options"), "toast.")), ", ")
    sql = words.joined(
        (
            f"CREATE {'OR REPLACE ' if replace else ''}{'MATERIALIZED ' if materialized else ''}VIEW {sql_name(key)}",
            f"USING {words.identifier(own['access method'])}" if own.get("access method", "heap") != "heap" else "",
            f"WITH ({given})" if given else "",
            f"TABLESPACE {words.identifier(own['tablespace'])}" if own.get("tablespace") else "",
            "AS\n" + _body(own["definition"]),
        )
    )
    return [Step(phase=Phase.VIEW, sql=sql, provides=(sql_name(key),))]


def _body(definition: str) -> str:
    return definition.strip().removesuffix(";")


def drop(key: Key, side: Side) -> Step:
    """Return what drops a view."""
    frees = (sql_name(key), *(words.qualified(one.schema, one.name) for one in side.children(key, "index")))
    uses = side.spoken(key).union(*(side.spoken(one) for one in side.children(key)))
    return Step(
        phase=Phase.DROP_VIEW,
        sql=f"DROP {altering(key).partition(' ')[2]}",
        frees=frees,
        uses=uses - {sql_name(key)},
    )


def change(key: Key, first: Side, second: Side) -> Change:
    """Return what makes a view that is in both what it is in the second."""
    before, after = first.of(key), second.of(key)
    steps: list[Step] = []
    if before["definition"] != after["definition"] or before.get("columns") != after.get("columns"):
        if key.kind != "view" or not _replaceable(before["definition"], after["definition"]):
            return Change(anew=True)
        steps += create(key, second, replace=True)
    else:
        what = options.settings(before.get("options"), after.get("options"))
        what += options.settings(before.get("toast options"), after.get("toast options"), "toast.")
        steps += [Step(phase=Phase.TABLE_SETTING, sql=f"{altering(key)} {one}") for one in what]
    if before.get("access method") != after.get("access method"):
        method = words.identifier(after.get("access method", "heap"))
        steps.append(Step(phase=Phase.TABLE_SETTING, sql=f"{altering(key)} SET ACCESS METHOD {method}"))
    if before.get("tablespace") != after.get("tablespace"):
        space = words.identifier(after.get("tablespace", "pg_default"))
        steps.append(Step(phase=Phase.TABLE_SETTING, sql=f"{altering(key)} SET TABLESPACE {space}"))
    return Change(steps=tuple(steps))


def _replaceable(before: str, after: str) -> bool:
    """Whether CREATE OR REPLACE can do it: the columns that there were keep their names and their types.

    Types are not known here; they stay the same where what is selected, and from what, is written the same.
    """
    old, new = _body(before), _body(after)
    if not (old.startswith("SELECT") and new.startswith("SELECT")) or _SET.search(old + new):
        return False
    (old_list, old_from), (new_list, new_from) = _parts(old), _parts(new)
    return old_from == new_from and (new_list == old_list or new_list.startswith(old_list + ","))


def _parts(body: str) -> tuple[str, str]:
    selected, _, source = body.partition("\n   FROM ")
    if not source:
        return _AFTER_FROM.split(selected)[0].rstrip(), ""
    return selected.rstrip(), _AFTER_FROM.split(source)[0]
