"""create purchase"""

import sqlalchemy as sa
from alembic import op

revision = "fc0000000002"
down_revision = "fc0000000001"


def upgrade():
    op.create_table(
        "purchase",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("customer_id", sa.Integer, nullable=False),
        sa.Column("amount", sa.Numeric(10, 2), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name="of_whom"),
        sa.CheckConstraint("amount > 0", name="ck_purchase_amount"),
    )


def downgrade():
    op.drop_table("purchase")
