from alembic import op


def upgrade_1():
    op.execute("ALTER INDEX shop.orders_placed_at_idx SET (fillfactor = 70)")


def upgrade_2():
    with op.get_context().autocommit_block():
        op.execute("REINDEX INDEX CONCURRENTLY shop.orders_placed_at_idx")
