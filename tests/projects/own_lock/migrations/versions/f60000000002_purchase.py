"""create purchase"""

import sqlalchemy as sa
from alembic import op

revision = "f60000000002"
down_revision = "f60000000001"


def upgrade():
    op.create_table(
        "purchase",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("customer_id", sa.Integer, sa.ForeignKey("customer.id"), nullable=False),
        sa.Column("amount", sa.Numeric(10, 2), nullable=False),
    )


def downgrade():
    op.drop_table("purchase")
