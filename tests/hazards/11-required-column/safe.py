import sqlalchemy as sa
from alembic import op


def upgrade_1():
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.add_column("orders", sa.Column("channel", sa.Text), schema="shop")


def upgrade_2():
    with op.get_context().autocommit_block():
        for first in range(1, 20000, 10000):
            op.execute(
                "UPDATE shop.orders SET channel = 'web'"
                f" WHERE channel IS NULL AND id BETWEEN {first} AND {first + 9999}"
            )


def upgrade_3():
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.create_check_constraint(
        "orders_channel_there", "orders", "channel IS NOT NULL", schema="shop", postgresql_not_valid=True
    )


def upgrade_4():
    op.execute("ALTER TABLE shop.orders VALIDATE CONSTRAINT orders_channel_there")


def upgrade_5():
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.alter_column("orders", "channel", nullable=False, schema="shop")
    op.drop_constraint("orders_channel_there", "orders", schema="shop", type_="check")
