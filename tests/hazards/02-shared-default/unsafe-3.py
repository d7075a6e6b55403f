import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql


def upgrade():
    status = postgresql.ENUM(name="order_status", schema="shop", create_type=False)
    op.add_column("orders", sa.Column("origin", status, server_default="new", nullable=False), schema="shop")
