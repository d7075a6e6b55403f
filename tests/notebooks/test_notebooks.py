"""Every notebook, run headlessly on a real sandbox: what it came to, what it wrote, what it shows."""

from __future__ import annotations

import json
import re
from datetime import datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest

from ops import dumps
from ops.errors import OpsError
from ops.runbook import catalogue
from tests.notebooks import story as telling
from tests.notebooks.story import INITIAL, MESSAGE, SHOWN, STEPS, Ran, each
from tests.notebooks.test_demo import STEPS as DEMONSTRATED

story = telling.story
Story = dict[str, Ran]
pytestmark = pytest.mark.timeout(1200)  # whichever test comes first runs the whole story

RESULT = {
    "schema", "notebook", "target", "database", "server_version", "parameters", "started", "finished", "verdict",
    "exit_code", "summary", "data", "artifacts", "error",
}  # fmt: skip
VERDICT = {0: "OK", 3: "ATTENTION"}
LEARNING = "walkthroughs/"

CHANGED = {"from", "to", "dry_run", "applied", "fingerprint", "current"}
DATA = {
    "10-inspect": {"current", "heads", "pending", "unknown", "history"},
    "12-compare-schema": {"changes", "fingerprints"},
    "14-check-health": {"blockers", "sessions", "replicas", "invalid_indexes", "relations"},
    "50-verify": {"changes", "fingerprints"},
    "30-rehearse": {"fingerprint", "revisions"},
    "46-backup": {"file", "format", "bytes", "sha256", "verified"},
    "24-new-revision": {"revision", "file", "upgrade_sql", "downgrade_sql", "written"},
    "40-upgrade": CHANGED,
    "42-downgrade": CHANGED,
    "44-stamp": CHANGED,
}
CHANGE = {"action", "kind", "object", "cause", "blame", "details"}
REVISION = {"revision", "down_revisions", "message", "state"}

BASE: list[str] = []
# fmt: off
WAYS = {  #              from       to                 revisions that ran
    "upgrade, dry":      (BASE,      [INITIAL],         []),
    "upgrade":           (BASE,      [INITIAL],         [INITIAL]),
    "upgrade again":     ([INITIAL], ["the draft"],     ["the draft"]),
    "downgrade":         (["the draft"], [INITIAL],     ["the draft"]),
    "stamp":             ([INITIAL], ["the draft"],     []),
}
# fmt: on


def test_every_notebook_is_in_the_story() -> None:
    """Of the walkthroughs, one; the others run in `test_walkthroughs.py`."""
    told = {step.notebook for step in STEPS.values()}

    assert {one.name for one in catalogue.catalogue().notebooks if not one.name.startswith(LEARNING)} <= told
    assert sum(name.startswith(LEARNING) for name in told) == 1


def test_what_the_quick_story_leaves_out_the_demonstration_goes_through() -> None:
    told = {step.notebook for step in STEPS.values()}
    quick = {step.notebook for step in STEPS.values() if not step.variation}

    assert told - quick <= {notebook for notebook, _ in DEMONSTRATED}


@pytest.mark.parametrize("name", each())
def test_the_record_is_complete_and_true(name: str, story: Story) -> None:
    ran = story[name]
    content = ran.content

    assert set(content) == RESULT
    assert (content["schema"], content["notebook"]) == ("ops.result/1", ran.step.notebook)
    assert (content["exit_code"], content["verdict"]) == (ran.step.exit_code, VERDICT[ran.step.exit_code])
    assert content["error"] is None
    assert datetime.fromisoformat(content["started"]) < datetime.fromisoformat(content["finished"])
    declared = {one.name: one.default for one in catalogue.find(ran.step.notebook).parameters}
    assert {**declared, **ran.step.parameters, **content["parameters"]} == content["parameters"]
    if content["target"] is not None:
        assert (content["target"], content["database"]) == ("sandbox", "sandbox")
        assert re.match(r"\d+", content["server_version"])
    assert {"notebook.ipynb", "report.html"} <= set(content["artifacts"])
    assert all((ran.folder / one).is_file() for one in content["artifacts"])
    assert content["summary"] and "\n" not in content["summary"]


@pytest.mark.parametrize("name", each())
def test_the_data_has_what_the_contract_says(name: str, story: Story) -> None:
    data = story[name].data

    assert DATA.get(story[name].step.notebook, set()) <= set(data)
    assert all(set(one) >= CHANGE for one in data.get("changes", ()))
    assert all(set(one) >= REVISION for one in data.get("history", ()))


