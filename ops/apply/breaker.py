"""`max_rewrite`: no transaction of a run writes more bytes of existing tables anew than that.

The server stops a rewrite before the copy starts, by an event trigger that the worker makes in the migration's own
transaction and takes away before its commit. What fires none is measured before it runs.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from ops import commands, dialects
from ops.catalog.names import quoted
from ops.commands import Command
from ops.display import size
from ops.errors import OpsError, RefusedError, UsageError
from ops.plan.kept import KeptPlan
from ops.project import Event
from ops.project.visit import Visit
from ops.settings import TargetSettings, bytes_of

NO_LIMIT = "none"
GONE_SECONDS = 2.0

_SIZES = """
    SELECT name, coalesce(pg_catalog.pg_total_relation_size(pg_catalog.to_regclass(name)), 0)
    FROM pg_catalog.unnest(%s::text[]) AS name
"""
_MAKES_HEAPS = frozenset({"CLUSTER", "SET TABLESPACE", "REFRESH MATERIALIZED VIEW"})
_ENDS = frozenset({"COMMIT", "ROLLBACK", "BEGIN", "PREPARE TRANSACTION"})
_UNSEEN = frozenset({"?", "DO", "CALL"})
_FIRES = frozenset(
    {
        "ADD COLUMN",
        "ALTER COLUMN TYPE",
        "SET EXPRESSION",
        "SET LOGGED",
        "SET UNLOGGED",
        "SET ACCESS METHOD",
        "ALTER TYPE",
    }
)


def limit_of(settings: TargetSettings, asked: str) -> int | None:
    """Return the bytes of a request: the target's where it asks for nothing, none at all where it says `none`.

    Raises
    ------
    UsageError
        It is no size, or the database is not PostgreSQL: nothing can stop a rewrite there before it begins.
    """
    dialect = dialects.of(settings)
    if asked.strip() and not dialect.is_postgresql:
        raise UsageError(
            f"max_rewrite = {asked[:80]!r} cannot be enforced on {dialect.name}, which stops no rewrite.",
            next_step="Leave max_rewrite empty; notebooks/20-plan.ipynb shows what is written anew.",
        )
    if not asked.strip():
        return settings.limits.max_rewrite
    if asked.strip().lower() == NO_LIMIT:
        return None
    found = bytes_of(asked)
    if found is None:
        raise UsageError(
            f"max_rewrite = {asked[:80]!r} is no size.",
            next_step=f"Write it as 500MB, 1GB or 2TB, or as {NO_LIMIT} for no limit.",
        )
    return found


class Breaker:
    """Stops what would write large tables anew. Without a limit it does nothing."""

    def __init__(self, here: Visit, limit: int | None, run: str) -> None:
        self._here = here
        self._limit = limit
        self._name = f"alembic_ops_{run}"
        self._role: str | None = None

    def prove(self, plan: KeptPlan | None) -> str:
        """Have the worker prove that rewrites would be stopped, before anything runs; return what is to be told.

        Raises
        ------
        RefusedError
            They would not, and nothing shows that there are none; or the plan foretells one that is too large.
        """
        if self._limit is None:
            return ""
        if plan is not None:
            self._compare(plan, self._limit)
        answer = self._here.worker.request("breaker", trigger=self._name)
        if answer["proved"]:
            self._role = answer["role"]
            return ""
        why = str(answer["why"]).rstrip(".")
        if plan is not None and _rewrites_nothing(plan):
            return f"max_rewrite is not enforced ({why}); the plan measured every statement, and none rewrites a table"
        raise RefusedError(
            f"max_rewrite = {size(self._limit)} cannot be enforced: {why}.",
            next_step="Use a role that may create event triggers (a superuser, or what the provider has instead); or "
            "make the plan (notebooks/20-plan.ipynb): where it shows that nothing is rewritten, no limit is needed; "
            f"or give max_rewrite = {NO_LIMIT}.",
            code="max-rewrite",
        )

    def _compare(self, plan: KeptPlan, limit: int) -> None:
        """Refuse a plan one of whose transactions writes too much anew, by the sizes that the tables have now."""
        from sqlalchemy.exc import DBAPIError

        together: dict[tuple[str, int], list[str]] = {}
        for place, one in enumerate(plan.statements):
            # what runs outside of a transaction is counted alone
            key = (one.revision, one.transaction or -place)
            together.setdefault(key, []).extend(one.rewrites)
        names = sorted({name for found in together.values() for name in found})
        try:
            rows = self._here.connection.exec_driver_sql(_SIZES, (names,)).all()
        except DBAPIError:
            return  # somebody has locked one of them: the server will say so when it comes to that
        sizes = {name: count for name, count in rows}
        for (revision, _), found in together.items():
            count = sum(sizes[name] for name in found)
            if count > limit:
                raise RefusedError(
                    f"As its plan foretells, {revision} writes {', '.join(dict.fromkeys(found))} anew, {size(count)} "
                    f"with indexes; max_rewrite is {size(limit)}.",
                    next_step="See in notebooks/20-plan.ipynb what to do instead; or raise max_rewrite, in hours when "
                    "the table may be locked for so long.",
                    code="max-rewrite",
                )

    @property
    def request(self) -> dict[str, Any] | None:
        """What the worker is told."""
        return None if self._role is None else {"limit": self._limit, "name": self._name, "role": self._role}

    def before(self, event: Event) -> dict[str, Any] | str:
        """Return what to add to the answer for a statement; or, as text, why it must not run."""
        if self._role is None:
            return {}
        found = commands.parse(event["sql"])
        if len(found) > 1 and any(one.verb in _ENDS for one in found):
            return "it ends a transaction in the midst of other statements, and the trigger would stay"
        answer: dict[str, Any] = {}
        heavy = [one for one in found if _makes_a_heap(one)]
        if heavy:
            answer["weigh"] = _weighed(heavy)
        if event["autocommit"]:
            if any(one.verb in _UNSEEN for one in found):
                return "it runs outside of a transaction, and what it does there cannot be watched"
            if _may_rewrite(found):
                answer["wrap"] = True
        return answer

    def remove(self) -> str:
        """Take away a trigger that stayed because the migration committed behind everybody's back; say so."""
        if self._role is None:
            return ""
        pattern = self._name.replace("_", r"\_") + r"\_%"
        # Its function is temporary: it goes with the session that made it, which may take a moment to end.
        give_up = time.monotonic() + GONE_SECONDS
        while left := self._left(pattern):
            if time.monotonic() > give_up:
                break
            time.sleep(0.05)
        if not left:
            return ""
        sql = [f"DROP EVENT TRIGGER IF EXISTS {quoted(one)}" for one in left]
        try:
            why = self._here.worker.request(
                "execute",
                listener=lambda event: None,
                read_only=False,
                statements=sql,
                settings={"role": self._role} if self._role else {},
            )["why"]
        except OpsError as error:
            why = error.problem
        if why:
            return f"The event trigger of max_rewrite stayed, and could not be dropped ({why}). Run: {'; '.join(sql)};"
        return ""

    def _left(self, pattern: str) -> list[str]:
        query = "SELECT evtname::text FROM pg_catalog.pg_event_trigger WHERE evtname LIKE %s ORDER BY 1"
        return list(self._here.connection.exec_driver_sql(query, (pattern,)).scalars())


def _rewrites_nothing(plan: KeptPlan) -> bool:
    return bool(plan.statements) and all(one.measured and not one.rewrites for one in plan.statements)


def _makes_a_heap(one: Command) -> bool:
    """Whether a statement writes tables anew without the server firing an event for it."""
    if one.verb == "VACUUM":
        return "FULL" in one.options
    return one.verb in _MAKES_HEAPS and "CONCURRENTLY" not in one.options and one.kind != "index"


def _weighed(heavy: Sequence[Command]) -> dict[str, Any]:
    names: list[str] = []
    for one in heavy:
        named = one.objects or (((one.schema, one.name),) if one.name else ())
        if not named:
            return {"verb": heavy[0].verb, "names": [], "partitions": True}  # of all tables
        names += [".".join(quoted(part) for part in pair if part) for pair in named]
    partitions = any(one.verb != "SET TABLESPACE" for one in heavy)
    return {"verb": " and ".join(dict.fromkeys(one.verb for one in heavy)), "names": names, "partitions": partitions}


def _may_rewrite(found: Sequence[Command]) -> bool:
    """Whether a statement outside of a transaction could fire the event, and so has to be put into one."""
    if commands.reads_only(found):
        return False
    return any(one.verb in _FIRES or one.functions for one in found)
