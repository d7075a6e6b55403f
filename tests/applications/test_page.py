"""The page about applications, in step with what was kept of them."""

from __future__ import annotations

import re

from tests.applications import findings
from tests.applications.catalogue import APPLICATIONS


def test_the_page_says_what_was_found() -> None:
    text = findings.PAGE.read_text(encoding="utf-8")

    assert text == findings.page()
    heads = [line.removeprefix("## ") for line in text.splitlines() if line.startswith("## ")]
    told = [re.sub(r" [\d.]+", "", head) for head in heads]
    assert told == [name for name in APPLICATIONS if name in told]
    assert len(told) >= 4
