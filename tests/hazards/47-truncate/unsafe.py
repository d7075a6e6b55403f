from alembic import op


def upgrade():
    op.execute("TRUNCATE shop.order_lines")
