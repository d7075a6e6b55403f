"""create stock.purchase, which has the name of a table of another schema"""

import sqlalchemy as sa
from alembic import op

revision = "d10000000003"
down_revision = "d10000000002"


def upgrade():
    op.execute("CREATE SCHEMA stock")
    op.create_table(
        "purchase",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("customer_id", sa.Integer, sa.ForeignKey("customer.id")),
        sa.Column("pieces", sa.Integer, nullable=False),
        schema="stock",
    )
    op.create_index("ix_stock_purchase_customer_id", "purchase", ["customer_id"], schema="stock")


def downgrade():
    op.drop_table("purchase", schema="stock")
    op.execute("DROP SCHEMA stock")
