"""axe-core on a part of a page: what somebody who hears it, or sees it badly, would miss."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Frame, Page

SERIOUS = ("serious", "critical")


def violations(page: Page | Frame, where: str) -> list[str]:
    """Return what axe-core finds serious below an element, a line each."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page, context={"include": [[where]]}).response["violations"]
    return [
        f"{one['impact']}: {one['id']}: {one['help']}: {node['target']} {node['html'][:200]} {node['failureSummary']}"
        for one in found
        if one["impact"] in SERIOUS
        for node in one["nodes"]
    ]
