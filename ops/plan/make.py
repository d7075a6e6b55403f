"""How a plan is made: a route, a clone on which it is run and measured, a look at the live database, judgement."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ops import activity, calibrate, clone, commands, dialects, display, estimate, git, limits, probes, route
from ops.catalog import Catalog, snapshot
from ops.catalog.names import quoted
from ops.clone import Clone
from ops.commands import Command
from ops.errors import OpsError, UsageError
from ops.estimate.values import Estimates, Rate, Trial
from ops.ground import Ground
from ops.hazards import CODES, Hazard, Severity, judge, judge_files
from ops.ledger import Ledger, Records
from ops.live import Live
from ops.observe import Observed, observe
from ops.plan import kept, of_a_file, of_mariadb
from ops.plan.annotations import FORMS
from ops.plan.copied import HAZARDS, CopiedPlan
from ops.plan.kept import Foretold
from ops.plan.values import Plan
from ops.probes import Probe
from ops.project.conversation import Worker
from ops.project.visit import Step, Visit, visit
from ops.route import Route
from ops.settings import TargetSettings
from ops.statement import Statement
from ops.versionfile import VersionFile, bodies

_NO_CLONE = ("clone", "embedded", "wrong-database")
"""Codes of errors that mean: this project cannot be run on a clone of this database."""


def plan(
    settings: TargetSettings,
    direction: str = "up",
    revision: str = "head",
    *,
    fail_on: str = "high",
    allow: str = "",
    annotate: str = "",
) -> Plan | CopiedPlan:
    """Return what a change would do to a target, measured on a clone of its schema; the target is only read.

    `fail_on`: from which severity on a hazard makes the verdict ATTENTION. `allow`: codes of hazards that do not
    count, comma-separated. `annotate`: `github` writes its `lines` as GitHub's annotations, `sarif` has `plan.sarif`
    among its `files`; both, comma-separated.

    Raises
    ------
    UsageError
        There is no such severity, direction, hazard or form of annotations.
    RevisionError, ProjectError, ConnectError
        The request cannot be resolved, the project does not load, or the server cannot be reached.
    """
    limit, allowed, forms = _severity(fail_on), _allowed(allow), _forms(annotate)
    if direction not in ("up", "down"):
        raise UsageError(f"{direction!r} is no direction.", next_step="Write up or down.")
    dialect = dialects.of(settings)
    if not dialect.is_postgresql:
        on_a_copy = of_a_file.plan if dialect.is_file else of_mariadb.plan
        with visit(settings, purpose="plan") as here:
            ran = on_a_copy(here, route.make(here, direction, revision), fail_on=limit, allow=allowed)
            kept.keep(settings.home, ran, default_schema=None)
        return ran
    # The clone's worker starts while the target's is asked.
    with Worker(settings) as booted, visit(settings, purpose="plan") as here:
        made = _plan(here, route.make(here, direction, revision), booted, limit, allowed)
        made = replace(made, root=_root(here, made.route), annotate=forms)
        kept.keep(settings.home, made, default_schema=here.setup.default_schema)
    return made


def _plan(here: Visit, made: Route, booted: Worker, fail_on: Severity, allow: frozenset[str]) -> Plan:
    live = activity.look(here.connection)
    records = Ledger.of(here).look()
    measured = _measured(here, made, booted) if made.steps else _Measured()
    seen = measured.observed
    catalog = made.live
    assert catalog is not None  # a route that has just been made has it
    asked: tuple[Probe, ...] = ()
    if seen.statements:
        asked = probes.ask(here.connection, seen.statements, seen.commands, catalog)
    own = here.settings.limits
    found = judge(
        seen.statements,
        commands=seen.commands,
        live=live,
        catalog=catalog,
        server_version=here.facts.version_number,
        limits=limits.short(own),
    )
    found += judge_files(
        _files(here, made, records),
        statements=seen.statements,
        heads=here.history.heads,
        direction=made.direction,
        several_heads=here.history.has_unexpected_heads,
    )
    uncertain = list(measured.uncertain)
    if records.unreadable and made.direction == "down":  # only what was applied can have been edited since
        uncertain.append(f"{records.unreadable} Whether a file was edited after it was applied is not known.")
    if catalog.unread:
        uncertain.append(f"The role may not read: {', '.join(catalog.unread)}; a clone lacks them.")
    return Plan(
        route=made,
        statements=seen.statements,
        hazards=_sorted(replace(one, allowed=True) if one.code in allow else one for one in found),
        probes=asked,
        live=_of(live, seen.statements),
        fail_on=fail_on,
        limits=own,
        foretold=measured.foretold,
        estimates=_estimates(here, made, measured, live),
        server=str(here.facts),
        offline=measured.offline,
        failed=seen.failed.problem if seen.failed and not seen.excused else "",
        unreached=seen.unreached,
        uncertain=(*uncertain, *catalog.doubts),
        notes=(*measured.notes, *_questions(seen.questions), *live.unseen),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Measured:
    """What the clone told, or why there was none."""

    observed: Observed = field(default_factory=Observed)
    ground: Ground | None = None
    foretold: Foretold | None = None
    offline: str = ""
    uncertain: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def _measured(here: Visit, made: Route, booted: Worker) -> _Measured:
    """Run the route on a clone; where there can be none, take the SQL that Alembic writes without a database."""
    setup = here.setup
    table = (setup.version_table_schema, setup.version_table)
    assert made.live is not None
    try:
        ground = Ground.of(here.settings, here.connection, table)
        with (
            clone.cloned(here.settings, ground, made.live, table, made.current) as copy,
            visit(copy.settings, purpose="plan", booted=booted, read_files=False) as there,
        ):
            seen = observe(there, made.steps, made.direction, version_table=table, lacking=ground.lacking)
            foretold = None
            if seen.failed is None:
                foretold = _foretold(here, made.live, ground, copy, there)
            return _Measured(
                observed=seen, ground=ground, foretold=foretold, uncertain=copy.missing, notes=copy.differences
            )
    except OpsError as error:
        if error.code not in _NO_CLONE:
            raise
        return _Measured(observed=_offline(here, made, error.problem), offline=error.problem)


_COLLATION = "SELECT datcollate::text FROM pg_catalog.pg_database WHERE datname = current_database()"


def _estimates(here: Visit, made: Route, measured: _Measured, live: Live) -> Estimates:
    """How long it takes, and how much room: from rates of synthetic rows, or from a rehearsal of this very plan."""
    seen = measured.observed
    assert made.live is not None
    works = estimate.works(seen.statements, seen.commands, live, made.live)
    trials = [trial for work in works.values() for trial in work.trials]
    sizes = {name: one.heap_bytes for name, one in live.relations.items()}
    trials.sort(key=lambda trial: -sizes.get(trial.relation, 0))  # the largest first, as the time for them is limited
    tried: dict[Trial, Rate | str] = {}
    distance = ""
    if trials and measured.ground is not None:
        try:
            place = measured.ground.server
            tried |= calibrate.rates(here.settings.home, place, here.connection, trials)
            distance = calibrate.distance(here.settings, place)
            if not place.is_shared:  # the embedded servers compare bytes
                collation = here.connection.exec_driver_sql(_COLLATION).scalar_one()
                distance = " ".join(filter(None, (distance, estimate.sorting(trials, made.live, collation))))
        except OpsError as error:  # a plan is worth more than its times
            tried |= dict.fromkeys(trials, f"no rates can be measured: {error.problem}")
    known = calibrate.rehearsed(here.settings.home, made.fingerprint, seen.statements, made.direction)
    return estimate.estimate(seen.statements, works, live, tried, known, distance=distance)


def _foretold(here: Visit, live: Catalog, ground: Ground, copy: Clone, there: Visit) -> Foretold | None:
    """How the schema of the clone differs now from what it was; None where that tells nothing of the target's."""
    table = (here.setup.version_table_schema, here.setup.version_table)
    before = live
    if copy.major != live.server_version // 10000 or copy.missing or not ground.has_roles:
        try:
            before = clone.as_written_there(here.settings, ground, live, table)
        except OpsError as error:
            if error.code != "clone":
                raise
            return None  # the clone's server lacks something of the target's: roles, a tablespace
    after = snapshot.read(there.connection, version_table=table)
    return Foretold.between(before, after, role=there.facts.role)


