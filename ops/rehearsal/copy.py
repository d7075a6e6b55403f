"""A copy of a target for a rehearsal: its schema, and as many of its rows as one wants there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, field

from ops import clone, copies, differing, dumps, scratch
from ops.catalog import Catalog
from ops.catalog.names import quoted
from ops.dumps import Dump, Source, patterns
from ops.errors import OpsError, UsageError
from ops.ground import Ground
from ops.rehearsal import sample
from ops.rehearsal.course import Eyes, ServerEyes
from ops.settings import TargetSettings
from ops.transfer import Transfer

DATA = ("all", "sample", "none")

Report = Callable[[str], None]
Name = tuple[str, str]

_AT_RESTORE = ("--no-owner", "--no-acl", "--no-tablespaces")
"""Of what pg_dump is told, what an archive remembers nothing of."""

_STATISTICS = 180000
"""From this version on a dump can have the planner's statistics."""

_SHOWN = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """A copy of a target, which lives as long as the context that made it.

    `settings` lead there, with the role that does the work; `differences` say what is not as in the target, and what
    that leaves uncertain, a sentence each; `missing` says what of the schema itself could not be carried over.
    `without` are the tables whose rows were not to leave.
    """

    settings: TargetSettings
    database: str
    server_version: int
    differences: tuple[str, ...]
    missing: tuple[str, ...]
    without: tuple[Name, ...] = ()
    _again: Callable[[], AbstractContextManager[Copy]] = field(repr=False, compare=False)

    @property
    def major(self) -> int:
        """The major version of the server that it lives on."""
        return self.server_version // 10000

    def eyes(self) -> Eyes:
        """How it is looked at, in one visit."""
        return ServerEyes()

    def again(self) -> AbstractContextManager[Copy]:
        """Another copy of the same starting state, whatever has happened to this one; the target is not asked again.

        It is there as long as its own context, which ends before this one's.
        """
        return self._again()


@contextmanager
def made(
    settings: TargetSettings,
    ground: Ground,
    live: Catalog,
    table: tuple[str, str],
    heads: tuple[str, ...],
    *,
    data: str = "all",
    rows_per_table: int = 1000,
    exclude_data: str = "",
    report: Report = lambda line: None,
) -> Iterator[Copy]:
    """Yield a copy of a target at the revisions `heads`; nothing of it is left afterwards.

    `table` is schema and name of the version table. `data`: `all` rows, a `sample` of at most `rows_per_table` of each
    table with the rows that they refer to, or `none`. `exclude_data`: tables whose rows must not leave the target, as
    comma-separated patterns of pg_dump's; their partitions and children are meant, too. `report` gets a line now and
    then.

    Raises
    ------
    UsageError
        There is no such choice, or a pattern means no table.
    OpsError
        The target cannot be dumped (code `dump`), or not be restored there (code `clone`); the disk has no room for it
        (code `disk`); or the schema is being changed (code `busy`).
    ConnectError
        The target, or the scratch server, does not answer.
    """
    check(data, rows_per_table)
    if data == "none":
        with _bare(settings, ground, live, table, heads) as one:
            yield one
        return
    _require_version(ground, live)
    transfer = Transfer.of(settings, ground, live, table)
    wanted = patterns.split(exclude_data)
    if data == "all":
        with _whole(transfer, heads, wanted, report) as one:
            yield one
    else:
        with _sampled(transfer, heads, wanted, rows_per_table, report) as one:
            yield one


def check(data: str, rows_per_table: int) -> None:
    """Return when there is such a choice of rows.

    Raises
    ------
    UsageError
        There is not.
    """
    if data not in DATA:
        raise UsageError(f"{data!r} is no choice of rows.", next_step=f"Write one of: {', '.join(DATA)}.")
    if rows_per_table < 1:
        raise UsageError(f"{rows_per_table} rows of a table are no sample.", next_step="Write a number above 0.")


