"""what a customer owes"""

import kinds
import sqlalchemy as sa
from alembic import op

revision = "f90000000002"
down_revision = "f90000000001"


def upgrade():
    op.add_column("customer", sa.Column("debt", kinds.Money(), server_default="0", nullable=False))


def downgrade():
    op.drop_column("customer", "debt")
