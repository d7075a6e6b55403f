"""What the control panel offers, and why not; and the runs on record that it shows."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ops.display import Link, Table, View, to_html, to_text
from ops.history import History, Revision
from ops.panel import past
from ops.panel.advice import next_step
from ops.panel.desk import Desk, Mend, Planned
from ops.panel.places import Server
from ops.panel.progress import Progress

ALL = (
    "10-inspect", "12-compare-schema", "14-check-health", "20-plan", "30-rehearse", "40-upgrade", "42-downgrade",
    "46-backup", "50-verify", "90-repair",
)  # fmt: skip
HISTORY = History(
    revisions=(
        Revision(revision="c3", down_revisions=("b2",), message="third"),
        Revision(revision="b2", down_revisions=("a1",), message="second"),
        Revision(revision="a1", message="first"),
    ),
    heads=("c3",),
    current=("b2",),
)
DESK = Desk(target="shop", database="shop_live", history=HISTORY, notebooks=frozenset(ALL), revision="c3")
UP = Planned(revision="c3", direction="up", fingerprint="plan-1")
DOWN = Planned(revision="a1", direction="down", fingerprint="plan-2")

STAMP = Mend(case="no-version:b2", offered="stamp the one that you choose: b2, c3.", shown=False)
SEVERAL = "one of several: its dry run says more"
INDEX = Mend(case="invalid-index", offered="drop index i.", fingerprint="plan-3")

NEITHER = frozenset({"rehearsal", "backup"})
NO_SUCH = "There is none on this kind of database; the plan says what to know instead."
DRY_RUN_FIRST = "Find what to repair once more: the dry run of this choice alone has its confirmation."
PLAN_FIRST = "Make the plan of this first, and read it."
TYPE_NAME = "Type the name of the database, shop_live, to say that you mean it."
IS_BELOW = "a1 is applied: going there is a downgrade."

# fmt: off
REASONS: dict[str, tuple[dict[str, Any], str, str]] = {
    # what is otherwise on the desk                             action       why not (nothing: it can be done)
    "looking needs nothing":
        ({"revision": ""},                                    "Inspect",   ""),
    "nothing can be done before another target is read":
        ({"aim": "staging", "planned": UP, "typed": "shop_live"}, "Upgrade", "staging is not read yet."),
    "there are no rehearsals on some kind of database":
        ({"lacks": NEITHER},                                  "Rehearse",  NO_SUCH),
    "and no backups":
        ({"lacks": NEITHER},                                  "Back up",   NO_SUCH),
    "but changes":
        ({"lacks": NEITHER, "planned": UP, "typed": "shop_live"}, "Upgrade", ""),
    "a plan needs a revision":
        ({"revision": ""},                                    "Plan",      "Choose a revision."),
    "a plan of a pending revision":
        ({},                                                  "Plan",      ""),
    "a plan of an applied one is the way down":
        ({"revision": "a1"},                                  "Plan",      ""),
    "there is no plan to where the database is":
        ({"revision": "b2"},                                  "Plan",      "The database is at b2 already."),
    "the way up is rehearsed":
        ({},                                                  "Rehearse",  ""),
    "the way down alone is not":
        ({"revision": "a1"},                                  "Rehearse",  IS_BELOW),
    "an upgrade needs its plan":
        ({"typed": "shop_live"},                              "Upgrade",   PLAN_FIRST),
    "another revision's plan is not its plan":
        ({"typed": "shop_live", "planned": DOWN},             "Upgrade",   PLAN_FIRST),
    "an upgrade needs the name typed":
        ({"planned": UP},                                     "Upgrade",   TYPE_NAME),
    "the target's name is not the database's":
        ({"planned": UP, "typed": "shop"},                    "Upgrade",   TYPE_NAME),
    "an upgrade that is planned and meant":
        ({"planned": UP, "typed": " shop_live "},             "Upgrade",   ""),
    "a pending revision is no downgrade":
        ({"planned": UP, "typed": "shop_live"},               "Downgrade", "c3 is not applied yet."),
    "an applied revision is no upgrade":
        ({"revision": "a1", "planned": DOWN, "typed": "shop_live"}, "Upgrade",   IS_BELOW),
    "a downgrade that is planned and meant":
        ({"revision": "a1", "planned": DOWN, "typed": "shop_live"}, "Downgrade", ""),
    "base is below":
        ({"revision": "base", "typed": "shop_live"},          "Upgrade",   "base is below: that is a downgrade."),
    "a repair needs a finding":
        ({"typed": "shop_live"},                              "Repair",    "Find what to repair first."),
    "a repair needs a choice":
        ({"typed": "shop_live", "mends": (STAMP, INDEX)},     "Repair",    "Choose what to repair."),
    "a repair whose dry run nobody saw":
        ({"typed": "shop_live", "mends": (STAMP,), "case": STAMP.case}, "Repair", DRY_RUN_FIRST),
    "a repair needs the name typed":
        ({"mends": (INDEX,), "case": INDEX.case},             "Repair",    TYPE_NAME),
    "a repair that is chosen and meant":
        ({"typed": "shop_live", "mends": (INDEX,), "case": INDEX.case}, "Repair", ""),
    "nothing while something runs":
        ({"planned": UP, "typed": "shop_live", "running": "Plan"}, "Upgrade",   "Plan is under way."),
    "not even a look while something runs":
        ({"running": "Upgrade"},                              "Inspect",   "Upgrade is under way."),
}
# fmt: on


@pytest.mark.parametrize(("otherwise", "action", "why_not"), REASONS.values(), ids=REASONS)
def test_what_may_be_done(otherwise: dict[str, Any], action: str, why_not: str) -> None:
    offers = {one.action: one for one in replace(DESK, **otherwise).offers()}

    assert offers[action].why_not == why_not


def test_a_change_carries_the_fingerprint_that_is_on_the_screen() -> None:
    offer = next(one for one in replace(DESK, planned=UP, typed="shop_live").offers() if one.action == "Upgrade")

    assert offer.parameters == {"target": "shop", "revision": "c3", "dry_run": False, "confirm": "plan-1"}
    assert offer.command == "ops run 40-upgrade -p target=shop -p revision=c3 -p dry_run=false -p confirm=plan-1"


def test_a_repair_carries_its_case_and_the_fingerprint_of_its_dry_run() -> None:
    desk = replace(DESK, mends=(STAMP, INDEX), case=INDEX.case, typed="shop_live")
    offers = {one.action: one.parameters for one in desk.offers()}

    assert offers["Find what to repair"] == {"target": "shop", "case": "invalid-index"}
    assert offers["Repair"] == {"target": "shop", "case": "invalid-index", "dry_run": False, "confirm": "plan-3"}


# fmt: off
REPAIRS: dict[str, tuple[dict[str, Any], tuple[Mend, ...]]] = {
    # `data` of 90-repair                                                        what may be chosen
    "nothing is broken":
        ({"findings": []},                                                       ()),
    "only a person can do it":
        ({"findings": [{"case": "import", "offered": ""}]},                      ()),
    "it is done":
        ({"findings": [{"case": "a", "offered": "o", "done": "d"}]},             ()),
    "one way":
        ({"findings": [{"case": "a", "offered": "o", "fingerprint": "f"}]},
         (Mend(case="a", offered="o", fingerprint="f"),)),
    "one way, of a target that wants no confirmation":
        ({"findings": [{"case": "a", "offered": "o"}]},                          (Mend(case="a", offered="o"),)),
    "somebody has to choose":
        ({"findings": [{"case": "a", "offered": "o", "choices": ["b", "c"]}]},
         (Mend(case="a:b", offered=SEVERAL, shown=False), Mend(case="a:c", offered=SEVERAL, shown=False))),
    "somebody chose":
        ({"case": "a:b", "findings": [{"case": "a", "offered": "o", "choices": ["b"], "fingerprint": "f"}]},
         (Mend(case="a:b", offered="o", fingerprint="f"),)),
}
# fmt: on


@pytest.mark.parametrize(("data", "mends"), REPAIRS.values(), ids=REPAIRS)
def test_what_may_be_repaired(data: dict[str, Any], mends: tuple[Mend, ...]) -> None:
    assert Mend.all_of(data) == mends


LOST = replace(HISTORY, current=("z9",))
# fmt: off
STEPS: dict[str, tuple[dict[str, Any], str]] = {
    # what is otherwise on the desk                                              the button (nothing: words alone)
    "first of all, a plan":                 ({},                                                 "Plan"),
    "then a copy with rows":                ({"planned": UP},                                    "Rehearse"),
    "then a backup":                        ({"planned": replace(UP, rehearsed="OK")},           "Back up"),
    "then the change":                      ({"planned": replace(UP, rehearsed="OK", backed_up=True)}, "Upgrade"),
    "the way down is planned as well":      ({"revision": "a1"},                                 "Plan"),
    "and backed up":                        ({"revision": "a1", "planned": DOWN},                "Back up"),
    "and gone":                             ({"revision": "a1", "planned": replace(DOWN, backed_up=True)}, "Downgrade"),
    "what the plan found is read first":    ({"planned": replace(UP, verdict="ATTENTION")},      ""),
    "and what the rehearsal found":         ({"planned": replace(UP, rehearsed="ATTENTION")},    ""),
    "where there are neither, the change":  ({"planned": UP, "lacks": NEITHER},                  "Upgrade"),
    "but what is unknown is read first":   ({"planned": replace(UP, verdict="UNKNOWN"), "lacks": NEITHER}, ""),
    "no revision is chosen":                ({"revision": ""},                                   ""),
    "the chosen one is where it is":        ({"revision": "b2"},                                 ""),
    "what was changed is proved":           ({"unproved": True},                                 "Verify"),
    "a run that never reported its end":    ({"open_runs": True, "unproved": True},              "Find what to repair"),
    "tables without a revision":            ({"without_version": True},                          "Find what to repair"),
    "a revision that no file has":          ({"history": LOST},                                  "Find what to repair"),
    "one of several repairs":               ({"mends": (STAMP, INDEX)},                          ""),
    "one without its dry run":              ({"mends": (STAMP,), "case": STAMP.case},            "Find what to repair"),
    "one that was seen":                    ({"mends": (INDEX,), "case": INDEX.case},            "Repair"),
    "while something runs, nothing is next": ({"running": "Plan"},                               ""),
}
# fmt: on


@pytest.mark.parametrize(("otherwise", "action"), STEPS.values(), ids=STEPS)
def test_the_next_safe_step(otherwise: dict[str, Any], action: str) -> None:
    desk = replace(DESK, **otherwise)

    found, why = next_step(desk)

    assert found == action
    assert bool(why) == (not desk.running)
    assert found in ("", *(one.action for one in desk.offers()))


def test_only_what_is_installed_is_offered() -> None:
    found = replace(DESK, notebooks=frozenset({"10-inspect", "20-plan"})).offers()

    assert [one.action for one in found] == ["Inspect", "Plan"]


def test_without_widgets_it_is_a_table_with_commands() -> None:
    rows = {str(row[0]): row for row in DESK.table().rows}

    assert str(rows["Plan"][1]) == "ops run 20-plan -p target=shop -p revision=c3 -p direction=up"
    assert rows["Upgrade"][2] == PLAN_FIRST


def _run(home: Path, name: str, **content: Any) -> None:
    folder = home / "runs" / "shop" / "2026-11-01" / name
    folder.mkdir(parents=True)
    whole = {
        "notebook": "20-plan", "verdict": "OK", "summary": "s", "started": "2026-11-01T10:00:00+00:00",
        "finished": "2026-11-01T10:00:08+00:00", **content,
    }  # fmt: skip
    (folder / "result.json").write_text(json.dumps(whole))


def test_past_runs_are_read_newest_first_and_only_as_many_as_are_shown(tmp_path: Path) -> None:
    _run(tmp_path, "100000-20-plan-aaaaaa")
    _run(tmp_path, "100100-20-plan-bbbbbb", finished="2026-11-01T10:00:04+00:00")
    _run(tmp_path, "100200-40-upgrade-cccccc", notebook="40-upgrade", verdict="UNKNOWN", finished=None, summary=None)
    _run(tmp_path, "100300-00-start-here-dddddd", notebook="00-start-here", verdict="UNKNOWN", finished=None)
    (tmp_path / "runs" / "shop" / "2026-11-01" / "100400-broken").mkdir()

    found = past.runs(tmp_path, "shop")

    assert [one.folder.name[:6] for one in found] == ["100200", "100100", "100000"]
    assert not found[0].finished
    assert past.usual_seconds(found, "20-plan") == 6.0
    assert past.usual_seconds(found, "40-upgrade") is None
    assert len(past.runs(tmp_path, "shop", limit=2)) == 2
    assert past.runs(tmp_path, "nobody") == ()


def test_drift_is_what_the_last_comparison_said_and_whether_a_change_came_after_it(tmp_path: Path) -> None:
    _run(tmp_path, "100000-12-compare-schema-aaaaaa", notebook="12-compare-schema", summary="2 differences")
    before, _ = past.last_comparison(past.runs(tmp_path, "shop"))
    _run(tmp_path, "100100-90-repair-bbbbbb", notebook="90-repair", parameters={"dry_run": True})
    _run(tmp_path, "100200-40-upgrade-cccccc", notebook="40-upgrade", verdict="REFUSED", parameters={"dry_run": False})
    _, by_looking = past.last_comparison(past.runs(tmp_path, "shop"))
    _run(tmp_path, "100300-40-upgrade-dddddd", notebook="40-upgrade", parameters={"dry_run": False})

    found, outdated = past.last_comparison(past.runs(tmp_path, "shop"))

    assert not by_looking

    assert before is not None and found is not None
    assert (found.summary, outdated) == ("2 differences", True)
    assert past.last_comparison(()) == (None, False)


def test_what_a_revision_took_when_it_was_rehearsed_is_the_sum_of_its_statements(tmp_path: Path) -> None:
    statements = [
        {"direction": "up", "revision": "b2", "seconds": 1.5},
        {"direction": "up", "revision": "b2", "seconds": 0.5},
        {"direction": "down", "revision": "b2", "seconds": 9},
        {"direction": "up", "revision": "c3", "seconds": None},
    ]
    _run(tmp_path, "100000-30-rehearse-aaaaaa", notebook="30-rehearse", data={"statements": statements})

    assert past.rehearsed_seconds(past.runs(tmp_path, "shop"), "up") == {"b2": 2.0, "c3": 0.0}
    assert past.rehearsed_seconds((), "up") == {}


B2, B2_DONE = (40.0, "          b2  upgrade …"), (41.0, "          b2  done in 1.20 s")
# fmt: off
SENTENCES = {  #                  what is printed                                     what is said at second 100
    "nothing yet":               ([],                                                 ""),
    "cells are not revisions":   ([(1.0, "  11.1 s  40-upgrade: Do it")],             ""),
    "the first, under way":      ([B2],                 "revision 1 of 2, b2: 1 min, 2 s when it was rehearsed"),
    "between two":               ([B2, B2_DONE],                                      "1 of 2 revisions done"),
    "one that nobody rehearsed": ([B2, B2_DONE, (97.5, "          c3  upgrade …")],   "revision 2 of 2, c3: 2.5 s"),
}
# fmt: on


@pytest.mark.parametrize(("lines", "said"), SENTENCES.values(), ids=SENTENCES)
def test_how_far_a_change_is(lines: list[tuple[float, str]], said: str) -> None:
    assert Progress.of(lines).sentence(("b2", "c3"), {"b2": 2.0}, now=100.0) == said


def test_a_revision_is_found_by_its_id_its_state_or_its_message() -> None:
    def found(letters: str) -> list[str]:
        return [name for _, name in DESK.choices(letters)]

    assert found("") == ["", "c3", "b2", "a1", "base"]
    assert found("SECOND") == ["", "c3", "b2"]  # and the one that is chosen
    assert found("applied") == ["", "c3", "a1", "base"]


def test_a_run_is_linked_where_the_server_shows_its_folder(tmp_path: Path) -> None:
    file = tmp_path / "runs" / "shop" / "a b" / "report.html"
    file.parent.mkdir(parents=True)
    file.write_text("")
    server = Server(root=tmp_path / "runs", base="/user/mai/")

    assert server.page(file, "report") == Link("report", "/user/mai/files/shop/a%20b/report.html")
    assert server.notebook(file, "it") == Link(
        "it", "/user/mai/lab/tree/shop/a%20b/report.html", "shop/a b/report.html"
    )
    assert server.page(file.with_name("gone.html"), "report") is None
    assert server.page(Path(__file__), "report") is None


OPENS = 'data-commandlinker-args="{&quot;path&quot;: &quot;a&lt;b&quot;}"'
# fmt: off
LINKS = {  #           link                                     the HTML has
    "a page":         (Link("it", "/files/a.html"),             '<a href="/files/a.html" target="_blank"'),
    "a notebook":     (Link("it", "/lab/tree/a%3Cb", "a<b"),    OPENS),
    "a script":       (Link("it", "javascript:alert(1)"),       "<td"),
    "another server": (Link("it", "//elsewhere.example/"),      "<td"),
}
# fmt: on


@pytest.mark.parametrize(("link", "has"), LINKS.values(), ids=LINKS)
def test_a_link_leads_to_its_own_server_only(link: Link, has: str) -> None:
    view = View(title="", blocks=(Table(columns=("record",), rows=((link,),)),))

    html = to_html(view)

    assert has in html
    assert ("<a " in html) == link.href.startswith(("/files", "/lab"))
    assert "it" in to_text(view)


def test_the_chosen_revision_is_drawn_however_long_the_history_is() -> None:
    many = History(
        revisions=tuple(
            Revision(revision=f"r{number}", down_revisions=(f"r{number - 1}",) if number else ())
            for number in range(999, -1, -1)
        ),
        heads=("r999",),
        current=("r990",),
    )

    text = many.graph_with("r250").to_text()

    assert "r250 " in text and "◀ chosen" in text
    assert "r990 " in text
    assert text.count("chosen") == 1
    assert len(text.splitlines()) < 90
    assert "chosen" not in many.graph.to_text()
