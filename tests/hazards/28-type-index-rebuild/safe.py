import sqlalchemy as sa
from alembic import op


def upgrade_1():
    with op.get_context().autocommit_block():
        op.drop_index("orders_status_coupon_idx", "orders", schema="shop", postgresql_concurrently=True)


def upgrade_2():
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.alter_column("orders", "coupon", type_=sa.String(30, collation="C"), schema="shop")


def upgrade_3():
    with op.get_context().autocommit_block():
        op.create_index(
            "orders_status_coupon_idx", "orders", ["status", "coupon"], schema="shop", postgresql_concurrently=True
        )
