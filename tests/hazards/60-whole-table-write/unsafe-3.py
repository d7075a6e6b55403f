from alembic import op


def upgrade():
    op.execute("DELETE FROM shop.order_lines")
