from alembic import op


def upgrade_1():
    op.execute("ALTER TYPE shop.order_status ADD VALUE 'returned'")


def upgrade_2():
    op.execute("UPDATE shop.orders SET status = 'returned' WHERE id BETWEEN 1 AND 100")
