"""Models, migrations and a live database, compared three ways."""

from __future__ import annotations

from ops import dialects
from ops.catalog import Catalog, Difference
from ops.catalog.queries import KINDS
from ops.drift import Change, Drift, Offer, is_ignored, rules
from ops.errors import OpsError
from ops.remedy import Remedy, remedy, script
from ops.settings import TargetSettings
from ops.sides import Comparison, compare
from ops.threeway import Cause, Judged

_NO_SQL = {
    "MariaDB": "No SQL is offered that makes a difference go away: write a revision that does, or undo by hand what "
    "was done by hand.",
    "SQLite": "No SQL is offered that makes a difference go away: write a revision of batch operations, or undo by "
    "hand what was done by hand.",
}


def drift(settings: TargetSettings, *, ignore: str = "", expect_pending: bool = True, strict: bool = False) -> Drift:
    """Return the three-way comparison as a result; see `compare` for what it raises."""
    kinds = (*KINDS, "owner", "comment", "grant")
    left_out = (*rules(ignore, kinds), *rules(",".join(settings.ignore), kinds))
    found = compare(settings)
    dialect = dialects.of(settings)
    mends = dialect.is_postgresql
    counted, ignored = [], []
    for item in found.judged:
        change = _change(found, item, expect_pending=expect_pending, strict=strict, mends=mends)
        (ignored if is_ignored(change.kind, change.object, left_out) else counted).append(change)
    return Drift(
        target=settings.name,
        changes=tuple(sorted(counted, key=lambda one: (not one.counts, one.object, one.kind))),
        ignored=tuple(ignored),
        unknown=found.unknown,
        notes=found.notes if mends or not counted else (*found.notes, _NO_SQL[dialect.name]),
        pending=found.history.pending,
        expect_pending=expect_pending,
        model_tables=found.model_tables,
        missing_models=found.missing_models,
        findings=_without_version(found),
        fingerprints={
            "models": found.models.fingerprint if found.models is not None else None,
            "migrations": found.current.fingerprint if found.current is not None else None,
            "live": found.live.fingerprint,
        },
    )


def _without_version(found: Comparison) -> tuple[str, ...]:
    """What to know first where tables are there and no revision is: it need not be by hand that they differ."""
    causes = (Cause.CHANGED_BY_HAND, Cause.AHEAD_BY_HAND)
    by_hand = any(one.cause in causes and one.difference.kind == "table" for one in found.judged)
    if found.history.current or not found.history.revisions or not by_hand:
        return ()
    return (
        "The version table names no revision, and the schema has tables: what is said to be done by hand below may be "
        "what a revision made. Let 90-repair find out which revision this schema is before you follow any offer.",
    )


def _change(found: Comparison, item: Judged, *, expect_pending: bool, strict: bool, mends: bool) -> Change:
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
        offers=_offers(found, item) if mends else (),
    )


def _offers(found: Comparison, item: Judged) -> tuple[Offer, ...]:
    """The ways out of a difference: back to the migrations, or into a migration."""
    one = item.difference
    current, head, models = found.current, found.head, found.models
    if item.cause is Cause.PENDING:
        return ()
    if item.cause is Cause.MODEL_WITHOUT_MIGRATION:
        assert head is not None and models is not None  # otherwise nothing would have been judged
        return (_offer("bring the migrations to the models", one, head, models),)
    assert current is not None
    return (
        _offer("bring the database back to the migrations", one.mirrored(), found.live, current, runs_here=True),
        _offer("adopt it into a migration", one, current, found.live),
    )


def _offer(title: str, difference: Difference, first: Catalog, second: Catalog, *, runs_here: bool = False) -> Offer:
    found = remedy(difference, first, second)
    return Offer(
        title=title,
        sql=found.sql,
        alembic=found.alembic,
        why_not="" if found.complete else found.why,
        loses=found.loses,
        runs_here=runs_here,
    )


def adoption(settings: TargetSettings) -> tuple[Remedy, Remedy]:
    """Return what brings the migrations to what was changed by hand, and what takes it back."""
    found = compare(settings)
    if found.current is None:
        raise OpsError(
            f"It is not known what was changed by hand: {' '.join(found.unknown)}",
            next_step="See notebooks/12-compare-schema.ipynb.",
            code="not-comparable",
        )
    by_hand = [one.difference for one in found.judged if one.cause in (Cause.CHANGED_BY_HAND, Cause.UNMANAGED)]
    back = [one.mirrored() for one in by_hand]
    return script(by_hand, found.current, found.live), script(back, found.live, found.current)
