"""create purchase"""

import sqlalchemy as sa
from alembic import op

revision = "a8b000000002"
down_revision = "a8b000000001"


def upgrade():
    op.create_table(
        "purchase",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("customer_id", sa.Integer, sa.ForeignKey("customer.id")),
    )


def downgrade():
    op.drop_table("purchase")
