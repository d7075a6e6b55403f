"""add email"""

import sqlalchemy as sa
from alembic import op

revision = "d40000000001"
down_revision = None


def upgrade():
    op.add_column("customer", sa.Column("email", sa.String(200)))


def downgrade():
    op.drop_column("customer", "email")
