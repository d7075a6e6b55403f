"""Every error that `ops` raises on purpose.

OpsError                     code, problem, changed, next_step; verdict FAILED
├── UsageError               exit 2: what was asked for does not exist or has the wrong type
│   └── SettingsError        a target's section, URL or environment is wrong
├── ConnectError             the server cannot be reached, or does not let us in
├── ProjectError             an Alembic project does not load: env.py, a version file, a model
│   └── ImportFailedError    it cannot import something; says what, where, and what it would import from
├── RevisionError            a revision is unknown, ambiguous, or not one where one is needed
├── RefusedError             exit 4: the guard said no; nothing was changed
│   ├── WrongDatabaseError   env.py reached another database than the target's
│   ├── StalePlanError       the confirmation does not fit what would run now
│   ├── SharedSessionError   a pooler lets other clients use our session: no lock or setting would hold
│   └── BusyError            exit 5: another run holds the lock, or lock waits ran out
├── LackingError             exit 3, verdict UNKNOWN: this kind of database has no such check
├── MigrationError           a revision failed; says what stays applied
└── InterruptedRunError      exit 6: a process died; the state was read back where possible

Callers branch on the class and its attributes, never on the text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ops.secrets import redact
from ops.values import Verdict

_WORDS = ("problem", "next_step")


class OpsError(Exception):
    """Base of every error that `ops` raises on purpose."""

    code = "failed"
    verdict = Verdict.FAILED
    exit_code = 1

    def __init__(self, problem: str, *, next_step: str, changed: bool | None = False, code: str | None = None) -> None:
        """`changed`: whether the database was changed before this was raised; None where nobody knows."""
        super().__init__(redact(problem))
        self.problem = problem
        self.next_step = next_step
        self.changed = changed
        if code is not None:
            self.code = code

    def __str__(self) -> str:
        return f"{self.problem}\n{self.effect}\nNext: {self.next_step}"

    def __setattr__(self, name: str, value: object) -> None:
        # Also where something is added to the words later: no secret gets into them.
        super().__setattr__(name, redact(value) if name in _WORDS and isinstance(value, str) else value)

    @property
    def effect(self) -> str:
        """One sentence: whether the database was changed."""
        return effect(self.changed)

    def to_dict(self) -> dict[str, object]:
        """Return the `error` object of `result.json`."""
        return {
            "code": self.code,
            "problem": self.problem,
            "changed": self.changed,
            "next_step": self.next_step,
        }

    def _render_traceback_(self) -> list[str]:
        # IPython asks the exception itself how it wants to be shown: a refusal needs no stack of ours.
        return [f"{self.verdict.value}: {self.problem}", self.effect, f"Next: {self.next_step}"]


def effect(changed: bool | None) -> str:
    """Return in one sentence whether the database was changed; None where nobody knows.

    A file may have been written all the same, which the problem says: a version file, or a folder of a run.
    """
    if changed is None:
        return "It is not known whether the database was changed."
    return "The database was changed." if changed else "The database was not changed."


def first_line(error: BaseException) -> str:
    """Return what an exception of somebody else's says, in one line, without secrets and without its full stop.

    Of one of SQLAlchemy's, what the driver's says: the first has the statement and a link as well.
    """
    said = getattr(error, "orig", None) or error
    lines = str(said).strip().splitlines() or [type(said).__name__]
    return redact(lines[0]).rstrip(".")


class UsageError(OpsError):
    """What was asked for does not exist, or has the wrong type."""

    code = "usage"
    exit_code = 2


class SettingsError(UsageError):
    """A target cannot be resolved: its section, its URL, or its environment variable is wrong."""

    code = "settings"


class ConnectError(OpsError):
    """The server cannot be reached, or does not let this role in."""

    code = "unreachable"


class ProjectError(OpsError):
    """The Alembic project does not load."""

    code = "project"


class ImportFailedError(ProjectError):
    """The project's own code cannot import something.

    `module` is what, as far as Python says it; `frames` are the project's own lines that led there, the last one
    innermost, each with `path`, `line` and `text`; `sys_path` is where the worker looked.
    """

    code = "import"

    def __init__(
        self,
        problem: str,
        *,
        next_step: str,
        module: str = "",
        frames: Sequence[Mapping[str, Any]] = (),
        sys_path: Sequence[str] = (),
    ) -> None:
        super().__init__(problem, next_step=next_step)
        self.module = module
        self.frames = tuple(frames)
        self.sys_path = tuple(sys_path)


class RevisionError(OpsError):
    """A revision is unknown, ambiguous, or several where one is needed."""

    code = "revision"


class RefusedError(OpsError):
    """The guard said no. Nothing was changed."""

    code = "refused"
    verdict = Verdict.REFUSED
    exit_code = 4


class WrongDatabaseError(RefusedError):
    """The project's env.py opened a connection to another database than the target's."""

    code = "wrong-database"


class StalePlanError(RefusedError):
    """The confirmation does not fit what would run now."""

    code = "stale-plan"


class SharedSessionError(RefusedError):
    """A pooler between here and the server shares sessions among its clients."""

    code = "pooler"


class BusyError(RefusedError):
    """Another run holds the lock, or lock waits ran out before anything was changed."""

    code = "busy"
    exit_code = 5


class LackingError(OpsError):
    """What was to be looked at cannot be, on this kind of database, or with what the target's section names."""

    code = "lacking"
    verdict = Verdict.UNKNOWN
    exit_code = 3


class MigrationError(OpsError):
    """A revision failed while it ran. `sqlstate` is the server's, where it refused a statement and said why."""

    code = "migration"
    sqlstate: str | None = None


class InterruptedRunError(OpsError):
    """The worker or the kernel died, or was told to stop, before the outcome was proved."""

    code = "interrupted"
    verdict = Verdict.UNKNOWN
    exit_code = 6
