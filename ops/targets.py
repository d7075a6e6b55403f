"""Targets: what notebooks, buttons and schedulers all call."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ops import display, settings
from ops.errors import OpsError, RefusedError
from ops.project import Worker
from ops.values import Result, Verdict

# What a method needs is imported by it: a worker takes as long to start, and does so meanwhile.
if TYPE_CHECKING:
    from ops import apply, backup, draft, drift, health, ledger, plan, rehearsal, repair, status
    from ops.catalog import Catalog

EFFECTS = ("read", "copy", "files", "write")


class Target:
    """A named database that may be operated on. Nothing is opened until a method is called.

    `effects` is the most that its methods may do: a notebook that declares `read` cannot change anything
    through it.
    """

    def __init__(self, resolved: settings.TargetSettings, *, effects: str = "write") -> None:
        self._settings = resolved
        self.effects = effects

    @property
    def name(self) -> str:
        """The name under which it is configured."""
        return self._settings.name

    @property
    def protected(self) -> bool:
        """Whether a change needs the fingerprint of its dry run."""
        return self._settings.protected

    @property
    def settings(self) -> settings.TargetSettings:
        """What is configured; an embedded target's server is started for this."""
        resolved = self._settings
        if resolved.embedded and resolved.raw_url is None:
            from ops import embedded, scratch

            server = embedded.server(resolved.home)
            self._settings = resolved = resolved.with_url(scratch.ensure_database(server, resolved.name))
        return resolved

    def __repr__(self) -> str:
        return f"Target({self.name!r}, protected={self.protected}, effects={self.effects!r})"

    def status(self) -> status.Status:
        """Return where the database is: current, heads, pending, unknown, history."""
        return self._status()

    def history(self) -> Any:
        """Return the revisions, with the database's place among them."""
        return self.status().history

    def ledger(self, *, statements: bool = False) -> ledger.Records:
        """Return what was done to the database through this toolkit: when, by whom, with what outcome.

        `statements`: also the SQL that ran, with its times.
        """
        return self._status(statements=statements).ledger

    def _status(self, *, statements: bool = False) -> status.Status:
        with Worker(self.settings) as booted:
            from ops import status

            return status.read(booted.settings, statements=statements, booted=booted)

    def catalog(self) -> Catalog:
        """Return everything that the database's schema contains, as values with one fingerprint."""
        from ops import sides

        return sides.live(self.settings)

    def compare(self, *, ignore: str = "", expect_pending: bool = True, strict: bool = False) -> drift.Drift:
        """Return what differs among models, migrations and database, and who made each difference.

        `ignore`: kinds and patterns, comma-separated. `strict`: count what no migration manages, too.
        """
        from ops import compare

        return compare.drift(self.settings, ignore=ignore, expect_pending=expect_pending, strict=strict)

    def health(self) -> health.Health:
        """Return who would block a change now, which tables are hot, how replicas do, and what is left over."""
        from ops import health

        return health.read(self.settings)

    def plan(self, revision: str = "head", *, direction: str = "up", **options: str) -> plan.Plan:
        """Return what exactly would run, what it would lock, and whether it would fail on today's data.

        Measured on a clone of the schema; the target is only read. See `plan.plan` for the options.
        """
        from ops import plan

        return plan.plan(self.settings, direction, revision, **options)

    def rehearse(self, revision: str = "head", **options: Any) -> rehearsal.Rehearsal:
        """Return what happens when a copy goes up to a revision, back and up again, and what a rollback would lose.

        The target is only read. See `rehearsal.rehearse` for the options.
        """
        from ops import rehearsal

        self._may("copy", dry_run=False)
        return rehearsal.rehearse(self.settings, revision, **options)

    def new_revision(self, message: str, *, dry_run: bool = True, **options: Any) -> draft.Draft:
        """Return a drafted version file; it is written only with dry_run=False. See `draft.new_revision`."""
        from ops import draft

        self._may("files", dry_run)
        return draft.new_revision(self.settings, message, dry_run=dry_run, **options)

    def upgrade(self, revision: str = "head", *, dry_run: bool = True, **options: Any) -> apply.Run:
        """Upgrade to a revision; nothing changes unless dry_run=False. See `apply.change` for the options."""
        return self._change("up", revision, dry_run, options)

    def downgrade(self, revision: str = "-1", *, dry_run: bool = True, **options: Any) -> apply.Run:
        """Downgrade to a revision; nothing changes unless dry_run=False. See `apply.change` for the options."""
        return self._change("down", revision, dry_run, options)

    def stamp(self, revision: str, *, dry_run: bool = True, **options: Any) -> apply.Run:
        """Set the version table without running anything; nothing changes unless dry_run=False."""
        return self._change("stamp", revision, dry_run, options)

    def repair(self, case: str = "", *, dry_run: bool = True, confirm: str = "") -> repair.Repair:
        """Return what is broken, and what would mend it; that is done only with a case and dry_run=False.

        See `repair.repair` for the cases.
        """
        from ops import repair

        self._may("write", dry_run)
        return repair.repair(self.settings, case, dry_run=dry_run, confirm=confirm)

    def perform(self, shown: apply.Run | repair.Repair, *, dry_run: bool = True, **options: Any) -> Any:
        """Return what was shown, as a dry run; or do it: the same request, planned anew under the lock.

        A dry run looks at the options as well: what could not be done is refused before somebody relies on it.
        """
        from ops import apply, repair

        if dry_run:
            if isinstance(shown, apply.Run):
                apply.check(self.settings, **options)
            return replace(shown, shown_before=True)
        if isinstance(shown, repair.Repair):
            return self.repair(shown.case, dry_run=False, **options)
        return self._change(shown.route.direction, shown.route.requested, False, options)

    def recheck(self, done: repair.Repair) -> repair.Repair:
        """Look once more, from the beginning, at what was mended; a dry run changed nothing, and stays what it was."""
        if done.dry_run:
            return replace(done, shown_before=True)
        return self.repair(done.case.partition(":")[0])

    def backup(
        self, data: str = "full", format: str = "directory", verify: str = "list", keep: int = 0, **options: Any
    ) -> backup.Backup:
        """Make a backup, verify it, and return where it is; the database is only read.

        See `backup.backup` for what can be chosen.
        """
        from ops import backup

        return backup.backup(self.settings, data=data, format=format, verify=verify, keep=keep, **options)

    def backups(self) -> backup.Backups:
        """Return the backups that there are of this target, as their manifests say; nothing is opened."""
        from ops import backup

        return backup.backups(self._settings.home, self.name)

    def restore(self, file: str | Path, *, dry_run: bool = True, **options: Any) -> backup.Restoration:
        """Restore a backup into a new database, or with over=True in the place of one; only with dry_run=False.

        See `backup.restore` for the options.
        """
        self._may("write", dry_run)
        from ops import backup

        return backup.restore(self.settings, file, dry_run=dry_run, **options)

    def _change(self, direction: str, revision: str, dry_run: bool, options: dict[str, Any]) -> apply.Run:
        self._may("write", dry_run)
        with Worker(self.settings) as booted:
            from ops import apply

            return apply.change(booted.settings, direction, revision, dry_run=dry_run, booted=booted, **options)

    def _may(self, effect: str, dry_run: bool) -> None:
        if not dry_run and EFFECTS.index(self.effects) < EFFECTS.index(effect):
            raise RefusedError(
                f"This notebook declares that it has the effect {self.effects!r}; {effect!r} is more than that.",
                next_step=f"Use a notebook whose number begins with {3 if effect == 'copy' else 4}.",
            )


