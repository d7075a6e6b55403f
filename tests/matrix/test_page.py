"""The page about projects, versions and servers, in step with what was kept."""

from __future__ import annotations

from tests.matrix import life, page
from tests.matrix.maria_drivers import STACKS
from tests.matrix.servers import ELSEWHERE, WAYS
from tests.matrix.shapes import SHAPES
from tests.matrix.stacks import OF_THE_TOOLKIT, UNTRIED, stacks


def test_the_page_says_what_was_found() -> None:
    assert page.PAGE.read_text(encoding="utf-8") == page.text()


def test_the_readme_has_the_sums() -> None:
    assert page.summary() in page.README.read_text(encoding="utf-8")


def test_every_combination_has_a_row() -> None:
    assert page.text().count("\n| 3.") == len(stacks()) + len(OF_THE_TOOLKIT) + 2 * len(UNTRIED) + len(STACKS)
    assert {one["shape"] for one in life.kept("shape")} <= set(SHAPES)
    assert {one["way"] for one in life.kept("server")} <= {one.name for one in WAYS}
    assert {one["way"] for one in life.kept("elsewhere")} <= {one.name for one in ELSEWHERE}
