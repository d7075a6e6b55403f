import sqlalchemy as sa
from alembic import op


def upgrade():
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.add_column("orders", sa.Column("channel", sa.Text, server_default="web", nullable=False), schema="shop")
