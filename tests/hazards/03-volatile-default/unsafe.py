import sqlalchemy as sa
from alembic import op


def upgrade():
    op.add_column(
        "orders",
        sa.Column("token", sa.Uuid, server_default=sa.text("gen_random_uuid()"), nullable=False),
        schema="shop",
    )
