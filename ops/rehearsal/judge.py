"""What the stops of a walk say of each revision on it. Pure.

A place is how many revisions of the route are applied: revision `k` leads from place `k - 1` to place `k`.

On the way back each revision begins where the one above it has left the copy, which may not be where it began. What was
wrong before is not its fault; and where it cannot be told whose fault something is, the revision is doubtful, and has
to be walked by itself.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from ops.catalog import Catalog, Difference, diff
from ops.rehearsal import losses
from ops.rehearsal.losses import Compared, Part
from ops.rehearsal.values import Contents, Extra, Loss


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """What there is at one place: the catalog, and what the tables hold."""

    catalog: Catalog = field(repr=False)
    contents: Contents = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """What one copy showed: from place `floor` up to `top`, down to `lowest`, and up again.

    The stops are by their places: `first` on the way up, `down` on the way back (from `top - 1` on), `again` behind
    that (from `lowest + 1` on).
    """

    floor: int
    top: int
    lowest: int
    first: Mapping[int, Stop]
    down: Mapping[int, Stop]
    again: Mapping[int, Stop]

    def back(self, place: int) -> Stop:
        """The stop at a place on the way back; at the top that is the first one."""
        return self.down.get(place, self.first[place])

    def second(self, place: int) -> Stop:
        """The stop at a place on the second way up; at the lowest that is where the way back ended."""
        return self.again[place] if place > self.lowest else self.back(place)


@dataclass(frozen=True, slots=True, kw_only=True)
class Return:
    """How a revision came back: what of the catalog differs then, what is lost, and what is left behind."""

    differences: tuple[Difference, ...] = ()
    lost: tuple[Loss, ...] = ()
    left: tuple[Extra, ...] = ()
    doubtful: bool = False
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeat:
    """How the second way up differs from the first: in the catalog, and in what the tables hold."""

    differences: tuple[Difference, ...] = ()
    unlike: tuple[str, ...] = ()
    doubtful: bool = False

    @property
    def same(self) -> bool:
        """Whether it is as the first."""
        return not (self.differences or self.unlike)


def changes_nothing(walk: Walk, revision: int) -> bool:
    """Return whether a revision's way up leaves everything as it was: there is nothing to go back from."""
    before, after = walk.first[revision - 1], walk.first[revision]
    same = before.catalog.fingerprint == after.catalog.fingerprint
    return same and not losses.touched(before.contents, after.contents)


def returned(walk: Walk, revision: int) -> Return:
    """Return how a revision came back."""
    before, after = walk.first[revision - 1], walk.back(revision - 1)
    upper, upper_back = walk.first[revision], walk.back(revision)
    differences, doubtful = _own(
        _entries(diff(before.catalog, after.catalog)), _entries(diff(upper.catalog, upper_back.catalog))
    )
    found = losses.compare(before.contents, after.contents)
    earlier = losses.compare(upper.contents, upper_back.contents)
    if earlier.parts:
        moved = losses.touched(before.contents, upper.contents)
        moved |= losses.touched(upper_back.contents, after.contents)
        doubtful = doubtful or _overlap(earlier, moved, before.contents)
        found = Compared(
            tuple(one for one in found.lost if one.part in moved),
            tuple(one for one in found.left if one.part in moved),
        )
    return Return(
        differences=differences,
        lost=found.lost,
        left=found.left,
        doubtful=doubtful,
        unknown=losses.unread(before.contents, after.contents),
    )


def repeated(walk: Walk, revision: int, back: Return) -> Repeat:
    """Return how a revision's second way up differs from its first.

    What its own way `back` left wrong counts where it is still wrong then; what others left does not.
    """
    first, second = walk.first[revision], walk.second(revision)
    below, below_again = walk.first[revision - 1], walk.second(revision - 1)
    earlier = _entries(diff(below.catalog, below_again.catalog))
    for text in _entries(back.differences):
        earlier.pop(text, None)
    differences, doubtful = _own(_entries(diff(first.catalog, second.catalog)), earlier)
    unlike = dict(_unlike(first, second, below.contents))
    known = walk.first.get(revision - 2, below).contents
    wrong = set(_unlike(below, below_again, known)) | losses.compare(below.contents, below_again.contents).parts
    wrong -= {one.part for one in (*back.lost, *back.left)}
    if wrong:
        moved = losses.touched(below.contents, first.contents) | losses.touched(below_again.contents, second.contents)
        unlike = {part: text for part, text in unlike.items() if part in moved and part not in wrong}
        doubtful = doubtful or bool(unlike and wrong & moved)
    return Repeat(differences=differences, unlike=tuple(unlike.values()), doubtful=doubtful)


def brings(walk: Walk, revision: int) -> tuple[str, ...]:
    """Return the tables and columns that a revision adds: whatever is written there later goes with its downgrade."""
    before, after = walk.first[revision - 1].contents, walk.first[revision].contents
    new = []
    for name, table in sorted(after.tables.items()):
        known = before.by_oid.get(table.oid)
        if known is None:
            new.append(losses.written(name))
            continue
        numbers = {one.number for one in known.columns.values()}
        new += [losses.written(name, one.name) for one in table.columns.values() if one.number not in numbers]
    return tuple(new)


def _own(now: Mapping[str, Difference], earlier: Mapping[str, Difference]) -> tuple[tuple[Difference, ...], bool]:
    """What is new beside what was wrong before; doubtful where the one may have become the other."""
    own = tuple(one for text, one in now.items() if text not in earlier)
    return own, bool(own) and not earlier.keys() <= now.keys()


def _entries(found: tuple[Difference, ...]) -> dict[str, Difference]:
    return {
        json.dumps([one.action, one.kind, one.object, one.details], sort_keys=True, default=str): one for one in found
    }


def _overlap(earlier: Compared, moved: frozenset[Part], before: Contents) -> bool:
    """Whether a revision changes something of which another one has lost a part already."""
    for table, column in earlier.parts:
        if (table, column) in moved:
            return True
        known = before.tables.get(table)
        if not column and known is not None and any((table, name) in moved for name in known.columns):
            return True
    return False


def _unlike(first: Stop, second: Stop, before: Contents) -> Mapping[Part, str]:
    return losses.unlike(first.contents, second.contents, before, losses.made_anew(first.catalog))
