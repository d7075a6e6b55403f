from alembic import op


def upgrade_1():
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.execute("LOCK TABLE shop.warehouses, shop.orders IN ACCESS EXCLUSIVE MODE")
    op.drop_constraint("orders_warehouse_id_fkey", "orders", schema="shop", type_="foreignkey")


def upgrade_2():
    with op.get_context().autocommit_block():
        op.drop_index("orders_warehouse_id_idx", "orders", schema="shop", postgresql_concurrently=True)


def upgrade_3():
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.drop_column("orders", "warehouse_id", schema="shop")
