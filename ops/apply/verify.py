"""After the last revision: is the schema what the plan foretold, and is anything left half done?"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ops import clone, commands, display
from ops.catalog import Catalog, Difference, Key, diff, properties
from ops.catalog.names import quoted
from ops.catalog.values import words
from ops.errors import OpsError
from ops.ground import Ground
from ops.plan.kept import Foretold, KeptPlan
from ops.project.visit import Visit
from ops.route import Route
from ops.statement import brief

SHOWN = 20
"""How many differences an error lists; the rest is counted."""

LONGEST = 120
"""How many characters of a definition an error repeats."""

_WRITES = re.compile(r"\s*(INSERT|UPDATE|MERGE|COPY|WITH)\b", re.IGNORECASE)
_DELIBERATE = re.compile(r"\bNOT\s+(VALID|ENFORCED)\b", re.IGNORECASE)
_UNCHECKED = ("NOT VALID", "NOT ENFORCED")
_OWN = re.compile(r"(?:INSERT INTO|UPDATE) (?:[\w\"]+\.)?([\w\"]+) ")
_ROWS = re.compile(r"(\s*INSERT\b.*?)\bVALUES\b.*\Z", re.IGNORECASE | re.DOTALL)
_MAY_BE_INVALID = frozenset({"index", "primary key", "unique", "exclusion"})
_MAY_BE_NOT_VALID = frozenset({"foreign key", "check", "not null"})
_RIGHTS = ("owner", "grants")


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What was looked at after a run, and what was found wrong.

    `compared` says whether the schema was compared with what its plan foretold, and if not, why; `unknown` why that
    could not be done although there was a plan. `wrong` is a sentence for each thing that is not as it should be.
    `catalog` is the fingerprint of the schema that was looked at.
    """

    compared: str
    unknown: str = ""
    wrong: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    differences: tuple[Difference, ...] = ()
    catalog: str = ""

    def blocks(self) -> tuple[display.Note, ...]:
        """Return what a person reads of it."""
        tone: display.Tone = "unknown" if self.unknown else "plain"
        said = display.Note(f"{self.compared} {self.unknown}".strip(), tone)
        return (*(display.Note(one, "bad") for one in self.wrong), said, *map(display.Note, self.notes))

    def to_dict(self) -> dict[str, Any]:
        """Return the `verification` of `result.json`."""
        return {
            "schema": self.compared,
            "unknown": self.unknown or None,
            "wrong": list(self.wrong),
            "notes": list(self.notes),
            "differences": [
                {"action": one.action, "kind": one.kind, "object": one.object, "details": dict(one.details)}
                for one in self.differences
            ],
        }


@dataclass(slots=True)
class Written:
    """Which tables the statements of a run wrote to, and which constraints they left unchecked on purpose.

    What Alembic writes to its own `version_table` is passed over: with many revisions that is most of it.
    """

    version_table: str = ""
    tables: set[str] = field(default_factory=set)
    unchecked: set[str] = field(default_factory=set)
    _seen: set[str] = field(default_factory=set)

    def note(self, sql: str) -> None:
        """Take a statement that was run. Many rows of one INSERT, sent one by one, are looked at once."""
        deliberate = _DELIBERATE.search(sql) is not None
        if not deliberate and not _WRITES.match(sql):
            return
        own = _OWN.match(sql)
        if own and own[1].strip('"') == self.version_table:
            return
        text = _ROWS.sub(r"\1VALUES (1)", sql, count=1)
        if text in self._seen:
            return
        self._seen.add(text)
        for one in commands.parse(text):
            if one.verb in ("INSERT", "UPDATE", "MERGE", "COPY") and one.name:
                name = ".".join(quoted(part) for part in (one.schema, one.name) if part)
                # as some drivers take it, each % is doubled
                self.tables |= {name, name.replace("%%", "%")}
            if one.options & {"NOT VALID", "NOT ENFORCED"}:
                self.unchecked |= {one.constraint, *one.columns} - {""}


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """What the catalog has to be in the end, as far as anybody foretold it.

    `elsewhere` is where the target's catalog has to be copied to before both can be compared; None where the target's
    own server writes as the plan's did. `lagging` are the sequences that are behind already, each with the largest
    number of its column.
    """

    before: Catalog
    lagging: Mapping[str, int] = field(default_factory=dict)
    catalog: Catalog | None = None
    foretold: Foretold | None = None
    elsewhere: Ground | None = None
    why_not: str = ""
    unknown: str = ""


def expectation(here: Visit, route: Route, kept: KeptPlan | None) -> Expectation:
    """Return what has to come out of a route, asked before anything is changed."""
    before = route.live
    assert before is not None  # a route that has just been made has it
    tables = (f"{quoted(key.schema)}.{quoted(key.name)}" for key in before.texts if key.kind == "table")
    lagging = {one.sequence: one.largest for one in here.dialect.lagging(here.connection, tables)}
    return replace(_foretold(here, before, kept), lagging=lagging)


