"""an address for every customer"""

import sqlalchemy as sa
from alembic import op

revision = "d10000000002"
down_revision = "d10000000001"


def upgrade():
    op.add_column("customer", sa.Column("email", sa.String(200)))
    op.execute("UPDATE customer SET email = CONCAT('customer-', id, '@example.org')")
    op.alter_column("customer", "email", existing_type=sa.String(200), nullable=False)
    op.create_unique_constraint("uq_customer_email", "customer", ["email"])


def downgrade():
    op.drop_constraint("uq_customer_email", "customer", type_="unique")
    op.drop_column("customer", "email")
