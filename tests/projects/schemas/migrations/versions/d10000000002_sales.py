"""create sales.purchase"""

import sqlalchemy as sa
from alembic import op

revision = "d10000000002"
down_revision = "d10000000001"


def upgrade():
    op.execute("CREATE SCHEMA sales")
    op.create_table(
        "purchase",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("customer_id", sa.Integer, sa.ForeignKey("customer.id")),
        schema="sales",
    )
    op.create_index("ix_sales_purchase_customer_id", "purchase", ["customer_id"], schema="sales")


def downgrade():
    op.drop_table("purchase", schema="sales")
    op.execute("DROP SCHEMA sales")
