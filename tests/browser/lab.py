"""JupyterLab as `ops lab` starts it, and its pages as a person has them before the eyes."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Browser, FrameLocator, Locator, Page

SECONDS = 480
"""How long anything is waited for: the machine may be busy with the other tests."""

POLLING_MS = 100
"""How often the page is asked meanwhile. At each of its frames, as is usual, Chromium has a third more to do."""

MOST = 16_000
"""Pixels of the highest picture: what is longer, Chromium draws no more."""

IDLE = """() => {
  const widget = window.jupyterapp?.shell.currentWidget;
  return widget?.context?.path === PATH && widget.sessionContext?.session?.kernel?.status === 'idle';
}"""


FOCUS = """() => {
  const one = document.activeElement;
  if (!one.closest('.ops-panel')) return '';
  const words = one.ariaLabel || one.labels?.[0]?.innerText || (one.matches('button, summary, a') ? one.innerText : '');
  return (words || one.className.match(/ops-\\w+/)?.[0] || one.localName).trim();
}"""

STOPS = 60
"""Presses of Tab after which what is looked for must have come."""


class Lab:
    """One JupyterLab. Its token is read from the file that it writes for its user alone, and never passed on."""

    def __init__(self, home: Path, environment: Mapping[str, str]) -> None:
        self.home = home
        self.environment = environment
        self._log = home / "lab.log"
        arguments = ["--no-browser", f"--port={_free_port()}", "--LabApp.expose_app_in_browser=True"]
        with open(self._log, "wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "ops", "lab", "--", *arguments],
                env={**environment, "OPS_HOME": str(home)},
                cwd=home,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        file = home / ".ops" / "jupyter" / "runtime" / f"jpserver-{self._process.pid}.json"
        try:
            until(lambda: file.is_file() or self._process.poll() is not None)
            assert file.is_file(), self._log.read_text()
            self._about = json.loads(file.read_text())
            until(self._answers)
        except BaseException:
            self.stop()
            raise

    def path(self, notebook: str) -> str:
        """Return the path of a notebook's copy, as the server calls it."""
        (folder,) = (self.home / "runs" / "lab").iterdir()
        return f"lab/{folder.name}/{notebook}"

    def address(self, path: str) -> str:
        """Return where a notebook is opened, in a workspace of its own."""
        return f"{self._about['url']}lab/workspaces/{os.urandom(6).hex()}/tree/{path}?token={self._about['token']}"

    def stop(self) -> None:
        """End it, and its kernels with it."""
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def kill_kernel(self, notebook: str) -> None:
        """Kill the kernel of a notebook, as the system does that has no memory left."""
        for folder in Path("/proc").iterdir():
            try:
                environment = (folder / "environ").read_bytes().split(b"\0")
                command = (folder / "cmdline").read_bytes()
            except (OSError, ValueError):
                continue
            ours = f"JPY_PARENT_PID={self._process.pid}".encode() in environment
            session = next((one for one in environment if one.startswith(b"JPY_SESSION_NAME=")), b"")
            if ours and b"ipykernel_launcher" in command and notebook.encode() in session:
                os.kill(int(folder.name), signal.SIGKILL)

    def _answers(self) -> bool:
        with socket.socket() as caller:
            return caller.connect_ex(("127.0.0.1", self._about["port"])) == 0


class Sheet:
    """One notebook in one page of the browser, and what went wrong in that page."""

    def __init__(self, page: Page, path: str) -> None:
        self.page = page
        self.path = path
        self.errors: list[str] = []
        page.set_default_timeout(SECONDS * 1000)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("dialog", self._dialog)

    def open(self, lab: Lab) -> Sheet:
        """Open it, and wait until its kernel is there."""
        self.path = lab.path(self.path)
        self.page.goto(lab.address(self.path))
        self.wait()
        return self

    def wait(self) -> None:
        """Wait until the kernel has nothing to do."""
        self.page.wait_for_function(IDLE.replace("PATH", json.dumps(self.path)), polling=POLLING_MS)

    def run_all(self) -> None:
        """Run every cell, as the menu does, and wait for the last."""
        self.page.evaluate("async () => { await jupyterapp.commands.execute('notebook:run-all-cells') }")
        self.wait()

    def start_all(self) -> None:
        """Start every cell, as the menu does."""
        self.page.evaluate("() => { jupyterapp.commands.execute('notebook:run-all-cells') }")

    def set_source(self, old: str, new: str) -> None:
        """Change the text of a cell, as somebody does who types."""
        self.page.evaluate(
            """([old, fresh]) => {
              for (const cell of jupyterapp.shell.currentWidget.content.model.cells) {
                const source = cell.sharedModel.getSource();
                if (source.includes(old)) cell.sharedModel.setSource(source.replace(old, fresh));
              }
            }""",
            [old, new],
        )

    def theme(self, name: str) -> None:
        """Change the theme, and wait until it is there."""
        self.page.evaluate(
            "async (theme) => { await jupyterapp.commands.execute('apputils:change-theme', {theme}) }", name
        )
        self.page.wait_for_selector(f'body[data-jp-theme-name="{name}"]', state="attached")

    @property
    def outputs(self) -> Locator:
        """What the cells show."""
        return self.page.locator(".jp-OutputArea-output")

    @property
    def banner(self) -> str:
        """What the first cell shows, in sight or not: the verdict, and what it is of."""
        return self.outputs.first.text_content() or ""

    def picture(self, path: Path) -> None:
        """Write a screenshot of the whole notebook, however long it is."""
        size = self.page.viewport_size
        sheet = self.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-WindowedPanel-outer")
        for _ in range(3):  # cells that were out of sight are drawn now, and are higher than was thought
            height = int(sheet.evaluate("(one) => one.scrollHeight")) + 200
            self.page.set_viewport_size({"width": size["width"], "height": min(height, MOST)})
            sheet.evaluate("(one) => one.scrollTo(0, 0)")
            self.page.wait_for_timeout(1_000)
        sheet.screenshot(path=path)
        self.page.set_viewport_size(size)

    def _dialog(self, dialog: Any) -> None:
        self.errors.append(f"a dialog: {dialog.message}")
        dialog.dismiss()


