import sqlalchemy as sa
from alembic import op


def upgrade_1():
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.execute("LOCK TABLE shop.sources, shop.visits IN ACCESS EXCLUSIVE MODE")
    op.drop_constraint("visits_source_fkey", "visits", schema="shop", type_="foreignkey")


def upgrade_2():
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.alter_column("visits", "source", type_=sa.String(20), schema="shop")


def upgrade_3():
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.create_foreign_key(
        "visits_source_fkey",
        "visits",
        "sources",
        ["source"],
        ["code"],
        source_schema="shop",
        referent_schema="shop",
        postgresql_not_valid=True,
    )


def upgrade_4():
    op.execute("ALTER TABLE shop.visits VALIDATE CONSTRAINT visits_source_fkey")
