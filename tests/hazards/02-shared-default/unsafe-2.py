import sqlalchemy as sa
from alembic import op


def upgrade():
    op.add_column(
        "orders",
        sa.Column("checked_on", sa.Date, server_default=sa.text("current_date"), nullable=False),
        schema="shop",
    )
