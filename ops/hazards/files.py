"""Judgements about version files: what a review would find before anything runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ops.hazards.values import Hazard, Severity
from ops.statement import Statement
from ops.versionfile import Body, VersionFile

ID_CHARACTERS = 32
"""`version_num` is VARCHAR(32): what is longer fails when it is written.

https://github.com/sqlalchemy/alembic/blob/main/alembic/ddl/impl.py (`version_table_impl`)
"""

FILE_CODES = frozenset(
    {
        "changed-since-applied",
        "empty-downgrade",
        "irreversible",
        "long-id",
        "mixed-autocommit",
        "no-downgrade",
        "not-committed",
        "several-heads",
    }
)
"""The names of what is said here."""

_TUTORIAL = "https://alembic.sqlalchemy.org/en/latest/tutorial.html"
_AUTOCOMMIT = (
    "https://alembic.sqlalchemy.org/en/latest/api/runtime.html"
    "#alembic.runtime.migration.MigrationContext.autocommit_block"
)
_BRANCHES = "https://alembic.sqlalchemy.org/en/latest/branches.html"


def judge_files(
    files: Sequence[VersionFile],
    *,
    statements: Sequence[Statement],
    heads: Sequence[str],
    direction: str,
    several_heads: bool,
) -> tuple[Hazard, ...]:
    """Return what is wrong with the version files of a plan, in their order. `heads` are the newest of the project.

    `several_heads`: there are more than are meant to be there.
    """
    found = [hazard for one in files for hazard in _of_file(one, direction)]
    of_revision: dict[str, list[Statement]] = {}
    for one in statements:
        if not one.bookkeeping:
            of_revision.setdefault(one.revision, []).append(one)
    found += [hazard for one in files for hazard in _mixed(one, of_revision.get(one.revision, ()))]
    if several_heads:
        found.append(
            _hazard(
                "several-heads",
                Severity.MEDIUM,
                "",
                f"The history has {len(heads)} heads ({', '.join(heads)}): whoever upgrades to `head` is refused.",
                'Join them with `alembic merge heads -m "merge"`, or give branches that are meant to stay a label.',
                _BRANCHES,
            )
        )
    return tuple(found)


def _of_file(one: VersionFile, direction: str) -> Iterator[Hazard]:
    name = one.revision
    if len(name) > ID_CHARACTERS:
        yield _hazard(
            "long-id",
            Severity.HIGH,
            name,
            f"The id of {name} has {len(name)} characters; the version table has room for {ID_CHARACTERS}.",
            "Give it a shorter id, in the file and in every file that revises it.",
            _TUTORIAL,
        )
    if direction == "up" and one.upgrade is Body.CODE and not one.merges:
        yield from _way_back(one)
    if one.committed is False:
        yield _hazard(
            "not-committed",
            Severity.LOW,
            name,
            f"The file of {name} is not committed as it is: nobody else has it.",
            "Commit it together with the models before a shared database gets it.",
            _TUTORIAL,
        )
    if one.edited:
        yield _hazard(
            "changed-since-applied",
            Severity.MEDIUM,
            name,
            f"The file of {name} is not the one that was applied here: its downgrade may not fit what is there.",
            "Bring the applied file back (git log -p), and put what was added into a revision of its own.",
            _TUTORIAL,
        )


def _way_back(one: VersionFile) -> Iterator[Hazard]:
    name = one.revision
    if one.downgrade is Body.MISSING:
        yield _hazard(
            "no-downgrade",
            Severity.MEDIUM,
            name,
            f"{name} has no downgrade function: it cannot be undone.",
            "Write one, or one that raises and says why there is no way back.",
            _TUTORIAL,
        )
    elif one.downgrade is Body.EMPTY:
        yield _hazard(
            "empty-downgrade",
            Severity.MEDIUM,
            name,
            f"The downgrade of {name} does nothing: it would be recorded as undone, and nothing would be.",
            "Write what undoes the upgrade, or raise an error that says why there is no way back.",
            _TUTORIAL,
        )
    elif one.downgrade is Body.REFUSES:
        said = f": {one.reason}" if one.reason else ""
        yield _hazard(
            "irreversible",
            Severity.LOW,
            name,
            f"{name} is marked as irreversible{said}.",
            "Make a backup first: it is the only way back.",
            _TUTORIAL,
        )


def _mixed(one: VersionFile, own: Sequence[Statement]) -> Iterator[Hazard]:
    """A revision that commits some of its statements by themselves: a failure leaves a part of it."""
    outside = [each for each in own if each.autocommit and each.measured]
    inside = [each for each in own if not each.autocommit and (each.locks or each.created or each.dropped)]
    if outside and inside:
        yield _hazard(
            "mixed-autocommit",
            Severity.MEDIUM,
            one.revision,
            f"{one.revision} runs {len(outside)} statements outside of a transaction and {len(inside)} inside of one: "
            "where it fails between them, a part of it stays, and the version table does not say so.",
            "Put what needs an autocommit block into a revision of its own.",
            _AUTOCOMMIT,
        )


def _hazard(code: str, severity: Severity, revision: str, harm: str, advice: str, source: str) -> Hazard:
    return Hazard(
        code=code,
        severity=severity,
        statement=0,
        relation="",
        harm=harm,
        advice=advice,
        source=source,
        revision=revision,
    )
