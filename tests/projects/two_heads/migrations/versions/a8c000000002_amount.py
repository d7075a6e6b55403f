"""add amount"""

import sqlalchemy as sa
from alembic import op

revision = "a8c000000002"
down_revision = "a8c000000001"


def upgrade():
    op.add_column("payment", sa.Column("amount", sa.Numeric(10, 2)))


def downgrade():
    op.drop_column("payment", "amount")
