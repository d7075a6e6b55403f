"""What a rule is given: one command, with its statement, its place and the live table. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ops.catalog.values import Key
from ops.commands import Command
from ops.hazards import reading
from ops.hazards.claims import claimed
from ops.hazards.scene import Scene, built_on
from ops.hazards.weight import Load
from ops.remedy.side import CONSTRAINTS, Side
from ops.remedy.words import qualified
from ops.statement import Mode, Statement

NOTHING = Command(verb="")
_ROWS = frozenset({"INSERT", "UPDATE", "DELETE", "MERGE"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One command of one statement; for rules that look at a whole statement, the first.

    Relations are named as in `Statement`: qualified, quoted where SQL wants it.
    """

    scene: Scene = field(repr=False)
    statement: Statement
    command: Command = NOTHING

    # -- names and objects ------------------------------------------------------------------------------

    @property
    def commands(self) -> tuple[Command, ...]:
        """All commands of the statement."""
        return self.scene.of(self.statement)

    @property
    def side(self) -> Side:
        """The catalog before the plan, with what is looked up in it."""
        return self.scene.side

    @property
    def major(self) -> int:
        """The server's major version."""
        return self.scene.major

    def named(self, schema: str, name: str) -> str:
        """Return the qualified name of a relation that the text may name without its schema."""
        return qualified(self.scene.schema(schema, name), name)

    @property
    def schema(self) -> str:
        """The schema of the command's relation."""
        return self.scene.schema(self.command.schema, self.command.name)

    @property
    def relation(self) -> str:
        """The command's relation."""
        return qualified(self.schema, self.command.name)

    @property
    def indexed(self) -> str:
        """The table of the index that the command names, be it as a table; empty where it names none."""
        for one in self.statement.locks:
            if one.relation == self.relation and "index" in one.kind:
                return one.parent
        found = self.scene.index(self.command.schema, self.command.name)
        return qualified(found.schema, found.parent) if found else ""

    @property
    def origin(self) -> str:
        """What the command's relation was called before the plan."""
        return self.scene.origin(self.statement, self.relation)

    @property
    def key(self) -> Key:
        """The key of the command's relation in the catalog before the plan."""
        return self.scene.table(self.origin)

    @property
    def own(self) -> Mapping[str, Any]:
        """The properties of the command's relation before the plan."""
        return self.side.of(self.key)

    def column(self, name: str) -> Mapping[str, Any]:
        """Return the properties of a column of the command's relation before the plan; none where there is none."""
        return self.side.of(Key("column", self.key.schema, self.key.name, name))

    def is_not_null(self, name: str) -> bool:
        """Return whether a column was NOT NULL before the plan."""
        key = Key("not null", self.key.schema, self.key.name, name)
        return key in self.side and bool(self.side.of(key).get("validated", True))

    def becomes_not_null(self, name: str) -> bool:
        """Return whether a column is NOT NULL when the statement is run: it was, or an earlier one has made it so."""
        return self.is_not_null(name) or self.scene.made_not_null(self.statement, self.relation, name)

    def children(self, *kinds: str) -> list[Key]:
        """Return what belonged to the command's relation before the plan, and was not dropped since."""
        found = self.side.children(self.key, *kinds)
        return [one for one in found if self.scene.is_there(self.statement, one)]

    def speakers(self, *kinds: str) -> list[Key]:
        """Return what stood on the command's relation before the plan, and was not dropped since."""
        found = self.side.speakers(self.origin)
        return [one for one in found if one.kind in kinds and self.scene.is_there(self.statement, one)]

    def constraint(self, name: str) -> Key | None:
        """Return the key of a constraint of the command's relation before the plan."""
        found = self.children(*CONSTRAINTS)
        return next((one for one in found if one.name == name), None)

    @property
    def is_partitioned(self) -> bool:
        """Whether the command's relation is a partitioned table."""
        return "partition key" in self.own

    @property
    def leaves(self) -> tuple[Key, ...]:
        """The partitions of the command's relation that hold rows, those of partitions included."""
        found: list[Key] = []
        waiting = self.scene.children(self.origin)
        while waiting:
            one, *waiting = waiting
            if "partition key" in self.side.of(one):
                waiting += self.scene.children(qualified(one.schema, one.name))
            else:
                found.append(one)
        return tuple(found)

    @property
    def is_new(self) -> bool:
        """Whether the command's relation came with this plan: then nobody waits for it, and it holds nothing."""
        return self.is_new_relation(self.relation)

    def is_new_relation(self, relation: str) -> bool:
        """Return whether a relation came with this plan, or is none that was there before."""
        if self.scene.is_new(self.statement, relation):
            return True
        known = self.scene.exists(self.scene.origin(self.statement, relation))
        return self.statement.measured and not known and self.statement.lock_on(relation) is None

    # -- what was measured ------------------------------------------------------------------------------

    def measured(self, fact: bool, *, otherwise: bool) -> bool:
        """Return what was measured; where nothing was, what the text says would have been."""
        return fact if self.statement.measured else otherwise

    def mode(self, relation: str) -> Mode | None:
        """Return the strongest lock on a relation, as measured; where nothing was, as such commands take it."""
        if self.statement.measured:
            return self.statement.lock_on(relation)
        found = [mode for one in self.commands for name, mode in claimed(one, self.named) if name == relation]
        return max(found, default=None)

    @property
    def locks(self) -> Mapping[str, Mode]:
        """The strongest lock on each table and the like that was there before, be it through an index of it."""
        found: dict[str, Mode] = {}
        if self.statement.measured:
            pairs = [(one.relation, one.mode) for one in self.statement.waited_for]
        else:
            pairs = [
                (name, mode)
                for one in self.commands
                for name, mode in claimed(one, self.named)
                if not self.is_new_relation(name)
            ]
        for relation, mode in pairs:
            found[relation] = max(mode, found.get(relation, mode))
        return found

    @property
    def rewrites(self) -> tuple[str, ...]:
        """The relations that got a new heap."""
        return tuple(one for one in self.statement.rewrites if not self.is_new_relation(one))

    @property
    def scans(self) -> tuple[str, ...]:
        """The relations that were read whole."""
        return tuple(one for one in self.statement.scans if not self.is_new_relation(one))

    @property
    def builds(self) -> tuple[str, ...]:
        """The tables on which indexes were built."""
        on = (built_on(one) for one in self.statement.index_builds)
        return tuple(dict.fromkeys(one for one in on if not self.is_new_relation(one)))

    def within(self, relations: tuple[str, ...], relation: str = "") -> tuple[str, ...]:
        """Return which of these relations are the command's, or another one, with all partitions and children."""
        top = self.scene.origin(self.statement, relation or self.relation)
        mine, waiting = {top}, [top]
        while waiting:
            below = [qualified(one.schema, one.name) for one in self.scene.children(waiting.pop())]
            waiting += [one for one in below if one not in mine]
            mine.update(below)
        return tuple(one for one in relations if self.scene.origin(self.statement, one) in mine)

    # -- its weight and its place -----------------------------------------------------------------------

    def load(self, *relations: str) -> Load:
        """Return what weighs on relations together, or on the command's."""
        return self.scene.work(self.statement, relations or (self.relation,))

    @property
    def earlier(self) -> tuple[Statement, ...]:
        """The statements before it in its transaction."""
        return self.scene.beside(self.statement)[0]

    @property
    def later(self) -> tuple[Statement, ...]:
        """The statements behind it in its transaction."""
        return self.scene.beside(self.statement)[1]

    def at(self, statement: Statement) -> Subject:
        """Return another statement of the plan as a subject."""
        return Subject(scene=self.scene, statement=statement)

    @property
    def works(self) -> tuple[str, ...]:
        """The relations that it reads whole, writes anew, builds indexes on, or writes rows of."""
        found = (*self.rewrites, *self.scans, *self.builds, *self.written, *reading.read(self))
        return tuple(dict.fromkeys(found))

    @property
    def written(self) -> tuple[str, ...]:
        """The relations that were there before, and whose rows it writes."""
        found = (self.named(one.schema, one.name) for one in self.commands if one.verb in _ROWS or _copies_in(one))
        return tuple(dict.fromkeys(one for one in found if not self.is_new_relation(one)))

    @property
    def has_lock_timeout(self) -> bool:
        """Whether the migration itself has set how long this statement may wait for a lock."""
        return bool(self.scene.setting(self.statement, "lock_timeout"))


def _copies_in(command: Command) -> bool:
    return command.verb == "COPY" and "FROM" in command.options
