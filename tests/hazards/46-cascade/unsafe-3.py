from alembic import op


def upgrade():
    op.execute("ALTER TABLE shop.orders DROP CONSTRAINT orders_pkey CASCADE")
