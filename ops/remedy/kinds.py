"""Which function creates, drops and alters which kind of object. Tables and columns have more to say: see `work`."""

from __future__ import annotations

from collections.abc import Callable

from ops.catalog.values import Key
from ops.remedy import columns, constraints, indexes, outer, routines, sequences, tables, triggers, views
from ops.remedy import types as types_
from ops.remedy.side import CONSTRAINTS, ROUTINES, TYPES, Side
from ops.remedy.steps import Change, Step

CREATE: dict[str, Callable[[Key, Side], list[Step]]] = {
    "schema": outer.create_schema,
    "extension": outer.create_extension,
    "publication": outer.create_publication,
    "foreign data wrapper": outer.create_wrapper,
    "foreign server": outer.create_server,
    "sequence": lambda key, side: (
        sequences.create(key, side) + (sequences.owned_by(key, side) if side.of(key).get("owned by") else [])
    ),
    "view": views.create,
    "materialized view": views.create,
    "not null": columns.not_null,
    "index": indexes.create,
    "statistics": indexes.create_statistics,
    "trigger": triggers.create,
    "rule": triggers.create,
    "policy": triggers.create_policy,
    "event trigger": triggers.create_event_trigger,
    **dict.fromkeys(CONSTRAINTS, constraints.create),
    **dict.fromkeys(ROUTINES, routines.create),
    **dict.fromkeys(TYPES, types_.create),
}
DROP: dict[str, Callable[[Key, Side], Step]] = {
    "schema": outer.drop_schema,
    "extension": outer.drop_extension,
    "publication": outer.drop_publication,
    "foreign data wrapper": outer.drop_wrapper,
    "foreign server": outer.drop_server,
    "sequence": sequences.drop,
    "view": views.drop,
    "materialized view": views.drop,
    "column": columns.drop,
    "not null": columns.nullable,
    "index": indexes.drop,
    "statistics": indexes.drop_statistics,
    "event trigger": triggers.drop_event_trigger,
    **dict.fromkeys(("trigger", "rule", "policy"), triggers.drop),
    **dict.fromkeys(CONSTRAINTS, constraints.drop),
    **dict.fromkeys(ROUTINES, routines.drop),
    **dict.fromkeys(TYPES, types_.drop),
}
ALTER: dict[str, Callable[[Key, Side, Side], Change]] = {
    "extension": outer.change_extension,
    "publication": outer.change_publication,
    "foreign data wrapper": outer.change_wrapper,
    "foreign server": outer.change_server,
    "sequence": sequences.change,
    "table": tables.change,
    "foreign table": tables.change,
    "view": views.change,
    "materialized view": views.change,
    "column": lambda key, first, second: columns.change(key, first.of(key), first, second),
    "not null": columns.change_not_null,
    "index": indexes.change,
    "statistics": indexes.change_statistics,
    "trigger": triggers.change,
    "rule": triggers.change,
    "policy": triggers.change_policy,
    "event trigger": triggers.change_event_trigger,
    **dict.fromkeys(CONSTRAINTS, constraints.change),
    **dict.fromkeys(ROUTINES, routines.change),
    **dict.fromkeys(TYPES, types_.change),
}
