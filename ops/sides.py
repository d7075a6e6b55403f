"""The sides of a comparison, gathered: what is live, what the migrations make, what the models make; and judged."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from ops import cache, clone, dialects, grounds, modelled, replay, threeway, versiontables
from ops.blame import Blame, blame
from ops.cache import Cache, Dependencies
from ops.catalog import Catalog, Difference, Key, diff, properties
from ops.errors import OpsError
from ops.ground import Ground
from ops.history import History, Revision
from ops.project.visit import Setup, visit
from ops.remedy import constraints, indexes
from ops.settings import TargetSettings
from ops.threeway import Cause, Judged

if TYPE_CHECKING:
    from sqlalchemy import Connection

_ATTEMPTS = 5

_T = TypeVar("_T")


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Everything that a three-way comparison found; `unknown` says what could not be compared, and why.

    A side is None where nothing is known of it.
    """

    live: Catalog
    current: Catalog | None
    head: Catalog | None
    models: Catalog | None
    judged: tuple[Judged, ...]
    history: History
    blame: Mapping[tuple[Cause, Key], Blame]
    unknown: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    model_tables: int = 0
    missing_models: tuple[str, ...] = ()


def compare(settings: TargetSettings) -> Comparison:
    """Return the three-way comparison of a target.

    Raises
    ------
    ConnectError, ProjectError
        The server cannot be reached, or the project does not load.
    """
    return _repeated(lambda: _Work(settings).compare())


def live(settings: TargetSettings) -> Catalog:
    """Return the catalog of a target's database: what its schema contains but for the version table and the ledger.

    Raises
    ------
    ConnectError, ProjectError
        The server cannot be reached, or the project, which knows where the version table is, does not load.
    """
    return _repeated(lambda: _Work(settings).live())


def _repeated(work: Callable[[], _T]) -> _T:
    """Do some work; again, where it stood on what was kept and does not hold any more: that is made anew then."""
    for _ in range(_ATTEMPTS - 1):
        with suppress(cache.ForgottenError):
            return work()
    return work()


