"""What differs between two catalogs: pure, and the same backwards with the words turned round."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ops.catalog.followers import Followers
from ops.catalog.names import quoted
from ops.catalog.renames import Renames
from ops.catalog.roots import Family
from ops.catalog.sides import FACETS, Sides, differing
from ops.catalog.values import Catalog, Key, properties

ADDED, REMOVED, CHANGED, RENAMED = "added", "removed", "changed", "renamed"
_MIRROR = {ADDED: REMOVED, REMOVED: ADDED, CHANGED: CHANGED, RENAMED: RENAMED}
_CERTAINTY = "probable: everything but the name is equal"


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
        if self.before is not None:
            return renamed(self.key, self.before, self.consequences)
        details = dict(self.details)
        if self.action == CHANGED:
            details = {name: [after, before] for name, (before, after) in details.items()}
        return Difference(
            action=_MIRROR[self.action],
            kind=self.kind,
            object=self.object,
            key=self.key,
            details=details,
            consequences=self.consequences,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {
            "action": self.action,
            "kind": self.kind,
            "object": self.object,
            "key": list(self.key),
            "details": dict(self.details),
            "consequences": [list(key) for key in self.consequences],
            "before": list(self.before) if self.before else None,
        }

    @classmethod
    def from_dict(cls, one: Mapping[str, Any]) -> Difference:
        """Return what `to_dict` wrote."""
        return cls(
            action=one["action"],
            kind=one["kind"],
            object=one["object"],
            key=Key._make(one["key"]),
            details=one["details"],
            consequences=tuple(Key._make(key) for key in one["consequences"]),
            before=Key._make(one["before"]) if one["before"] else None,
        )


def diff(first: Catalog, second: Catalog) -> tuple[Difference, ...]:
    """Return what one has to do to the first catalog to get the second, sorted by object.

    Objects of a kind that one of the two could not read are left out: nothing is known about them.
    """
    if first.fingerprint == second.fingerprint:
        return ()
    sides = Sides(first, second)
    renames = Renames(sides)
    found = [renamed(before, key, consequences) for (before, key), consequences in renames.find()]
    followers = Followers(sides)
    for where, action in ((sides.new, ADDED), (sides.old, REMOVED)):
        family = Family(where, sides.ancestors())
        for key, consequences in family.groups().items():
            found.append(
                Difference(
                    action=action,
                    kind=key.kind,
                    object=str(key),
                    key=key,
                    details=family.properties[key],
                    consequences=consequences,
                )
            )
    for key, (one, other) in sides.changed.items():
        before, after = properties(one), properties(other)
        _let_go_with_owner(before, after)
        for facet in FACETS:
            found.extend(_facet(key, facet, before.get(facet), after.get(facet), followers))
        details = differing(before, after)
        consequences = tuple(sorted((*renames.following(key), *followers.of(key))))
        if details:
            found.append(
                Difference(
                    action=CHANGED,
                    kind=key.kind,
                    object=str(key),
                    key=key,
                    details=details,
                    consequences=consequences,
                )
            )
    return tuple(sorted(found, key=lambda one: (one.object, one.kind, one.action)))


def renamed(before: Key, key: Key, consequences: tuple[Key, ...] = ()) -> Difference:
    """Return the difference between two names."""
    return Difference(
        action=RENAMED,
        kind=key.kind,
        object=str(key),
        key=key,
        before=before,
        details={"from": str(before), "certainty": _CERTAINTY},
        consequences=consequences,
    )


def _let_go_with_owner(before: dict[str, Any], after: dict[str, Any]) -> None:
    """What an owner has denied himself is denied to the next one: that is no news beside the new owner."""
    old, new = before.get("owner"), after.get("owner")
    denied, still = (before.get("grants") or {}), (after.get("grants") or {})
    if old != new and old in denied and denied[old] == still.get(new) and new not in denied and old not in still:
        before["grants"] = {role: rights for role, rights in denied.items() if role != old}
        after["grants"] = {role: rights for role, rights in still.items() if role != new}


def _facet(key: Key, facet: str, before: Any, after: Any, followers: Followers) -> Iterable[Difference]:
    """An owner, a comment or a grant that changed: news of its own, as nothing of the object did."""
    if before == after or followers.has(key, facet):
        return
    name = f"{key.kind} {key}"
    if facet != "grants":
        action = CHANGED if before is not None and after is not None else ADDED if before is None else REMOVED
        details = {facet: [before, after]} if action == CHANGED else {facet: after if before is None else before}
        yield Difference(
            action=action,
            kind=facet,
            object=name,
            key=key,
            details=details,
            consequences=followers.of(key, facet),
        )
        return
    before, after = before or {}, after or {}
    for role in dict.fromkeys((*before, *after)):
        one, other = before.get(role), after.get(role)
        if one == other:
            continue
        action = CHANGED if one and other else ADDED if other else REMOVED
        details = {"rights": [one, other]} if action == CHANGED else {"rights": other or one}
        grantee = role if role in ("PUBLIC", '"PUBLIC"') else quoted(role)
        yield Difference(action=action, kind="grant", object=f"{name} to {grantee}", key=key, details=details)
