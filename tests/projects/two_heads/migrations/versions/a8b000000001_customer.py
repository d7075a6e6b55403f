"""create customer"""

import sqlalchemy as sa
from alembic import op

revision = "a8b000000001"
down_revision = None
branch_labels = ("shop",)


def upgrade():
    op.create_table(
        "customer",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String(100)),
    )


def downgrade():
    op.drop_table("customer")
