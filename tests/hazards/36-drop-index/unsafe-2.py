from alembic import op


def upgrade():
    op.execute("DROP INDEX IF EXISTS shop.orders_placed_at_idx, shop.visits_page_idx")
