"""Plans of real projects on real databases: verdicts, what they hold, and that nothing is changed."""

from __future__ import annotations

import json
import os
import re
import subprocess
from dataclasses import dataclass
from typing import Any

import pytest

from ops import embedded, scratch, settings, targets
from ops.catalog import diff, snapshot
from ops.database import connect
from ops.display.text import to_text
from ops.errors import OpsError, RevisionError, UsageError
from ops.plan import Plan
from ops.values import Verdict
from tests.database.conftest import Bench, SetUp, said_by
from tests.database.written import line_of, write

SHOP = """
CREATE TABLE customer (id integer PRIMARY KEY, email text, note text);
CREATE TABLE purchase (id integer PRIMARY KEY, customer_id integer);
CREATE INDEX purchase_customer ON purchase (customer_id);
INSERT INTO customer
SELECT n, CASE WHEN n % 4 > 0 THEN n || '@example.org' END, 'hush-hush' FROM generate_series(1, 8) n;
INSERT INTO purchase SELECT n, n FROM generate_series(1, 9) n;
ANALYZE;
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One revision's body, and what a plan of it says."""

    body: str
    verdict: Verdict
    says: str = ""
    codes: tuple[str, ...] = ()
    probes: tuple[tuple[Verdict, int | None], ...] = ()
    options: tuple[tuple[str, str], ...] = ()


OK, ATTENTION, UNKNOWN = Verdict.OK, Verdict.ATTENTION, Verdict.UNKNOWN

ROWS = {
    "a column more": Row(body="op.add_column('customer', sa.Column('age', sa.Integer()))", verdict=OK),
    "rows that break it": Row(
        body="op.alter_column('customer', 'email', nullable=False)", verdict=ATTENTION,
        says="1 will fail on today's data", codes=("set-not-null",), probes=((ATTENTION, 2),)),
    "rows that do not refer to anything": Row(
        body="op.create_foreign_key('f', 'purchase', 'customer', ['customer_id'], ['id'])", verdict=ATTENTION,
        says="will fail", codes=("add-foreign-key",), probes=((OK, 0), (ATTENTION, 1))),
    "the same, nothing of it counted": Row(
        body="op.create_index('i', 'customer', ['note'])", verdict=OK, codes=("index-blocks-writes",)),
    "values that are lost are told, and stop nobody": Row(
        body="op.drop_column('customer', 'note')", verdict=OK, codes=("data-loss",),
        says="data of public.customer are lost for good"),
    "a reference that a change breaks": Row(
        body="op.execute('ALTER TABLE purchase ADD FOREIGN KEY (customer_id) REFERENCES customer NOT VALID')\n"
             "op.execute('UPDATE purchase SET customer_id = 900')",
        verdict=ATTENTION, says="1 will fail on today's data"),
    "on a tiny table it counts from info on": Row(
        body="op.create_index('i', 'customer', ['note'])", verdict=ATTENTION, codes=("index-blocks-writes",),
        options=(("fail_on", "info"),)),
    "allowed by name": Row(
        body="op.create_index('i', 'customer', ['note'])", verdict=OK, codes=("index-blocks-writes",),
        options=(("fail_on", "info"), ("allow", "index-blocks-writes, no-downgrade")), says=", 1 hazard allowed, "),
    "what it does depends on rows": Row(
        body="if op.get_bind().scalar(sa.text('SELECT count(*) FROM customer')):\n"
             "    op.execute('ALTER TABLE customer ADD age integer')",
        verdict=UNKNOWN, says="not everything is known"),
    "rows are written before they are checked": Row(
        body="op.execute(\"UPDATE customer SET email = (SELECT max(email) FROM customer) WHERE email IS NULL\")\n"
             "op.alter_column('customer', 'email', nullable=False)",
        verdict=UNKNOWN, says="not everything is known"),
    "rows are filled before they are checked": Row(
        body="op.execute(\"UPDATE customer SET email = 'none' WHERE email IS NULL\")\n"
             "op.alter_column('customer', 'email', nullable=False)",
        verdict=OK, codes=("set-not-null",), probes=((OK, 0),)),
    "a batch has missed some": Row(
        body="op.execute(\"UPDATE customer SET email = 'none' WHERE email IS NULL AND id < 8\")\n"
             "op.alter_column('customer', 'email', nullable=False)",
        verdict=ATTENTION, says="1 will fail on today's data", probes=((ATTENTION, 1),)),
    "it refers to a row that only the target has": Row(
        body="op.execute('ALTER TABLE purchase ADD FOREIGN KEY (customer_id) REFERENCES customer NOT VALID')\n"
             "op.execute('INSERT INTO purchase VALUES (900, 1)')",
        verdict=UNKNOWN, says="not everything is known"),
    "it looks for a row that only the target has": Row(
        body="op.execute(\"DO $$ BEGIN IF NOT EXISTS (SELECT FROM customer) THEN RAISE 'nobody'; END IF; END $$\")",
        verdict=UNKNOWN, says="not everything is known"),
    "a row of its own that no table takes": Row(
        body="op.execute('INSERT INTO customer (id) VALUES (NULL)')", verdict=ATTENTION, says="FAILS on a clone"),
    "it fails on any database": Row(
        body="op.drop_column('customer', 'nowhere')", verdict=ATTENTION, says="FAILS on a clone",
        codes=("statement-fails",)),
}  # fmt: skip


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_verdicts(set_up: SetUp, row: Row) -> None:
    bench = set_up("linear")
    bench.ask(SHOP)
    write(bench, (row.body, "op.execute('SELECT 1')"))

    plan = bench.target.plan(**dict(row.options))

    assert plan.verdict is row.verdict, str(plan)
    assert row.says in str(plan)
    assert set(row.codes) <= {one.code for one in plan.hazards}
    found = [(one.verdict, one.violations) for one in plan.probes]
    assert all(expected in found for expected in row.probes), found
    assert (bench.current, bench.tables) == ([], ["customer", "purchase"])
    json.dumps(plan.to_dict())
    assert "hush-hush" not in json.dumps(plan.to_dict())


