from alembic import op


def upgrade_1():
    op.execute("ALTER TABLE shop.orders ADD CONSTRAINT orders_note_not_null NOT NULL note NOT VALID")


def upgrade_2():
    op.execute("ALTER TABLE shop.orders VALIDATE CONSTRAINT orders_note_not_null")
