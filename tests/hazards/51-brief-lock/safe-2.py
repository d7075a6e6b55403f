from alembic import op


def upgrade():
    op.execute("ALTER TABLE shop.orders SET (autovacuum_vacuum_scale_factor = 0.02, parallel_workers = 4)")
    op.execute("ALTER TABLE shop.orders ALTER COLUMN coupon SET (n_distinct = 50)")
    op.execute("ALTER TABLE shop.orders CLUSTER ON orders_placed_at_idx")
    op.create_table_comment("orders", "What customers have ordered", schema="shop")
    op.execute("CREATE STATISTICS shop.orders_by_status (dependencies) ON status, coupon FROM shop.orders")
    op.execute("ALTER PUBLICATION shop ADD TABLE shop.orders")
