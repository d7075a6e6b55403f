"""Which revisions a schema may be at: pure, from one walk through the history.

The walk tells what each revision touched. What any other set of applied revisions makes, on branches that meet nowhere,
is put together from that, where none of the revisions that are left out had a part in what the others made.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ops.catalog import Catalog, Difference, Key, diff
from ops.history import History
from ops.replay import Film, Touched, touch

MOST_PLACES = 2_000
"""Of how many combinations of branches at most the catalog is put together."""

NEAREST = 3
"""How many candidates are compared in full, where none is equal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A place in the history: the rows of its version table, and what a schema has beside what the history makes there.

    `distance` is how many objects are not the same; `differences`, from the history's to the schema's, are known of the
    nearest ones only.
    """

    rows: tuple[str, ...]
    distance: int
    differences: tuple[Difference, ...] = ()

    @property
    def name(self) -> str:
        """The place as a stamp takes it."""
        return ",".join(self.rows) or "base"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """Every place of a history, the nearest to a schema first; `untold` is of how many nothing could be told."""

    candidates: tuple[Candidate, ...]
    untold: int = 0

    @property
    def equal(self) -> tuple[Candidate, ...]:
        """The places at which the history makes exactly this schema."""
        return tuple(one for one in self.candidates if one.distance == 0)

    @property
    def shown(self) -> tuple[Candidate, ...]:
        """The equal ones; where there is none, the nearest ones."""
        return self.equal or self.candidates[:NEAREST]


def ranking(live: Catalog, film: Film, walked: Sequence[str], history: History) -> Ranking:
    """Return every place of a history, by how far its catalog is from a live one.

    `film` is of the revisions `walked`, in that order.
    """
    places, untold = _places(walked, film.touched, history)
    distances = _Distances(live.texts, film, walked)
    found = [Candidate(rows=_rows(place, history), distance=distances.of(place)) for place in places]
    # of equally near ones the latest first: whoever came that far has been everywhere before
    order = {name: number for number, name in enumerate(walked, 1)}
    found.sort(key=lambda one: (one.distance, -max((order.get(row, 0) for row in one.rows), default=0), one.rows))
    near = {one.rows for one in found[:NEAREST] if one.distance}
    by_rows = {_rows(place, history): place for place in places}
    candidates = tuple(
        Candidate(rows=one.rows, distance=one.distance, differences=_differences(live, distances, by_rows[one.rows]))
        if one.rows in near
        else one
        for one in found
    )
    return Ranking(candidates=candidates, untold=untold)


def distance(live: Catalog, film: Film, walked: Sequence[str], place: frozenset[str]) -> int:
    """Return how many objects of a live catalog are not as the revisions of a place make them."""
    return _Distances(live.texts, film, walked).of(frozenset(place))


def _differences(live: Catalog, distances: _Distances, place: frozenset[str]) -> tuple[Difference, ...]:
    made = Catalog(database="migrations", server_version=live.server_version, texts=distances.texts(place))
    return diff(made, live)


class _Distances:
    """How many objects differ between a live schema and what some revisions make."""

    def __init__(self, live: Mapping[Key, str], film: Film, walked: Sequence[str]) -> None:
        self._live = live
        self._film = film
        self._walked = walked
        self._prefixes: dict[frozenset[str], int] = {}
        texts = dict(film.base)
        wrong = {key for key in texts.keys() | live.keys() if texts.get(key) != live.get(key)}
        self._prefixes[frozenset()] = len(wrong)
        for number, touched in enumerate(film.touched, 1):
            touch(texts, touched)
            for key in touched:
                (wrong.discard if texts.get(key) == live.get(key) else wrong.add)(key)
            self._prefixes[frozenset(walked[:number])] = len(wrong)

    def of(self, place: frozenset[str]) -> int:
        known = self._prefixes.get(place)
        if known is not None:
            return known
        texts = self.texts(place)
        return sum(1 for key in texts.keys() | self._live.keys() if texts.get(key) != self._live.get(key))

    def texts(self, place: frozenset[str]) -> dict[Key, str]:
        texts = dict(self._film.base)
        for name, touched in zip(self._walked, self._film.touched, strict=True):
            if name in place:
                touch(texts, touched)
        return texts


def _places(walked: Sequence[str], touched: Sequence[Touched], history: History) -> tuple[list[frozenset[str]], int]:
    """Every set of revisions that can be applied together and whose catalog is known, and how many others there are."""
    found: list[frozenset[str]] = []
    untold = 0
    by_name = dict(zip(walked, touched, strict=True))
    prefixes = {frozenset(walked[:count]) for count in range(len(walked) + 1)}
    for number, place in enumerate(_closed(walked, history)):
        if number >= MOST_PLACES and place not in prefixes:
            untold += 1
            if untold >= MOST_PLACES:
                break
        elif place in prefixes or _is_certain(place, walked, by_name):
            found.append(place)
        else:
            untold += 1
    found += [one for one in prefixes if one not in set(found)]
    return found, untold


def _closed(walked: Sequence[str], history: History) -> Iterator[frozenset[str]]:
    """Every set of walked revisions that has, with each of them, what that one needs."""
    known = set(walked)
    below = {name: frozenset(history.ancestors([name]) & known) for name in walked}
    seen = {frozenset[str]()}
    queue = [frozenset[str]()]
    while queue:
        place = queue.pop(0)
        yield place
        for name in walked:
            if name not in place and below[name] - {name} <= place:
                more = place | {name}
                if more not in seen:
                    seen.add(more)
                    queue.append(more)


def _is_certain(place: frozenset[str], walked: Sequence[str], touched: Mapping[str, Touched]) -> bool:
    """Whether no revision that is left out touched what a later one that is not has touched."""
    left_out: set[Key] = set()
    for name in walked:
        if name not in place:
            left_out |= touched[name].keys()
        elif not left_out.isdisjoint(touched[name]):
            return False
    return True


def _rows(place: frozenset[str], history: History) -> tuple[str, ...]:
    """The rows that the version table has there: what no other of them revises."""
    revised = {below for name in place for below in history.by_id[name].down_revisions}
    return tuple(sorted(place - revised))


def common(touched: Mapping[str, Touched], branches: Mapping[str, frozenset[str]]) -> dict[Key, dict[str, list[str]]]:
    """Return the objects that more than one branch touches, with the revisions of each branch that do.

    `branches` has, for each head, the revisions that belong to it alone.
    """
    found: dict[Key, dict[str, list[str]]] = {}
    for head, names in branches.items():
        for name in names:
            for key in touched.get(name, {}):
                found.setdefault(key, {}).setdefault(head, []).append(name)
    return {key: heads for key, heads in sorted(found.items()) if len(heads) > 1}
