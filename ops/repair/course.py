"""What of a revision is committed when: it is run on scratch, and the schema is read behind each of its commits.

A run that died left the database at one of these places; only the schema that is there can tell which.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from ops import commands
from ops.catalog import Catalog, Key, properties, snapshot
from ops.errors import MigrationError, OpsError, ProjectError
from ops.ledger import Part, Passed
from ops.observe.relations import BEHIND
from ops.project import Answer, Event
from ops.project.visit import Visit
from ops.repair.scene import Scene

_OF_TABLES = frozenset({"INSERT", "UPDATE", "DELETE", "MERGE", "COPY", "TRUNCATE"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """One statement of the revision; `outside` of a transaction it is committed by itself.

    `sql` has its values, where the driver puts them in, `text` is as the project has it. `writes_rows`: it may; `into`
    are the names of the tables, empty where nobody can tell.
    """

    sql: str
    text: str
    line: int | None
    outside: bool
    writes_rows: bool
    into: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """A place at which the database may have been left: behind so many statements, with these rows of versions."""

    statements: int
    rows: tuple[str, ...]
    texts: Mapping[Key, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """A revision as it ran on scratch: its statements, and every place at which something was committed."""

    statements: tuple[Done, ...]
    stops: tuple[Stop, ...]
    failed: str = ""

    @property
    def before(self) -> Stop:
        """Where it begins."""
        return self.stops[0]

    def written_before(self, count: int) -> tuple[Done, ...]:
        """Those of the first statements that may have written rows into what the revision itself has not made."""
        own = {
            key.name
            for stop in self.stops
            for key in stop.texts
            if key.kind in ("table", "partitioned table") and key not in self.before.texts
        }
        own -= {key.name for key in self.before.texts}
        return tuple(one for one in self.statements[:count] if one.writes_rows and not (one.into and one.into <= own))

    @property
    def touched(self) -> frozenset[Key]:
        """The objects that are not the same at every stop."""
        return frozenset(
            key
            for stop in self.stops
            for key in stop.texts.keys() | self.before.texts.keys()
            if stop.texts.get(key) != self.before.texts.get(key)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """Where a database was left on a course: `stops` are all places that look like it, the earliest first.

    `half_built` are invalid indexes that a statement was building when it died.
    """

    course: Course
    stops: tuple[Stop, ...]
    half_built: tuple[Key, ...] = ()

    def known(self, part: Part) -> Fate | None:
        """The same, where the ledger has how many statements are committed; None where it cannot be so.

        A revision that reads rows may run other statements on scratch, where there are none.
        """
        own = Passed.of(one.text for one in self.course.statements[: part.committed.count])
        between = tuple(one for one in self.stops if part.committed.count <= one.statements <= part.possible.count)
        return replace(self, stops=between) if between and own == part.committed else None

    @property
    def certain(self) -> int:
        """How many statements are committed for certain."""
        return self.stops[0].statements

    @property
    def possible(self) -> int:
        """How many may be."""
        return self.stops[-1].statements


def follow(scene: Scene, revision: str, direction: str) -> Course:
    """Return the course of a revision from where the database is, on a scratch database without rows.

    Raises
    ------
    OpsError
        The history does not run to where the database is.
    """
    with scene.ground.visit(scene.settings) as here:
        _climb(here, scene.history.current)
        return _Walk(scene, here).along(revision, direction)


def fate(course: Course, live: Catalog, rows: tuple[str, ...]) -> Fate:
    """Return where on a course a database was left whose version table says `rows`; other objects do not count."""
    half_built = tuple(
        sorted(
            key
            for key, text in live.texts.items()
            if key.kind == "index"
            and properties(text).get("state") in ("invalid", "not ready")
            and course.before.texts.get(key) != text
            and key in course.touched
        )
    )
    there = {key: text for key, text in live.texts.items() if key not in half_built}
    touched = course.touched
    like = tuple(
        stop
        for stop in course.stops
        if set(stop.rows) == set(rows) and all(stop.texts.get(key) == there.get(key) for key in touched)
    )
    return Fate(course=course, stops=like, half_built=half_built)


def _climb(here: Visit, current: tuple[str, ...]) -> None:
    steps: list[str] = []
    heads: tuple[str, ...] = ()
    for wanted in current:
        if wanted not in steps:
            answer = here.worker.request("resolve", direction="up", revision=wanted, heads=list(heads))
            steps += [one["revision"] for one in answer["steps"]]
            heads = tuple(answer["heads"])
    if steps:
        here.worker.request("migrate", listener=lambda event: None, read_only=False, direction="up", revisions=steps)


class _Walk:
    """One revision on scratch, under way."""

    def __init__(self, scene: Scene, here: Visit) -> None:
        self._here = here
        self._table = scene.version_table
        self._ground = scene.ground
        self._statements: list[Done] = []
        self._committed = False
        self._stops = [self._stop()]

    def along(self, revision: str, direction: str) -> Course:
        failed = ""
        try:
            self._here.worker.request(
                "migrate",
                listener=self._listen,
                read_only=False,
                direction=direction,
                revisions=[revision],
                observe=BEHIND,
            )
        except (MigrationError, ProjectError) as error:
            failed = error.problem
        self._look()
        return Course(statements=tuple(self._statements), stops=tuple(self._stops), failed=failed)

    def _listen(self, event: Event) -> Answer | None:
        match event["event"]:
            case "statement":
                self._look()
                self._before(event)
            case "statement-done":
                self._committed = self._committed or self._outside
            case "commit":
                self._committed = True
            case "revision-done":
                self._committed = True
                self._look()
        return None

    def _before(self, event: Event) -> None:
        sql = event.get("executed") or event["sql"]
        found = commands.parse(sql)
        bookkeeping = event["line"] is None and any(one.name == self._table[1] for one in found)
        self._outside = bool(event["autocommit"])
        if not bookkeeping:
            tables = {name for one in found for name in (one.name, *(name for _, name in one.objects))}
            named = all(one.verb in _OF_TABLES for one in found)
            self._statements.append(
                Done(
                    sql=sql.strip(),
                    text=event["sql"],
                    line=event["line"],
                    outside=self._outside,
                    writes_rows=commands.may_write_rows(found),
                    into=frozenset(tables) if named else frozenset(),
                )
            )

    def _look(self) -> None:
        """Read what is committed: our own connection sees nothing else."""
        if self._committed:
            self._committed = False
            self._stops.append(self._stop())

    def _stop(self) -> Stop:
        made = self._ground.as_owned(snapshot.read(self._here.connection, version_table=self._table))
        return Stop(statements=len(self._statements), rows=self._here.heads() or (), texts=made.texts)


def sentences(found: Fate) -> Iterator[tuple[Done, str]]:
    """Yield every statement with `yes`, `no` or `perhaps`: whether it is committed."""
    for number, one in enumerate(found.course.statements, 1):
        if number <= found.certain:
            yield one, "yes"
        else:
            yield one, "perhaps" if number <= found.possible else "no"


def unreadable(error: OpsError) -> str:
    """Return why a course is not known."""
    return f"What its statements do could not be seen on scratch: {error.problem}"
