"""Projects that are broken, up to their error; what requests mean, and databases that are none of the project's.

The sound ones go through all in `tests/matrix/test_shapes.py`.
"""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest

from ops import embedded, scratch
from ops.embedded import lease
from ops.errors import (
    InterruptedRunError,
    MigrationError,
    OpsError,
    ProjectError,
    RevisionError,
    WrongDatabaseError,
)
from ops.project.visit import visit
from ops.values import Verdict
from tests.database.conftest import Bench, SetUp, until

# fmt: off
BROKEN = {  #         where it shows  error class          what the message names
    "broken_syntax":  ("inspect",     ProjectError,        ("c00000000002_purchase.py, line ", "invalid syntax")),
    "broken_parent":  ("dry run",     RevisionError,       ("deadbeef0000", "c10000000002_purchase.py")),
    "broken_cycle":   ("dry run",     RevisionError,       ("c20000000002", "ycle")),
    "duplicate_id":   ("dry run",     RevisionError,       ("c30000000002", "phone.py", "purchase.py")),
    "env_raises":     ("inspect",     ProjectError,        ("env.py, line ", "no settings for this environment")),
    "env_exits":      ("inspect",     ProjectError,        ("env.py, line ", "sys.exit(3)")),
    "prints_url":     ("inspect",     ProjectError,        ("env.py, line ", "cannot use")),
    "other_database": ("inspect",     WrongDatabaseError,  ("another database", "before a statement")),
    "fails_half_way": ("upgrade",     MigrationError,      ("c70000000002_purchase.py, line ", "no_such_table",
                                                            "c70000000002 was rolled back",
                                                            "Applied before it: c70000000001")),
    "hard_exit":      ("upgrade",     InterruptedRunError, ("exit code 7", "c60000000002 was rolled back")),
    "no_downgrade":   ("downgrade",   RevisionError,       ("b10000000002_purchase.py", "no downgrade function")),
}
# fmt: on


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_project_says_what_is_wrong_and_what_stays(name: str, set_up: SetUp, server: embedded.Server) -> None:
    where, error, words = BROKEN[name]
    with scratch.database_on(server, prefix="other") as other:
        bench = set_up(name, **({"env.OTHER_DATABASE_URL": other} if name == "other_database" else {}))
        if where == "downgrade":
            bench.target.upgrade(dry_run=False)
        applied = bench.current
        act = {
            "inspect": bench.target.status,
            "dry run": bench.target.upgrade,
            "upgrade": lambda: bench.target.upgrade(dry_run=False),
            "downgrade": lambda: bench.target.downgrade(dry_run=False),
        }[where]

        with pytest.raises(OpsError) as raised:
            act()

        assert type(raised.value) is error
        assert [word for word in words if word not in raised.value.problem] == []
        assert bench.current == bench.case.expect.get("applied", applied)
        assert raised.value.changed == (bench.current != applied)
        assert bench.tables == (["customer"] if "applied" in bench.case.expect else bench.tables if applied else [])


@pytest.mark.parametrize("name", ["broken_parent", "broken_cycle", "duplicate_id"])
def test_files_that_do_not_fit_together_are_still_inspected(name: str, set_up: SetUp) -> None:
    bench = set_up(name)

    status = bench.target.status()

    assert status.verdict == Verdict.ATTENTION
    assert len(status.history.revisions) == len(list(bench.project.rglob("versions/*.py")))
    assert [word for word in BROKEN[name][2] if word not in " ".join(status.findings)] == []


def test_a_password_that_a_project_prints_and_raises_is_masked(set_up: SetUp, database: str) -> None:
    bench = set_up("prints_url", url=database.replace("postgres@", "postgres:planted-Secret-1@"))

    with pytest.raises(ProjectError) as raised:
        bench.target.status()

    assert "cannot use" in str(raised.value)
    assert "planted" not in str(raised.value) + repr(raised.value)


def test_a_name_counts_where_the_models_give_one(set_up: SetUp) -> None:
    bench = set_up("unnamed")
    bench.target.upgrade(dry_run=False)
    models = bench.project / "shop.py"
    text = models.read_text(encoding="utf-8")

    assert bench.target.compare().changes == ()

    models.write_text(text.replace('name="ck_purchase_amount"', 'name="is_paid"'), encoding="utf-8")

    (change,) = bench.target.compare().changes

    assert (change.action, change.kind, change.object) == ("renamed", "check", "public.purchase.is_paid")


