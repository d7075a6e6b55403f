"""The control panel at work: its buttons start real runs, follow them, and stop them."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import ops
from ops import embedded
from ops.panel.app import Panel
from ops.runbook.catalogue import catalogue
from tests.conftest import CHECKOUT

SECONDS = 300


@pytest.fixture(scope="module")
def desk_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home of its own, whose sandbox nobody has touched."""
    folder = tmp_path_factory.mktemp("panel")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPS_HOME", str(folder))
        for name in ("DATABASE_URL", "OPS_EMBEDDED_DIR", "OPS_NOTEBOOKS", "JPY_SESSION_NAME"):
            patch.delenv(name, raising=False)
        yield folder


@pytest.fixture(scope="module")
def panel(desk_home: Path) -> Panel:
    """The panel of that sandbox."""
    return Panel(ops.target("sandbox").status(), catalogue().notebooks)


@pytest.fixture
def deaf() -> Iterator[None]:
    """What a kernel is between cells, and what every process is that it starts then: deaf to SIGINT."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    yield
    signal.signal(signal.SIGINT, before)


def until(true: Callable[[], bool]) -> None:
    """Wait for something that a thread does."""
    deadline = time.monotonic() + SECONDS
    while not true():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)


def idle(panel: Panel) -> bool:
    """Whether nothing runs."""
    return panel.controls.cancel.disabled and not panel.controls.refresh.disabled


def press(panel: Panel, action: str) -> None:
    """Click, and wait until what was started has ended."""
    assert not panel.controls.buttons[action].disabled, panel.controls.why.value
    panel.controls.buttons[action].click()
    assert panel.controls.buttons[action].disabled
    until(lambda: not panel.controls.cancel.disabled)
    until(lambda: idle(panel))


@pytest.mark.timeout(900)
def test_from_the_plan_to_the_upgrade(panel: Panel, desk_home: Path) -> None:
    assert panel.controls.buttons["Upgrade"].disabled
    assert "Make the plan of this first" in panel.controls.why.value

    press(panel, "Plan")

    assert "plan-" in panel.controls.planned.value, panel.controls.result.value[:2000] + panel.controls.log.value
    assert "<iframe" in panel.controls.result.value
    assert panel.controls.buttons["Upgrade"].disabled
    panel.controls.typed.value = "sandbox"
    assert not panel.controls.buttons["Upgrade"].disabled

    panel.controls.buttons["Upgrade"].click()
    panel.controls.buttons["Upgrade"].click()  # a second click starts nothing
    until(lambda: idle(panel) and bool(panel.controls.result.value))

    assert "done in" in panel.controls.log.value  # the revision's own progress, not only the cells'
    assert "nothing pending" in panel.controls.state.value
    assert panel.controls.typed.value == ""
    assert panel.controls.revision.value == "54be4477c094"
    assert "The database is at 54be4477c094 already." in panel.controls.why.value
    assert len(list(desk_home.glob("runs/sandbox/*/*-40-upgrade-*/result.json"))) == 1
    assert "40-upgrade" in panel.controls.past.value
    assert ops.target("sandbox").status().pending == ()


def test_cancel_stops_what_runs(panel: Panel, deaf: None) -> None:
    panel.controls.buttons["Compare"].click()
    until(lambda: "12-compare-schema:" in panel.controls.log.value)

    panel.controls.cancel.click()
    until(lambda: idle(panel))

    assert "interrupted" in panel.controls.result.value.lower()
    assert "UNKNOWN" in panel.controls.past.value


def test_what_cannot_be_read_again_is_said_to_be_of_before(panel: Panel, desk_home: Path) -> None:
    section = f"[ops:target:there]\nconfig = {CHECKOUT / 'alembic.ini'}\nprotected = false\nurl = "
    (desk_home / "ops.ini").write_text(section + embedded.server(desk_home).url("sandbox"))
    found = Panel(ops.target("there").status(), catalogue().notebooks)
    assert "UNKNOWN" not in found.controls.state.value
    (desk_home / "ops.ini").write_text(f"{section}postgresql:///gone?host={desk_home}")

    found.controls.refresh.click()
    until(lambda: idle(found))

    assert "it could not be read again" in found.controls.state.value
    assert "UNKNOWN" in found.controls.state.value
    assert "The database was not changed" in found.controls.result.value


def test_where_no_person_looks_it_is_a_table(panel: Panel) -> None:
    found = ops.control_panel(panel._status)._repr_mimebundle_()

    assert set(found) == {"text/html", "text/plain"}
    assert "ops run 20-plan" in found["text/plain"]
    assert "VBox" not in found["text/plain"]
    assert "application/vnd.jupyter.widget-view+json" in panel._repr_mimebundle_()
    assert panel._repr_mimebundle_()["text/plain"] == found["text/plain"]