def test_what_a_plan_holds(set_up: SetUp) -> None:
    bench = set_up("linear")
    bench.ask(SHOP)
    first, second = write(
        bench,
        ("op.create_index('i', 'customer', ['note'])", "op.drop_index('i')"),
        ("op.alter_column('customer', 'id', type_=sa.BigInteger())", ""),
    )

    plan = bench.target.plan("+2")
    data = plan.to_dict()

    assert (data["from"], data["to"], data["revisions"]) == ([], [second], [first, second])
    assert [(one["revision"], one["number"]) for one in data["statements"]] == [(first, 1), (second, 2)]
    build, rewrite = data["statements"]
    assert {"relation": "public.customer", "kind": "table", "mode": "ShareLock", "waits": "writes"} in build["locks"]
    assert (build["index_builds"], build["rewrites"]) == (["public.i on public.customer"], [])
    assert rewrite["rewrites"] == ["public.customer"]
    assert {one["code"] for one in data["hazards"]} >= {"index-blocks-writes", "type-rewrite", "empty-downgrade"}
    assert all(one["fix"] for one in data["hazards"] if one["code"] in ("index-blocks-writes", "type-rewrite"))
    assert (data["measured"], data["unknown"]) == (True, [])
    brief = data["estimates"]["total"]  # of tables as small as these there is no figure, and none is measured
    assert (brief["brief"], brief["unknown"], data["estimates"]["rates"]) == (2, [], [])
    assert list(plan.to_frame().columns)[:3] == ["#", "revision:line", "SQL"]


def test_the_fingerprint_is_that_of_the_dry_run_until_something_changes(set_up: SetUp) -> None:
    bench = set_up("linear")
    bench.ask(SHOP)
    (name,) = write(bench, "op.add_column('customer', sa.Column('age', sa.Integer()))")

    before = to_text(bench.target.upgrade().view())
    plan = bench.target.plan()
    planned, again, run = plan.fingerprint, bench.target.plan().fingerprint, bench.target.upgrade()
    shown = run.fingerprint
    bench.ask("COMMENT ON TABLE customer IS 'changed'")
    changed = bench.target.plan().fingerprint

    assert planned == again == shown
    assert changed != planned
    assert "nobody has planned this very change" in before
    assert str(plan) == f"case: {run.foreseen[1]}, {planned}"
    assert f"its plan found {plan.verdict}, upgrade from" in " ".join(to_text(run.view()).split())
    assert bench.target.upgrade(dry_run=False, confirm=changed).current == (name,)


