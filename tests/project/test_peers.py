"""What README and `docs/peers.md` say of another linter is what the benchmark found."""

from __future__ import annotations

import json
import re

from tests.project.checkout import ROOT
from tests.project.pages import README

PART = json.loads((ROOT / "tests/bench/results/peers.json").read_text(encoding="utf-8"))["part"]
PAGE = (ROOT / "docs/peers.md").read_text(encoding="utf-8")


def test_the_page_has_the_tables() -> None:
    assert len(PART["tables"]) == 4
    for table in PART["tables"]:
        assert table in PAGE


def test_the_readme_has_the_counts() -> None:
    (sentence,) = PART["remarks"]

    assert sentence in " ".join(README.text.split())


def test_the_page_names_the_version() -> None:
    (version,) = re.findall(r"Squawk (\d+\.\d+\.\d+)", PART["remarks"][0])

    assert f"Squawk is {version}," in PAGE


def test_nothing_is_missed() -> None:
    """No statement that was seen working while writers wait is called harmless by the plan."""
    counts = [one.split(" | ") for one in PART["tables"][0].splitlines()]
    works = dict(zip([one.strip("| ") for one in counts[0]], [one.strip("| ") for one in counts[2]], strict=True))

    assert works["plan: high or critical"] == works["statements"]
    assert works["plan: milder"] == "0"
