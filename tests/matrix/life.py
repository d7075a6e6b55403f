"""What every combination has to get through, and what is kept of it: a file for each, and a page made of them.

`OPS_WRITE_FINDINGS=1 python -m pytest tests/matrix` writes both, and the README's table; without it, what is found has
to be what was kept.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ops import targets
from ops.errors import OpsError
from ops.values import Verdict
from tests import cases

RESULTS = Path(__file__).with_name("results")
WORKS = "works"


def target_of(folder: Path, project: str, url: str, patch: pytest.MonkeyPatch, **keys: str) -> targets.Target:
    """Return a target on a copy of a fixture project; its URL comes out of the environment."""
    case = cases.projects()[project]
    cases.copy_to(case, folder)
    keys = {**case.target, **keys, "config": f"{project}/{case.target['config']}"}
    lines = ["[ops:target:case]", "url_env = CASE_URL", "protected = false", *(f"{k} = {v}" for k, v in keys.items())]
    (folder / "ops.ini").write_text("\n".join(lines) + "\n", encoding="utf-8")
    patch.setenv("OPS_HOME", str(folder))
    patch.setenv("CASE_URL", url)
    return targets.target("case")


def lived(target: targets.Target, *, unknown: tuple[str, ...] = ()) -> str:
    """Look, plan, upgrade, compare, downgrade and upgrade again; return `works`, or what was said instead.

    `unknown` is what no plan of that kind of database knows.
    """

    def go_through() -> None:
        before = target.status()
        assert (before.verdict, before.current) == (Verdict.OK, ())
        plan = target.plan("heads")
        assert plan.unknown == unknown, plan.unknown
        assert plan.verdict in (Verdict.OK, Verdict.ATTENTION) or unknown
        assert target.upgrade("heads", dry_run=False).verdict is Verdict.OK
        assert target.compare().changes == ()
        assert target.downgrade("base", dry_run=False).current == ()
        assert target.upgrade("heads", dry_run=False).current == before.heads

    return said_of(go_through)


def said_of(act: Callable[[], None]) -> str:
    """Return `works`, or the first line of what an act was refused with."""
    try:
        act()
    except OpsError as error:
        return error.problem.splitlines()[0]
    return WORKS


def keep_or_compare(name: str, found: dict[str, Any]) -> None:
    """Keep what was found, where that is wanted; else it has to be what was kept."""
    file = RESULTS / f"{re.sub(r'[^a-z0-9.]+', '-', name.lower())}.json"
    if os.environ.get("OPS_WRITE_FINDINGS"):
        from tests.matrix import page

        RESULTS.mkdir(exist_ok=True)
        file.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        page.write()
    else:
        assert json.loads(file.read_text("utf-8"))["outcomes"] == found["outcomes"]


def kept(kind: str) -> list[dict[str, Any]]:
    """Return everything of a kind that was kept."""
    found = [json.loads(file.read_text("utf-8")) for file in sorted(RESULTS.glob("*.json"))]
    return [one for one in found if one["kind"] == kind]