def test_the_script_does_what_the_migrations_do(set_up: SetUp, server: embedded.Server) -> None:
    bench = set_up("linear")
    bench.ask(SHOP)
    write(
        bench,
        "op.execute('CREATE TABLE thing (id integer PRIMARY KEY, n text)')\n"
        "t = sa.table('thing', sa.column('id'), sa.column('n'))\n"
        "op.bulk_insert(t, [{'id': 1, 'n': \"it's 100% %(odd)s; -- \\n\\\\echo x\"}])",
        "with op.get_context().autocommit_block():\n"
        "    op.execute('CREATE INDEX CONCURRENTLY i ON customer (email)')\n"
        "op.execute(\"COMMENT ON TABLE customer IS 'a;b'; ALTER TABLE customer ADD COLUMN c integer\")",
    )
    plan = bench.target.plan()

    with scratch.database_on(server, prefix="test") as url:
        plain = url.replace("+psycopg2", "")
        base = SHOP + "CREATE TABLE alembic_version (version_num varchar(32) NOT NULL PRIMARY KEY);"
        for text in (base, plan.sql):
            done = subprocess.run(
                [str(server.bin_dir / "psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", plain],
                input=text, capture_output=True, text=True, env={**os.environ, "PGCLIENTENCODING": "UTF8"},
            )  # fmt: skip
            assert done.returncode == 0, done.stderr + plan.sql
        bench.target.upgrade(dry_run=False)
        by_script, by_alembic = (_catalog(bench, one) for one in (url, bench.url))
        assert diff(by_script, by_alembic) == ()
        with connect(_target(bench, url)) as connection:
            rows = connection.exec_driver_sql("SELECT n FROM thing").scalars().all()
            heads = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalars().all()
    assert rows == [one for (one,) in bench.ask("SELECT n FROM thing")]
    assert heads == bench.current


def _target(bench: Bench, url: str) -> settings.TargetSettings:
    return bench.target.settings.with_url(url)


def _catalog(bench: Bench, url: str) -> object:
    with connect(_target(bench, url)) as connection:
        return snapshot.read(connection, version_table=("public", "alembic_version"))


WRITES = re.compile(r"\b(INSERT|UPDATE|DELETE|TRUNCATE|CREATE|ALTER|DROP|GRANT|REVOKE|COPY|VACUUM|REINDEX)\b")


def test_a_role_that_may_only_read_makes_a_plan_and_the_servers_log_shows_it(
    set_up: SetUp, system_server: embedded.Server
) -> None:
    log = system_server.folder / "server.log"
    with scratch.database_on(system_server, prefix="test") as url:
        bench = set_up("linear", url=url)
        role = f"reader_{os.getpid()}"
        bench.ask(f"{SHOP}; CREATE ROLE {role} LOGIN; GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}")
        bench.ask(f"ALTER ROLE {role} SET log_statement = 'all'")
        write(bench, "op.alter_column('customer', 'email', nullable=False)\nop.drop_table('purchase')")
        ini = bench.home / "ops.ini"
        ini.write_text(ini.read_text(encoding="utf-8").replace("postgres@", f"{role}@"), encoding="utf-8")
        begin = log.stat().st_size

        plan = targets.target("case").plan()

        said = said_by(role, log, begin)
        tables = bench.tables
        bench.ask(f"DROP OWNED BY {role}; DROP ROLE {role}")
    assert len(said) > 5
    assert [line for line in said if WRITES.search(line)] == []
    assert [one.violations for one in plan.broken] == [2]
    assert tables == ["customer", "purchase"]


def test_a_way_down(set_up: SetUp) -> None:
    bench = set_up("linear")
    bench.target.upgrade(dry_run=False)

    plan = bench.target.plan("base", direction="down")

    assert (plan.route.heads, len(plan.route.steps)) == ((), 5)
    assert [one for statement in plan.own for one in statement.dropped]
    assert "downgrade from a10000000005 to base" in str(plan)


def test_nothing_to_do_is_in_order(set_up: SetUp) -> None:
    bench = set_up("linear")
    bench.target.upgrade(dry_run=False)

    plan = bench.target.plan()

    assert (plan.verdict, plan.statements) == (OK, ())
    assert "nothing to upgrade" in str(plan)


WRONG = {  #             request                     what is said
    "no such severity":  ({"fail_on": "terrible"},    "info, low, medium, high, critical"),
    "no such hazard":    ({"allow": "drop-colum"},    "drop-column"),
    "no such direction": ({"direction": "sideways"},  "up or down"),
}  # fmt: skip


@pytest.mark.parametrize(("options", "says"), WRONG.values(), ids=WRONG)
def test_bad_input(set_up: SetUp, options: dict[str, str], says: str) -> None:
    bench = set_up("linear")

    with pytest.raises(UsageError) as raised:
        bench.target.plan(**options)

    assert says in str(raised.value)


def test_a_revision_that_cannot_be_resolved(set_up: SetUp) -> None:
    with pytest.raises(RevisionError):
        set_up("linear").target.plan("nowhere")


def test_without_a_clone_nothing_is_measured_and_the_verdict_is_unknown(
    set_up: SetUp, system_server: embedded.Server
) -> None:
    with scratch.database_on(system_server, prefix="test") as url:
        bench = set_up("linear", url=url)
        if not bench.ask("SELECT 1 FROM pg_available_extensions WHERE name = 'citext'"):
            pytest.skip("the system's PostgreSQL has no citext")
        bench.ask(SHOP + "CREATE EXTENSION citext")
        write(bench, ("op.alter_column('purchase', 'customer_id', nullable=False)", "op.execute('SELECT 1')"))

        plan = bench.target.plan()

    assert plan.verdict is UNKNOWN, str(plan)
    assert "citext" in plan.offline
    assert [(one.measured, one.locks) for one in plan.own] == [(False, ())]
    assert "set-not-null" in {one.code for one in plan.hazards}
    assert "NOT MEASURED" in plan.sql
    assert [one.verdict for one in plan.probes] == [OK]


def test_an_env_that_never_leaves_its_database_cannot_be_measured(set_up: SetUp) -> None:
    bench = set_up("linear")
    bench.ask(SHOP)
    write(bench, "op.add_column('customer', sa.Column('age', sa.Integer()))")
    env = next(bench.project.rglob("env.py"))
    text = env.read_text(encoding="utf-8")
    hard = text.replace("config.get_section(config.config_ini_section)", f"{{'sqlalchemy.url': {bench.url!r}}}")
    assert hard != text
    env.write_text(hard, encoding="utf-8")

    plan = bench.target.plan()

    assert plan.verdict is UNKNOWN, str(plan)
    assert "another database" in plan.offline or "connected to" in plan.offline
    assert [one.sql for one in plan.own] == ["ALTER TABLE customer ADD COLUMN age INTEGER"]
    assert bench.ask("SELECT count(*) FROM pg_attribute WHERE attname = 'age'") == [(0,)]


def test_what_cascade_takes_along_is_no_failure(set_up: SetUp) -> None:
    bench = set_up("linear")
    bench.ask(f"{SHOP}; CREATE VIEW mails AS SELECT email FROM customer")
    write(bench, ("op.execute('DROP TABLE customer CASCADE')", "op.execute('SELECT 1')"))

    plan = bench.target.plan(fail_on="critical")

    (asked,) = [one for one in plan.probes if one.verdict is ATTENTION]
    assert (asked.breaks, asked.violations, plan.broken) == (False, 1, ())
    assert "will fail" not in str(plan)
    assert "cascade" in {one.code for one in plan.hazards}


def test_columns_that_are_gone_count_until_the_server_takes_no_more(set_up: SetUp) -> None:
    bench = set_up("linear")
    each = "(SELECT string_agg(format('{} COLUMN g%s{}', n), ', ') FROM generate_series(1, 1598) n)"
    bench.ask(
        "CREATE TABLE wide (id int);"
        f"DO $$ BEGIN EXECUTE 'ALTER TABLE wide ' || {each.format('ADD', ' int')};"
        f" EXECUTE 'ALTER TABLE wide ' || {each.format('DROP', '')}; END $$"
    )
    write(bench, "op.execute('ALTER TABLE wide ADD last int')\nop.execute('ALTER TABLE wide ADD more int')")

    plan = bench.target.plan()
    found = [(one.statement, one.severity.word) for one in plan.hazards if one.code == "many-columns"]
    with pytest.raises(OpsError, match="tables can have at most 1600 columns"):
        bench.target.upgrade("head", dry_run=False)

    assert (plan.verdict, plan.failed) == ("ATTENTION", "")
    assert found == [(2, "critical"), (1, "medium")]


def test_hazards_stand_at_their_lines(set_up: SetUp) -> None:
    bench = set_up("linear")
    bench.ask(SHOP)
    (name,) = write(
        bench, "op.create_index(\n    'i', 'customer', ['note'])\nop.alter_column('customer', 'email', nullable=False)"
    )
    file = bench.version_file(name)

    plan = bench.target.plan(annotate="sarif")
    places = {one["ruleId"]: one["locations"][0]["physicalLocation"] for one in _sarif(plan)["results"]}

    path = file.relative_to(plan.root).as_posix()
    index, column = line_of(file, "create_index"), line_of(file, "alter_column")
    assert {path} == {one["artifactLocation"]["uri"] for one in places.values()}
    assert places["index-blocks-writes"]["region"]["startLine"] == index
    assert places["set-not-null"]["region"]["startLine"] == column
    assert places["will-fail"]["region"]["startLine"] == column
    assert plan.lines[0].startswith(f"{path}:{column}: critical will-fail ")
    with pytest.raises(UsageError, match="gitlab is no form of annotations"):
        bench.target.plan(annotate="gitlab")


def _sarif(plan: Plan) -> dict[str, Any]:
    (run,) = json.loads(plan.files["plan.sarif"])["runs"]
    return run