class _Work:
    """One comparison: what is expensive is asked for once, and kept beyond it where that is safe."""

    def __init__(self, settings: TargetSettings) -> None:
        self.settings = settings
        self.dialect = dialects.of(settings)
        self.cache = Cache(settings.home)
        self.unknown: list[str] = []
        self.notes: list[str] = []
        self.surroundings: list[object] | None = None  # of a project that is kept, while they are not compared

    def compare(self) -> Comparison:
        setup, revisions = self._project()
        table = (setup.version_table_schema, setup.version_table)
        live, ground, replayed, history = self._live_and_replayed(table, revisions)
        self._say_unread(live)
        if not ground.has_roles:
            self.notes.append(
                f"The scratch server gives us no roles: what belongs to {ground.role} there was taken to belong to "
                f"{ground.owner}, and a revision that names another role does not run."
            )
        live = self._as_written_there(ground, live, table)
        current, head = self._migrations(replayed, history)
        made = self._models(ground, head or current)
        if current is not None:
            live = self._with_versions_of_there(ground, live, current.catalog)
        ours = {name for one in (current, head) if one for kind, name, _ in one.needed if kind == "schema"}
        failed = made.failed if made else ()
        judged = threeway.judge(
            live=live,
            current=current.catalog if current else None,
            head=head.catalog if head else None,
            models=made.catalog if made else None,
            kinds_made=lambda: replayed.kinds_made,
            is_of_a_column=replayed.is_of_a_column,
            is_unnamed=lambda key: made is not None and key in made.unnamed,
            without=lambda key: any(one.covers(key) for one in failed),
            is_elsewhere=lambda key: not setup.include_schemas and _schema_of(key) not in {"", *ours},
            differ=self._differ,
        )
        sides = (live, *(one.catalog for one in (current, head, made) if one is not None))
        judged = self._wanted(judged, setup, sides)
        if any(one.cause is not Cause.PENDING for one in judged):
            # what is offered needs them all; here a damaged cache entry can still be made anew
            sum(len(one.catalog) for one in (current, head, made) if one is not None)
        return Comparison(
            live=live,
            current=current.catalog if current else None,
            head=head.catalog if head else None,
            models=made.catalog if made else None,
            judged=judged,
            history=history,
            blame=blame(judged, replayed, history, self.settings.project.config.parent) if judged else {},
            unknown=tuple(self.unknown),
            notes=tuple(self.notes),
            model_tables=len(made.tables) if made else 0,
            missing_models=made.missing if made else (),
        )

    def live(self) -> Catalog:
        setup, _ = self._project()
        with self.dialect.connect(self.settings, purpose="catalog") as connection:
            self._require_same_surroundings(connection)
            return self.dialect.catalog(connection, (setup.version_table_schema, setup.version_table))

    # -- the project --------------------------------------------------------------------------------

    def _project(self) -> tuple[Setup, Mapping[str, Any]]:
        """What env.py configures, and the version files: kept while nothing that they depend on changes.

        Of what they depend on in the database, see `_require_same_surroundings`.
        """
        found = self.cache.get("project", self._about_project)
        if found is None:
            since = cache.now()
            with self.dialect.connect(self.settings, purpose="compare") as connection:
                surroundings = self._surroundings(connection)
            with visit(self.settings, purpose="compare") as here:
                payload = {
                    "setup": here.worker.request("probe"),
                    "revisions": here.worker.request("history"),
                    "surroundings": surroundings,
                }
                seen = here.worker.request("dependencies")
            self.cache.put("project", self._about_project, payload, self._dependencies(seen, since))
        else:
            payload = found.payload
            self.surroundings = payload["surroundings"]
        return Setup.from_dict(payload["setup"]), payload["revisions"]

    def _surroundings(self, connection: Connection) -> list[object]:
        """What env.py's answers depend on, of the database; elsewhere than on PostgreSQL its URL says it all."""
        return versiontables.surroundings(connection) if self.dialect.is_postgresql else []

    def _require_same_surroundings(self, connection: Connection) -> None:
        """Forget what is kept of the project, and begin again, where the database looked otherwise then."""
        if self.surroundings is None or self._surroundings(connection) == self.surroundings:
            return
        self.cache.drop("project", self._about_project)
        raise cache.ForgottenError(
            "The version tables or the search path changed since the project was asked for them.",
            next_step="Run this again.",
        )

    @cached_property
    def _about_project(self) -> list[object]:
        section = self.settings.section
        values = dict(section.values) if section else {}
        values.pop("url", None)
        project = self.settings.project
        return [str(project.config), project.python, self.settings.database.url.render_as_string(), values]

    def _dependencies(self, seen: Mapping[str, Any], since: int) -> Dependencies:
        return Dependencies.of(seen, without=self.settings.variables(), since=since)

    # -- the sides ----------------------------------------------------------------------------------

    def _live_and_replayed(
        self, table: tuple[str, str], revisions: Mapping[str, Any]
    ) -> tuple[Catalog, Ground, replay.Replay, History]:
        """The live catalog, and the migrations over the revisions that it claims; both of the same moment."""
        made: dict[tuple[str, ...], replay.Replay] = {}
        for _ in range(_ATTEMPTS):
            with self.dialect.connect(self.settings, purpose="compare") as connection:
                self._require_same_surroundings(connection)
                heads = self.dialect.heads(connection, *table) or ()
                history = _history(revisions, heads)
                ground = grounds.of(self.settings, connection, table)
                known = heads if not history.unknown else ()
                replayed = made.get(known) or replay.kept(self.settings, ground, known)
                if replayed is not None:
                    live = self.dialect.catalog(connection, table)
                    if (self.dialect.heads(connection, *table) or ()) == heads:
                        return live, ground, replayed, history
            if replayed is None:  # it takes its time, and no connection waits for it
                made[known] = replay.replay(self.settings, ground, known)
        raise OpsError(
            "The version table changes again and again: a migration is running.",
            next_step="Compare when it has ended.",
            code="busy",
        )

    def _say_unread(self, live: Catalog) -> None:
        if live.unread:
            self.unknown.append(f"The role may not read, or nobody knows how to read: {', '.join(live.unread)}.")

    def _as_written_there(self, ground: Ground, live: Catalog, table: tuple[str, str]) -> Catalog:
        major = live.server_version // 10000
        if major == ground.major:
            return live
        if not self.dialect.is_postgresql:
            self.unknown.append(
                f"The server to try things on has another version of {self.dialect.name} than the target: definitions "
                "may differ in spelling only."
            )
            return live
        if major > ground.major:
            self.unknown.append(
                f"The server is PostgreSQL {major}, newer than any scratch server here ({ground.major}): definitions "
                "may differ in spelling only, and what only the newer one knows was not compared."
            )
            return live
        try:
            there = clone.as_written_there(self.settings, ground, live, table)
        except OpsError as error:
            self.unknown.append(
                f"The live schema could not be written by PostgreSQL {ground.major}, so definitions may differ "
                f"in spelling only: {error.problem}"
            )
            return live
        self.notes.append(f"Definitions were compared as PostgreSQL {ground.major} writes them; the server is {major}.")
        return there

    def _migrations(self, replayed: replay.Replay, history: History) -> tuple[replay.Still | None, replay.Still | None]:
        """The migrations at current and at head, each as far as it is known."""
        current = replayed.at(replayed.current) if replayed.current is not None else None
        head = replayed.at(len(replayed.revisions)) if not replayed.failed else None
        if history.unknown:
            self.unknown.append(
                f"The database says it is at {', '.join(history.unknown)}, which no version file has: what is live "
                "cannot be compared with its migrations."
            )
            current = None
        if replayed.failed:
            where = "what is pending is not known" if current is not None else "nothing is known of them"
            self.unknown.append(f"The migrations could not be replayed on scratch, so {where}: {replayed.failed}")
        return current, head

    def _models(self, ground: Ground, like: replay.Still | None) -> modelled.Models | None:
        if like is None:
            return None
        try:
            made = modelled.models(self.settings, ground, like.needed)
        except cache.ForgottenError:
            raise
        except OpsError as error:
            self.unknown.append(f"The models could not be built on scratch: {error.problem}")
            return None
        if not made.has_metadata or not made.tables:
            why = "env.py sets no target_metadata" if not made.has_metadata else "is every model imported?"
            self.unknown.append(f"The models hold no table: {why}.")
            return None
        for one in made.failed:
            self.unknown.append(
                f"Of the models, {one.object} could not be built: {one.why}"
                if one.object
                else f"The models could not be built on scratch: {one.why}"
            )
        return made if all(one.object for one in made.failed) else None

    def _with_versions_of_there(self, ground: Ground, live: Catalog, current: Catalog) -> Catalog:
        """Take over the versions of extensions that are what `CREATE EXTENSION` gives, here as there."""
        if live.fingerprint == current.fingerprint:
            return live
        differing = [
            key for key, text in live.texts.items() if key.kind == "extension" and current.texts.get(key, text) != text
        ]
        if not differing:
            return live
        usual = clone.usual_versions(self.settings, ground, [key.name for key in differing])
        texts = dict(live.texts)
        for key in differing:
            here, there = properties(texts[key]), properties(current.texts[key])
            found = (here.pop("version"), there.pop("version"))
            if here == there and found == usual.get(key.name):
                texts[key] = current.texts[key]
                self.notes.append(
                    f"The extension {key.name} is {found[0]} there and {found[1]} on scratch: each server's own "
                    "version, which was not taken for a difference."
                )
        return replace(live, texts=texts)

    # -- judging ------------------------------------------------------------------------------------

    def _differ(self, first: Catalog, second: Catalog) -> tuple[Difference, ...]:
        """What differs between two catalogs that were made on scratch; kept, as neither of them changes."""
        if first.fingerprint == second.fingerprint:
            return ()
        inputs = [first.fingerprint, second.fingerprint]
        found = self.cache.get("difference", inputs)
        if found is not None:
            return tuple(Difference.from_dict(one) for one in found.payload)
        made = diff(first, second)
        self.cache.put("difference", inputs, [one.to_dict() for one in made], Dependencies())
        return made

    def _wanted(self, judged: tuple[Judged, ...], setup: Setup, sides: Sequence[Catalog]) -> tuple[Judged, ...]:
        """Leave out what the project's include_name and include_object leave out."""
        if not (setup.has_filters and judged):
            return judged
        asked = [_as_asked(item.difference.key, sides) for item in judged]
        objects = [one for some in asked for one in some]
        inputs = [self._about_project, objects]
        found = self.cache.get("wanted", inputs)
        if found is None:
            since = cache.now()
            with visit(self.settings, purpose="compare") as here:
                wanted = here.worker.request("wanted", objects=objects)["wanted"]
                seen = here.worker.request("dependencies")
            self.cache.put("wanted", inputs, wanted, self._dependencies(seen, since))
        else:
            wanted = found.payload
        answers = iter(wanted)
        return tuple(item for item, some in zip(judged, asked, strict=True) if all([next(answers) for _ in some]))


