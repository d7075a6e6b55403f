import sqlalchemy as sa
from alembic import op


def upgrade():
    op.add_column("events", sa.Column("source", sa.Text), schema="shop")
