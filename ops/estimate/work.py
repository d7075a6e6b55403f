"""What each statement of a plan has to do, as trials: from what was measured on a clone, and what the text says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from ops import commands as sql
from ops.catalog.names import path, quoted
from ops.catalog.values import Catalog
from ops.commands import Command
from ops.display import size
from ops.estimate.values import Trial, Work
from ops.hazards.scene import Scene, built_index, built_on
from ops.hazards.weight import PAUSE_BYTES, Cost
from ops.live import Live
from ops.statement import Statement

_BY_ROWS = frozenset({"UPDATE", "DELETE", "MERGE", "COPY", "CREATE TABLE AS", "CREATE MATERIALIZED VIEW"})
_BY_QUERY = frozenset({"REFRESH MATERIALIZED VIEW", "CLUSTER", "VACUUM", "ANALYZE", "SET TABLESPACE"})
_CODE = frozenset({"DO", "CALL", "?"})
_DATA = frozenset({"SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "COPY"})
_FILLS = frozenset({"INSERT", "COPY", "CREATE TABLE AS", "CREATE MATERIALIZED VIEW"})
_AT_ONCE = frozenset({
    "clock_timestamp", "coalesce", "current_setting", "gen_random_uuid", "length", "lower", "md5", "nextval", "now",
    "random", "set_config", "setval", "statement_timestamp", "to_regclass", "transaction_timestamp", "upper",
})  # fmt: skip
"""Functions that are done at once, and give one row."""
_KEYS = frozenset({"ADD PRIMARY KEY", "ADD UNIQUE", "ADD EXCLUDE"})
_TOLERATED = 0.2
"""Of a table, so much may lie outside of its rows, where no trial goes: long values."""

_REHEARSE = "30-rehearse measures it"


def works(
    statements: Sequence[Statement], commands: Mapping[int, tuple[Command, ...]], live: Live, catalog: Catalog
) -> Mapping[int, Work]:
    """Return what each statement has to do, by its number; Alembic's own are left out.

    `commands` are the parsed actions by the statement's number, `live` what weighs on the tables now, `catalog` the
    live schema before the plan.
    """
    scene = Scene(statements, commands, live, catalog, catalog.server_version, {})
    return {one.number: _Reader(scene, one).work() for one in statements if not one.bookkeeping}


class _Reader:
    """One statement, and what is known of the plan that it is a part of."""

    def __init__(self, scene: Scene, statement: Statement) -> None:
        self.scene = scene
        self.statement = statement
        self.commands = scene.of(statement)
        self.verbs = {one.verb for one in self.commands}

    def work(self) -> Work:
        one = self.statement
        if one.error or not one.measured:
            return Work(why=f"it was not measured on the clone: {one.why or 'it failed'}")
        if self._fills_what_is_new():
            return Work(why=f"its table comes with the plan, and with rows that nobody has counted: {_REHEARSE}")
        if self._is_small():
            return Work(is_small=True)
        if why := self._why_not():
            return Work(why=why)
        trials = tuple(dict.fromkeys(self._trials()))
        for trial in trials:
            if why := self._no_size(trial):
                return Work(why=why)
        return Work(trials=trials)

    # -- how much ------------------------------------------------------------------------------------

    def _is_small(self) -> bool:
        """Whether all that it reads and writes is so small that even a slow disk does it in a tenth of a second."""
        called = {name for one in self.commands for _, name in one.functions}
        if self.verbs & _CODE or called - _AT_ONCE:
            return False
        weight = 0
        for cost, relations in self._load():
            size = self.scene.work(self.statement, relations).bytes_for(cost) if relations else 0
            if size is None:
                return False
            weight += size * cost.value
        return weight <= PAUSE_BYTES

    def _no_size(self, trial: Trial) -> str:
        """Why a rate would say nothing: of a table whose size is not known, or which is mostly elsewhere."""
        if trial.kind == "index" and not trial.detail:
            return f"what an index on {trial.relation} is made of is not known"
        if self.scene.load(trial.relation).heap_bytes is None:
            return f"nobody has counted the rows of {trial.relation} yet: ANALYZE does"
        known = self.scene.live.of(trial.relation)
        if known is not None and trial.kind in ("alter", "rewrite"):
            outside = known.total_bytes - known.heap_bytes - known.index_bytes
            if outside > known.heap_bytes * _TOLERATED:
                return f"{trial.relation} has {size(outside)} outside of its rows (TOAST): {_REHEARSE}"
        return ""

    def _load(self) -> Iterator[tuple[Cost, tuple[str, ...]]]:
        one = self.statement
        yield Cost.REWRITE, self._there(one.rewrites)
        yield Cost.SCAN, self._there(one.scans)
        yield Cost.BUILD, self._there(map(built_on, one.index_builds))
        if self.verbs & (_BY_ROWS | _BY_QUERY | {"INSERT", "SELECT"}):
            yield Cost.REWRITE, self._there(self._named())

    def _named(self) -> Iterator[str]:
        for one in self.commands:
            if one.verb != "INSERT":  # which goes through what it reads alone
                yield self._full(one.schema, one.name)
            yield from (self._full(*source) for source in one.sources)

    def _fills_what_is_new(self) -> bool:
        """Whether it works on a table that an earlier statement has made, and filled from elsewhere."""
        own = {self._full(one.schema, one.name) for one in self.commands if one.name and one.verb not in _DATA}
        new = {one for one in own if not self.scene.exists(self.scene.origin(self.statement, one))}
        return any(
            self._full(one.schema, one.name) in new and (one.sources or one.verb == "COPY")
            for verb in (_FILLS if new else ())
            for statement, one in self.scene.by_verb.get(verb, ())
            if statement.number < self.statement.number
        )

    def _full(self, schema: str, name: str) -> str:
        return f"{quoted(self.scene.schema(schema, name))}.{quoted(name)}"

    def _there(self, relations: Iterable[str]) -> tuple[str, ...]:
        """Those that were there before the plan, by the names that they had then."""
        origins = (self.scene.origin(self.statement, one) for one in dict.fromkeys(relations))
        return tuple(one for one in origins if self.scene.exists(one))

    def _why_not(self) -> str:
        if self.verbs & _CODE:
            return f"it runs code, which may do anything: {_REHEARSE}"
        if self.verbs & (_BY_ROWS | {"INSERT", "SELECT"}):
            return f"how long it takes is decided by its rows, and by the way that the server finds them: {_REHEARSE}"
        if found := sorted(self.verbs & _BY_QUERY):
            return f"no rate is measured of {found[0]}: {_REHEARSE}"
        return ""

    # -- what ----------------------------------------------------------------------------------------

    def _trials(self) -> Iterator[Trial]:
        one = self.statement
        actions = ", ".join(filter(None, map(_action, self.commands)))
        for relation in self._there(one.rewrites):
            yield self._trial("alter" if actions else "rewrite", relation, actions)
        for build in one.index_builds:
            (relation,) = self._there([built_on(build)]) or ("",)
            if relation:
                yield self._trial("index", relation, self._index(built_index(build)))
                if "CONCURRENTLY" in {word for command in self.commands for word in command.options}:
                    yield self._trial("scan", relation)  # it reads the table a second time
        worked_on = {*one.rewrites, *map(built_on, one.index_builds)}
        for relation in self._there(name for name in one.scans if name not in worked_on):
            yield self._scan(relation)

    def _trial(self, kind: str, relation: str, detail: str = "") -> Trial:
        return Trial(kind=kind, relation=relation, detail=detail, added=self._added(relation))

    def _added(self, relation: str) -> tuple[tuple[str, str], ...]:
        """Columns that a table has got before this statement."""
        found = {
            command.column: command.type
            for statement, command in self.scene.by_verb.get("ADD COLUMN", ())
            if statement.number < self.statement.number and "SERIAL" not in command.options
            if self._full(command.schema, command.name) == relation
        }
        return tuple(found.items())

    def _index(self, name: str) -> str:
        """What an index is made of, as SQL; empty where nobody can tell."""
        one = self._maker(name)
        if one is None:
            return ""
        elements = ", ".join(one.elements or map(quoted, one.columns))
        parts = [f"USING {one.method or 'btree'} ({elements})"]
        if one.including:
            parts.append(f"INCLUDE ({', '.join(map(quoted, one.including))})")
        if one.where:
            parts.append(f"WHERE {one.where}")
        return " ".join(parts)

    def _maker(self, name: str) -> Command | None:
        """The command that makes an index: in this statement by name, in an earlier one, in the catalog, or here."""
        own = [one for one in self.commands if _makes_index(one)]
        named = [one for one in own if path(name)[-1] in (one.index, one.constraint)]
        before = [
            one
            for statement in self.scene.statements
            if statement.number < self.statement.number and name in map(built_index, statement.index_builds)
            for one in self.scene.of(statement)
            if _makes_index(one)
        ]
        there = [one for one in sql.parse(self._definition(name)) if _makes_index(one)]
        return next(iter((*named, *reversed(before), *there, *own)), None)

    def _definition(self, name: str) -> str:
        """The SQL of an index that was there before, or of the constraint that it stands behind."""
        for key in self.scene.side.catalog.texts:
            if f"{quoted(key.schema)}.{quoted(key.name)}" != name:
                continue
            if key.kind == "index":
                return str(self.scene.side.of(key)["definition"])
            if key.kind in ("primary key", "unique", "exclusion"):
                return f"ALTER TABLE t ADD {self.scene.side.of(key)['definition']}"
        return ""

    def _scan(self, relation: str) -> Trial:
        """What a table is read for: a foreign key, a check, or something that costs no more than reading."""
        for one in (*self.commands, *self._validated()):
            named = self._full(one.schema, one.name)
            own = named == relation or named not in self.statement.scans  # that of a partition is its parent's
            if one.verb == "ADD FOREIGN KEY" and own:
                return self._trial("reference", relation, ", ".join(map(quoted, one.columns)))
            if one.verb == "ADD CHECK" and own:
                return self._trial("check", relation, one.expression)
        return self._trial("scan", relation)

    def _validated(self) -> Iterator[Command]:
        """The constraints that are validated: added earlier in the plan, or there before."""
        names = {one.constraint for one in self.commands if one.verb == "VALIDATE CONSTRAINT"}
        if not names:
            return
        for statement in self.scene.statements:
            if statement.number < self.statement.number:
                yield from (one for one in self.scene.of(statement) if one.constraint in names)
        for key in self.scene.side.catalog.texts:
            if key.kind in ("check", "foreign key") and key.name in names:
                text = f"ALTER TABLE {quoted(key.schema)}.{quoted(key.parent)} ADD "
                yield from sql.parse(text + str(self.scene.side.of(key)["definition"]))


def _makes_index(one: Command) -> bool:
    return one.verb == "CREATE INDEX" or one.verb in _KEYS


def _action(one: Command) -> str:
    """The action of ALTER TABLE that writes a table anew, without names of others; empty where it does not."""
    column = quoted(one.column) if one.column else ""
    if one.verb == "ALTER COLUMN TYPE":
        using = f" USING {one.using}" if one.using else ""
        return f"ALTER COLUMN {column} TYPE {one.type}{using}"
    if one.verb != "ADD COLUMN":
        return ""
    text = f"ADD COLUMN {column} {one.type}"
    if "IDENTITY" in one.options:
        return f"{text} GENERATED BY DEFAULT AS IDENTITY"
    if "STORED" in one.options:
        return f"{text} GENERATED ALWAYS AS ({one.expression}) STORED"
    return f"{text} DEFAULT {one.default}" if one.default else text
