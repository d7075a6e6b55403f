from alembic import op


def upgrade():
    op.execute("DROP VIEW shop.unsent_orders")
