"""What commands of a plan do to rows: put in, taken out, changed; and who may do more than is seen."""

from __future__ import annotations

from collections.abc import Iterable

from ops import commands
from ops.commands import Command
from ops.commands.expressions import mentioned
from ops.probes import updates
from ops.probes.known import Name
from ops.probes.state import State, Table

# What a statement may call without any row being written, beside what only reads.
_ROWLESS = frozenset(
    {"setval", "nextval", "set_config", "pg_notify", "pg_sleep"}
    | {f"pg_{kind}advisory_{what}" for kind in ("", "try_") for what in ("lock", "xact_lock", "unlock", "unlock_all")}
)


def _table(state: State, number: int, command: Command) -> Table | None:
    """The table that a command writes; where it is none that is known, it may write any."""
    table = state.of(command)
    if table is None:
        state.anything = state.anything or number
    return table


def attach(state: State, number: int, command: Command) -> None:
    """The rows of a partition become, or are no more, those of the table as well."""
    table = state.of(command)
    for one in [*state.family(table)] if table else ():
        if command.verb in ("ATTACH PARTITION", "INHERIT"):
            one.inserted = one.inserted or number
        else:
            one.deleted = one.deleted or number
    child = state.find(state.full(*command.objects[0])) if command.objects else None
    if child and child.live and command.verb == "DETACH PARTITION":
        state.detached.add(child.live)


def write(state: State, number: int, command: Command) -> None:
    """Rows are put in, taken out or changed by a data statement."""
    if command.verb == "COPY" and "FROM" not in command.options:
        return
    calls(state, number, command)
    table = _table(state, number, command)
    if table is None:
        return
    verbs = {"MERGE": ("INSERT", "UPDATE", "DELETE"), "COPY": ("INSERT",)}.get(command.verb, (command.verb,))
    if command.verb == "INSERT" and "ON CONFLICT" in command.options:
        verbs = ("INSERT", "UPDATE")
    if command.verb == "UPDATE" and updates.follow(state, number, table, command):
        return
    if command.verb == "DELETE" and _follow_delete(state, table, command):
        return
    for verb in verbs:
        generated = tuple(name for name, one in table.columns.items() if one.generated)
        columns = (*command.columns, *generated) if command.verb == "UPDATE" else tuple(table.columns)
        _rows(state, number, table, verb, columns, set())


def _follow_delete(state: State, table: Table, command: Command) -> bool:
    """Note which rows of live a DELETE takes out; return whether that could be told."""
    if command.sources or "WITH" in command.options or state.search_path or state.anything or table.live is None:
        return False
    if table.triggers or table.inserted or len([*state.family(table)]) > 1 or len(table.removed) == updates.MOST:
        return False
    if table.live != table.name or state.known.followers.get(table.live):
        return False
    where = command.where or "true"
    found = mentioned(where)
    as_on_live = all(name in table.columns and _is_as_on_live(table, name) for name in found.columns or ())
    told = found.columns is not None and as_on_live and not updates.has_parameter(where)
    if not told or command.value not in ("", table.name[1]) or not updates.is_pure(state, found):
        return False
    table.removed.append(where)
    return True


def _is_as_on_live(table: Table, name: str) -> bool:
    column = table.columns[name]
    return column.live == name and not (column.computed or column.unknown or column.retyped or name in table.updated)


def _rows(state: State, number: int, table: Table, verb: str, columns: Iterable[str], seen: set[Name]) -> None:
    """Note that rows of a table, and of all that are the same rows, are written; and what follows from that."""
    if table.name in seen:
        return
    for one in state.family(table):
        seen.add(one.name)
        if one.triggers:
            state.anything = state.anything or number
        if verb == "INSERT":
            one.inserted = one.inserted or number
            one.empty = False
        elif verb == "DELETE":
            one.deleted = one.deleted or number
        else:
            for column in columns:
                one.updated.setdefault(column, number)
    if verb == "INSERT" or table.live is None:
        return
    for key in state.known.followers.get(table.live, ()):
        child = state.by_live((key.schema, key.name))
        actions = {one.removeprefix(f"ON {verb} ") for one in key.options if one.startswith(f"ON {verb}")}
        if child and actions:
            _rows(state, number, child, verb if "CASCADE" in actions else "UPDATE", key.columns, seen)


def truncate(state: State, number: int, command: Command) -> None:
    """All rows are taken out."""
    if "CASCADE" in command.options:
        state.anything = state.anything or number
        return
    for one in command.objects:
        table = state.find(state.full(*one))
        if table is None or table.triggers:
            state.anything = state.anything or number
            continue
        for relative in state.family(table):
            relative.deleted = relative.deleted or number
        table.empty, table.inserted, table.deleted, table.updated = True, 0, 0, {}


def select(state: State, number: int, command: Command) -> None:
    """A query may call what writes."""
    calls(state, number, command)


def calls(state: State, number: int, command: Command) -> None:
    """A function that may write anything, called by a statement."""
    functions = [one for one in command.functions if one[0] not in ("", "pg_catalog") or one[1] not in _ROWLESS]
    only_reads = commands.reads_only([Command(verb="SELECT", functions=tuple(functions))])
    if not only_reads and not state.harmless(functions):
        state.anything = state.anything or number


def refresh(state: State, number: int, command: Command) -> None:
    """A materialized view has other rows from now on."""
    view = state.of(command)
    if view:
        view.updated = dict.fromkeys(view.columns, number)


def trigger(state: State, number: int, command: Command) -> None:
    """From now on, writing a table may write any other."""
    table = state.of(command)
    if table:
        table.triggers = True