def test_an_env_py_that_takes_its_url_from_the_variable_of_the_target(
    set_up: SetUp, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many are written, for a variable that is only in `.env`, or that leads elsewhere where `ops` was started."""
    monkeypatch.setenv("SHOP_URL", database)
    bench = set_up("linear", url_env="SHOP_URL")
    (env_py,) = bench.project.rglob("env.py")
    text = env_py.read_text(encoding="utf-8")
    for variable in ("SHOP_URL", "DATABASE_URL"):
        patched = f"{text.partition('config = context.config')[0]}import os\n\nconfig = context.config\n"
        patched += f'config.set_main_option("sqlalchemy.url", os.environ["{variable}"].replace("%", "%%"))\n'
        env_py.write_text(patched + text.partition("config = context.config")[2], encoding="utf-8")
        monkeypatch.setenv("DATABASE_URL", "postgresql+psycopg2://nobody@localhost:1/elsewhere")

        assert bench.target.upgrade(dry_run=False).verdict == Verdict.OK
        assert bench.target.compare().verdict == Verdict.OK  # on copies, where it leads to those
        assert bench.target.downgrade("base", dry_run=False).verdict == Verdict.OK


def test_the_slow_project_up_to_its_quick_part(set_up: SetUp) -> None:
    bench = set_up("slow")

    bench.target.upgrade(bench.case.expect["quick_to"], dry_run=False)

    assert bench.current == [bench.case.expect["quick_to"]]


def test_an_async_project_from_inside_a_running_event_loop(set_up: SetUp) -> None:
    bench = set_up("async_env")

    async def as_in_a_notebook() -> None:
        bench.target.upgrade(dry_run=False)

    asyncio.run(as_in_a_notebook())

    assert bench.current == bench.case.expect["heads"]


# -- requests ---------------------------------------------------------------------------------------

NOWHERE: tuple[str, ...] = ()
MIDDLE = ("a8b000000002", "a8c000000002")
TOP = ("a8b000000003", "a8c000000003")

# fmt: off
BRANCHED = {  # (at, direction, request): the ids that run (b1 for a8b000000001), or an error's code
    (NOWHERE, "up",    "heads"):          "b1 b2 c1 c2 c3 b3",
    (NOWHERE, "up",    "head"):           "several-heads",
    (NOWHERE, "up",    "shop@head"):      "b1 b2 b3",
    (NOWHERE, "up",    "shop@+2"):        "b1 b2",
    (NOWHERE, "up",    "billing@head"):   "b1 b2 c1 c2 c3",
    (NOWHERE, "up",    "a8b000000001+1"): "b1 b2",
    (NOWHERE, "up",    "+1"):             "ambiguous",
    (NOWHERE, "up",    "a8b00"):          "ambiguous",
    (NOWHERE, "up",    "zzzz"):           "revision",
    (NOWHERE, "down",  "shop@-1"):        "revision",
    (MIDDLE,  "up",    "shop@+1"):        "b3",
    (MIDDLE,  "up",    "+1"):             "ambiguous",
    (MIDDLE,  "down",  "-1"):             "ambiguous",
    (MIDDLE,  "down",  "shop@-1"):        "b2",
    (MIDDLE,  "down",  "billing@base"):   "c2 c1",
    (MIDDLE,  "down",  "base"):           "b2 b1 c2 c1",
    (TOP,     "down",  "shop@base"):      "b3 c3 b2 b1",
    (TOP,     "down",  "a8b000000002"):   "b3",
    (TOP,     "up",    "heads"):          "",
}
LINEAR = {  # from a10000000003
    ("up",   "head"):              "4 5",
    ("up",   "+1"):                "4",
    ("up",   "a10000000003+1"):    "4",
    ("up",   "head-1"):            "4",
    ("up",   "a10000000002"):      "",
    ("up",   "+9"):                "revision",
    ("up",   "a1000000"):          "ambiguous",
    ("up",   "head; drop table x"): "revision",
    ("up",   "../../x"):           "revision",
    ("up",   "x" * 300):           "revision",
    ("up",   "a10000000001:head"): "revision",
    ("down", "-1"):                "3",
    ("down", "a10000000003-2"):    "3 2",
    ("down", "base"):              "3 2 1",
    ("down", "head"):              "revision",
    ("down", "-9"):                "revision",
    ("stamp", "+1"):               "revision",
    ("stamp", "zzzz"):             "revision",
}
STAMPS = {  # on two_heads: the version table's rows afterwards, or an error's code
    (NOWHERE, "heads"):        TOP,
    (NOWHERE, "shop@head"):    ("a8b000000003",),
    (MIDDLE,  "shop@head"):    ("a8b000000003", "a8c000000002"),
    (MIDDLE,  "base"):         (),
    (NOWHERE, "head"):         "several-heads",
}
# fmt: on


def place(bench: Bench, rows: tuple[str, ...]) -> None:
    bench.ask("CREATE TABLE IF NOT EXISTS alembic_version (version_num varchar(32) PRIMARY KEY)")
    bench.ask("DELETE FROM alembic_version")
    for row in rows:
        bench.ask("INSERT INTO alembic_version VALUES (%s)", row)


def test_what_requests_mean_on_a_branched_history(set_up: SetUp) -> None:
    bench = set_up("two_heads")
    found: dict[object, object] = {}
    with visit(bench.target.settings) as here:
        for at, direction, request in [*BRANCHED, *((at, "stamp", request) for at, request in STAMPS)]:
            place(bench, at)
            try:
                resolved = here.resolve(direction, request)
            except RevisionError as error:
                answer: object = error.code
                assert error.code != "several-heads" or ("heads" in error.next_step and "@head" in error.next_step)
            else:
                ids = [step.revision.revision for step in resolved.steps]
                answer = resolved.heads if direction == "stamp" else " ".join(one[2] + one[-1] for one in ids)
                assert not ids or resolved.steps[-1].heads == resolved.heads
            found[(at, request) if direction == "stamp" else (at, direction, request)] = answer

    assert found == {**BRANCHED, **STAMPS}


def test_what_requests_mean_on_a_linear_history(set_up: SetUp) -> None:
    bench = set_up("linear")
    place(bench, ("a10000000003",))
    found = {}
    with visit(bench.target.settings) as here:
        for direction, request in LINEAR:
            try:
                steps = here.resolve(direction, request).steps
            except RevisionError as error:
                found[direction, request] = error.code
            else:
                found[direction, request] = " ".join(step.revision.revision[-1] for step in steps)

    assert found == LINEAR


def test_a_branched_history_is_shown_and_undone_branch_by_branch(set_up: SetUp) -> None:
    bench = set_up("two_heads")
    bench.target.upgrade("heads", dry_run=False)

    shown = bench.target.downgrade("shop@base")

    assert [one.why for one in shown.route.sql if one.sql is None] == []

    bench.target.downgrade("shop@base", dry_run=False)

    assert (bench.current, bench.tables) == (["a8c000000002"], ["payment"])
    assert "DROP TABLE alembic_version" not in bench.target.downgrade("base").sql

    bench.target.upgrade("billing@head", dry_run=False)

    assert (bench.current, bench.tables) == (["a8c000000003"], ["customer", "invoice", "payment", "purchase"])


# -- another database -------------------------------------------------------------------------------


def test_no_statement_of_the_project_passes_on_another_database(set_up: SetUp, server: embedded.Server) -> None:
    log = server.folder / "server.log"
    with scratch.database_on(server, prefix="other") as other:
        bench = set_up("other_database", **{"env.OTHER_DATABASE_URL": other})
        name = other.partition("@/")[2].partition("?")[0]
        bench.ask(f"ALTER DATABASE {name} SET log_statement = 'all'")
        start = log.stat().st_size

        for act in (bench.target.compare, lambda: bench.target.upgrade(dry_run=False)):
            with pytest.raises(WrongDatabaseError) as raised:
                act()
            assert name in raised.value.problem and raised.value.changed is False

        with log.open("rb") as file:
            file.seek(start)
            said = file.read().decode()
        with closing(psycopg2.connect(other.replace("+psycopg2", ""))) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace")
            assert cursor.fetchall() == [(0,)]
    statements = re.findall(r"statement:\s*(.*)", said)
    assert len([one for one in statements if "pg_locks" in one]) >= 2  # the proof was asked for, and is in the log
    ours = ("pg_locks", "pg_backend_pid()")  # the proof, and whether a pooler stands between
    rest = [one for one in statements if not any(name in one for name in ours)]
    assert [one for one in rest if one.upper() not in ("BEGIN", "COMMIT", "ROLLBACK")] == []


TWIN = """
import sys
from pathlib import Path
from ops import scratch
from ops.embedded import lease
server = lease.start(Path(sys.argv[1]), major=18, bin_dir=Path(sys.argv[2]))
scratch.ensure_database(server, "shop")
"""


def test_a_physical_copy_of_the_database_is_another_database(
    set_up: SetUp, server: embedded.Server, tmp_path: Path
) -> None:
    # Its server ends with the process that started it, so that its files can be copied.
    first, second = tmp_path / "first", tmp_path / "second"
    subprocess.run([sys.executable, "-c", TWIN, first, server.bin_dir], check=True)
    until(lambda: not (first / "data" / "postmaster.pid").exists())
    second.mkdir(mode=0o700)
    subprocess.run(["cp", "-a", first / "data", second / "data"], check=True)
    one, copy = (lease.start(folder, major=18, bin_dir=server.bin_dir) for folder in (first, second))
    bench = set_up("other_database", url=one.url("shop"), **{"env.OTHER_DATABASE_URL": copy.url("shop")})
    same = "SELECT system_identifier, oid FROM pg_control_system(), pg_database WHERE datname = 'shop'"
    with closing(psycopg2.connect(copy.url("shop").replace("+psycopg2", ""))) as there, there.cursor() as cursor:
        cursor.execute(same)
        assert cursor.fetchall() == bench.ask(same)

        with pytest.raises(WrongDatabaseError):
            bench.target.upgrade(dry_run=False)

        cursor.execute("SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace")
        assert cursor.fetchall() == [(0,)]
