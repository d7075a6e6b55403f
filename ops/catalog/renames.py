"""What has another name now: found by everything else being equal, with all that only follows from it."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from ops.catalog.names import MARK, Path, marked, path, routine
from ops.catalog.newnames import IN_RELATIONS, NewNames
from ops.catalog.roots import PARENTS, RELATIONS
from ops.catalog.sides import FACETS, Sides
from ops.catalog.values import ROUTINES, Key, properties

Pair = tuple[Key, Key]

# Their definitions begin with their own names: with the schema, or without it.
_NAMED_IN_FULL = frozenset({"statistics", "function", "procedure"})
_NAMED = frozenset({"index", "trigger", "rule"})

# What has no ALTER ... RENAME, or goes with its column.
_NEVER = frozenset({"extension", "default privileges", "not null", "schema", *RELATIONS})
_IDENTIFYING = frozenset({"column", "not null"})


class Renames:
    """Finds renamed objects, and takes them and what follows from them out of the two sides."""

    def __init__(self, sides: Sides) -> None:
        self.sides = sides
        self.names = NewNames()
        self.found: dict[Key, Pair] = {}
        self.consequences: dict[Key, list[Key]] = {}

    def find(self) -> Iterator[tuple[Pair, tuple[Key, ...]]]:
        """Yield pairs of keys, before and after, each with the keys of what only follows from it."""
        if self.sides.old and self.sides.new:
            self._schemas()
            self._standing(lambda key: not key.parent)
            self._relations()
            self._standing(lambda key: key.kind == "column")
            self._standing(lambda key: key.kind != "column" and bool(key.parent))
            self._inherited()
        self._extensions()
        if self.names:
            self._explained()
            self._signatures()
        for key, pair in self.found.items():
            yield pair, tuple(sorted(self.consequences[key]))

    def following(self, key: Key) -> tuple[Key, ...]:
        """Return what only follows from a change of an object that was not renamed."""
        return tuple(sorted(self.consequences.get(key, ())))

    def _take(self, before: Key, key: Key, taken: Iterable[Key] = ()) -> None:
        del self.sides.old[before], self.sides.new[key]
        self.found[key] = (before, key)
        self.consequences[key] = list(taken)
        self.names.add(before, key)

    # -- schemas ------------------------------------------------------------------------------------

    def _schemas(self) -> None:
        """A schema with another name in which everything is the same."""
        old, new = (
            {key: self._content(key, where) for key in where if key.kind == "schema"}
            for where in (self.sides.old, self.sides.new)
        )
        for before, key in _pairs(old, new):
            taken = []
            for where, name in ((self.sides.old, before.name), (self.sides.new, key.name)):
                inside = [one for one in where if one.schema == name]
                for one in inside:
                    del where[one]
                taken += inside
            self._take(before, key, taken)

    def _content(self, schema: Key, where: Mapping[Key, str]) -> object:
        def blank(found: Path) -> Path | None:
            return (MARK, *found[1:]) if len(found) > 1 and found[0] == schema.name else None

        inside = sorted(
            (key.kind, key.parent, *_name(key, blank), _form(text, blank))
            for key, text in where.items()
            if key.schema == schema.name
        )
        return where[schema], tuple(inside)

    # -- whatever stands by itself ------------------------------------------------------------------

    def _standing(self, wanted: Callable[[Key], bool]) -> None:
        """Anything with another name in the same place, or with the same name in another schema."""
        whole = {
            (key.schema, key.name) for where in (self.sides.old, self.sides.new) for key in where if key.kind in PARENTS
        }

        def signatures(where: Mapping[Key, str], side: int) -> dict[Key, object]:
            return {
                key: self._signature(key, text, where, side)
                for key, text in where.items()
                if wanted(key) and key.kind not in _NEVER and (key.schema, key.parent) not in whole
            }

        old, new = signatures(self.sides.old, 0), signatures(self.sides.new, 1)
        if not (old and new):
            return
        for place in (_same_place, _same_name):
            pairs = _pairs(
                {key: (place(key), form) for key, form in old.items() if key in self.sides.old},
                {key: (place(key), form) for key, form in new.items() if key in self.sides.new},
            )
            for before, key in pairs:
                taken = self._not_null(before, key) if key.kind == "column" else ()
                self._take(before, key, taken)

    def _signature(self, key: Key, text: str, where: Mapping[Key, str], side: int) -> object:
        own = properties(text)
        form = self.names.form(key, own, side)
        if "definition" in own and isinstance(form["definition"], str):
            form["definition"] = _nameless(key, form["definition"])
        arguments = self.names.arguments(routine(key.name)[1], side) if key.kind in ROUTINES else ""
        flag = where.get(key._replace(kind="not null")) if key.kind == "column" else None
        return key.kind, arguments, flag, json.dumps(form, sort_keys=True)

    def _not_null(self, before: Key, key: Key) -> list[Key]:
        """The NOT NULLs of a renamed column, which are the same."""
        taken = []
        for where, one in ((self.sides.old, before), (self.sides.new, key)):
            flag = one._replace(kind="not null")
            if where.pop(flag, None) is not None:
                taken.append(flag)
        return taken

    def _inherited(self) -> None:
        """A partition's or a child's column is renamed with its parent's."""
        columns = [key for key in self.found if key.kind == "column"]
        ancestors = self.sides.ancestors({(key.schema, key.parent) for key in columns}) if columns else {}
        above = {
            key: one
            for key in columns
            for schema, table in ancestors.get((key.schema, key.parent), ())
            if (one := key._replace(schema=schema, parent=table)) in self.found
            and self.found[one][0].name == self.found[key][0].name
        }
        for key in above:
            top = above[key]
            while top in above:
                top = above[top]
            self.consequences[top] += [*self.found.pop(key), *self.consequences.pop(key)]

    # -- tables and views ---------------------------------------------------------------------------

    def _relations(self) -> None:
        """A table or a view with another name whose columns, constraints and the rest are all the same.

        Some are recognised only once those that they speak of are.
        """
        while self._more_relations():
            pass

    def _more_relations(self) -> bool:
        old, new = self._tables(self.sides.old, 0), self._tables(self.sides.new, 1)
        known = len(self.found)
        if not (old and new):
            return False
        for place in (_same_place, _same_name):
            pairs = _pairs(
                {key: (key.kind, place(key), one.signature) for key, one in old.items() if key in self.sides.old},
                {key: (key.kind, place(key), one.signature) for key, one in new.items() if key in self.sides.new},
            )
            for before, key in pairs:
                self._take(before, key)
                for one, other in _matched(old[before].parts, new[key].parts):
                    if one.name == other.name or one.kind in _IDENTIFYING:
                        del self.sides.old[one], self.sides.new[other]
                        self.consequences[key] += [one, other]
                        if not one.parent:
                            self.names.add(one, other)
                    else:
                        self._take(one, other)
        return len(self.found) > known

    def _tables(self, where: Mapping[Key, str], side: int) -> dict[Key, _Table]:
        relations = [key for key in where if key.kind in RELATIONS]
        if not relations:
            return {}
        children: dict[tuple[str, str], list[Key]] = defaultdict(list)
        for key in where:
            if key.parent:
                children[key.schema, key.parent].append(key)
            elif key.kind == "sequence" and (owner := properties(where[key]).get("owned by")):
                children[path(owner)[:2]].append(key)  # type: ignore[index]
        return {
            key: _Table(key, where[key], {one: where[one] for one in children[key.schema, key.name]}, self.names, side)
            for key in relations
        }

    # -- what follows -------------------------------------------------------------------------------

    def _extensions(self) -> None:
        """An extension's types move with it into another schema."""
        for key, (one, other) in self.sides.changed.items():
            if key.kind == "extension":
                before, after = properties(one)["schema"], properties(other)["schema"]
                if before != after:
                    self.names.move(key, before, after)
                    self.consequences.setdefault(key, [])

    def _explained(self) -> None:
        """Properties that are the same once the new names stand for the old ones."""
        for key, (one, other) in list(self.sides.changed.items()):
            before, after = properties(one), properties(other)
            same, because = self.names.explained(before, after)
            if same:
                self.sides.same_again(key, same)
                root = self._root(because)
                if root is not None and key != root and key not in self.consequences[root]:
                    self.consequences[root].append(key)

    def _signatures(self) -> None:
        """Routines that take a renamed type are called by its new name."""
        old = {key: self._signature(key, text, {}, 0) for key, text in self.sides.old.items() if key.kind in ROUTINES}
        new = {key: self._signature(key, text, {}, 1) for key, text in self.sides.new.items() if key.kind in ROUTINES}
        because = {key: self.names.named(routine(key.name)[1], 1) for key in new}
        for before, key in _pairs(
            {key: (key.schema, routine(key.name)[0], form) for key, form in old.items()},
            {key: (key.schema, routine(key.name)[0], form) for key, form in new.items()},
        ):
            root = self._root(because[key])
            if root is not None:
                del self.sides.old[before], self.sides.new[key]
                self.consequences[root] += [before, key]

    def _root(self, because: Key | None) -> Key | None:
        """The news that a name belongs to."""
        if because is None or because in self.consequences:
            return because
        return next((root for root, taken in self.consequences.items() if because in taken), None)