def _offline(here: Visit, made: Route, why: str) -> Observed:
    statements: list[Statement] = []
    parsed: dict[int, tuple[Command, ...]] = {}
    there = {str(key) for key in made.live.texts} if made.live is not None else set()
    schemas = ("public",)

    def resolve(name: str) -> str:
        return next((one for one in schemas if f"{quoted(one)}.{quoted(name)}" in there), "")

    written = route.offline_sql(here, made.direction, made.steps)
    for number, one in enumerate(written, 1):
        if one.sql is None:
            why_not = f"its SQL cannot be written without a database: {one.why}"
            statements.append(
                Statement(
                    number=len(statements) + 1,
                    revision=one.revision,
                    sql="",
                    transaction=number,
                    measured=False,
                    why=why_not,
                )
            )
            continue
        for text in commands.split(one.sql):
            found = commands.parse(text, resolve=resolve)
            place = len(statements) + 1
            statements.append(
                Statement(
                    number=place,
                    revision=one.revision,
                    sql=text.strip(),
                    transaction=number,
                    measured=False,
                    why=why,
                    bookkeeping=_keeps_versions(found, here.setup.version_table),
                )
            )
            parsed[place] = found
    return Observed(statements=tuple(statements), commands=parsed)


def _keeps_versions(found: Sequence[Command], table: str) -> bool:
    words = ("INSERT", "UPDATE", "DELETE", "CREATE TABLE")
    return bool(found) and all(
        one.verb in words and one.name == table for one in found if one.verb != "ADD PRIMARY KEY"
    )


