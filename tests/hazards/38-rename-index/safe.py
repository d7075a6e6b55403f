from alembic import op


def upgrade():
    op.execute("ALTER INDEX shop.orders_placed_at_idx RENAME TO orders_by_time")
