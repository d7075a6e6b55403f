import sqlalchemy as sa
from alembic import op


def upgrade():
    op.create_table(
        "parcels",
        sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
        sa.Column("label", sa.Text, nullable=False),
        schema="shop",
    )
