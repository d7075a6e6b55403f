"""What the models make of an empty database.

It happens on a scratch database, in a worker, so that the server itself normalises every type, default and
expression; the result is kept until something that it depended on changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ops import cache, keeping
from ops.cache import Cache
from ops.catalog import Catalog, Key
from ops.catalog.later import later
from ops.ground import Ground, Needed
from ops.project.visit import describe_missing
from ops.settings import TargetSettings

_CONSTRAINTS = frozenset({"primary key", "unique", "foreign key", "check", "exclusion"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Something of the models that the server did not make, and all keys that are lost with it.

    A name of "*" stands for any. `object` is None where nothing was made at all.
    """

    object: str | None
    why: str
    keys: tuple[Key, ...] = ()

    def covers(self, key: Key) -> bool:
        """Return whether nothing is known of an object because of this."""
        return any(_covers(one, key) for one in self.keys)


def _covers(lost: Key, key: Key) -> bool:
    if lost.kind == "table" and (key.schema, key.parent) == (lost.schema, lost.name):
        return True
    return (lost.kind, lost.schema, lost.parent) == (key.kind, key.schema, key.parent) and lost.name in ("*", key.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Models:
    """The models, as the server made them; `failed` is what it refused.

    `unnamed` are the constraints to which they give no name, so that it is the server's.
    """

    catalog: Catalog
    tables: tuple[str, ...]
    failed: tuple[Refused, ...] = ()
    missing: tuple[str, ...] = ()
    has_metadata: bool = True
    unnamed: frozenset[Key] = frozenset()


def models(settings: TargetSettings, ground: Ground, needed: Needed) -> Models:
    """Return what the models make of an empty database that has some extensions and schemas."""
    inputs = [*keeping.inputs(settings, ground, ()), needed]
    found = Cache(settings.home).get("models", inputs)
    if found is not None:
        return _models_from(found)
    since = cache.now()
    with ground.visit(settings, baseline=False) as here:
        ground.prepare(here.facts.database, needed)
        answer = here.worker.request("models", listener=lambda event: None, read_only=False)
        catalog = ground.as_owned(here.catalog())
        made = Models(
            catalog=catalog,
            tables=tuple(answer["models"]["tables"]),
            failed=tuple(_refused(one) for one in answer["failed"]),
            missing=tuple(describe_missing(one) for one in answer["models"]["missing"]),
            has_metadata=bool(answer["models"]["metadata"]),
            unnamed=_unnamed(catalog, answer["names"]),
        )
        seen = here.worker.request("dependencies")
    dependencies = keeping.dependencies(settings, seen, since)
    if all(one.object for one in made.failed):  # else what it lacks may be there the next time, a role for one
        Cache(settings.home).put(
            "models", inputs, _models_to(made), dependencies, bulk=keeping.rows(made.catalog.texts)
        )
    return made


def _unnamed(catalog: Catalog, names: Iterable[tuple[str, str, list[str]]]) -> frozenset[Key]:
    given = {(schema, table): set(named) for schema, table, named in names}
    return frozenset(
        key
        for key in catalog.texts
        if key.kind in _CONSTRAINTS and key[1:3] in given and key.name not in given[key[1:3]]
    )


def _refused(one: Mapping[str, Any]) -> Refused:
    keys = tuple(Key(kind, schema, table, name or "*") for kind, schema, table, name in one["keys"])
    return Refused(object=one["object"], why=one["why"], keys=keys)


def _models_to(made: Models) -> dict[str, Any]:
    return {
        "server_version": made.catalog.server_version,
        "fingerprint": made.catalog.fingerprint,
        "tables": list(made.tables),
        "failed": [[one.object, one.why, [list(key) for key in one.keys]] for one in made.failed],
        "missing": list(made.missing),
        "has_metadata": made.has_metadata,
        "unnamed": sorted(made.unnamed),
    }


def _models_from(entry: cache.Entry) -> Models:
    payload = entry.payload
    return Models(
        catalog=later(
            database="models",
            server_version=payload["server_version"],
            fingerprint=payload["fingerprint"],
            load=lambda: keeping.texts(entry.bulk()),
        ),
        tables=tuple(payload["tables"]),
        failed=tuple(
            Refused(object=name, why=why, keys=tuple(Key._make(key) for key in keys))
            for name, why, keys in payload["failed"]
        ),
        missing=tuple(payload["missing"]),
        has_metadata=payload["has_metadata"],
        unnamed=frozenset(Key._make(key) for key in payload["unnamed"]),
    )
