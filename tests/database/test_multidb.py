"""One env.py for several databases, as Alembic's own template writes it: each is a target, and proved to be it."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from ops import embedded, scratch, settings, targets
from ops.errors import MigrationError, SettingsError, UsageError, WrongDatabaseError
from ops.values import Verdict

MODELS = """\
from sqlalchemy import Column, Integer, MetaData, String, Table

orders, billing = MetaData(), MetaData()
Table("purchase", orders, Column("id", Integer, primary_key=True), Column("note", String(50)))
Table("invoice", billing, Column("id", Integer, primary_key=True))
"""
REVISION = '''\
"""{about}"""

import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision = {below!r}
branch_labels = depends_on = None


def upgrade(engine_name):
    globals()["upgrade_%s" % engine_name]()


def downgrade(engine_name):
    globals()["downgrade_%s" % engine_name]()


def upgrade_orders():
    {orders}


def downgrade_orders():
    {no_orders}


def upgrade_billing():
    {billing}


def downgrade_billing():
    {no_billing}
'''
REVISIONS = (
    {
        "revision": "ab0000000001",
        "below": None,
        "about": "tables",
        "orders": 'op.create_table("purchase", sa.Column("id", sa.Integer, primary_key=True))',
        "no_orders": 'op.drop_table("purchase")',
        "billing": 'op.create_table("invoice", sa.Column("id", sa.Integer, primary_key=True))',
        "no_billing": 'op.drop_table("invoice")',
    },
    {
        "revision": "ab0000000002",
        "below": "ab0000000001",
        "about": "a note",
        "orders": 'op.add_column("purchase", sa.Column("note", sa.String(50)))',
        "no_orders": 'op.drop_column("purchase", "note")',
        "billing": "pass",
        "no_billing": "pass",
    },
)


@dataclass(frozen=True, kw_only=True)
class Shop:
    """A project with two databases."""

    home: Path
    orders: str
    billing: str

    @property
    def project(self) -> Path:
        return self.home / "shop"

    def section(self, *lines: str) -> None:
        text = ["[ops:target:shop]", "config = shop/alembic.ini", "protected = false", *lines]
        (self.home / "ops.ini").write_text("\n".join(text) + "\n", encoding="utf-8")

    def edit(self, file: str, old: str, new: str) -> None:
        path = self.project / file
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")


def ask(url: str, query: str) -> list[tuple[Any, ...]]:
    with closing(psycopg2.connect(url.replace("+psycopg2", ""))) as connection, connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchall()


def state(url: str) -> tuple[list[str], list[str]]:
    """The tables of the project in a database, and the rows of its version table."""
    found = ask(url, "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace")
    tables = sorted(name for (name,) in found)
    if "alembic_version" not in tables:
        return tables, []
    tables.remove("alembic_version")
    return tables, [one for (one,) in ask(url, "SELECT version_num FROM alembic_version")]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `alembic init -t multidb` writes."""
    folder = tmp_path_factory.mktemp("template")
    init = [sys.executable, "-m", "alembic", "init", "--template", "multidb", "migrations"]
    subprocess.run(init, cwd=folder, check=True, capture_output=True)
    return folder


@pytest.fixture
def shop(
    template: Path, tmp_path: Path, server: embedded.Server, home: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Shop]:
    """The template with models, two revisions, and the names of its databases."""
    with (
        scratch.database_on(server, prefix="orders") as orders,
        scratch.database_on(server, prefix="billing") as billing,
    ):
        found = Shop(home=tmp_path, orders=orders, billing=billing)
        shutil.copytree(template, found.project)
        (found.project / "models.py").write_text(MODELS, encoding="utf-8")
        for one in REVISIONS:
            file = found.project / "migrations" / "versions" / f"{one['revision']}.py"
            file.write_text(REVISION.format(**one), encoding="utf-8")
        found.edit("alembic.ini", "databases = engine1, engine2", "databases = orders, billing")
        found.edit("alembic.ini", "[engine1]", "[orders]")
        found.edit("alembic.ini", "[engine2]", "[billing]")
        found.edit(
            "migrations/env.py",
            "target_metadata = {}",
            "import models\ntarget_metadata = {'orders': models.orders, 'billing': models.billing}",
        )
        found.section(f"url.orders = {orders}", f"url.billing = {billing}")
        monkeypatch.setenv("OPS_HOME", str(tmp_path))
        monkeypatch.setenv("OPS_EMBEDDED_DIR", str(home / ".ops"))
        yield found


