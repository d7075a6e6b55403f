"""Hazards as remarks at lines of version files: plain lines, GitHub's workflow commands, SARIF."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from ops import secrets
from ops.hazards import Hazard, Severity
from ops.history import Revision
from ops.plan import Plan
from ops.plan.sarif import sarif
from ops.probes import Probe
from ops.project.visit import Step
from ops.route import Route
from ops.statement import Statement
from ops.values import Verdict

ROOT = Path("/srv/shop")
HOSTILE = 'evil"\n::stop-commands::x\r\x1b[31m\u202e, 100%: <b>'


def hazard(**more: Any) -> Hazard:
    usual: dict[str, Any] = {
        "code": "set-not-null", "severity": Severity.HIGH, "statement": 1, "relation": "public.t",
        "harm": "Every row of public.t is read.", "advice": "Prove it by a CHECK first.",
        "waits": "reads and writes wait",
        "fix": "op.execute('…')", "source": "https://www.postgresql.org/docs/current/sql-altertable.html",
    }  # fmt: skip
    return Hazard(**usual | more)


def plan(*hazards: Hazard, path: str = "/srv/shop/alembic/versions/a1_note.py", **more: Any) -> Plan:
    step = Step(revision=Revision(revision="a1", path=path), heads=("a1",))
    route = Route(
        target="shop", identity="i", direction="up", requested="head", current=(), heads=("a1",), steps=(step,),
        catalog="c",
    )  # fmt: skip
    statements = (Statement(number=1, revision="a1", sql="…", line=17), Statement(number=2, revision="a1", sql="…"))
    return Plan(route=route, statements=statements, hazards=hazards, root=ROOT, **more)


PROBE = Probe(
    statement=1, question="Is a note missing?", violations=2, samples=("id 7",), verdict=Verdict.ATTENTION
)  # fmt: skip
NOT_ASKED = Probe(statement=2, question="Does it refer to nothing?", verdict=Verdict.UNKNOWN, why="it took too long")
FILE = "alembic/versions/a1_note.py"

LINES = {
    "a hazard at its line": (
        plan(hazard()), f"{FILE}:17: high set-not-null Every row of public.t is read."),
    "a statement whose line nobody knows": (
        plan(hazard(statement=2)), f"{FILE}:1: high set-not-null Every row of public.t is read."),
    "a hazard of the whole file": (
        plan(hazard(statement=0, revision="a1", code="no-downgrade", severity=Severity.MEDIUM)),
        f"{FILE}:1: medium no-downgrade Every row of public.t is read."),
    "one of no file": (
        plan(hazard(statement=0, code="several-heads")), "high several-heads Every row of public.t is read."),
    "a file outside of the repository": (
        plan(hazard(), path="/opt/plugin/a1.py"),
        "/opt/plugin/a1.py:17: high set-not-null Every row of public.t is read."),
    "rows that break it, without anything of the rows": (
        plan(probes=(PROBE,)),
        f"{FILE}:17: critical will-fail Statement 1 will fail on today's data. Is a note missing? Found: 2"),
    "what is not known": (
        plan(probes=(NOT_ASKED,)),
        f"{FILE}:1: unknown not-known Statement 2: Does it refer to nothing? Not decided: it took too long"),
    "code that raises before a statement runs": (
        plan(failed="KeyError: 'x'"),
        f"{FILE}:1: critical statement-fails It fails on a clone of this schema: KeyError: 'x'"),
    "a hostile name stays on one line": (
        plan(hazard(harm=f"It is {HOSTILE}.")),
        f'{FILE}:17: high set-not-null It is evil" ::stop-commands::x⟨U+000D⟩⟨U+001B⟩[31m⟨U+202E⟩, 100%: <b>.'),
}  # fmt: skip


@pytest.mark.parametrize(("made", "said"), LINES.values(), ids=LINES)
def test_lines(made: Plan, said: str) -> None:
    assert made.lines == (said,)


def test_what_is_allowed_by_name_is_not_said() -> None:
    assert plan(hazard(allowed=True)).lines == ()


LEVELS = {  #                           severity           fail_on           GitHub     SARIF
    "what makes the verdict":           (Severity.HIGH,     Severity.HIGH,    "error",   "error"),
    "a mild one, where that counts":    (Severity.LOW,      Severity.LOW,     "error",   "error"),
    "a bad one that does not count":    (Severity.HIGH,     Severity.CRITICAL, "warning", "warning"),
    "a mild one that does not count":   (Severity.LOW,      Severity.HIGH,    "notice",  "note"),
}  # fmt: skip


@pytest.mark.parametrize(("severity", "fail_on", "word", "level"), LEVELS.values(), ids=LEVELS)
def test_levels(severity: Severity, fail_on: Severity, word: str, level: str) -> None:
    made = plan(hazard(severity=severity), fail_on=fail_on, annotate=frozenset({"github"}))

    (line,) = made.lines
    (result,) = sarif(made)["runs"][0]["results"]

    assert line.startswith(f"::{word} file={FILE},line=17,title={severity.word} set-not-null::Every row")
    assert result["level"] == level


def test_github_reads_back_what_was_written() -> None:
    """Unescaped by GitHub's own rules, file and text are what they were, and nothing in them is a command."""
    path = "/srv/shop/50% off, really:/a1\n.py"
    made = plan(hazard(harm=f"It is {HOSTILE}."), path=path, annotate=frozenset({"github"}))

    (written,) = made.lines
    head, _, message = written.removeprefix("::").partition("::")
    command, _, properties = head.partition(" ")
    given = dict(one.split("=", 1) for one in properties.split(","))

    assert "\n" not in written and "\r" not in written
    assert command == "error"
    assert unquote(given["file"]) == "50% off, really:/a1\n.py"
    assert (given["line"], given["title"]) == ("17", "high set-not-null")
    first, *more = unquote(message).split("\n")
    assert first == 'It is evil"'
    assert more[1:] == ["reads and writes wait", "Instead: Prove it by a CHECK first.", "op.execute('…')"]


