"""A target's schema, without its rows, on a scratch server.

There a migration may run before it runs on the target; and there one server writes both sides of a comparison.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ops import copies, database, programs, scratch, surroundings, templates
from ops.cache import Cache, Dependencies
from ops.catalog import Catalog, Key, properties, snapshot
from ops.catalog.later import later
from ops.catalog.names import quoted
from ops.errors import OpsError
from ops.ground import Ground
from ops.settings import TargetSettings
from ops.surroundings import Surroundings

_SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Clone:
    """A copy of a target's schema, which lives as long as the context that made it.

    `settings` lead there, with the role that does the work; `differences` say what is not as in the target, and what
    that leaves uncertain, a sentence each; `missing` says what of the schema itself could not be carried over, so that
    what a statement does there may be something else. `made`: whether the schema was dumped for it just now.
    """

    settings: TargetSettings
    database: str
    server_version: int
    differences: tuple[str, ...]
    missing: tuple[str, ...]
    made: bool
    template: str

    @property
    def major(self) -> int:
        """The major version of the server that it lives on."""
        return self.server_version // 10000


@contextmanager
def cloned(
    settings: TargetSettings, ground: Ground, live: Catalog, table: tuple[str, str], heads: tuple[str, ...]
) -> Iterator[Clone]:
    """Yield a copy of a target's schema, at the revisions `heads`; it is dropped afterwards.

    The schema is dumped once, and kept as a template for as long as it stays as in `live`. `table` is schema and name
    of the version table.

    Raises
    ------
    OpsError
        The schema cannot be dumped, or not be restored there (code `clone`); or it is being changed (code `busy`).
    ConnectError
        The target, or the scratch server, does not answer.
    """
    with database.connect(settings, purpose="clone") as connection:
        around = surroundings.read(connection, table)
    work = _Work(settings, ground, live, table, around)
    place = work.place
    ground.make_roles()
    with work.copy() as (name, template):
        copies.set_heads(place, name, table, heads)
        if ground.has_roles:
            surroundings.give_rights(place, name, around)
        differences = (
            *template.note["differences"],
            *_of_roles(ground),
            *_of_subscriptions(around),
            *surroundings.give(place, name, around),
        )
        yield Clone(
            settings=replace(settings.with_url(place.url(name)), role=ground.role, embedded=False),
            database=name,
            server_version=template.note["server_version"],
            differences=differences,
            missing=tuple(template.note["missing"]),
            made=template.made,
            template=template.database,
        )


def as_written_there(settings: TargetSettings, ground: Ground, live: Catalog, table: tuple[str, str]) -> Catalog:
    """Return a live catalog as the scratch server writes it; kept for as long as the live schema is the same.

    Servers of different major versions print the same view, default or constraint differently.

    Raises
    ------
    OpsError
        The schema cannot be dumped, or not be restored there.
    """
    kept = Cache(settings.home)
    inputs = [live.fingerprint, live.server_version, ground.key, table]
    found = kept.get("clone", inputs)
    if found is None:
        with database.connect(settings, purpose="clone") as connection:
            around = surroundings.read(connection, table)
        work = _Work(settings, ground, live, table, around)
        ground.make_roles()
        note = work.template().note
        lacking = [*note["left_out"], *(() if ground.has_roles else ("roles of the target's",))]
        if lacking:
            raise OpsError(
                f"{_capital(ground.server.label)} has no {' and no '.join(lacking)}.",
                next_step=_elsewhere(live),
                code="clone",
            )
        found = kept.get("clone", inputs)
        if found is None:  # the template was there, and what was kept of it was not, or cannot be kept
            with work.copy() as (name, _):
                return replace(work.read(name), database=live.database, unread=live.unread)
    return later(
        database=live.database,
        server_version=found.payload["server_version"],
        fingerprint=found.payload["fingerprint"],
        load=lambda: {Key._make(row[:4]): row[4] for row in found.bulk()},
    )


def usual_versions(settings: TargetSettings, ground: Ground, names: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Return which version of some extensions the target's server, and the scratch server, would create."""
    with database.connect(settings, purpose="compare") as connection:
        here = dict(tuple(row) for row in connection.exec_driver_sql(_AVAILABLE, (list(names),)))
    there = _available(ground.server, names)
    return {name: (here[name], version) for name, version in there.items() if name in here}


