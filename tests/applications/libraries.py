"""Projects that stand on a library which changes how an env.py works, each with an environment of its own.

Each function writes `shop/` and a target of that name below a folder, and says what is so of the project: the keys of
`[expect]` in `tests/cases.py`.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.applications.environment import python_with

REVISION = '''\
"""{message}"""

{imports}

revision = "{revision}"
down_revision = {down_revision}


def upgrade():
    {upgrade}


def downgrade():
    {downgrade}
'''
OPERATIONS = "import sqlalchemy as sa\nfrom alembic import op"


# -- Flask-Migrate ----------------------------------------------------------------------------------------

FLASK = {
    "shop.py": """\
import os

from flask import Flask
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy

db = SQLAlchemy()


class Customer(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    name = db.Column(db.String(100), nullable=False)


def create_app():
    app = Flask(__name__)
    app.config["SQLALCHEMY_DATABASE_URI"] = os.environ["SHOP_DATABASE_URL"]
    db.init_app(app)
    Migrate(app, db)
    return app


def enter(config):
    create_app().app_context().push()
""",
    "migrations/versions/a00000000001_customer.py": REVISION.format(
        message="create customer",
        imports=OPERATIONS,
        revision="a00000000001",
        down_revision=None,
        upgrade='op.create_table("customer", sa.Column("id", sa.Integer, primary_key=True),'
        ' sa.Column("name", sa.String(100), nullable=False))',
        downgrade='op.drop_table("customer")',
    ),
}


def flask_migrate(home: Path, url: str) -> dict[str, Any]:
    """Write what `flask db init` writes, and one revision."""
    python = python_with("flask-migrate", ["flask-migrate"])
    shop = home / "shop"
    _write(shop, {"shop.py": FLASK["shop.py"]})
    made = subprocess.run(
        [python, "-m", "flask", "--app", "shop", "db", "init"],
        cwd=shop,
        env={**os.environ, "SHOP_DATABASE_URL": url},
        capture_output=True,
        text=True,
    )
    assert made.returncode == 0, made.stderr
    _write(shop, FLASK)
    section = {
        "config": "shop/migrations/alembic.ini",
        "option.script_location": str(shop / "migrations"),
        "python": str(python),
        "sys_path": "shop",
        "setup": "shop:enter",
        "env.SHOP_DATABASE_URL": "{url}",
    }
    _target(home, url, section)
    return {"heads": ["a00000000001"], "revisions": 1, "tables": ["customer"]}


# -- alembic-utils and alembic-postgresql-enum -------------------------------------------------------------

ENTITIES = {
    "alembic.ini": """\
[alembic]
script_location = %(here)s/migrations
prepend_sys_path = %(here)s
path_separator = os
""",
    "shop.py": """\
import enum

from alembic_utils.pg_function import PGFunction
from alembic_utils.pg_view import PGView
from sqlalchemy import Column, Enum, Integer
from sqlalchemy.orm import declarative_base

Base = declarative_base()


class State(enum.Enum):
    open = "open"
    paid = "paid"
    void = "void"


class Purchase(Base):
    __tablename__ = "purchase"

    id = Column(Integer, primary_key=True)
    state = Column(Enum(State, name="state"), nullable=False)


doubled = PGFunction(
    schema="public", signature="doubled(n integer)", definition="RETURNS integer LANGUAGE sql AS $$ SELECT 2 * n $$"
)
unpaid = PGView(schema="public", signature="unpaid", definition="SELECT id FROM purchase WHERE state = 'open'")
""",
    "migrations/env.py": """\
import alembic_postgresql_enum  # noqa: F401
from alembic import context
from alembic_utils.replaceable_entity import register_entities
from sqlalchemy import engine_from_config, pool

from shop import Base, doubled, unpaid

register_entities([doubled, unpaid])
config = context.config
engine = engine_from_config(
    config.get_section(config.config_ini_section), prefix="sqlalchemy.", poolclass=pool.NullPool
)
with engine.connect() as connection:
    context.configure(connection=connection, target_metadata=Base.metadata)
    with context.begin_transaction():
        context.run_migrations()
""",
    "migrations/versions/a00000000001_purchase.py": REVISION.format(
        message="create purchase, in two states",
        imports=OPERATIONS,
        revision="a00000000001",
        down_revision=None,
        upgrade='op.create_table("purchase", sa.Column("id", sa.Integer, primary_key=True),'
        ' sa.Column("state", sa.Enum("open", "paid", name="state"), nullable=False))',
        downgrade='op.drop_table("purchase")\n    op.execute("DROP TYPE state")',
    ),
    "migrations/versions/a00000000002_entities.py": REVISION.format(
        message="what is owed",
        imports="from alembic import op\n\nfrom shop import doubled, unpaid",
        revision="a00000000002",
        down_revision='"a00000000001"',
        upgrade="op.create_entity(doubled)\n    op.create_entity(unpaid)",
        downgrade="op.drop_entity(unpaid)\n    op.drop_entity(doubled)",
    ),
    "migrations/versions/a00000000003_void.py": REVISION.format(
        message="a third state",
        imports="from alembic import op\nfrom alembic_postgresql_enum import TableReference\n\nfrom shop import unpaid",
        revision="a00000000003",
        down_revision='"a00000000002"',
        upgrade="_states(['open', 'paid', 'void'])",
        downgrade="_states(['open', 'paid'])",
    )
    + """

def _states(states):
    op.drop_entity(unpaid)
    op.sync_enum_values(
        enum_schema="public",
        enum_name="state",
        new_values=states,
        affected_columns=[TableReference(table_schema="public", table_name="purchase", column_name="state")],
        enum_values_to_rename=[],
    )
    op.create_entity(unpaid)
""",
}


def entities(home: Path, url: str) -> dict[str, Any]:
    """Write a project whose models have a view, a function, and an enum that gets a label more."""
    python = python_with("alembic-utils", ["alembic-utils", "alembic-postgresql-enum"])
    _write(home / "shop", ENTITIES)
    _target(home, url, {"config": "shop/alembic.ini", "python": str(python)})
    return {"heads": ["a00000000003"], "revisions": 3, "tables": ["purchase"]}


def _write(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")


def _target(home: Path, url: str, section: Mapping[str, str]) -> None:
    keys = {"url": url, "protected": "false", **section}
    lines = ["[ops:target:shop]", *(f"{key} = {value}" for key, value in keys.items())]
    (home / "ops.ini").write_text("\n".join(lines) + "\n", encoding="utf-8")