def _require_version(ground: Ground, live: Catalog) -> None:
    """What a newer server dumps, an older one does not read."""
    there, major = ground.elsewhere, live.server_version // 10000
    if there is not None and there.major < major:
        raise OpsError(
            f"A copy with rows cannot be made: {there.label} is PostgreSQL {there.major}, and the target is {major}.",
            next_step=f"Name a server of version {major} or newer as scratch_url, or rehearse with data = 'none'.",
            code="clone",
        )


@contextmanager
def _bare(
    settings: TargetSettings, ground: Ground, live: Catalog, table: tuple[str, str], heads: tuple[str, ...]
) -> Iterator[Copy]:
    with clone.cloned(settings, ground, live, table, heads) as one:
        yield Copy(
            settings=one.settings,
            database=one.database,
            server_version=one.server_version,
            differences=one.differences,
            missing=one.missing,
            _again=lambda: _bare(settings, ground, live, table, heads),
        )


@contextmanager
def _whole(transfer: Transfer, heads: tuple[str, ...], wanted: tuple[str, ...], report: Report) -> Iterator[Copy]:
    """Dump everything once, and restore it for each copy."""
    transfer.require_extensions()
    with scratch.files(transfer.place, "dump") as (folder, held):
        with _reading(transfer) as source:
            without = source.matching(wanted)
            _require_space(transfer, source, without)
            dump = dumps.make(
                source,
                folder / "rehearsal",
                without=without,
                options=_options(transfer, source, without),
                kept=False,
                pass_fds=(held,),
                report=report,
            )
        transfer.require_unchanged()
        with _restored(transfer, dump, heads, report) as one:
            yield one


@contextmanager
def _restored(transfer: Transfer, dump: Dump, heads: tuple[str, ...], report: Report) -> Iterator[Copy]:
    place = transfer.place
    with scratch.throw_away(place, "copy", encoding=_encoding(transfer), tablespace=transfer.tablespace) as name:
        options = [one for one in _AT_RESTORE if one in transfer.options]
        try:
            restored = dumps.restore(dump, place, name, options=options, report=report)
        except OpsError as error:
            raise transfer.refused(error) if error.code == "restore" else error from None
        unkept = restored.notes
        if dump.broken and transfer.ground.has_roles:
            unkept = _as_checked(place, name, dump)
        note = transfer.finish(name, patient=True)
        if not _has_statistics(transfer, dump.server_version, dump.without):
            with closing(scratch.connect(place, name)) as connection, connection.cursor() as cursor:
                cursor.execute("ANALYZE")
        yield Copy(
            settings=transfer.settings_of(name),
            database=name,
            server_version=note["server_version"],
            differences=_said(
                note["differences"], _of_order(transfer, name), _of_excluded(dump.without), unkept,
                transfer.settle(name, heads),
            ),
            missing=tuple(note["missing"]),
            without=dump.without,
            _again=lambda: _restored(transfer, dump, heads, report),
        )  # fmt: skip


@contextmanager
def _sampled(
    transfer: Transfer, heads: tuple[str, ...], wanted: tuple[str, ...], count: int, report: Report
) -> Iterator[Copy]:
    """Fill a copy of the schema once, and copy that for each copy."""
    place = transfer.place
    with clone.template_copy(transfer, "sample") as (start, template):
        with _reading(transfer) as source:
            without = source.matching(wanted)
            uncertain = sample.fill(source, place, start, rows_per_table=count, without=without, report=report)
        note = {
            **template.note,
            "differences": _said(
                template.note["differences"], copies.refill(place, start), _of_order(transfer, start),
                _of_excluded(without), uncertain,
            ),
        }  # fmt: skip

        @contextmanager
        def again() -> Iterator[Copy]:
            with scratch.throw_away(place, "copy", template=start) as name:
                yield Copy(
                    settings=transfer.settings_of(name),
                    database=name,
                    server_version=note["server_version"],
                    differences=_said(note["differences"], transfer.settle(name, heads)),
                    missing=tuple(note["missing"]),
                    without=without,
                    _again=again,
                )

        with again() as one:
            yield one


@contextmanager
def _reading(transfer: Transfer) -> Iterator[Source]:
    """One snapshot of the target, in which the schema is what it was."""
    with dumps.reading(transfer.settings, purpose="rehearsal") as source:
        transfer.require_same(source.catalog(transfer.table))
        yield source


