"""What was found broken, what would mend it, and what was done."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ops import display
from ops.display.cells import shown
from ops.values import Result, Verdict

Block = display.Table | display.Facts | display.Code | display.Note | display.Graph

CASES: Mapping[str, str] = {
    "import": "the project's own code cannot be imported",
    "unknown-revision": "the version table names a revision that no file has",
    "no-version": "there is a schema, and no version table says which revision it is",
    "unmanaged": "there is a schema, and the project has no revision yet",
    "open-run": "a run never reported its end",
    "several-heads": "the version files have several heads",
    "not-up-to-date": "revisions wait to be applied",
    "edited-file": "the file of an applied revision was edited",
    "invalid-index": "an index is invalid",
    "not-validated": "a constraint was never checked on the rows that are there",
    "half-detached": "a partition is half detached",
}
"""Every case that is looked for, in the order in which they are mended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is broken.

    `what` is what was found, and `offered` what `repair(case)` would do, in words; empty where only a person can do
    it, as `what` and the evidence say. `choices` are what may stand behind a colon after the case, where somebody has
    to choose. `fingerprint` is what a protected target wants as `confirm`. `counts`: whether it needs attention. `done`
    is what was done, empty in a look.
    """

    case: str
    what: str
    offered: str = ""
    done: str = ""
    choices: tuple[str, ...] = ()
    fingerprint: str = ""
    protected: bool = False
    lacking: tuple[str, ...] = ()
    counts: bool = True
    evidence: tuple[Block, ...] = field(default=(), repr=False)
    details: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def ways(self) -> tuple[str, ...]:
        """What the parameter `case` may be to have it done: one, or one for each choice."""
        if not self.offered or self.done:
            return ()
        return tuple(f"{self.case}:{one}" for one in self.choices) or (self.case,)

    @property
    def parameters(self) -> str:
        """How to have it done, a line each, as they are pasted below the notebook's parameters.

        Of several choices none is set in advance: what `case` may be is listed, and the next dry run says the rest.
        """
        lines = [f"case = {one!r}" for one in self.ways]
        if len(lines) == 1:
            lines += ["dry_run = False", *([f"confirm = {self.fingerprint!r}"] if self._wants_confirm else [])]
        return "\n".join(lines)

    @property
    def lines(self) -> tuple[str, ...]:
        """What was found, and what `ops run 90` wants to have it done: for a terminal."""
        ways = [f"  -p case={shlex.quote(one)}" for one in self.ways]
        if len(ways) == 1:
            ways[0] += " -p dry_run=false" + (f" -p confirm={self.fingerprint}" if self._wants_confirm else "")
        return (shown(" ".join(f"{self.case}: {self.what}".split())), *map(shown, ways))

    @property
    def _wants_confirm(self) -> bool:
        return self.protected and bool(self.fingerprint)

    def blocks(self) -> tuple[Block, ...]:
        """Return what a person reads of it."""
        tone: display.Tone = "ok" if self.done else "attention" if self.counts else "plain"
        said: list[Block] = [display.Note(f"{self.case}: {self.what}", tone), *self.evidence]
        if self.lacking:
            said.append(display.Note("It would be refused now. It lacks:", "bad"))
            said.extend(display.Note(one, "bad") for one in self.lacking)
        if self.done:
            said.append(display.Note(f"Done: {self.done}", "ok"))
        elif self.offered:
            several = len(self.ways) > 1
            caption = "Choose one of these, and look again" if several else "To have it done, set these parameters"
            said.append(display.Note(f"Offered: {self.offered}"))
            said.append(display.Code(text=self.parameters, language="python", caption=caption))
        return tuple(said)

    def to_dict(self) -> dict[str, Any]:
        """Return the finding as `result.json` has it."""
        return {
            "case": self.case,
            "what": self.what,
            "offered": self.offered,
            "done": self.done or None,
            "choices": list(self.choices),
            "fingerprint": self.fingerprint or None,
            "lacking": list(self.lacking),
            "counts": self.counts,
            "details": dict(self.details),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Repair(Result):
    """What is broken, and what was mended; nothing changes in a look or a dry run.

    `unknown` says what could not be looked at, and why. `looked_for` are the cases that were.
    """

    target: str
    findings: tuple[Finding, ...]
    case: str = ""
    dry_run: bool = True
    unknown: tuple[str, ...] = ()
    looked_for: tuple[str, ...] = ()
    shown_before: bool = False

    @property
    def verdict(self) -> Verdict:
        """OK where nothing is broken, or all of what was asked for was mended and read back."""
        if any(one.counts and not one.done for one in self.findings):
            return Verdict.ATTENTION
        return Verdict.UNKNOWN if self.unknown else Verdict.OK

    def __str__(self) -> str:
        mended = [one.case for one in self.findings if one.done]
        if mended:
            return f"{self.target}: mended {', '.join(mended)}"
        broken = [one.case for one in self.findings if one.counts]
        if not broken:
            looked = display.many(len(self.looked_for), "case")
            return f"{self.target}: nothing to mend, {looked} looked for"
        return f"{self.target}: found {', '.join(dict.fromkeys(broken))}; nothing was changed"

    def table(self) -> display.Table:
        """Return one row per finding."""
        rows = tuple((one.case, one.what, one.offered or None, one.done or None) for one in self.findings)
        return display.Table(columns=("case", "what", "offered", "done"), rows=rows, empty="nothing to mend")

    def view(self) -> display.View:
        """Return each finding with its evidence, its offer, and how to have that done."""
        mark = display.Mark(self.verdict, self.verdict.tone)
        if self.shown_before:
            said = "There is nothing to mend." if not self.findings else "Nothing was changed: this is a dry run."
            return display.View(title=str(self), mark=mark, blocks=(display.Note(said),))
        blocks = [block for one in self.findings for block in one.blocks()]
        blocks += [display.Note(f"Not looked at: {one}", "unknown") for one in self.unknown]
        if not blocks:
            looked = ", ".join(self.looked_for)
            blocks.append(display.Note(f"Nothing is broken. Looked for: {looked}."))
        return display.View(title=str(self), mark=mark, blocks=tuple(blocks))

    def to_dict(self) -> dict[str, Any]:
        """Return the `data` of `90-repair`."""
        return {
            "case": self.case or None,
            "dry_run": self.dry_run,
            "findings": [one.to_dict() for one in self.findings],
            "lines": [line for one in self.findings if one.counts and not one.done for line in one.lines],
            "unknown": list(self.unknown),
            "looked_for": list(self.looked_for),
        }
