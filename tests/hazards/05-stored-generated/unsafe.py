import sqlalchemy as sa
from alembic import op


def upgrade():
    op.add_column(
        "orders", sa.Column("total", sa.Numeric, sa.Computed("quantity * amount", persisted=True)), schema="shop"
    )
