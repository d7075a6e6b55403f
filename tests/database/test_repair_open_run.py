"""Whoever is killed, and wherever: it is told what stays, and a repair and an upgrade lead to head, without a loss."""

from __future__ import annotations

import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import nbformat
import psycopg2
import pytest

import ops
from ops import embedded, scratch
from ops.embedded import lease
from ops.errors import OpsError, RefusedError
from ops.ledger import NOTEBOOK
from ops.repair import onward, open_run
from ops.runbook import catalogue
from ops.settings import TargetSettings
from ops.settings.projects import ProjectSettings
from ops.values import Verdict
from tests import passwords
from tests.conftest import hurried
from tests.database.conftest import until
from tests.database.shop import DROPS_FIRST, ROWS, Shop, is_alive, lead_down, lead_to_head, make, run
from tests.projects.make_linear import INI

# each kill takes some ten seconds of work, on a machine that may have more to do
pytestmark = pytest.mark.timeout(900)

POINTS = 20
"""How often each of the three is killed, at moments spread over all that there are."""


guarded, make_role = passwords.guarded, passwords.make_role

NOTEBOOKS = tuple(one.name for one in catalogue.catalogue().notebooks)

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


@pytest.fixture(scope="module")
def dead(tmp_path_factory: pytest.TempPathFactory, server: embedded.Server, home: Path) -> Iterator[Shop]:
    """A shop whose upgrade died at its first statement, and that nobody has looked at since."""
    with scratch.database_on(server, prefix="test") as url, pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPS_EMBEDDED_DIR", str(home / ".ops"))
        patch.setenv(NOTEBOOK, "")  # the session sets it, and it is taken back behind the tests
        shop = make(tmp_path_factory.mktemp("dead"), url, patch)
        shop.die("parent", 1)
        yield shop


@pytest.mark.parametrize("name", [one for one in NOTEBOOKS if not one.startswith("walkthroughs/")])
def test_every_notebook_tells_of_it(dead: Shop, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """By the two calls that each of them has: `test_structure.py` sees to that."""
    _, status = ops.notebook(name).guard("shop")

    assert len(status.open_runs) == 1
    said = " ".join(capsys.readouterr().out.split())
    assert "never reported its end: it died. 90-repair tells what stays of it" in said


def banner(shop: Shop, notebook: str) -> str:
    """What stands in the first output of the last run of a notebook."""
    path = max((shop.folder / "runs" / "shop").glob(f"*/*-{notebook}-*/notebook.ipynb"))
    first = next(cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code")
    return " ".join(first.outputs[0]["data"]["text/plain"].split())


@pytest.mark.heavy
def test_two_notebooks_have_it_in_their_banner_and_one_mends_it(shop: Shop, undisturbed: Undisturbed) -> None:
    shop.die("parent", -2)

    assert run(shop, "10")[0] == 3
    run(shop, "14")
    for one in ("10-inspect", "14-check-health"):
        assert "never reported its end: it died. 90-repair tells" in banner(shop, one)
    code, looked = run(shop, "90", "case=open-run")
    assert (code, looked["data"]["findings"][0]["details"]["running"]) == (3, "m2")
    code, mended = run(shop, "90", "case=open-run", "dry_run=false")
    assert code == 0 and mended["data"]["findings"][0]["done"], mended
    assert run(shop, "40", "dry_run=false")[0] == 0
    assert "never reported its end" not in banner(shop, "40-upgrade")

    assert shop.facts == undisturbed[0]


@pytest.mark.heavy
def test_what_plain_alembic_left_half_done_since_may_run_again_where_somebody_says_so(shop: Shop) -> None:
    """Nobody has put on record how far it came, so what wrote rows can only be run once more, or be led on by hand."""
    shop.die("parent", 1)
    half_way_by_plain_alembic(shop)

    [finding] = shop.target.repair("open-run").findings
    assert finding.choices == ("again",) and "1 statement of m4 that may be committed write" in finding.what
    with pytest.raises(RefusedError, match="say which: case = 'open-run:again'"):
        shop.target.repair("open-run", dry_run=False)
    with pytest.raises(RefusedError, match="'committed' is no answer here; there is again"):
        shop.target.repair("open-run:committed")
    assert shop.target.repair("open-run:again", dry_run=False).verdict is Verdict.OK
    assert (shop.current, shop.ask("SELECT to_regclass('purchase')")) == (("m3",), [(None,)])
    shop.target.upgrade("head", dry_run=False)

    assert shop.ask("SELECT count(*) FROM purchase") == [(ROWS,)]
    assert shop.ask("SELECT count(*) FROM customer WHERE name LIKE '%!!'") == [(ROWS,)]


def half_way_by_plain_alembic(shop: Shop) -> None:
    """Go on without this toolkit, to an index of `m4` whose name is taken for a while; rows are written by then."""
    shop.ask("CREATE TABLE purchase_customer ()")
    url = shop.url.replace("postgresql:", "postgresql+psycopg2:", 1).replace("%", "%%")
    (shop.folder / "plain.ini").write_text(INI.replace("sqlalchemy.url =", f"sqlalchemy.url = {url}"), encoding="utf-8")
    command = [sys.executable, "-m", "alembic", "-c", "plain.ini"]
    for step in ("m2", "m3", "head"):  # one that fails takes with it what ran before it
        done = subprocess.run([*command, "upgrade", step], cwd=shop.folder, capture_output=True, text=True, check=False)
    assert '"purchase_customer" already exists' in done.stderr and shop.current == ("m3",), done.stderr
    shop.ask("DROP TABLE purchase_customer")


def test_every_answer_is_tried() -> None:
    """The first two by `shop.answer`, at whatever moment they are asked for; the last one above."""
    assert set(onward.ANSWERS) == {"committed", "not-committed", "again"}


def test_a_statement_of_another_login_may_still_run(
    make_role: Callable[..., passwords.Role], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(open_run, "_WAIT_SECONDS", 0.0)
    role = make_role()
    project = ProjectSettings(config=Path("alembic.ini"))
    settings = TargetSettings(
        name="shop", source="url", protected=False, project=project, home=Path(), raw_url=role.url()
    )
    other = role.server.server.url(role.database).replace("+psycopg2", "")
    assert open_run._still_at_work(settings) == ""

    with closing(psycopg2.connect(other, application_name="alembic-ops worker")) as connection:
        said = open_run._still_at_work(settings)

        assert said.startswith(f"Session {connection.info.backend_pid} is still at work for it")
