"""What depends on that which is dropped. Without CASCADE the statement fails; with it, they go too."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ops.catalog.names import literal, quoted
from ops.commands import Command
from ops.probes import effects
from ops.probes.known import Name
from ops.probes.place import Place
from ops.probes.state import State
from ops.probes.values import Question

_RELATIONS = {
    "DROP TABLE": "rpf",
    "DROP VIEW": "v",
    "DROP MATERIALIZED VIEW": "m",
    "DROP SEQUENCE": "S",
    "DROP INDEX": "iI",
    "DROP FOREIGN TABLE": "f",
}
_NAMED = {"DROP SCHEMA": ("pg_namespace", "nspname"), "DROP EXTENSION": ("pg_extension", "extname")}


def dropped(place: Place, command: Command) -> Iterator[Question]:
    """Whether anything depends on what a DROP lists."""
    starts: list[str] = []
    for position, (schema, name) in enumerate(command.objects):
        if command.verb in _NAMED:
            catalog, column = _NAMED[command.verb]
            starts.append(f"SELECT '{catalog}'::regclass, oid, 0 FROM {catalog} WHERE {column} = {literal(name)}")
        elif command.verb in _RELATIONS:
            live = _on_live(place.state, place.state.full(schema, name))
            if live:
                starts.append(_relation(live, _RELATIONS[command.verb]))
        elif command.verb in ("DROP TYPE", "DROP DOMAIN"):
            for one in (schema,) if schema else place.state.path:
                live = place.state.renamed.get(("type", one, name), (one, name))
                if live != (one, name) or ("type", one, name) not in place.state.gone:
                    starts.append(_in_schema("pg_type", "typname", "typnamespace", live))
        else:
            arguments = command.elements[position] if command.elements else ""
            starts.append(_routine((schema, name), arguments, place.state.path))
    names = ", ".join(".".join(quoted(one) for one in each if one) for each in command.objects)
    if starts:
        yield _question(place, command, names, starts)


def dropped_column(place: Place, command: Command) -> Iterator[Question]:
    """Whether anything depends on a column."""
    table = place.state.of(command)
    column = table.columns.get(command.column) if table else None
    if table and column and table.live and column.live:
        number = f"SELECT attnum FROM pg_attribute WHERE attrelid = c.oid AND attname = {literal(column.live)}"
        start = _relation(table.live, "rpf", f"({number})::int")
        yield _question(place, command, f"{table.sql}.{quoted(column.name)}", [start])


def dropped_constraint(place: Place, command: Command) -> Iterator[Question]:
    """Whether anything depends on a constraint: foreign keys of other tables on a key."""
    table = place.state.of(command)
    renamed = table and ("constraint", *(table.live or ()), command.constraint) in place.state.renamed
    if table and table.live and (renamed or command.constraint not in table.constraints):
        name = effects.live_constraint(place.state, table, command.constraint)
        start = (
            "SELECT 'pg_constraint'::regclass, k.oid, 0 FROM pg_constraint k\n        WHERE k.conname = "
            f"{literal(name)} AND k.conrelid = {literal(table.on_live)}::regclass"
        )
        yield _question(place, command, f"{command.constraint} of {table.sql}", [start])


def _on_live(state: State, name: Name) -> Name | None:
    """What a relation is called on live; None where it came with the plan, or is gone."""
    table = state.find(name)
    if table:
        return table.live
    if ("relation", *name) in state.renamed:
        return state.renamed["relation", *name]
    return None if ("relation", *name) in state.gone else name


def _relation(name: Name, kinds: str, column: str = "0") -> str:
    among = ", ".join(literal(one) for one in kinds)
    return (
        f"SELECT 'pg_class'::regclass, c.oid, {column} FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace\n"
        f"        WHERE n.nspname = {literal(name[0])} AND c.relname = {literal(name[1])} AND c.relkind IN ({among})"
    )


def _in_schema(catalog: str, column: str, schema_column: str, name: Name) -> str:
    return (
        f"SELECT '{catalog}'::regclass, o.oid, 0 FROM {catalog} o JOIN pg_namespace n ON n.oid = o.{schema_column}\n"
        f"        WHERE n.nspname = {literal(name[0])} AND o.{column} = {literal(name[1])}"
    )


def _routine(name: Name, arguments: str, path: Sequence[str]) -> str:
    schemas = ", ".join(literal(one) for one in ((name[0],) if name[0] else path)) or "''"
    full = ".".join(quoted(one) for one in name if one)
    exact = f" AND p.oid = to_regprocedure({literal(full + arguments)})" if arguments else ""
    return (
        "SELECT 'pg_proc'::regclass, p.oid, 0 FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace\n"
        f"        WHERE n.nspname IN ({schemas}) AND p.proname = {literal(name[1])}{exact}"
    )


# What is dropped takes along what is part of it or made for it alone. Anything else that needs one of those stands in
# the way. What stands there is named by the relation that it belongs to, so that it can be seen whether an earlier
# statement of the plan has taken it away.
# https://www.postgresql.org/docs/current/catalog-pg-depend.html
_QUERY = """WITH RECURSIVE gone (classid, objid, objsubid) AS (
    {starts}
    UNION
    SELECT d.classid, d.objid, d.objsubid FROM gone g JOIN pg_depend d
        ON d.refclassid = g.classid AND d.refobjid = g.objid AND (g.objsubid = 0 OR d.refobjsubid = g.objsubid)
    WHERE d.deptype IN ('a', 'i', 'P', 'S', 'e')),
