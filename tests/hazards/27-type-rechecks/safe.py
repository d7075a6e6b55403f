import sqlalchemy as sa
from alembic import op


def upgrade_1():
    with op.get_context().autocommit_block():
        op.drop_index("orders_no_coupon_idx", "orders", schema="shop", postgresql_concurrently=True)


def upgrade_2():
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.drop_constraint("orders_coupon_filled", "orders", schema="shop", type_="check")
    op.alter_column("orders", "coupon", type_=sa.String(60), schema="shop")
    op.create_check_constraint(
        "orders_coupon_filled", "orders", "coupon <> ''", schema="shop", postgresql_not_valid=True
    )


def upgrade_3():
    op.execute("ALTER TABLE shop.orders VALIDATE CONSTRAINT orders_coupon_filled")


def upgrade_4():
    with op.get_context().autocommit_block():
        op.create_index(
            "orders_no_coupon_idx",
            "orders",
            ["placed_at"],
            schema="shop",
            postgresql_where=sa.text("coupon IS NULL"),
            postgresql_concurrently=True,
        )
        op.execute("ANALYZE shop.orders (coupon)")