def test_each_database_goes_its_own_way(shop: Shop) -> None:
    orders, billing = targets.target("shop.orders"), targets.target("shop.billing")

    first = orders.upgrade("ab0000000001", dry_run=False)

    assert (first.verdict, first.current) == (Verdict.OK, ("ab0000000001",))
    assert state(shop.orders) == (["purchase"], ["ab0000000001"])
    assert state(shop.billing) == ([], [])
    assert (orders.status().current, billing.status().current) == (("ab0000000001",), ())

    billing.upgrade(dry_run=False)
    orders.upgrade(dry_run=False)

    assert state(shop.billing) == (["invoice"], ["ab0000000002"])
    drifts = [one.compare() for one in (orders, billing)]
    assert [(one.verdict, one.changes) for one in drifts] == 2 * [(Verdict.OK, ())]

    back = billing.downgrade("base", dry_run=False)

    assert [one.revision for one in back.applied] == ["ab0000000002", "ab0000000001"]
    assert (state(shop.billing)[0], state(shop.orders)[1]) == ([], ["ab0000000002"])


def test_each_is_planned_and_rehearsed_and_the_other_is_left_alone(shop: Shop) -> None:
    orders, billing = targets.target("shop.orders"), targets.target("shop.billing")

    plans = orders.plan(), billing.plan()
    rehearsal = orders.rehearse()

    wanted = ("CREATE TABLE purchase", "ADD COLUMN note"), ("CREATE TABLE invoice",)
    for plan, words in zip(plans, wanted, strict=True):
        sql = [one.sql for one in plan.statements if "alembic_version" not in one.sql]
        assert len(sql) == len(words) and all(word in one for word, one in zip(words, sql, strict=True))
        assert plan.verdict is Verdict.OK
    assert rehearsal.verdict is Verdict.OK
    assert state(shop.orders) == state(shop.billing) == ([], [])


def test_a_draft_is_of_one_database_and_has_functions_for_all(shop: Shop) -> None:
    orders = targets.target("shop.orders")
    orders.upgrade(dry_run=False)
    shop.edit("models.py", "String(50))", 'String(50)), Column("paid", Integer)')

    draft = orders.new_revision("paid")

    assert "op.add_column('purchase', sa.Column('paid'" in draft.content
    assert "def upgrade_billing" in draft.content
    assert draft.why_no_sql is not None and "several databases" in draft.why_no_sql


def test_a_migration_may_read_the_other_database_and_not_write_there(shop: Shop) -> None:
    targets.target("shop.billing").upgrade(dry_run=False)
    reads = (
        "import sqlalchemy\n    url = op.get_context().config.get_section_option('billing', 'sqlalchemy.url')\n"
        "    other = sqlalchemy.create_engine(url).connect()\n    other.execute(sqlalchemy.text({sql!r}))\n    "
    )
    count, insert = "SELECT count(*) FROM invoice", "INSERT INTO invoice VALUES (1)"
    file = "migrations/versions/ab0000000001.py"
    shop.edit(file, 'op.create_table("purchase"', reads.format(sql=count) + 'op.create_table("purchase"')
    assert targets.target("shop.orders").upgrade("+1", dry_run=False).verdict is Verdict.OK

    targets.target("shop.orders").downgrade("base", dry_run=False)
    shop.edit(file, count, insert)
    with pytest.raises(MigrationError, match="read-only transaction"):
        targets.target("shop.orders").upgrade("+1", dry_run=False)

    assert ask(shop.billing, "SELECT count(*) FROM invoice") == [(0,)]


