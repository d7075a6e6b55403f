"""Models made a piece at a time: what the server refuses is named alone, and everything else is made."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from alembic.migration import MigrationContext
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import UserDefinedType

from ops import embedded
from ops.project.worker import pieces
from tests.database import catalogs

TABLES = 45


class Nowhere(UserDefinedType[str]):
    """A type that no server has."""

    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        return "geography_of_nowhere"


def models() -> sa.MetaData:
    """More tables than fit into one piece, with what a server refuses in the middle of them."""
    metadata = sa.MetaData()
    for number in range(TABLES):
        mood = sa.Enum("100% glad", "sad", name=f"mood{number}") if number % 20 == 0 else sa.Text()
        parent = sa.ForeignKey(f"t{number // 2:02}.id", name=f"t{number}_parent")
        default = sa.text("'50%'") if number % 20 else None
        columns = (sa.Column("id", sa.Integer, primary_key=True), sa.Column("parent", sa.Integer, parent))
        sa.Table(f"t{number:02}", metadata, *columns, sa.Column("mood", mood, server_default=default, index=True))
    sa.Table("lost", metadata, sa.Column("id", sa.Integer, primary_key=True), sa.Column("place", Nowhere, index=True))
    metadata.tables["t20"].append_column(sa.Column("place", sa.ForeignKey("lost.id", name="t20_place")))
    sa.Index("nothing", sa.text("(mood"), _table=metadata.tables["t30"])
    sa.Index("by_itself", metadata.tables["t30"].c.parent, postgresql_concurrently=True)
    one = sa.Column("other", sa.ForeignKey("right.id", name="to_right", use_alter=True))
    other = sa.Column("other", sa.ForeignKey("left.id", name="to_left", use_alter=True))
    sa.Table("left", metadata, sa.Column("id", sa.Integer, primary_key=True), one)
    sa.Table("right", metadata, sa.Column("id", sa.Integer, primary_key=True), other)
    return metadata


REFUSED = {"table lost", "index t30.nothing"}


@pytest.fixture
def engine(server: embedded.Server) -> Iterator[sa.Engine]:
    with catalogs.database(server, "CREATE SCHEMA shop") as name:
        yield sa.create_engine(server.url(name), poolclass=sa.NullPool)


def made(context: MigrationContext, metadata: sa.MetaData) -> list[dict[str, object]]:
    """Make it all; return what was refused."""
    failed: list[dict[str, object]] = []
    statements = pieces.statements_of(context.connection, metadata)
    with context.begin_transaction():
        context.execute("SET LOCAL search_path = shop")
        with pieces.in_autocommit_mode(context):
            pieces.create_piece_by_piece(context.connection, metadata, statements, failed)
    return failed


@pytest.mark.parametrize("whose", ["a transaction of Alembic's", "a transaction of env.py's"])
def test_what_is_refused_is_named_alone(engine: sa.Engine, whose: str) -> None:
    with engine.connect() as connection:
        outer = connection.begin() if whose.endswith("env.py's") else None
        failed = made(MigrationContext.configure(connection), models())
        if outer is not None:
            outer.commit()

    # within a transaction no index is built concurrently
    assert {one["object"] for one in failed} == REFUSED | ({"index t30.by_itself"} if outer is not None else set())
    lost = next(one for one in failed if one["object"] == "table lost")
    assert "geography_of_nowhere" in str(lost["why"])
    assert ["foreign key", "public", "t20", "t20_place"] in lost["keys"]
    with engine.connect() as connection:
        found = sa.inspect(connection)
        assert len(found.get_table_names(schema="shop")) == TABLES + 2
        assert found.get_table_names() == []
        assert [one["name"] for one in found.get_foreign_keys("left", schema="shop")] == ["to_right"]
        assert {one["name"] for one in found.get_foreign_keys("t20", schema="shop")} == {"t20_parent"}
        assert {one["name"]: one["labels"] for one in found.get_enums(schema="shop")}["mood40"] == ["100% glad", "sad"]
        assert found.get_columns("t41", schema="shop")[2]["default"] == "'50%'::text"


def test_a_piece_is_one_message(engine: sa.Engine) -> None:
    metadata = sa.MetaData()
    for number in range(2 * pieces.PIECE):
        sa.Table(f"t{number}", metadata, sa.Column("id", sa.Integer, primary_key=True))
    with engine.connect() as connection:
        sent: list[str] = []
        sa.event.listen(connection, "before_cursor_execute", lambda *given: sent.append(given[2]))

        assert made(MigrationContext.configure(connection), metadata) == []

        assert len([one for one in sent if "CREATE TABLE" in one]) == 2


def test_a_type_that_other_models_have_made_is_no_fault(engine: sa.Engine) -> None:
    mood = postgresql.ENUM("glad", name="mood")
    with engine.connect() as connection:
        for name in ("first", "second"):
            metadata = sa.MetaData()
            sa.Table(name, metadata, sa.Column("mood", mood))
            assert made(MigrationContext.configure(connection), metadata) == []


def test_models_that_ask_while_they_are_made_are_not_known_beforehand(engine: sa.Engine) -> None:
    metadata = sa.MetaData()
    sa.Table("t", metadata, sa.Column("id", sa.Integer))
    sa.event.listen(metadata, "after_create", lambda _, asked, **__: asked.execute(sa.text("SELECT 1")).scalar_one())

    with engine.connect() as connection:
        assert pieces.statements_of(connection, metadata) is None
