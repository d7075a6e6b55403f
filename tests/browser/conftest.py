"""A real Chromium, and JupyterLab as `ops lab` starts it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ARGUMENTS = (
    "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip


def absent(what: str) -> None:
    """Skip for lack of something, or fail where .ci/run installs it."""
    said = f"{what}: apt-get install chromium, and pip install -e '.[test]'"
    pytest.fail(said) if os.environ.get("OPS_CI") else pytest.skip(said)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The system's Chromium. For a module only: while it is open, nothing else here may run an event loop."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        absent("no Playwright")
    path = next((found for name in ("chromium", "chromium-browser") if (found := shutil.which(name))), None)
    if path is None:
        absent("no Chromium")
    # Chromium refuses to run as root with its sandbox.
    root = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=[*ARGUMENTS, *root])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of this session's screenshots."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "pictures"
    folder.mkdir(exist_ok=True)
    return folder
