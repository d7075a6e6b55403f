"""add phone"""

import sqlalchemy as sa
from alembic import op

revision = "1.10"
down_revision = "12e456789012"


def upgrade():
    op.add_column("customer", sa.Column("phone", sa.String(30)))


def downgrade():
    op.drop_column("customer", "phone")