needs AS (
    SELECT DISTINCT d.classid, d.objid, d.objsubid FROM gone g JOIN pg_depend d
        ON d.refclassid = g.classid AND d.refobjid = g.objid AND (g.objsubid = 0 OR d.refobjsubid = g.objsubid)
    WHERE d.deptype = 'n'
      AND NOT EXISTS (SELECT FROM gone o WHERE o.classid = d.classid AND o.objid = d.objid
                      AND o.objsubid IN (0, d.objsubid))),
named AS (
    SELECT DISTINCT
        CASE WHEN r.rulename = '_RETURN' THEN 'pg_class'::regclass ELSE x.classid END AS classid,
        CASE WHEN r.rulename = '_RETURN' THEN r.ev_class ELSE x.objid END AS objid, x.objsubid,
        coalesce(r.ev_class, k.conrelid, f.adrelid, t.tgrelid, p.polrelid,
                 CASE x.classid WHEN 'pg_class'::regclass THEN x.objid END) AS relation,
        coalesce(k.conname, t.tgname, p.polname, a.attname)::text AS part
    FROM needs x
    LEFT JOIN pg_rewrite r ON x.classid = 'pg_rewrite'::regclass AND r.oid = x.objid
    LEFT JOIN pg_constraint k ON x.classid = 'pg_constraint'::regclass AND k.oid = x.objid
    LEFT JOIN pg_attrdef f ON x.classid = 'pg_attrdef'::regclass AND f.oid = x.objid
    LEFT JOIN pg_trigger t ON x.classid = 'pg_trigger'::regclass AND t.oid = x.objid
    LEFT JOIN pg_policy p ON x.classid = 'pg_policy'::regclass AND p.oid = x.objid
    LEFT JOIN pg_attribute a
        ON a.attrelid = coalesce(f.adrelid, CASE x.classid WHEN 'pg_class'::regclass THEN x.objid END)
        AND a.attnum = coalesce(f.adnum, NULLIF(x.objsubid, 0)))
SELECT pg_describe_object(o.classid, o.objid, o.objsubid), o.classid::regclass::text,
       coalesce(n.nspname, i.schema)::text, coalesce(c.relname::text, i.name, q.proname::text), o.part
FROM named o LEFT JOIN pg_class c ON c.oid = o.relation LEFT JOIN pg_namespace n ON n.oid = c.relnamespace
     LEFT JOIN pg_proc q ON o.classid = 'pg_proc'::regclass AND q.oid = o.objid,
     pg_identify_object(o.classid, o.objid, 0) AS i
WHERE NOT EXISTS (SELECT FROM gone g WHERE g.classid = o.classid AND g.objid = o.objid AND g.objsubid = 0)
UNION ALL SELECT NULL, NULL, NULL, NULL, NULL WHERE NOT EXISTS (SELECT FROM gone)
ORDER BY 1 LIMIT 1001"""
MOST = 1000


def _question(place: Place, command: Command, names: str, starts: Sequence[str]) -> Question:
    cascade = "CASCADE" in command.options
    return place.ask(
        f"Does anything depend on {names}?",
        sql=_QUERY.format(starts="\n    UNION\n    ".join(starts)),
        dependants=True,
        made="IF EXISTS" in command.options or {name for _, name in command.objects} <= place.state.made,
        gone=frozenset(place.state.gone),
        doubt=place.state.kept(),
        why="CASCADE drops them, too" if cascade else "",
        breaks=not cascade,
    )


def is_missing(found: Sequence[Sequence[str | None]]) -> bool:
    """Return whether what is dropped was not found at all: the plan makes it, or calls it so."""
    return any(row[0] is None for row in found)


def remaining(found: Sequence[Sequence[str | None]], gone: frozenset[tuple[str, ...]]) -> list[str]:
    """Return the descriptions of what depends, without that which the plan takes away before."""
    return [str(row[0]) for row in found if row[0] is not None and not _is_gone(row, gone)]


_OF_SCHEMAS = {"pg_type": "type", "pg_proc": "routine"}


def _is_gone(row: Sequence[str | None], gone: frozenset[tuple[str, ...]]) -> bool:
    _, catalog, schema, name, part = row
    of = (schema or "", name or "")
    ways = [("relation", *of)]
    if catalog == "pg_constraint":
        ways.append(("constraint", *of, part or ""))
    if catalog in ("pg_class", "pg_attrdef") and part:
        ways += [("column", *of, part), ("type of", *of, part)]
    if catalog == "pg_attrdef":
        ways.append(("default", *of, part or ""))
    if catalog == "pg_trigger":
        ways.append(("trigger", *of, part or ""))
    if catalog in _OF_SCHEMAS:
        ways.append((_OF_SCHEMAS[catalog], *of))
    return any(one in gone for one in ways)
