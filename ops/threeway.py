"""Who made each difference: three catalogs judged together.

*Models* are what the application's metadata makes of an empty database, *head* and *current* what the version
files make of one, up to their end and up to the revision that the database claims, and *live* is the
database. Pure: no connection, clock or file.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from ops.catalog.diff import CHANGED, RENAMED, Difference, diff
from ops.catalog.values import Catalog, Key


class Cause(StrEnum):
    """Whose a difference is."""

    MODEL_WITHOUT_MIGRATION = "model-without-migration"
    PENDING = "pending"
    CHANGED_BY_HAND = "changed-by-hand"
    AHEAD_BY_HAND = "ahead-by-hand"
    UNMANAGED = "unmanaged"


# What SQLAlchemy's metadata can say of each kind; None stands for everything. Nothing else of a database ever
# counts as a difference between models and migrations.
_EXPRESSIBLE: Mapping[str, frozenset[str] | None] = {
    "table": frozenset({"persistence", "partition key", "inherits", "options", "tablespace", "access method"}),
    "column": frozenset({"type", "collation", "default", "identity", "generated"}),
    "not null": frozenset(),
    "primary key": frozenset({"definition"}),
    "unique": frozenset({"definition"}),
    "foreign key": frozenset({"definition"}),
    "check": frozenset({"definition"}),
    "exclusion": frozenset({"definition"}),
    "index": frozenset({"definition", "tablespace"}),
    "sequence": frozenset({"type", "start", "increment", "minimum", "maximum", "cache", "cycle"}),
    "enum": frozenset({"labels"}),
    "domain": None,
}
_COMMENTED = frozenset({"table", "column"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One difference with its cause; `key` is the object by which it is blamed."""

    difference: Difference
    cause: Cause


Differ = Callable[[Catalog, Catalog], tuple[Difference, ...]]


def judge(
    *,
    live: Catalog,
    current: Catalog | None,
    head: Catalog | None,
    models: Catalog | None,
    kinds_made: Callable[[], frozenset[str]],
    without: Callable[[Key], bool] = lambda key: False,
    is_of_a_column: Callable[[Key], bool] = lambda key: True,
    is_unnamed: Callable[[Key], bool] = lambda key: False,
    is_elsewhere: Callable[[Key], bool] = lambda key: False,
    differ: Differ = diff,
) -> tuple[Judged, ...]:
    """Return every difference with its cause, as far as the sides are known.

    `kinds_made` are the kinds of which some revision ever made an object, and "grant" and "comment" where some revision
    ever gave one; `without` tells the objects of which nothing is known on the models' side, and `is_elsewhere` those
    in a schema that the project does not look at. `is_of_a_column` tells the types and sequences that some column of
    the migrations ever had: of the others models need to know nothing. `is_unnamed` tells the constraints whose names
    the models leave to the server: those may have any. `differ` may know some answers already.
    """

    def drafts(catalog: Catalog, models: Catalog) -> tuple[Difference, ...]:
        found = (one for one in _expressed(differ(catalog, models)) if not without(one.key))
        found = (one for one in found if one.action != RENAMED or not is_unnamed(one.key))
        return tuple(one for one in found if not _is_optional(one) or is_of_a_column(one.key))

    pending = differ(current, head) if current is not None and head is not None else ()
    drafted: tuple[Difference, ...] = ()
    if head is not None and models is not None:
        drafted = drafts(head, models)
    ahead: set[object] = set()
    found: list[Judged] = []
    if current is not None and live.fingerprint != current.fingerprint:
        modelled = drafts(current, models) if models is not None else ()
        found, ahead = _by_hand(live, current, head, models, pending, modelled, kinds_made, is_elsewhere)
    found += [
        Judged(difference=one, cause=Cause.PENDING)
        for one in pending
        if not ahead or head is None or _signature(one, head) not in ahead
    ]
    found += [Judged(difference=one, cause=Cause.MODEL_WITHOUT_MIGRATION) for one in drafted]
    return tuple(found)


def _by_hand(
    live: Catalog,
    current: Catalog,
    head: Catalog | None,
    models: Catalog | None,
    pending: Sequence[Difference],
    modelled: Sequence[Difference],
    kinds_made: Callable[[], frozenset[str]],
    is_elsewhere: Callable[[Key], bool],
) -> tuple[list[Judged], set[object]]:
    """What was done to the database past its migrations, and the signatures of what is thereby done already."""
    coming = {_signature(one, head) for one in pending} if head is not None else set()
    said = {_signature(one, models) for one in modelled} if models is not None else set()
    ahead: set[object] = set()
    found: list[Judged] = []
    for one in diff(current, live):
        signature = _signature(one, live)
        if signature in coming:
            ahead.add(signature)
            cause = Cause.AHEAD_BY_HAND
        elif any(_signature(masked, live) in said for masked in _expressed((one,))):
            cause = Cause.AHEAD_BY_HAND
        elif is_elsewhere(one.key) or _is_unmanaged(one, kinds_made):
            cause = Cause.UNMANAGED
        else:
            cause = Cause.CHANGED_BY_HAND
        found.append(Judged(difference=one, cause=cause))
    return found, ahead


def _is_unmanaged(one: Difference, kinds_made: Callable[[], frozenset[str]]) -> bool:
    """Whether only live has it, models cannot say it, and no revision ever made anything of the kind."""
    return one.action == "added" and not _is_expressible(one) and one.kind not in kinds_made()


def _is_optional(one: Difference) -> bool:
    """Whether models may leave out what the migrations have: of what is no column's they need not speak."""
    return one.action == "removed" and one.kind in ("sequence", "enum", "domain")


def _is_expressible(one: Difference) -> bool:
    if one.kind == "comment":
        return one.key.kind in _COMMENTED
    return one.kind in _EXPRESSIBLE


def _expressed(differences: Iterable[Difference]) -> Iterable[Difference]:
    """The differences, as far as metadata could have said them."""
    for one in differences:
        if not _is_expressible(one):
            continue
        if one.kind == "comment" or one.action == RENAMED:
            yield one
            continue
        if one.details.get("partition of") or one.details.get("inherited"):
            continue  # a partition is made by its own DDL, and its columns come with it
        properties = _EXPRESSIBLE[one.kind]
        details = {name: value for name, value in one.details.items() if properties is None or name in properties}
        if one.action != CHANGED or details:
            yield replace(one, details=details)


def _signature(one: Difference, second: Catalog) -> tuple[object, ...]:
    """What makes two differences the same, what follows from them included."""
    details: Mapping[str, Any] = one.details
    return (
        one.action,
        one.kind,
        one.object,
        one.before,
        json.dumps(details, sort_keys=True, default=str),
        tuple((key, second.texts.get(key)) for key in one.consequences if key.kind in _EXPRESSIBLE),
    )
