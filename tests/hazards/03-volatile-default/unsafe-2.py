import sqlalchemy as sa
from alembic import op


def upgrade():
    op.add_column(
        "orders",
        sa.Column("touched_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()")),
        schema="shop",
    )
