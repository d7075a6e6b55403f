from alembic import op


def upgrade():
    op.execute("ALTER INDEX shop.orders_placed_at_idx SET (fillfactor = 70)")
    op.execute("REINDEX INDEX shop.orders_placed_at_idx")
