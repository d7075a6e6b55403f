from alembic import op


def upgrade():
    op.execute(
        "ALTER TABLE shop.orders ADD COLUMN discount integer DEFAULT 0 NOT NULL"
        " CONSTRAINT orders_discount_small CHECK (discount < 100)"
    )