@pytest.mark.parametrize("name", each())
def test_every_cell_ran_and_none_complained(name: str, story: Story) -> None:
    cells = [cell for cell in story[name].notebook.cells if cell.cell_type == "code"]

    assert all(cell.execution_count for cell in cells)
    outputs = [output for cell in cells for output in cell.outputs]
    assert [one for one in outputs if one.output_type == "error"] == []
    assert [one.text for one in outputs if one.output_type == "stream" and one.name == "stderr"] == []


@pytest.mark.parametrize("name", each())
def test_the_banner_shows_the_verdict_at_the_top(name: str, story: Story) -> None:
    [banner] = [cell for cell in story[name].notebook.cells if "banner" in cell.metadata.tags]

    assert story[name].content["verdict"] in banner.outputs[0].data["text/plain"]
    assert story[name].content["verdict"] in banner.outputs[0].data["text/html"]


@pytest.mark.parametrize("name", each())
def test_whoever_does_not_trust_it_sees_tables_and_text(name: str, story: Story) -> None:
    kinds = story[name].kinds

    assert kinds and [one for one in kinds if "text/plain" not in one or not one <= SHOWN] == []


@pytest.mark.parametrize("name", each())
def test_the_report_opens_without_a_network(name: str, story: Story) -> None:
    page = Page(story[name].report)

    assert page.fetched == []
    assert "script" not in page.tags and "h1" in page.tags
    assert story[name].content["verdict"] in page.title


@pytest.mark.parametrize("name", each(*WAYS))
def test_a_change_says_from_where_to_where_and_which_revisions_ran(name: str, story: Story) -> None:
    start, end, applied = WAYS[name]
    named = {"the draft": story["draft"].data["revision"]}
    data = story[name].data

    assert data["from"] == [named.get(one, one) for one in start]
    assert data["to"] == [named.get(one, one) for one in end]
    assert [one["revision"] for one in data["applied"]] == [named.get(one, one) for one in applied]
    assert data["current"] == (data["from"] if data["dry_run"] else data["to"])
    assert {one["direction"] for one in data["applied"]} <= {"down" if name == "downgrade" else "up"}
    assert re.fullmatch(r"plan-[0-9a-f]{16}", data["fingerprint"])


@pytest.mark.heavy
def test_a_dry_run_and_the_run_after_it_have_the_same_fingerprint(story: Story) -> None:
    assert story["upgrade, dry"].data["fingerprint"] == story["upgrade"].data["fingerprint"]


def test_a_rehearsal_has_the_fingerprint_of_the_plan_and_says_what_came_of_each_revision(story: Story) -> None:
    rehearsed = story["rehearse"]
    (revision,) = rehearsed.data["revisions"]

    assert rehearsed.data["fingerprint"] == story["plan"].data["fingerprint"]
    assert {name: revision[name] for name in ("revision", "up", "down", "restored", "up_again", "lost", "error")} == {
        "revision": INITIAL, "up": True, "down": True, "restored": True, "up_again": True, "lost": [], "error": None,
    }  # fmt: skip
    assert json.loads((rehearsed.folder / "rehearsal.json").read_text(encoding="utf-8")) == rehearsed.data


def test_a_plan_has_the_fingerprint_of_its_upgrade_and_leaves_its_files(story: Story) -> None:
    planned = story["plan"]

    assert planned.data["fingerprint"] == story["upgrade"].data["fingerprint"]
    assert (planned.content["verdict"], planned.data["unknown"], planned.data["to"]) == ("OK", [], [INITIAL])
    assert {"plan.sql", "plan.json"} <= set(planned.content["artifacts"])
    assert json.loads((planned.folder / "plan.json").read_text(encoding="utf-8")) == planned.data
    script = (planned.folder / "plan.sql").read_text(encoding="utf-8")
    assert all(one["sql"] in script for one in planned.data["statements"])


def test_a_backup_lies_where_its_record_says(story: Story) -> None:
    made = story["backup"]
    folder = made.folder.parents[3] / made.data["file"]

    assert dumps.check(dumps.find(folder), sha256=made.data["sha256"]).bytes == made.data["bytes"]
    assert {"backup-manifest.json", "backup-contents.txt"} <= set(made.content["artifacts"])
    assert len(made.data["checked"]) == 3


def test_inspecting_says_what_is_pending(story: Story) -> None:
    before = story["inspect"].data

    assert (before["current"], before["pending"], before["unknown"]) == ([], [INITIAL], [])
    assert [one["state"] for one in before["history"]] == ["pending"]


@pytest.mark.heavy
def test_inspecting_says_what_is_applied(story: Story) -> None:
    after = story["inspect again"].data

    draft = story["draft"].data["revision"]
    assert (after["current"], after["heads"], after["pending"]) == ([draft], [draft], [])
    assert {one["revision"]: one["down_revisions"] for one in after["history"]} == {draft: [INITIAL], INITIAL: []}


