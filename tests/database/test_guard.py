"""Who may change a database, and when: all that is missing is said at once, and nothing has run."""

from __future__ import annotations

import html
import os
import secrets
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ops import embedded, scratch, targets
from ops.errors import OpsError, RefusedError, RevisionError, StalePlanError
from ops.guard import refusal
from ops.values import Verdict
from tests import passwords
from tests.database.conftest import Bench, SetUp

guarded, make_role = passwords.guarded, passwords.make_role
MakeRole = Callable[..., passwords.Role]

LINEAR = [f"a1000000000{number}" for number in range(1, 6)]


def state(bench: Bench) -> tuple[list[str], list[str]]:
    return bench.current, bench.tables


def window(*, opens_in: timedelta) -> str:
    """Two hours of every day that begin so much later than now, or have begun so much earlier."""
    opens = datetime.now(UTC) + opens_in
    return f"window daily {opens:%H:%M}-{opens + timedelta(hours=2):%H:%M} UTC"


def rewrite(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def git(bench: Bench, *command: str) -> None:
    whose = ("-c", "user.name=An", "-c", "user.email=an@example.org")
    subprocess.run(["git", "-C", str(bench.home), *whose, *command], check=True, capture_output=True)


# -- what the section demands -----------------------------------------------------------------------


def test_all_that_is_missing_is_said_at_once(set_up: SetUp) -> None:
    closed = window(opens_in=timedelta(hours=3))
    demands = f"\n  committed\n  hazards < high\n  backup < 24 hours\n  rehearsal\n  {closed}"
    bench = set_up("linear", protected="true", require=demands)

    shown = bench.target.upgrade("a10000000002")
    with pytest.raises(RefusedError) as refused:
        bench.target.upgrade("a10000000002", dry_run=False)
    with pytest.raises(RefusedError) as confirmed:
        bench.target.upgrade("a10000000002", dry_run=False, confirm=shown.fingerprint)

    asked = ["committed: ", "hazards < high: ", "rehearsal: ", "backup < 24 hours: ", f"{closed}: closed at "]
    assert [one[: len(word)] for one, word in zip(shown.obstacles, asked, strict=True)] == asked
    assert shown.to_dict()["lacking"] == list(shown.obstacles)
    assert shown.verdict is Verdict.OK
    for error, lines in ((refused.value, 6), (confirmed.value, 5)):
        assert (error.code, error.exit_code, error.changed) == ("refused", 4, False)
        assert all(one in error.problem for one in shown.obstacles)
        assert error.problem.count("\n- ") == lines
    assert "protected" in refused.value.problem and "protected" not in confirmed.value.problem
    assert state(bench) == ([], [])


def test_what_a_target_demands_is_shown_where_one_looks(set_up: SetUp) -> None:
    demands = ["committed", "hazards < high", "window Mon-Thu 22:00-04:00 Europe/Berlin"]
    bench = set_up("linear", require="".join(f"\n  {one}" for one in demands))

    listed, status = targets.describe_targets(), bench.target.status()

    assert {one["name"]: one["requires"] for one in listed.to_dict()["targets"]} == {
        "case": demands, "default": [], "demo": [], "sandbox": [],
    }  # fmt: skip
    assert status.to_dict()["requires"] == demands
    for shown in (listed, status):
        page = shown._repr_mimebundle_()["text/html"]
        assert all(html.escape(one) in page for one in demands)


def test_a_dry_run_shows_what_a_real_one_would_lack(set_up: SetUp) -> None:
    bench = set_up("linear", protected="true", require="rehearsal")

    shown = bench.target.upgrade("a10000000002")
    text = shown._repr_mimebundle_()["text/plain"]

    assert "A real run would be refused now. It lacks:" in text
    assert shown.obstacles[0] in " ".join(text.split())
    assert f"Provide what is missing; then run this with dry_run = False and confirm = '{shown.fingerprint}'" in (
        " ".join(text.split())
    )


def test_hazards_are_those_of_the_plan_that_would_run(set_up: SetUp) -> None:
    bench = set_up("linear", require="hazards < low")
    bench.ask("CREATE TABLE customer (id serial PRIMARY KEY, name varchar(100) NOT NULL, email varchar(200))")
    bench.ask("INSERT INTO customer (name, email) SELECT 'n', 'e' FROM generate_series(1, 1000)")
    bench.ask("CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY)")
    bench.ask("INSERT INTO alembic_version VALUES (%s)", LINEAR[1])
    planned = bench.target.plan(LINEAR[0], direction="down")

    with pytest.raises(RefusedError, match=r"hazards < low: its plan has data-loss \(medium, public.customer\)"):
        bench.target.downgrade(LINEAR[0], dry_run=False)
    rewrite(bench.version_file(LINEAR[1]), "def downgrade():", "def downgrade():  # edited")
    with pytest.raises(RefusedError, match="nobody has planned this very change, or something has changed since"):
        bench.target.downgrade(LINEAR[0], dry_run=False)
    assert bench.current == [LINEAR[1]]

    rewrite(bench.version_file(LINEAR[1]), "def downgrade():  # edited", "def downgrade():")
    rewrite(bench.home / "ops.ini", "hazards < low", "hazards < high")
    run = targets.target("case").downgrade(LINEAR[0], dry_run=False)

    assert (run.fingerprint, bench.current) == (planned.fingerprint, [LINEAR[0]])


def test_version_files_are_committed_and_what_runs_leave_does_not_count(set_up: SetUp) -> None:
    bench = set_up("linear", require="committed")
    with pytest.raises(RefusedError, match="there is no git here"):
        bench.target.upgrade("a10000000001", dry_run=False)
    git(bench, "init", "-q")
    with pytest.raises(RefusedError, match=r"committed: not in the last commit as it is: a10000000001_customer\.py"):
        bench.target.upgrade("a10000000001", dry_run=False)
    git(bench, "add", "linear/migrations")
    git(bench, "commit", "-q", "-m", "x")
    # Neither a notebook that was saved, nor a revision that does not run.
    (bench.home / "40-upgrade.ipynb").write_text("{}")
    rewrite(bench.version_file("a10000000002"), "def upgrade():", "def upgrade():  # edited")

    assert bench.target.upgrade("a10000000001", dry_run=False).current == ("a10000000001",)
    with pytest.raises(RefusedError, match="a10000000002_email") as refused:
        bench.target.upgrade("a10000000002", dry_run=False)

    assert "a10000000001_customer" not in refused.value.problem
    assert bench.current == ["a10000000001"]


def test_the_servers_clock_says_whether_the_window_is_open(set_up: SetUp, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = window(opens_in=timedelta(hours=3))
    bench = set_up("linear", require=closed)
    # This machine believes that it is four hours later, in the middle of the window.
    monkeypatch.setattr(refusal, "_our_clock", lambda: datetime.now(UTC) + timedelta(hours=4))
    ahead = "The clock of this machine is 4 h 0 min ahead of the server's, which is the one that counts."

    shown = bench.target.upgrade("a10000000001")
    with pytest.raises(RefusedError) as refused:
        bench.target.upgrade("a10000000001", dry_run=False)

    assert shown.permission.notes == (ahead,)
    assert f"{closed}: closed at " in refused.value.problem and ahead in refused.value.problem
    assert state(bench) == ([], [])

    rewrite(bench.home / "ops.ini", closed, window(opens_in=timedelta(hours=-1)))
    run = targets.target("case").upgrade("a10000000001", dry_run=False)

    assert (run.verdict is not Verdict.FAILED, bench.current) == (True, ["a10000000001"])
    assert ahead in " ".join(run._repr_mimebundle_()["text/plain"].split())


def test_a_closed_window_and_an_old_plan_do_not_matter_to_who_changes_nothing(set_up: SetUp) -> None:
    bench = set_up("linear", protected="true")
    shown = bench.target.upgrade("a10000000001")
    bench.target.upgrade("a10000000001", dry_run=False, confirm=shown.fingerprint)
    rewrite(
        bench.home / "ops.ini", "protected = true", f"protected = true\nrequire = {window(opens_in=timedelta(hours=3))}"
    )

    run = targets.target("case").upgrade("a10000000001", dry_run=False, confirm=shown.fingerprint)

    assert (run.verdict, run.applied, run.route.changes_nothing) == (Verdict.OK, (), True)


# -- clumsy and hostile operators -------------------------------------------------------------------


@contextmanager
def another(bench: Bench, server: embedded.Server) -> Iterator[str]:
    """A second target of the same project, `other`, on a database of its own; yields its URL."""
    with scratch.database_on(server, prefix="test") as url:
        ini = bench.home / "ops.ini"
        text = ini.read_text(encoding="utf-8")
        ini.write_text(
            text + text.replace("ops:target:case", "ops:target:other").replace(bench.url, url), encoding="utf-8"
        )
        yield url


def test_the_wrong_target_and_another_targets_confirmation(set_up: SetUp, server: embedded.Server) -> None:
    bench = set_up("linear", protected="true")
    with another(bench, server) as url:
        shown = targets.target("case").upgrade()

        with pytest.raises(StalePlanError, match="or it was another target's") as refused:
            targets.target("other").upgrade(dry_run=False, confirm=shown.fingerprint)
        with pytest.raises(OpsError, match="There is no target 'othre'"):
            targets.target("othre")

        assert (refused.value.code, refused.value.exit_code, refused.value.changed) == ("stale-plan", 4, False)
        other = Bench(case=bench.case, home=bench.home, project=bench.project, url=url, target=bench.target)
        assert state(other) == state(bench) == ([], [])


def by_hand(bench: Bench) -> None:
    bench.ask("CREATE TABLE by_hand (a int)")


def edit(bench: Bench) -> None:
    rewrite(bench.version_file(LINEAR[1]), "def upgrade():", "def upgrade():\n    op.execute('SELECT 1/0')")


def apply_one(bench: Bench) -> None:
    bench.ask("CREATE TABLE customer (id serial PRIMARY KEY, name varchar(100) NOT NULL)")
    bench.ask("CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY)")
    bench.ask("INSERT INTO alembic_version VALUES (%s)", LINEAR[0])


# In this order, on one database.
CHANGED_SINCE: dict[str, Callable[[Bench], None]] = {
    "the database, by hand": by_hand,
    "a revision that somebody else has applied": apply_one,
    "a file, between plan and run": edit,
}


def test_a_confirmation_of_what_is_not_so_any_more(set_up: SetUp) -> None:
    bench = set_up("linear", protected="true")
    for what, happens in CHANGED_SINCE.items():
        confirmed = bench.target.upgrade().fingerprint
        happens(bench)
        before = state(bench)

        with pytest.raises(StalePlanError, match="changed since that dry run") as refused:
            bench.target.upgrade(dry_run=False, confirm=confirmed)

        assert (refused.value.code, refused.value.exit_code, refused.value.changed) == ("stale-plan", 4, False), what
        assert state(bench) == before, what


def test_a_version_table_with_two_rows_of_one_branch(set_up: SetUp) -> None:
    bench = set_up("linear")
    bench.ask("CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY)")
    bench.ask("INSERT INTO alembic_version VALUES (%s), (%s)", LINEAR[1], LINEAR[2])
    before = state(bench)

    for act in (
        lambda: bench.target.upgrade(dry_run=False),
        lambda: bench.target.downgrade("-1", dry_run=False),
    ):
        with pytest.raises(RevisionError) as refused:
            act()
        assert (refused.value.code, refused.value.changed) == ("overlapping", False)
        assert LINEAR[1] in refused.value.problem and LINEAR[2] in refused.value.problem

    assert state(bench) == before
    assert "has 2 rows (a10000000002, a10000000003), and one is too many" in " ".join(bench.target.status().findings)

    bench.target.stamp(LINEAR[2], dry_run=False)

    assert bench.current == [LINEAR[2]]


# -- rights -----------------------------------------------------------------------------------------


def test_rights_that_the_plan_needs_are_asked_for_beforehand(make_role: MakeRole, set_up: SetUp) -> None:
    owner, login = make_role(), make_role()
    owner.ask("CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY)")
    owner.ask("INSERT INTO alembic_version VALUES (%s)", LINEAR[0])
    owner.ask("CREATE TABLE customer (id serial PRIMARY KEY, name varchar(100) NOT NULL)")
    owner.ask(f"ALTER TABLE customer OWNER TO {owner.name}")
    owner.ask(f"GRANT ALL ON alembic_version TO {login.name}, {owner.name}")
    bench = set_up("linear", url=login.url(database=owner.database), ledger="file")
    lacking = (
        f"Role {login.name} does not own public.customer, which belongs to {owner.name} (ADD COLUMN in {LINEAR[1]}).",
        f"Role {login.name} may not create anything in schema public (CREATE TABLE in {LINEAR[2]}).",
        f"Role {login.name} has not the right REFERENCES on public.customer (ADD FOREIGN KEY in {LINEAR[2]}).",
    )
    planned = bench.target.plan(LINEAR[2])

    with pytest.raises(RefusedError) as refused:
        bench.target.upgrade(LINEAR[2], dry_run=False)

    assert all(one in refused.value.problem for one in lacking)
    assert (refused.value.exit_code, refused.value.changed) == (4, False)
    assert owner.ask("SELECT version_num FROM alembic_version") == [(LINEAR[0],)]

    # Nobody is refused who may: as a member of the owner ...
    owner.ask(f"GRANT {owner.name} TO {login.name}")
    assert bench.target.upgrade(LINEAR[2]).obstacles == ()
    # ... unless membership alone gives him nothing ...
    owner.ask(f"GRANT {owner.name} TO {login.name} WITH INHERIT FALSE")
    assert bench.target.upgrade(LINEAR[2]).obstacles == lacking
    # ... and env.py does not take the owner's role on.
    env = bench.project / "migrations" / "env.py"
    head, configure, tail = env.read_text(encoding="utf-8").rpartition("        context.configure(connection")
    role = f"        connection.exec_driver_sql('SET ROLE {owner.name}')\n        connection.commit()\n"
    env.write_text(f"{head}{role}{configure}{tail}", encoding="utf-8")
    shown = bench.target.upgrade(LINEAR[2])
    assert (shown.obstacles, shown.fingerprint) == ((), planned.fingerprint)


def test_everything_that_is_made_belongs_to_the_role(set_up: SetUp) -> None:
    role = f"owner_{os.getpid()}_{secrets.token_hex(2)}"
    bench = set_up("rich", role=role)
    bench.ask(f"CREATE ROLE {role}")
    try:
        (name,) = bench.ask("SELECT current_database()")[0]
        bench.ask(f"GRANT CREATE ON SCHEMA public TO {role}")
        bench.ask(f"GRANT CREATE ON DATABASE {name} TO {role}")
        bench.target.upgrade("d20000000003", dry_run=False)  # the next one makes a role
        ours = "pg_catalog.pg_namespace n WHERE n.nspname !~ '^(pg_|information_schema)'"
        owners: dict[str, list[tuple[Any, ...]]] = {
            "relations": bench.ask(
                "SELECT DISTINCT relkind::text, pg_get_userbyid(relowner)::text FROM pg_class"
                f" WHERE relnamespace IN (SELECT oid FROM {ours}) ORDER BY 1"
            ),
            "types": bench.ask(
                f"SELECT DISTINCT pg_get_userbyid(typowner)::text FROM pg_type WHERE typnamespace IN"
                f" (SELECT oid FROM {ours})"
            ),
            "functions": bench.ask(
                f"SELECT DISTINCT pg_get_userbyid(proowner)::text FROM pg_proc WHERE pronamespace IN"
                f" (SELECT oid FROM {ours})"
            ),
            "schemas": bench.ask(
                f"SELECT DISTINCT pg_get_userbyid(n.nspowner)::text FROM {ours} AND n.nspname <> 'public'"
            ),
        }
    finally:
        bench.ask(f"DROP OWNED BY {role}")
        bench.ask(f"DROP ROLE {role}")

    assert {kind for kind, _ in owners["relations"]} >= {"r", "i", "v", "p"}
    assert {owner for _, owner in owners["relations"]} == {role}
    assert owners["types"] == owners["functions"] == [(role,)]
    assert owners["schemas"] in ([], [(role,)])
