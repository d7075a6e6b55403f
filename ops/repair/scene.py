"""What every case looks at, each asked for once: where the database is, its schema, and what the history makes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

from ops import cache, clone, dialects, grounds, replay, status
from ops.catalog import Catalog, Key, properties
from ops.errors import LackingError, OpsError
from ops.grounds import AnyGround
from ops.history import History
from ops.repair.nearest import Ranking, ranking
from ops.settings import TargetSettings
from ops.status import Status

_OF_EVERY_DATABASE = frozenset({"schema", "extension", "default privileges", "language", "access method"})
_ATTEMPTS = 3


@dataclass(frozen=True, kw_only=True)
class Scene:
    """One target, looked at once."""

    settings: TargetSettings
    status: Status

    @classmethod
    def of(cls, settings: TargetSettings) -> Scene:
        """Return the scene; what it needs is read when it is asked for. Raises as `status.read` does."""
        return cls(settings=settings, status=status.read(settings))

    @property
    def history(self) -> History:
        """The version files, with the database's place among them."""
        return self.status.history

    @property
    def version_table(self) -> tuple[str, str]:
        """Schema and name of the version table."""
        return self.status.setup.version_table_schema, self.status.setup.version_table

    @cached_property
    def _read(self) -> tuple[Catalog, AnyGround | LackingError]:
        dialect = dialects.of(self.settings)
        with dialect.connect(self.settings, purpose="repair") as connection:
            live = dialect.catalog(connection, self.version_table)
            try:
                return live, grounds.of(self.settings, connection, self.version_table)
            except LackingError as error:  # some cases are mended without any replay
                return live, error

    @property
    def live(self) -> Catalog:
        """The schema, as its own server writes it."""
        return self._read[0]

    @property
    def ground(self) -> AnyGround:
        """Where replays happen.

        Raises
        ------
        LackingError
            The target names no server for them.
        """
        found = self._read[1]
        if isinstance(found, LackingError):
            raise found
        return found

    def require_ledger(self) -> None:
        """Return where the ledger can be read: what it says of runs and files is known then.

        Raises
        ------
        OpsError
            It cannot.
        """
        ledger = self.status.ledger
        if ledger.unreadable:
            raise OpsError(ledger.unreadable, next_step=ledger.next_step, code="ledger")

    @property
    def is_empty(self) -> bool:
        """Whether the schema has nothing that somebody made."""
        return all(key.kind in _OF_EVERY_DATABASE for key in self.live.texts)

    @cached_property
    def walk(self) -> replay.Replay:
        """The whole history, replayed once from nothing.

        Raises
        ------
        OpsError
            The baseline does not run, or the project does not load.
        """
        for _ in range(_ATTEMPTS):
            made = replay.kept(self.settings, self.ground, ()) or replay.replay(self.settings, self.ground, ())
            try:
                made.film  # noqa: B018  it is loaded now, where it can still be made anew
            except cache.ForgottenError:
                continue
            return made
        return replay.replay(self.settings, self.ground, ())

    @cached_property
    def written_there(self) -> Catalog:
        """The schema as the scratch server writes it; see `translated`."""
        return self.translated(self.live)

    def translated(self, live: Catalog) -> Catalog:
        """Return a live catalog as the scratch server writes it, so that it can be compared with what was made there.

        Raises
        ------
        OpsError
            The schema cannot be copied there.
        """
        if live.server_version // 10000 != self.ground.major:
            if not dialects.of(self.settings).is_postgresql:
                raise LackingError(
                    "The server to try things on has another version than the target, and may write things otherwise.",
                    next_step="Name one of the target's version as scratch_url.",
                )
            live = clone.as_written_there(self.settings, self.ground, live, self.version_table)
        named = {key for key in live.texts if key.kind == "extension" and key.name != "plpgsql"}
        if not named:
            return live
        film = self.walk.film
        made: dict[Key, str] = {}
        for step in (film.base, *film.touched):
            made.update((key, text) for key, text in step.items() if key in named and text is not None)
        texts = dict(live.texts)
        for key, there in made.items():
            if {**properties(texts[key]), "version": None} == {**properties(there), "version": None}:
                texts[key] = there  # each server has a version of its own, which no revision named
        return replace(live, texts=texts)

    @cached_property
    def places(self) -> Ranking:
        """Every place of the history, by how far it is from the schema."""
        return ranking(self.written_there, self.walk.film, self.walk.revisions, self.history)

    def refreshed(self) -> Scene:
        """Return the scene as it is now."""
        return Scene.of(self.settings)


def problem(error: OpsError) -> str:
    """Return what went wrong as a sentence of a finding."""
    return f"{error.problem} {error.next_step}"
