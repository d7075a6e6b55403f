import sqlalchemy as sa
from alembic import op


def upgrade_1():
    op.add_column("orders", sa.Column("discount", sa.Integer, server_default="0", nullable=False), schema="shop")
    op.create_check_constraint(
        "orders_discount_small", "orders", "discount < 100", schema="shop", postgresql_not_valid=True
    )


def upgrade_2():
    op.execute("ALTER TABLE shop.orders VALIDATE CONSTRAINT orders_discount_small")