@pytest.mark.parametrize("name", each("inspect", "inspect again"))
def test_the_history_is_a_picture_wherever_it_is_read(name: str, story: Story) -> None:
    revisions = [one["revision"] for one in story[name].data["history"]]

    [graph] = story[name].outputs("graph")
    assert {"image/svg+xml", "text/vnd.mermaid", "text/plain"} <= set(graph.data)
    for kind in ("image/svg+xml", "text/vnd.mermaid", "text/plain"):
        assert all(one in graph.data[kind] for one in revisions), kind
    page = Page(story[name].report)
    assert page.tags.count("svg") == 1
    assert all(one in page.text_of_pictures for one in revisions)


@pytest.mark.heavy
def test_where_nothing_differs_nothing_is_told(story: Story) -> None:
    assert story["verify"].data["changes"] == story["compare"].data["changes"] == []


@pytest.mark.heavy
def test_a_difference_is_told_with_its_object(story: Story) -> None:
    changes = story["compare, edited"].data["changes"]
    assert [(one["action"], one["kind"]) for one in changes] == [("added", "column")]
    assert changes[0]["object"].endswith("users.email")


@pytest.mark.heavy
def test_a_draft_is_shown_first_and_written_on_request(story: Story) -> None:
    dry, draft = story["draft, dry"].data, story["draft"].data

    assert (dry["written"], draft["written"]) == (False, True)
    for data in (dry, draft):
        assert "ADD COLUMN email" in data["upgrade_sql"] and "DROP COLUMN email" in data["downgrade_sql"]
    versions = [one.name for one in (story["draft"].folder.parents[3] / "alembic" / "versions").glob("*.py")]
    assert len(versions) == 2, "the dry run wrote nothing, and the draft one file"


def test_a_message_in_any_language_survives_a_plain_c_locale(story: Story) -> None:
    """`draft` ran under LANG=C and LC_ALL=C."""
    draft = story["draft"]
    versions = draft.folder.parents[3] / "alembic" / "versions"

    [file] = versions.glob(f"{draft.data['revision']}_*.py")
    assert re.search(r"cột_email", file.name), file.name
    assert MESSAGE in file.read_text(encoding="utf-8")
    assert MESSAGE in str(draft.notebook.cells) and MESSAGE in Page(draft.report).text
    assert draft.content["parameters"]["message"] == MESSAGE


@pytest.mark.heavy
def test_so_it_does_in_a_history(story: Story) -> None:
    """`inspect again` ran under LANG=C and LC_ALL=C."""
    inspected = story["inspect again"]

    assert MESSAGE in [one["message"] for one in inspected.data["history"]]
    assert MESSAGE in inspected.outputs("graph")[0].data["text/plain"]
    assert MESSAGE in Page(inspected.report).text


def test_the_walkthrough_claims_and_every_claim_holds(story: Story) -> None:
    claims = story["walkthrough"].data["claims"]

    assert len(claims) >= 5
    assert [one["claim"] for one in claims if not one["holds"]] == []


def test_an_error_is_raised_where_nothing_was_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from ops.runbook import headless

    monkeypatch.setenv("OPS_HOME", str(tmp_path))
    with pytest.raises(OpsError):
        headless.execute("10-inspect", {"target": "nobody"}, out=tmp_path / "out")
    assert not (tmp_path / "out").exists() and not (tmp_path / "runs").exists()


class Page(HTMLParser):
    """What a browser makes of a page: its tags, what it would fetch, what it shows."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.fetched: list[str] = []
        self.text = self.title = self.text_of_pictures = ""
        self._open: list[str] = []
        self.feed(html)
        self.close()
        self.text = " ".join(self.text.split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self._open.append(tag)
        for name, value in attrs:
            text = value or ""
            fetches = name in ("src", "srcset", "data", "poster", "background") or (
                name in ("href", "xlink:href") and tag not in ("a", "use")
            )
            if fetches and not text.startswith(("data:", "#")):
                self.fetched.append(f"<{tag} {name}={text}>")
            if name == "style" and "url(" in text:
                self.fetched.append(text)

    def handle_endtag(self, tag: str) -> None:
        if tag in self._open:
            del self._open[len(self._open) - 1 - self._open[::-1].index(tag) :]

    def handle_data(self, data: str) -> None:
        if "style" in self._open:
            self.fetched += re.findall(r"@import.*|url\((?!data:).*", data)
            return
        if "title" in self._open and "svg" not in self._open:
            self.title += data
        if "svg" in self._open:
            self.text_of_pictures += data + " "
        self.text += data + " "
