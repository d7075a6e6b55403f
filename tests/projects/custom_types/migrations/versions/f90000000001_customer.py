"""create customer"""

import kinds
import sqlalchemy as sa
from alembic import op

revision = "f90000000001"
down_revision = None


def upgrade():
    op.create_table(
        "customer",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("slug", kinds.Slug(40), nullable=False),
    )


def downgrade():
    op.drop_table("customer")
