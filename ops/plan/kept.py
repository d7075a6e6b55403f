"""What a plan foretold, kept by its fingerprint for the change that follows: limits, permission and proof ask for it.

It lies in the cache of the home folder: who removes that has to plan again, and loses nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ops import estimate
from ops.cache import Cache, Dependencies, ForgottenError
from ops.catalog import Catalog, Key
from ops.guard.needs import Need, needs
from ops.hazards import Hazard, Severity
from ops.secrets import cleaned, redact
from ops.statement import Lock, Mode, Statement

if TYPE_CHECKING:
    from ops.plan.values import Plan

_KIND = "plan"


@dataclass(frozen=True, slots=True, kw_only=True)
class Foretold:
    """How the catalog will differ from what it was: each object's new text, None for one that goes.

    `server_version` is that of the server which wrote the texts; another major version may write the same otherwise.
    `role` ran the migrations there, and owns what they made.
    """

    changes: Mapping[Key, str | None] = field(repr=False)
    server_version: int
    role: str

    @classmethod
    def between(cls, before: Catalog, after: Catalog, *, role: str) -> Foretold:
        """Return what `role` did between two catalogs that one server wrote."""
        first, second = before.texts, after.texts
        changes: dict[Key, str | None] = {key: text for key, text in second.items() if first.get(key) != text}
        changes.update((key, None) for key in first.keys() - second.keys())
        return cls(changes=changes, server_version=after.server_version, role=role)

    def expected(self, before: Catalog) -> Catalog:
        """Return the catalog that a database with the catalog `before` has to have afterwards."""
        texts = {key: text for key, text in {**before.texts, **self.changes}.items() if text is not None}
        return replace(before, texts=texts)


@dataclass(frozen=True, kw_only=True)
class KeptPlan:
    """A plan as far as others need it. `made` is when, by the clock of the machine that made it.

    No secret is in the SQL of its `statements`. What was read from it before that are the rights it `needs`, where
    `default_schema` is the first of the search path.
    `foretold` is None where the clone could not tell: nothing was measured, the migrations fail there, or the clone
    has not the roles of the target. `found` is what the plan says of itself, in words.
    """

    fingerprint: str
    made: str
    statements: tuple[Statement, ...]
    hazards: tuple[Hazard, ...]
    foretold: Foretold | None = None
    default_schema: str | None = None
    needs: tuple[Need, ...] = ()
    seconds: Mapping[int, tuple[float, float]] = field(default_factory=dict)
    takes: str = ""
    verdict: str = ""
    found: str = ""

    def statement(self, revision: str, sql: str) -> Statement | None:
        """Return the statement of a revision with this text; None where there is none, or more than one."""
        return self._by_text.get((revision, _plain(sql)))

    @cached_property
    def _by_text(self) -> Mapping[tuple[str, str], Statement | None]:
        found: dict[tuple[str, str], Statement | None] = {}
        for one in self.statements:
            key = one.revision, _plain(one.sql)
            found[key] = None if key in found else one  # the same text twice may be two matters
        return found


def _plain(sql: str) -> str:
    return " ".join(redact(sql).split()).rstrip("; ")


def keep(home: Path, plan: Plan, *, default_schema: str | None) -> None:
    """Keep a plan, in place of an older one of the same fingerprint."""
    payload = {
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        # names stay as they are, as in every catalog that is kept: they are looked up
        "statements": [asdict(one) | cleaned({"sql": one.sql, "error": one.error}) for one in plan.statements],
        "hazards": [cleaned(asdict(one)) | {"relation": one.relation} for one in plan.hazards],
        "default_schema": default_schema,
        "needs": [asdict(one) for one in needs(plan.statements, default_schema)],
        "seconds": [
            (one.statement, one.seconds.low, one.seconds.high)
            for one in plan.estimates.statements
            if one.seconds is not None
        ],
        "takes": estimate.total(plan.estimates.total) if plan.estimates.statements else "",
        "verdict": plan.verdict.value,
        "found": redact(str(plan).removeprefix(f"{plan.route.target}: ").removesuffix(f", {plan.fingerprint}")),
    }
    bulk = None
    if plan.foretold is not None:
        rows = [[*key, text] for key, text in plan.foretold.changes.items()]
        bulk = {"server_version": plan.foretold.server_version, "role": plan.foretold.role, "changes": rows}
    Cache(home).put(_KIND, plan.fingerprint, payload, Dependencies(), bulk=bulk)


def find(home: Path, fingerprint: str) -> KeptPlan | None:
    """Return the plan of a fingerprint; None where nobody planned that, or it is gone."""
    entry = Cache(home).get(_KIND, fingerprint)
    if entry is None:
        return None
    try:
        bulk = entry.bulk()
    except ForgottenError:
        return None  # removed with that, and to be made anew
    foretold = None
    if bulk is not None:
        changes = {Key._make(row[:4]): row[4] for row in bulk["changes"]}
        foretold = Foretold(changes=changes, server_version=bulk["server_version"], role=bulk["role"])
    return KeptPlan(
        fingerprint=fingerprint,
        made=entry.payload["made"],
        statements=tuple(_statement(one) for one in entry.payload["statements"]),
        hazards=tuple(map(_hazard, entry.payload["hazards"])),
        foretold=foretold,
        default_schema=entry.payload["default_schema"],
        needs=tuple(Need(**one) for one in entry.payload["needs"]),
        seconds={number: (low, high) for number, low, high in entry.payload["seconds"]},
        takes=entry.payload["takes"],
        verdict=entry.payload.get("verdict", ""),  # those of older plans are not known
        found=entry.payload.get("found", ""),
    )


def _statement(written: Mapping[str, Any]) -> Statement:
    values = {name: tuple(value) if isinstance(value, list) else value for name, value in written.items()}
    return Statement(**values | {"locks": _locks(written["locks"])})


def _hazard(written: Mapping[str, Any]) -> Hazard:
    return Hazard(**written | {"severity": Severity(written["severity"]), "during": tuple(written.get("during", ()))})


def _locks(written: Iterable[Mapping[str, Any]]) -> tuple[Lock, ...]:
    return tuple(Lock(**one | {"mode": Mode(one["mode"])}) for one in written)
