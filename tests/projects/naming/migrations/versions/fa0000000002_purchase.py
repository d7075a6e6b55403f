"""create purchase"""

import sqlalchemy as sa
from alembic import op

revision = "fa0000000002"
down_revision = "fa0000000001"


def upgrade():
    op.create_table(
        "purchase",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("customer_id", sa.Integer, sa.ForeignKey("customer.id"), nullable=False),
    )
    op.create_index(op.f("ix_purchase_customer_id"), "purchase", ["customer_id"])


def downgrade():
    op.drop_index(op.f("ix_purchase_customer_id"), "purchase")
    op.drop_constraint("fk_purchase_customer_id_customer", "purchase")
    op.drop_table("purchase")
