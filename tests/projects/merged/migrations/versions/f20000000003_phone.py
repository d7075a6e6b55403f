"""add phone"""

import sqlalchemy as sa
from alembic import op

revision = "f20000000003"
down_revision = "f20000000001"


def upgrade():
    op.add_column("customer", sa.Column("phone", sa.String(30)))


def downgrade():
    op.drop_column("customer", "phone")
