"""customers and what they buy"""

import sqlalchemy as sa
from alembic import op

revision = "e10000000001"
down_revision = None


def upgrade():
    op.create_table(
        "customer",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("fax", sa.String(30)),
        sa.PrimaryKeyConstraint("id", name="pk_customer"),
    )
    op.create_table(
        "purchase",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("customer_id", sa.Integer, nullable=False),
        sa.Column("amount", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_purchase"),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name="fk_purchase_customer_id", ondelete="CASCADE"),
    )


def downgrade():
    op.drop_table("purchase")
    op.drop_table("customer")
