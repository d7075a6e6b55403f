"""The plan as rules see it: what stands where, which names are new, and what was in force. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property

from ops.catalog.names import path
from ops.catalog.values import Catalog, Key
from ops.commands import Command
from ops.hazards.weight import Load, larger, load, together
from ops.live import Live
from ops.remedy.side import Side
from ops.remedy.words import qualified
from ops.statement import Statement

_TABLES = ("table", "foreign table", "materialized view", "view")
_RELATIONS = (*_TABLES, "sequence", "index")
_PART = r'(?:"(?:[^"]|"")+"|[^\W\d][\w$]*)'
_ON_TABLE = re.compile(rf"(?P<index>.*) on (?P<table>(?:{_PART}\.)?{_PART})\Z", re.DOTALL)
_OFF = frozenset({"0", "0s", "0ms", "default", "DEFAULT", ""})


def built_on(build: str) -> str:
    """Return the table of an index build, `index on table`."""
    match = _ON_TABLE.match(build)
    return match["table"] if match else build


def built_index(build: str) -> str:
    """Return the index of an index build, `index on table`."""
    match = _ON_TABLE.match(build)
    return match["index"] if match else build


class Scene:
    """What all statements of one plan share."""

    def __init__(
        self,
        statements: Sequence[Statement],
        commands: Mapping[int, tuple[Command, ...]],
        live: Live,
        catalog: Catalog,
        server_version: int,
        limits: Mapping[str, str],
    ) -> None:
        self.limits = limits
        self.statements = tuple(statements)
        self.commands = commands
        self.live = live
        self.side = Side(catalog)
        self.major = server_version // 10000 if server_version >= 10000 else server_version
        self._new: dict[int, frozenset[str]] = {}
        self._origins: dict[int, Mapping[str, str]] = {}
        self._gone: dict[int, frozenset[tuple[str, str]]] = {}
        self._walk()

    def of(self, statement: Statement) -> tuple[Command, ...]:
        """Return what a statement does."""
        return self.commands.get(statement.number, ())

    @cached_property
    def by_verb(self) -> Mapping[str, Sequence[tuple[Statement, Command]]]:
        """Every command of the plan under its verb, in order: of a thousand revisions, few do what a rule looks for."""
        found: dict[str, list[tuple[Statement, Command]]] = {}
        for statement in self.statements:
            for command in self.of(statement):
                found.setdefault(command.verb, []).append((statement, command))
        return found

    @cached_property
    def _settings(self) -> Sequence[tuple[Statement, Command]]:
        """Whatever sets or resets a setting, in order."""
        return [(one, each) for one in self.statements for each in self.of(one) if each.verb in ("SET", "RESET")]

    @cached_property
    def _by_transaction(self) -> Mapping[object, Sequence[Statement]]:
        """The statements of each transaction, without Alembic's own."""
        found: dict[object, list[Statement]] = {}
        for one in self.statements:
            if not one.bookkeeping:
                found.setdefault(one.transaction, []).append(one)
        return found

    @cached_property
    def _by_name(self) -> Mapping[str, list[Key]]:
        found: dict[str, list[Key]] = {}
        for key in self.side.catalog.texts:
            if key.kind in _RELATIONS:
                found.setdefault(key.name, []).append(key)
        return found

    def schema(self, command_schema: str, name: str) -> str:
        """Return the schema of a relation that the text may name without one: the only one that has that name."""
        if command_schema:
            return command_schema
        schemas = {key.schema for key in self._by_name.get(name, ())}
        return schemas.pop() if len(schemas) == 1 else "public"

    def index(self, schema: str, name: str) -> Key | None:
        """Return the key of an index, not of one behind a constraint, that is named with its schema or without."""
        found = [key for key in self._by_name.get(name, ()) if key.kind == "index" and schema in ("", key.schema)]
        return found[0] if len(found) == 1 else None

    def _walk(self) -> None:
        new: set[str] = set()
        origins: dict[str, str] = {}
        gone: set[tuple[str, str]] = set()
        for statement in self.statements:
            self._new[statement.number] = frozenset(new)
            self._origins[statement.number] = dict(origins)
            self._gone[statement.number] = frozenset(gone)
            gone.update(pair for command in self.of(statement) for pair in self._goes(command))
            for command in self.of(statement):
                name = qualified(self.schema(command.schema, command.name), command.name)
                if command.verb in ("CREATE TABLE", "CREATE TABLE AS", "CREATE PARTITION", "CREATE MATERIALIZED VIEW"):
                    if "IF NOT EXISTS" not in command.options or name not in self._existing:
                        new.add(name)
                elif command.verb == "RENAME TABLE" and command.new_name:
                    after = qualified(self.schema(command.schema, command.name), command.new_name)
                    self._renamed(name, after, new, origins)
                elif command.verb == "SET SCHEMA" and command.value:
                    self._renamed(name, qualified(command.value, command.name), new, origins)
            new.update(one for one in statement.created if one not in self._existing or one in statement.dropped)
            new.difference_update(one for one in statement.dropped if one not in statement.created)

    def _goes(self, command: Command) -> Iterable[tuple[str, str]]:
        """What a command drops, as table and name; an index, a view or a table is there by its qualified name alone."""
        if command.verb == "DROP CONSTRAINT":
            yield qualified(self.schema(command.schema, command.name), command.name), command.constraint
        elif command.verb in ("DROP INDEX", "DROP VIEW", "DROP MATERIALIZED VIEW", "DROP TABLE"):
            for schema, name in command.objects:
                index = self.index(schema, name) if command.verb == "DROP INDEX" else None
                yield "", qualified(index.schema if index else self.schema(schema, name), name)

    def is_there(self, statement: Statement, key: Key) -> bool:
        """Return whether an object of the catalog is still there when a statement is run, as far as commands tell."""
        gone = self._gone.get(statement.number, frozenset())
        own, table = qualified(key.schema, key.name), qualified(key.schema, key.parent)
        return ("", own) not in gone and (table, key.name) not in gone

    def made_not_null(self, statement: Statement, relation: str, column: str) -> bool:
        """Return whether a statement before this one has made a column NOT NULL."""
        waiting: set[str] = set()
        for one in self.statements:
            if one.number >= statement.number:
                break
            for command in self.of(one):
                if qualified(self.schema(command.schema, command.name), command.name) != relation:
                    continue
                if command.verb == "SET NOT NULL" and command.columns == (column,):
                    return True
                if command.verb == "ADD NOT NULL" and command.columns == (column,):
                    if "NOT VALID" not in command.options:
                        return True
                    waiting.add(command.constraint)
                if command.verb == "VALIDATE CONSTRAINT" and command.constraint in waiting:
                    return True
        return False

    @staticmethod
    def _renamed(before: str, after: str, new: set[str], origins: dict[str, str]) -> None:
        if before in new:
            new.discard(before)
            new.add(after)
        else:
            new.discard(after)
            origins[after] = origins.pop(before, before)

    @cached_property
    def _existing(self) -> frozenset[str]:
        return frozenset(
            qualified(key.schema, key.name) for keys in self._by_name.values() for key in keys if not key.parent
        )

    def is_new(self, statement: Statement, relation: str) -> bool:
        """Return whether a relation has come with this plan, before this statement."""
        return relation in self._new.get(statement.number, ())

    def origin(self, statement: Statement, relation: str) -> str:
        """Return what a relation was called before the plan."""
        return self._origins.get(statement.number, {}).get(relation, relation)

    def exists(self, relation: str) -> bool:
        """Return whether the catalog knew a relation of this name before the plan."""
        return relation in self._existing

    def table(self, relation: str) -> Key:
        """Return the key of a table or a view that is known by its qualified name before the plan."""
        for name in self._tables.get(relation, ()):
            return name
        return Key("table", "", "", relation)

    @cached_property
    def _tables(self) -> Mapping[str, list[Key]]:
        found: dict[str, list[Key]] = {}
        for keys in self._by_name.values():
            for key in keys:
                if key.kind in _TABLES:
                    found.setdefault(qualified(key.schema, key.name), []).append(key)
        return found

    @cached_property
    def _partitions(self) -> Mapping[str, list[Key]]:
        found: dict[str, list[Key]] = {}
        for relation, keys in self._tables.items():
            parent = self.side.of(keys[0]).get("partition of")
            if parent:
                found.setdefault(str(parent), []).append(keys[0])
            for one in self.side.of(keys[0]).get("inherits") or ():
                if str(one) != relation:
                    found.setdefault(str(one), []).append(keys[0])
        return found

    def children(self, relation: str) -> list[Key]:
        """Return the partitions of a table, and the tables that inherit from it: those right below."""
        return sorted(self._partitions.get(relation, ()))

    def load(self, relation: str) -> Load:
        """Return what weighs on a relation by its name before the plan; a partitioned table has its partitions'."""
        found = self.live.of(relation) or self.live.of(self._owner_of_sequence(relation))
        own = load(found, counted=bool(self.live.counted_since))
        children = self.children(relation)
        if not children:
            return own
        return larger(own, together(self.load(qualified(one.schema, one.name)) for one in children))

    def _owner_of_sequence(self, relation: str) -> str:
        """The table whose column a sequence belongs to: its writers are those who take numbers."""
        for key in self._by_name.get(path(relation)[-1], ()) if relation else ():
            if key.kind == "sequence" and qualified(key.schema, key.name) == relation:
                return qualified(*path(str(self.side.of(key).get("owned by", "")))[:-1])
        return ""

    def work(self, statement: Statement, relations: Iterable[str]) -> Load:
        """Return what weighs on several relations together, none of them counted twice."""
        names = {self.origin(statement, one) for one in relations}
        inner = {
            qualified(child.schema, child.name) for one in names for child in self.children(one) if self.exists(one)
        }
        return together(self.load(one) for one in sorted(names - inner))

    def beside(self, statement: Statement) -> tuple[tuple[Statement, ...], tuple[Statement, ...]]:
        """Return the statements of the same transaction, before and after it; Alembic's own are left out."""
        if statement.autocommit:
            return (), ()
        same = self._by_transaction.get(statement.transaction, ())
        return (
            tuple(one for one in same if one.number < statement.number),
            tuple(one for one in same if one.number > statement.number),
        )

    def setting(self, statement: Statement, name: str) -> str:
        """Return what is in force before a statement: what the run sets for every revision, or the migration itself.

        A value that switches a limit off is none, and so is what a RESET brings back: the role's own, which is unknown.
        """
        local, session = "", self.limits.get(name, "")
        for one, command in self._settings:
            if one.number >= statement.number:
                break
            same_transaction = one.transaction == statement.transaction and not one.autocommit
            if not same_transaction and one.revision != statement.revision:
                continue
            if command.name.lower() not in (name, "all", ""):
                continue
            value = "" if command.verb == "RESET" else command.value.strip().strip("'")
            if "LOCAL" not in command.options:
                session = value
                local = value if same_transaction else local
            elif same_transaction:
                local = value
        value = local or session
        return "" if value in _OFF else value