class Desk:
    """The control panel in a page."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.box = page.locator(".ops-panel")
        self.box.wait_for()
        self.box.scroll_into_view_if_needed()  # a cell that is out of sight has no text
        self.wait_for("Inspect")

    @property
    def text(self) -> str:
        """All that it says."""
        return self.box.inner_text()

    @property
    def result(self) -> str:
        """What it says of the run that has ended last."""
        return self.box.locator(".ops-result").inner_text()

    @property
    def report(self) -> FrameLocator:
        """The report of that run."""
        return self.box.frame_locator(".ops-result iframe")

    def button(self, name: str) -> Locator:
        """Return a button by its name."""
        return self.box.get_by_role("button", name=name, exact=True)

    def press(self, name: str) -> None:
        """Click a button, and wait until what it started has ended."""
        self.button(name).click()
        self.wait_for_end()

    @property
    def focus(self) -> str:
        """What has the focus, by its label or its words; where it is outside of the panel, nothing."""
        return self.page.evaluate(FOCUS)

    def wait_for_focus(self, name: str) -> None:
        """Wait until something has the focus."""
        self.page.wait_for_function(f"(name) => ({FOCUS})() === name", arg=name, polling=POLLING_MS)

    def tab_to(self, name: str, *, back: bool = False) -> None:
        """Press Tab, or Shift and Tab, until something has the focus."""
        for _ in range(STOPS):
            if self.focus == name:
                return
            self.page.keyboard.press("Shift+Tab" if back else "Tab")
        raise AssertionError(f"{name} is not among the next {STOPS} stops; this is: {self.focus}")

    def wait_for_end(self) -> None:
        """Wait until a run has begun, and has ended."""
        self.wait_for("Cancel")
        self.wait_for("Look again")

    def wait_for(self, name: str) -> None:
        """Wait until a button can be pressed."""
        self.page.wait_for_function(
            """(name) => [...document.querySelectorAll('.ops-panel button')].some(
              (button) => button.innerText.trim() === name && !button.disabled)""",
            arg=name,
            polling=POLLING_MS,
        )

    def type_name(self, name: str) -> None:
        """Type what is asked for as the name of the database."""
        self.box.get_by_label("Database").fill(name)

    def choose(self, label: str, value: str) -> None:
        """Choose from a list."""
        self.box.get_by_label(label, exact=True).select_option(value)

    def aim(self, target: str) -> None:
        """Choose a target, and wait until its state is there."""
        self.choose("Target", target)
        self.wait_for_words(f"{target}: at ")
        self.wait_for("Look again")

    def plan(self, revision: str) -> None:
        """Choose a revision by the beginning of its line, and have it planned."""
        box = self.box.get_by_label("Revision", exact=True)
        lines = [one.replace("\xa0", " ") for one in box.locator("option").all_inner_texts()]
        box.select_option(index=next(number for number, one in enumerate(lines) if one.startswith(revision)))
        self.wait_for_words("going there is" if revision != "base" else "base is below")
        self.press("Plan")

    def wait_for_words(self, words: str) -> None:
        """Wait until it says something."""
        self.page.wait_for_function(
            "(words) => document.querySelector('.ops-panel')?.innerText.includes(words)",
            arg=words,
            polling=POLLING_MS,
        )

    def picture(self, path: Path) -> None:
        """Write a screenshot of the whole panel, however long it is."""
        size = self.page.viewport_size
        height = int(self.box.evaluate("(one) => one.scrollHeight")) + 260
        self.page.set_viewport_size({"width": size["width"], "height": height})
        self.box.scroll_into_view_if_needed()
        self.box.screenshot(path=path)
        self.page.set_viewport_size(size)


def until(true: Callable[[], object], *, seconds: float = SECONDS) -> None:
    """Wait for something that another process does."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)


@contextmanager
def page_of(browser: Browser, **how: Any) -> Iterator[Page]:
    """Return a page in a profile of its own."""
    context = browser.new_context(**how)
    try:
        yield context.new_page()
    finally:
        context.close()


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]
