"""What differs between two catalogs: pure, and the same backwards with the words turned round."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ops.catalog.roots import ON_COLUMNS, RELATIONS, Family, name_pattern
from ops.catalog.values import Catalog, Key, properties, quoted

ADDED, REMOVED, CHANGED, RENAMED = "added", "removed", "changed", "renamed"
_MIRROR = {ADDED: REMOVED, REMOVED: ADDED, CHANGED: CHANGED, RENAMED: RENAMED}

_FACETS = ("owner", "comment", "grants")


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One difference, from the first catalog to the second.

    `details` maps each property to what it is (added, removed) or to [before, after] (changed). `consequences` are
    the keys of objects that differ only because this one does. `before` is the former key of what was, probably,
    renamed.
    """

    action: str
    kind: str
    object: str
    key: Key
    details: Mapping[str, Any] = field(default_factory=dict)
    consequences: tuple[Key, ...] = ()
    before: Key | None = None

    def mirrored(self) -> Difference:
        """Return the difference as it is from the second catalog to the first."""
        details = dict(self.details)
        if self.action == CHANGED:
            details = {name: [after, before] for name, (before, after) in details.items()}
        key, before = (self.before, self.key) if self.before else (self.key, None)
        return Difference(
            action=_MIRROR[self.action],
            kind=self.kind,
            object=str(key) if before else self.object,
            key=key,
            details=details,
            consequences=self.consequences if not before else (),
            before=before,
        )


def diff(first: Catalog, second: Catalog) -> tuple[Difference, ...]:
    """Return what one has to do to the first catalog to get the second, sorted by object.

    Objects of a kind that one of the two could not read are left out: nothing is known about them.
    """
    return _Comparison(first, second).differences()


