"""Whoever is killed, and wherever: it is told what stays, and a repair and an upgrade lead to head, without a loss."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from ops import embedded, scratch
from ops.embedded import lease
from ops.errors import OpsError
from tests.conftest import hurried
from tests.database.conftest import until
from tests.database.shop import DROPS_FIRST, Shop, is_alive, lead_down, lead_to_head, make, run

# each kill takes some ten seconds of work, on a machine that may have more to do
pytestmark = pytest.mark.timeout(900)

POINTS = 20
"""How often each of the three is killed, at moments spread over all that there are."""


Undisturbed = tuple[tuple[object, ...], list[str]]
Died = Callable[[str, object], None]


@pytest.fixture
def shop(tmp_path: Path, database: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    monkeypatch.setenv("OPS_EMBEDDED_DIR", str(home / ".ops"))
    return make(tmp_path, database, monkeypatch)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, server: embedded.Server, home: Path) -> Iterator[Undisturbed]:
    """What an upgrade that nobody disturbs comes to, and the events on its way."""
    with scratch.database_on(server, prefix="test") as url, pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPS_EMBEDDED_DIR", str(home / ".ops"))
        one = make(tmp_path_factory.mktemp("undisturbed"), url, patch)
        events = one.die("nobody", 0).splitlines()
        yield one.facts, events


def spread(count: int, total: int) -> list[int]:
    """So many of the numbers up to a total, evenly."""
    return sorted({1 + round(one * (total - 1) / (count - 1)) for one in range(count)})


EVENTS, EVENTS_DOWN = 55, 37
CONCURRENT, CONCURRENT_DOWN = 4, 3
"""How many events an upgrade has, or a downgrade, and how many statements that run CONCURRENTLY; a test counts them."""

ROWS_ARE_COMMITTED = 45
MOMENTS = (*(-one for one in range(1, CONCURRENT + 1)), ROWS_ARE_COMMITTED, *spread(POINTS - CONCURRENT, EVENTS))
MOMENTS_DOWN = (
    *(-one for one in range(1, CONCURRENT_DOWN + 1)),
    *spread(POINTS - CONCURRENT_DOWN, EVENTS_DOWN),
)


def tell(record_property: Died, who: str, moment: int, events: list[str], *, way: str = "up") -> None:
    """Have the summary of the tests say who died, and where."""
    if way == "down":
        who = f"{who}, on the way down"
    if moment < 0:
        found = [one for one in events if one.startswith("statement ") and "CONCURRENTLY" in one]
        where = f"in the midst of {found[-moment - 1].removeprefix('statement ')}"
    else:
        where = f"{moment:2d}: {events[moment - 1]}"
    record_property("died", (who, where))


def mend_and_upgrade(shop: Shop, wanted: tuple[object, ...]) -> str:
    """Mend what is found, and upgrade, in the fewest steps; return what was found."""
    [mended] = shop.target.repair("open-run", dry_run=False).findings
    assert mended.done
    shop.target.upgrade("head", dry_run=False)
    assert shop.facts == wanted
    return mended.what


def test_the_moments_are_those_of_the_upgrade(undisturbed: Undisturbed) -> None:
    events = undisturbed[1]

    assert len(events) == EVENTS and len(MOMENTS) > POINTS
    assert events[ROWS_ARE_COMMITTED - 2 : ROWS_ARE_COMMITTED] == [
        "statement-done UPDATE customer SET score = score + 1",
        "commit",
    ]
    assert sum(one.startswith("statement ") and "CONCURRENTLY" in one for one in events) == CONCURRENT


@pytest.mark.parametrize("who", ["worker", "parent"])
@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.heavy
def test_killed_at_any_moment(
    shop: Shop, who: str, moment: int, undisturbed: Undisturbed, record_property: Died
) -> None:
    tell(record_property, who, moment, undisturbed[1])
    shop.die(who, moment)

    lead_to_head(shop, undisturbed[0])


@pytest.fixture
def shop_at_head(tmp_path: Path, database: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """The shop at head, one of whose ways down drops a column with its rows before it does the rest."""
    monkeypatch.setenv("OPS_EMBEDDED_DIR", str(home / ".ops"))
    shop = make(tmp_path, database, monkeypatch, down={"m3": DROPS_FIRST})
    shop.target.upgrade("head", dry_run=False)
    return shop


@pytest.fixture(scope="module")
def undisturbed_down(
    tmp_path_factory: pytest.TempPathFactory, server: embedded.Server, home: Path
) -> Iterator[Undisturbed]:
    """What a downgrade that nobody disturbs comes to, and the events on its way."""
    with scratch.database_on(server, prefix="test") as url, pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPS_EMBEDDED_DIR", str(home / ".ops"))
        one = make(tmp_path_factory.mktemp("undisturbed"), url, patch, down={"m3": DROPS_FIRST})
        one.target.upgrade("head", dry_run=False)
        events = one.die("nobody", 0, "down").splitlines()
        yield one.facts_below, events


@pytest.mark.heavy
def test_the_moments_are_those_of_the_downgrade(undisturbed_down: Undisturbed) -> None:
    events = undisturbed_down[1]
    assert len(events) == EVENTS_DOWN and len(MOMENTS_DOWN) >= POINTS
    assert sum(one.startswith("statement ") and "CONCURRENTLY" in one for one in events) == CONCURRENT_DOWN


@pytest.mark.parametrize("who", ["worker", "parent"])
@pytest.mark.parametrize("moment", MOMENTS_DOWN)
@pytest.mark.heavy
def test_killed_on_the_way_down(
    shop_at_head: Shop,
    who: str,
    moment: int,
    undisturbed: Undisturbed,
    undisturbed_down: Undisturbed,
    record_property: Died,
) -> None:
    """Where the worker died somebody goes on, where the parent did somebody goes back up."""
    tell(record_property, who, moment, undisturbed_down[1], way="down")
    shop_at_head.die(who, moment, "down")

    if who == "worker":
        lead_down(shop_at_head, undisturbed_down[0])
    else:
        lead_to_head(shop_at_head, undisturbed[0])


# fmt: off
FEW = {  #                                    who       moment  what is said of it
    "between two statements":               ("worker",  9,     "Of m2 "),
    "while an index is built":              ("parent", -2,     "Of m2 "),
    "as rows are committed, unheard":       ("parent", 45,     "Of m4 4 statements are committed, and wrote rows"),
}
# fmt: on


@pytest.mark.parametrize(("who", "moment", "said"), FEW.values(), ids=FEW)
def test_killed(shop: Shop, who: str, moment: int, said: str, undisturbed: Undisturbed, record_property: Died) -> None:
    tell(record_property, who, moment, undisturbed[1])
    shop.die(who, moment)

    assert said in mend_and_upgrade(shop, undisturbed[0])


# fmt: off
REPAIRS = {  #                         the upgrade dies   the repair dies   what is said then
    "between what undoes":            (("worker", 9),     ("parent", 2),    "A repair has begun to undo m2"),
    "with a type gone, not yet back": (("worker", 9),     ("worker", 5),    "A repair has begun to undo m2"),
    "before anything is undone":      (("worker", 9),     ("parent", 1),    "A repair has begun to undo m2"),
    "in the rest of a revision":      (("parent", 45),    ("parent", 13),   "Of m4 4 statements are committed"),
}
# fmt: on


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        pytest.param(*one, id=name, marks=() if number == 0 else pytest.mark.heavy)
        for number, (name, one) in enumerate(REPAIRS.items())
    ],
)
def test_a_repair_that_dies_is_told_and_the_next_one_mends(
    shop: Shop,
    first: tuple[str, int],
    second: tuple[str, int],
    said: str,
    undisturbed: Undisturbed,
    record_property: Died,
) -> None:
    record_property("died", ("repair", f"its {second[0]}, at event {second[1]} of it"))
    shop.die(*first)
    shop.die(*second, "open-run")

    assert bool(shop.target.status().open_runs) == (second[0] == "parent")
    assert said in mend_and_upgrade(shop, undisturbed[0])


@pytest.fixture(scope="module")
def mortal(tmp_path_factory: pytest.TempPathFactory, server: embedded.Server) -> Iterator[Path]:
    """The folder of a server that may be killed: of nobody else's."""
    yield tmp_path_factory.mktemp("mortal")


