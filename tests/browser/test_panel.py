"""The control panel in JupyterLab, as a person uses it: opened, read, clicked, stopped, and looked at by axe-core."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ops import embedded
from ops.runbook.catalogue import catalogue
from tests.browser.home import furnish, name_of
from tests.browser.lab import Desk, Lab, Sheet, page_of
from tests.browser.looking import violations

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.timeout(900)

START = "00-start-here.ipynb"
INITIAL = "54be4477c094"
WIDE = {"width": 1280, "height": 1000}


DARK = """() => Math.max(...getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)) < 64"""
"""Whether what stands on a page stands on a dark ground."""


@pytest.fixture(scope="module")
def lab(server: embedded.Server, home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """JupyterLab, in a home of its own, on the servers of this session."""
    own = tmp_path_factory.mktemp("lab")
    dropped = ("JUPYTER", "IPYTHON", "JPY_", "OPS_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    with ExitStack() as stack:
        urls = furnish(own, server, stack)
        running = Lab(own, {**kept, **urls, "HOME": str(own / "user"), "OPS_EMBEDDED_DIR": str(home / ".ops")})
        stack.callback(running.stop)
        yield running


def test_from_looking_to_the_upgrade(lab: Lab, chromium: Browser, pictures: Path) -> None:
    # Not told what colours to prefer: told, Chromium would not let a frame differ from the page.
    with page_of(chromium, viewport=WIDE, color_scheme="null") as page:
        sheet = Sheet(page, START).open(lab)
        sheet.run_all()
        desk = Desk(page)
        assert "at base" in desk.text
        assert "protected" in desk.text
        assert desk.button("Upgrade").is_disabled()
        assert "Upgrade: Make the plan of this first, and read it." in desk.text

        desk.button("Inspect").focus()
        for key in ("m", "d", "d", "ArrowDown"):  # to JupyterLab: make the cell Markdown, delete it, go to the next one
            page.keyboard.press(key)
        page.keyboard.press("Enter")
        desk.wait_for_focus("ops-work")
        desk.wait_for_end()
        desk.wait_for_focus("Inspect")

        assert desk.result.startswith("OK")
        assert "Where is this database?" in desk.report.locator("body").inner_text()

        desk.press("Plan")

        assert "plan-" in desk.text
        name = name_of(lab.environment["DATABASE_URL"])
        assert f"Type the name of the database, {name}, to say that you mean it." in desk.text
        desk.type_name("default")
        assert desk.button("Upgrade").is_disabled()
        desk.type_name(name)
        desk.wait_for("Upgrade")

        desk.button("Upgrade").dblclick()  # the second click starts nothing
        desk.wait_for_end()

        assert desk.result.startswith("OK")
        assert f"The database is at {INITIAL} already." in desk.text
        assert "nothing pending" in desk.text
        records = list(lab.home.glob("runs/default/*/*-40-upgrade-*/result.json"))
        assert [json.loads(one.read_text())["verdict"] for one in records] == ["OK"]

        for theme, colours in (("JupyterLab Light", "light"), ("JupyterLab Dark", "dark")):
            sheet.theme(theme)
            desk.picture(pictures / f"panel-{colours}.png")
            assert violations(page, ".ops-panel") == []
            # No axe-core in it, as no script runs there: `test_reports.py` has the same page in both colours.
            assert desk.report.locator("body").evaluate(DARK) == (colours == "dark"), "a report has the theme's colours"
        assert sheet.errors == []
    print(f"screenshots: {pictures}")


@pytest.mark.heavy
def test_a_slow_change_is_watched_stopped_and_undone(lab: Lab, chromium: Browser, pictures: Path) -> None:
    with page_of(chromium, viewport=WIDE) as page:
        sheet = Sheet(page, START).open(lab)
        sheet.run_all()
        desk = Desk(page)
        desk.aim("slow")
        desk.plan("b20000000002")
        desk.type_name(name_of(lab.environment["SLOW_DATABASE_URL"]))

        desk.button("Upgrade").click()
        desk.wait_for_words("revision 2 of 2, b20000000002")
        desk.wait_for_words("The server is at work for")
        assert "Read before Upgrade began" in desk.text
        assert re.search(r"at work now\s+not known by now", desk.text)
        desk.picture(pictures / "panel-at-work.png")
        desk.button("Cancel").click()
        desk.wait_for("Look again")

        assert desk.result.startswith("UNKNOWN")
        assert "the running statement was cancelled. The database is at b20000000001" in desk.result
        assert "slow: at b20000000001" in desk.text  # the first stays, the second was rolled back

        desk.plan("base")

        desk.type_name("slow")
        assert desk.button("Downgrade").is_disabled()
        name = name_of(lab.environment["SLOW_DATABASE_URL"])
        assert f"Type the name of the database, {name}, to say that you mean it." in desk.text
        desk.type_name(name)
        desk.press("Downgrade")

        assert desk.result.startswith("OK")
        assert "slow: at base" in desk.text
        assert "Next: Verify" in desk.text
        endings = {
            one.parent.name.rpartition("-")[0].partition("-")[2]: json.loads(one.read_text())["verdict"]
            for one in lab.home.glob("runs/slow/*/*/result.json")
        }
        assert (endings["40-upgrade"], endings["42-downgrade"]) == ("UNKNOWN", "OK")
        assert sheet.errors == []


@pytest.mark.heavy
def test_with_the_keyboard_alone(lab: Lab, chromium: Browser) -> None:
    with page_of(chromium, viewport=WIDE) as page:
        sheet = Sheet(page, START).open(lab)
        press = page.keyboard.press
        for _ in range(6):  # the sixth cell has the panel
            press("Shift+Enter")
        desk = Desk(page)
        press("ArrowUp")

        desk.tab_to("Target")
        page.keyboard.type("keys")
        desk.wait_for_words("keys: at base")
        desk.wait_for_focus("Target")

        desk.tab_to("Inspect")
        press("Enter")
        desk.wait_for_focus("ops-work")
        desk.wait_for_end()
        desk.wait_for_focus("Inspect")

        desk.tab_to("Revision")
        press("ArrowDown")
        desk.wait_for_words("b20000000002_sleep.py")
        assert desk.focus == "Revision"
        desk.tab_to("SQL of its upgrade")
        press("Space")
        desk.wait_for_words("pg_sleep")
        assert desk.focus == "SQL of its upgrade"

        desk.tab_to("Plan")
        press("Space")
        desk.wait_for_end()
        desk.wait_for_focus("Plan")
        (name,) = re.findall("Type the name of the database, (.+), to say", desk.text)
        desk.tab_to("Database")
        page.keyboard.type(name)
        desk.wait_for("Upgrade")
        assert desk.focus == "Database"

        desk.tab_to("Upgrade")
        press("Enter")
        desk.wait_for_words("revision 2 of 2, b20000000002")
        assert desk.focus == "ops-work"
        press("Enter")  # one that is held down stops nothing
        press("Tab")
        assert desk.focus == "Cancel"
        press("Enter")
        desk.wait_for("Look again")
        desk.wait_for_focus("ops-result")

        assert desk.result.startswith("UNKNOWN")
        assert "keys: at b20000000001" in desk.text
        desk.tab_to("Report of")
        press("ArrowDown")
        desk.box.locator("iframe").nth(1).wait_for()
        assert desk.focus == "Report of"
        desk.tab_to("Target", back=True)
        press("Shift+Tab")
        assert desk.focus == ""  # out of the panel as into it
        assert sheet.errors == []


@pytest.mark.heavy
def test_a_kernel_that_dies_leaves_no_verdict_and_the_panel_tells_what_is_open(lab: Lab, chromium: Browser) -> None:
    with page_of(chromium, viewport=WIDE) as page:
        sheet = Sheet(page, "40-upgrade.ipynb").open(lab)
        sheet.set_source('target: str = "default"', 'target: str = "dying"')
        sheet.set_source("dry_run: bool = True", "dry_run: bool = False")
        sheet.start_all()
        page.get_by_text("b20000000002  upgrade …").wait_for()

        lab.kill_kernel("40-upgrade")

        assert sheet.banner.startswith("UNKNOWN")
        page.get_by_text("Kernel Restarting").wait_for()  # Jupyter's own message

    with page_of(chromium, viewport=WIDE) as page:
        sheet = Sheet(page, START).open(lab)
        sheet.set_source('target: str = "default"', 'target: str = "dying"')
        sheet.run_all()
        assert "never reported its end" in Desk(page).text
        assert "dying: at b20000000001" in Desk(page).text


BEYOND = """() => {
  const panel = document.querySelector('.ops-panel'), edge = panel.getBoundingClientRect();
  const parts = [panel, ...panel.querySelectorAll('button, select, input, iframe, .widget-html')];
  return parts.filter((one) => one.getBoundingClientRect().right > edge.right + 1 || one === panel
    && one.scrollWidth > one.clientWidth + 1).map((one) => one.outerHTML.slice(0, 200));
}"""
"""What of the panel is beyond its right edge, and cannot be reached without scrolling all of it."""


@pytest.mark.heavy
def test_a_narrow_window_with_a_thousand_revisions(lab: Lab, chromium: Browser, pictures: Path) -> None:
    with page_of(chromium, viewport={"width": 400, "height": 800}) as page:
        sheet = Sheet(page, START).open(lab)
        page.evaluate("() => jupyterapp.commands.execute('application:toggle-left-area')")  # the list of files
        sheet.run_all()
        desk = Desk(page)
        desk.aim("many")
        assert "1,000 revisions" in desk.text
        for theme in ("JupyterLab Light", "JupyterLab Dark"):
            sheet.theme(theme)
            desk.picture(pictures / f"panel-narrow-{theme[11:].lower()}.png")
            assert page.evaluate(BEYOND) == []
            assert page.evaluate("() => document.documentElement.scrollWidth") == 400
        assert desk.box.locator("*").count() < 2_500  # the picture is cut, the list has a line for each

        desk.box.get_by_label("Find", exact=True).fill("r00417")
        choices = desk.box.get_by_label("Revision", exact=True)
        page.wait_for_function(
            "() => [...document.querySelectorAll('.ops-panel select')].some((one) => one.options.length === 3"
            " && one.options[1].text.startsWith('r01000') && one.options[2].text.startsWith('r00417'))"
        )
        choices.select_option(index=2)
        desk.wait_for_words("r00417.py")

        assert page.evaluate(BEYOND) == []
        assert "r00417" in desk.box.get_by_role("region", name="history").inner_text()
        assert page.title() != "planted" and sheet.errors == []


@pytest.mark.heavy
def test_a_thousand_revisions_in_branches(lab: Lab, chromium: Browser, pictures: Path) -> None:
    with page_of(chromium, viewport={"width": 400, "height": 800}) as page:
        sheet = Sheet(page, START).open(lab)
        page.evaluate("() => jupyterapp.commands.execute('application:toggle-left-area')")
        sheet.run_all()
        desk = Desk(page)
        desk.aim("braid")
        history = desk.box.get_by_role("region", name="history")
        for chosen in ("r01000", "r00500", "r00062"):  # one of the heads, one within a branch, a merge
            desk.box.get_by_label("Find", exact=True).fill(chosen)
            choice = desk.box.get_by_label("Revision", exact=True).locator("option", has_text=chosen)
            choice.wait_for(state="attached")
            desk.box.get_by_label("Revision", exact=True).select_option(value=choice.get_attribute("value"))
            desk.wait_for_words(f"{chosen}.py")

            assert "◀ chosen" in history.locator("tr", has_text=f"{chosen}").filter(has_text="chosen").inner_text()
            lanes = history.locator("img").bounding_box()
            assert lanes["width"] <= 160, "so many lanes that the words beside them are out of sight"
            assert page.evaluate(BEYOND) == []
            assert page.evaluate("() => document.documentElement.scrollWidth") == 400
        desk.picture(pictures / "panel-branches.png")
        assert sheet.errors == []


VERDICTS = {"24-new-revision": "FAILED", "44-stamp": "FAILED", "42-downgrade": "FAILED OK"}
"""Of notebooks as they are: those that want a message or a revision first, or, at base, something to undo."""


@pytest.mark.heavy
@pytest.mark.parametrize("name", [one.name for one in catalogue().notebooks])
def test_every_notebook_opens_and_runs(name: str, lab: Lab, chromium: Browser, pictures: Path) -> None:
    expected = "OK" if name.startswith("walkthroughs/") else VERDICTS.get(name, "OK ATTENTION")
    with page_of(chromium, viewport=WIDE) as page:
        sheet = Sheet(page, f"{name}.ipynb").open(lab)

        sheet.run_all()

        sheet.picture(pictures / f"lab-{name.replace('/', '-')}.png")
        assert sheet.banner.split()[0] in expected.split()
        assert sheet.errors == []
