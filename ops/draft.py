"""A new revision: drafted from the models or empty, looked at first, written on request."""

from __future__ import annotations

import shlex
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ops import compare, display, plan
from ops.errors import OpsError
from ops.plan import Plan
from ops.project.failures import shorten
from ops.project.visit import Visit, describe_missing, visit
from ops.settings import TargetSettings
from ops.values import Result, Verdict

_LONGEST_ID = 32  # alembic_version.version_num is VARCHAR(32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft(Result):
    """A version file, its SQL in both directions, what it would do to the database, and whether it was written.

    `plan` is None where there is nothing to judge: an empty revision, or one that the database has already; or
    where it could not be judged, which `unjudged` explains.
    """

    target: str
    revision: str | None
    file: str = ""
    content: str = ""
    upgrade_sql: str | None = None
    downgrade_sql: str | None = None
    why_no_sql: str | None = None
    written: bool = False
    message: str = ""
    missing_models: tuple[str, ...] = ()
    adopted: bool = False
    plan: Plan | None = None
    unjudged: str = ""

    @property
    def empty(self) -> bool:
        """Whether the upgrade does nothing."""
        body = self.content.partition("def upgrade")[2].partition("def downgrade")[0]
        lines = [line.strip() for line in body.splitlines()[1:]]
        code = [one for one in lines if one and not one.startswith(("#", '"""'))]
        return code in ([], ["pass"])

    @property
    def verdict(self) -> Verdict:
        """ATTENTION where the draft misses a model; else what its plan says."""
        if self.missing_models or self.revision is None:
            return Verdict.ATTENTION
        if self.unjudged:
            return Verdict.UNKNOWN
        return self.plan.verdict if self.plan is not None else Verdict.OK

    def __str__(self) -> str:
        if self.revision is None:
            return f"{self.target}: the project's env.py suppressed the draft, so there is nothing to write"
        what = "an empty revision" if self.empty else "a revision"
        verb = "wrote" if self.written else "dry run, would write"
        judged = ""
        if self.plan is not None and self.plan.verdict is not Verdict.OK:
            judged = ", which needs attention" if self.plan.verdict is Verdict.ATTENTION else ", not all of it judged"
        return f"{self.target}: {verb} {what} {self.revision}, {self.file}{judged}"

    @property
    def files(self) -> Mapping[str, str]:
        """What belongs into the folder of a run: the plan's files, where there is one."""
        return self.plan.files if self.plan is not None else {}

    def table(self) -> display.Table:
        """Return one row: the revision and its file."""
        rows = ((self.revision, self.message, self.file, self.written),) if self.revision else ()
        return display.Table(columns=("revision", "message", "file", "written"), rows=rows)

    @property
    def commit_commands(self) -> str:
        """The git commands that put the file under version control."""
        message = f"Add migration {self.revision}: {self.message}"
        return f"git add {shlex.quote(self.file)}\ngit commit -m {shlex.quote(message)}"

    def view(self) -> display.View:
        """Return the file, its SQL in both directions, and what to do with it."""
        blocks: list[Any] = [display.Note(one, "attention") for one in self.missing_models]
        if self.revision:
            if self.empty:
                blocks.append(
                    display.Note("The upgrade does nothing: models and database agree, or it is yours to write.")
                )
            blocks.append(display.Code(text=self.content, language="python", caption=self.file))
            for caption, sql in (
                ("Upgrade as SQL", self.upgrade_sql),
                ("Downgrade as SQL", self.downgrade_sql),
            ):
                if sql is None:
                    blocks.append(display.Note(f"{caption}: not available, {self.why_no_sql}.", "unknown"))
                else:
                    blocks.append(display.Code(text=sql or "-- nothing", caption=caption))
            if self.plan is not None:
                blocks.append(display.Note(f"What it would do to this database: {self.plan}", self.plan.verdict.tone))
                blocks.extend(self.plan.view().blocks)
            if self.unjudged:
                not_known = f"What it would do to this database is not known: {self.unjudged}"
                blocks.append(display.Note(not_known, "unknown"))
            if self.adopted:
                blocks.append(
                    display.Note(
                        "This database has it already: stamp the new revision here (44-stamp), and run it elsewhere."
                    )
                )
            if self.written:
                blocks.append(
                    display.Code(
                        text=self.commit_commands,
                        language="shell",
                        caption="Read it, correct it, then commit it",
                    )
                )
            else:
                blocks.append(
                    display.Note("Nothing was written. Run this again with dry_run = False; the id will be another.")
                )
        return display.View(title=str(self), mark=display.Mark(self.verdict, self.verdict.tone), blocks=tuple(blocks))

    def to_dict(self) -> dict[str, Any]:
        """Return the `data` of `24-new-revision`."""
        return {
            "revision": self.revision,
            "file": self.file,
            "upgrade_sql": self.upgrade_sql,
            "downgrade_sql": self.downgrade_sql,
            "written": self.written,
            "missing_models": list(self.missing_models),
            "plan": self.plan.to_dict() if self.plan is not None else None,
            "unjudged": self.unjudged or None,
        }


