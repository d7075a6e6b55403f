"""A target's schema, without its rows, on a scratch server.

There a migration may run before it runs on the target; and there one server writes both sides of a comparison.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ops import database, programs, templates, tunnel
from ops.cache import Cache
from ops.catalog import Catalog, Key
from ops.catalog.later import later
from ops.errors import OpsError
from ops.ground import Ground
from ops.settings import TargetSettings
from ops.transfer import AVAILABLE, Transfer, available, capital


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
    transfer = Transfer.of(settings, ground, live, table)
    with template_copy(transfer, "clone") as (name, template):
        differences = (*template.note["differences"], *transfer.settle(name, heads))
        yield Clone(
            settings=transfer.settings_of(name),
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
        transfer = Transfer.of(settings, ground, live, table)
        note = _template(transfer).note
        lacking = [*note["left_out"], *(() if ground.has_roles else ("roles of the target's",))]
        if lacking:
            raise OpsError(
                f"{capital(ground.server.label)} has no {' and no '.join(lacking)}.",
                next_step=transfer.elsewhere,
                code="clone",
            )
        found = kept.get("clone", transfer.kept)
        if found is None:  # the template was there, and what was kept of it was not, or cannot be kept
            with template_copy(transfer, "clone") as (name, _):
                return replace(transfer.read(name), database=live.database, unread=live.unread)
    return later(
        database=live.database,
        server_version=found.payload["server_version"],
        fingerprint=found.payload["fingerprint"],
        load=lambda: {Key._make(row[:4]): row[4] for row in found.bulk()},
    )


def usual_versions(settings: TargetSettings, ground: Ground, names: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Return which version of some extensions the target's server, and the scratch server, would create."""
    with database.connect(settings, purpose="compare") as connection:
        here = dict(tuple(row) for row in connection.exec_driver_sql(AVAILABLE, (list(names),)))
    there = available(ground.server, names)
    return {name: (here[name], version) for name, version in there.items() if name in here}


def template_copy(transfer: Transfer, prefix: str) -> AbstractContextManager[tuple[str, templates.Template]]:
    """Yield the name of a throw-away copy of the schema's template, and the template."""
    return templates.copy(
        transfer.place,
        _inputs(transfer),
        lambda name: _fill(transfer, name),
        prefix=prefix,
        tablespace=transfer.tablespace,
    )


def _template(transfer: Transfer) -> templates.Template:
    return templates.template(
        transfer.place, _inputs(transfer), lambda name: _fill(transfer, name), tablespace=transfer.tablespace
    )


def _inputs(transfer: Transfer) -> list[object]:
    """What a template depends on."""
    around = transfer.around
    return [*transfer.kept, around.version_table, around.encoding, around.collation, around.tablespace]


def _fill(transfer: Transfer, making: str) -> Mapping[str, Any]:
    """Restore the schema in an empty database; return what is known of it then."""
    transfer.require_extensions()
    place = transfer.place
    script = dump(transfer.settings, programs.folder_for(transfer.live.server_version // 10000), transfer.options)
    if place.major < _TRANSACTION_TIMEOUT:
        before, encoding, after = script.partition(b"SET client_encoding")
        script = before.replace(b"SET transaction_timeout = 0;\n", b"") + encoding + after
    transfer.require_unchanged()
    transfer.begin(making)
    try:
        programs.run(script, place.url(making), place.bin_dir)
    except OpsError as error:
        raise transfer.refused(error) from None
    return transfer.finish(making)


_TRANSACTION_TIMEOUT = 17
"""The first server that knows the setting, which every newer pg_dump sets."""


def dump(settings: TargetSettings, bin_dir: Path, options: Sequence[str] = ()) -> bytes:
    """Return the schema of a target as SQL. The password goes through the environment of the child."""
    command = [str(bin_dir / "pg_dump"), "--schema-only", "--no-password", "--lock-wait-timeout=10s", *options]
    if settings.role:
        command.append(f"--role={settings.role}")
    problem = "The schema cannot be dumped"
    with tunnel.way_to(settings) as (address, environment):
        return programs.child([*command, f"--dbname={address}"], b"", environment, problem, _ADVICE, inherit=True)


_ADVICE = "Give the role the right to read every table (pg_read_all_data), and see that nobody keeps one locked."
