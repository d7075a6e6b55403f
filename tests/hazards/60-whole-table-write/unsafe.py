from alembic import op


def upgrade():
    op.execute("UPDATE shop.orders SET note = upper(note)")
