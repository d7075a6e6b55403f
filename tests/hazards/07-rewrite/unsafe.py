from alembic import op


def upgrade():
    op.execute("ALTER TABLE shop.orders ADD COLUMN contact shop.email")
