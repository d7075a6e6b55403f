import sqlalchemy as sa
from alembic import op


def upgrade():
    op.add_column("orders", sa.Column("channel", sa.Text, nullable=False), schema="shop")
