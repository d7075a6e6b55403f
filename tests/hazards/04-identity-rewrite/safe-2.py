import sqlalchemy as sa
from alembic import op


def upgrade_1():
    op.add_column("orders", sa.Column("position", sa.BigInteger), schema="shop")
    op.execute("CREATE SEQUENCE shop.orders_position_seq OWNED BY shop.orders.position")
    op.alter_column("orders", "position", server_default=sa.text("nextval('shop.orders_position_seq')"), schema="shop")


def upgrade_2():
    with op.get_context().autocommit_block():
        for first in (1, 10001):
            op.execute(
                "UPDATE shop.orders SET position = nextval('shop.orders_position_seq')"
                f" WHERE position IS NULL AND id BETWEEN {first} AND {first + 9999}"
            )


def upgrade_3():
    op.create_check_constraint(
        "orders_position_there", "orders", "position IS NOT NULL", schema="shop", postgresql_not_valid=True
    )


def upgrade_4():
    op.execute("ALTER TABLE shop.orders VALIDATE CONSTRAINT orders_position_there")


def upgrade_5():
    op.alter_column("orders", "position", nullable=False, schema="shop")
    op.drop_constraint("orders_position_there", "orders", schema="shop", type_="check")
