"""create payment"""

import sqlalchemy as sa
from alembic import op

revision = "f20000000002"
down_revision = None
branch_labels = "billing"
depends_on = "f20000000001"


def upgrade():
    op.create_table("payment", sa.Column("id", sa.Integer, primary_key=True))


def downgrade():
    op.drop_table("payment")
