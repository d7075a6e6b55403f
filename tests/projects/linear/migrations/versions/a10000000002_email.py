"""add email"""

import sqlalchemy as sa
from alembic import op

revision = "a10000000002"
down_revision = "a10000000001"


def upgrade():
    op.add_column("customer", sa.Column("email", sa.String(200)))


def downgrade():
    op.drop_column("customer", "email")
