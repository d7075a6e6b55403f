"""create owner"""

import sqlalchemy as sa
from alembic import op

revision = "a9000000f001"
down_revision = None


def upgrade():
    op.create_table(
        "owner",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String(100), nullable=False),
    )


def downgrade():
    op.drop_table("owner")
