"""Every error says what happened, whether anything was changed, and what to do; and gives its exit code."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path

import pytest
from sqlalchemy.exc import DBAPIError

from ops import errors
from ops.errors import OpsError
from ops.values import Verdict

CLASSES = {
    name: one
    for name, one in vars(errors).items()
    if inspect.isclass(one) and issubclass(one, OpsError) and one.__module__ == "ops.errors"
}

CONTRACT = {
    "OpsError": (1, Verdict.FAILED, "failed"),
    "UsageError": (2, Verdict.FAILED, "usage"),
    "SettingsError": (2, Verdict.FAILED, "settings"),
    "ConnectError": (1, Verdict.FAILED, "unreachable"),
    "ProjectError": (1, Verdict.FAILED, "project"),
    "ImportFailedError": (1, Verdict.FAILED, "import"),
    "RevisionError": (1, Verdict.FAILED, "revision"),
    "RefusedError": (4, Verdict.REFUSED, "refused"),
    "WrongDatabaseError": (4, Verdict.REFUSED, "wrong-database"),
    "StalePlanError": (4, Verdict.REFUSED, "stale-plan"),
    "SharedSessionError": (4, Verdict.REFUSED, "pooler"),
    "BusyError": (5, Verdict.REFUSED, "busy"),
    "LackingError": (3, Verdict.UNKNOWN, "lacking"),
    "MigrationError": (1, Verdict.FAILED, "migration"),
    "InterruptedRunError": (6, Verdict.UNKNOWN, "interrupted"),
}


def test_the_contract_names_every_class() -> None:
    assert set(CONTRACT) == set(CLASSES)


@pytest.mark.parametrize(("name", "expected"), CONTRACT.items(), ids=CONTRACT)
def test_exit_code_verdict_and_code(name: str, expected: tuple[int, Verdict, str]) -> None:
    error = CLASSES[name]("It broke.", next_step="Mend it.")

    assert (error.exit_code, error.verdict, error.code) == expected


def test_the_tree_in_the_docstring_is_the_tree_of_the_classes() -> None:
    drawn: dict[str, str] = {}
    above: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        match = re.match(r"((?:│   |    )*)(?:├── |└── )?([A-Z]\w+Error)\b", line)
        if match:
            depth = len(match[1]) // 4 + ("──" in line)
            above = [*above[:depth], match[2]]
            drawn[match[2]] = above[-2] if depth else "Exception"

    assert drawn == {name: one.__bases__[0].__name__ for name, one in CLASSES.items()}


SAME = re.compile(r"\b(Nothing was|was not) changed\.")

EFFECTS = {
    "unchanged": (False, "The database was not changed."),
    "changed": (True, "The database was changed."),
    "unknown": (None, "It is not known whether the database was changed."),
}


@pytest.mark.parametrize(("changed", "effect"), EFFECTS.values(), ids=EFFECTS)
def test_an_error_says_whether_anything_was_changed(changed: bool | None, effect: str) -> None:
    error = errors.MigrationError("It broke.", next_step="Mend it.", changed=changed)

    assert str(error) == f"It broke.\n{effect}\nNext: Mend it."
    assert error._render_traceback_() == ["FAILED: It broke.", effect, "Next: Mend it."]
    assert error.to_dict() == {
        "code": "migration",
        "problem": "It broke.",
        "changed": changed,
        "next_step": "Mend it.",
    }


def test_no_problem_says_what_the_error_says_behind_it_anyway() -> None:
    texts = [path.read_text(encoding="utf-8") for path in Path(errors.__file__).parent.rglob("*.py")]
    calls = [
        one for text in texts if SAME.search(text) for one in ast.walk(ast.parse(text)) if isinstance(one, ast.Call)
    ]
    problems = [ast.unparse(one.args[0]) for one in calls if one.args and "next_step" in {k.arg for k in one.keywords}]

    assert problems
    assert [one for one in problems if SAME.search(one)] == []


def test_a_code_of_its_own_stays_with_one_error() -> None:
    special = errors.MigrationError("It broke.", next_step="Mend it.", code="lock-timeout")

    assert special.code == "lock-timeout"
    assert errors.MigrationError("It broke.", next_step="Mend it.").code == "migration"


SAID = {
    "one line": (OSError("disk full"), "disk full"),
    "several lines": (OSError("\n disk full.\nLINE 1: COPY\n"), "disk full"),
    "nothing": (TimeoutError(), "TimeoutError"),
    "a password": (
        OSError("cannot reach postgresql://app:geheim@db/shop"),
        "cannot reach postgresql://app:***@db/shop",
    ),
    "a driver's, below": (DBAPIError("SELECT 1", {}, OSError("it is gone.\nDETAIL: away")), "it is gone"),
    "a driver's, that says nothing": (DBAPIError("SELECT 1", {}, TimeoutError()), "TimeoutError"),
}


@pytest.mark.parametrize(("error", "said"), SAID.values(), ids=SAID)
def test_what_an_exception_says_in_one_line(error: Exception, said: str) -> None:
    assert errors.first_line(error) == said
