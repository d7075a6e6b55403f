"""What the version files make of an empty database, revision by revision, and what the models make of one.

Both happen on scratch databases of the embedded server, in workers, so that the server itself normalises every
type, default and expression; the results are kept until something that they depended on changes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from ops import catalog, embedded, scratch
from ops.cache import Cache, Dependencies
from ops.catalog import Catalog, Key
from ops.errors import OpsError
from ops.project import Answer, Event
from ops.project.visit import Visit, describe_missing, visit
from ops.settings import TargetSettings

Texts = Mapping[Key, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One revision of a replay: the version table's rows after it, and the objects that it touched."""

    revision: str
    heads: tuple[str, ...]
    touched: Mapping[Key, str | None]


@dataclass(frozen=True, kw_only=True)
class Replay:
    """A whole history, replayed; `failed` says why it did not get to its end."""

    server_version: int
    base: Texts
    stages: tuple[Stage, ...]
    failed: str = ""

    def at(self, heads: tuple[str, ...]) -> Catalog | None:
        """Return the catalog as it is when the version table has these rows; None where the replay never was there."""
        if not heads:
            return self._catalog(dict(self.base))
        texts = dict(self.base)
        for stage in self.stages:
            _touch(texts, stage.touched)
            if stage.heads == heads:
                return self._catalog(texts)
        return None

    @cached_property
    def kinds_made(self) -> frozenset[str]:
        """The kinds of which some revision ever made or changed an object."""
        return frozenset(key.kind for stage in self.stages for key in stage.touched)

    def last_touch(self, key: Key, until: tuple[str, ...] | None) -> str | None:
        """Return the revision that touched an object last, up to the given rows of the version table."""
        found = None
        for stage in self.stages if until != () else ():
            if key in stage.touched:
                found = stage.revision
            if until is not None and stage.heads == until:
                break
        return found

    def first_touch(self, keys: Sequence[Key], after: tuple[str, ...]) -> str | None:
        """Return the revision that first touches one of some objects behind the given rows of the version table."""
        behind = after == ()
        for stage in self.stages:
            if behind and any(key in stage.touched for key in keys):
                return stage.revision
            behind = behind or stage.heads == after
        return None

    def _catalog(self, texts: dict[Key, str]) -> Catalog:
        return Catalog(database="migrations", server_version=self.server_version, texts=texts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Models:
    """The models, as the server made them; `failed` names what it refused."""

    catalog: Catalog
    tables: tuple[str, ...]
    failed: tuple[tuple[str, str], ...] = ()
    missing: tuple[str, ...] = ()
    has_metadata: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """Where replays happen: a scratch server, the role that owns what they make, and the roles that there are."""

    server: embedded.Server
    role: str
    roles: tuple[str, ...]


def replay(settings: TargetSettings, ground: Ground, current: tuple[str, ...]) -> Replay:
    """Return the history replayed from nothing, over the target's current revisions, up to the heads."""
    cache = Cache(settings.home)
    inputs = _inputs(settings, ground, current)
    found = cache.get("replay", inputs)
    if found is not None:
        return _replay_from(found)
    with _scratch(settings, ground) as here:
        made = _replay(here, current)
        seen = here.worker.request("dependencies")
    if not made.failed:
        cache.put("replay", inputs, _replay_to(made), _dependencies(settings, seen))
    return made


def models(settings: TargetSettings, ground: Ground, like: Catalog) -> Models:
    """Return what the models make of an empty database that has the extensions and schemas of another catalog."""
    needed = sorted(
        (key.kind, key.name, text) for key, text in like.texts.items() if key.kind in ("extension", "schema")
    )
    cache = Cache(settings.home)
    inputs = [*_inputs(settings, ground, ()), needed]
    found = cache.get("models", inputs)
    if found is not None:
        return _models_from(found)
    with _scratch(settings, ground) as here:
        _prepare(ground, here.facts.database, like)
        answer = here.worker.request("models", listener=_go, read_only=False)
        made = Models(
            catalog=catalog.read(here.connection, version_table=_version_table(here)),
            tables=tuple(answer["models"]["tables"]),
            failed=tuple((one["object"] or "?", one["why"]) for one in answer["failed"]),
            missing=tuple(describe_missing(one) for one in answer["models"]["missing"]),
            has_metadata=bool(answer["models"]["metadata"]),
        )
        seen = here.worker.request("dependencies")
    cache.put("models", inputs, _models_to(made), _dependencies(settings, seen))
    return made


def _go(event: Event) -> Answer | None:
    return None


def _replay(here: Visit, current: tuple[str, ...]) -> Replay:
    table = _version_table(here)
    before = catalog.read(here.connection, version_table=table)
    steps: list[tuple[str, tuple[str, ...]]] = []
    heads: tuple[str, ...] = ()
    failed = ""
    try:
        for wanted in (*current, "heads"):
            resolution = here.worker.request("resolve", direction="up", revision=wanted, heads=list(heads))
            steps += [(one["revision"], tuple(one["heads"])) for one in resolution["steps"]]
            heads = tuple(resolution["heads"])
    except OpsError as error:
        return Replay(server_version=before.server_version, base=before.texts, stages=(), failed=error.problem)
    stages: list[Stage] = []
    texts = dict(before.texts)

    def listen(event: Event) -> Answer | None:
        if event["event"] == "revision-done":
            after = catalog.read(here.connection, version_table=table).texts
            touched: dict[Key, str | None] = {key: text for key, text in after.items() if texts.get(key) != text}
            touched.update((key, None) for key in texts.keys() - after.keys())
            stages.append(Stage(revision=steps[len(stages)][0], heads=steps[len(stages)][1], touched=touched))
            _touch(texts, touched)
        return None

    try:
        here.worker.request(
            "migrate", listener=listen, read_only=False, direction="up", revisions=[name for name, _ in steps]
        )
    except OpsError as error:
        name = steps[len(stages)][0] if len(stages) < len(steps) else "the last revision"
        failed = f"{name} does not run on an empty database: {error.problem}"
    return Replay(server_version=before.server_version, base=before.texts, stages=tuple(stages), failed=failed)


def _touch(texts: dict[Key, str], touched: Mapping[Key, str | None]) -> None:
    for key, text in touched.items():
        if text is None:
            texts.pop(key, None)
        else:
            texts[key] = text


# -- scratch databases -----------------------------------------------------------------------------


@contextmanager
def _scratch(settings: TargetSettings, ground: Ground) -> Iterator[Visit]:
    """A visit to an empty scratch database with the roles of the target, and with its baseline where it has one."""
    from sqlalchemy.engine import make_url

    with scratch.database_on(ground.server, prefix="replay") as url:
        make_roles(ground)
        copy = replace(settings.with_url(url), role=ground.role, embedded=False)
        if settings.project.baseline is not None:
            _run_file(ground, str(make_url(url).database), settings.project.baseline)
        with visit(copy, purpose="replay") as here:
            yield here


def make_roles(ground: Ground) -> None:
    """Have the target's roles on the scratch server, without login: owners and grants name them."""
    import psycopg2
    from psycopg2 import sql

    with closing(scratch.connect(ground.server)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT rolname FROM pg_roles")
        there = {row[0] for row in cursor.fetchall()}
        for role in dict.fromkeys((ground.role, *ground.roles)):
            # The one that replays runs them as it is allowed to on the target, and creating extensions needs more.
            power = "SUPERUSER" if role == ground.role else "NOSUPERUSER"
            if role not in there:
                try:
                    cursor.execute(sql.SQL("CREATE ROLE {} NOLOGIN {}").format(sql.Identifier(role), sql.SQL(power)))
                except psycopg2.errors.DuplicateObject:
                    continue  # another process was quicker
            elif role == ground.role and role != "postgres":
                cursor.execute(sql.SQL("ALTER ROLE {} SUPERUSER").format(sql.Identifier(role)))


def _run_file(ground: Ground, name: str, file: Path) -> None:
    import psycopg2
    from psycopg2 import sql

    try:
        with closing(scratch.connect(ground.server, name)) as connection, connection.cursor() as cursor:
            cursor.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(ground.role)))
            cursor.execute(file.read_text(encoding="utf-8"))
    except (psycopg2.Error, OSError, UnicodeDecodeError) as error:
        raise OpsError(
            f"The baseline {file} does not run on an empty database: {str(error).strip().splitlines()[0]}.",
            next_step="Make it plain SQL that runs by itself, for example with pg_dump --schema-only.",
            code="baseline",
        ) from None