def start(folder: Path, like: embedded.Server) -> embedded.Server:
    return hurried(lease.start(folder / "server", major=like.major, bin_dir=like.bin_dir))


def is_started(folder: Path, like: embedded.Server) -> bool:
    """Whether it starts: the processes of a killed one notice only when they next wait that it is gone."""
    with suppress(OpsError):
        start(folder, like)
        return True
    return False


@pytest.fixture
def mortal_shop(
    tmp_path: Path, mortal: Path, server: embedded.Server, home: Path, monkeypatch: pytest.MonkeyPatch
) -> Shop:
    """The shop on the server that may be killed."""
    monkeypatch.setenv("OPS_EMBEDDED_DIR", str(home / ".ops"))
    mine = start(mortal, server)
    url = scratch.ensure_database(mine, f"shop_{secrets.token_hex(4)}")
    return make(tmp_path, url, monkeypatch, down={"m3": DROPS_FIRST})


def kill_the_server(shop: Shop, folder: Path, like: embedded.Server, moment: int, what: str) -> None:
    """Have the server die on the way, and start it again."""
    postmaster = (folder / "server" / "data" / "postmaster.pid").read_text().split()[0]
    shop.die("server", moment, what, DYING_SERVER=postmaster)
    until(lambda: not is_alive(int(postmaster)))
    until(lambda: is_started(folder, like), seconds=120)


