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
from tests.browser.paper import unparted, words_on
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


FOLDED = "details:not(.source):not(.words), details.not-run"
"""What is printed although it is folded on the screen: all but what is said to be left out."""


def unprinted(page: Page, pdf: Path) -> set[str]:
    """Print the page as it is, and return which words of what is folded in it are not on the paper."""
    page.pdf(path=pdf, format="A4")
    on_paper = words_on(pdf)
    folded = page.evaluate("(which) => [...document.querySelectorAll(which)].map((one) => one.textContent)", FOLDED)
    return {word for text in folded for word in text.split() if unparted(word) not in on_paper}


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
                    found += [f"not on paper: {one}" for one in unprinted(page, pictures / f"{kept}.pdf")]
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


def test_what_is_folded_on_the_screen_is_printed_or_said_to_be_left_out(chromium: Browser, tmp_path: Path) -> None:
    script = display.View(title="", blocks=(display.Code(text="CREATE TABLE folded ()", caption="SQL", folded=True),))
    history = display.Graph(nodes=(display.Node(id="a1", label="picture", state="current"),))
    cells = [
        v4.new_markdown_cell("# Where is it?\n\n*Reads*: what it is for", metadata={"tags": ["title"]}),
        v4.new_code_cell(
            "code_that_ran()",
            execution_count=1,
            outputs=[v4.new_output("display_data", data=display.mimebundle(script))],
        ),
        v4.new_code_cell(
            "", execution_count=2, outputs=[v4.new_output("display_data", data=history._repr_mimebundle_())]
        ),
        v4.new_code_cell("code_that_never_ran()"),
    ]
    write(v4.new_notebook(cells=cells), tmp_path / "notebook.ipynb")
    report.write(tmp_path / "notebook.ipynb", tmp_path / "report.html", title="a run")

    with opened(chromium, tmp_path / "report.html") as page:
        assert page.get_by_text("CREATE TABLE folded ()").is_hidden()
        assert page.get_by_text("Not printed:").is_hidden()
        assert unprinted(page, tmp_path / "report.pdf") == set()

    on_paper = words_on(tmp_path / "report.pdf")
    for words in ("CREATE TABLE folded ()", "what it is for", "code, not run", "code_that_never_ran()"):
        assert unparted(words) in on_paper
    assert "code_that_ran" not in on_paper
    said = "Not printed: the code of the cells that ran and each picture as text. The file of this report has them."
    assert unparted(said) in on_paper
