"""nobody sends a fax any more"""

import sqlalchemy as sa
from alembic import op

revision = "d10000000004"
down_revision = "d10000000003"


def upgrade():
    op.drop_column("customer", "fax")


def downgrade():
    op.add_column("customer", sa.Column("fax", sa.String(30)))
