from alembic import op


def upgrade():
    op.execute("DROP TABLE shop.order_lines CASCADE")
