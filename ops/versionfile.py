"""A version file as a value: what its two functions hold, read from its text without running it."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from enum import StrEnum


class Body(StrEnum):
    """What a function of a version file holds."""

    MISSING = "missing"
    EMPTY = "empty"
    REFUSES = "refuses"
    CODE = "code"


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionFile:
    """One version file. `committed` is whether git holds it as it is; None where there is no git.

    `merges`: it only joins branches, so both of its functions may well be empty. `edited`: it is not the file that was
    applied here. `reason` is what the downgrade says when it refuses.
    """

    revision: str
    path: str
    upgrade: Body
    downgrade: Body
    merges: bool = False
    committed: bool | None = None
    edited: bool = False
    reason: str = ""


def bodies(text: str) -> tuple[Body, Body, str]:
    """Return what upgrade and downgrade hold, and with which words the downgrade refuses.

    A name that something else than `def` gives a value is taken for code: what it does cannot be read.
    """
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        # Alembic has loaded it, so it is code of another Python, or a sum of a thousand texts: more than can be read.
        return Body.CODE, Body.CODE, ""
    found: dict[str, list[ast.stmt] | None] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name in ("upgrade", "downgrade") and node.name not in found:
            found[node.name] = node.body
        elif isinstance(node, (ast.Assign, ast.ImportFrom, ast.Import)):
            for name in _names(node):
                if name in ("upgrade", "downgrade"):
                    found[name] = None
    upgrade, _ = _kind(found, "upgrade")
    downgrade, reason = _kind(found, "downgrade")
    return upgrade, downgrade, reason


def _names(node: ast.Assign | ast.ImportFrom | ast.Import) -> list[str]:
    if isinstance(node, ast.Assign):
        return [target.id for target in node.targets if isinstance(target, ast.Name)]
    return [one.asname or one.name for one in node.names]


def _kind(found: dict[str, list[ast.stmt] | None], name: str) -> tuple[Body, str]:
    if name not in found:
        return Body.MISSING, ""
    body = found[name]
    if body is None:
        return Body.CODE, ""
    acting = [one for one in body if not _does_nothing(one)]
    if not acting:
        return Body.EMPTY, ""
    if isinstance(acting[0], ast.Raise):
        return Body.REFUSES, _said(acting[0])
    return Body.CODE, ""


def _does_nothing(node: ast.stmt) -> bool:
    if isinstance(node, ast.Return):
        return node.value is None or isinstance(node.value, ast.Constant)
    return isinstance(node, ast.Pass) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))


def _said(node: ast.Raise) -> str:
    if isinstance(node.exc, ast.Call):
        for one in node.exc.args:
            if isinstance(one, ast.Constant) and isinstance(one.value, str):
                return one.value
    return ""
