"""From differences to steps: what is dropped, made, made anew, altered, renamed, and what follows from that."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ops.catalog.diff import ADDED, CHANGED, REMOVED, RENAMED, Difference
from ops.catalog.names import mentions
from ops.catalog.roots import PARENTS, RELATIONS
from ops.catalog.values import Catalog, Key
from ops.remedy import (
    access,
    columns,
    constraints,
    indexes,
    options,
    renames,
    sequences,
    tables,
    words,
)
from ops.remedy.kinds import ALTER, CREATE, DROP
from ops.remedy.side import CONSTRAINTS, ROUTINES, Side, sql_name
from ops.remedy.steps import Change, Phase, Step

_FACETS = ("owner", "comment", "grant")

_SAID_APART = ("owner", "comment", "grants")
_MADE_AGAIN = (
    *RELATIONS,
    *CONSTRAINTS,
    *ROUTINES,
    "rule",
    "policy",
    "trigger",
    "index",
    "statistics",
    "event trigger",
)


class Work:
    """All that has to be done for some differences; `steps`, in no order, and the reasons why something is not."""

    def __init__(self, differences: Sequence[Difference], first: Catalog, second: Catalog) -> None:
        self.first, self.second = Side(first), Side(second)
        self.removed: set[Key] = set()
        self.added: set[Key] = set()
        self.anew: set[Key] = set()
        self._heirs: dict[Key, list[Key]] = defaultdict(list)
        self.privileges: set[Key] = set()
        self.again: set[Key] = set()
        self.steps: list[Step] = []
        self.reasons: list[str] = []
        self.changed: dict[Key, Change] = {}
        facets, renamed = [], []
        for one in sorted(differences, key=lambda one: one.action == CHANGED):
            if one.kind in _FACETS and one.kind != one.key.kind:
                facets.append(one)
            elif one.action == RENAMED and one.before is not None and one.kind not in renames.NEVER:
                renamed.append(one)
            else:
                self._take(one)
        for key in sorted(self.privileges):
            if Key("schema", "", "", key.schema) not in self.removed:
                self.steps += access.default_privileges(key, self.first, self.second)
        self._follow()
        self._drop()
        self._create()
        for key, change in self.changed.items():
            if key not in self.anew:
                self.steps += change.steps
        for one in renamed:
            assert one.before is not None
            self.steps += renames.renamed(one.before, one.key, self.first, self.second)
        for one in facets:
            self._facet(one)

    # -- what there is to do ------------------------------------------------------------------------------

    def _take(self, one: Difference) -> None:
        keys = [key for key in (one.key, *one.consequences) if key.kind != "default privileges"]
        self.privileges.update({one.key, *one.consequences, *([one.before] if one.before else [])} - {*keys})
        if one.kind == "default privileges":
            return
        if one.action == CHANGED:
            self._only(one)
            if {"options", "server options"} & one.details.keys():
                self._secrets(one.key)
            self.added.update(key for key in keys[1:] if self._is_new_part(key))
            change = ALTER[one.kind](one.key, self.first, self.second)
            self._changed(one.key, change)
        elif one.action == RENAMED and one.before is not None:
            self.removed.add(one.before)
            self.added.add(one.key)
        else:
            if one.action == REMOVED:
                self.removed.update(key for key in keys if key in self.first)
            if one.action == ADDED:
                self.added.update(key for key in keys if key in self.second)

    def _is_new_part(self, key: Key) -> bool:
        """Whether a view's column has something of its own now, and came with the view's change."""
        own = self.second.of(key)
        return key.kind == "column" and key not in self.first and key in self.second and "type" not in own

    def _secrets(self, key: Key) -> None:
        own = self.second.of(key)
        names = [*options.secrets(own.get("options")), *options.secrets(own.get("server options"))]
        if names:
            self.reasons.append(f"A catalog holds no secrets: set {', '.join(names)} of the {key.kind} {key} by hand.")

    def _invalid(self, key: Key) -> None:
        own = self.second.of(key)
        state = own.get("state") or own.get("index")
        partitioned = "partition key" in self.second.of(self.second.relation(key)) if key.parent else False
        if state in ("invalid", "not ready") and not partitioned:
            self.reasons.append(constraints.validity(key, state).why)

    def _only(self, one: Difference) -> None:
        """Of what differs in an object, only that counts which is not the consequence of something else."""
        before = {name: value for name, value in self.second.of(one.key).items() if name not in _SAID_APART}
        before |= {name: value for name, value in self.first.of(one.key).items() if name in _SAID_APART}
        for name, (value, _) in one.details.items():
            if value is None:
                before.pop(name, None)
            else:
                before[name] = value
        self.first.was(one.key, before)

    def _changed(self, key: Key, change: Change) -> None:
        if change.why and not (change.anew and not self._in_use(key)):
            self.reasons.append(f"{change.why} while it is in use." if change.anew else change.why)
            if not change.steps:
                return
        self.changed[key] = change
        if change.anew:
            self._make_anew(key)
        if change.loses:
            self.steps.append(Step(phase=Phase.SETTINGS, sql="", loses=change.loses))
        if key.kind == "column" and any(step.phase == Phase.COLUMN_TYPE for step in change.steps):
            self._make_column_users_anew(key, but_constraints=True)

    def _in_use(self, key: Key) -> bool:
        return any(one not in self.removed for one in self.first.speakers(sql_name(key)))

    # -- what follows from it ------------------------------------------------------------------------------

    def _follow(self) -> None:
        """Find what has to be made anew because of what it stands on."""
        new_routines = {sql_name(key) for key in self.added if key.kind in ROUTINES}
        for key in list(self.removed):
            if key.kind == "column" and self.first.relation(key) not in self.removed:
                self._make_column_users_anew(key)
            elif key.kind in ("primary key", "unique"):
                self._make_referring_anew(key)
            elif key.kind in ROUTINES and sql_name(key) in new_routines:
                self._make_speakers_anew(key)
        self._keep_sequences()

    def _keep_sequences(self) -> None:
        """A sequence that stays would go along with the column that owned it: that gives it up, where it can."""
        for column in sorted(key for key in self.removed if key.kind == "column"):
            for key in self.first.sequences_of(column):
                if key in self.removed or key not in self.second:
                    continue
                if self.first.of(column).get("identity") or self.second.is_of_identity(key):
                    self._make_anew(key)
                else:
                    self.steps += sequences.released(key)

    def _make_anew(self, key: Key) -> None:
        if key in self.anew or key not in self.first or key not in self.second:
            return
        self.anew.add(key)
        self.removed.add(key)
        self.added.add(key)
        if key.kind in PARENTS:
            self.removed.update(self.first.children(key))
            self.added.update(self.second.children(key))
        if key.kind == "column":
            self._make_column_users_anew(key)
        elif key.kind in ("primary key", "unique"):
            self._make_referring_anew(key)
        else:
            self._make_speakers_anew(key)

    def _make_speakers_anew(self, key: Key) -> None:
        for one in self.first.speakers(access.handle(key)):
            if one in self.removed or one not in self.second:
                continue
            if one.kind == "column":
                if "generated" in self.first.of(one):
                    self._make_anew(one)
                elif "default" in self.first.of(one):
                    self.again.add(one)
            elif one.kind in _MADE_AGAIN and (one.kind not in ("table", "foreign table") or not key.schema):
                self._make_anew(one)

    def _make_referring_anew(self, key: Key) -> None:
        for one in constraints.referring(key, self.first):
            if one not in self.removed and constraints.stands_on(one, key, self.first):
                self._make_anew(one)

    def _make_column_users_anew(self, key: Key, *, but_constraints: bool = False) -> None:
        relation = self.first.relation(key)
        kept = (*CONSTRAINTS, "index", "not null", "statistics") if but_constraints else ()
        near = [one for one in self.first.children(relation) if one.kind not in kept and one != key]
        far = [one for one in self.first.speakers(sql_name(relation)) if one.kind not in (*kept, "column", "table")]
        for one in dict.fromkeys((*near, *far)):
            own = self.first.of(one)
            if one in self.removed or one not in self.second:
                continue
            if one.kind == "column":
                if mentions(str(own.get("generated", "")), key.name):
                    self._make_anew(one)
            elif one.kind == "not null":
                if one.name == key.name:
                    self.removed.add(one)
                    self.added.add(one)
            elif one.kind in _MADE_AGAIN and one.kind not in ROUTINES and _speaks_of(own, key.name):
                self._make_anew(one)

    # -- steps ----------------------------------------------------------------------------------------------

    def _drop(self) -> None:
        whole = {key for key in self.removed if key.kind in PARENTS}
        circular = self._circular(whole)
        for key in whole:
            for parent in self.first.parents(key) if self.first.of(key).get("partition of") else ():
                self._heirs[parent].append(key)
        gone = {sql_name(key) for key in self.removed if key.kind == "column"}
        for key in sorted(self.removed):
            if key in whole and key.kind in ("table", "foreign table"):
                if not self._goes_with_parent(key, whole):
                    self.steps.append(tables.drop(key, self.first, self._with(key)))
            elif key in circular or not self._goes_along(key, whole, gone):
                self.steps.append(DROP[key.kind](key, self.first))
        for column in sorted(self.again):
            self.steps += columns.default(column, self.first, None, Phase.RELEASE)

    def _with(self, table: Key) -> list[Key]:
        found = self.first.children(table)
        found += [one for column in found if column.kind == "column" for one in self.first.sequences_of(column)]
        for one in self._heirs.get(table, ()):
            found += [one, *self._with(one)]
        return found

    def _goes_with_parent(self, key: Key, whole: set[Key]) -> bool:
        if not self.first.of(key).get("partition of"):
            return False
        return any(parent in whole for parent in self.first.parents(key))

    def _goes_along(self, key: Key, whole: set[Key], gone: set[str]) -> bool:
        """Whether an object goes when something else is dropped, without a word about it."""
        own = self.first.of(key)
        if key.kind == "sequence":
            return own.get("owned by") in gone
        if not key.parent:
            return False
        if self.first.relation(key) in whole:
            return True
        if own.get("inherited") and (above := self._above(key, self.first)) in self.removed:
            return above is not None and self.first.relation(above) not in whole
        if key.kind == "not null":
            return key._replace(kind="column") in self.removed
        named = constraints.columns_of(key.kind, str(own.get("definition", "")))
        if key.kind == "index":
            named = indexes.columns_of(key, own)
        return any(sql_name(key._replace(kind="column", name=one)) in gone for one in named or ())

    def _above(self, key: Key, side: Side) -> Key | None:
        column = side.parent_column(key._replace(kind="column"))
        return column._replace(kind=key.kind) if column else None

    def _circular(self, whole: set[Key]) -> set[Key]:
        """Foreign keys among dropped tables that refer to each other in a circle: these go first."""
        names = {sql_name(key): key for key in whole}
        bonds = []
        for key in self.removed:
            if key.kind == "foreign key" and (relation := self.first.relation(key)) in whole:
                for name in self.first.spoken(key):
                    if name in names and names[name] != relation:
                        bonds.append((key, relation, names[name]))
        rest = set(whole)
        standing = Counter(b for _, _, b in bonds)
        free = [one for one in rest if not standing[one]]
        while free:
            gone = set(free)
            rest -= gone
            let_go = [b for _, a, b in bonds if a in gone]
            standing.subtract(let_go)
            free = [one for one in dict.fromkeys(let_go) if not standing[one] and one in rest]
        return {key for key, a, b in bonds if a in rest and b in rest}

    def _create(self) -> None:
        done: set[Key] = set()
        late = frozenset(sql_name(key) for key in self.added if key.kind in ROUTINES)
        for key in sorted(self.added):
            if key.kind in ("table", "foreign table"):
                steps, made = tables.create(key, self.second, postponed=late)
                self.steps += steps
                done |= made | {key}
        for key in self._in_their_order(key for key in self.added - done if key.kind == "column"):
            if key not in done:
                done |= self._add_column(key, late)
        for key in sorted(self.added - done):
            if key.kind == "not null" and self._comes_with_parent(key):
                continue
            self.steps += CREATE[key.kind](key, self.second)
        for key in sorted(self.added):
            self._secrets(key)
            self._invalid(key)
            self.steps += access.of_new(key, self.first, self.second)
        for column in sorted(self.again):
            value = self.second.of(column).get("default")
            if column not in self.changed and value is not None:
                self.steps += columns.default(column, self.second, value)

    def _comes_with_parent(self, key: Key) -> bool:
        above = self._above(key, self.second) if self.second.of(key).get("inherited") else None
        if above is None or above not in self.added:
            return False
        # A table that is there and is attached to a new one has to have it before.
        return self.second.relation(key) in self.added or self.second.relation(above) not in self.added

    def _in_their_order(self, new: Iterable[Key]) -> Iterable[Key]:
        """New columns, table by table, in the order in which the server told them."""
        wanted = set(new)
        for relation in sorted({self.second.relation(key) for key in wanted}):
            yield from (key for key in self.second.children(relation, "column") if key in wanted)

    def _add_column(self, key: Key, late: frozenset[str]) -> set[Key]:
        if "type" not in self.second.of(key):
            self.steps += columns.part(key, self.second)
            return {key}
        if self._comes_with_parent(key):
            before = columns.inherited_part(key, self.second) | {"inherited": True}
            self.steps += columns.change(key, before, self.second, self.second).steps
            return {key}
        flag = key._replace(kind="not null")
        own = self.second.of(flag)
        plain = flag in self.added and bool(own.get("validated", True))
        postponed = bool(words.names_in(str(self.second.of(key).get("default", ""))) & late)
        steps, made = columns.add(key, self.second, postponed=postponed, not_null=plain)
        self.steps += steps
        return {key, *made, *([flag] if plain else [])}

    def _facet(self, one: Difference) -> None:
        key = one.key
        if key in self.added:
            return
        before, after = self.first.of(key), self.second.of(key)
        if one.kind == "comment":
            self.steps += access.comment(key, after.get("comment"), after, self.second)
            return
        if one.kind == "grant":
            self._grants(key, one.object)
            return
        self.steps += access.owner(key, before.get("owner"), self.second)
        self._grants(key)
        for column in self.second.children(key, "column") if key.kind in RELATIONS else ():
            if column not in self.added:
                self._grants(column)

    def _grants(self, key: Key, told: str = "") -> None:
        """Give and take what one difference tells of an object; without one, what another owner alone has changed."""
        said, new = self.first.of(key).get("grants") or {}, self.second.of(key).get("grants") or {}
        of_column = key.kind == "column"
        whole = self.second.relation(key) if of_column else key
        owners = (self.first.of(whole).get("owner"), self.second.of(whole).get("owner"))
        left = access.handed_over(said, *owners, of_column=of_column)
        for who in dict.fromkeys((*said, *left, *new)):
            if told.endswith(f" to {words.role(who)}") if told else said.get(who) == new.get(who):
                self.steps += access.grants(key, who, left.get(who, ()), new.get(who, ()), self.second.of(key))


def _speaks_of(own: Mapping[str, Any], column: str) -> bool:
    return any(mentions(text, column) for text in _strings(own))


def _strings(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _strings(one)
    elif isinstance(value, list):
        for one in value:
            yield from _strings(one)
