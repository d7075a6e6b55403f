from alembic import op


def upgrade():
    op.execute("TRUNCATE shop.orders CASCADE")
