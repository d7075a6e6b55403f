"""What the version files make of an empty database, revision by revision.

It happens on a scratch database, in a worker, so that the server itself normalises every type, default and
expression; the result is kept until something that it depended on changes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ops import cache, keeping
from ops.cache import Cache
from ops.catalog import Catalog, Key, properties, snapshot
from ops.catalog.later import later
from ops.errors import OpsError
from ops.ground import Ground, Needed
from ops.project import Answer, Event
from ops.project.visit import Visit
from ops.settings import TargetSettings

Texts = Mapping[Key, str]
Touched = Mapping[Key, str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Film:
    """Every step of a replay: the empty database's objects, and what each revision touched; None is gone."""

    base: Texts
    touched: tuple[Touched, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Still:
    """The catalog behind some revisions; `needed` are kind, name and properties of its schemas and extensions."""

    catalog: Catalog
    needed: Needed


class Replay:
    """A history, replayed; `failed` says why it did not get to its end.

    `revisions` are those that ran, in that order, and `current` is how many of them the target has; None where the
    replay did not get that far. What each revision touched is loaded when somebody asks for it.
    """

    def __init__(
        self,
        *,
        server_version: int,
        revisions: Sequence[str],
        current: int | None,
        film: Callable[[], Film],
        stills: Mapping[int, tuple[str, Needed]] | None = None,
        failed: str = "",
    ) -> None:
        """`stills` has fingerprint and needed objects of places that are known already."""
        self.server_version = server_version
        self.current = current
        self.revisions = tuple(revisions)
        self.failed = failed
        self._film = film
        self.stills = dict(stills or {})

    @cached_property
    def film(self) -> Film:
        """What every revision touched."""
        return self._film()

    def at(self, place: int) -> Still:
        """Return the catalog behind so many revisions."""
        known = self.stills.get(place)
        if known is None:
            made = Catalog(database="migrations", server_version=self.server_version, texts=self._texts(place))
            self.stills[place] = (made.fingerprint, _needed(made))
            return Still(catalog=made, needed=self.stills[place][1])
        made = later(
            database="migrations",
            server_version=self.server_version,
            fingerprint=known[0],
            load=lambda: self._texts(place),
        )
        return Still(catalog=made, needed=known[1])

    @cached_property
    def kinds_made(self) -> frozenset[str]:
        """The kinds of which some revision ever made an object; of grants and comments, whether it ever gave one."""
        texts = dict(self.film.base)
        found: set[str] = set()
        for touched in self.film.touched:
            for key, text in touched.items():
                before = texts.get(key)
                if text is None:
                    continue
                if before is None:
                    found.add(key.kind)
                found.update(
                    facet for facet, word in _FACETS.items() if word in text and (before is None or word not in before)
                )
            touch(texts, touched)
        return frozenset(found)

    def last_touch(self, keys: Sequence[Key], until: int | None) -> str | None:
        """Return the revision that last touched the first of some objects that any did, up to a place."""
        for key in keys:
            for revision, touched in reversed(list(zip(self.revisions, self.film.touched, strict=True))[:until]):
                if key in touched:
                    return revision
        return None

    def first_touch(self, keys: Sequence[Key], after: int) -> str | None:
        """Return the revision that first touches one of some objects behind a place."""
        for revision, touched in list(zip(self.revisions, self.film.touched, strict=True))[after:]:
            if any(key in touched for key in keys):
                return revision
        return None

    def is_of_a_column(self, key: Key) -> bool:
        """Return whether a column ever was of this type, or took its values from this sequence."""
        name = str(key)
        values = "nextval('" + name.replace("'", "''") + "'::regclass)"
        written = [json.dumps(one, ensure_ascii=False)[1:-1] for one in (name, values)]
        for one, text in (pair for some in (self.film.base, *self.film.touched) for pair in some.items()):
            own = {}
            if text is not None and (one == key or (one.kind == "column" and any(word in text for word in written))):
                own = properties(text)
            if one == key and "owned by" in own:
                return True
            if one.kind == "column" and (own.get("type") in (name, f"{name}[]") or own.get("default") == values):
                return True
        return False

    def _texts(self, place: int) -> dict[Key, str]:
        texts = dict(self.film.base)
        for touched in self.film.touched[:place]:
            touch(texts, touched)
        return texts


_FACETS = {"grant": '"grants" : {', "comment": '"comment" : "'}


def kept(settings: TargetSettings, ground: Ground, current: tuple[str, ...]) -> Replay | None:
    """Return the history replayed, where it was before and nothing that it depends on has changed; else None."""
    keeps = not settings.project.drafts  # those are for one look, in a folder that nobody meets again
    found = Cache(settings.home).get("replay", keeping.inputs(settings, ground, current)) if keeps else None
    return None if found is None else _replay_from(found)


def replay(settings: TargetSettings, ground: Ground, current: tuple[str, ...]) -> Replay:
    """Return the history replayed from nothing, over the target's current revisions, up to the heads.

    Raises
    ------
    OpsError
        The baseline does not run, or the project does not load.
    """
    since = cache.now()
    with ground.visit(settings) as here:
        made = _replay(here, ground, current)
        seen = None if made.failed or settings.project.drafts else here.worker.request("dependencies")
    if seen is not None:
        for place in (made.current, len(made.revisions)):
            made.at(place or 0)
        inputs, dependencies = keeping.inputs(settings, ground, current), keeping.dependencies(settings, seen, since)
        Cache(settings.home).put("replay", inputs, _replay_to(made), dependencies, bulk=_film_to(made.film))
    return made


def _replay(here: Visit, ground: Ground, current: tuple[str, ...]) -> Replay:
    plans = snapshot.Plans()  # the connection is our own, to our own server
    before = ground.as_owned(here.catalog(plans=plans))
    steps: list[str] = []
    behind: int | None = None
    failed = ""
    try:
        heads: tuple[str, ...] = ()
        for wanted in (*current, "heads"):
            if wanted == "heads":
                behind = len(steps)
            if wanted not in steps:  # a row beside another that stands on it
                resolution = here.worker.request("resolve", direction="up", revision=wanted, heads=list(heads))
                steps += [one["revision"] for one in resolution["steps"]]
                heads = tuple(resolution["heads"])
    except OpsError as error:
        failed = error.problem
    touched: list[Touched] = []
    texts = dict(before.texts)

    def listen(event: Event) -> Answer | None:
        if event["event"] == "revision-done":
            after = ground.as_owned(here.catalog(plans=plans)).texts
            news: dict[Key, str | None] = {key: text for key, text in after.items() if texts.get(key) != text}
            news.update((key, None) for key in texts.keys() - after.keys())
            touched.append(news)
            touch(texts, news)
        return None

    if steps:
        try:
            here.worker.request(
                "migrate", listener=listen, read_only=False, direction="up", revisions=steps, told=False
            )
        except OpsError as error:
            name = steps[len(touched)] if len(touched) < len(steps) else "the last revision"
            failed = f"{name} does not run on an empty database: {error.problem}"
    film = Film(base=before.texts, touched=tuple(touched))
    return Replay(
        server_version=before.server_version,
        revisions=steps[: len(touched)],
        current=behind if behind is not None and behind <= len(touched) else None,
        film=lambda: film,
        failed=failed,
    )


def touch(texts: dict[Key, str], touched: Touched) -> None:
    """Have a catalog's texts be what they are when a revision has touched them."""
    for key, text in touched.items():
        if text is None:
            texts.pop(key, None)
        else:
            texts[key] = text


def _needed(made: Catalog) -> Needed:
    return tuple(sorted((key.kind, key.name, text) for key, text in made.texts.items() if key.kind in _GROUND))


_GROUND = ("extension", "schema")


# -- keeping ---------------------------------------------------------------------------------------


def _replay_to(made: Replay) -> dict[str, Any]:
    return {
        "server_version": made.server_version,
        "revisions": list(made.revisions),
        "current": made.current,
        "stills": [[place, *known] for place, known in made.stills.items()],
    }


def _film_to(film: Film) -> list[Any]:
    return [keeping.rows(film.base), [keeping.rows(one) for one in film.touched]]


def _replay_from(entry: cache.Entry) -> Replay:
    def film() -> Film:
        base, touched = entry.bulk()
        return Film(base=keeping.texts(base), touched=tuple(keeping.texts(one) for one in touched))

    payload = entry.payload
    return Replay(
        server_version=payload["server_version"],
        revisions=payload["revisions"],
        current=payload["current"],
        film=film,
        stills={
            place: (fingerprint, tuple((kind, name, text) for kind, name, text in needed))
            for place, fingerprint, needed in payload["stills"]
        },
    )
