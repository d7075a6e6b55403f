"""create item"""

import sqlalchemy as sa
from alembic import op

revision = "a9000000f002"
down_revision = "a9000000f001"


def upgrade():
    op.create_table(
        "item",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("title", sa.String(100), nullable=False),
        sa.Column("owner_id", sa.Integer, sa.ForeignKey("owner.id", ondelete="CASCADE")),
    )


def downgrade():
    op.drop_table("item")
