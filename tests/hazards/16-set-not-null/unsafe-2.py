from alembic import op


def upgrade():
    op.alter_column("orders", "note", nullable=False, schema="shop")