class _Comparison:
    def __init__(self, first: Catalog, second: Catalog) -> None:
        unread = {*first.unread, *second.unread}
        a, b = first.texts, second.texts
        self.old = {key: a[key] for key in a.keys() - b.keys() if key.kind not in unread}
        self.new = {key: b[key] for key in b.keys() - a.keys() if key.kind not in unread}
        self.changed = {
            key: (a[key], b[key]) for key in a.keys() & b.keys() if a[key] != b[key] and key.kind not in unread
        }
        self.first, self.second = a, b

    def differences(self) -> tuple[Difference, ...]:
        found: list[Difference] = []
        found.extend(self._renamed_tables())
        found.extend(self._renamed())
        found.extend(self._whole(self.new, ADDED))
        found.extend(self._whole(self.old, REMOVED))
        found.extend(self._properties())
        return tuple(sorted(found, key=lambda one: (one.object, one.kind, one.action)))

    # -- renames ------------------------------------------------------------------------------------

    def _renamed_tables(self) -> Iterable[Difference]:
        """A table with another name whose columns, constraints and indexes are all the same."""
        for kind in RELATIONS:
            old_keys = [key for key in self.old if key.kind == kind]
            new_keys = [key for key in self.new if key.kind == kind]
            if not (old_keys and new_keys):
                continue
            old_children, new_children = _by_parent(self.old), _by_parent(self.new)
            old = {key: self._table_signature(key, self.old, old_children) for key in old_keys}
            new = {key: self._table_signature(key, self.new, new_children) for key in new_keys}
            for before, key in _pairs(old, new):
                consequences = self._take_children(before, self.old) + self._take_children(key, self.new)
                consequences += self._take_explained(_qualified(before), _qualified(key))
                del self.old[before], self.new[key]
                yield _rename(before, key, consequences)

    def _table_signature(
        self, key: Key, where: Mapping[Key, str], children_of: Mapping[tuple[str, str], list[Key]]
    ) -> tuple[object, ...]:
        own = _qualified(key)
        children = sorted(
            # the names of constraints and indexes stay when a table is renamed by hand, and change when it is
            # made anew: neither tells whether it is the same table
            (
                child.kind,
                child.name if child.kind in ("column", "not null") else "",
                _without(where[child], own, child.name),
            )
            for child in children_of.get((key.schema, key.name), ())
        )
        return (_without(where[key], own, key.name), *children)

    def _renamed(self) -> Iterable[Difference]:
        """Anything else with another name, in the same place, of which everything else is the same."""
        old = {key: (key.kind, key.schema, key.parent, _without(text, "", key.name)) for key, text in self.old.items()}
        new = {key: (key.kind, key.schema, key.parent, _without(text, "", key.name)) for key, text in self.new.items()}
        for before, key in _pairs(_standing(old), _standing(new)):
            del self.old[before], self.new[key]
            consequences: tuple[Key, ...] = ()
            if key.kind == "column":
                consequences = self._take_not_null(before, key) + self._take_explained(
                    quoted(before.name), quoted(key.name), table=(key.schema, key.parent)
                )
            elif key.kind == "schema":
                consequences = self._take_moved(before.name, key.name)
            elif key.kind not in ON_COLUMNS:
                consequences = self._take_explained(_qualified(before), _qualified(key))
            yield _rename(before, key, consequences)

    def _take_not_null(self, before: Key, key: Key) -> tuple[Key, ...]:
        taken = []
        for where, one in ((self.old, before), (self.new, key)):
            flag = one._replace(kind="not null")
            if flag in where:
                del where[flag]
                taken.append(flag)
        return tuple(taken)

    def _take_children(self, parent: Key, where: dict[Key, str]) -> tuple[Key, ...]:
        taken = tuple(key for key in where if key.parent == parent.name and key.schema == parent.schema)
        for key in taken:
            del where[key]
        return taken

    def _take_moved(self, before: str, after: str) -> tuple[Key, ...]:
        taken = tuple(key for key in self.old if key.schema == before) + tuple(
            key for key in self.new if key.schema == after
        )
        for key in taken:
            self.old.pop(key, None)
            self.new.pop(key, None)
        return taken + self._take_explained(f"{quoted(before)}.", f"{quoted(after)}.")

    def _take_explained(self, before: str, after: str, table: tuple[str, str] | None = None) -> tuple[Key, ...]:
        """Objects whose text is the same once the new name stands for the old one."""
        taken = []
        for key, (one, other) in list(self.changed.items()):
            if table is not None and (key.schema, key.parent) != table and key.kind != "sequence":
                continue
            if _swapped(one, before, after) == _swapped(other, before, after):
                del self.changed[key]
                taken.append(key)
        return tuple(taken)

    # -- added and removed ---------------------------------------------------------------------------

    def _whole(self, keys: Mapping[Key, str], action: str) -> Iterable[Difference]:
        family = Family(keys, self._ancestors())
        changed_columns = {str(key): key for key in self.changed if key.kind == "column"}
        for key, consequences in family.groups().items():
            own = family.properties[key]
            if key.kind == "sequence" and own.get("owned by") in changed_columns:
                continue  # an identity or a default that came or went: the column's own news
            yield Difference(
                action=action, kind=key.kind, object=str(key), key=key, details=own, consequences=consequences
            )

    def _ancestors(self) -> dict[tuple[str, str], tuple[tuple[str, str], ...]]:
        """The tables from which the partitions and children among the differing ones have their columns."""
        children = {
            (key.schema, key.parent)
            for where in (self.old, self.new, self.changed)
            for key in where
            if key.kind in ("column", "not null")
        }
        tables = [Key("table", schema, "", name) for schema, name in children]
        texts = {key: text for key in tables if (text := self.second.get(key) or self.first.get(key))}
        if not any('"partition of" : "' in text or '"inherits" : [' in text for text in texts.values()):
            return {}
        named = {str(key): key for key in (*self.first, *self.second) if key.kind == "table"}
        found: dict[tuple[str, str], tuple[tuple[str, str], ...]] = {}
        for key, text in texts.items():
            own = properties(text)
            parents = [named[name] for name in (own.get("partition of"), *(own.get("inherits") or ())) if name in named]
            found[(key.schema, key.name)] = tuple((one.schema, one.name) for one in parents)
        return found

    # -- changed -------------------------------------------------------------------------------------

    def _properties(self) -> Iterable[Difference]:
        ancestors = self._ancestors()
        for key, (one, other) in self.changed.items():
            before, after = properties(one), properties(other)
            for facet in _FACETS:
                yield from _facet(key, facet, before.pop(facet, None), after.pop(facet, None))
            details = {
                name: [before.get(name), after.get(name)]
                for name in dict.fromkeys((*before, *after))
                if before.get(name) != after.get(name)
            }
            if details and not self._only_inherited(key, details, ancestors):
                yield Difference(action=CHANGED, kind=key.kind, object=str(key), key=key, details=details)

    def _only_inherited(
        self,
        key: Key,
        details: Mapping[str, Any],
        ancestors: Mapping[tuple[str, str], tuple[tuple[str, str], ...]],
    ) -> bool:
        """Whether a partition's or a child's column changed because its parent's did, in the same way."""
        if not properties(self.second[key]).get("inherited"):
            return False
        for schema, table in ancestors.get((key.schema, key.parent), ()):
            above = key._replace(schema=schema, parent=table)
            if above in self.changed:
                before, after = (properties(one) for one in self.changed[above])
                if all([before.get(name), after.get(name)] == pair for name, pair in details.items()):
                    return True
        return False


