"""Models, migrations and a live database, compared three ways."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ops import catalog, clone, database, embedded, replay, threeway
from ops.cache import Cache, Dependencies
from ops.catalog import Catalog, Difference, Key
from ops.drift import Change, Drift, Offer, is_ignored, rules
from ops.errors import OpsError
from ops.history import History, Revision
from ops.project.visit import Setup, visit
from ops.settings import TargetSettings
from ops.threeway import Cause, Judged


@dataclass(frozen=True, slots=True, kw_only=True)
class Blame:
    """The revision that last touched an object, and who wrote its file."""

    revision: str
    message: str
    file: str
    date: str | None = None
    author: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the blame as `result.json` has it."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Everything that a three-way comparison found; `unknown` says what could not be compared, and why."""

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
    return _Work(settings).compare()


class _Work:
    """One comparison: what is expensive is asked for once, and kept beyond it where that is safe."""

    def __init__(self, settings: TargetSettings) -> None:
        self.settings = settings
        self.unknown: list[str] = []
        self.notes: list[str] = []

    def compare(self) -> Comparison:
        setup, revisions = self._project()
        table = (setup.version_table_schema, setup.version_table)
        with database.connect(self.settings, purpose="compare") as connection:
            facts = database.facts(connection)
            current_heads = database.heads(connection, *table) or ()
            live = catalog.read(connection, version_table=table)
            roles = _roles(connection)
        history = self._history(revisions, current_heads)
        ground = self._ground(facts, roles)
        self._say_unread(live)
        live = self._as_written_there(ground, live, table)
        replayed = replay.replay(self.settings, ground, current_heads if not history.unknown else ())
        current, head = self._migrations(replayed, history)
        made = self._models(ground, head)
        if current is None or head is None:
            judged: tuple[Judged, ...] = ()
        else:
            refused = {name.rpartition(" ")[2] for name, _ in made.failed} if made else set()
            judged = threeway.judge(
                live=live,
                current=current,
                head=head,
                models=made.catalog if made else None,
                kinds_made=replayed.kinds_made,
                without=lambda key: _is_refused(key, refused),
            )
            judged = self._wanted(judged, setup, current, head)
        return Comparison(
            live=live,
            current=current,
            head=head,
            models=made.catalog if made else None,
            judged=judged,
            history=history,
            blame=_blame(judged, replayed, history),
            unknown=tuple(self.unknown),
            notes=tuple(self.notes),
            model_tables=len(made.tables) if made else 0,
            missing_models=made.missing if made else (),
        )

    # -- the project --------------------------------------------------------------------------------

    def _project(self) -> tuple[Setup, Mapping[str, Any]]:
        """What env.py configures, and the version files: kept while nothing that they depend on changes."""
        cache = Cache(self.settings.home)
        inputs = [str(self.settings.project.config), self.settings.database.url.render_as_string(), _section(self)]
        found = cache.get("project", inputs)
        if found is None:
            with self._visit as here:
                setup = here.worker.request("probe")
                revisions = here.worker.request("history")
                seen = here.worker.request("dependencies")
            found = {"setup": setup, "revisions": revisions}
            ours = [name for name, _ in self.settings.project.environment]
            cache.put("project", inputs, found, Dependencies.of(seen, without=ours))
        return Setup.from_dict(found["setup"]), found["revisions"]

    @cached_property
    def _visit(self) -> Any:
        return visit(self.settings, purpose="compare")

    @staticmethod
    def _history(revisions: Mapping[str, Any], current: tuple[str, ...]) -> History:
        return History(
            revisions=tuple(Revision.from_dict(one) for one in revisions["revisions"]),
            heads=tuple(sorted(revisions["heads"])),
            current=current,
            problems=tuple(revisions["problems"]),
        )

    # -- the three catalogs -------------------------------------------------------------------------

    def _ground(self, facts: database.ServerFacts, roles: tuple[str, ...]) -> replay.Ground:
        there = embedded.majors()
        major = min((one for one in there if one >= facts.major), default=max(there))
        if facts.major > major:
            self.unknown.append(
                f"The server is PostgreSQL {facts.major}, newer than any scratch server here ({major}): what it writes "
                "cannot be compared with certainty."
            )
        return replay.Ground(server=embedded.server(self.settings.home, major=major), role=facts.role, roles=roles)

    def _say_unread(self, live: Catalog) -> None:
        if live.unread:
            self.unknown.append(f"The role may not read, or nobody knows how to read: {', '.join(live.unread)}.")

    def _as_written_there(self, ground: replay.Ground, live: Catalog, table: tuple[str, str]) -> Catalog:
        if live.server_version // 10000 == ground.server.major:
            return live
        try:
            there = clone.as_written_there(self.settings, ground, live, table)
        except OpsError as error:
            self.unknown.append(
                f"The live schema could not be written by PostgreSQL {ground.server.major}, so definitions may differ "
                f"in spelling only: {error.problem}"
            )
            return live
        self.notes.append(
            f"Definitions were compared as PostgreSQL {ground.server.major} writes them; the server is "
            f"{live.server_version // 10000}."
        )
        return there

    def _migrations(self, replayed: replay.Replay, history: History) -> tuple[Catalog | None, Catalog | None]:
        if history.unknown:
            self.unknown.append(
                f"The database says it is at {', '.join(history.unknown)}, which no version file has: what is live "
                "cannot be compared with its migrations."
            )
            current = None
        else:
            current = replayed.at(history.current)
        head = None if replayed.failed else replayed.at(history.heads)
        if replayed.failed:
            self.unknown.append(f"The migrations could not be replayed on scratch: {replayed.failed}")
        elif current is None and not history.unknown:
            self.unknown.append(f"The replay never was at {', '.join(history.current)}.")
        elif head is None:
            self.unknown.append(f"The replay never was at {', '.join(history.heads)}.")
        return current, head

    def _models(self, ground: replay.Ground, head: Catalog | None) -> replay.Models | None:
        if head is None:
            return None
        try:
            made = replay.models(self.settings, ground, head)
        except OpsError as error:
            self.unknown.append(f"The models could not be built on scratch: {error.problem}")
            return None
        if not made.has_metadata or not made.tables:
            self.unknown.append("The models hold no table: env.py sets no target_metadata, or nothing is imported.")
            return None
        for name, why in made.failed:
            self.unknown.append(f"Of the models, {name} could not be built: {why}")
        return made

    # -- what the project leaves out ----------------------------------------------------------------

    def _wanted(self, judged: tuple[Judged, ...], setup: Setup, current: Catalog, head: Catalog) -> tuple[Judged, ...]:
        """Leave out what the project's include_schemas, include_name and include_object leave out."""
        if not setup.include_schemas:
            ours = {key.name for one in (current, head) for key in one.texts if key.kind == "schema"}
            judged = tuple(one for one in judged if _schema_of(one.difference.key) in (*ours, ""))
        if not (setup.has_filters and judged):
            return judged
        objects = [one for item in judged for one in _as_asked(item.difference.key)]
        with visit(self.settings, purpose="compare") as here:
            answers = iter(here.worker.request("wanted", objects=objects)["wanted"])
        kept = []
        for item in judged:
            if all([next(answers) for _ in _as_asked(item.difference.key)]):
                kept.append(item)
        return tuple(kept)


