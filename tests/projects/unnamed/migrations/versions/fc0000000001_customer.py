"""create customer"""

import sqlalchemy as sa
from alembic import op

revision = "fc0000000001"
down_revision = None


def upgrade():
    op.create_table(
        "customer",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.CheckConstraint("name <> ''", name="has_a_name"),
        sa.PrimaryKeyConstraint("id", name="customers"),
        sa.UniqueConstraint("name", name="one_of_each_name"),
    )


def downgrade():
    op.drop_table("customer")
