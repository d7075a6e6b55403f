"""A dump restored on scratch, and compared with what was dumped: catalog, rows, sequences, large objects."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Any

from ops import clone, copies, database, display, dumps, scratch
from ops.catalog import Catalog, Key, diff, properties, snapshot
from ops.catalog.names import quoted
from ops.dumps import Dump, Source
from ops.dumps.source import qualified
from ops.errors import OpsError
from ops.ground import Ground
from ops.settings import TargetSettings

NO_TABLE = ("", "")
"""Nothing is passed over: a backup has the version table, too."""

VERSION_TABLE = ("public", "alembic_version")
SHOWN = 20

Name = tuple[str, str]
Report = Callable[[str], None]

_SEQUENCES = "SELECT schemaname, sequencename, last_value FROM pg_catalog.pg_sequences"
_LARGE_OBJECTS = "SELECT count(*) FROM pg_catalog.pg_largeobject_metadata"
_RIGHTS = ("owner", "grants")


@dataclass(slots=True, kw_only=True)
class Wanted:
    """What a restored dump has to be like. Sequences move on meanwhile, whoever holds a snapshot."""

    catalog: Catalog
    counts: Mapping[Name, int]
    large_objects: int
    sequences: list[Mapping[Name, int | None]] = field(default_factory=list)

    @classmethod
    def of(cls, source: Source, data: str, without: frozenset[Name]) -> Wanted:
        """Ask a snapshot; this reads all rows once."""
        holding = [one.name for one in source.tables if not one.partitioned and one.name not in without]
        found = cls(
            catalog=source.catalog(NO_TABLE),
            counts={} if data == "schema" else source.counts(holding),
            large_objects=0 if data == "schema" else source.large_objects,
        )
        found.see_sequences(source, data)
        return found

    def see_sequences(self, source: Source, data: str) -> None:
        """Take where the sequences are now."""
        if data != "schema":
            self.sequences.append({(schema, name): last for schema, name, last in source.ask(_SEQUENCES)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What was found to be so, what was not, and what could not be told; a sentence each."""

    checked: tuple[str, ...] = ()
    differences: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()


def restored(settings: TargetSettings, dump: Dump, ground: Ground, wanted: Wanted, report: Report | None) -> Findings:
    """Restore a dump on the scratch server, compare, and throw it away again."""
    place = ground.server
    if lacking := _lacking(place, wanted.catalog):
        return Findings(unknown=(f"It was not restored: {place.label} has no {lacking}. Name one as scratch_url.",))
    ground.furnish()
    options = ["--no-subscriptions"] if dump.format != "plain" else []
    options += [] if ground.has_roles else ["--no-owner", "--no-acl"]
    with scratch.throw_away(place, "verify") as name:
        try:
            dumps.restore(dump, place, name, options=options, report=report)
        except OpsError as error:
            return Findings(differences=(f"It cannot be restored: {error.problem}",))
        there = replace(settings.with_url(place.url(name)), role=None, embedded=False)
        with database.connect(there, purpose="backup") as connection:
            made = snapshot.read(connection, version_table=NO_TABLE)
        with closing(scratch.connect(place, name)) as session, session.cursor() as cursor:
            differences = tuple(_rows(cursor, dump, wanted))
        try:
            expected = _as_written_there(settings, ground, wanted.catalog, made)
        except OpsError as error:
            unknown = (f"Its schema was not compared: {error.problem}",)
            return Findings(differences=differences, unknown=unknown, checked=_counted(wanted, differences))
        changed = tuple(_objects(expected, made, dump, has_roles=ground.has_roles))
    checked = () if changed else (f"Its schema is the one that was dumped: {len(made.texts)} objects.",)
    return Findings(
        checked=(*checked, *_counted(wanted, differences)),
        differences=(*changed, *differences),
        unknown=() if ground.has_roles else ("Owners and grants were not compared: scratch has no roles for it.",),
    )


