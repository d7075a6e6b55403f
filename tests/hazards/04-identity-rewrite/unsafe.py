import sqlalchemy as sa
from alembic import op


def upgrade():
    op.add_column(
        "orders", sa.Column("position", sa.BigInteger, sa.Identity(always=False), nullable=False), schema="shop"
    )