def new_revision(
    settings: TargetSettings,
    message: str,
    *,
    autogenerate: bool = True,
    head: str | tuple[str, ...] = "head",
    adopt: bool = False,
    dry_run: bool = True,
) -> Draft:
    """Return a draft; by default the file is not written where it belongs.

    `head`: what it revises; several are merged. `adopt`: draft what was changed by hand on this database, in place of
    what the models ask for. The database has it already, so there the new revision is stamped and not run.

    Raises
    ------
    OpsError
        The message is empty.
    RevisionError
        The database is not at the newest revision (autogenerate), or there are several heads.
    ProjectError
        The models or env.py do not load, or the version folder cannot be written.
    """
    if not message.strip():
        raise OpsError(
            "A revision needs a message: it becomes the file's name and what everybody reads in the history.",
            next_step="Set the parameter `message`, for example to 'add email to users'.",
            code="no-message",
        )
    body = _adopted(settings) if adopt else None
    drafted, name = _drafted(
        settings, message, body, autogenerate=autogenerate and not adopt, head=head, dry_run=dry_run
    )
    drafted = replace(drafted, adopted=adopt)
    if drafted.revision is None or drafted.empty or adopt:
        return drafted
    return _judged(settings, drafted, name)


def with_body(settings: TargetSettings, message: str, body: Mapping[str, str], *, dry_run: bool = True) -> Draft:
    """Return a draft of given `upgrades` and `downgrades`, which are Python; by default it is not written.

    Raises
    ------
    RevisionError
        There are several heads.
    ProjectError
        env.py does not load, or the version folder cannot be written.
    """
    return _drafted(settings, message, body, autogenerate=False, head="head", dry_run=dry_run)[0]


def _drafted(
    settings: TargetSettings,
    message: str,
    body: Mapping[str, str] | None,
    *,
    autogenerate: bool,
    head: str | tuple[str, ...],
    dry_run: bool,
) -> tuple[Draft, str]:
    """A draft, and the name of its file."""
    with (
        visit(settings, purpose="draft") as here,
        tempfile.TemporaryDirectory(prefix="alembic-ops-") as folder,
    ):
        answer = here.worker.request(
            "draft",
            message=message,
            autogenerate=autogenerate,
            head=head,
            write=not dry_run,
            folder=folder,
            body=body,
        )
    name = Path(answer["path"]).name if answer["revision"] is not None else ""
    return _draft(here, message, answer, written=not dry_run), name


def _judged(settings: TargetSettings, drafted: Draft, name: str) -> Draft:
    """Plan the upgrade to a draft, whether or not its file stands where it belongs yet."""
    assert drafted.revision is not None
    with tempfile.TemporaryDirectory(prefix="alembic-ops-") as folder:
        if not drafted.written:
            (Path(folder) / name).write_text(drafted.content, encoding="utf-8")
            settings = replace(settings, project=replace(settings.project, drafts=(folder,)))
        try:
            return replace(drafted, plan=plan.plan(settings, "up", drafted.revision))
        except OpsError as error:  # the draft is there all the same, and says that nobody knows what it does
            return replace(drafted, unjudged=error.problem)


def _adopted(settings: TargetSettings) -> dict[str, str]:
    """The bodies of a revision that says what was changed by hand."""
    up, down = compare.adoption(settings)
    if not up.sql:
        raise OpsError(
            "Nothing was changed by hand on this database, so there is nothing to adopt.",
            next_step="Draft from the models instead: adopt = False.",
            code="nothing-to-adopt",
        )
    notes = [f"# not adopted: {line}" for line in up.why.splitlines() if line]
    return {"upgrades": "\n".join([*notes, up.alembic]), "downgrades": down.alembic or "pass"}


def _draft(here: Visit, message: str, answer: dict[str, Any], *, written: bool) -> Draft:
    missing = tuple(describe_missing(one) for one in (answer.get("models") or {}).get("missing", ()))
    name = here.settings.name
    if answer["revision"] is None:
        return Draft(target=name, revision=None, missing_models=missing, message=message)
    if len(answer["revision"]) > _LONGEST_ID:
        raise OpsError(
            f"The revision id {answer['revision']!r} is longer than the {_LONGEST_ID} characters of the version table.",
            next_step="Shorten the id in the file."
            if written
            else "Have env.py give shorter ids (process_revision_directives).",
        )
    return Draft(
        target=name,
        revision=answer["revision"],
        file=shorten(str(Path(answer["path"]))),
        content=answer["content"],
        upgrade_sql=answer["upgrade_sql"],
        downgrade_sql=answer["downgrade_sql"],
        why_no_sql=answer.get("upgrade_sql_why") or answer.get("downgrade_sql_why"),
        written=written,
        message=message,
        missing_models=missing,
    )