def test_sarif() -> None:
    """What the format and the scanners that read it insist on."""
    hazards = (
        hazard(),
        hazard(statement=2, code="drop-column", severity=Severity.LOW, allowed=True),
        hazard(severity=Severity.LOW, relation="public.u"),
        hazard(statement=0, code="several-heads"),
    )
    log = sarif(plan(*hazards, path="/srv/shop/mit Größe/a1.py", uncertain=("The role may not read x.",)))

    assert log["version"] == "2.1.0" and log["$schema"].endswith("sarif-schema-2.1.0.json")
    (run,) = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert [one["id"] for one in rules] == ["set-not-null", "drop-column"]
    assert all(one["helpUri"].startswith("https://") and one["shortDescription"]["text"] for one in rules)
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] in ("error", "warning", "note") and result["message"]["text"]
        (place,) = result["locations"]
        where = place["physicalLocation"]
        assert where["artifactLocation"] == {"uri": "mit%20Gr%C3%B6%C3%9Fe/a1.py", "uriBaseId": "%SRCROOT%"}
        assert where["region"]["startLine"] >= 1
    assert [bool(one.get("suppressions")) for one in run["results"]] == [False, True, False]
    said = [one["message"]["text"] for one in run["invocations"][0]["toolExecutionNotifications"]]
    assert said == ["Every row of public.t is read.", "The role may not read x."]


def test_a_file_elsewhere_has_a_uri_of_its_own() -> None:
    (run,) = sarif(plan(hazard(), path="/opt/plug in/a1.py"))["runs"]

    assert run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"] == {
        "uri": "file:///opt/plug%20in/a1.py"
    }


