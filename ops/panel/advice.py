"""What to do next at the panel, in one sentence. Pure: it knows what is on the desk, and nothing else."""

from __future__ import annotations

from ops.panel.desk import Desk

_REPAIR = "Find what to repair"


def next_step(desk: Desk) -> tuple[str, str]:
    """Return the safe step from here: the button that does it, or nothing, and why it is this one."""
    if desk.running:
        return ("", "")
    return _disorder(desk) or _proof(desk) or _way(desk)


def _disorder(desk: Desk) -> tuple[str, str] | None:
    """Nothing else is safe before the state of the database is known."""
    if desk.mends:
        if desk.mend is None:
            return ("", "Choose what to repair, below: each choice says what it would do.")
        if not desk.mend.shown:
            return (_REPAIR, "it makes a dry run of this choice alone.")
        return ("Repair", f"read its dry run, then type {desk.database}.")
    if desk.history.unknown:
        return (_REPAIR, "the database names a revision that no file has.")
    if desk.open_runs:
        return (_REPAIR, "a run never reported its end, or left a revision half done.")
    if desk.without_version:
        return (_REPAIR, "there are tables, and no revision is applied: which one is this schema?")
    return None


def _proof(desk: Desk) -> tuple[str, str] | None:
    if desk.unproved:
        return ("Verify", "a change was made: is the schema what the migrations say?")
    return None


def _way(desk: Desk) -> tuple[str, str]:
    """What leads to the chosen revision."""
    plan = desk.plan
    if not desk.revision:
        return ("", "Choose a revision.")
    if not desk.direction:
        return ("", "Nothing is pending." if not desk.history.pending else "Choose a revision that is pending.")
    if plan is None:
        return ("Plan", "what will run, what will it lock, and will it fail? Nothing is changed by it.")
    rehearses = desk.has("Rehearse")
    if plan.verdict == "UNKNOWN" and not rehearses:
        return ("", f"Read what the plan could not tell, back up, and type {desk.database} if you mean it.")
    if plan.verdict != "OK" and not plan.rehearsed:
        return ("", f"Read what the plan found ({plan.verdict}), and mend the revision if you can. Then plan again.")
    if desk.direction == "up" and not plan.rehearsed and rehearses:
        return ("Rehearse", "does it go up, down and up again on a copy with rows?")
    if plan.rehearsed not in ("", "OK"):
        return ("", f"Read what the rehearsal found ({plan.rehearsed}), mend the revision, and plan again.")
    if not plan.backed_up and desk.has("Back up"):
        return ("Back up", "a downgrade brings tables and columns back, not their rows.")
    return ("Upgrade" if desk.direction == "up" else "Downgrade", f"type {desk.database}, if you mean it.")
