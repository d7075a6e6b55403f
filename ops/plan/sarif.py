"""A plan's hazards as SARIF, which code scanners exchange.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import PurePath
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ops.hazards import RULES
from ops.plan import annotations
from ops.plan.annotations import Annotation

if TYPE_CHECKING:
    from ops.plan.values import Plan

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_ROOT = "%SRCROOT%"
_HARMS = {rule.code: rule.harm for rule in RULES}


def sarif(plan: Plan) -> dict[str, Any]:
    """Return a plan as one run of a SARIF 2.1.0 log: a result for each hazard, at its line of the version file.

    Paths are relative to the top of the repository. What was allowed by name is a suppressed result. What is about no
    file is a notification: scanners want a place for every result.
    """
    remarks = annotations.of(plan)
    placed = [one for one in remarks if one.path and one.source]
    elsewhere = [one for one in remarks if not (one.path and one.source)]
    rules = list({one.code: one for one in placed}.values())
    numbers = {one.code: number for number, one in enumerate(rules)}
    return {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": {"name": "alembic-ops", **_version(), "rules": [_rule(one) for one in rules]}},
                "originalUriBaseIds": {_ROOT: {"description": {"text": "The top of the repository."}}},
                "invocations": [
                    {"executionSuccessful": True, "toolExecutionNotifications": list(_notifications(elsewhere))}
                ],
                "results": [_result(one, numbers[one.code]) for one in placed],
            }
        ],
    }


def _version() -> dict[str, str]:
    try:
        return {"semanticVersion": version("alembic-ops")}
    except PackageNotFoundError:  # a checkout that nobody installed
        return {}


def _rule(one: Annotation) -> dict[str, Any]:
    words = _HARMS.get(one.code, one.code.replace("-", " "))
    advice = {"help": {"text": one.advice}} if one.advice else {}
    return {"id": one.code, "shortDescription": {"text": words}, **advice, "helpUri": one.source}


def _result(one: Annotation, rule: int) -> dict[str, Any]:
    allowed = {"suppressions": [{"kind": "external", "justification": "Allowed by name."}]} if one.allowed else {}
    beside = {"relatedLocations": [_location(*place) for place in one.beside]} if one.beside else {}
    return {
        "ruleId": one.code,
        "ruleIndex": rule,
        "level": one.level,
        "message": {"text": "\n".join((one.message, *one.more))},
        "locations": [_location(one.path, one.line)],
        **beside,
        "properties": {"severity": one.severity},
        **allowed,
    }


def _location(path: str, line: int) -> dict[str, Any]:
    return {"physicalLocation": {"artifactLocation": _artifact(path), "region": {"startLine": line}}}


def _artifact(path: str) -> dict[str, str]:
    if PurePath(path).is_absolute():
        return {"uri": PurePath(path).as_uri()}
    return {"uri": quote(path), "uriBaseId": _ROOT}


def _notifications(found: Iterable[Annotation]) -> Iterable[dict[str, Any]]:
    for one in found:
        place = {"locations": [_location(one.path, one.line)]} if one.path else {}
        yield {"level": one.level, "message": {"text": one.message}, **place}
