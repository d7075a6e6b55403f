"""create customer"""

import sqlalchemy as sa
from alembic import op

revision = "fa0000000001"
down_revision = None


def upgrade():
    op.create_table(
        "customer",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.CheckConstraint("name <> ''", name=op.f("ck_customer_named")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customer")),
        sa.UniqueConstraint("name", name=op.f("uq_customer_name")),
    )


def downgrade():
    op.drop_table("customer")
