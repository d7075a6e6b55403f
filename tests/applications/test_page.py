"""The page about applications, in step with what was kept of them."""

from __future__ import annotations

from tests.applications import findings
from tests.applications.catalogue import APPLICATIONS


def test_the_page_says_what_was_found_about_each_application() -> None:
    text = findings.PAGE.read_text(encoding="utf-8")

    assert text == findings.page()
    assert [line[3:].rpartition(" ")[0] for line in text.splitlines() if line.startswith("## ")] == list(APPLICATIONS)
