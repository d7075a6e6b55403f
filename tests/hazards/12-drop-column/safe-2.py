from alembic import op


def upgrade_1():
    with op.get_context().autocommit_block():
        op.drop_index("orders_status_coupon_idx", "orders", schema="shop", postgresql_concurrently=True)


def upgrade_2():
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.drop_column("orders", "coupon", schema="shop")
