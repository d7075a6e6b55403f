from alembic import op


def upgrade():
    op.execute("ALTER TABLE shop.orders ALTER COLUMN total SET EXPRESSION AS (quantity * amount + 1)")
