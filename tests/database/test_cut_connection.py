"""A connection is cut before the server has a commit, or when it has done it and nobody was told: all is read back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from ops import embedded, scratch
from ops.errors import OpsError
from ops.values import Verdict
from tests import proxy
from tests.database import shop as shops
from tests.database.shop import Shop, lead_to_head
from tests.proxy import Cut, Proxy

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def way(server: embedded.Server) -> Iterator[Proxy]:
    with proxy.proxy(str(server.socket_dir / ".s.PGSQL.5432")) as one:
        yield one


@pytest.fixture
def shop(way: Proxy, tmp_path: Path, database: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """The shop, whose every connection, the worker's too, goes the way that can be cut."""
    monkeypatch.setenv("OPS_EMBEDDED_DIR", str(home / ".ops"))
    way.arm()
    url = f"postgresql://postgres@127.0.0.1:{way.port}/{make_url(database).database}?sslmode=disable&gssencmode=disable"
    return shops.make(tmp_path, database, monkeypatch, by_way_of=url)


Cuts = dict[bool, Cut]
"""One query, cut before the server has it (False), and when it has done it (True)."""


def at(query: str, *, session: str = "worker", behind: str = "", nth: int = 1, lasting: bool = False) -> Cuts:
    def cut(after: bool) -> Cut:
        return Cut(session=session, query=query, after=after, behind=behind, nth=nth, lasting=lasting)

    return {False: cut(False), True: cut(True)}


def commit(row: str, *, lasting: bool = False) -> Cuts:
    """The commit that the version table's new row is in."""
    return at("COMMIT", behind=f"UPDATE alembic_version SET version_num='{row}'", lasting=lasting)


def record(kind: str) -> Cuts:
    """A row of the ledger."""
    return at(rf"INSERT INTO alembic_ops.ledger.*VALUES \('{kind}'", session="ledger")


UP, DOWN = ("upgrade", "head"), ("downgrade", "m1")
ROLLED_BACK, COMPLETE = "Revision {} was rolled back.", "Revision {} was complete and stays."
NOBODY, UNREAD = "Nobody was told whether this statement of {} took effect", "The state could not be read back"
FIRST_PART = at("COMMIT", behind="ALTER TABLE customer ADD COLUMN rank")
PART_WITH_ROWS = at("COMMIT", behind="INSERT INTO purchase")
READ_BACK = at("SELECT version_num", session="upgrade", nth=4)
LAST = commit("m4", lasting=True)

# Changed or not, where the database is, and what is said: of a query that never came to the server, of one that did.
# fmt: off
CUTS = {
    "up, a transaction":        (UP, commit("m3"), (True, "m2", ROLLED_BACK.format("m3")),
                                                   (True, "m3", COMPLETE.format("m3"))),
    "up, the first part":       (UP, FIRST_PART, (False, "m1", NOBODY.format("m2")),
                                                 (True, "m1", NOBODY.format("m2"))),
    "up, a part with rows":     (UP, PART_WITH_ROWS, (True, "m3", "whether these statements of m4 took effect"),
                                                     (True, "m3", "whether these statements of m4 took effect")),
    "up, an index":             (UP, at("CREATE INDEX CONCURRENTLY"), (True, "m1", NOBODY.format("m2")),
                                                                      (True, "m1", NOBODY.format("m2"))),
    "up, rows by themselves":   (UP, at("UPDATE customer SET name"), (True, "m3", NOBODY.format("m4")),
                                                                     (True, "m3", NOBODY.format("m4"))),
    "down, a transaction":      (DOWN, commit("m2"), (True, "m3", ROLLED_BACK.format("m3")),
                                                     (True, "m2", COMPLETE.format("m3"))),
    "down, an index":           (DOWN, at("DROP INDEX CONCURRENTLY"), (True, "m2", NOBODY.format("m2")),
                                                                      (True, "m2", NOBODY.format("m2"))),
    "down, rows by themselves": (DOWN, at("UPDATE customer SET name"), (None, "m4", NOBODY.format("m4")),
                                                                       (None, "m4", NOBODY.format("m4"))),
    "what is read back":        (UP, READ_BACK, (True, "m2", COMPLETE.format("m2")),
                                                (True, "m2", COMPLETE.format("m2"))),
    "everybody, for a while":   (UP, LAST, (None, "m3", UNREAD), (None, "m4", UNREAD)),
}
# fmt: on
FEW = (("up, the first part", False), ("up, a transaction", True), ("down, rows by themselves", True))
"""Those that every run of the tests has; the others are heavy."""

ROWS = [
    pytest.param(
        what, cuts[after], *end,
        id=f"{name}, {'done' if after else 'unsent'}", marks=() if (name, after) in FEW else pytest.mark.heavy,
    )
    for name, (what, cuts, *ends) in CUTS.items()
    for after, end in enumerate(ends)
]  # fmt: skip


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, server: embedded.Server, home: Path) -> tuple[object, ...]:
    """What an upgrade that nobody disturbs comes to."""
    with scratch.database_on(server, prefix="test") as url, pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPS_EMBEDDED_DIR", str(home / ".ops"))
        one = shops.make(tmp_path_factory.mktemp("undisturbed"), url, patch)
        one.target.upgrade("head", dry_run=False)
        return one.facts


@pytest.mark.parametrize(("what", "cut", "changed", "current", "said"), ROWS)
def test_a_cut_connection(
    way: Proxy,
    shop: Shop,
    undisturbed: tuple[object, ...],
    what: tuple[str, str],
    cut: Cut,
    changed: bool | None,
    current: str,
    said: str,
    record_property: Callable[[str, object], None],
) -> None:
    record_property("died", ("connection", f"{'after' if cut.after else 'before'} {cut.query} of {cut.session}"))
    verb, revision = what
    if verb == "downgrade":
        shop.target.upgrade("head", dry_run=False)
    way.arm(cut)

    with pytest.raises(OpsError) as raised:
        getattr(shop.target, verb)(revision, dry_run=False)

    error = raised.value
    assert way.has_cut
    assert (error.code, error.verdict, error.changed) == ("connection-lost", Verdict.FAILED, changed)
    assert "connection" in error.problem and "was lost" in error.problem and said in error.problem
    way.arm()
    status = shop.target.status()
    assert status.current == shop.current == (current,)
    assert bool(status.open_runs) == (changed is None)
    lead_to_head(shop, undisturbed)


RECORDS = {
    "what is wanted": record("intent"),
    "how much of a revision is committed": record("part"),
    "a revision that is done": record("revision"),
    "what came of it": record("outcome"),
}


@pytest.mark.parametrize("after", [False, True], ids=["unsent", "done"])
@pytest.mark.parametrize("cuts", RECORDS.values(), ids=RECORDS)
@pytest.mark.heavy
def test_the_record_is_led_on_over_a_new_connection(
    way: Proxy,
    shop: Shop,
    undisturbed: tuple[object, ...],
    cuts: Cuts,
    after: bool,
    record_property: Callable[[str, object], None],
) -> None:
    record_property("died", ("connection", f"{'after' if after else 'before'} {cuts[after].query} of the ledger"))
    way.arm(cuts[after])

    done = shop.target.upgrade("head", dry_run=False)

    assert way.has_cut and done.verdict is Verdict.OK
    assert shop.facts == undisturbed
    kinds = [kind for (kind,) in shop.ask("SELECT kind FROM alembic_ops.ledger ORDER BY id")]
    assert (kinds[0], kinds[-1]) == ("intent", "outcome")
    assert [kinds.count(one) for one in ("intent", "revision", "outcome")] == [1, 3, 1]
