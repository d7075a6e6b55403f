from alembic import op


def upgrade():
    op.alter_column("events", "source", nullable=False, schema="shop")
