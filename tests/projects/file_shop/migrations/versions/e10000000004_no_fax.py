"""nobody sends a fax any more"""

import sqlalchemy as sa
from alembic import op

revision = "e10000000004"
down_revision = "e10000000003"


def upgrade():
    with op.batch_alter_table("customer") as batch:
        batch.drop_column("fax")


def downgrade():
    op.add_column("customer", sa.Column("fax", sa.String(30)))
