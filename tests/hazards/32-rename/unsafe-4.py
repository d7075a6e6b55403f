from alembic import op


def upgrade():
    op.execute("ALTER TABLE shop.orders RENAME CONSTRAINT orders_number_key TO orders_number_once")
