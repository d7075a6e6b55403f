"""several changes of one table"""

import sqlalchemy as sa
from alembic import op

revision = "f80000000002"
down_revision = "f80000000001"


def upgrade():
    with op.batch_alter_table("customer") as batch:
        batch.add_column(sa.Column("phone", sa.String(30)))
        batch.alter_column("name", type_=sa.String(200), existing_type=sa.String(100), existing_nullable=False)
        batch.create_index("ix_customer_name", ["name"])


def downgrade():
    with op.batch_alter_table("customer") as batch:
        batch.drop_index("ix_customer_name")
        batch.alter_column("name", type_=sa.String(100), existing_type=sa.String(200), existing_nullable=False)
        batch.drop_column("phone")
