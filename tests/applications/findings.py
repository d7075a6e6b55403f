"""What was found about applications: a file for each, and the page that is made of them.

`OPS_WRITE_FINDINGS=1 python -m pytest tests/applications -m heavy` writes both.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ops.rehearsal.result import Rehearsed
from ops.threeway import Cause
from tests.applications.catalogue import APPLICATIONS
from tests.applications.story import Story

RESULTS = Path(__file__).with_name("results")
PAGE = Path(__file__).parents[2] / "docs" / "applications.md"

HEAD = """\
# Applications that were tried

Each one is from PyPI, in an environment of its own. It went from an older revision, with rows, through `10-inspect`,
`20-plan`, `30-rehearse`, `40-upgrade` and `12-compare-schema`. What is told below is about the applications: what their
operators would want to know before an upgrade. `tests/applications/` has the rows, and what was read in the version
files before: a rehearsal has to find that, and nothing else. `make test-all` tries them again.

A constraint to which the models give no name may have any: only where they give one does another name count as a
disagreement.
"""


def write(name: str, found: Story) -> None:
    """Keep what was found, and make the page anew."""
    RESULTS.mkdir(exist_ok=True)
    file = RESULTS / ("".join(one if one.isalnum() else "-" for one in name).replace("--", "-") + ".json")
    file.write_text(json.dumps(_kept(name, found), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    PAGE.write_text(page(), encoding="utf-8")


def page() -> str:
    """Return the page, made of what was kept."""
    kept = {one["name"]: one for one in (json.loads(file.read_text("utf-8")) for file in RESULTS.glob("*.json"))}
    parts = [HEAD, *(_part(kept[name]) for name in APPLICATIONS if name in kept)]
    return "\n".join(parts)


def _kept(name: str, found: Story) -> dict[str, Any]:
    drift = [one for one in found.drift.changes if one.cause is Cause.MODEL_WITHOUT_MIGRATION]
    kinds: dict[str, int] = {}
    for one in drift:
        kinds[one.kind] = kinds.get(one.kind, 0) + 1
    return {
        "name": name,
        "version": found.version,
        "shape": APPLICATIONS[name].shape,
        "revisions": found.revisions,
        "rehearsed": len(found.rehearsal.revisions),
        "findings": [[one.revision, one.message, _said(one)] for one in found.rehearsal.revisions if one.wrong],
        "drift": dict(sorted(kinds.items())),
        "not_compared": list(found.drift.unknown),
    }


def _said(one: Rehearsed) -> str:
    return " ".join(text.splitlines()[0] for text in one.wrong)


def _part(one: dict[str, Any]) -> str:
    name, comma, where = one["name"].partition(", ")
    shape = one["shape"]
    lines = [
        f"## {name} {one['version']}{comma}{where}",
        "",
        f"{shape[:1].upper()}{shape[1:]}. {one['revisions']} revisions, {one['rehearsed']} of them rehearsed.",
        "",
    ]
    if one["findings"]:
        lines += ["| Revision | About | Found |", "| --- | --- | --- |"]
        lines += [f"| `{revision}` | {_cell(about)} | {_cell(said)} |" for revision, about, said in one["findings"]]
    else:
        lines.append("Every one comes back, and nothing is lost.")
    lines.append("")
    if one["drift"]:
        counted = ", ".join(f"{kind} {count}" for kind, count in one["drift"].items())
        lines.append(f"Its models and its migrations disagree {_often(sum(one['drift'].values()))}: {counted}.")
    elif not one["not_compared"]:
        lines.append("Its models and its migrations agree.")
    if one["not_compared"]:
        lines += [""] if one["drift"] else []
        lines += ["Not everything could be compared:", ""]
        lines += [f"- {_cell(text.splitlines()[0])}" for text in one["not_compared"]]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    for one in "\\|<*_`":
        text = text.replace(one, f"\\{one}")
    return text


def _often(number: int) -> str:
    return "once" if number == 1 else f"{number} times"
