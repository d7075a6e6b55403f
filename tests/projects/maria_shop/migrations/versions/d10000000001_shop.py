"""customers and what they buy"""

import sqlalchemy as sa
from alembic import op

revision = "d10000000001"
down_revision = None


def upgrade():
    op.create_table(
        "customer",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String(100), nullable=False, server_default=sa.text("'nobody'")),
        sa.Column("fax", sa.String(30)),
    )
    op.create_table(
        "purchase",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("customer_id", sa.Integer, nullable=False),
        sa.Column("amount", sa.Integer, nullable=False),
        sa.Index("ix_purchase_customer", "customer_id"),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name="fk_purchase_customer_id", ondelete="CASCADE"),
    )


def downgrade():
    op.drop_table("purchase")
    op.drop_table("customer")
