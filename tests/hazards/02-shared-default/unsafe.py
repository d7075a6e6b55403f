import sqlalchemy as sa
from alembic import op


def upgrade():
    op.add_column(
        "orders", sa.Column("imported_at", sa.DateTime(timezone=True), server_default=sa.func.now()), schema="shop"
    )
