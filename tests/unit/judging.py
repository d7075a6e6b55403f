"""A small shop as a catalog and as live figures, and statements on it with what is supposed to have been measured."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from ops import hazards
from ops.catalog import Catalog, Key
from ops.commands import parse
from ops.hazards import Hazard, Severity
from ops.hazards.rules import CONTEXT
from ops.live import Live, LiveRelation
from ops.statement import Lock, Mode, Statement

MIB = 1024 * 1024
MODES = {
    "RX": Mode.ROW_EXCLUSIVE,
    "SUE": Mode.SHARE_UPDATE_EXCLUSIVE,
    "S": Mode.SHARE,
    "SRX": Mode.SHARE_ROW_EXCLUSIVE,
    "X": Mode.EXCLUSIVE,
    "AX": Mode.ACCESS_EXCLUSIVE,
}
BASE: dict[Key, dict[str, Any]] = {}


def _add(kind: str, name: str, parent: str = "", **properties: Any) -> None:
    found = {key.replace("_", " "): value for key, value in properties.items()}
    BASE[Key(kind, "public", parent, name)] = found


def _table(name: str, columns: dict[str, str], **properties: Any) -> None:
    _add("table", name, **properties)
    for column, type_ in columns.items():
        text, _, rest = type_.partition(" not null")
        default = rest.removeprefix(" default ") or None
        _add("column", column, name, type=text, **({"default": default} if default else {}))
        if " not null" in type_:
            _add("not null", column, name, validated=True)


_table(
    "users",
    {
        "id": "integer not null default nextval('users_id_seq'::regclass)",
        "email": "character varying(100) not null",
        "name": "text",
        "age": "integer",
        "code": "character varying(20)",
        "team_id": "integer",
    },
)
_add("sequence", "users_id_seq", type="integer", owned_by="public.users.id")
_add("primary key", "users_pkey", "users", definition="PRIMARY KEY (id)")
_add("unique", "users_email_key", "users", definition="UNIQUE (email)")
_add("check", "users_age_check", "users", definition="CHECK ((age > 0))")
_add("index", "users_name_idx", "users", definition="CREATE INDEX users_name_idx ON public.users USING btree (name)")
_add(
    "index",
    "users_code_key",
    "users",
    definition="CREATE UNIQUE INDEX users_code_key ON public.users USING btree (code)",
)
_table("teams", {"id": "integer not null", "name": "text not null"})
_add("primary key", "teams_pkey", "teams", definition="PRIMARY KEY (id)")
_add("foreign key", "users_team_fkey", "users", definition="FOREIGN KEY (team_id) REFERENCES public.teams(id)")
_table("events", {"id": "bigint not null", "at": "timestamp with time zone not null"}, partition_key="RANGE (at)")
for year in ("2025", "2026"):
    _table(
        f"events_{year}",
        {"id": "bigint not null", "at": "timestamp with time zone not null"},
        partition_of="public.events",
        bounds="FOR VALUES",
    )
_table("empty", {"id": "integer not null", "note": "text"})
_table('Strange "Näme"', {"id": "integer not null", "select": "text", "it's <b>": "text"})
_add("enum", "mood", labels=["sad", "happy"])
_add("view", "adults", definition=" SELECT users.id FROM public.users;", columns=["id"])

_TABLE_OF = {f"public.{key.name}": f"public.{key.parent}" for key in BASE if key.parent}

CATALOG18 = Catalog(
    database="shop", server_version=180004, texts={key: json.dumps(value) for key, value in BASE.items()}
)
CATALOG15 = Catalog(database="shop", server_version=150018, texts=CATALOG18.texts)


def relation(
    name: str, *, mib: float = 100, rows: int | None = None, reads: float = 5, writes: float = 2
) -> LiveRelation:
    """Return a table of this size and traffic."""
    size = int(mib * MIB)
    return LiveRelation(
        name=name,
        kind="table",
        rows=(size // 100 if rows is None else rows),
        heap_bytes=size,
        index_bytes=size // 2,
        total_bytes=size + size // 2,
        reads=int(reads * 1000),
        writes=int(writes * 1000),
        reads_per_second=reads,
        writes_per_second=writes,
    )


def live(*relations: LiveRelation, **more: Any) -> Live:
    """Return a look at the shop in which these relations are different from the usual."""
    usual = [relation(f"public.{name}") for name in ("users", "teams", "events", "events_2025", "events_2026")]
    usual += [relation('public."Strange ""Näme"""'), relation("public.empty", mib=0, rows=0, reads=0, writes=0)]
    found = {one.name: one for one in (*usual, *relations)}
    return Live(relations=found, counted_since="2026-01-01 00:00:00+00", **more)


def statement(sql: str, facts: str = "", *, number: int = 1, transaction: int = 1, **more: Any) -> Statement:
    """Return a statement; `facts` are what was measured, such as `AX public.users; scan public.users; new public.t`.

    `not measured` is what it says.
    """
    found: dict[str, list[Any]] = {"locks": [], "rewrites": [], "scans": [], "index_builds": [], "created": []}
    words = {"rewrite": "rewrites", "scan": "scans", "build": "index_builds", "new": "created"}
    measured = facts != "not measured"
    for fact in filter(None, facts.split("; ")) if measured else ():
        word, _, name = fact.partition(" ")
        if word in MODES:
            kind = "sequence" if name.endswith("_seq") else "index" if name.endswith(("_idx", "key")) else "table"
            parent = _TABLE_OF.get(name, "") if kind == "index" else ""
            found["locks"].append(Lock(relation=name, kind=kind, mode=MODES[word], parent=parent))
        else:
            found[words[word]].append(name)
    given = {name: tuple(values) for name, values in found.items()}
    return Statement(
        number=number, revision="a1", sql=sql, transaction=transaction, measured=measured, **{**given, **more}
    )


def plan(*steps: tuple[str, str] | str, transaction: int = 1) -> tuple[Statement, ...]:
    """Return the statements of one transaction; `commit` between them begins another, `outside` one outside of any."""
    found: list[Statement] = []
    current, once = transaction, False
    for step in steps:
        if step == "commit":
            current += 1
            continue
        if step == "outside":
            once = True
            continue
        sql, facts = step if isinstance(step, tuple) else (step, "")
        number = len(found) + 1
        found.append(statement(sql, facts, number=number, transaction=0 if once else current))
        once = False
    return tuple(found)


def judged(
    statements: Iterable[Statement], *, at: Live | None = None, catalog: Catalog = CATALOG18
) -> tuple[Hazard, ...]:
    """Return the hazards of statements."""
    given = tuple(statements)
    return hazards.judge(
        given,
        commands={one.number: parse(one.sql, resolve=lambda _: "public") for one in given},
        live=live() if at is None else at,
        catalog=catalog,
        server_version=catalog.server_version,
    )


def told(found: Iterable[Hazard]) -> set[str]:
    """Return the codes of what is told of a statement itself, without the note that a lock is short and limited."""
    around = {one.code for one in CONTEXT}
    short = ("strong-lock", Severity.INFO)
    return {one.code for one in found if one.code not in around and (one.code, one.severity) != short}


def codes(found: Iterable[Hazard]) -> set[str]:
    """Return the codes of hazards."""
    return {one.code for one in found}