def _section(work: _Work) -> dict[str, str]:
    section = work.settings.section
    values = dict(section.values) if section else {}
    return {name: value for name, value in values.items() if name != "url"}


_TYPES = {
    "table": "table",
    "column": "column",
    "not null": "column",
    "index": "index",
    "unique": "unique_constraint",
    "foreign key": "foreign_key_constraint",
}


def _as_asked(key: Key) -> list[dict[str, Any]]:
    """An object as Alembic's hooks would be asked about it: its schema and its table first."""
    asked: list[dict[str, Any]] = []
    if key.schema:
        asked.append({"type": "schema", "name": key.schema, "schema": key.schema, "table": None, "reflected": True})
    if key.parent:
        asked.append({"type": "table", "name": key.parent, "schema": key.schema, "table": None, "reflected": True})
    kind = _TYPES.get(key.kind)
    if kind is not None:
        table = key.parent or None
        asked.append({"type": kind, "name": key.name, "schema": key.schema, "table": table, "reflected": True})
    return asked


def _schema_of(key: Key) -> str:
    return key.name if key.kind == "schema" else key.schema


def _is_refused(key: Key, refused: Iterable[str]) -> bool:
    names = {str(key), key.name, f"{key.parent}.{key.name}", key.parent}
    return any(one in names for one in refused)


def _roles(connection: Any) -> tuple[str, ...]:
    found = connection.exec_driver_sql("SELECT rolname FROM pg_roles WHERE rolname !~ '^pg_' ORDER BY rolname")
    return tuple(found.scalars())