def test_a_database_that_the_section_does_not_name_is_refused(shop: Shop, database: str) -> None:
    shop.edit(
        "alembic.ini",
        "databases = orders, billing",
        f"databases = orders, billing, audit\n[audit]\nsqlalchemy.url = {database.replace('%', '%%')}\n[else]",
    )

    with pytest.raises(WrongDatabaseError, match="another database") as refused:
        targets.target("shop.orders").upgrade(dry_run=False)

    assert refused.value.changed is False
    assert state(shop.orders) == state(shop.billing) == state(database) == ([], [])


def test_two_names_for_one_database_are_refused(shop: Shop) -> None:
    other_way = shop.orders + ("&" if "?" in shop.orders else "?") + "application_name=x"
    shop.section(f"url.orders = {shop.orders}", f"url.billing = {other_way}")

    with pytest.raises(WrongDatabaseError, match="are one") as refused:
        targets.target("shop.orders").upgrade(dry_run=False)

    assert "url.NAME" in refused.value.next_step
    assert state(shop.orders) == ([], [])


def test_a_name_of_several_is_not_one(shop: Shop) -> None:
    with pytest.raises(UsageError, match=re.escape("shop.orders, shop.billing")):
        targets.target("shop")

    lines = {one.name: one for one in targets.describe_targets().lines}
    assert {"shop.orders", "shop.billing"} <= set(lines) and "shop" not in lines


# fmt: off
WRONG = {
    "a URL for all":           (("url = postgresql://h/d",),                     "url is a key of one database"),
    "a way round a pooler":    (("direct_url_env = X",),                         "direct_url_env is a key of one"),
    "a name with a dot":       (("url.a.b = postgresql://h/d",),                 "'url.a.b' names no database"),
    "no name":                 (("url. = postgresql://h/d",),                    "'url.' names no database"),
    "a name twice":            (("url_env.orders = X",),                         "both url.NAME and url_env.NAME"),
    "the same database":       (("url.billing = postgresql://h/orders",),        "orders and billing are the same"),
    "a variable that is unset": (("url_env.billing = NEVER_SET",),               "NEVER_SET, which is not set"),
    "another kind":            (("url.billing = mysql://h/d",),                  "none may be MariaDB's"),
    "no URL":                  (("url.billing = here",),                         "is not a database URL"),
}
# fmt: on


@pytest.mark.parametrize(("lines", "said"), WRONG.values(), ids=WRONG)
def test_keys_that_do_not_fit_together(tmp_path: Path, lines: tuple[str, ...], said: str) -> None:
    (tmp_path / "alembic.ini").touch()
    text = "\n".join(["[ops:target:shop]", "url.orders = postgresql://h/orders", *lines])
    (tmp_path / "ops.ini").write_text(text + "\n", encoding="utf-8")
    name = "shop.orders" if "shop.orders" in settings.names(tmp_path) else "shop"

    with pytest.raises(SettingsError) as refused:
        settings.resolve(name, tmp_path)

    assert said in refused.value.problem and refused.value.next_step


def test_each_has_the_others_in_its_templates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BILLING_URL", "postgresql://me:b1lling-pw@h/billing")
    (tmp_path / "alembic.ini").touch()
    lines = [
        "[ops:target:shop]", "url.orders = postgresql://me@h/orders", "url_env.billing = BILLING_URL",
        "driver = asyncpg", "env.URLS = {url} {url.orders} {url.billing}",
    ]  # fmt: skip
    (tmp_path / "ops.ini").write_text("\n".join(lines) + "\n", encoding="utf-8")
    orders = "postgresql+asyncpg://me@h/orders"
    billing = "postgresql+asyncpg://me:b1lling-pw@h/billing"

    found = settings.resolve("shop.billing", tmp_path)

    assert dict(found.project.environment) == {"URLS": f"{billing} {orders} {billing}"}
    assert set(found.project.section_options) == {
        ("orders", "sqlalchemy.url", orders),
        ("billing", "sqlalchemy.url", billing),
    }
    assert [one.name for one in found.siblings] == ["shop.orders"]
    assert "b1lling" not in repr(found)
    moved = found.with_url("postgresql://copy/billing")
    assert dict(moved.project.environment)["URLS"].startswith(
        "postgresql+asyncpg://copy/billing postgresql+asyncpg://me@h/orders"
    )
