"""add phone"""

import sqlalchemy as sa
from alembic import op

revision = "f10000000003"
down_revision = "f10000000002"


def upgrade():
    op.add_column("customer", sa.Column("phone", sa.String(30)))


def downgrade():
    op.drop_column("customer", "phone")