class _Table:
    """A relation as it is but for its name: `parts` are its children and sequences, each with its own form."""

    def __init__(self, key: Key, text: str, children: Mapping[Key, str], names: NewNames, side: int) -> None:
        sequences = {
            one.path: path(properties(own)["owned by"])[-1] for one, own in children.items() if one.kind == "sequence"
        }

        indexes = {(one.schema, one.name) for one in children if one.kind in IN_RELATIONS}

        def blank(found: Path) -> Path | None:
            if found in sequences:
                return (MARK + "s", sequences[found])
            if found[:2] == key.path:
                return (MARK + "t", *found[2:])
            if len(found) > 1 and found[0] == key.name != key.schema:
                return (MARK + "t", *found[1:])
            if found in indexes:
                return (MARK + "i",)
            return names.replaced(found, side)

        self._called = lambda found: names.replaced(found, side)
        self.parts = {one: self._part(one, own, blank) for one, own in children.items()}
        self.signature = (_form(text, blank), tuple(sorted(self.parts.values())))

    def _part(self, key: Key, text: str, blank: Callable[[Path], Path | None]) -> tuple[str, str, str]:
        own = properties(text)
        if isinstance(own.get("definition"), str):
            own["definition"] = _nameless(key, own["definition"])
            if key.kind == "trigger":  # its function may be called as the table is
                head, called, function = own["definition"].rpartition(" EXECUTE FUNCTION ")
                own["definition"] = marked(head, blank) + called + marked(function, self._called).replace(".", MARK)
        return key.kind, key.name if key.kind in _IDENTIFYING else "", _form(json.dumps(own), blank)


