"""an address for every customer"""

import sqlalchemy as sa
from alembic import op

revision = "e10000000002"
down_revision = "e10000000001"


def upgrade():
    op.add_column("customer", sa.Column("email", sa.String(200)))
    op.execute("UPDATE customer SET email = 'customer-' || id || '@example.org'")
    with op.batch_alter_table("customer") as batch:
        batch.alter_column("email", existing_type=sa.String(200), nullable=False)
        batch.create_unique_constraint("uq_customer_email", ["email"])


def downgrade():
    with op.batch_alter_table("customer") as batch:
        batch.drop_constraint("uq_customer_email", type_="unique")
        batch.drop_column("email")