@pytest.mark.parametrize("moment", [pytest.param(one, marks=pytest.mark.heavy) for one in MOMENTS if one != -1] + [-1])
def test_the_server_killed_at_any_moment(
    mortal_shop: Shop,
    mortal: Path,
    server: embedded.Server,
    moment: int,
    undisturbed: Undisturbed,
    record_property: Died,
) -> None:
    tell(record_property, "server", moment, undisturbed[1])
    kill_the_server(mortal_shop, mortal, server, moment, "up")

    (mend_and_upgrade if moment == -1 else lead_to_head)(mortal_shop, undisturbed[0])


@pytest.mark.heavy
@pytest.mark.parametrize("moment", MOMENTS_DOWN)
def test_the_server_killed_on_the_way_down(
    mortal_shop: Shop,
    mortal: Path,
    server: embedded.Server,
    moment: int,
    undisturbed_down: Undisturbed,
    record_property: Died,
) -> None:
    tell(record_property, "server", moment, undisturbed_down[1], way="down")
    mortal_shop.target.upgrade("head", dry_run=False)
    kill_the_server(mortal_shop, mortal, server, moment, "down")

    lead_down(mortal_shop, undisturbed_down[0])


@pytest.mark.heavy
def test_every_notebook_tells_of_it_and_one_mends_it(shop: Shop, undisturbed: Undisturbed) -> None:
    shop.die("parent", -2)

    assert run(shop, "10")[0] == 3
    [executed] = (shop.folder / "runs" / "shop").glob("*/*-10-inspect-*/notebook.ipynb")
    assert "See 90-repair" in executed.read_text(encoding="utf-8")
    code, looked = run(shop, "90", "case=open-run")
    assert (code, looked["data"]["findings"][0]["details"]["running"]) == (3, "m2")
    code, mended = run(shop, "90", "case=open-run", "dry_run=false")
    assert code == 0 and mended["data"]["findings"][0]["done"], mended
    assert run(shop, "40", "dry_run=false")[0] == 0

    assert shop.facts == undisturbed[0]
