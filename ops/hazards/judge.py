"""From what was measured to hazards: every rule is asked about every statement. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ops.catalog.values import Catalog
from ops.commands import Command
from ops.hazards.rule import Fact, Finding, Rule
from ops.hazards.rules import CONTEXT, GENERAL, SPECIFIC, STATEMENT_FAILS
from ops.hazards.scene import Scene
from ops.hazards.subject import NOTHING, Subject
from ops.hazards.values import Hazard, Severity
from ops.hazards.weight import weigh
from ops.live import Live
from ops.statement import Mode, Statement

# What a general rule tells; it is silent where a specific one has told it.
_TELLS: dict[str, Fact] = {
    "rewrite": Fact.REWRITE,
    "index-build": Fact.BUILD,
    "scan": Fact.SCAN,
    "strong-lock": Fact.LOCK,
    "brief-lock": Fact.LOCK,
    "lock-reach": Fact.REACH,
}


def judge(
    statements: Sequence[Statement],
    *,
    commands: Mapping[int, tuple[Command, ...]],
    live: Live,
    catalog: Catalog,
    server_version: int,
    limits: Mapping[str, str] | None = None,
) -> tuple[Hazard, ...]:
    """Return the hazards of a plan's statements, in the order of the statements, the worst of each first.

    `commands` are the parsed actions by the statement's number, `live` is what weighs on the tables now, `catalog` the
    live schema before the plan, `server_version` the live server's number (`180004`), `limits` the settings that the
    run puts in force before every revision, such as `lock_timeout`. Alembic's own bookkeeping is not judged. That
    something was not measured is no hazard: whoever asks has to tell that, and knows less then.
    """
    scene = Scene(statements, commands, live, catalog, server_version, limits or {})
    hazards: list[Hazard] = []
    told: dict[tuple[str, str], Severity] = {}
    for statement in scene.statements:
        if statement.bookkeeping:
            continue
        found = _of_statement(scene, statement)
        for hazard in sorted(found.values(), key=lambda one: (-one.severity, one.code, one.relation)):
            key = (hazard.code, hazard.relation)
            if told.get(key, 0) >= hazard.severity:
                continue  # what was told already, and is no worse now
            if hazard.code in _ONCE:
                told[key] = hazard.severity
            hazards.append(hazard)
    return tuple(hazards)


_ONCE = frozenset(rule.code for rule in CONTEXT)


def _of_statement(scene: Scene, statement: Statement) -> dict[tuple[str, str], Hazard]:
    subjects = [Subject(scene=scene, statement=statement, command=one) for one in scene.of(statement)]
    whole = subjects[0] if subjects else Subject(scene=scene, statement=statement, command=NOTHING)
    found: dict[tuple[str, str], Hazard] = {}
    if statement.error:
        # what it did until then is not what it does: the text has to say
        unmeasured = replace(statement, measured=False)
        for rule in SPECIFIC:
            for subject in subjects:
                _add(found, rule, replace(subject, statement=unmeasured))
        _add(found, STATEMENT_FAILS, whole)
        return found
    explained: set[Fact] = set()
    for rule in SPECIFIC:
        for subject in subjects:
            explained |= _add(found, rule, subject)
    for rule in GENERAL:
        if _TELLS.get(rule.code) not in explained:
            explained |= _add(found, rule, whole)
    for rule in CONTEXT:
        for subject in [whole] if rule.whole else subjects:
            _add(found, rule, subject)
    return found


def _add(found: dict[tuple[str, str], Hazard], rule: Rule, subject: Subject) -> frozenset[Fact]:
    """Add what a rule finds, and return what it explains; of the same twice, the worse stays."""
    finding = rule.spot(subject)
    if finding is None:
        return frozenset()
    hazard = _hazard(rule, finding, subject)
    key = (hazard.code, hazard.relation)
    if key not in found or found[key].severity < hazard.severity:
        found[key] = hazard
    return finding.explains


def _hazard(rule: Rule, finding: Finding, subject: Subject) -> Hazard:
    return Hazard(
        code=rule.code,
        severity=_severity(finding, subject),
        statement=subject.statement.number,
        relation=finding.relation,
        harm=finding.harm,
        advice=finding.advice or rule.advice,
        source=rule.source,
        waits=_waits(finding, subject),
        held=_held(finding.mode, subject),
        during=finding.during,
        fix=finding.fix,
        since=rule.since if finding.since is None else finding.since,
    )


def _severity(finding: Finding, subject: Subject) -> Severity:
    if finding.severity is not None:
        return finding.severity
    if finding.mode is None:
        return finding.least
    own = subject.load(finding.relation)
    weight = weigh(cost=finding.cost, mode=finding.mode, work=finding.work or own, waiting=own)
    return min(max(weight, finding.least), max(finding.most, finding.least))


def _waits(finding: Finding, subject: Subject) -> str:
    if finding.mode is None or not finding.mode.waits:
        return ""
    load = subject.load(finding.relation)
    traffic = load.traffic(finding.mode)
    rate = "nobody knows how many" if traffic is None else f"{_number(traffic)} a second"
    rate = f" ({rate})" if finding.mode.blocks_writes else ""
    text = f"{finding.mode.waits} of {finding.relation} wait for it{rate}".replace("VACUUM of", "VACUUM on")
    behind = "; it waits for all who use the table" if finding.mode is Mode.ACCESS_EXCLUSIVE else ""
    return f"{text[0].upper()}{text[1:]}{behind}."


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 or value == 0 else f"{value:.2g}"


def _held(mode: Mode | None, subject: Subject) -> str:
    if mode is None:
        return ""
    if subject.statement.autocommit:
        return "While the statement runs."
    later = subject.later
    if not later:
        return "To the end of its transaction: it is the last statement there."
    several = "statements" if len(later) > 1 else "statement"
    return f"To the end of its transaction: {len(later)} more {several}, to number {later[-1].number}."