def _prepare(ground: Ground, name: str, like: Catalog) -> None:
    """Create what metadata takes for granted: schemas and extensions."""
    from psycopg2 import sql

    with closing(scratch.connect(ground.server, name)) as connection, connection.cursor() as cursor:
        cursor.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(ground.role)))
        for key in like.texts:
            if key.kind == "schema":
                cursor.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(key.name)))
        for key, text in like.texts.items():
            if key.kind == "extension":
                cursor.execute(
                    sql.SQL("CREATE EXTENSION IF NOT EXISTS {} SCHEMA {}").format(
                        sql.Identifier(key.name), sql.Identifier(catalog.properties(text)["schema"])
                    )
                )


def _version_table(here: Visit) -> tuple[str, str]:
    return here.setup.version_table_schema, here.setup.version_table


# -- keeping ---------------------------------------------------------------------------------------


def _inputs(settings: TargetSettings, ground: Ground, current: Sequence[str]) -> list[object]:
    project = settings.project
    values = dict(settings.section.values) if settings.section else {}
    return [
        str(project.config),
        {name: value for name, value in values.items() if name not in ("url", "url_env", "protected")},
        project.python,
        ground.server.major,
        ground.role,
        ground.roles,
        list(current),
        str(project.baseline),
    ]


def _dependencies(settings: TargetSettings, seen: Mapping[str, Any]) -> Dependencies:
    files = list(seen["files"])
    if settings.project.baseline is not None:
        files.append(str(settings.project.baseline))
    ours = [name for name, _ in settings.project.environment]
    return Dependencies.of({**seen, "files": files}, without=ours)