def _history(revisions: Mapping[str, Any], current: tuple[str, ...]) -> History:
    return History(
        revisions=tuple(Revision.from_dict(one) for one in revisions["revisions"]),
        heads=tuple(sorted(revisions["heads"])),
        current=current,
        problems=tuple(revisions["problems"]),
    )


_TYPES = {
    "table": "table",
    "column": "column",
    "not null": "column",
    "index": "index",
    "unique": "unique_constraint",
    "foreign key": "foreign_key_constraint",
}


def _as_asked(key: Key, sides: Sequence[Catalog]) -> list[dict[str, Any]]:
    """An object as Alembic's hooks would be asked about it: its schema and its table first."""
    schema = _schema_of(key)
    asked: list[dict[str, Any]] = []
    if schema:
        asked.append({"type": "schema", "name": schema, "schema": schema, "table": None})
    if key.parent:
        asked.append({"type": "table", "name": key.parent, "schema": schema, "table": None})
    kind = _TYPES.get(key.kind)
    if kind is not None:
        columns = _columns_of(key, next((one.texts[key] for one in sides if key in one.texts), "{}"))
        asked.append({"type": kind, "name": key.name, "schema": schema, "table": key.parent or None} | columns)
    return asked


def _columns_of(key: Key, text: str) -> dict[str, Any]:
    """The columns of a constraint or an index; empty where it is of something else as well."""
    own = properties(text)
    if key.kind == "index":
        found = indexes.columns_of(key, own) if "definition" in own else None
    else:
        found = constraints.columns_of(key.kind, str(own.get("definition", "")))
    return {"columns": list(found or ())}


def _schema_of(key: Key) -> str:
    return key.name if key.kind == "schema" else key.schema
