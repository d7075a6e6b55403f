"""create payment"""

import sqlalchemy as sa
from alembic import op

revision = "a8c000000001"
down_revision = None
branch_labels = ("billing",)


def upgrade():
    op.create_table(
        "payment",
        sa.Column("id", sa.Integer, primary_key=True),
    )


def downgrade():
    op.drop_table("payment")
