from alembic import op


def upgrade():
    op.execute("REINDEX INDEX shop.orders_placed_at_idx")