def _files(here: Visit, made: Route, records: Records) -> tuple[VersionFile, ...]:
    """The version files of a plan, as values."""
    folders = {Path(step.revision.path).parent for step in made.steps}
    known = {folder: git.uncommitted(folder) for folder in folders}
    applied = {one: here.history.by_id[one].sha256 for one in here.history.applied}
    edited = set(records.edited(applied))
    return tuple(_file(step, known, edited) for step in made.steps)


def _root(here: Visit, made: Route) -> Path:
    """The top of the repository that has the version files; where there is no git, the home folder."""
    return git.top_of(Path(one.path) for one in made.revisions) or here.settings.home


def _file(step: Step, known: Mapping[Path, frozenset[Path] | None], edited: set[str]) -> VersionFile:
    revision = step.revision
    path = Path(revision.path)
    changed = known[path.parent]
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        text = "upgrade = downgrade = None"  # a compiled file: what it holds cannot be read, so it is taken for code
    upgrade, downgrade, reason = bodies(text)
    return VersionFile(
        revision=revision.revision,
        path=revision.path,
        upgrade=upgrade,
        downgrade=downgrade,
        merges=len(revision.down_revisions) > 1,
        committed=None if changed is None else Path(os.path.realpath(path)) not in changed,
        edited=revision.revision in edited,
        reason=reason,
    )


def _questions(count: int) -> tuple[str, ...]:
    if not count:
        return ()
    return (f"{display.many(count, 'question')} of the migrations to the server's catalog are not shown.",)


def _of(live: Live, statements: Iterable[Statement]) -> Live:
    """What was seen of the relations that the plan locks; a plan is a value to keep, and a database may be large."""
    names = {lock.relation for one in statements for lock in one.locks}
    return replace(live, relations={name: one for name, one in live.relations.items() if name in names})


def _sorted(found: Iterable[Hazard]) -> tuple[Hazard, ...]:
    return tuple(sorted(found, key=lambda one: (one.allowed, -one.severity, one.statement, one.code, one.relation)))


def _severity(word: str) -> Severity:
    found = next((one for one in Severity if one.word == word), None)
    if found is None:
        raise UsageError(
            f"{word!r} is no severity.", next_step=f"Write one of {', '.join(one.word for one in Severity)}."
        )
    return found


def _allowed(text: str) -> frozenset[str]:
    named = _parts(text)
    known = CODES | {*HAZARDS}
    unknown = sorted(named - known)
    if unknown:
        raise UsageError(
            f"There is no hazard called {', '.join(unknown)}.",
            next_step=f"The plan's table has their names. All there are: {', '.join(sorted(known))}.",
        )
    return named


def _forms(text: str) -> frozenset[str]:
    named = _parts(text)
    if unknown := sorted(named - set(FORMS)):
        raise UsageError(
            f"{', '.join(unknown)} is no form of annotations.", next_step=f"Write {' or '.join(FORMS)}, or nothing."
        )
    return named


def _parts(text: str) -> frozenset[str]:
    return frozenset(part.strip() for part in text.split(",") if part.strip())
