"""What it takes to have a live schema on a scratch server, with its rows or without, and what differs there then.

One text for every way to restore it: what pg_dump leaves out, what is done to the empty database before, what no dump
carries, what leads out of the copy, and what surrounds it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from ops import copies, database, differing, scratch, surroundings
from ops.cache import Cache, Dependencies
from ops.catalog import Catalog, properties, snapshot
from ops.catalog.names import quoted
from ops.errors import OpsError
from ops.ground import Ground
from ops.settings import TargetSettings
from ops.surroundings import Surroundings


@dataclass(frozen=True, kw_only=True)
class Transfer:
    """One live schema, and the ground where it is to be had. `table` is schema and name of the version table."""

    settings: TargetSettings
    ground: Ground
    live: Catalog
    table: tuple[str, str]
    around: Surroundings

    @classmethod
    def of(cls, settings: TargetSettings, ground: Ground, live: Catalog, table: tuple[str, str]) -> Transfer:
        """Return the transfer of a schema; what surrounds it is read, and roles and tablespaces are
        made where it is to go.

        Raises
        ------
        ConnectError
            The target, or the scratch server, does not answer.
        """
        with database.connect(settings, purpose="clone") as connection:
            around = surroundings.read(connection, table)
        ground.furnish()
        return cls(settings=settings, ground=ground, live=live, table=table, around=around)

    @cached_property
    def place(self) -> scratch.Place:
        """The scratch server."""
        return self.ground.server

    def require_extensions(self) -> None:
        """Return when the scratch server has the extensions that the schema needs.

        Raises
        ------
        OpsError
            It lacks one, which is named (code `clone`).
        """
        names = [key.name for key in self.live.texts if key.kind == "extension"]
        missing = sorted(set(names) - set(available(self.place, names)))
        if missing:
            several = "extensions" if len(missing) > 1 else "extension"
            raise OpsError(
                f"{capital(self.place.label)} has no {several} {', '.join(map(quoted, missing))}, and the schema "
                f"needs {'them' if len(missing) > 1 else 'it'}.",
                next_step=self.elsewhere,
                code="clone",
            )

    @cached_property
    def options(self) -> tuple[str, ...]:
        """What pg_dump is told to leave out."""
        found = [f"--exclude-schema={snapshot.OWN_SCHEMA}", "--no-subscriptions", "--no-security-labels"]
        if not self.ground.has_roles:
            found += ["--no-owner", "--no-acl"]
        return (*found, *self._lacking)

    @property
    def left_out(self) -> tuple[str, ...]:
        """What of that the scratch server has not, in words."""
        return tuple(self._lacking.values())

    @cached_property
    def _lacking(self) -> Mapping[str, str]:
        texts = self.live.texts.values()
        found = {}
        used = {properties(text).get("tablespace") for text in texts if '"tablespace" : "' in text}
        if lacking := [one for one in self.ground.lacking if one in {*used, self.around.tablespace}]:
            several = "tablespaces" if len(lacking) > 1 else "tablespace"
            found["--no-tablespaces"] = f"{several} {', '.join(map(quoted, lacking))}"
        if any('"compression" : "lz4"' in text for text in texts) and not copies.has_lz4(self.place):
            found["--no-toast-compression"] = "lz4"
        return found

    @property
    def tablespace(self) -> str:
        """Where a copy is to lie: what a statement moves to the tablespace of its database, stays where it is."""
        wanted = self.around.tablespace
        return "" if wanted in self.ground.lacking else wanted

    def require_unchanged(self) -> None:
        """Return when the schema still is what it was.

        Raises
        ------
        OpsError
            Somebody has changed it (code `busy`).
        """
        with database.connect(self.settings, purpose="clone") as connection:
            self.require_same(snapshot.read(connection, version_table=self.table))

    def require_same(self, now: Catalog) -> None:
        """Return when a catalog is what the schema was; raises the same."""
        if now.fingerprint != self.live.fingerprint:
            raise OpsError(
                "The schema was changed while it was copied.",
                next_step="Try again when nobody changes it any more.",
                code="busy",
            )

    def begin(self, name: str) -> None:
        """Drop what every new database has, and a dump takes for granted, where the target has it not."""
        there = {(key.kind, key.name) for key in self.live.texts}
        gone = [one for one in (("schema", "public"), ("extension", "plpgsql")) if one not in there]
        with closing(scratch.connect(self.place, name)) as connection, connection.cursor() as cursor:
            for kind, one in gone:
                cursor.execute(f"DROP {kind} IF EXISTS {one}")

    def refused(self, error: OpsError) -> OpsError:
        """Return what is said where a restore failed."""
        return OpsError(
            f"The schema cannot be restored on {self.place.label}: {error.problem}",
            next_step=self.elsewhere,
            code="clone",
        )

    def finish(self, name: str, *, patient: bool = False) -> Mapping[str, Any]:
        """Complete what was restored in a database; return what is known of it then, as plain data.

        `patient`: whether its views may take as long as they need to be filled.
        """
        made = self.read(name)
        if self.ground.has_roles and self._carry_invalid(name, made):
            made = self.read(name)
        if not self.left_out and self.ground.has_roles:
            self._keep(made)
        here = self.around.encoding, self.around.collation
        return {
            "server_version": made.server_version,
            "left_out": list(self.left_out),
            "missing": list(differing.of_objects(self.live, made, self.left_out, has_roles=self.ground.has_roles)),
            "differences": [
                *differing.of_versions(self.live, made),
                *differing.of_extensions(self.live, made),
                *differing.of_text(self.live, here, copies.locale(self.place, name)),
                *copies.finish(self.place, name, patient=patient),
            ],
        }

    def settle(self, name: str, heads: tuple[str, ...]) -> tuple[str, ...]:
        """Have a copy begin where the target is: at these revisions, with its rights and settings; return what differs.

        Raises
        ------
        OpsError
            There is no version table, and some revision is to be in it.
        """
        copies.set_heads(self.place, name, self.table, heads)
        if self.ground.has_roles:
            surroundings.give_rights(self.place, name, self.around)
        return (
            *differing.of_roles(self.ground.role, has_roles=self.ground.has_roles),
            *differing.of_subscriptions(self.around.subscriptions),
            *surroundings.give(self.place, name, self.around),
        )

    def settings_of(self, name: str) -> TargetSettings:
        """Return settings that lead to a copy, with the role that does the work there."""
        return replace(self.settings.with_url(self.place.url(name)), role=self.ground.role, embedded=False)

    def read(self, name: str) -> Catalog:
        """Return the catalog of a scratch database."""
        there = replace(self.settings.with_url(self.place.url(name)), role=None, embedded=False)
        with database.connect(there, purpose="clone") as connection:
            return snapshot.read(connection, version_table=self.table)

    @property
    def elsewhere(self) -> str:
        """What to do where the scratch server has not what the schema needs."""
        return (
            f"Name a PostgreSQL {self.live.server_version // 10000} that has what the schema needs, and on which "
            "databases may be created, as scratch_url in the target's section."
        )

    @property
    def kept(self) -> list[object]:
        """By what the schema is known, as this server writes it, in the cache."""
        return [self.live.fingerprint, self.live.server_version, self.ground.key, self.table]

    def _keep(self, made: Catalog) -> None:
        payload = {"server_version": made.server_version, "fingerprint": made.fingerprint}
        if self.live.unread:
            payload["fingerprint"] = replace(made, unread=self.live.unread).fingerprint
        rows = [[*key, text] for key, text in made.texts.items()]
        Cache(self.settings.home).put("clone", self.kept, payload, Dependencies(), bulk=rows)

    def _carry_invalid(self, name: str, made: Catalog) -> bool:
        """Make the invalid indexes, which no dump carries; return whether there were any.

        A statement meets them: the name is taken, and DROP INDEX finds something.
        """
        lacking = [
            (key, found)
            for key in sorted(self.live.texts.keys() - made.texts.keys())
            if key.kind == "index" and (found := properties(self.live.texts[key])).get("state") == "invalid"
        ]
        with closing(scratch.connect(self.place, name)) as connection, connection.cursor() as cursor:
            for key, found in lacking:
                own = f"{quoted(key.schema)}.{quoted(key.name)}"
                _make_invalid(cursor, own, found["definition"])
                if "comment" in found:
                    cursor.execute(f"COMMENT ON INDEX {own.replace('%', '%%')} IS %s", (found["comment"],))
        return bool(lacking)


def _make_invalid(cursor: Any, name: str, definition: str) -> None:
    """Make an index that is invalid, as it is where its building failed: the rows may be what it fails at."""
    import psycopg2

    concurrently = re.sub(r"\A(CREATE (?:UNIQUE )?INDEX) (?!.* ON ONLY )", r"\1 CONCURRENTLY ", definition)
    try:
        cursor.execute(concurrently)
    except psycopg2.Error:
        cursor.execute("SELECT pg_catalog.to_regclass(%s)", (name,))
        if cursor.fetchone() == (None,):
            raise
    cursor.execute(_INVALIDATE, (name,))


_INVALIDATE = "UPDATE pg_catalog.pg_index SET indisvalid = false WHERE indexrelid = %s::regclass"

AVAILABLE = "SELECT name::text, default_version FROM pg_catalog.pg_available_extensions WHERE name = ANY (%s)"


def available(place: scratch.Place, names: Sequence[str]) -> dict[str, str]:
    """Return which of some extensions a server has, with the version that it would create."""
    with closing(scratch.connect(place)) as connection, connection.cursor() as cursor:
        cursor.execute(AVAILABLE, (list(names),))
        return dict(cursor.fetchall())


def capital(text: str) -> str:
    """Return a text that begins a sentence."""
    return text[:1].upper() + text[1:]
