import sqlalchemy as sa
from alembic import op


def upgrade_1():
    op.add_column("orders", sa.Column("depot_id", sa.Integer, server_default="1"), schema="shop")


def upgrade_2():
    op.create_foreign_key(
        "orders_depot_id_fkey",
        "orders",
        "warehouses",
        ["depot_id"],
        ["id"],
        source_schema="shop",
        referent_schema="shop",
        postgresql_not_valid=True,
    )


def upgrade_3():
    op.execute("ALTER TABLE shop.orders VALIDATE CONSTRAINT orders_depot_id_fkey")