class _Work:
    """One schema that is to be had on one scratch server."""

    def __init__(
        self, settings: TargetSettings, ground: Ground, live: Catalog, table: tuple[str, str], around: Surroundings
    ) -> None:
        self.settings = settings
        self.ground = ground
        self.place = ground.server
        self.live = live
        self.table = table
        self.around = around
        self.inputs = [
            live.fingerprint, live.server_version, ground.key, table,
            around.version_table, around.encoding, around.collation,
        ]  # fmt: skip

    def template(self) -> templates.Template:
        """Return the template, made where there is none."""
        return templates.template(self.place, self.inputs, self._fill)

    def copy(self) -> AbstractContextManager[tuple[str, templates.Template]]:
        """Yield the name of a throw-away copy of the template, and the template."""
        return templates.copy(self.place, self.inputs, self._fill, prefix="clone")

    def read(self, name: str) -> Catalog:
        """Return the catalog of a scratch database."""
        there = replace(self.settings.with_url(self.place.url(name)), role=None, embedded=False)
        with database.connect(there, purpose="clone") as connection:
            return snapshot.read(connection, version_table=self.table)

    def _fill(self, making: str) -> Mapping[str, Any]:
        """Restore the schema in an empty database; return what is known of it then."""
        self._say_missing_extensions()
        options, left_out = self._options()
        script = dump(self.settings, programs.folder_for(self.live.server_version // 10000), options)
        if self.place.major < _TRANSACTION_TIMEOUT:
            before, encoding, after = script.partition(b"SET client_encoding")
            script = before.replace(b"SET transaction_timeout = 0;\n", b"") + encoding + after
        with database.connect(self.settings, purpose="clone") as connection:
            if snapshot.read(connection, version_table=self.table).fingerprint != self.live.fingerprint:
                raise OpsError(
                    "The schema was changed while it was copied.",
                    next_step="Try again when nobody changes it any more.",
                    code="busy",
                )
        try:
            programs.run(self._beginning() + script, self.place.url(making), self.place.bin_dir)
        except OpsError as error:
            raise OpsError(
                f"The schema cannot be restored on {self.place.label}: {error.problem}",
                next_step=_elsewhere(self.live),
                code="clone",
            ) from None
        made = self.read(making)
        if self.ground.has_roles and self._carry_invalid(making, made):
            made = self.read(making)
        if not left_out and self.ground.has_roles:
            self._keep(made)
        return {
            "server_version": made.server_version,
            "left_out": left_out,
            "missing": list(_of_objects(self.live, made, left_out, has_roles=self.ground.has_roles)),
            "differences": [
                *_of_versions(self.live, made),
                *_of_extensions(self.live, made),
                *self._of_text(making),
                *copies.finish(self.place, making),
            ],
        }

    def _say_missing_extensions(self) -> None:
        names = [key.name for key in self.live.texts if key.kind == "extension"]
        missing = sorted(set(names) - set(_available(self.place, names)))
        if missing:
            several = "extensions" if len(missing) > 1 else "extension"
            raise OpsError(
                f"{_capital(self.place.label)} has no {several} {', '.join(map(quoted, missing))}, and the schema "
                f"needs {'them' if len(missing) > 1 else 'it'}.",
                next_step=_elsewhere(self.live),
                code="clone",
            )

    def _options(self) -> tuple[list[str], list[str]]:
        """What pg_dump is to leave out, as this server has no such thing, and what that is in words."""
        options = [f"--exclude-schema={snapshot.OWN_SCHEMA}", "--no-subscriptions", "--no-security-labels"]
        left_out = []
        if not self.ground.has_roles:
            options += ["--no-owner", "--no-acl"]
        texts = self.live.texts.values()
        if any('"tablespace" : "' in text for text in texts):
            options.append("--no-tablespaces")
            left_out.append("tablespaces of that name")
        if any('"compression" : "lz4"' in text for text in texts) and not copies.has_lz4(self.place):
            options.append("--no-toast-compression")
            left_out.append("lz4")
        return options, left_out

    def _beginning(self) -> bytes:
        """Drop what every new database has, and the dump takes for granted, where the target has it not."""
        there = {(key.kind, key.name) for key in self.live.texts}
        gone = [one for one in (("schema", "public"), ("extension", "plpgsql")) if one not in there]
        return "".join(f"DROP {kind} IF EXISTS {name};\n" for kind, name in gone).encode()

    def _carry_invalid(self, making: str, made: Catalog) -> bool:
        """Make the invalid indexes, which no dump carries; return whether there were any.

        A statement meets them: the name is taken, and DROP INDEX finds something.
        """
        lacking = [
            (key, found)
            for key in sorted(self.live.texts.keys() - made.texts.keys())
            if key.kind == "index" and (found := properties(self.live.texts[key])).get("state") == "invalid"
        ]
        if not lacking:
            return False
        with closing(scratch.connect(self.place, making)) as connection, connection.cursor() as cursor:
            for key, found in lacking:
                cursor.execute(found["definition"])
                name = f"{quoted(key.schema)}.{quoted(key.name)}"
                cursor.execute(_INVALIDATE, (name,))
                if "comment" in found:
                    cursor.execute(f"COMMENT ON INDEX {name.replace('%', '%%')} IS %s", (found["comment"],))
        return True

    def _keep(self, made: Catalog) -> None:
        inputs = [self.live.fingerprint, self.live.server_version, self.ground.key, self.table]
        payload = {"server_version": made.server_version, "fingerprint": made.fingerprint}
        if self.live.unread:
            payload["fingerprint"] = replace(made, unread=self.live.unread).fingerprint
        rows = [[*key, text] for key, text in made.texts.items()]
        Cache(self.settings.home).put("clone", inputs, payload, Dependencies(), bulk=rows)

    def _of_text(self, making: str) -> Iterator[str]:
        encoding, collation = copies.locale(self.place, making)
        if encoding != self.around.encoding:
            yield (
                f"The encoding is {self.around.encoding} there and {encoding} in the copy: what does not fit into a "
                "number of bytes, or is no valid text, is not seen."
            )
        ranges = any('"partition_key" : "RANGE' in text for text in self.live.texts.values())
        if ranges and collation != self.around.collation:
            yield (
                f"Text is sorted as {self.around.collation} there and as {collation} in the copy: whether a text lies "
                "within the bounds of a partition may be otherwise."
            )


def _of_versions(live: Catalog, made: Catalog) -> Iterator[str]:
    here, there = live.server_version // 10000, made.server_version // 10000
    if here != there:
        yield (
            f"The server is PostgreSQL {here}, the copy {there}: locks, rewrites and scans are those of {there}, and "
            "a statement that only one of them knows ends otherwise."
        )


def _of_roles(ground: Ground) -> Iterator[str]:
    if not ground.has_roles:
        yield (
            f"Everything in the copy belongs to {quoted(ground.role)}, who is no superuser there and can give "
            "nothing to others: whether a right stands against a statement is not seen."
        )


def _of_subscriptions(around: Surroundings) -> Iterator[str]:
    if around.subscriptions:
        yield "Subscriptions are not copied: a statement about one of them fails in the copy."


def _of_extensions(live: Catalog, made: Catalog) -> Iterator[str]:
    for key in sorted(key for key in live.texts if key.kind == "extension" and key in made.texts):
        here, there = (properties(one.texts[key])["version"] for one in (live, made))
        if here != there:
            yield (
                f"The extension {quoted(key.name)} is {here} there and {there} in the copy: what its types and "
                "functions do may be otherwise."
            )


def _of_objects(live: Catalog, made: Catalog, left_out: Sequence[str], *, has_roles: bool) -> Iterator[str]:
    if left_out:
        yield (
            f"The copy is without {' and '.join(left_out)}, which its server has not: where a statement puts its data, "
            "and how that is packed, is not seen."
        )
    elif live.server_version // 10000 == made.server_version // 10000:
        skipped = ("extension", *live.unread, *(() if has_roles else ("default privileges",)))
        differing = sorted(
            key
            for key in live.texts.keys() | made.texts.keys()
            if key.kind not in skipped and not _is_same(live.texts.get(key), made.texts.get(key), has_roles=has_roles)
        )
        if differing:
            shown = ", ".join(f"{key.kind} {key}" for key in differing[:_SHOWN])
            more = f" and {len(differing) - _SHOWN} more" if len(differing) > _SHOWN else ""
            yield (
                f"pg_dump did not carry everything over: {shown}{more}. A statement that meets one of them may do "
                "something else there."
            )


def _is_same(here: str | None, there: str | None, *, has_roles: bool) -> bool:
    if here == there or here is None or there is None or has_roles:
        return here == there
    first, second = properties(here), properties(there)
    return all(first.get(name) == second.get(name) for name in {*first, *second} - {"owner", "grants"})


_TRANSACTION_TIMEOUT = 17
"""The first server that knows the setting, which every newer pg_dump sets."""


def _elsewhere(live: Catalog) -> str:
    return (
        f"Name a PostgreSQL {live.server_version // 10000} that has what the schema needs, and on which databases may "
        "be created, as scratch_url in the target's section."
    )


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


_INVALIDATE = "UPDATE pg_catalog.pg_index SET indisvalid = false WHERE indexrelid = %s::regclass"

_AVAILABLE = "SELECT name::text, default_version FROM pg_catalog.pg_available_extensions WHERE name = ANY (%s)"


def _available(place: scratch.Place, names: Sequence[str]) -> dict[str, str]:
    with closing(scratch.connect(place)) as connection, connection.cursor() as cursor:
        cursor.execute(_AVAILABLE, (list(names),))
        return dict(cursor.fetchall())


def dump(settings: TargetSettings, bin_dir: Path, options: Sequence[str] = ()) -> bytes:
    """Return the schema of a target as SQL. The password goes through the environment of the child."""
    address, environment = programs.public(settings.database.url)
    command = [str(bin_dir / "pg_dump"), "--schema-only", "--no-password", "--lock-wait-timeout=10s", *options]
    command.append(f"--dbname={address}")
    if settings.role:
        command.append(f"--role={settings.role}")
    problem = "The schema cannot be dumped"
    return programs.child(command, b"", environment, problem, _ADVICE, inherit=True)


_ADVICE = "Give the role the right to read every table (pg_read_all_data), and see that nobody keeps one locked."