def test_what_is_done_under_a_lock_is_told_there_too() -> None:
    held = hazard(statement=2, code="lock-held", during=(1,))
    made = plan(held)

    (result,) = sarif(made)["runs"][0]["results"]
    (beside,) = result["relatedLocations"]

    assert beside["physicalLocation"]["region"] == {"startLine": 17}
    assert "-- HIGH lock-held: it runs under the lock of statement 2\n" in made.sql


def test_no_secret_and_no_row_is_in_any_form() -> None:
    secrets.remember("s3cret-of-shop")
    made = plan(
        hazard(harm="It says s3cret-of-shop.", fix="connect('postgresql://u:s3cret-of-shop@h/d')"),
        probes=(replace(PROBE, why="s3cret-of-shop"),),
        failed="s3cret-of-shop",
        annotate=frozenset({"github", "sarif"}),
    )

    written = json.dumps([*made.lines, made.files["plan.sarif"], *replace(made, annotate=frozenset()).lines])

    assert "s3cret-of-shop" not in written
    assert "id 7" not in written


def test_files() -> None:
    assert set(plan().files) == {"plan.sql", "plan.json"}
    assert set(plan(annotate=frozenset({"sarif"})).files) == {"plan.sql", "plan.json", "plan.sarif"}


# What SARIF 2.1.0 allows of the objects that are written here: what each must have, what it may have, and the objects
# that are in them. Against the whole of the standard's own JSON schema, the same log has no error.
SHAPES = {
    "sarifLog": ("version runs", "$schema", {"runs": "run"}),
    "run": (
        "tool",
        "originalUriBaseIds invocations results",
        {"tool": "tool", "originalUriBaseIds": "bases", "invocations": "invocation", "results": "result"},
    ),
    "tool": ("driver", "", {"driver": "toolComponent"}),
    "toolComponent": ("name", "semanticVersion rules", {"rules": "reportingDescriptor"}),
    "reportingDescriptor": ("id", "shortDescription help helpUri", {"shortDescription": "message", "help": "message"}),
    "bases": ("%SRCROOT%", "", {"%SRCROOT%": "artifactLocation"}),
    "artifactLocation": ("", "uri uriBaseId description", {"description": "message"}),
    "invocation": ("executionSuccessful", "toolExecutionNotifications", {"toolExecutionNotifications": "notification"}),
    "notification": ("message", "level locations", {"message": "message", "locations": "location"}),
    "result": (
        "message",
        "ruleId ruleIndex level locations relatedLocations properties suppressions",
        {
            "message": "message",
            "locations": "location",
            "relatedLocations": "location",
            "suppressions": "suppression",
        },
    ),
    "location": ("", "physicalLocation", {"physicalLocation": "physicalLocation"}),
    "physicalLocation": ("artifactLocation", "region", {"artifactLocation": "artifactLocation", "region": "region"}),
    "region": ("", "startLine", {}),
    "suppression": ("kind", "justification", {}),
    "message": ("text", "", {}),
}


def strange(name: str, value: Any) -> list[str]:
    """What an object, or one of those in it, lacks or has too much."""
    if isinstance(value, list):
        return [said for one in value for said in strange(name, one)]
    must, may, inner = SHAPES[name]
    found = [f"{name} lacks {one}" for one in must.split() if one not in value]
    found += [f"{name} has {one}" for one in value if one not in {*must.split(), *may.split()}]
    return found + [said for one, kind in inner.items() if one in value for said in strange(kind, value[one])]


@pytest.mark.parametrize("uncertain", [(), ("The role may not read x.",)])
def test_sarif_has_what_the_standard_knows_and_nothing_else(uncertain: tuple[str, ...]) -> None:
    hazards = (
        hazard(),
        hazard(code="drop-column", allowed=True),
        hazard(code="lock-held", during=(2,)),
        hazard(statement=0, code="several-heads"),
    )

    assert strange("sarifLog", sarif(plan(*hazards, uncertain=uncertain))) == []
    assert strange("sarifLog", sarif(plan())) == []