def _options(transfer: Transfer, source: Source, without: tuple[Name, ...]) -> tuple[str, ...]:
    """What pg_dump is told beside what it is told for any copy."""
    # Views are filled once nothing leads out of the copy any more; and nobody compresses what is read at once.
    views = source.ask(
        "SELECT n.nspname, c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n"
        " ON n.oid = c.relnamespace WHERE c.relkind = 'm'"
    )
    names = [".".join('"' + part.replace('"', '""') + '"' for part in one) for one in views]
    # Which rows refer to a large object, nobody knows.
    objects = ("--no-large-objects",) if without else ()
    known = ("--statistics",) if _has_statistics(transfer, source.facts.version_number, without) else ()
    return (*transfer.options, "--compress=0", *known, *objects, *(f"--exclude-table-data={one}" for one in names))


def _has_statistics(transfer: Transfer, version: int, without: tuple[Name, ...]) -> bool:
    """Whether the copy plans its queries by what the target knows of its rows, and need not look at them itself.

    Statistics hold values of the rows: where some must not leave, none are taken along.
    https://www.postgresql.org/docs/18/app-pgdump.html
    """
    return not without and version >= _STATISTICS and transfer.place.major * 10000 >= _STATISTICS


def _require_space(transfer: Transfer, source: Source, without: tuple[Name, ...]) -> None:
    """Return when the disk has room for the dump and for what is restored from it, where that lies on it as well."""
    place = transfer.place
    gone = sum(one.bytes for one in source.tables if one.name in without)
    rows = sum(one.bytes for one in source.tables if one.name not in without) + source.large_object_bytes
    if not place.is_shared:
        dumps.require_space(place.folder, rows + source.database_bytes - gone, "a dump, and the copy restored from it,")


def _encoding(transfer: Transfer) -> str:
    """The encoding that a copy is to have, where that is not what it would have anyway."""
    usual, _ = copies.locale(transfer.place, "template0")
    wanted = transfer.around.encoding
    return "" if wanted == usual else wanted


def _as_checked(place: scratch.Place, name: str, dump: Dump) -> tuple[str, ...]:
    """Have foreign keys that rows do not keep be in the copy what they are in the target; return what that leaves."""
    with closing(scratch.connect(place, name)) as connection, connection.cursor() as cursor:
        for one in dump.broken:
            cursor.execute(_CHECKED, (f"{quoted(one.schema)}.{quoted(one.table)}", one.name))
    return tuple(
        f"The foreign key {quoted(one.name)} of {quoted(one.schema)}.{quoted(one.table)} need not hold in the copy, as "
        "rows that it refers to were left out: a statement that checks it anew may fail there, and not in the target."
        for one in dump.broken
    )


_CHECKED = """
    WITH RECURSIVE wanted AS (
        SELECT oid FROM pg_catalog.pg_constraint
        WHERE contype = 'f' AND conrelid = pg_catalog.to_regclass(%s) AND conname = %s
        UNION ALL SELECT k.oid FROM pg_catalog.pg_constraint k JOIN wanted w ON k.conparentid = w.oid
    )
    UPDATE pg_catalog.pg_constraint SET convalidated = true
    WHERE NOT convalidated AND oid IN (SELECT oid FROM wanted)
"""


def _of_excluded(without: tuple[Name, ...]) -> Iterator[str]:
    if without:
        names = ", ".join(f"{quoted(schema)}.{quoted(name)}" for schema, name in without[:_SHOWN])
        more = f" and {len(without) - _SHOWN} more tables" if len(without) > _SHOWN else ""
        yield (
            f"The copy has no rows of {names}{more}, as was asked for, and no large objects: whether a statement fails "
            "at one of them, what becomes of them, and how long that takes, is not seen."
        )


def _of_order(transfer: Transfer, name: str) -> Iterator[str]:
    _, there = copies.locale(transfer.place, name)
    yield from differing.of_order(transfer.around.collation, there)


def _said(*several: Iterable[str]) -> tuple[str, ...]:
    """All sentences, each once."""
    return tuple(dict.fromkeys(one for some in several for one in some))