def _blame(judged: Sequence[Judged], replayed: replay.Replay, history: History) -> dict[tuple[Cause, Key], Blame]:
    found: dict[tuple[Cause, Key], Blame] = {}
    written: dict[str, tuple[str | None, str | None]] = {}
    for item in judged:
        key = item.difference.key
        if item.cause in (Cause.PENDING, Cause.AHEAD_BY_HAND):
            name = replayed.first_touch(
                (item.difference.before or key, *item.difference.consequences, key), history.current
            )
        else:
            name = None
        if name is None:
            until = None if item.cause is Cause.MODEL_WITHOUT_MIGRATION else history.current
            name = replayed.last_touch(item.difference.before or key, until) or replayed.last_touch(
                Key("table", key.schema, "", key.parent), until
            )
        revision = history.by_id.get(name or "")
        if revision is None:
            continue
        if revision.path not in written:
            written[revision.path] = _from_git(Path(revision.path))
        date, author = written[revision.path]
        found[(item.cause, key)] = Blame(
            revision=revision.revision,
            message=revision.message,
            file=revision.path,
            date=date or revision.created,
            author=author,
        )
    return found


def _from_git(path: Path) -> tuple[str | None, str | None]:
    """Date and author of the last commit of a file; nothing where there is no git, or no commit yet."""
    command = ["git", "-C", str(path.parent), "log", "-1", "--format=%aI%x1f%an", "--", path.name]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None, None
    date, separator, author = done.stdout.strip().partition("\x1f")
    return (date, author) if done.returncode == 0 and separator else (None, None)


# -- as a result -------------------------------------------------------------------------------------


def drift(settings: TargetSettings, *, ignore: str = "", expect_pending: bool = True, strict: bool = False) -> Drift:
    """Return the three-way comparison as a result; see `compare` for what it raises."""
    kinds = (*catalog.KINDS, "owner", "comment", "grant")
    left_out = (*rules(ignore, kinds), *rules(",".join(settings.ignore), kinds))
    found = compare(settings)
    counted, ignored = [], []
    for item in found.judged:
        change = _change(found, item, expect_pending=expect_pending, strict=strict)
        (ignored if is_ignored(change.kind, change.object, left_out) else counted).append(change)
    return Drift(
        target=settings.name,
        changes=tuple(sorted(counted, key=lambda one: (not one.counts, one.object, one.kind))),
        ignored=tuple(ignored),
        unknown=found.unknown,
        notes=found.notes,
        pending=found.history.pending,
        expect_pending=expect_pending,
        model_tables=found.model_tables,
        missing_models=found.missing_models,
        fingerprints={
            "models": found.models.fingerprint if found.models is not None else None,
            "migrations": found.current.fingerprint if found.current is not None else None,
            "live": found.live.fingerprint,
        },
    )


def _change(found: Comparison, item: Judged, *, expect_pending: bool, strict: bool) -> Change:
    difference = item.difference
    counts = {Cause.PENDING: not expect_pending, Cause.UNMANAGED: strict}.get(item.cause, True)
    blame = found.blame.get((item.cause, difference.key))
    return Change(
        action=difference.action,
        kind=difference.kind,
        object=difference.object,
        cause=item.cause,
        counts=counts,
        details=difference.details,
        blame=blame.to_dict() if blame else None,
        consequences=tuple((key.kind, str(key)) for key in difference.consequences),
        offers=_offers(found, item),
    )


def _offers(found: Comparison, item: Judged) -> tuple[Offer, ...]:
    """The ways out of a difference: back to the migrations, or into a migration."""
    one = item.difference
    try:
        from ops.remedy import remedy  # noqa: F401
    except ImportError:
        return ()
    current, head, models = found.current, found.head, found.models
    if item.cause is Cause.PENDING or current is None or head is None:
        return ()
    if item.cause is Cause.MODEL_WITHOUT_MIGRATION:
        assert models is not None  # otherwise nothing would have been judged against them
        return (_offer("bring the migrations to the models", one, head, models),)
    return (
        _offer("bring the database back to the migrations", one.mirrored(), found.live, current),
        _offer("adopt it into a migration", one, current, found.live),
    )


def _offer(title: str, difference: Difference, first: Catalog, second: Catalog) -> Offer:
    from ops.remedy import remedy

    found = remedy(difference, first, second)
    return Offer(
        title=title,
        sql=found.sql,
        alembic=found.alembic,
        why_not="" if found.complete else found.why,
        loses=found.loses,
    )
