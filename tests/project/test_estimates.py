"""What `docs/plans.md` says of how good estimates are is what the benchmark found."""

from __future__ import annotations

import json

from tests.project.checkout import ROOT
from tests.project.pages import page

PART = json.loads((ROOT / "tests/bench/results/estimates.json").read_text(encoding="utf-8"))["part"]


def test_the_page_has_the_counts() -> None:
    rows = [row.strip("| ").split(" | ") for row in PART["tables"][0].splitlines()[2:]]
    inside = sum(row[-1] == "yes" for row in rows)
    sizes = sorted(int(row[0].rpartition(",")[2]) for row in rows)

    assert 10 * inside >= 9 * len(rows)
    said = f"tables of {sizes[0]} MiB to {sizes[-1] / 1000:.1f} GiB, {inside} of {len(rows)} statements took"
    assert said in " ".join(page("docs/plans.md").text.split())


def test_no_range_is_wider_than_was_said() -> None:
    (width,) = [one for one in PART["claims"] if one["what"] == "how wide the widest range is"]

    assert max(width["values"]) <= 4
    assert "whose upper end is four times the lower one" in " ".join(page("docs/plans.md").text.split())
