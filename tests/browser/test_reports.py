"""Reports in a real browser without a network: nothing is asked for, nothing runs, nothing bursts the page."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from nbformat import v4, write

from ops import display
from ops.errors import RefusedError
from ops.runbook import report
from tests.browser.home import LONG, MARKUP
from tests.browser.lab import page_of
from tests.browser.looking import violations
from tests.notebooks import story as telling

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

story = telling.story
pytestmark = pytest.mark.timeout(3600)  # whichever test comes first runs the whole story

WIDE = {"width": 1280, "height": 1000}
NARROW = {"width": 400, "height": 900}
HOSTILE = (MARKUP, LONG, f"{LONG}_{MARKUP}")
EVERYWHERE = display.View(
    title=f"{MARKUP} {LONG}",
    mark=display.Mark(f"{MARKUP}{LONG}", "bad"),
    blocks=(
        display.Table(columns=HOSTILE, rows=(HOSTILE, tuple(map(display.Name, HOSTILE))), caption=MARKUP),
        display.Facts(tuple((one, one) for one in HOSTILE), caption=LONG),
        display.Code(text="\n".join(HOSTILE), caption=MARKUP),
        *(display.Note(one, "attention") for one in HOSTILE),
        display.Graph(
            nodes=tuple(
                display.Node(id=one, label=one, state=one, note=one, parents=HOSTILE[number + 1 : number + 2])
                for number, one in enumerate(HOSTILE)
            ),
            caption=MARKUP,
        ),
    ),
)


class Asked:
    """What a page asked for, and what went wrong in it."""

    def __init__(self, page: Page) -> None:
        self.requests: list[str] = []
        self.errors: list[str] = []
        page.on("request", lambda one: self.requests.append(one.url))
        page.on("requestfailed", lambda one: self.errors.append(f"failed: {one.url}"))
        page.on("pageerror", lambda one: self.errors.append(str(one)))
        page.on("console", lambda one: self.errors.append(one.text) if one.type == "error" else None)


@contextmanager
def opened(browser: Browser, path: Path, *, height: int = WIDE["height"], **how: object) -> Iterator[Page]:
    """Open a file where there is no network, and see that it asked for itself and for nothing else."""
    with page_of(browser, viewport={**WIDE, "height": height}, offline=True, **how) as page:
        asked = Asked(page)
        page.goto(path.as_uri())
        yield page
        pictures = [one for one in asked.requests if one.startswith("data:image/")]
        assert [one for one in asked.requests if one not in pictures] == [path.as_uri()]
        assert asked.errors == []


def fits(page: Page) -> bool:
    """Whether the page itself need not be scrolled sideways, wide or narrow."""
    found = []
    for size in (WIDE, NARROW):
        page.set_viewport_size(size)
        found.append(page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"))
    page.set_viewport_size(WIDE)
    return all(found)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report of which every part holds what no name should."""
    folder = tmp_path_factory.mktemp("hostile")
    refused = RefusedError(f"{MARKUP} {LONG}", next_step=MARKUP)
    outputs = [
        v4.new_output("display_data", data=display.mimebundle(EVERYWHERE)),
        v4.new_output("display_data", data={"text/html": MARKUP, "text/plain": MARKUP}),
        v4.new_output("display_data", data=EVERYWHERE.blocks[-1]._repr_mimebundle_()),
        v4.new_output("stream", name="stdout", text=f"{MARKUP}\n{LONG}\n"),
        v4.new_output("error", ename="RefusedError", evalue=MARKUP, traceback=refused._render_traceback_()),
    ]
    cells = [
        v4.new_markdown_cell("# What no name should say"),
        v4.new_code_cell(f'target: str = "a"  # {MARKUP}', metadata={"tags": ["parameters"]}),
        v4.new_code_cell(f"target = {MARKUP!r}", metadata={"tags": ["injected-parameters"]}),
        v4.new_code_cell(MARKUP, outputs=outputs, execution_count=1),
    ]
    write(v4.new_notebook(cells=cells), folder / "notebook.ipynb")
    report.write(folder / "notebook.ipynb", folder / "report.html", title=f"{MARKUP} {LONG}")
    return folder / "report.html"


@pytest.mark.heavy
def test_every_report_opens_without_a_network(story: dict[str, telling.Ran], chromium: Browser, pictures: Path) -> None:
    wrong: dict[str, list[str]] = {}
    for number, (name, ran) in enumerate(story.items()):
        kept = f"report-{number:02}-{ran.step.notebook.replace('/', '-')}"
        for colours, size in (("light", WIDE), ("dark", NARROW)):
            with opened(chromium, ran.folder / "report.html", color_scheme=colours) as page:
                found = violations(page, "body")
                if not fits(page):
                    found.append("it is too wide")
                page.set_viewport_size(size)
                page.screenshot(path=pictures / f"{kept}-{colours}.png", full_page=True)
                if colours == "light":
                    page.emulate_media(media="print")
                    page.pdf(path=pictures / f"{kept}.pdf", format="A4")
                if found:
                    wrong[f"{name}, {colours}"] = found

    assert wrong == {}


def test_what_no_name_should_say_is_shown_and_nothing_else(chromium: Browser, hostile: Path, pictures: Path) -> None:
    for colours in ("light", "dark"):
        with opened(chromium, hostile, color_scheme=colours) as page:
            assert page.title() != "planted"
            assert page.locator("script, iframe, form").count() == 0
            assert page.evaluate("[...document.images].every((one) => !one.src || one.src.startsWith('data:image/'))")
            assert fits(page)
            assert violations(page, "body") == []
            page.screenshot(path=pictures / f"hostile-{colours}.png", full_page=True)
