from alembic import op


def upgrade():
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.drop_column("orders", "total", schema="shop")
    op.execute("ALTER TABLE shop.orders ADD COLUMN total numeric GENERATED ALWAYS AS (quantity * amount + 1) VIRTUAL")
