"""create invoice"""

import sqlalchemy as sa
from alembic import op

revision = "a8c000000003"
down_revision = "a8c000000002"
depends_on = "a8b000000002"


def upgrade():
    op.create_table(
        "invoice",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("purchase_id", sa.Integer, sa.ForeignKey("purchase.id")),
    )


def downgrade():
    op.drop_table("invoice")