def _facet(key: Key, facet: str, before: Any, after: Any) -> Iterable[Difference]:
    """An owner, a comment or a grant that changed: news of its own, as nothing of the object did."""
    if before == after:
        return
    name = f"{key.kind} {key}"
    if facet != "grants":
        action = CHANGED if before is not None and after is not None else ADDED if before is None else REMOVED
        details = {facet: [before, after]} if action == CHANGED else {facet: after if before is None else before}
        yield Difference(action=action, kind=facet, object=name, key=key, details=details)
        return
    before, after = before or {}, after or {}
    for role in dict.fromkeys((*before, *after)):
        one, other = before.get(role), after.get(role)
        if one == other:
            continue
        action = CHANGED if one and other else ADDED if other else REMOVED
        details = {"rights": [one, other]} if action == CHANGED else {"rights": other or one}
        grantee = role if role == "PUBLIC" else quoted(role)
        yield Difference(action=action, kind="grant", object=f"{name} to {grantee}", key=key, details=details)


def _by_parent(keys: Iterable[Key]) -> dict[tuple[str, str], list[Key]]:
    found: dict[tuple[str, str], list[Key]] = {}
    for key in keys:
        found.setdefault((key.schema, key.parent), []).append(key)
    return found


def _pairs(old: Mapping[Key, object], new: Mapping[Key, object]) -> list[tuple[Key, Key]]:
    """Pairs of keys with the same signature, where there is no doubt which belongs to which."""
    by_signature: dict[object, tuple[list[Key], list[Key]]] = {}
    for side, keys in enumerate((old, new)):
        for key, signature in keys.items():
            by_signature.setdefault(signature, ([], []))[side].append(key)
    return [(one[0], other[0]) for one, other in by_signature.values() if len(one) == 1 and len(other) == 1]


def _standing(keys: Mapping[Key, Any]) -> dict[Key, Any]:
    """What can be renamed by itself: a column's NOT NULL goes with the column, and so does what stands on it.

    What belongs to a table that came or went as a whole is that table's affair.
    """
    whole = {(key.schema, key.name) for key in keys if key.kind in RELATIONS}
    schemas = {key.name for key in keys if key.kind == "schema"}
    return {
        key: signature
        for key, signature in keys.items()
        if key.kind not in ("not null", *RELATIONS)
        and (key.schema, key.parent) not in whole
        and key.schema not in schemas
    }


def _rename(before: Key, key: Key, consequences: tuple[Key, ...]) -> Difference:
    return Difference(
        action=RENAMED,
        kind=key.kind,
        object=str(key),
        key=key,
        before=before,
        details={"from": str(before), "certainty": "probable: everything but the name is equal"},
        consequences=tuple(sorted(consequences)),
    )


def _qualified(key: Key) -> str:
    return f"{quoted(key.schema)}.{quoted(key.name)}" if key.schema else quoted(key.name)


def _without(text: str, qualified: str, name: str) -> str:
    """The text with the object's own name blanked out, as it stands in JSON."""
    for own in (qualified, name if "(" not in name else name.partition("(")[0]):
        if own:
            text = name_pattern(own).sub("\x00", text)
    return text


def _swapped(text: str, before: str, after: str) -> str:
    return name_pattern(after).sub("\x00", name_pattern(before).sub("\x00", text))
