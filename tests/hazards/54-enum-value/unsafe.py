from alembic import op


def upgrade():
    op.execute("ALTER TYPE shop.order_status ADD VALUE 'returned'")
    op.execute("UPDATE shop.orders SET status = 'returned' WHERE id BETWEEN 1 AND 100")