def _foretold(here: Visit, before: Catalog, kept: KeptPlan | None) -> Expectation:
    if kept is None:
        why = "Nobody made the plan of this fingerprint, so the schema was not compared with one."
        return Expectation(before=before, why_not=why)
    if kept.foretold is None:
        return Expectation(before=before, unknown="The clone of its plan could not tell how the schema would look.")
    foretold = kept.foretold
    if foretold.server_version // 10000 == before.server_version // 10000:
        return Expectation(before=before, catalog=foretold.expected(before), foretold=foretold)
    table = here.version_table
    try:
        ground = Ground.of(here.settings, here.connection, table)
        there = clone.as_written_there(here.settings, ground, before, table)
    except OpsError as error:
        return Expectation(before=before, unknown=f"The schema cannot be copied to be compared: {error.problem}")
    return Expectation(before=before, catalog=foretold.expected(there), foretold=foretold, elsewhere=ground)


def prove(here: Visit, wanted: Expectation, written: Written) -> Proof:
    """Return what the database is like after a run, read over our own connection.

    Raises
    ------
    ConnectError
        It cannot be read.
    """
    after = here.catalog()
    compared, unknown, differences = _compared(here, wanted, after)
    left, notes = _left_half_done(wanted, after, written)
    touched = written.tables | set(_tables(wanted.before, after))
    lagging = here.dialect.lagging(here.connection, touched)
    before = [one for one in lagging if wanted.lagging.get(one.sequence) == one.largest]
    return Proof(
        compared=compared,
        unknown=unknown,
        wrong=(
            *(f"Not as the plan foretold: {_words(one)}." for one in differences[:SHOWN]),
            *((f"And {len(differences) - SHOWN} more differences.",) if len(differences) > SHOWN else ()),
            *left,
            *(f"{one} Move it on: {one.remedy}" for one in lagging if one not in before),
        ),
        notes=(*notes, *(f"As it was before this run: {one} Move it on: {one.remedy}" for one in before)),
        differences=differences,
        catalog=after.fingerprint,
    )


def _compared(here: Visit, wanted: Expectation, after: Catalog) -> tuple[str, str, tuple[Difference, ...]]:
    if wanted.catalog is None or wanted.foretold is None:
        return wanted.why_not, wanted.unknown, ()
    expected = wanted.catalog
    if wanted.elsewhere is not None:
        try:
            after = clone.as_written_there(here.settings, wanted.elsewhere, after, here.version_table)
        except OpsError as error:
            return "", f"The schema cannot be copied to be compared: {error.problem}", ()
    if wanted.foretold.role != here.facts.role:
        # The clone was the version table's owner's: whose the new objects are now was not foretold.
        new = {key for key, text in wanted.foretold.changes.items() if text is not None}
        expected, after = _without_rights(expected, new), _without_rights(after, new)
    found = diff(expected, after)
    count = len(wanted.foretold.changes)
    right = f"The schema is what the plan foretold: {display.many(count, 'object')} changed, and no other."
    return "" if found else right, "", found


def _without_rights(catalog: Catalog, keys: Iterable[Key]) -> Catalog:
    texts: dict[Key, str] = dict(catalog.texts)
    for key in keys:
        if key in texts:
            kept = {name: value for name, value in properties(texts[key]).items() if name not in _RIGHTS}
            texts[key] = json.dumps(kept)
    return replace(catalog, texts=texts)


def _left_half_done(wanted: Expectation, after: Catalog, written: Written) -> tuple[list[str], tuple[str, ...]]:
    """Indexes that are invalid, and constraints that nobody checked, since this run; what was meant so is a note."""
    wrong: list[str] = []
    meant: list[str] = []
    foretold: Mapping[Key, str | None] = wanted.foretold.changes if wanted.foretold else {}
    for key in sorted(after.texts):
        text, earlier = after.texts[key], wanted.before.texts.get(key)
        if text == earlier:
            continue
        state = _state(key, text)
        if not state or (earlier is not None and _state(key, earlier) == state):
            continue
        said = f"{key.kind.capitalize()} {key} is {state}."
        if (own := foretold.get(key)) is not None and _state(key, own) == state:
            meant.append(f"{said} The plan foretold that.")
        elif state == "not valid" and key.name in written.unchecked:
            meant.append(f"{said} The migration asked for that: validate it in a later revision.")
        else:
            wrong.append(said)
    return wrong, tuple(meant)


def _state(key: Key, text: str) -> str:
    """Return `invalid` for an index, `not valid` for a constraint; empty where it is as it should be."""
    if key.kind in _MAY_BE_INVALID:
        found = properties(text)
        state = found.get("state") or found.get("index")
        return "invalid" if state in ("invalid", "not ready") else ""
    if key.kind in _MAY_BE_NOT_VALID:
        found = properties(text)
        unchecked = found.get("validated") is False or (found.get("definition") or "").endswith(_UNCHECKED)
        return "not valid" if unchecked else ""
    return ""


def _tables(before: Catalog, after: Catalog) -> Iterable[str]:
    """Tables of which something is otherwise than before, as SQL names them."""
    for key, text in after.texts.items():
        if before.texts.get(key) != text and key.schema:
            yield f"{quoted(key.schema)}.{quoted(key.parent or key.name)}"


def _words(one: Difference) -> str:
    """One difference from what was foretold to what is there."""
    name = f"{one.kind} {one.object}"
    if one.action == "added":
        return f"{name} is there, and nothing was said of it"
    if one.action == "removed":
        return f"{name} is not there"
    if one.before is not None:
        return f"{name} should be called {one.before}"
    details = ", ".join(f"{what} is {_short(found)}, not {_short(told)}" for what, (told, found) in one.details.items())
    return f"{name}: {details}"


def _short(value: object) -> str:
    return "nothing" if value is None else brief(words(value), limit=LONGEST)
