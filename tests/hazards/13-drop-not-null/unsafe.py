from alembic import op


def upgrade():
    op.alter_column("orders", "amount", nullable=True, schema="shop")
