"""add phone"""

import sqlalchemy as sa
from alembic import op

revision = "Add_Phone"
down_revision = "2026.05_RC1"


def upgrade():
    op.add_column("customer", sa.Column("phone", sa.String(30)))


def downgrade():
    op.drop_column("customer", "phone")
