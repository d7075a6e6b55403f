from alembic import op


def upgrade():
    op.execute("ALTER TABLE shop.orders ADD CONSTRAINT orders_note_not_null NOT NULL note NOT VALID")
    op.execute("ALTER TABLE shop.orders VALIDATE CONSTRAINT orders_note_not_null")