def _as_written_there(settings: TargetSettings, ground: Ground, live: Catalog, made: Catalog) -> Catalog:
    """Servers of different major versions print the same view, default or constraint differently."""
    if live.server_version // 10000 == made.server_version // 10000:
        return live
    with database.connect(settings, purpose="backup") as connection:
        now = snapshot.read(connection, version_table=NO_TABLE)
    if now.fingerprint != live.fingerprint:
        raise OpsError("The schema was changed since.", next_step="Make another backup.", code="busy")
    return clone.as_written_there(settings, ground, live, NO_TABLE)


def _objects(wanted: Catalog, made: Catalog, dump: Dump, *, has_roles: bool) -> Iterator[str]:
    """The differences of two catalogs; the foreign keys that a dump with some rows cannot keep are told elsewhere."""
    broken = {Key("foreign key", one.schema, one.table, one.name) for one in dump.broken}
    skipped = broken | {key for one in (wanted, made) for key in one.texts if key.kind in made.unread + wanted.unread}
    before, after = wanted.without(frozenset(skipped)), made.without(frozenset(skipped))
    if not has_roles:
        before, after = _without_rights(before), _without_rights(after)
    found = diff(before, after)
    for one in found[:SHOWN]:
        what = {"added": "is there, and was not", "removed": "is missing"}.get(one.action, "is another one")
        yield f"{one.kind} {one.object} {what}."
    if len(found) > SHOWN:
        yield f"And {len(found) - SHOWN} more differences of the schema."


def _without_rights(catalog: Catalog) -> Catalog:
    import json

    texts = {
        key: json.dumps({name: value for name, value in properties(text).items() if name not in _RIGHTS})
        for key, text in catalog.texts.items()
    }
    return replace(catalog, texts=texts)


def _rows(cursor: Any, dump: Dump, wanted: Wanted) -> Iterator[str]:
    for name, count in wanted.counts.items():
        cursor.execute(f"SELECT count(*) FROM ONLY {qualified(name)}")
        there = cursor.fetchone()[0]
        if there != count:
            yield f"{qualified(name)} has {there:,} rows, and {count:,} were there."
    cursor.execute(_LARGE_OBJECTS)
    there = cursor.fetchone()[0]
    if dump.data == "full" and there != wanted.large_objects:
        yield f"It has {there:,} large objects, and {wanted.large_objects:,} were there."
    if wanted.sequences:
        cursor.execute(_SEQUENCES)
        yield from _moved(wanted.sequences, {(schema, name): last for schema, name, last in cursor.fetchall()})


def _moved(seen: list[Mapping[Name, int | None]], there: Mapping[Name, int | None]) -> Iterator[str]:
    """A sequence has to be where it was before the dump, or where it was after it, or in between."""
    for name in seen[0].keys() & seen[-1].keys():
        bounds = [one[name] for one in seen]
        numbers = [one for one in bounds if one is not None]
        last = there.get(name)
        between = last is not None and numbers and min(numbers) <= last <= max(numbers)
        if last not in bounds and not between:
            yield f"The sequence {qualified(name)} is at {last}, and was at {bounds[0]}."


def _counted(wanted: Wanted, differences: tuple[str, ...]) -> tuple[str, ...]:
    if differences or not wanted.counts:
        return ()
    rows, tables = sum(wanted.counts.values()), len(wanted.counts)
    return (f"Its rows are as many as were there: {rows:,} in {display.many(tables, 'table')}.",)


def _lacking(place: scratch.Place, live: Catalog) -> str:
    """What the schema needs and the scratch server has not, in words; empty where it has all."""
    names = [key.name for key in live.texts if key.kind == "extension"]
    with closing(scratch.connect(place)) as session, session.cursor() as cursor:
        cursor.execute("SELECT name FROM pg_catalog.pg_available_extensions WHERE name = ANY (%s)", (names,))
        there = {name for (name,) in cursor.fetchall()}
    missing = [f"extension {quoted(one)}" for one in sorted(set(names) - there)]
    if any('"compression" : "lz4"' in text for text in live.texts.values()) and not copies.has_lz4(place):
        missing.append("lz4")
    return " and no ".join(missing)
