"""A password that is a word of the SQL as well: it is judged as it is written, and shown, recorded and sent as ***."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator

import pytest

from ops import display, secrets
from ops.errors import MigrationError, RefusedError
from ops.plan import kept
from ops.values import Verdict
from tests import passwords
from tests.database.conftest import Bench, SetUp
from tests.database.test_breaker import inside, outside
from tests.database.test_limits import busy
from tests.database.written import write

guarded, make_role = passwords.guarded, passwords.make_role

PASSWORD = "gherkin"
WORD = re.compile(rf"(?<![A-Za-z0-9]){PASSWORD}(?![A-Za-z0-9])")

TABLES = inside(
    "CREATE TABLE gherkin (id int PRIMARY KEY, a int, t text)",
    "INSERT INTO gherkin SELECT n, n, repeat('x', 100) FROM generate_series(1, 3000) AS n",
    "COMMENT ON TABLE gherkin IS 'the password is gherkin'",
)
BUILD = outside("CREATE INDEX CONCURRENTLY ix_gherkin ON gherkin (a)")
TWO = inside("ALTER TABLE gherkin ADD CONSTRAINT gherkin_a CHECK (a > 5); CREATE INDEX ix_gherkin_t ON gherkin (t)")


@pytest.fixture
def bench(make_role: Callable[..., passwords.Role], set_up: SetUp) -> Iterator[Bench]:
    """Three thousand rows, in a database whose password is the table's name."""
    before = set(secrets._known)
    role = make_role(PASSWORD, options="LOGIN SUPERUSER")
    yield set_up("per_migration", url=role.url(), lock_timeout="300ms", lock_timeout_long="300ms")
    secrets._known.clear()
    secrets._known.update(before)
    secrets._pattern.cache_clear()


def begin(bench: Bench, *bodies: str) -> None:
    write(bench, TABLES, *bodies)
    bench.target.upgrade("b00000000001", dry_run=False)


def hides_it(*texts: str) -> None:
    for text in texts:
        assert text and not WORD.search(text), text


def test_a_plan_knows_the_table_and_does_not_show_its_name(bench: Bench) -> None:
    begin(bench, TWO)

    plan = bench.target.plan()

    check, build = plan.own
    assert (check.scans, build.index_builds) == (("public.gherkin",), ("public.ix_gherkin_t on public.gherkin",))
    assert build.sql == "CREATE INDEX ix_gherkin_t ON gherkin (t)"
    assert "index-blocks-writes" in {one.code for one in plan.hazards if one.relation == "public.gherkin"}
    assert [(one.violations, one.breaks) for one in plan.broken] == [(5, True)]
    shown = display.mimebundle(plan.view())
    hides_it(shown["text/html"], shown["text/plain"], plan.sql, repr(plan.statements), repr(plan), str(plan))
    hides_it(json.dumps(plan.to_dict()), plan.to_frame().to_string(), *plan.files.values())
    hides_it(repr(plan.hazards), repr(plan.probes), *map(str, plan.probes))
    known = kept.find(bench.home, plan.fingerprint)
    assert known is not None
    hides_it(*(one.sql for one in known.statements), *(one.harm for one in known.hazards))
    assert ("OWNER", "gherkin") in {(one.right, one.name) for one in known.needs}


def test_a_build_that_failed_is_removed_and_tried_again(bench: Bench) -> None:
    begin(bench, BUILD)
    bench.target.plan()
    lines: list[str] = []
    with busy(bench, "INSERT INTO gherkin VALUES (-1, 1, 'late')") as writer:

        def report(line: str) -> None:
            lines.append(line)
            if len([one for one in lines if "trying again" in one]) == 2:
                writer.commit()

        run = bench.target.upgrade(dry_run=False, report=report)

    assert (run.verdict, run.retried) == (Verdict.OK, 2)
    assert "removed the invalid index public.ix_***, which the failed attempt left" in lines
    hides_it(*lines, repr(run), json.dumps(run.to_dict()), *display.mimebundle(run.view()).values())
    rows = bench.ask("SELECT l::text FROM alembic_ops.ledger l")
    assert any("CREATE INDEX CONCURRENTLY ix_*** ON *** (a)" in row for (row,) in rows)
    hides_it(*(row for (row,) in rows))


# fmt: off
STOPPED = {
    "another type":                 inside("ALTER TABLE gherkin ALTER a TYPE bigint"),
    "what fires no event":          outside("VACUUM FULL gherkin"),
}
# fmt: on


@pytest.mark.parametrize("body", STOPPED.values(), ids=STOPPED)
def test_the_breaker_knows_the_table(body: str, bench: Bench) -> None:
    begin(bench, body)

    with pytest.raises(MigrationError) as stopped:
        bench.target.upgrade(dry_run=False, max_rewrite="100kB")

    assert stopped.value.code == "max-rewrite"
    rows = bench.ask("SELECT l::text FROM alembic_ops.ledger l")
    hides_it(str(stopped.value), repr(stopped.value), *(row for (row,) in rows))

    bench.target.plan()
    with pytest.raises(RefusedError, match=r"foretells, b00000000002 writes public\.\*\*\* anew") as refused:
        bench.target.upgrade(dry_run=False, max_rewrite="100kB")
    hides_it(str(refused.value))


def test_a_version_table_and_revisions_of_that_name(bench: Bench) -> None:
    env = bench.project / "migrations" / "env.py"
    text = env.read_text(encoding="utf-8")
    assert "context.configure(" in text
    env.write_text(text.replace("context.configure(", "context.configure(version_table='gherkin_versions', "), "utf-8")
    write(bench, "op.execute('CREATE TABLE one (a int)')", "op.execute('CREATE TABLE two (a int)')")
    for path in next(bench.project.rglob("versions")).glob("*.py"):
        path.write_text(path.read_text("utf-8").replace("b00000000002", "gherkin_2"), "utf-8")

    run = bench.target.upgrade(dry_run=False)

    assert (run.verdict, run.current) == (Verdict.OK, ("gherkin_2",))
    assert bench.ask("SELECT * FROM gherkin_versions") == [("gherkin_2",)]
    assert bench.target.status().verdict is Verdict.OK
