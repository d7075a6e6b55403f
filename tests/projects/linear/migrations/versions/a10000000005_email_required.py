"""email is required and unique"""

from alembic import op

revision = "a10000000005"
down_revision = "a10000000004"


def upgrade():
    op.alter_column("customer", "email", nullable=False)
    op.create_index("ix_customer_email", "customer", ["email"], unique=True)


def downgrade():
    op.drop_index("ix_customer_email", table_name="customer")
    op.alter_column("customer", "email", nullable=True)