def _rows(texts: Mapping[Key, str | None]) -> list[list[str | None]]:
    return [[*key, text] for key, text in texts.items()]


def _texts(rows: list[list[Any]]) -> dict[Key, Any]:
    return {Key._make(row[:4]): row[4] for row in rows}


def _replay_to(made: Replay) -> dict[str, Any]:
    return {
        "server_version": made.server_version,
        "base": _rows(made.base),
        "stages": [[one.revision, list(one.heads), _rows(one.touched)] for one in made.stages],
    }


def _replay_from(payload: Mapping[str, Any]) -> Replay:
    return Replay(
        server_version=payload["server_version"],
        base=_texts(payload["base"]),
        stages=tuple(
            Stage(revision=revision, heads=tuple(heads), touched=_texts(touched))
            for revision, heads, touched in payload["stages"]
        ),
    )


def _models_to(made: Models) -> dict[str, Any]:
    return {
        "server_version": made.catalog.server_version,
        "texts": _rows(made.catalog.texts),
        "tables": list(made.tables),
        "failed": [list(one) for one in made.failed],
        "missing": list(made.missing),
        "has_metadata": made.has_metadata,
    }


def _models_from(payload: Mapping[str, Any]) -> Models:
    return Models(
        catalog=Catalog(database="models", server_version=payload["server_version"], texts=_texts(payload["texts"])),
        tables=tuple(payload["tables"]),
        failed=tuple((one[0], one[1]) for one in payload["failed"]),
        missing=tuple(payload["missing"]),
        has_metadata=payload["has_metadata"],
    )
