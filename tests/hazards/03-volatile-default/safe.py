import sqlalchemy as sa
from alembic import op


def upgrade_1():
    op.add_column("orders", sa.Column("token", sa.Uuid), schema="shop")
    op.alter_column("orders", "token", server_default=sa.text("gen_random_uuid()"), schema="shop")


def upgrade_2():
    with op.get_context().autocommit_block():
        for first in range(1, 20000, 5000):
            op.execute(
                "UPDATE shop.orders SET token = gen_random_uuid()"
                f" WHERE token IS NULL AND id BETWEEN {first} AND {first + 4999}"
            )


def upgrade_3():
    op.create_check_constraint(
        "orders_token_there", "orders", "token IS NOT NULL", schema="shop", postgresql_not_valid=True
    )


def upgrade_4():
    op.execute("ALTER TABLE shop.orders VALIDATE CONSTRAINT orders_token_there")


def upgrade_5():
    op.alter_column("orders", "token", nullable=False, schema="shop")
    op.drop_constraint("orders_token_there", "orders", schema="shop", type_="check")