def _matched(old: Mapping[Key, object], new: Mapping[Key, object]) -> list[Pair]:
    """Pairs of equal children: those of the same name first, the others in the order of their names."""
    by_form: dict[object, tuple[list[Key], list[Key]]] = {}
    for side, keys in enumerate((old, new)):
        for key, form in keys.items():
            by_form.setdefault(form, ([], []))[side].append(key)
    pairs: list[Pair] = []
    for one, other in by_form.values():
        by_name = {key.name: key for key in other}
        same = [(key, by_name[key.name]) for key in one if key.name in by_name]
        names = {key.name for key, _ in same}
        pairs += same
        pairs += zip(
            sorted(key for key in one if key.name not in names),
            sorted(key for key in other if key.name not in names),
            strict=True,
        )
    return pairs


def _pairs(old: Mapping[Key, object], new: Mapping[Key, object]) -> list[Pair]:
    """Pairs of keys with the same signature, where there is no doubt which belongs to which."""
    by_signature: dict[object, tuple[list[Key], list[Key]]] = {}
    for side, keys in enumerate((old, new)):
        for key, signature in keys.items():
            by_signature.setdefault(signature, ([], []))[side].append(key)
    return sorted((one[0], other[0]) for one, other in by_signature.values() if len(one) == 1 and len(other) == 1)


def _same_place(key: Key) -> object:
    return "place", key.schema, key.parent


def _same_name(key: Key) -> object:
    """A name in another schema; what belongs to a relation moves with it, and never alone."""
    return ("name", routine(key.name)[0] if key.kind in ROUTINES else key.name) if not key.parent else ("none", key)


def _name(key: Key, blank: Callable[[Path], Path | None]) -> tuple[str, str]:
    bare, arguments = routine(key.name) if key.kind in ROUTINES else (key.name, "")
    return bare, marked(arguments, blank)


def _nameless(key: Key, definition: str) -> str:
    """A definition without the name with which it begins."""
    if key.kind not in _NAMED and key.kind not in _NAMED_IN_FULL:
        return definition
    own = key.path if key.kind in _NAMED_IN_FULL else (key.name,)
    return marked(definition, lambda found: (MARK,) if found == own else None, once=True)


def _form(text: str, blank: Callable[[Path], Path | None]) -> str:
    """A text in which names are blanked out, but not in what a person wrote about the object."""
    own = {name: one if name in FACETS else _blanked(one, blank) for name, one in properties(text).items()}
    return json.dumps(own, sort_keys=True)


def _blanked(value: Any, blank: Callable[[Path], Path | None]) -> Any:
    if isinstance(value, str):
        return marked(value, blank)
    if isinstance(value, list):
        return [_blanked(one, blank) for one in value]
    if isinstance(value, Mapping):
        return {marked(name, blank): _blanked(one, blank) for name, one in value.items()}
    return value