def target(name: str = "default", *, effects: str = "write") -> Target:
    """Return a target by name; nothing is opened.

    Raises
    ------
    UsageError
        Nobody configured that name, or its section, URL or environment variable is wrong.
    """
    resolved = settings.resolve(name, settings.home())
    if resolved.raw_url is not None:
        resolved.database  # noqa: B018  a malformed URL is said here, before a kernel starts
        resolved.project_url()
    return Target(resolved, effects=effects)


def describe_targets() -> Targets:
    """Return every target that there is, with what each resolves to, or why it does not."""
    home = settings.home()
    rows = []
    for name in settings.names(home):
        try:
            resolved = settings.resolve(name, home)
            url = "embedded server"
            if resolved.raw_url is not None:
                url = str(resolved.database)
                resolved.project_url()
        except OpsError as error:
            rows.append(TargetLine(name=name, url="", protected=True, project="", problem=error.problem))
            continue
        rows.append(
            TargetLine(
                name=name,
                url=url,
                protected=resolved.protected,
                project=str(resolved.project.config),
                source=resolved.source,
                requires=resolved.require.demands,
            )
        )
    return Targets(lines=tuple(rows))


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetLine:
    """One target, masked."""

    name: str
    url: str
    protected: bool
    project: str
    source: str = ""
    requires: tuple[str, ...] = ()
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Targets(Result):
    """All targets of a home folder."""

    lines: tuple[TargetLine, ...]

    @property
    def verdict(self) -> Verdict:
        """ATTENTION where one of them does not resolve."""
        return Verdict.ATTENTION if any(one.problem for one in self.lines) else Verdict.OK

    def __str__(self) -> str:
        broken = sum(1 for one in self.lines if one.problem)
        return f"{len(self.lines)} targets" + (f", {broken} of which cannot be used" if broken else "")

    def table(self) -> display.Table:
        """Return one row per target."""
        rows = tuple(
            (
                one.name,
                display.Mark("protected", "attention") if one.protected else display.Mark("not protected", "ok"),
                display.Mark(one.problem, "bad") if one.problem else one.url,
                ", ".join(one.requires) or "nothing",
                one.project,
            )
            for one in self.lines
        )
        return display.Table(columns=("target", "protection", "database", "requires", "project"), rows=rows)

    def view(self) -> display.View:
        """Return the table."""
        return display.View(title=str(self), mark=display.Mark(self.verdict, self.verdict.tone), blocks=(self.table(),))

    def to_dict(self) -> dict[str, Any]:
        """Return one object per target."""
        return {
            "targets": [
                {
                    "name": one.name,
                    "database": one.url,
                    "protected": one.protected,
                    "requires": list(one.requires),
                    "project": one.project,
                    "problem": one.problem or None,
                }
                for one in self.lines
            ]
        }
